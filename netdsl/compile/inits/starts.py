"""What each weight of a network starts from, by a name and by what stands around its layer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from netdsl.compile.inits import DEFAULT, PYTORCH, gains
from netdsl.compile.plan import Plan
from netdsl.graph.node import Graph


@dataclass(frozen=True)
class Start:
    """What the weights of a layer start from.

    Those of a product have the deviation gain/√fan-in where its name has no other law, and those of a normalisation are
    the gain.
    """

    gain: float = 1.0
    bias: float = 0.0


def of(plan: Plan, init: str) -> Mapping[str, Start]:
    """By the paths of modules, all that does not start as its module does by itself."""
    graph = plan.shaped.graph
    if init == PYTORCH:
        return {}
    if init == DEFAULT:
        found = gains.of(plan.shaped)
        return {path: Start(found[index]) for path, index in plan.owners.items() if index in found}
    biased = _biased(graph) if init == "alexnet" else frozenset[int]()
    return {
        path: Start(bias=float(index in biased))
        for path, index in plan.owners.items()
        if gains.product(graph.nodes[index].layer)
    }


def _biased(graph: Graph) -> frozenset[int]:
    """Where AlexNet has biases of 1 (Krizhevsky 2012, section 5): convolutions of depth 2, 4 and 5, hidden FCs."""
    depth, last = [0] * len(graph.nodes), [True] * len(graph.nodes)
    found: set[int] = set()
    for index, node in enumerate(graph.nodes):
        deeper = gains.product(node.layer) and node.layer.role == "convolution"
        depth[index] = deeper + max((depth[one] for one in node.inputs), default=0)
        if deeper and depth[index] in (2, 4, 5):
            found.add(index)
    for index in reversed(range(len(graph.nodes))):
        node = graph.nodes[index]
        dense = gains.product(node.layer) and node.layer.role == "dense"
        if dense and not last[index]:
            found.add(index)
        for one in node.inputs:
            last[one] = last[one] and last[index] and not dense
    return frozenset(found)
