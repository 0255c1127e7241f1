"""The optimizer: passes over the shaped graph of a network, each of which leaves what inference computes as it is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeAlias

from netdsl.graph.node import ShapedGraph
from netdsl.optimize.attach import attach
from netdsl.optimize.fold import fold
from netdsl.optimize.inference import inference
from netdsl.optimize.matrix import matrix, views
from netdsl.optimize.siblings import siblings
from netdsl.optimize.swap import swap

Pass: TypeAlias = Callable[[ShapedGraph], ShapedGraph]

PASSES: Mapping[str, Pass] = {
    "inference": inference,
    "fold": fold,
    "attach": attach,
    "siblings": siblings,
    "swap": swap,
    "matrix": matrix,
    "views": views,
}
"""The passes by name, in the order in which they run."""


def optimized(shaped: ShapedGraph, *, upto: str | None = None, passes: Mapping[str, Pass] = PASSES) -> ShapedGraph:
    """The graph after all passes, which run in turn until none finds anything to do.

    With `upto` the first ones run once, up to and including that of this name.
    """
    while True:
        before = shaped
        for name, change in passes.items():
            shaped = change(shaped)
            if name == upto:
                return shaped
        if shaped is before:
            return shaped
