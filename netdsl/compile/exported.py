"""From a torch.fx GraphModule to a program of torch.export, of PyTorch's operators alone, and to a `.pt2` file."""

from __future__ import annotations

import copy
import zipfile
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor, fx, nn
from torch.export import ExportedProgram

from netdsl.compile import archive
from netdsl.compile.errors import ExportError
from netdsl.compile.plan import Plan
from netdsl.compile.progress import Progress, silent
from netdsl.runtime import parser
from netdsl.runtime.quiet import quiet

_OPERATOR = 2**12
"""Room for what a file says of one operator, or of one tensor."""


def export(network: fx.GraphModule, plan: Plan, progress: Progress = silent) -> ExportedProgram:
    """The network of a plan for inference, for any batch size; several outputs are a tuple. Raises ExportError."""
    flat = _flat(network)
    inputs = _examples(plan)
    with _followed(flat, progress):
        made = program(flat, inputs)
    for node in made.graph.nodes:
        node.meta.pop("stack_trace", None)  # places of source files on this machine
        node.meta.pop("custom", None)  # which of PyTorch's functions came first in this process
    # What a file says of its inputs, without their many zeros:
    samples = tuple(torch.zeros((), device=one.device).expand(one.shape) for one in inputs)
    made.example_inputs = (samples, {})
    return made


def program(module: nn.Module, inputs: tuple[Tensor, ...]) -> ExportedProgram:
    """A module as a program, for any batch size. Raises whatever the module's own code does."""
    batch = torch.export.Dim("batch", min=1)
    with parser.TURN, quiet("torch.export"):
        return torch.export.export(module, inputs, dynamic_shapes=tuple({0: batch} for _ in inputs))


def reason(error: BaseException) -> str:
    """What went wrong while a module was exported, in a line."""
    said = str(error).strip().partition("\n")[0]
    return "it does not run at every batch size" if said.startswith("Constraints violated") else said


def write(network: fx.GraphModule, plan: Plan, path: Path, texts: Mapping[str, str], progress: Progress) -> None:
    """Write a network's program, with texts that `torch.export.load(path, extra_files=…)` gives back.

    Raises ExportError and OSError.
    """
    made = export(network, plan, progress)
    progress("writing", 0, 1)
    tensors = made.state_dict.values()
    size = sum(one.nbytes for one in tensors) + _OPERATOR * (len(tensors) + len(made.graph.nodes)) + 2**20
    with archive.replacement(path, size) as temporary:
        with quiet("torch.export"):
            torch.export.save(made, temporary, extra_files=dict(texts))
        with zipfile.ZipFile(temporary, "a") as file:  # what stands behind the weights is long, and says little
            for name, data in archive.cut(file, ".json").items():
                file.writestr(zipfile.ZipInfo(name), data, zipfile.ZIP_DEFLATED)


def _examples(plan: Plan) -> tuple[Tensor, ...]:
    """An input of each kind, of two examples: torch.export takes 1 for a size that never changes."""
    found: list[Tensor] = []
    for index in plan.inputs:
        shape, device = plan.shaped.shapes[index], plan.device(plan.shaped.nodes[index])
        found.append(torch.zeros(2, shape.channels, *shape.spatial, device=device))
    return tuple(found)


def _flat(network: fx.GraphModule) -> fx.GraphModule:
    """The same network, its outputs a plain tuple: a file could not do without the class of a named one."""
    flow = copy.deepcopy(network.graph)
    result = flow.output_node()
    value = cast("fx.Node", result.args[0])
    if value.op == "call_function":
        result.args = (value.args,)
        flow.erase_node(value)
    return fx.GraphModule(network, flow, "Network").train(network.training)


@contextmanager
def _followed(network: fx.GraphModule, progress: Progress) -> Generator[None]:
    """Tell of each module as it runs, and name the one that failed in an ExportError."""
    calls = [str(node.target) for node in network.graph.nodes if node.op == "call_module"]
    at, done = "", 0

    def enter(path: str) -> None:
        nonlocal at
        at = path

    def leave() -> None:
        nonlocal at, done
        at, done = "", done + 1
        progress("exporting", done, len(calls))

    def follow(path: str, module: nn.Module) -> list[Any]:
        return [
            module.register_forward_pre_hook(lambda module, inputs: enter(path)),
            module.register_forward_hook(lambda module, inputs, output: leave()),
        ]

    hooks = [hook for path in dict.fromkeys(calls) for hook in follow(path, network.get_submodule(path))]
    try:
        yield
    except Exception as error:  # whatever a layer's own code raises
        raise ExportError(at, type(network.get_submodule(at)).__name__, reason(error)) from error
    finally:
        for hook in hooks:
            hook.remove()
