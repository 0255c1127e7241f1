"""Chains and forks, found in a graph: which items every path passes, and what lies between two of them."""

from __future__ import annotations

from collections.abc import Sequence

from netdsl.draw.branches import Decomposition, decomposition
from netdsl.draw.columns.parts import Fork, Part, Series


def structure(id: str, inputs: Sequence[Sequence[int]], parts: Sequence[tuple[Part, ...]]) -> Series:
    """Items, in topological order, as a series: `inputs` has what each reads, `parts` how it is drawn.

    An item that no flow passes by is a part of its own. What lies between two of them falls into branches: one is
    part of the series, and what bypasses it will be an arc; several are the branches of a fork.
    """
    return _series(id, decomposition(range(len(parts)), inputs), parts)


def _series(id: str, items: Decomposition, parts: Sequence[tuple[Part, ...]]) -> Series:
    found: list[Part] = []
    for at, item in enumerate(items):
        if isinstance(item, int):
            found += parts[item]
        else:
            branches = [_series(f"{id}[{at}|{number}", one, parts) for number, one in enumerate(item)]
            found.append(Fork(f"{id}[{at}]", tuple(branches)))
    return Series(id, tuple(found))
