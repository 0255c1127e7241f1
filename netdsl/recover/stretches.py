"""Stretches of forms that stand in the text twice or more."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from netdsl.recover.forms import Forms, Item

LONGEST = 16
"""How many elements the chain of a block has at most."""


class Place(NamedTuple):
    """A chain of a form, and where in it something begins."""

    form: int
    chain: int
    at: int


@dataclass(frozen=True, slots=True)
class _Standing:
    """A place, the chain that it is in, what of that may stand in a block, and how often it stands in the text."""

    place: Place
    chain: Sequence[Item]
    able: Sequence[bool]
    times: int

    def following(self, length: int) -> int | None:
        """The form behind a stretch of a length, where the stretch may go on."""
        end = self.place.at + length
        if end == len(self.chain) or not self.able[end] or self.chain[end - 1].label is not None:
            return None
        return self.chain[end].form if self.chain[end].device == self.chain[self.place.at].device else None


def stretches(forms: Forms, uses: Mapping[int, int]) -> Mapping[tuple[int, ...], Mapping[Place, int]]:
    """Where each stretch stands, and how often that place is in the text: of one element, and each longer one of these.

    `uses` are the forms of the text, and how often each is in it.
    """
    found: dict[tuple[int, ...], Mapping[Place, int]] = {}
    standing: dict[tuple[int, ...], list[_Standing]] = {}
    for form, used in uses.items():
        times = 1 if forms[form].kind == "call" else used
        for line, chain in enumerate(forms[form].chains):
            able = [_able(forms, item) for item in chain]
            for at, item in enumerate(chain):
                if able[at]:
                    place = _Standing(Place(form, line, at), chain, able, times)
                    standing.setdefault((item.form,), []).append(place)
    for length in range(1, LONGEST + 1):
        longer: dict[tuple[int, ...], list[_Standing]] = {}
        for key, places in standing.items():
            if sum(one.times for one in places) < 2:
                continue
            if length > 1 or forms[key[0]].kind == "fork":
                found[key] = _apart(forms, places, length)
            following: dict[int, list[_Standing]] = {}
            for one in places:
                if (further := one.following(length)) is not None:
                    following.setdefault(further, []).append(one)
            longer |= {(*key, form): some for form, some in following.items()}
        standing = longer
    return found


def _apart(forms: Forms, standing: Sequence[_Standing], length: int) -> Mapping[Place, int]:
    """The places of a stretch that do not overlap; a block's whole chain is no block again."""
    found: dict[Place, int] = {}
    end = Place(-1, -1, -1)
    for one in standing:
        place = one.place
        whole = forms[place.form].kind == "call" and len(one.chain) == length
        if not whole and (place[:2] != end[:2] or place.at >= end.at):
            found[place] = one.times
            end = Place(place.form, place.chain, place.at + length)
    return found


def _able(forms: Forms, item: Item) -> bool:
    """Whether an element may stand in a block."""
    one = forms[item.form]
    inputs = one.layer is not None and one.layer.keyword == "INPUT"
    return not (one.fixed or one.inner or one.kind == "name" or item.device is None or inputs)
