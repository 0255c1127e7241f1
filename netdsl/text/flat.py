"""Trees of frozen values as lists, each value behind those in it, so that nothing recurs where a deep one is pickled.

`inside` says for each kind of value the field with those in it, one or a tuple of them; kinds without one are leaves.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any, TypeAlias, cast

Inside: TypeAlias = Mapping[type, str]
Flat: TypeAlias = Sequence[object]
"""Leaves as they are; for other values a pair: the kind, and its fields with places in the list for those in it."""


def flat(root: object, inside: Inside) -> Flat:
    """A tree as a list. What stands in several places of the tree is there once."""
    found: list[object] = []
    places: dict[int, int] = {}
    pending = [root]
    while pending:
        one = pending[-1]
        field = inside.get(type(one), "")
        value = getattr(one, field) if field else ()
        below = cast("tuple[object, ...]", value) if isinstance(value, tuple) else (value,)
        if missing := [each for each in below if id(each) not in places]:
            pending += reversed(missing)
            continue
        pending.pop()
        if id(one) not in places:
            places[id(one)] = len(found)
            numbers = tuple([places[id(each)] for each in below])
            given = numbers if isinstance(value, tuple) else numbers[0]
            found.append((type(one), _values(one, field, given)) if field else one)
    return found


def _values(one: object, field: str, given: object) -> list[object]:
    names = [each.name for each in fields(cast("Any", one))]
    return [given if name == field else getattr(one, name) for name in names]


def whole(items: Flat, inside: Inside) -> object:
    """The tree of a list."""
    made: list[object] = []
    for one in items:
        if isinstance(one, tuple):
            kind, values = cast("tuple[type, Sequence[object]]", one)
            at = [each.name for each in fields(kind)].index(inside[kind])
            number = cast("int | tuple[int, ...]", values[at])
            below = tuple([made[each] for each in number]) if isinstance(number, tuple) else made[number]
            one = kind(*values[:at], below, *values[at + 1 :])
        made.append(one)
    return made[-1]
