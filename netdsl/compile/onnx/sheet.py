"""A graph of ONNX while it is written: operators, values, weights and constants, and what each is called."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import torch
from torch import Tensor, nn

from netdsl.layers.shape import Shape

NOTHING = Shape((), 0)
"""The shape of what is no layer's output."""


@dataclass(eq=False)
class Value:
    """A tensor that operators give or take; its name follows once all are there."""

    shape: Shape = NOTHING
    dtype: torch.dtype = torch.float32
    name: str = ""
    path: str = ""
    """The layer that gives it."""
    data: Tensor | None = None
    """What it holds, of a weight or a constant."""
    moved: tuple[Value, tuple[int, ...]] | None = None
    """The value whose axes it has in another order, and that order."""


@dataclass(eq=False)
class Operator:
    """A node of the graph."""

    kind: str
    inputs: Sequence[Value | None]
    outputs: Sequence[Value]
    attributes: Attributes
    path: str
    """The layer that it belongs to."""
    written: str = ""
    """That layer as the program has it."""
    name: str = ""


Attributes: TypeAlias = "Mapping[str, Any] | Sequence[Any]"
"""Values by name, or attributes as an exporter wrote them."""
Operand: TypeAlias = "Value | Sequence[int] | float | Tensor | None"
"""What an operator takes: a value, or a constant."""


@dataclass(eq=False)
class Sheet:
    """The operators in their order, and the weights by their names in the state dict."""

    operators: list[Operator] = field(default_factory=list[Operator])
    weights: dict[str, Value] = field(default_factory=dict[str, Value])

    def add(
        self,
        kind: str,
        inputs: Sequence[Value | None],
        path: str,
        attributes: Attributes = (),
        count: int = 1,
        written: str = "",
    ) -> Sequence[Value]:
        """Write an operator; gives its outputs, of the type of its first input. What is None at the end is left out."""
        while inputs and inputs[-1] is None:
            inputs = inputs[:-1]
        dtype = next((one.dtype for one in inputs if one), torch.float32)
        outputs = [Value(dtype=dtype, path=path) for _ in range(count)]
        self.operators.append(Operator(kind, inputs, outputs, attributes, path, written))
        return outputs

    @property
    def held(self) -> Sequence[Value]:
        """The weights and constants that operators take, each once."""
        return list(
            dict.fromkeys(one for node in self.operators for one in node.inputs if one and one.data is not None)
        )

    def needed(self, outputs: Sequence[Value]) -> None:
        """Leave out the operators that no output needs."""
        wanted, kept = set(outputs), list[Operator]()
        for one in reversed(self.operators):
            if not wanted.isdisjoint(one.outputs):
                kept.append(one)
                wanted.update([value for value in one.inputs if value is not None])
        self.operators[:] = reversed(kept)

    def call(self, taken: set[str]) -> None:
        """Name what has no name yet, with `_` behind names that are taken.

        A layer of one operator gives it its path; of several, each has its kind behind that: `silu1/Sigmoid`. Scopes
        stand before slashes, by which viewers of ONNX group operators.
        """
        for value in self.weights.values():
            value.name = _free(value.name, taken)
        counts, seen = Counter(one.path for one in self.operators), Counter[str]()
        nodes = set[str]()
        for one in self.operators:
            scope = one.path.replace(".", "/")
            kind = f"{scope}/{one.kind}"
            seen[kind] += 1
            number = f"_{seen[kind]}" * (seen[kind] > 1)
            one.name = _free(scope if counts[one.path] == 1 else f"{kind}{number}", nodes)
            for place, value in enumerate(one.outputs):
                name = one.path if value.shape is not NOTHING else one.name + f".{place}" * (place > 0)
                value.name = value.name or _free(name, taken)
            for place, value in enumerate(one.inputs):
                if value is not None and value.data is not None:
                    value.name = value.name or _free(f"{one.name}/{place}", taken)


def _free(name: str, taken: set[str]) -> str:
    while name in taken:
        name += "_"
    taken.add(name)
    return name


@dataclass(eq=False)
class Writer:
    """Writes the operators of one layer: `write("Conv", x, weight, strides=[2, 2])` gives what that gives."""

    sheet: Sheet
    path: str
    """Of the layer."""
    written: str
    """The layer as the program has it."""
    place: str
    """That, and where it stands."""
    owner: str
    """The path of the module that has its weights."""
    module: nn.Module
    dtype: torch.dtype

    def __call__(self, kind: str, *inputs: Operand, **attributes: Any) -> Value:
        return self.several(kind, inputs, attributes)[0]

    def several(self, kind: str, inputs: Sequence[Operand], attributes: Attributes, count: int = 1) -> Sequence[Value]:
        """The outputs of an operator that has some number of them."""
        return self.sheet.add(kind, [*map(self._value, inputs)], self.path, attributes, count, self.written)

    def _value(self, operand: Operand) -> Value | None:
        if operand is None or isinstance(operand, Value):
            return operand
        if isinstance(operand, (int, float)):
            return Value(data=torch.tensor(operand, dtype=torch.int64 if isinstance(operand, int) else self.dtype))
        if isinstance(operand, Tensor):
            return Value(data=operand.to(self.dtype) if operand.is_floating_point() else operand)
        return Value(data=torch.tensor(list(operand), dtype=torch.int64))

    def weight(self, name: str, of: Tensor | None = None) -> Value | None:
        """A tensor of the layer's module by its name, or what it stands for there; None if it has none."""
        tensor = of if of is not None else self.module.state_dict().get(name)
        if tensor is None:
            return None
        return self.sheet.weights.setdefault(f"{self.owner}.{name}", Value(name=f"{self.owner}.{name}", data=tensor))

    def per_channel(self, name: str, rank: int) -> Value | None:
        """A weight with a value for each channel, shaped to meet N x channels x spatial."""
        weight = self.weight(name)
        return weight and self.stretched(weight, rank)

    def stretched(self, x: Value, rank: int) -> Value:
        """A value with further axes of 1 behind its own, for each spatial axis."""
        first = 1 if x.data is not None else 2
        return self("Unsqueeze", x, range(first, first + rank)) if rank else x

    def reshape(self, x: Value, *dims: int) -> Value:
        """The values of each example in another shape: channels, then spatial sizes; -1 for what is left."""
        return self("Reshape", x, [0, *dims])

    def transpose(self, x: Value, *order: int) -> Value:
        """A value with its axes in another order, of what was reordered before too."""
        source, before = x.moved or (x, tuple(range(len(order))))
        order = tuple([before[one] for one in order])
        if order == tuple(range(len(order))):
            return source
        made = self("Transpose", source, perm=order)
        made.moved = source, order
        return made

    def last(self, x: Value) -> Value:
        """A value with its channels behind its spatial axes."""
        return self.transpose(x, 0, *range(2, x.shape.rank + 2), 1)

    def first(self, x: Value, rank: int) -> Value:
        """A value whose channels are behind its spatial axes, with channels before them."""
        return self.transpose(x, 0, rank + 1, *range(1, rank + 1))
