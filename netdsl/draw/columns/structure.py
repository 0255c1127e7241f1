"""Chains and forks, found in a graph: which items every path passes, and what lies between two of them."""

from __future__ import annotations

from collections.abc import Sequence

from netdsl.draw.branches import branches, gates
from netdsl.draw.columns.parts import Fork, Part, Series

_DEEPEST = 50
"""So many forks within forks are taken apart; what is in more is a knot."""


def structure(
    id: str, items: Sequence[int], inputs: Sequence[Sequence[int]], parts: Sequence[tuple[Part, ...]], depth: int = 0
) -> Series:
    """Some items, in topological order, as a series: `inputs` has what each of all reads, `parts` how it is drawn.

    An item that no flow passes by is a part of its own. What lies between two of them falls into branches: one is
    part of the series, and what bypasses it will be an arc; several are the branches of a fork.
    """
    at = {item: number for number, item in enumerate(items)}
    cuts = [at[item] for item in gates(items, inputs)]
    found: list[Part] = []
    for before, cut in zip([-1, *cuts], [*cuts, len(items)], strict=True):
        between = items[before + 1 : cut]
        if len(between) == len(items) or (between and depth > _DEEPEST):
            found += _whole(id, between, inputs, parts, depth)
        elif between:
            found += _between(id, between, inputs, parts, depth)
        if cut < len(items):
            found += parts[items[cut]]
    return Series(id, tuple(found))


def _between(
    id: str, items: Sequence[int], inputs: Sequence[Sequence[int]], parts: Sequence[tuple[Part, ...]], depth: int
) -> list[Part]:
    """What lies between two items that nothing bypasses."""
    apart = branches(items, inputs)
    if len(apart) == 1:
        return list(structure(id, items, inputs, parts, depth + 1).parts)
    name = f"{id}[{items[0]}"
    found = [structure(f"{name}|{number}", one, inputs, parts, depth + 1) for number, one in enumerate(apart)]
    return [Fork(f"{name}]", tuple(found))]


def _whole(
    id: str, items: Sequence[int], inputs: Sequence[Sequence[int]], parts: Sequence[tuple[Part, ...]], depth: int
) -> list[Part]:
    """All of a series, where every item is bypassed: a fork, or a knot, whose items follow in the program's order."""
    if depth <= _DEEPEST and len(branches(items, inputs)) > 1:
        return _between(id, items, inputs, parts, depth)
    return [part for item in items for part in parts[item]]
