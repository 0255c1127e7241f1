"""The stages of a network: what works at one effective stride, one after the other along its longest path."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import TypeAlias

from netdsl.explain.view import View, percent
from netdsl.layers.answer import Answer, Table
from netdsl.layers.arguments import Number, show

_MOST = 16

_Level: TypeAlias = tuple[bool, tuple[Number, ...]]
"""Whether a map has several positions, and its effective stride: sizes that shrink by a border alone are one level."""


@dataclass(slots=True)
class Stage:
    """Nodes at one level: those along the longest path, and then those beside it."""

    level: _Level
    nodes: list[int]
    along: int = 0


def longest(view: View) -> list[int]:
    """The path with most layers that count, and of those the one with most layers: indices from input to output."""
    best: dict[int, tuple[int, int, int | None]] = {}
    for index in view.inference:
        node = view.nodes[index]
        before = max((source for source in node.inputs), key=lambda source: best[source][:2], default=None)
        counted, length = (0, 0) if before is None else best[before][:2]
        best[index] = counted + node.layer.counts_depth, length + 1, before
    at: int | None = max(best, key=lambda index: best[index][:2], default=None)
    way: list[int] = []
    while at is not None:
        way.append(at)
        at = best[at][2]
    return way[::-1]


def staged(view: View, way: Sequence[int]) -> list[Stage]:
    """The stages of a path; what stands beside it belongs to the last stage of its level that began before."""
    stages = [Stage(level, list(some)) for level, some in groupby(way, key=lambda index: _level(view, index))]
    alike: dict[_Level, list[Stage]] = {}
    for stage in stages:
        stage.along = len(stage.nodes)
        alike.setdefault(stage.level, []).append(stage)
    for index in sorted(set(view.inference).difference(way)):
        some = alike.get(_level(view, index), stages)
        some[max(bisect_left(some, index, key=lambda stage: stage.nodes[0]) - 1, 0)].nodes.append(index)
    return stages


def _level(view: View, index: int) -> _Level:
    return view.shape(index).positions > 1, tuple(axis.stride for axis in view.fields[index])


def answer(view: View, way: Sequence[int]) -> Answer:
    """A row a stage: its map, the most channels in it, its layers, and its share of the parameters, work and memory."""
    sums = view.totals
    rows: list[tuple[str, ...]] = []
    for stage in staged(view, way):
        cost = view.sums(stage.nodes)
        shares = (
            (cost.params, sums.params),
            (cost.macs, sums.macs),
            (cost.activation_bytes, sums.activation_bytes),
        )
        along = [show(view.shape(index).spatial) or "vector" for index in stage.nodes[: stage.along]]
        rows.append(
            (
                along[0] if along[0] == along[-1] or not stage.level[0] else f"{along[0]} to {along[-1]}",
                f"{max(view.shape(index).channels for index in stage.nodes):,}",
                _kinds(view, stage.nodes),
                *(percent(part, whole) if part else "" for part, whole in shares),
            )
        )
    if len(rows) > _MOST:
        middle = ("…", "", f"{len(rows) - _MOST + 1} more", "", "", "")
        rows = [*rows[: _MOST // 2], middle, *rows[1 - _MOST // 2 :]]
    headings = ("map", "widest", "layers", "params", "MACs", "memory")
    return Answer("What are its stages?", (Table(headings, tuple(rows), frozenset((1, 3, 4, 5))),))


def _kinds(view: View, indices: Sequence[int]) -> str:
    """The layers that count and the poolings: `3 CONV, MAXPOOL`."""
    layers = [view.layer(index) for index in sorted(indices)]
    counts = Counter(layer.keyword for layer in layers if layer.counts_depth or layer.role == "pooling")
    return ", ".join(keyword if number == 1 else f"{number} {keyword}" for keyword, number in counts.items())
