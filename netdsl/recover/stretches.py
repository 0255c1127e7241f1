"""Stretches of forms that stand in the text twice or more."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple

from netdsl.recover.forms import Forms, Item

LONGEST = 16
"""How many elements the chain of a block has at most."""


class Place(NamedTuple):
    """A chain of a form, and where in it something begins."""

    form: int
    chain: int
    at: int


class _Standing(NamedTuple):
    """A place, the forms of the chain that it is in, where a stretch ends at the latest, and how often it is there."""

    place: Place
    inside: Sequence[int]
    end: int
    times: int


def stretches(
    forms: Forms, uses: Mapping[int, int], asked: Callable[[Sequence[int]], bool]
) -> Mapping[tuple[int, ...], Mapping[Place, int]]:
    """Where each stretch stands, and how often that place is in the text: of one element, and each longer one of these.

    `uses` are the forms of the text, and how often each is in it; the stretches are those that are `asked` for.
    """
    found: dict[tuple[int, ...], Mapping[Place, int]] = {}
    standing: dict[tuple[int, ...], list[_Standing]] = {}
    for form, used in uses.items():
        times = 1 if forms[form].kind == "call" else used
        for line, chain in enumerate(forms[form].chains):
            inside = [item.form for item in chain]
            for at, end in reversed([*_ends(forms, chain)]):
                standing.setdefault((inside[at],), []).append(_Standing(Place(form, line, at), inside, end, times))
    for length in range(1, LONGEST + 1):
        longer: dict[tuple[int, ...], list[_Standing]] = {}
        for key, places in standing.items():
            if len(places) == 1 and places[0].times < 2:
                continue
            if (length > 1 or forms[key[0]].kind == "fork") and asked(key):
                found[key] = _apart(forms, places, length)
            following: dict[int, list[_Standing]] = {}
            for one in places:
                if (end := one.place.at + length) < one.end:
                    following.setdefault(one.inside[end], []).append(one)
            longer |= {(*key, form): some for form, some in following.items()}
        standing = longer
    return found


def _apart(forms: Forms, standing: Sequence[_Standing], length: int) -> Mapping[Place, int]:
    """The places of a stretch that do not overlap; a block's whole chain is no block again."""
    found: dict[Place, int] = {}
    end = Place(-1, -1, -1)
    for one in standing:
        place = one.place
        whole = forms[place.form].kind == "call" and len(one.inside) == length
        if not whole and (place[:2] != end[:2] or place.at >= end.at):
            found[place] = one.times
            end = Place(place.form, place.chain, place.at + length)
    return found


def _ends(forms: Forms, chain: Sequence[Item]) -> Iterator[tuple[int, int]]:
    """Each element that may stand in a block, the last first, and where what begins with it ends at the latest.

    That is before an element that may not, or is on another device, and behind a label.
    """
    end = len(chain)
    for at in reversed(range(len(chain))):
        item = chain[at]
        if not _able(forms, item):
            end = at
            continue
        if item.label is not None or (at + 1 < len(chain) and chain[at + 1].device != item.device):
            end = at + 1
        yield at, end


def _able(forms: Forms, item: Item) -> bool:
    """Whether an element may stand in a block."""
    one = forms[item.form]
    inputs = one.layer is not None and one.layer.keyword == "INPUT"
    return not (one.fixed or one.inner or one.kind == "name" or item.device is None or inputs)
