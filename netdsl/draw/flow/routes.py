"""The ways of a drawing's edges: those that enter a cluster together come in as one, and part inside.

So a shortcut around a block's layers runs within the block, and its shape is said once.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from netdsl.draw.drawing import Box, Drawing, Item, Tint, boxes
from netdsl.layers.shape import Shape


@dataclass(frozen=True, slots=True)
class Way:
    """An edge, or the part of it before or behind a fork: only the first part tells the shape."""

    source: str
    target: str
    shape: Shape | None
    training: bool
    ends: bool = True
    """Whether it ends at a box."""
    tint: Tint | None = None


@dataclass(frozen=True, slots=True)
class Routes:
    """All ways, in the order of the edges that begin with them, and what they join."""

    ways: tuple[Way, ...]
    forks: dict[str, list[str]]
    """By the cluster they are in."""
    around: dict[str, tuple[str, ...]]
    """For each box and fork, in the order of the flow, the clusters that it is in, from outside in."""
    levels: dict[str, int]
    """For each box and fork, how many ways lead to it at most."""


def routes(drawing: Drawing) -> Routes:
    """The ways of a drawing's edges."""
    around = dict(_places(drawing.items, {}))
    together: dict[tuple[str, Shape, bool, Tint | None], list[str]] = defaultdict(list)
    for edge in drawing.edges:
        together[edge.source, edge.shape, edge.training, edge.tint].append(edge.target)
    ways: list[Way] = []
    forks: dict[str, list[str]] = defaultdict(list)
    for (source, shape, training, tint), targets in together.items():
        pending: list[tuple[str, tuple[str, ...], Shape | None, list[str]]] = [(source, around[source], shape, targets)]
        while pending:
            at, within, told, ends = pending.pop()
            entered: dict[str, list[str]] = {}  # by the cluster they enter, or by themselves
            for end in ends:
                common = _common(within, around[end])
                entered.setdefault((*around[end], end)[common], []).append(end)
            for some in entered.values():
                common = around[some[0]]
                for end in some:
                    common = common[: _common(common, around[end])]
                if len(some) == 1 or len(common) <= _common(within, common):
                    ways.extend(Way(at, end, told, training, tint=tint) for end in some)
                    continue
                fork = f"fork {source} in {common[-1]}" + " in training" * training + f" {tint}" * bool(tint)
                forks[common[-1]].append(fork)
                ways.append(Way(at, fork, told, training, ends=False, tint=tint))
                pending.append((fork, common, None, some))
    around = dict(_places(drawing.items, forks))
    sources: dict[str, list[str]] = defaultdict(list)
    for way in ways:
        sources[way.target].append(way.source)
    levels: dict[str, int] = {}
    for name in around:
        levels[name] = max((levels.get(source, 0) + 1 for source in sources[name]), default=0)
    return Routes(tuple(ways), dict(forks), around, levels)


def numbers(drawing: Drawing, all: Routes) -> dict[str, int]:
    """For each box the number of the item that it is in, and for each fork that of what it leads to."""
    found = {one.id: at for at, item in enumerate(drawing.items) for one in boxes((item,))}
    for way in reversed(all.ways):
        found.setdefault(way.source, found[way.target])
    return found


def entries(all: Routes) -> dict[str, set[str]]:
    """By cluster, what the ways into it lead to."""
    found: dict[str, set[str]] = defaultdict(set)
    for way in all.ways:
        for cluster in all.around[way.target][_common(all.around[way.source], all.around[way.target]) :]:
            found[cluster].add(way.target)
    return found


def _common(a: tuple[str, ...], b: tuple[str, ...]) -> int:
    """How many clusters, from outside in, are around both."""
    return next((at for at, pair in enumerate(zip(a, b, strict=False)) if pair[0] != pair[1]), min(len(a), len(b)))


def _places(items: tuple[Item, ...], forks: Mapping[str, Sequence[str]]) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Each box and fork in the order of the flow, and the clusters that it is in, from outside in."""
    pending: list[tuple[Item, tuple[str, ...]]] = [(item, ()) for item in reversed(items)]
    while pending:
        item, around = pending.pop()
        if isinstance(item, Box):
            yield item.id, around
        else:
            around = (*around, item.id)
            yield from ((fork, around) for fork in forks.get(item.id, ()))
            pending.extend((inner, around) for inner in reversed(item.items))
