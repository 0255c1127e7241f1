"""From a shaped graph to torch: a torch.fx GraphModule, and from that a file, of TorchScript or of torch.export."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, ParamSpec, TypeVar

from netdsl.compile.formats import FORMATS
from netdsl.compile.progress import Progress, silent
from netdsl.compile.target import PORTABLE, Target

if TYPE_CHECKING:
    from torch import fx

    from netdsl.graph.node import ShapedGraph

_Given = ParamSpec("_Given")
_Made = TypeVar("_Made")


def _apart(compile: Callable[_Given, _Made]) -> Callable[_Given, _Made]:
    """A function that compiles, one call at a time, whatever modes of PyTorch's its caller has entered."""

    @wraps(compile)
    def call(*args: _Given.args, **kwargs: _Given.kwargs) -> _Made:
        from netdsl.compile.apart import apart

        with apart():
            return compile(*args, **kwargs)

    return call


@_apart
def module(
    shaped: ShapedGraph,
    *,
    train: bool = True,
    devices: Sequence[str] = (),
    seed: int | None = 0,
    progress: Progress = silent,
) -> fx.GraphModule:
    """The network as a torch module; with `train` one that `train()` and `eval()` switch, as any of torch's.

    `devices` names one for each logical device. Weights follow from the seed, or with None from torch's generator.
    Raises CompileError.
    """
    from netdsl.compile import devices as binding
    from netdsl.compile.lower import lower, switching
    from netdsl.compile.plan import Plan

    plan = Plan(shaped, train, binding.bind(devices, shaped.graph))
    if train and shaped.graph.training_outputs:
        return switching(plan, seed, progress=progress)
    return lower(plan, seed, progress=progress)


@_apart
def optimized_module(
    shaped: ShapedGraph,
    optimized: ShapedGraph | None = None,
    *,
    devices: Sequence[str] = (),
    seed: int | None = 0,
    weights: Path | None = None,
    progress: Progress = silent,
) -> fx.GraphModule:
    """The network as a module for inference, by its optimised graph: by default what all passes make of it.

    Weights follow from the seed, or are loaded from a file, under the paths of the network as it was written. Raises
    CompileError, and OSError for a file that cannot be read.
    """
    from netdsl import optimize
    from netdsl.compile import devices as binding
    from netdsl.compile import fuse
    from netdsl.compile import weights as stored
    from netdsl.compile.lower import lower
    from netdsl.compile.plan import Plan

    plan = Plan(shaped, train=False, devices=binding.bind(devices, shaped.graph))
    tensors = None if weights is None else stored.read(weights)
    network = lower(plan, seed, blank=tensors is not None, progress=progress)
    if weights is not None and tensors is not None:
        stored.load(network, tensors, weights, plan.unused)
    return fuse.lower(plan, optimize.optimized(shaped) if optimized is None else optimized, network)


@_apart
def code(shaped: ShapedGraph, *, scripted: bool = False) -> str:
    """The data flow of the optimised network as Python, or as TorchScript. Raises CompileError."""
    from netdsl import optimize
    from netdsl.compile import fuse
    from netdsl.compile.lower import lower
    from netdsl.compile.plan import Plan
    from netdsl.compile.script import script

    plan = Plan(shaped, train=False)
    network = fuse.lower(plan, optimize.optimized(shaped), lower(plan, blank=True))
    if not scripted:
        return network.code
    return script(network).code


@_apart
def compile(
    shaped: ShapedGraph,
    path: Path,
    *,
    train: bool = False,
    devices: Sequence[str] = (),
    seed: int = 0,
    weights: Path | None = None,
    target: Target = PORTABLE,
    format: str = "torchscript",
    progress: Progress = silent,
) -> Sequence[str]:
    """Compile a network into a file of a format, written whole or not at all.

    Gives what is odd, a sentence each: NaN and infinities among the weights of a file, and what PyTorch lacks here.

    `devices` names one for each logical device. Weights follow from the seed, or are loaded from a file. A target that
    is not portable has the optimised network, and no training. Raises CompileError, and OSError for a file that cannot
    be had.
    """
    asked = {"mode": train, "target": not target.portable, "devices": devices}
    FORMATS[format].check([option for option, given in asked.items() if given])
    from netdsl import files, optimize
    from netdsl.compile import card, targets
    from netdsl.compile import devices as binding
    from netdsl.compile import weights as stored
    from netdsl.compile.lower import lower
    from netdsl.compile.plan import Plan

    targets.require(target)
    plan = Plan(shaped, train, binding.bind(devices, shaped.graph))
    targets.bound(target, plan.devices.values())
    files.check(path)
    tensors = None if weights is None else stored.read(weights)
    network = lower(plan, seed, blank=tensors is not None, progress=progress)
    odd = [*targets.lacking(target)]
    if weights is not None and tensors is not None:
        odd += stored.load(network, tensors, weights, plan.unused)
    if not target.portable:
        network = targets.lower(plan, optimize.optimized(shaped), network, target)
    FORMATS[format].write(network, plan, path, card.texts(plan, target, network), progress)
    progress("writing", 1, 1)
    return odd
