"""A foreign network while it becomes layers: the items that there are, and what each of its values is of them."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from math import prod
from typing import TYPE_CHECKING, Any

from netdsl.interchange.flat import ForeignMistake, Item, unfit
from netdsl.interchange.normal import axes, turns
from netdsl.interchange.normal.owners import Owners
from netdsl.interchange.primitives import single, stored
from netdsl.layers.arguments import LayerError
from netdsl.layers.reshape import Viewing
from netdsl.layers.shape import Shape
from netdsl.layers.source import Input

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from netdsl.interchange.normal.axes import Layout
    from netdsl.interchange.normal.curves import Curves
    from netdsl.interchange.primitives import Operator, Primitives, Tensor
    from netdsl.layers.base import Layer


_ROOM = 2**27
"""Bytes that constants may take which are worked out, beyond as many as the file has."""


_FIXED = "a constant, and layers read what flows"
_COPIED = 2**24
"""Values that a constant may have which takes no memory in the file, where they are worked with."""


class Unsayable(ForeignMistake, code="unknown-layer"):
    kind: str
    node: str
    why: str
    words = "{kind} at {node} cannot be said: {why}"

    @property
    def alike(self) -> str:
        return f"{self.kind}: {self.why}"


class Unsaid(Exception):
    """Why an operator is no layer."""


@dataclass(frozen=True, eq=False)
class Flow:
    """A value that is computed: which item's output, and in which layout."""

    item: str
    layout: Layout
    curves: Curves = field(default_factory=dict[str, Any])
    """What it is of values before it, as a function of numbers."""

    @property
    def dims(self) -> tuple[int, ...]:
        """Its sizes as the source has them."""
        return axes.sizes(self.layout)


@dataclass(frozen=True, eq=False)
class Moves:
    """Positions of an item, for each place of a value with its channels last; -1 for zeros."""

    item: str
    index: NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Asking:
    """The products of queries and keys, on their way to values."""

    query: Flow
    keys: Flow
    scale: float = 1.0
    causal: bool = False
    ranked: bool = False
    added: tuple[Tensor, ...] = ()
    item: str = ""
    """What stands for the products as something unsaid."""


@dataclass(frozen=True, eq=False)
class Attended:
    """What heads tell, before the projection out."""

    asking: Asking
    values: Flow
    heads: int
    index: NDArray[np.int64] | None = None
    """Which positions see each other, windows x places; None for all."""


class Draft:
    """Items in the making. Rules of operators add to it, and replace an item where what follows is a part of it."""

    def __init__(self, source: Primitives, batch: int = 0, *, turning: bool = False) -> None:
        self.source = source
        self.turning = turning
        """Whether axes may be brought in another order by layers."""
        self.middle = batch == 1
        """Whether sequences have their batch as their second axis."""
        self.items: dict[str, Item] = {}
        self.shapes: dict[str, Shape] = {}
        self.flows: dict[str, Flow] = {}
        self.constants: dict[str, Tensor] = dict(source.constants)
        self.missing = set(source.missing)
        self.makers = {name: one for one in source.operators for name in one.outputs if name}
        self.room = _ROOM + sum(stored(one) * one.itemsize for one in self.constants.values())
        self.copies = self.room + 2 * sum(one.nbytes for one in self.constants.values() if any(one.strides))
        """Bytes that weights may take which are not as they lie in the file, in all."""
        self.readers = Counter(name for one in source.operators for name in one.inputs)
        self.readers.update(value for _, value in source.outputs)
        self.unsaid: dict[str, tuple[Operator, str]] = {}
        self.owners = Owners()
        self.tied: defaultdict[str, tuple[str, ...]] = defaultdict(tuple)
        self.sharers: Counter[str] = Counter()
        self.aliases: defaultdict[str, list[str]] = defaultdict(list)
        self.asking: dict[str, Asking] = {}
        self.attended: dict[str, Attended] = {}
        self.moves: dict[str, Moves] = {}
        self.cuts: dict[str, Moves] = {}
        self.unbiased: set[str] = set()
        self.originals: dict[str, str] = {}
        self.moved: dict[tuple[str, Layout], str] = {}
        self.notes: dict[str, None] = dict.fromkeys(source.notes)
        self.counts: Counter[str] = Counter()
        self.kinds: set[str] = set()
        """The kinds of numbers that weights have."""
        self.batch = next((dims[batch % len(dims)] for dims in source.inputs.values() if dims), 1)
        self.said: list[Operator] = []

    # What operators read

    def given(self, operator: Operator) -> None:
        """Raise Unsaid where an operator reads what nothing gives."""
        for at, name in enumerate(operator.inputs, 1):
            known = (self.constants, self.flows, self.makers, self.source.inputs)
            if name and not any(name in one for one in known):
                raise Unsaid(f"nothing gives its input {at}, {name}")

    def flow(self, operator: Operator, at: int = 0) -> Flow:
        """An input that is computed."""
        name = operator.inputs[at] if at < len(operator.inputs) else ""
        if name not in self.flows:
            missing = f"what follows from it: {name}" if name else "missing"
            raise Unsaid(f"its input {at + 1} is {_FIXED if name in self.constants else missing}")
        return self.flows[name]

    def constant(self, operator: Operator, at: int) -> Tensor | None:
        """An input that is a constant; None where it is left out, or computed."""
        name = operator.inputs[at] if at < len(operator.inputs) else ""
        return self.constants.get(name) if name else None

    def needed(self, operator: Operator, at: int, what: str, *, most: int = _COPIED) -> Tensor:
        """An input that has to be a constant, of so many values at most where they are one that is repeated."""
        found = self.constant(operator, at)
        if found is None:
            there = at < len(operator.inputs) and operator.inputs[at]
            raise Unsaid(f"its {what} is {'computed by the network' if there else 'missing'}")
        if found.size > (min(most, _COPIED) if any(found.strides) else most) and stored(found) < found.size:
            raise Unsaid(f"its {what} has {found.size:,} values, of which most are repeated")
        return found

    def whole(self, operator: Operator, at: int) -> tuple[int, ...] | None:
        """An input of whole numbers that do not depend on what flows; None where it is left out."""
        given = at < len(operator.inputs) and operator.inputs[at]
        if not given:
            return None
        return tuple([int(one) for one in self.needed(operator, at, "input of sizes", most=2**12).flat])

    def dims(self, operator: Operator) -> tuple[int, ...] | None:
        """The sizes of what an operator gives, as the source has them."""
        return self.source.dims.get(operator.outputs[0])

    def alone(self, item: str) -> bool:
        """Whether what an item gives is read once, by whatever names, so that what reads it may become a part of it."""
        return all(self.readers[name] == 1 for name in self.aliases[item])

    def instead(self, operator: Operator, parts: Sequence[Operator]) -> Sequence[Operator]:
        """The operators that another one is, known as those of the source are."""
        self.readers.subtract(operator.inputs)
        for one in parts:
            self.readers.update(one.inputs)
            self.makers |= dict.fromkeys(filter(None, one.outputs), one)
        return parts

    def give(self, name: str, flow: Flow) -> None:
        """Let a value be what an operator's rule says."""
        self.flows[name] = flow
        self.aliases[flow.item].append(name)

    # What they give

    def add(
        self,
        operator: Operator,
        layer: Layer,
        inputs: Sequence[str],
        weights: Mapping[str, Tensor] | None = None,
        tied: tuple[str, ...] = (),
        *,
        before: bool = False,
    ) -> str:
        """Another item, by the operator's name; `tied` names the constants that its weights are of.

        One that comes `before` what the operator itself becomes has its keyword in its name.

        Raises Unsaid where the layer does not fit what flows in.
        """
        shapes = [self.shapes[name] for name in inputs]
        if self.copies < 0:
            raise Unsaid("the weights before it take more memory than the file's")
        if (wrong := next(unfit(layer), None)) is not None:
            raise Unsaid(wrong.message())
        try:
            shape = layer.shape(*shapes)
        except LayerError as error:
            raise Unsaid(f"{layer.written} does not fit: {error.mistake.message()}") from None
        self.fits(layer, inputs, weights or {})
        name = _called(operator, layer, tied if weights else ())
        name = self.named(f"{name}_{layer.keyword.lower()}" if before else name)
        item = Item(name, layer, tuple(inputs), scope=operator.scope, place=self.source.place(operator))
        self.keep(item, weights or {}, tied)
        self.shapes[name] = shape
        return name

    def fits(self, layer: Layer, inputs: Sequence[str], weights: Mapping[str, Tensor]) -> None:
        """Raise Unsaid where weights have other sizes than the layer's."""
        for one in layer.weights(*[self.shapes[name] for name in inputs]) if weights else ():
            found = weights[one.name].shape if one.name in weights else one.dims
            if found != one.dims:
                given, wanted = ("x".join(map(str, dims)) for dims in (found, one.dims))
                raise Unsaid(f"its {one.name} is {given}, and {wanted} that of {layer.written}")

    def keep(self, item: Item, weights: Mapping[str, Tensor], tied: tuple[str, ...]) -> None:
        """Put an item in its place, with its weights, or with the item whose weights they are."""
        layer = item.layer.canonical
        tied = tuple([self.originals.get(name, name) for name in tied])
        self.tied[item.name] = tied
        owner = self.owners.of(item.name, layer, tied, weights) if any(tied) else item.name
        if owner != item.name and all(map(self.uniform, tied)):
            owner = item.name
        there = owner == item.name and not self.missing.intersection(tied)
        kept = {name: _single(value) for name, value in weights.items()} if there else {}
        self.kinds.update(str(value.dtype) for value in weights.values())
        self.copies -= sum(one.nbytes for one in kept.values() if one.base is None)
        self.items[item.name] = replace(item, layer=layer, weights=kept, shares=None if owner == item.name else owner)
        self.sharers[owner] += owner != item.name

    def uniform(self, name: str) -> bool:
        """Whether a constant has one value: exporters keep such once, whoever has it, so that it ties nothing."""
        value = self.constants.get(name)
        return value is None or single(value)

    def named(self, name: str) -> str:
        """A name that no other item has."""
        found = name
        while found in self.items:
            self.counts[name] += 1
            found = f"{name}_{self.counts[name] + 1}"
        return found

    def natural(self, item: str, channels: int = axes.CHANNELS) -> Flow:
        """What an item gives, as it is, or with its channels as another axis."""
        return Flow(item, axes.natural(self.shapes[item], self.batch, channels))

    def replaced(self, item: str, layer: Layer, weights: Mapping[str, Tensor], tied: tuple[str, ...] = ()) -> bool:
        """Let an item that nothing reads yet be another layer, with weights beside its own; whether it can be so."""
        made, before = self.items[item], self.tied[item]
        if self.sharers[item]:
            return False
        owner = made.shares or item
        weights = {**self.items[owner].weights, **weights}
        self.fits(layer, made.inputs, weights)
        self.owners.leave(item)
        self.sharers[owner] -= owner != item
        del self.items[item]
        self.keep(replace(made, layer=layer, shares=None), weights, (*before, *tied))
        return True

    def placeholder(self, operator: Operator, name: str, why: str, dims: tuple[int, ...] | None = None) -> None:
        """Let a value be something unsaid, so that what follows it can be looked at."""
        dims = self.source.dims.get(name, ()) if dims is None else dims
        shape = Shape(dims[2:], dims[1]) if len(dims) > 1 and min(dims) > 0 else Shape((), prod(dims) or 1)
        item = self.named(name)
        self.items[item] = Item(item, Input(shape.dims), place=self.source.place(operator))
        self.shapes[item] = shape
        self.unsaid[item] = (operator, why)
        layout = axes.natural(shape, self.batch)
        self.give(name, Flow(item, layout if len(dims) > 1 else axes.reshaped(layout, dims) or layout))

    # Layouts

    def map(self, operator: Operator, flow: Flow, channels: int = 1, *, turning: bool = True) -> str:
        """The item whose output is a value as a map: batch, channels, the others as spatial axes, in their order.

        Adds the layer that makes it so where one is needed; several where the draft and this are `turning`.
        """
        wanted = axes.channels_first(flow.layout, channels) if len(flow.layout) > 1 else flow.layout
        if wanted == axes.natural(self.shapes[flow.item], self.batch):
            return flow.item
        if (made := self.moved.get((flow.item, wanted))) is not None:
            return made
        shape = self.shapes[flow.item]
        layers: Sequence[Layer] = ()
        if len(wanted) > 1:
            layer = axes.moved(shape, wanted)
            layers = [layer] if layer else turns.patches(shape, wanted)
            if not layers and turning and self.turning:
                layers = turns.turns(shape, wanted, self.batch)
        if not layers:
            raise Unsaid(f"no layer moves {shape} so that it reads {'x'.join(map(str, flow.dims))}")
        made = flow.item
        for layer in layers:
            made = self._viewed(operator, layer, made)
        self.moved[flow.item, wanted] = made
        return made

    def _viewed(self, operator: Operator, layer: Layer, item: str) -> str:
        """The item that a layer makes which moves values; of two that read them otherwise the first is none."""
        before = self.items[item]
        if isinstance(layer, Viewing) and isinstance(before.layer, Viewing):
            item = before.inputs[0]
            if layer.shape(self.shapes[item]) == self.shapes[item]:
                return item
        return self.add(operator, layer, [item], before=True)

    def axis(self, flow: Flow, position: int) -> int | None:
        """Which axis of its item a whole axis of a value is: 1 the channels, from 2 on spatial ones; None for none."""
        layout = flow.layout
        if not -len(layout) <= position < len(layout):
            return None
        position %= len(layout)
        own = axes.natural(self.shapes[flow.item], self.batch)
        if layout[position]:
            return own.index(layout[position]) if layout[position] in own else None
        if layout == own:
            return position
        empty = [axis for axis, atoms in enumerate(own) if not atoms]
        places = [at for at, atoms in enumerate(layout) if not atoms]
        return empty[places.index(position)] if len(empty) == len(places) else None


def _single(value: Tensor) -> Tensor:
    """A tensor in single precision, as weights are."""
    import numpy as np

    if value.dtype == np.float32:
        return value
    if value.size and not any(value.strides):
        return np.broadcast_to(value.flat[0].astype(np.float32), value.shape)
    return value.astype(np.float32)


def _called(operator: Operator, layer: Layer, tied: tuple[str, ...]) -> str:
    """What a layer is called: as its module where that has such weights, else as the source calls it.

    `/layer1/layer1.0/conv1/Conv` is `layer1.0.conv1`, as its weight `layer1.0.conv1.weight` says too; the sum in it,
    `/layer1/layer1.0/Add`, is `layer1.0.add`.
    """
    owner, _, role = next(iter(tied), "").rpartition(".")
    if owner and role == "weight":
        return owner
    last = operator.name.rpartition("/")[2]
    made = not operator.name or last.rstrip("0123456789").rstrip("_") == operator.kind or last.startswith("node_")
    if not made or not operator.scope:
        return operator.name or operator.outputs[0]
    path, keyword = ".".join(name for name, _ in operator.scope), layer.keyword.lower()
    inner = operator.scope[-1][0].rstrip("0123456789").rstrip("_")
    return path if tied or inner == keyword else f"{path}.{keyword}"


def exact(value: float | np.generic) -> Fraction | int:
    """A number as one would write it who wrote the float32: 1e-5, and not 9.99999974e-06."""
    import numpy as np

    found = np.float32(value)
    if not np.isfinite(found):
        raise Unsaid(f"{found} is no number that a program says")
    number, short = Fraction(str(found)), Fraction(f"{found:.6g}")
    if abs(number - short) * 4_000_000 < abs(number):  # some writers lose the last bit of 1e-5
        number = short
    if number.denominator > 10**6:
        simple = number.limit_denominator(1000)
        likely = abs(simple.numerator) * simple.denominator < 1000  # one of the longer ones is always near
        number = simple if likely and np.float32(float(simple)) == found else number
    return int(number) if number.denominator == 1 else number
