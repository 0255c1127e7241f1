"""Whether a program computes what its source does: both run on the same numbers."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from itertools import permutations, product
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from netdsl import compile
from netdsl.compile.origin import Origin
from netdsl.interchange.flat import ForeignError, ForeignMistake, at_node
from netdsl.interchange.torch import file, running
from netdsl.runtime.quiet import quiet
from netdsl.text.diagnostic import Diagnostic

if TYPE_CHECKING:
    from netdsl.interchange.entry import Imported

CLOSE = 1e-3
"""How far outputs may be apart, of the largest: deep networks of float32 come to a ten-thousandth."""
HALF = 3e-2
"""The same where a source computes in float16."""
_SEED = 0
_KINDS: Mapping[str, type[np.generic]] = {
    "tensor(float16)": np.float16,
    "tensor(double)": np.float64,
    "tensor(bool)": np.bool_,
    **{f"tensor({sign}int{bits})": getattr(np, f"{sign}int{bits}") for sign in ("", "u") for bits in (8, 16, 32, 64)},
}
"""The kinds of numbers that onnxruntime takes, but float32."""
_MOST_AXES = 5
"""Axes of outputs that are sought in whatever order."""


class OtherOutputs(ForeignMistake, code="expectation-failed"):
    """What the program computes is not what its source does."""

    output: str
    far: float
    by: str
    words = "the output{called} is not {by}'s: it is off by {far:.0e} of its largest value"
    advice = "please report it, with the file"

    @property
    def called(self) -> str:
        """Its name, where it has one."""
        return f" {self.output}" if self.output else ""


@dataclass(frozen=True)
class Runtime:
    """What runs a source: its inputs with their sizes, as it lays them out, and what it gives for them."""

    name: str
    inputs: Mapping[str, tuple[int, ...]]
    run: Callable[[Mapping[str, Tensor]], Sequence[Tensor]]
    close: float = CLOSE
    whole: Collection[str] = ()
    """The inputs whose numbers are whole."""


class NotCompared(Exception):
    """Why outputs were not compared."""


def of_file(path: Path, found: Imported) -> Runtime:
    """What runs a file, where something here does. Raises NotCompared."""
    match found.format:
        case "ONNX":
            return _onnx(path, found)
        case "PyTorch":
            return _program(path)
        case format:
            raise NotCompared(f"nothing here runs networks of {format}")


def tensors(found: Imported) -> dict[str, Tensor]:
    """The weights of a source as a state dict of its program: as they lie in the source, to be read alone."""
    with quiet("torch.jit"):  # C++ warns of arrays that cannot be written
        return {name: torch.as_tensor(np.asarray(one, np.float32, order="C")) for name, one in found.weights.items()}


def own(found: Imported) -> dict[str, Tensor]:
    """A copy of them."""
    return {name: one.clone() for name, one in tensors(found).items()}


def proven(path: Path, found: Imported) -> Mapping[str, Tensor]:
    """A copy of the weights of a file, with which outputs are its own, where something here runs it.

    Raises ForeignError.
    """
    weights = own(found)
    with suppress(NotCompared):
        prove(found, weights, of_file(path, found))
    return weights


def prove(found: Imported, weights: Mapping[str, Tensor], runtime: Runtime) -> str:
    """Say how near the outputs of a program are to its source's: for numbers of a seed, in inference.

    Raises ForeignError where they are others, and NotCompared.
    """
    module = compile.module(found.shaped, train=False, weights=Origin(weights))
    chance = torch.Generator().manual_seed(_SEED)
    given = {
        name: torch.randint(128, dims, generator=chance).float()
        if name in runtime.whole
        else torch.randn(dims, generator=chance)
        for name, dims in runtime.inputs.items()
    }
    theirs = [one.detach().float().cpu() for one in runtime.run({name: one.clone() for name, one in given.items()})]
    if len(theirs) != len(found.flat.outputs):
        raise NotCompared(f"{runtime.name} gives {len(theirs)} outputs")
    graph, shapes = found.shaped.graph, found.shaped.shapes
    items = {path: item for item, path in found.paths.items()}
    choices: list[list[Tensor]] = []
    for index in graph.inputs:
        shape, one = shapes[index], given[items[graph.nodes[index].path]]
        choices.append(_entering(one, (shape.channels, *shape.spatial)))
    far, output = float("inf"), ""
    for chosen in product(*choices):
        with torch.no_grad():
            gave = module(*chosen)
        several = [gave] if isinstance(gave, Tensor) else list(gave)
        ours = dict(zip([graph.nodes[index].path for index in graph.outputs], several, strict=True))
        pairs = zip(found.flat.outputs, theirs, strict=True)
        each = [(_far(ours[found.paths[item]], one), name) for (name, item), one in pairs]
        far, output = min((far, output), max(each))
    if far > runtime.close:
        mistake = OtherOutputs(output, far, runtime.name)
        raise ForeignError([Diagnostic(mistake, at_node(found.flat.source, output, found.flat.title))])
    return f"outputs equal {runtime.name}'s within {far:.0e}" if far else f"outputs equal {runtime.name}'s"


def _onnx(path: Path, found: Imported) -> Runtime:
    """onnxruntime, where it is installed."""
    if find_spec("onnxruntime") is None:
        raise NotCompared("onnxruntime is not installed")
    engine: Any = import_module("onnxruntime")
    engine.set_default_logger_severity(4)
    try:
        session = engine.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    except Exception as error:  # of its own kinds, for operators and versions that it does not have
        raise NotCompared(f"onnxruntime refuses the file: {_first(error)}") from None
    kinds = {one.name: _KINDS.get(one.type, np.float32) for one in session.get_inputs()}
    unread = [one for one in session.get_inputs() if one.name not in found.paths]
    others = {
        one.name: np.zeros([size if isinstance(size, int) else 1 for size in one.shape], kinds[one.name])
        for one in unread
    }
    dims = {one.name: _dims(one.shape, found, one.name) for one in session.get_inputs() if one.name in found.paths}

    def run(given: Mapping[str, Tensor]) -> Sequence[Tensor]:
        try:
            taken = {name: one.numpy().astype(kinds[name]) for name, one in given.items()}
            outputs = session.run(None, {**others, **taken})
        except Exception as error:
            raise NotCompared(f"onnxruntime does not run the file: {_first(error)}") from None
        return [torch.tensor(np.asarray(one, np.float32)) for one in outputs]

    halves = any(kind is np.float16 for kind in kinds.values())
    whole = [name for name, kind in kinds.items() if np.issubdtype(kind, np.integer)]
    return Runtime("onnxruntime", dims, run, HALF if halves else CLOSE, whole)


def _dims(said: Sequence[int | str | None], found: Imported, name: str) -> tuple[int, ...]:
    """The sizes of an input of a file, those that it leaves open by those of the program."""
    number = found.shaped.graph.index[found.paths[name]]
    shape = found.shaped.shapes[number]
    orders = [(1, shape.channels, *shape.spatial), (1, *shape.dims)]
    fixed = [one if isinstance(one, int) else None for one in said]
    for order in orders:
        if len(order) == len(fixed) and all(
            size in (None, own) for size, own in zip(fixed[1:], order[1:], strict=True)
        ):
            return (fixed[0] or 1, *order[1:])
    raise NotCompared("onnxruntime runs the file at its own sizes alone")


def _program(path: Path) -> Runtime:
    """PyTorch's own operators, one call after the other."""
    program = file.read(path)

    def run(given: Mapping[str, Tensor]) -> Sequence[Tensor]:
        try:
            return running.outputs(program, given)
        except running.NotRun as error:
            raise NotCompared(f"{error} is an operator that is not run") from None

    return Runtime("PyTorch", {name: program.dims[name] for name in program.inputs}, run)


def _first(error: Exception) -> str:
    """The first line of what a library says."""
    return str(error).strip().partition("\n")[0]


def _entering(given: Tensor, dims: tuple[int, ...]) -> list[Tensor]:
    """An input of a source as a network takes it, channels first, which may stand last, and examples in the middle."""
    ways = [given]
    if given.ndim > 2:
        ways.append(given.movedim(-1, 1))
    if given.ndim == 3:
        ways.append(given.permute(1, 2, 0))
    return [one for one in ways if tuple(one.shape[1:]) == dims] or [given.reshape(-1, *dims)]


def _far(ours: Tensor, theirs: Tensor) -> float:
    """How far an output is from the source's, of the largest value, in whichever layout they are nearest."""
    theirs = theirs.nan_to_num()
    most, found = float(theirs.abs().max()) or 1.0, float("inf")
    layouts = [ours, ours.movedim(1, -1) if ours.ndim > 2 else ours]
    if 2 < ours.ndim <= _MOST_AXES:
        moved = (ours.permute(*order) for order in permutations(range(ours.ndim)) if ours.ndim < 5 or not order[0])
        layouts += [one for one in moved if one.ndim != theirs.ndim or one.shape == theirs.shape]
    if ours.ndim < theirs.ndim <= _MOST_AXES and ours.numel() == theirs.numel():
        for order in permutations(range(1, theirs.ndim)):
            back = sorted(range(theirs.ndim), key=(0, *order).__getitem__)
            layouts.append(ours.reshape(theirs.permute(0, *order).shape).permute(back))
    for one in layouts:
        if one.numel() == theirs.numel():
            found = min(found, float((one.nan_to_num().reshape(theirs.shape) - theirs).abs().max()) / most)
    return found
