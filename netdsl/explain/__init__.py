"""Explains networks: the questions that a course asks of them, answered with the numbers put in."""

from __future__ import annotations

from netdsl.explain import block, layer, network
from netdsl.explain.page import Explanation
from netdsl.explain.view import View
from netdsl.graph.node import ShapedGraph
from netdsl.text.suggest import did_you_mean

__all__ = ["Explanation", "UnknownPath", "explain"]


class UnknownPath(LookupError):
    """Nothing in the network has that path; `help` says what may have been meant."""

    def __init__(self, path: str, help: str) -> None:
        super().__init__(f"there is no {path or 'empty path'} in the network")
        self.help = help


def explain(shaped: ShapedGraph, path: str | None = None) -> Explanation:
    """Explain a network, or what stands at a path of it: a layer, a block, a repeat, a copy, an alias.

    Raises UnknownPath.
    """
    view, graph = View(shaped), shaped.graph
    if path is None:
        return network.explanation(view)
    if path in graph.index:
        return layer.explanation(view, graph.index[path])
    if view.under(path):
        return block.explanation(view, path)
    index = graph.find(path)
    if index is not None:
        return layer.explanation(view, index)
    raise UnknownPath(path, did_you_mean(path, graph.names) or "`netdsl summary` shows the paths")
