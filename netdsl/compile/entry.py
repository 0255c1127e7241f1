"""What netdsl makes of a network in PyTorch: a module, its code, or a file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from torch import fx

from netdsl import files, optimize
from netdsl.compile import card, fuse, inits, source, targets
from netdsl.compile import weights as stored
from netdsl.compile.apart import apart
from netdsl.compile.errors import ClassNamesError
from netdsl.compile.formats import FORMATS
from netdsl.compile.inits import DEFAULT
from netdsl.compile.lower import lower, switching
from netdsl.compile.origin import Origin, Remarks
from netdsl.compile.plan import Plan, bind
from netdsl.compile.progress import Progress, silent
from netdsl.compile.script import script
from netdsl.compile.target import PORTABLE, Target
from netdsl.graph.node import ShapedGraph
from netdsl.runtime.file import fits_classes
from netdsl.runtime.preparation import Preparation


@apart()
def module(
    shaped: ShapedGraph,
    *,
    train: bool = True,
    devices: Sequence[str] = (),
    seed: int | None = 0,
    init: str = DEFAULT,
    weights: Origin | None = None,
    logits: bool = False,
    progress: Progress = silent,
) -> fx.GraphModule:
    """The network as a torch module; with `train` one that `train()` and `eval()` switch, as any of torch's.

    With `logits` each output ends before its last SOFTMAX, LOGSOFTMAX or SIGMOID, where it has one; weights and their
    names are the same. `devices` names one for each logical device. Weights follow from `init`, one of
    netdsl.compile.inits, and the seed, or with None from torch's generator, or come from elsewhere: `meta["weights"]`
    is then what there is to say of them, and what is odd is a WeightsWarning. Raises CompileError, and OSError for a
    file that cannot be read.
    """
    plan = Plan(shaped, train, bind(devices, shaped.graph), logits)
    make = switching if train and shaped.graph.training_outputs else lower
    blank = weights is not None and not weights.anew
    network = make(plan, seed, init=inits.check(init), blank=blank, progress=progress)
    if weights is not None:
        told = network.meta["weights"] = stored.fill(network, plan, weights)
        told.warn()
    return network


@apart()
def optimized_module(
    shaped: ShapedGraph,
    optimized: ShapedGraph | None = None,
    *,
    devices: Sequence[str] = (),
    seed: int | None = 0,
    init: str = DEFAULT,
    weights: Path | Origin | None = None,
    progress: Progress = silent,
) -> fx.GraphModule:
    """The network as a module for inference, by its optimised graph: by default what all passes make of it.

    Weights follow from `init` and the seed, or are loaded from a file, under the paths of the network as it was
    written. Raises CompileError, and OSError for a file that cannot be read.
    """
    plan = Plan(shaped, train=False, devices=bind(devices, shaped.graph))
    network, _ = _weighted(plan, seed, init, weights, progress)
    return fuse.lower(plan, optimize.optimized(shaped) if optimized is None else optimized, network)


@apart()
def code(shaped: ShapedGraph, *, scripted: bool = False) -> str:
    """The data flow of the optimised network as Python, or as TorchScript. Raises CompileError."""
    plan = Plan(shaped, train=False)
    network = fuse.lower(plan, optimize.optimized(shaped), lower(plan, blank=True))
    if not scripted:
        return network.code
    return script(network).code


@apart()
def compile(
    shaped: ShapedGraph,
    path: Path,
    *,
    train: bool = False,
    devices: Sequence[str] = (),
    seed: int = 0,
    init: str = DEFAULT,
    weights: Path | Origin | None = None,
    target: Target = PORTABLE,
    format: str = "torchscript",
    classes: Sequence[str] = (),
    preparation: Preparation | None = None,
    progress: Progress = silent,
) -> Remarks:
    """Compile a network into a file of a format, written whole or not at all.

    Gives what is odd, as NaN and infinities among the weights of a file and what PyTorch lacks here, and what else
    there is to say of these weights.

    `devices` names one for each logical device. Weights follow from `init` and the seed, or are loaded from a file.
    `classes` name those of the first output, and `preparation` is what a picture goes through, both for who runs the
    file. A target that is not portable has the optimised network, and no training. Raises CompileError, and OSError for
    a file that cannot be had.
    """
    asked = {"mode": train, "target": not target.portable, "devices": devices, "weights": weights}
    FORMATS[format].check([option for option, given in asked.items() if given])
    if format == "source":
        source.write(Plan(shaped, train=True), path, seed, inits.check(init))
        return Remarks()
    channels = shaped.shapes[shaped.graph.outputs[0]].channels
    if classes and (len({*classes}) < len(classes) or not fits_classes(len(classes), channels)):
        raise ClassNamesError(classes, channels)
    targets.require(target)
    plan = Plan(shaped, train, bind(devices, shaped.graph))
    targets.bound(target, plan.devices.values())
    files.check(path)
    network, told = _weighted(plan, seed, init, weights, progress)
    if not target.portable:
        network = targets.lower(plan, optimize.optimized(shaped), network, target)
    FORMATS[format].write(network, plan, path, card.texts(plan, target, network, classes, preparation), progress)
    progress("writing", 1, 1)
    return told + Remarks(lacking=tuple(targets.lacking(target)))


def _weighted(
    plan: Plan, seed: int | None, init: str, weights: Path | Origin | None, progress: Progress
) -> tuple[fx.GraphModule, Remarks]:
    """The network of a plan, with weights from elsewhere or by a seed, and what there is to say of the former."""
    if weights is None:
        return lower(plan, seed, init=inits.check(init), progress=progress), Remarks()
    network = lower(plan, seed, blank=True, progress=progress)
    return network, stored.fill(network, plan, weights if isinstance(weights, Origin) else Origin(weights))
