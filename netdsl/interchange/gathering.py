"""A foreign network while a reader gathers it: items, what each gives by the source's own rules, and what is wrong."""

from __future__ import annotations

from collections import Counter
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from math import prod
from typing import TYPE_CHECKING, TypeAlias

from netdsl.interchange import mistakes
from netdsl.interchange.flat import MOST_INPUTS, MOST_ITEMS, MOST_SCOPES, MOST_VALUES, Flat, ForeignError, Item, most
from netdsl.layers import table
from netdsl.layers.arguments import LayerError, arguments_of
from netdsl.layers.base import Layer
from netdsl.layers.shape import Shape
from netdsl.text import safe
from netdsl.text.diagnostic import Diagnostic, Enough, Report
from netdsl.text.fit import listed
from netdsl.text.mistake import Mistake, Wrong
from netdsl.text.source import Span

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

MOST_AXES = 8
"""Axes of a shape, the batch too, before its values are counted."""
Dims: TypeAlias = tuple[int, ...]
"""Channels first, then spatial sizes, without a batch: as Caffe, Darknet, PyTorch and ONNX have them."""
Inputs: TypeAlias = Mapping[str, Sequence[int]]
"""Sizes that are asked for, by the name of an input, or by "" for the only one: sizes first, channels last."""
Weights: TypeAlias = "Mapping[str, NDArray[np.float32]]"


class Fault(Wrong):
    """A mistake on its way to the loop over layers, perhaps at a narrower place than the layer's."""

    def __init__(self, mistake: Mistake, span: Span | None = None) -> None:
        super().__init__(mistake)
        self.span = span


class Silent(Exception):
    """What this layer reads could not be said, which has been told."""


@dataclass(slots=True)
class Gathering:
    """Items in the order in which they run, with the dims of each."""

    source: str
    report: Report = field(default_factory=Report)
    items: dict[str, Item] = field(default_factory=dict[str, Item])
    dims: dict[str, Dims] = field(default_factory=dict[str, Dims])
    notes: list[str] = field(default_factory=list[str])
    named: Counter[str] = field(default_factory=Counter[str])
    """How many items have a name that a file gives to several, but for the first."""
    counts: Counter[tuple[str, str]] = field(default_factory=Counter[tuple[str, str]])
    """Parameters and MACs of each item, by the source's own rules."""

    def add(
        self,
        name: str,
        layer: Layer,
        inputs: Sequence[str],
        dims: Dims,
        place: Span,
        *,
        weights: Weights | None = None,
        shares: str | None = None,
        training: bool = False,
    ) -> str:
        """Add an item, and give the name that it has got. Raises LayerError and Fault where netdsl's rules differ."""
        if most(dims) or not all(dims):
            raise Fault(mistakes.TooMuch("values of a map", prod(dims), MOST_VALUES))
        if len(self.items) >= MOST_ITEMS:
            self.report.error(mistakes.TooMuch("layers", len(self.items) + 1, MOST_ITEMS), place)
            raise Enough
        if len(inputs) > MOST_INPUTS:
            raise Fault(mistakes.TooMuch("inputs of a layer", len(inputs), MOST_INPUTS))
        shapes = [shape_of(self.dims[one]) for one in inputs]
        ours = layer.shape(*shapes)
        if ours != shape_of(dims):
            why = f"it gives {shape_of(dims)}, and {layer.written} would give {ours}"
            raise Fault(mistakes.Unsaid("its size", why))
        if large := next((one for one in layer.weights(*shapes) if most(one.dims)), None):
            raise Fault(mistakes.TooMuch("weights of a layer", prod(large.dims), MOST_VALUES))
        unique = name
        while unique in self.items:
            self.named[name] += 1
            unique = f"{name}_{self.named[name] + 1}"
        scope = tuple([(part, "") for part in name.split("/")[:-1][:MOST_SCOPES]])  # as in inception_3a/1x1
        self.items[unique] = Item(unique, layer, tuple(inputs), weights or {}, shares, scope, training, place)
        self.dims[unique] = dims
        return unique

    def change(self, name: str, layer: Layer, weights: Weights) -> None:
        """Give an item another layer of equal shape, and further weights."""
        item = self.items[name]
        self.items[name] = replace(item, layer=layer, weights={**item.weights, **weights})

    def call(self, name: str, called: str) -> None:
        """Tell what the source calls what an item gives; an input has its own name."""
        if called != name and self.items[name].inputs:
            self.items[name] = replace(self.items[name], called=called)

    def count(self, item: str, params: int, macs: int = 0) -> None:
        """Add to the source's own counts."""
        self.counts[item, "params"] += params
        self.counts[item, "macs"] += macs

    @contextmanager
    def telling(self, place: Span) -> Generator[None]:
        """What is wrong within is told, at that place where none is known."""
        with suppress(Silent):
            try:
                yield
            except Fault as fault:
                self.report.error(fault.mistake, fault.span or place)
            except LayerError as error:
                self.report.error(mistakes.Unsaid("it", error.mistake.message(), error.mistake.help()), place)

    def flat(self, title: str, outputs: Sequence[tuple[str, str]], training: Sequence[tuple[str, str]]) -> Flat:
        """What was gathered. Raises ForeignError where something was wrong, with what could be said."""
        self.hold_shared()
        needed = {item for _, item in (*outputs, *training)}
        for item in reversed(self.items.values()):
            if item.name in needed:
                needed.update(item.inputs)
        items = tuple([item for item in self.items.values() if item.name in needed])
        if not training:
            items = tuple([replace(item, training=False) for item in items])
        if unread := [item.name for item in self.items.values() if item.name not in needed and not item.inputs]:
            self.notes.append(f"no layer reads {listed(unread[:8])}")
        params, macs = (sum(self.counts[item.name, what] for item in items) for what in ("params", "macs"))
        notes = tuple(map(safe.line, self.notes))
        found = Flat(
            safe.line(title), safe.line(self.source), items, tuple(outputs), tuple(training), params, macs, notes
        )
        if self.report.failed:
            raise ForeignError(self.report.diagnostics(), found if outputs else None)
        return found

    def ends(self) -> Sequence[str]:
        """The items that nothing reads, in order."""
        read = {name for item in self.items.values() for name in item.inputs}
        return [name for name in self.items if name not in read]

    def hold_shared(self) -> None:
        """Tell of items that share weights, and are other layers or read other shapes."""
        for item in self.items.values():
            if item.shares is None or item.place is None:
                continue
            owner = self.items[item.shares]
            ours, theirs = (
                one.layer.weights(*[shape_of(self.dims[name]) for name in one.inputs]) for one in (item, owner)
            )
            if item.layer != owner.layer or ours != theirs:
                why = f"{owner.name} has the same, and is {owner.layer.written} of another input"
                if item.layer != owner.layer:
                    why = f"{owner.name} has the same, and is {owner.layer.written}, not {item.layer.written}"
                self.report.error(mistakes.Unsaid("its weights", why), item.place)


def failed(mistake: Mistake, span: Span) -> ForeignError:
    """The error of one mistake."""
    return ForeignError([Diagnostic(mistake, span)])


def make(keyword: str, **given: object) -> Layer:
    """A layer of the table, whose arguments are held against their kinds. Raises LayerError."""
    row = table.find(keyword)
    assert row is not None
    values: dict[str, object] = {}
    for argument in arguments_of(row):
        value = given.pop(argument.field, None)
        if value is not None:
            values[argument.attribute] = argument.kind.read(value)  # pyright: ignore[reportArgumentType]
    assert not given, given
    return row(**values)


def shape_of(dims: Dims) -> Shape:
    """The shape that dims with channels first are."""
    return Shape(tuple(dims[1:]), dims[0])


def dims_of(sizes: Sequence[int]) -> Dims:
    """Dims with channels first, of sizes with channels last."""
    return (sizes[-1], *sizes[:-1])
