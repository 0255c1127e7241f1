"""Modules of a file to those of a network, by their order and their shapes.

Within each kind of module, the first of the file is the first of the network, and so on. Where both have all modules
in one order, that is all. Where a stretch of them stands in another, as a shortcut before or behind the branch that it
goes around, equal ones near it could have changed places, unseen: it is then taken only if each of its modules is the
only one of its kind in that block, of the network and of the file, or in and around the stretch.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import inf

from netdsl.compile.errors import Reshaped, Twins, WeightsMismatchError, WeightsOrderError
from netdsl.compile.weights.modules import Module, Unit, beside, kind, units
from netdsl.compile.weights.names import squeezed

_NAMES = "heads?|classifiers?|logits"
_HEAD = re.compile(rf"aux\w*|(\w+_)?({_NAMES})\d*|({_NAMES})_\w+", re.IGNORECASE)
"""How scopes of heads are called, which a file may have beside what a network has."""
_AROUND = 2
"""How far around a stretch no equal shape may stand, in lengths of the stretch."""


@dataclass(frozen=True)
class Match:
    """Which module of a file is which of a network."""

    pairs: tuple[tuple[Module, Module], ...]
    """One of the network, one of the file, in the network's order."""
    moved: tuple[tuple[Module, Module], ...]
    """Of these, one for each stretch that stands in another order in the file: what is the furthest away."""
    passed: tuple[Module, ...]
    """The file's heads that the network lacks."""


def match(ours: Sequence[Module], theirs: Sequence[Module], name: str) -> Match:
    """Match modules one to one; `name` is what messages call the file.

    Raises WeightsMismatchError where kinds or numbers differ, and WeightsOrderError where equal ones may have changed
    places.
    """
    theirs = beside(theirs)
    for mine, other in ((units(ours), units(theirs)), (_single(ours), _single(theirs))):
        heads = _heads(mine, other)
        if heads is not None:
            other = [unit for index, unit in enumerate(other) if index not in heads]
            return _matched(mine, other, tuple(module for unit in heads.values() for module in unit), name)
    raise _mismatch(ours, theirs, name)


def _single(modules: Iterable[Module]) -> list[Unit]:
    return [(module,) for module in modules]


def _counted(found: Iterable[Unit]) -> Counter[object]:
    return Counter(map(kind, found))


# What the file has too many


def _heads(ours: Sequence[Unit], theirs: Sequence[Unit]) -> Mapping[int, Unit] | None:
    """The units of a file that a network lacks, by their indices, if they are heads, or stand behind all others.

    None where the network has units that the file lacks, and where it is not certain which ones are too many.
    """
    mine, other = _counted(ours), _counted(theirs)
    left = other - mine
    if mine - other:
        return None
    scopes: defaultdict[str, list[int]] = defaultdict(list)
    for index, unit in enumerate(theirs):
        if scope := _head(unit[0].path):
            scopes[scope].append(index)
    found: list[int] = []
    taken: list[Counter[object]] = []
    for scope in sorted(scopes, key=lambda scope: "aux" not in scope.lower()):
        held = _counted(theirs[index] for index in scopes[scope])
        if held <= left:
            left, found = left - held, [*found, *scopes[scope]]
            taken.append(held)
        elif held in taken:  # one of the two is the network's, and which is not known
            return None
    rest = [index for index in range(len(theirs)) if index not in found]
    last = rest[len(rest) - left.total() :]
    if _counted(theirs[index] for index in last) != left:
        return None
    return {index: theirs[index] for index in sorted([*found, *last])}


def _head(path: str) -> str:
    """The outermost scope of a path that is called as a head is, or ""; what is in numbered blocks is no head."""
    scopes = path.split(".")[:-1]
    for depth, scope in enumerate(scopes):
        if _HEAD.fullmatch(scope):
            return ".".join(scopes[: depth + 1])
        if scope.isdigit():
            break
    return ""


# Which is which


def _matched(ours: Sequence[Unit], theirs: Sequence[Unit], passed: tuple[Module, ...], name: str) -> Match:
    """Match units of equal kinds and numbers. Raises WeightsOrderError."""
    places: defaultdict[object, list[int]] = defaultdict(list)
    for index, unit in enumerate(theirs):
        places[kind(unit)].append(index)
    nexts = {one: iter(indices) for one, indices in places.items()}
    order = [next(nexts[kind(unit)]) for unit in ours]
    moved: list[tuple[Module, Module]] = []
    twins = [*_renamed(ours, theirs)]
    for stretch in _stretches(order):
        near = _near(stretch, len(ours))
        doubtful = _repeated(ours, stretch, near) | _repeated(theirs, stretch, near)
        if doubtful and not (_alone(ours, stretch) and _alone(theirs, stretch)):
            twins += _told(ours, theirs, near, doubtful)
        far = max(stretch, key=lambda index: abs(order[index] - index))
        moved.append((ours[far][0], theirs[order[far]][0]))
    if twins:
        raise WeightsOrderError(name, list(dict.fromkeys(twins)))
    pairs = [(a, b) for unit, index in zip(ours, order, strict=True) for a, b in zip(unit, theirs[index], strict=True)]
    return Match(tuple(pairs), tuple(moved), passed)


def _stretches(order: Sequence[int]) -> Iterator[range]:
    """The shortest stretches that hold the same units on both sides, in another order."""
    start = reach = 0
    for index, place in enumerate(order):
        reach = max(reach, place)
        if reach == index:
            if index > start:
                yield range(start, index + 1)
            start = index + 1


def _near(stretch: range, count: int) -> range:
    """A stretch and what stands around it."""
    around = _AROUND * len(stretch)
    return range(max(stretch.start - around, 0), min(stretch.stop + around, count))


def _repeated(side: Sequence[Unit], stretch: range, near: range) -> set[object]:
    """The kinds of a stretch of which there is more than one near it."""
    counts = _counted(side[index] for index in near)
    return {one for index in stretch if counts[one := kind(side[index])] > 1}


def _alone(side: Sequence[Unit], stretch: range) -> bool:
    """Whether each unit of a stretch is the only one of its kind in the innermost scope around all of them."""
    inside = [side[index] for index in stretch]
    scope = _common(_scopes(inside[0]), *map(_scopes, inside[1:]))
    counts = _counted(unit for unit in side if _scopes(unit)[: len(scope)] == scope)
    return all(counts[kind(unit)] == 1 for unit in inside)


def _scopes(unit: Unit) -> list[str]:
    return unit[0].path.split(".")[:-1]


def _common(scopes: list[str], *others: list[str]) -> list[str]:
    """The scopes that all paths begin with."""
    return [one for depth, one in enumerate(scopes) if all(scopes[: depth + 1] == it[: depth + 1] for it in others)]


def _told(ours: Sequence[Unit], theirs: Sequence[Unit], near: range, doubtful: set[object]) -> Iterator[Twins]:
    """The modules near a stretch that may be mistaken for each other, a line for each kind."""
    for one in dict.fromkeys(kind(ours[index]) for index in near):
        if one in doubtful:
            mine, other = ([side[i][0] for i in near if kind(side[i]) == one] for side in (ours, theirs))
            yield Twins(tuple(map(_path, mine)), tuple(map(_path, other)), mine[0].shape)


def _renamed(ours: Sequence[Unit], theirs: Sequence[Unit]) -> Iterator[Twins]:
    """The modules of one kind that have the same names on both sides, and another order by these than by place."""
    sides: defaultdict[object, tuple[list[Module], list[Module]]] = defaultdict(lambda: ([], []))
    for side, found in enumerate((ours, theirs)):
        for unit in found:
            sides[kind(unit)][side].append(unit[0])
    for mine, other in sides.values():
        names, others = tuple(map(_path, mine)), tuple(map(_path, other))
        if names != others and sorted(names) == sorted(others):
            yield Twins(names, others, mine[0].shape)


def _path(module: Module) -> str:
    return module.path


def _mismatch(ours: Sequence[Module], theirs: Sequence[Module], name: str) -> WeightsMismatchError:
    """What is wrong where kinds or numbers differ."""
    mine, other = _counted(_single(ours)), _counted(_single(theirs))
    missing, extra = _unmet(ours, mine - other), _unmet(theirs, other - mine)
    paired = len(missing) == len(extra) and all(
        a.dims.keys() == b.dims.keys() and len(squeezed(a.weight)) == len(squeezed(b.weight))
        for a, b in zip(missing, extra, strict=False)
    )
    if paired:
        reshaped = [Reshaped(a.path, a.weight, b.weight, b.path) for a, b in zip(missing, extra, strict=True)]
        return WeightsMismatchError(name, [], [], reshaped)
    near: dict[str, str] = {}
    left = [*extra]
    for one in missing:
        alike = [other for other in left if _unequal(one, other) <= 1]
        if alike:
            near[str(one)] = str(best := min(alike, key=lambda other: _unequal(one, other)))
            left.remove(best)
    return WeightsMismatchError(name, [*map(str, missing)], [*map(str, extra)], [], near=near)


def _unmet(modules: Sequence[Module], counts: Counter[object]) -> list[Module]:
    """Of modules in order, as many of each kind as are counted: the last ones, since the first meet theirs."""
    found: list[Module] = []
    left = counts.copy()
    for module in reversed(modules):
        if left[kind((module,))] > 0:
            left[kind((module,))] -= 1
            found.append(module)
    return found[::-1]


def _unequal(one: Module, other: Module) -> float:
    """How many dims of two modules differ, and a half for other tensors beside; infinite where they are not as many."""
    a, b = squeezed(one.weight), squeezed(other.weight)
    if len(a) != len(b):
        return inf
    return sum(x != y for x, y in zip(a, b, strict=True)) + (one.dims.keys() != other.dims.keys()) / 2
