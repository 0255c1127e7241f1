"""What each weight of a network starts from, by a name and by what stands around its layer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from netdsl.compile.inits import DEFAULT, PYTORCH, gains
from netdsl.compile.inits.residual import product
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
        return {plan.modules[owner]: Start(gain) for owner, gain in gains.of(plan.shaped).items()}
    biased = _biased(graph) if init == "alexnet" else frozenset[str]()
    return {
        plan.modules[node.owner]: Start(bias=float(node.owner in biased)) for node in graph.nodes if product(node.layer)
    }


def _biased(graph: Graph) -> frozenset[str]:
    """Where AlexNet has biases of 1 (Krizhevsky 2012, section 5): convolutions of depth 2, 4 and 5, hidden FCs."""
    depth, last = [0] * len(graph.nodes), [True] * len(graph.nodes)
    found: set[str] = set()
    for index, node in enumerate(graph.nodes):
        deeper = product(node.layer) and node.layer.role == "convolution"
        depth[index] = deeper + max((depth[one] for one in node.inputs), default=0)
        if deeper and depth[index] in (2, 4, 5):
            found.add(node.owner)
    for index in reversed(range(len(graph.nodes))):
        node = graph.nodes[index]
        dense = product(node.layer) and node.layer.role == "dense"
        if dense and not last[index]:
            found.add(node.owner)
        for one in node.inputs:
            last[one] = last[one] and last[index] and not dense
    return frozenset(found)
