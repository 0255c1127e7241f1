"""Shapes: the rule of every layer applied along the graph."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from netdsl.graph import axes, labels
from netdsl.graph.node import Node, ShapedGraph
from netdsl.graph.size import LIMIT, Runaway, about
from netdsl.layers.arguments import MAX_SIZE, LayerError
from netdsl.layers.base import Layer
from netdsl.layers.guard import BrokenLayer, probe
from netdsl.layers.shape import Shape
from netdsl.text.diagnostic import Diagnostic, NetError, Report
from netdsl.text.finding import Related
from netdsl.text.mistake import Mistake

MAX_ELEMENTS = 2**40


class LargeLayer(Mistake, code="limit-exceeded", example="INPUT 8 -> FC 999999999 -> FC 999999999 -> FC 999999999"):
    said: str
    words = "{said}"


class WeightsMisfit(Mistake, code="shape-mismatch", example="INPUT 8 -> a: FC 4 -> a()"):
    path: str
    owner: str
    made_for: str
    given: str
    words = "{path} applies the weights of {owner} again, which were made for {made_for}, to {given}"
    advice = "call a block for weights of its own"


@dataclass
class Shapes:
    """The shapes of nodes' outputs while there come to be more; None behind a mistake, which is reported once.

    Copies have one layer, so that its rules are asked once for inputs of equal shape, which are one object. Where each
    has inputs of other shapes, as in `PAD 1 x1000`, a quarter of the limit of nodes is looked at.
    """

    nodes: Sequence[Node]
    report: Report
    limit: int = LIMIT
    found: list[Shape | None] = field(default_factory=list["Shape | None"])
    _known: dict[tuple[int, ...], Shape | None] = field(default_factory=dict["tuple[int, ...]", "Shape | None"])
    _equal: dict[Shape, Shape] = field(default_factory=dict[Shape, Shape])
    _fitting: set[tuple[int, ...]] = field(default_factory=set["tuple[int, ...]"])
    _broken: set[str] = field(default_factory=set[str])
    _asked: set[int] = field(default_factory=set[int])
    _index: dict[str, int] = field(default_factory=dict[str, int])
    _ended: bool = False

    def infer(self) -> None:
        """Find the shapes of the nodes that have come since."""
        found, known = self.found, self._known
        for node in self.nodes[len(found) :]:
            inputs: list[Shape] = []
            for source in node.inputs:
                if (one := found[source]) is None:
                    break
                inputs.append(one)
            if len(inputs) < len(node.inputs):
                found.append(None)
                continue
            key = (id(node.layer), *map(id, inputs))
            shape = known[key] if key in known else self._first(node, inputs, key)
            if shape is not None and node.owner != node.path:
                shape = self._again(node, inputs, key, shape)
            found.append(shape)

    def _first(self, node: Node, inputs: Sequence[Shape], key: tuple[int, ...]) -> Shape | None:
        """What a layer gives for inputs of shapes that it has not met."""
        self._asked.add(key[0])
        if self._ended:
            return None
        if (len(self._known) - len(self._asked)) * 4 > self.limit:
            message = f"copies of layers take inputs of more than {self.limit // 4:,} shapes in all"
            self.report.add(diagnostic(node, LayerError(Runaway(message)), self.nodes, inputs))
            self._ended = True
            return None
        shape = self._shape(node, inputs)
        shape = self._known[key] = None if shape is None else self._equal.setdefault(shape, shape)
        return shape

    def _again(self, node: Node, inputs: Sequence[Shape], key: tuple[int, ...], shape: Shape) -> Shape | None:
        """What a layer gives with the weights of another node, which must fit."""
        for index in range(len(self._index), len(self.found)):
            self._index[self.nodes[index].path] = index
        owner = self._index[node.owner]
        sources = () if self.found[owner] is None else self.nodes[owner].inputs
        first = [one for source in sources if (one := self.found[source]) is not None]
        fits = (*key, -1, *map(id, first))
        if fits not in self._fitting:
            if not _fits(node.layer, inputs, first):
                self.report.add(diagnostic(node, _misfit(node, inputs, first), self.nodes, inputs))
                return None
            self._fitting.add(fits)
        return shape

    def _shape(self, node: Node, inputs: Sequence[Shape]) -> Shape | None:
        """The shape that a node gives, by its layer's rules; None for a mistake, which is reported."""
        try:
            shape = node.layer.shape(*inputs)
            _check_size(node.layer, shape, inputs)
            warnings = tuple(node.layer.warnings(*inputs))
            probe(node.layer, inputs)
        except LayerError as error:
            if error.mistake.code == "shape-mismatch" and node.layer.merge:
                error.mistake = error.mistake.advised(labels.mismatch(self.nodes, self.found, node))
            if str(error) not in self._broken:
                self.report.add(diagnostic(node, error, self.nodes, inputs))
            if isinstance(error, BrokenLayer):
                self._broken.add(str(error))  # which is told once
            return None
        for warning in warnings:
            self.report.add(diagnostic(node, warning, self.nodes, inputs))
        return shape


def _check_size(layer: Layer, shape: Shape, inputs: Sequence[Shape]) -> None:
    """Raise `limit-exceeded` for what no machine has room for."""
    most = max([weight.count for weight in layer.weights(*inputs)], default=0)
    if max(shape.dims) > MAX_SIZE:
        what = f"{layer.keyword} gives {shape}, and the limit for a size is {MAX_SIZE:,}"
    elif shape.elements > MAX_ELEMENTS:
        what = f"{layer.keyword} gives {shape}, {about(shape.elements)} values, and the limit is {MAX_ELEMENTS:,}"
    elif most > MAX_ELEMENTS:
        what = f"{layer.keyword} has {about(most)} parameters over {inputs[0]}, and the limit is {MAX_ELEMENTS:,}"
    else:
        return
    raise LayerError(LargeLayer(what))


def _misfit(node: Node, inputs: Sequence[Shape], made_for: Sequence[Shape]) -> LayerError:
    """Weights applied again must have the shapes that they were made for."""
    return LayerError(WeightsMisfit(node.path, node.owner, str(made_for[0]), str(inputs[0])), inputs=True)


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


T = TypeVar("T")


def ask(rule: Callable[..., T], shaped: ShapedGraph, index: int, inputs: Sequence[object] | None = None) -> T:
    """What a rule makes of a node's layer and its inputs, their shapes by default. Raises NetError where it cannot."""
    node, shapes = shaped.nodes[index], shaped.input_shapes(index)
    try:
        return rule(node.layer, *(shapes if inputs is None else inputs))
    except LayerError as error:
        raise NetError([diagnostic(node, error, shaped.nodes, shapes)]) from error


def diagnostic(node: Node, error: LayerError, nodes: Sequence[Node], inputs: Sequence[Shape]) -> Diagnostic:
    """The error at the node's place, with where its inputs came from, and the calls around it."""
    related: list[Related] = []
    mistake = error.mistake
    if mistake.code in {"window-too-large", "rank-mismatch"}:
        fixes = (axes.fix(nodes[source]) for source in node.inputs)
        mistake = mistake.advised(next(filter(None, fixes), ""))
    if error.inputs:
        branches = node.site.branches
        for position, (source, shape) in enumerate(zip(node.inputs, inputs, strict=True)):
            span = branches[position] if position < len(branches) else nodes[source].site.span
            related.append(Related(span, str(shape)))
    return Diagnostic(
        mistake,
        node.site.arguments.get(error.argument, node.site.span),
        related=tuple(related),
        path=node.path.rpartition(".")[0],
        calls=tuple(node.calls or ()),
    )
