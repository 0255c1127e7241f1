"""Both networks of a difference as one graph: every layer of either, and every edge, with what became of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from netdsl.diff.change import Change, Compared
from netdsl.diff.rows import moved
from netdsl.draw.drawing import Tint
from netdsl.graph.node import Node, ShapedGraph
from netdsl.layers.shape import Shape


@dataclass(frozen=True, slots=True)
class Link:
    """What flows from a layer to a layer, by their places in the union."""

    source: int
    target: int
    shape: Shape
    tint: Tint | None


@dataclass(frozen=True)
class Union:
    """The layers of both networks in the order of the difference, where each stands, and what flows between them."""

    difference: Compared
    paths: tuple[str, ...]
    """The path of each: where the network whose names are told has it, or would have it, were its scopes called so."""
    links: tuple[Link, ...]

    @property
    def layers(self) -> tuple[Change, ...]:
        """The layers."""
        return self.difference.layers

    def tint(self, at: int) -> Tint:
        """What became of a layer."""
        kind = self.layers[at].kind
        return "unchanged" if kind in ("same", "follows") else kind

    def shaped(self, at: int) -> ShapedGraph:
        """The network that has a layer: that whose names are told, if both do."""
        both, host = (self.difference.first, self.difference.second), self.difference.host
        return both[host if self.layers[at].each[host] else 1 - host]

    @property
    def outputs(self) -> dict[int, str]:
        """What the second network returns, by name; what the first does, where there is no second."""
        after = bool(self.difference.second.nodes)
        graph = self.difference.graphs[after]
        places = {side.index: at for at, one in enumerate(self.layers) if (side := one.each[after])}
        host = self.difference.graphs[self.difference.host]
        named = {*host.outputs, *host.training_outputs}
        found: dict[int, str] = {}
        for index in (*graph.outputs, *graph.training_outputs):
            side = self.layers[places[index]].each[self.difference.host]
            both = side if side is not None and side.index in named else None
            found[places[index]] = host.output_name(both.index) if both else graph.output_name(index)
        return found

    def node(self, at: int) -> Node:
        """The node of a layer, in the network that has it."""
        return self.shaped(at).nodes[self.difference.told(self.layers[at]).index]


def union(difference: Compared) -> Union:
    """The two networks of a difference as one."""
    host = difference.host
    paths = (side.path if (side := one.each[host]) else moved(difference, one.side.path) for one in difference.layers)
    return Union(difference, tuple(paths), tuple(_links(difference)))


def _links(difference: Compared) -> Iterator[Link]:
    """The links of the second network, and those of the first that are no more."""
    layers = difference.layers
    ours = {one.before.index: at for at, one in enumerate(layers) if one.before}
    theirs = {one.after.index: at for at, one in enumerate(layers) if one.after}
    for at, one in enumerate(layers):
        was = [ours[source] for source in difference.first.nodes[one.before.index].inputs] if one.before else []
        now = [theirs[source] for source in difference.second.nodes[one.after.index].inputs] if one.after else []
        rewired = bool(one.before and one.after and one.notes)
        for source in now:
            new = source not in was and (rewired or "added" in (one.kind, layers[source].kind))
            yield Link(source, at, layers[source].side.shape, "added" if new else None)
        for source in was:
            gone = source not in now and (rewired or "removed" in (one.kind, layers[source].kind))
            if gone and source < at:
                yield Link(source, at, layers[source].sides[0].shape, "removed")
