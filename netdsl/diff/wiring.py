"""What flows where: layers that are the same, and read something else."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass

from netdsl.graph.node import Node

_MOST = 60
"""The most rewired layers among which those are sought that moved."""


@dataclass(frozen=True, slots=True)
class Rewiring:
    """How the inputs of a layer differ, beyond what added and removed layers before it explain."""

    moved: bool = False
    """Whether the layer itself stands elsewhere, and what it was between now follows one another."""
    reordered: bool = False
    """Whether it takes the same inputs in another order."""


Pairs = Mapping[int, int]
"""The nodes of a first network by their indices, and which node of a second each is."""


def rewired(first: Sequence[Node], second: Sequence[Node], pairs: Pairs) -> dict[int, Rewiring]:
    """The paired nodes of the second network that read something else, by their indices.

    A layer moved where fewer read something else once it is seen through. These are sought where few are rewired.
    """
    found = differing(first, second, pairs)
    moved: frozenset[int] = frozenset()
    back = {j: i for i, j in pairs.items()} if found else {}
    while 1 < len(found) <= _MOST:
        tried = [j for j in found if j not in moved and len(second[j].inputs) == 1]
        suspects = {back[j]: j for j in found}
        results = [(_rewired(first, second, pairs, suspects, moved | {j}), j) for j in tried]
        best = min(results, key=lambda result: len(result[0]), default=None)
        if best is None or len(best[0]) >= len(found):
            break
        found, moved = best[0], moved | {best[1]}
    return {j: Rewiring(j in moved, reordered) for j, reordered in found.items()}


def differing(first: Sequence[Node], second: Sequence[Node], pairs: Pairs) -> dict[int, bool]:
    """The paired nodes of the second network that read something else, and whether it is the order alone."""
    return _rewired(first, second, pairs, pairs, frozenset())


def _rewired(
    first: Sequence[Node], second: Sequence[Node], pairs: Pairs, among: Pairs, moved: Set[int]
) -> dict[int, bool]:
    """Those among some pairs that read something else, and whether it is the order alone. Moved ones let through."""
    suspects = {i: j for i, j in among.items() if _direct(first[i], second[j], pairs) is False}
    if not suspects:
        return {}
    kept = set(pairs.values()) - moved
    ours = _reached(first, {i: j for i, j in pairs.items() if j in kept})
    theirs = _reached(second, {j: j for j in kept})
    added = set(range(len(second))) - set(pairs.values())
    found: dict[int, bool] = {}
    for i, j in suspects.items():
        was, now = first[i].inputs, second[j].inputs
        had, has = Counter(pairs.get(source, -1) for source in was), Counter(now)
        lost = [source for source in was if pairs.get(source, -1) not in has]
        gained = [source for source in now if source not in had]
        for source in list(lost):
            instead = next((other for other in gained if ours[source] & theirs[other]), None)
            if instead is not None:
                lost.remove(source)
                gained.remove(instead)
        if any(source in pairs for source in lost) or any(source not in added for source in gained):
            found[j] = False
            continue
        order = [pairs[source] for source in was if pairs.get(source, -1) in has]
        if order != [source for source in now if source in had] and not second[j].layer.commutative:
            found[j] = True
    return found


def _direct(one: Node, other: Node, pairs: Pairs) -> bool:
    """Whether a node reads what its partner reads."""
    sources = [pairs.get(source, -1) for source in one.inputs]
    if sources == list(other.inputs):
        return True
    return other.layer.commutative and sorted(sources) == sorted(other.inputs)


def _reached(nodes: Sequence[Node], kept: Mapping[int, int]) -> list[frozenset[int]]:
    """For each node the kept ones, by what they stand for, that are the last before its output."""
    reached: list[frozenset[int]] = []
    for index, node in enumerate(nodes):
        if index in kept:
            reached.append(frozenset((kept[index],)))
        else:
            reached.append(_union(reached[source] for source in node.inputs))
    return reached


def _union(sets: Iterable[frozenset[int]]) -> frozenset[int]:
    distinct = list(dict.fromkeys(sets))
    return distinct[0] if len(distinct) == 1 else frozenset(one for some in distinct for one in some)
