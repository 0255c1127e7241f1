"""Chains and forks, found in a graph: which items every path passes, and what lies between two of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from netdsl.draw.columns.parts import Fork, Part, Series

_DEEPEST = 50
"""So many forks within forks are taken apart; what is in more is a knot."""


def structure(
    id: str, items: Sequence[int], flows: Sequence[tuple[int, int]], parts: Sequence[tuple[Part, ...]], depth: int = 0
) -> Series:
    """Some items, in topological order, as a series; `parts` are what each of all items is drawn as.

    An item that no flow passes by is a part of its own. What lies between two of them falls into components: one is
    part of the series, and what bypasses it will be an arc; several are the branches of a fork.
    """
    position = {item: number for number, item in enumerate(items)}
    within = [(position[a], position[b]) for a, b in flows if a in position and b in position]
    fed = {b for _, b in within}
    furthest: dict[int, int] = {}
    for a, b in within:
        furthest[a] = max(b, furthest.get(a, b))
    reach = max([number for number in range(len(items)) if number not in fed], default=0)
    cuts: list[int] = []
    for number in range(len(items)):
        if reach <= number:
            cuts.append(number)
        reach = max(reach, furthest.get(number, len(items)))
    found: list[Part] = []
    for before, cut in zip([-1, *cuts], [*cuts, len(items)], strict=True):
        between = items[before + 1 : cut]
        if len(between) == len(items) or (between and depth > _DEEPEST):
            found += _whole(id, between, flows, parts, depth)
        elif between:
            found += _between(id, between, flows, parts, depth)
        if cut < len(items):
            found += parts[items[cut]]
    return Series(id, tuple(found))


def _between(
    id: str, items: Sequence[int], flows: Sequence[tuple[int, int]], parts: Sequence[tuple[Part, ...]], depth: int
) -> list[Part]:
    """What lies between two items that nothing bypasses."""
    components = _components(items, flows)
    if len(components) == 1:
        return list(structure(id, items, flows, parts, depth + 1).parts)
    name = f"{id}[{items[0]}"
    branches = [structure(f"{name}|{number}", one, flows, parts, depth + 1) for number, one in enumerate(components)]
    return [Fork(f"{name}]", tuple(branches))]


def _whole(
    id: str, items: Sequence[int], flows: Sequence[tuple[int, int]], parts: Sequence[tuple[Part, ...]], depth: int
) -> list[Part]:
    """All of a series, where every item is bypassed: a fork, or a knot, whose items follow in the program's order."""
    if depth <= _DEEPEST and len(_components(items, flows)) > 1:
        return _between(id, items, flows, parts, depth)
    return [part for item in items for part in parts[item]]


def _components(items: Sequence[int], flows: Iterable[tuple[int, int]]) -> list[list[int]]:
    """Items by what hangs together, in order."""
    parent = {item: item for item in items}

    def root(item: int) -> int:
        while parent[item] != item:
            parent[item] = item = parent[parent[item]]
        return item

    for a, b in flows:
        if a in parent and b in parent:
            one, other = sorted((root(a), root(b)))
            parent[other] = one
    found: dict[int, list[int]] = {}
    for item in items:
        found.setdefault(root(item), []).append(item)
    return list(found.values())
