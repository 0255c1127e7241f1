"""What recovery works on: chains of items, whose skeletons are shared, and whose numbers are apart.

A form is what an element says but for its numbers, its holes: `CONV _ _ s_ p_ nobias`. An item is one of these at a
place, and its holes follow those of the item before it in one row of values. So a block is found as forms that recur,
whatever their numbers; and what its parameters are follows from all the rows that it was found with.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any, Literal, NamedTuple, TypeAlias, cast

from netdsl.layers.arguments import arguments_of
from netdsl.layers.base import Layer

NODE = "node"
"""What a layer calls a node that it names, with the node's index behind it."""


class Ref(int):
    """A node that is named: its index."""


class In(int):
    """How many channels flow into an element; 0 where nothing does."""


@dataclass(frozen=True, slots=True)
class Ins:
    """The same within a repeat, for each of its copies that differ in this."""

    copies: tuple[In | Ins, ...]


Value: TypeAlias = int | Fraction | tuple[int | Fraction, ...] | Ref | Ins


def entering(value: Value) -> int:
    """How many channels flow into an element where it stands first."""
    while isinstance(value, Ins):
        value = value.copies[0]
    assert isinstance(value, In)
    return int(value)


def number(value: Value) -> int | Fraction | None:
    """A value that is one number, no dims and no name."""
    return None if isinstance(value, tuple | Ref | In | Ins) else value


class Item(NamedTuple):
    """A form at a place, on a device, or None where its parts are on several; `label` is a node that it names."""

    form: int
    device: int | None
    label: int | None = None


@dataclass
class Form:
    """A skeleton. `chains` are what it holds: the branches of a fork, the body of a repeat or of a block.

    `fixed` has names in it that no block may know, or weights that others use; `inner` a label that is known outside.
    """

    kind: Literal["layer", "fork", "repeat", "call", "name", "apply", "group"]
    holes: tuple[str, ...] = ()
    """What its own holes are: what flows in, fields of the layer, the count of a repeat, a name."""
    layer: Layer | None = None
    node: int = -1
    growing: tuple[int, ...] = ()
    """The columns of a repeat's body that grow from copy to copy; by how much follows the count."""
    chains: list[list[Item]] = field(default_factory=list[list[Item]])
    locals: tuple[int, ...] = ()
    """The labels, below 0, that a fork alone knows: those by which its branches read what is in others."""
    fields: tuple[str, ...] = ()
    """What each of its columns is, those of what it holds behind its own."""
    arity: int = 0
    width: int = 0
    fixed: bool = False
    inner: bool = False

    @property
    def inside(self) -> list[Item]:
        """What its chains hold, in order."""
        return [item for chain in self.chains for item in chain]


class Forms:
    """All forms, by number; equal ones are one."""

    def __init__(self) -> None:
        self.all: list[Form] = []
        self._known: dict[Hashable, int] = {}
        self._layers: dict[tuple[Layer, bool], tuple[int, tuple[Value, ...]]] = {}

    def __getitem__(self, number: int) -> Form:
        return self.all[number]

    def of(self, form: Form) -> int:
        """The number of a form."""
        layer = None if form.layer is None else _skeleton(form.layer)
        key = (form.kind, form.holes, layer, form.node, form.growing, tuple(map(tuple, form.chains)), form.fixed)
        found = self._known.get(key)
        if found is None:
            found = self._known[key] = self.add(form)
        return found

    def add(self, form: Form) -> int:
        """The number of a new form."""
        inside = form.inside
        form.fields = (*form.holes, *(field for item in inside for field in self.all[item.form].fields))
        form.arity = len(form.fields)
        form.width = (form.kind in ("layer", "apply")) + sum(self.all[item.form].width for item in inside)
        form.fixed = form.fixed or any(self.all[item.form].fixed for item in inside)
        form.inner = any(self.all[item.form].inner or _outside(item) for item in inside)
        self.all.append(form)
        return len(self.all) - 1

    def layer(self, layer: Layer, inflow: In, *, fixed: bool = False) -> tuple[int, tuple[Value, ...]]:
        """The form of a layer, and its numbers, behind what flows in."""
        if (layer, fixed) not in self._layers:
            holes, values = _holes(layer)
            self._layers[layer, fixed] = self.of(Form("layer", ("in", *holes), layer, fixed=fixed)), values
        form, values = self._layers[layer, fixed]
        return form, (inflow, *values)


def _outside(item: Item) -> bool:
    """Whether an element has a label that is known outside of forks."""
    return item.label is not None and item.label >= 0


def _holes(layer: Layer) -> tuple[tuple[str, ...], tuple[Value, ...]]:
    """The fields of a layer that are numbers or dims, and their values; options at their default are none."""
    found: list[tuple[str, Value]] = []
    for one in arguments_of(type(layer)):
        value: Any = getattr(layer, one.attribute)
        if one.kind.node:
            if value:
                found.append((one.field, Ref(value.removeprefix(NODE))))
        elif one.form in ("positional", "tag") or value != one.default:
            numbers = cast("tuple[Any, ...]", value) if isinstance(value, tuple) else (value,)
            if len(numbers) > 0 and all(type(number) in (int, Fraction) for number in numbers):
                found.append((one.field, numbers if len(numbers) > 1 else numbers[0]))
    return tuple([name for name, _ in found]), tuple([value for _, value in found])


def _skeleton(layer: Layer) -> Hashable:
    """All that a layer says but for its holes."""
    holes = set(_holes(layer)[0])
    rest = [(one.field, getattr(layer, one.attribute)) for one in arguments_of(type(layer)) if one.field not in holes]
    return type(layer), tuple(rest)
