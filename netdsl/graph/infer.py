"""Shapes: the rule of every layer applied along the graph."""

from __future__ import annotations

from collections.abc import Sequence

from netdsl.graph import axes, labels
from netdsl.graph.node import Node
from netdsl.layers.arguments import MAX_SIZE, LayerError
from netdsl.layers.base import Layer
from netdsl.layers.guard import BrokenLayer, probe
from netdsl.layers.shape import Shape
from netdsl.text.diagnostic import Diagnostic, Related, Report

MAX_ELEMENTS = 2**40


def shapes(nodes: Sequence[Node], report: Report) -> list[Shape | None]:
    """The shape of every node's output; None behind a mistake, which is reported once."""
    found: list[Shape | None] = []
    owners: dict[str, tuple[int, tuple[Shape, ...]]] = {}
    broken: set[str] = set()
    for index, node in enumerate(nodes):
        inputs: list[Shape] = []
        for source in node.inputs:
            shape = found[source]
            if shape is None:
                break
            inputs.append(shape)
        if len(inputs) < len(node.inputs):
            found.append(None)
            continue
        try:
            shape = node.layer.shape(*inputs)
            _check_size(node, shape, inputs)
            if node.shared:
                _check_shared(node, inputs, owners)
            warnings = tuple(node.layer.warnings(*inputs))
            probe(node.layer, inputs)
            for warning in warnings:
                report.add(diagnostic(node, warning, nodes, inputs))
        except LayerError as error:
            if error.code == "shape-mismatch" and node.layer.merge:
                error.help = labels.mismatch(nodes, found, node) or error.help
            if error.message not in broken:
                report.add(diagnostic(node, error, nodes, inputs))
            if isinstance(error, BrokenLayer):
                broken.add(error.message)  # which is told once
            shape = None
        found.append(shape)
        owners.setdefault(node.path, (index, tuple(inputs)))
    return found


def _check_size(node: Node, shape: Shape, inputs: Sequence[Shape]) -> None:
    if max(shape.dims) > MAX_SIZE or shape.elements > MAX_ELEMENTS:
        raise LayerError("limit-exceeded", f"{node.layer.keyword} gives {shape}, which is absurdly large")
    weights = node.layer.weights(*inputs)
    if weights and max(weight.count for weight in weights) > MAX_ELEMENTS:
        raise LayerError("limit-exceeded", f"{node.layer.keyword} has absurdly many parameters over {inputs[0]}")


def _check_shared(node: Node, inputs: Sequence[Shape], owners: dict[str, tuple[int, tuple[Shape, ...]]]) -> None:
    """Weights applied again must have the shapes that they were made for."""
    first = owners.get(node.owner)
    if first is None or _fits(node.layer, inputs, first[1]):
        return
    raise LayerError(
        "shape-mismatch",
        f"{node.path} applies the weights of {node.owner} again, which were made for {first[1][0]}, to {inputs[0]}",
        "call a block for weights of its own",
        inputs=True,
    )


def _fits(layer: Layer, inputs: Sequence[Shape], made_for: Sequence[Shape]) -> bool:
    """Whether the module that was made for some shapes takes others too."""
    if not inputs or not made_for:
        return True
    x, y = inputs[0], made_for[0]
    if layer.role == "dense":
        return x.elements == y.elements
    if layer.role == "normalization" and x.channels != y.channels:  # buffers, too, are as long as there are channels
        return False
    return x.rank == y.rank and layer.weights(*inputs) == layer.weights(*made_for)


def diagnostic(node: Node, error: LayerError, nodes: Sequence[Node], inputs: Sequence[Shape]) -> Diagnostic:
    """The error at the node's place, with where its inputs came from, and the calls around it."""
    related: list[Related] = []
    help = error.help
    if error.code in {"window-too-large", "rank-mismatch"}:
        help = next((fix for source in node.inputs if (fix := axes.fix(nodes[source].layer))), help)
    if error.inputs:
        branches = node.site.branches
        for position, (source, shape) in enumerate(zip(node.inputs, inputs, strict=True)):
            span = branches[position] if position < len(branches) else nodes[source].site.span
            related.append(Related(span, str(shape)))
    return Diagnostic(
        error.code,
        error.message,
        node.site.arguments.get(error.argument, node.site.span),
        related=tuple(related),
        help=help,
        path=node.path.rpartition(".")[0],
        calls=tuple(node.calls or ()),
    )
