"""Where a network turns: what descends to a bottom and comes back with shortcuts across, as U-Net, is drawn as a U."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from itertools import pairwise
from typing import Literal, TypeAlias

from netdsl.draw.drawing import Drawing
from netdsl.draw.flow.routes import Routes, Way, numbers

LEAST = 3
"""From how many levels something crosses from one side to the other at least, the bottom among them."""

Turned: TypeAlias = Mapping[Way, Literal["back", "across"]]
"""The ways that lead back up from the bottom, and those that cross above it."""


def turned(drawing: Drawing, ways: Routes) -> Turned:
    """The ways that do not lead down; none where the network does not turn.

    It turns where all that leaves one side enters the other in the opposite order: the last is the first to be read.
    """
    number = numbers(drawing, ways)
    turn, crossing = 0, dict[int, list[Way]]()
    for at in range(1, len(drawing.items)):
        found: dict[int, list[Way]] = defaultdict(list)
        for way in ways.ways:
            if number[way.source] < at <= number[way.target]:
                found[ways.levels[way.source]].append(way)
        if len(found) >= max(len(crossing), LEAST) and _nested(found, ways):
            turn, crossing = at, found
    if not turn:
        return {}
    above = {way for level in sorted(crossing)[:-1] for way in crossing[level]}
    return {way: "across" if way in above else "back" for way in ways.ways if number[way.target] >= turn}


def _nested(crossing: Mapping[int, list[Way]], ways: Routes) -> bool:
    """Whether what leaves a lower level is always read before what leaves a higher one."""
    reached = [[ways.levels[way.target] for way in crossing[level]] for level in sorted(crossing)]
    return all(max(lower) < min(higher) for higher, lower in pairwise(reached))
