"""The optimizer: passes over the shaped graph of a network, each of which leaves what inference computes as it is."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
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


def stages(shaped: ShapedGraph, passes: Mapping[str, Pass] = PASSES) -> Iterator[tuple[str, ShapedGraph]]:
    """The graph after each pass, by the pass's name; the passes run in turn until none finds anything to do."""
    while True:
        before = shaped
        for name, change in passes.items():
            shaped = change(shaped)
            yield name, shaped
        if shaped is before:
            return


def optimized(shaped: ShapedGraph, *, upto: str | None = None, passes: Mapping[str, Pass] = PASSES) -> ShapedGraph:
    """The graph after all passes; with `upto` after the first ones, which run once, up to and including that."""
    for name, graph in stages(shaped, passes):
        shaped = graph
        if name == upto:
            break
    return shaped
