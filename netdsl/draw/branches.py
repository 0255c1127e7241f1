"""Where a flow forks: which items all of it passes, which run side by side, and so its series-parallel decomposition.

Items are numbers in topological order; `inputs` are those that each of all items reads.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

Decomposition: TypeAlias = "list[int | list[Decomposition]]"
"""Items one behind the other, and between them branches side by side, each decomposed too."""

_DEEPEST = 50
"""So many forks within forks are taken apart; what is in more is a knot."""


def decomposition(members: Sequence[int], inputs: Sequence[Sequence[int]], depth: int = 0) -> Decomposition:
    """Members, in topological order: what all flow passes, and between that the branches of forks.

    What is neither is a knot, whose members follow in their order.
    """
    found: Decomposition = []
    items, start = list(members), 0
    for gate in (*gates(members, inputs), None):
        end = len(items) if gate is None else items.index(gate, start)
        between = items[start:end]
        apart = branches(between, inputs) if depth <= _DEEPEST else []
        if len(apart) > 1:
            found.append([decomposition(branch, inputs, depth + 1) for branch in apart])
        else:
            found += decomposition(between, inputs, depth + 1) if apart and len(between) < len(items) else between
        found += [] if gate is None else [gate]
        start = end + 1
    return found


def gates(members: Sequence[int], inputs: Sequence[Sequence[int]]) -> list[int]:
    """The members that every way from a first to a last of them passes, in topological order."""
    at = {one: position for position, one in enumerate(members)}
    reach = [position + 1 for position in range(len(members))]  # how far what a member gives is read; the end, if never
    read = [False] * len(members)
    first = [True] * len(members)
    for one, position in at.items():
        for source in inputs[one]:
            if source in at:
                first[position] = False
                read[at[source]] = True
                reach[at[source]] = max(reach[at[source]], position)
    far = 0
    for position, is_first in enumerate(first):
        far = position if is_first else far  # the start is read by every first member
    found: list[int] = []
    for position, one in enumerate(members):
        if far <= position:
            found.append(one)
        far = max(far, reach[position] if read[position] else len(members))
    return found


def branches(members: Sequence[int], inputs: Sequence[Sequence[int]]) -> list[list[int]]:
    """Members in parts between which nothing flows."""
    part = {one: one for one in members}

    def root(one: int) -> int:
        while part[one] != one:
            one = part[one] = part[part[one]]
        return one

    for one in members:
        for source in inputs[one]:
            if source in part:
                part[root(one)] = root(source)
    found: dict[int, list[int]] = {}
    for one in members:
        found.setdefault(root(one), []).append(one)
    return list(found.values())
