"""A foreign network as operators on tensors, before it is layers: what ONNX files and programs of PyTorch become first.

Operators have the names, attributes and inputs of ONNX, opset 13 or later, whoever wrote them: what an attribute was
in older ones (the sizes of a Pad, the axes of an Unsqueeze) is an input, and an input that is left out is "".
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from graphlib import TopologicalSorter
from math import prod
from typing import TYPE_CHECKING, Any, TypeAlias, cast

from netdsl.interchange.flat import at_node

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from netdsl.text.source import Span

Dims: TypeAlias = tuple[int, ...]
"""Sizes of a tensor as the source lays it out, the batch among them, which is 1 where the source leaves it open."""
Tensor: TypeAlias = "NDArray[Any]"


ABSENT = "it depends on values that are missing, as those of a module on the device meta are"
"""Why something cannot be said of which only the sizes are there."""


@dataclass(frozen=True, eq=False)
class Operator:
    """An operator: its kind, as ONNX calls it, and the names of the values that it takes and gives."""

    kind: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: Mapping[str, Any] = field(default_factory=dict[str, Any])
    name: str = ""
    """The source's own name, for diagnostics and for layers."""
    scope: tuple[tuple[str, str], ...] = ()
    """The modules around it, from outside in, each with its name and class."""

    def whole(self, name: str, default: int) -> int:
        """An attribute that is a whole number."""
        value = self.attributes.get(name, default)
        return value if isinstance(value, int) else default

    def real(self, name: str, default: float) -> float:
        """An attribute that is a number."""
        value = self.attributes.get(name, default)
        return float(value) if isinstance(value, int | float) else default

    def text(self, name: str, default: str = "") -> str:
        """An attribute that is a text."""
        value = self.attributes.get(name, default)
        return value if isinstance(value, str) else default

    def sizes(self, name: str) -> Dims | None:
        """An attribute that is a list of whole numbers; None where it is not there."""
        value = self.attributes.get(name)
        if not isinstance(value, Sequence) or isinstance(value, str):
            return None
        several = cast("Sequence[object]", value)
        return tuple([one for one in several if isinstance(one, int)])


@dataclass(frozen=True, eq=False)
class Branch:
    """What an If does where its condition is so, or is not: an attribute of it."""

    operators: tuple[Operator, ...]
    outputs: tuple[str, ...]
    reads: tuple[str, ...]
    """The values that it reads from around it."""


@dataclass(frozen=True)
class Primitives:
    """A network of operators in topological order."""

    title: str
    source: str
    """One line on where it is from: `ONNX: resnet50.onnx`."""
    file: str
    operators: tuple[Operator, ...]
    inputs: Mapping[str, Dims]
    outputs: tuple[tuple[str, str], ...]
    """The name of each output, "" where the source has none, and of the value that it is."""
    dims: Mapping[str, Dims]
    """The sizes of values, where the source knows them."""
    constants: Mapping[str, Tensor]
    """The values that are stored: weights, sizes, axes. One may be a view that is larger than its memory."""
    shared: Mapping[str, str] = field(default_factory=dict[str, str])
    """The value of a constant that another one is, too: what is stored twice, or known by two names."""
    missing: frozenset[str] = frozenset()
    """The constants whose values are not there: only their sizes count."""
    fixed: Mapping[str, str] = field(default_factory=dict[str, str])
    """The constants of which the source knows that no training changes them, with what it calls them."""
    learned: Mapping[str, str] = field(default_factory=dict[str, str])
    """Those of which it knows that training changes them."""
    notes: tuple[str, ...] = ()

    def place(self, operator: Operator) -> Span:
        """Where an operator stands, for diagnostics."""
        name = operator.name or next(iter(operator.outputs), "")
        return at_node(self.file, name, f"{operator.kind}({', '.join(operator.inputs)})")


def ordered(operators: Sequence[Operator]) -> Sequence[Operator]:
    """Operators, each behind those that it reads. Raises CycleError, with numbers of them, where none is the first."""
    makers = {name: at for at, one in enumerate(operators) for name in one.outputs if name}
    reads = {at: {makers[name] for name in one.inputs if name in makers} for at, one in enumerate(operators)}
    if all(before < at for at, several in reads.items() for before in several):
        return operators
    return [operators[at] for at in TopologicalSorter(reads).static_order()]


def alive(operators: Sequence[Operator], outputs: Iterable[str]) -> tuple[Operator, ...]:
    """The operators that outputs follow from."""
    wanted = set(outputs)
    kept: list[Operator] = []
    for one in reversed(operators):
        if wanted.intersection(one.outputs):
            wanted.update(one.inputs)
            kept.append(one)
    return tuple(kept[::-1])


def stored(tensor: Tensor) -> int:
    """How many values of a tensor lie in memory: fewer than it has where it repeats them."""
    return prod([size for size, step in zip(tensor.shape, tensor.strides, strict=True) if step])


def single(tensor: Tensor) -> bool:
    """Whether a tensor has one value everywhere, or none."""
    there = tensor[tuple([slice(None) if step else slice(1) for step in tensor.strides])]
    return not tensor.size or bool((there == there.flat[0]).all())


def uniform(dims: Dims, value: np.generic) -> Tensor:
    """A tensor with one value everywhere, which takes no memory."""
    import numpy as np

    return np.broadcast_to(np.asarray(value), dims)
