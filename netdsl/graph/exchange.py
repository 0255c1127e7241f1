"""A network as a graph of networkx, and a graph of networkx, whoever built it, as a network.

Nodes are layers, and an edge's key is the position of the input that it is: `graph.add_edge("stem", "add1", key=1)`.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import PurePath
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias, cast

from netdsl.graph import axes, bind, paths, unused
from netdsl.graph.fault import Fault
from netdsl.graph.infer import Shapes
from netdsl.graph.listing import listing
from netdsl.graph.maker import MAX_DEVICE
from netdsl.graph.nested import nested
from netdsl.graph.node import Calls, Graph, Node, ShapedGraph, Site
from netdsl.graph.outline import Outline
from netdsl.graph.size import LIMIT
from netdsl.layers.arguments import references
from netdsl.layers.base import Layer
from netdsl.layers.shape import Shape
from netdsl.text import safe, tree
from netdsl.text.diagnostic import Enough, Report
from netdsl.text.fit import listed
from netdsl.text.mistake import Mistake
from netdsl.text.parse import parse
from netdsl.text.source import Source, Span
from netdsl.text.suggest import bounded, did_you_mean

if TYPE_CHECKING:
    from networkx import DiGraph, MultiDiGraph

Names: TypeAlias = Mapping[Hashable, str]


class NotOneLayer(Mistake, code="syntax-error"):
    words = "this is not one layer"
    advice = "name, device and inputs are said by the graph: write CONV 64 3 p1, or such"


class Outlined(NamedTuple):
    """An outline, and the nodes and shapes that it is of: a graph that has become another is none of its."""

    outline: Outline
    nodes: Sequence[Node]
    shapes: Sequence[Shape]


_GRAPH = {
    "name": str,  # networkx's own
    "title": str,
    "file": str,
    "meta": Mapping,
    "inputs": Sequence,
    "outputs": Iterable,
    "training_outputs": Iterable,
    "params": Mapping,
    "expectations": Sequence,
    "overridden": bool,
    "aliases": Mapping,
    "outline": Outlined,
}
_NODE = {
    "layer": Layer | str,
    "shape": object,
    "device": int,
    "weights": Hashable,
    "training": object,
    "place": Site,
    "calls": Calls,
}


def of(shaped: ShapedGraph) -> MultiDiGraph[str]:
    """The graph of a network: its nodes in order, by path, with all that is known of them and of it."""
    import networkx

    graph, paths = shaped.graph, [node.path for node in shaped.nodes]
    found: MultiDiGraph[str] = networkx.MultiDiGraph(
        name=graph.title,
        title=graph.title,
        file=graph.source.name,
        meta=dict(graph.meta),
        inputs=[paths[index] for index in graph.inputs],
        outputs={graph.output_name(index): paths[index] for index in graph.outputs},
        training_outputs={graph.output_name(index): paths[index] for index in graph.training_outputs},
        params=dict(graph.params),
        expectations=graph.expectations,
        overridden=graph.overridden,
        aliases={name: paths[index] for name, index in graph.aliases.items()},
        outline=Outlined(graph.outline, shaped.nodes, shaped.shapes),
    )
    for node, shape in zip(shaped.nodes, shaped.shapes, strict=True):
        found.add_node(
            node.path,
            layer=node.layer,
            shape=shape,
            device=node.device,
            weights=node.owner,
            training=node.training,
            place=node.site,
            calls=node.calls,
        )
        for position, source in enumerate(node.inputs):
            found.add_edge(paths[source], node.path, key=position)
    return found


def read(graph: DiGraph[Any], report: Report) -> tuple[ShapedGraph | None, Names]:
    """The network of a graph, and the path of each of its nodes there; None where a layer has a mistake.

    Mistakes of layers go to `report`. Raises ValueError for what is no network's graph, TypeError for no such graph.
    """
    import networkx

    if not isinstance(graph, networkx.DiGraph):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise TypeError(f"a network is made of a directed graph of networkx, not {graph!r}")
    with suppress(Enough), bounded():
        return _Reading(graph, report).network()
    return None, {}


@dataclass(frozen=True, slots=True)
class _Written:
    """A node's layer, where its arguments stand, and how many nodes it reads by name (`like=`)."""

    layer: Layer
    site: Site
    further: int


class _Reading:
    """A graph while a network is made of it."""

    def __init__(self, graph: DiGraph[Any], report: Report) -> None:
        _check(graph.graph, _GRAPH, "the graph")
        for node, data in graph.nodes(data=True):
            _check(data, _NODE, _told(node))
            if data.get("layer") is None:
                raise ValueError(f'{_told(node)}: it has no layer; give it one, such as layer="RELU"')
        if not graph:
            raise ValueError("the graph has no nodes")
        for claim in graph.graph.get("expectations") or ():
            if not isinstance(claim, tree.Expect):
                raise ValueError(f"expectations: {claim!r} is none; take those of the graph of a network")
        self.graph, self.report = graph, report
        self.facts: Mapping[str, Any] = {key: value for key, value in graph.graph.items() if value is not None}
        owners = {one for _, data in graph.nodes(data=True) if isinstance(one := data.get("weights"), str)}
        keywords = {node: _keyword(data["layer"]) for node, data in graph.nodes(data=True)}
        self.paths = paths.assign(keywords, owners - keywords.keys())

    def network(self) -> tuple[ShapedGraph | None, Names]:
        """What comes of it."""
        order = self.order()
        written = {node: self.written(node) for node in order}
        layers = {node: one for node, one in written.items() if one is not None}
        if len(layers) < len(order):
            return None, {}
        nodes = self.nodes(order, layers)
        shapes = Shapes(nodes, self.report, max(LIMIT, len(nodes)))
        shapes.infer()
        axes.warn(nodes, shapes.found, self.report)
        numbers = {node: index for index, node in enumerate(order)}
        training, named = self.outputs("training_outputs", numbers, {})
        outputs, named = self.outputs("outputs", numbers, named)
        reduced = unused.reduced(nodes, outputs, training, self.report)
        if self.report.failed:
            return None, {}
        moved = reduced.moved
        final = [
            replace(
                node,
                site=self.graph.nodes[order[old]].get("place") or node.site,
                calls=self.graph.nodes[order[old]].get("calls"),
                owner=self.owner(order[old]),
            )
            for old, node in zip(moved, reduced.nodes, strict=True)
        ]
        names = {moved[index]: name for name, index in named.items() if name != nodes[index].path}
        further = {name: moved[numbers[node]] for name, node in self.aliases() if numbers.get(node) in moved}
        file = self.facts.get("file", "network.net")
        found = tuple([shape for old in moved if (shape := shapes.found[old]) is not None])
        outline = self.outline(final, found)
        title = safe.line(self.facts.get("title") or self.facts.get("name") or PurePath(file).stem)
        graph = Graph(
            title,
            Source("", file),
            _facts(self.facts.get("meta", {})),
            tuple(final),
            tuple([moved[index] for index in outputs]),
            tuple([moved[index] for index in training]),
            outline,
            tuple(self.facts.get("expectations", ())),
            names,
            self.facts.get("overridden", False),
            dict(self.facts.get("params", {})),
            further | {name: index for index, name in names.items()},
        )
        graph = replace(graph, source=Source(listing(graph), file))
        return ShapedGraph(graph, found), {order[old]: nodes[old].path for old in moved}

    def outline(self, nodes: Sequence[Node], shapes: Sequence[Shape]) -> Outline:
        """The outline that the graph came with, where it is still of it."""
        given: Outlined | None = self.facts.get("outline")
        if given and (list(given.nodes), list(given.shapes)) == (list(nodes), list(shapes)):
            return given.outline
        return nested(nodes)

    def order(self) -> Sequence[Hashable]:
        """The nodes as they run: in the graph's own order where that is one, and inputs in the order that is stated."""
        import networkx

        key = {node: index for index, node in enumerate(self.graph)}
        inputs = self.facts.get("inputs", ())
        for node in inputs:
            if node not in key or _keyword(self.graph.nodes[node]["layer"]) != "INPUT":
                raise ValueError(f"inputs: {node} is no INPUT of the graph")
        if len(set(inputs)) < len(inputs):
            raise ValueError("inputs: each is named once")
        key |= dict(zip(inputs, sorted([key[node] for node in inputs]), strict=True))
        try:
            return list(networkx.lexicographical_topological_sort(self.graph, key.__getitem__))
        except networkx.NetworkXUnfeasible:
            edges: Sequence[tuple[Any, ...]] = list(networkx.find_cycle(self.graph))  # pyright: ignore
            cycle = [_told(edge[0]) for edge in (*edges, edges[0])]
            raise ValueError(f"{cycle[0]}: it reads itself, {' -> '.join(cycle)}") from None

    def written(self, node: Hashable) -> _Written | None:
        """A node's layer; None where its text has a mistake, which is reported."""
        given: Layer | str = self.graph.nodes[node]["layer"]
        if isinstance(given, Layer):
            source = Source(given.written, _told(node))
            return _Written(given, Site(Span(source, 0, len(source.text)), {}), len(references(given)))
        source, before = Source(given, _told(node)), self.report.errors
        file = parse(source, self.report)
        match file.statements:
            case (tree.Chain((tree.Element(None, tree.Layer() as written, None, None),)),):
                return self.bound(written)
            case _:
                if self.report.errors == before:
                    self.report.error(NotOneLayer(), Span(source, 0, len(given)))
                return None

    def bound(self, written: tree.Layer) -> _Written | None:
        """A layer of the table with its arguments."""

        def told(fault: Fault) -> None:
            self.report.add(fault.found())

        try:
            row = bind.row(written, (), False)
        except Fault as fault:
            told(fault)
            return None
        layer, site, further = bind.layer(row, written, {}, lambda _: 0, told)
        return None if layer is None else _Written(layer, site, len(further))

    def nodes(self, order: Sequence[Hashable], layers: Mapping[Hashable, _Written]) -> list[Node]:
        """The nodes in order, where the first of those that share weights is their owner, which the others must fit."""
        numbers = {node: index for index, node in enumerate(order)}
        owners: dict[str, Hashable] = {}
        found: list[Node] = []
        for node in order:
            one, device = layers[node], self.graph.nodes[node].get("device") or 0
            if not 0 <= device <= MAX_DEVICE:
                raise ValueError(f"{_told(node)}: a device is a number from 0 to {MAX_DEVICE}, not {device}")
            first = owners.setdefault(self.owner(node), node)
            if layers[first].layer != one.layer:
                raise ValueError(
                    f"{_told(node)}: it shares weights with {first}, whose layer is {layers[first].layer.written}"
                )
            inputs = tuple([numbers[source] for source in self.inputs(node, one)])
            found.append(Node(self.paths[node], one.layer, inputs, one.site, None, device, self.paths[first]))
        return found

    def owner(self, node: Hashable) -> str:
        """The path of the weights that a node uses: another node's, or where there is none any more, what was its."""
        weights: Hashable = self.graph.nodes[node].get("weights")
        if weights is None or weights == node:
            return self.paths[node]
        if weights in self.graph:
            if self.graph.nodes[weights].get("weights") not in (None, weights):
                raise ValueError(
                    f"{_told(node)}: it uses the weights of {weights}, which uses those of another node itself"
                )
            return self.paths[weights]
        if isinstance(weights, str) and paths.sayable(weights):
            return weights
        raise ValueError(f"{_told(node)}: it uses the weights of {weights}, which is no node")

    def inputs(self, node: Hashable, of: _Written) -> Sequence[Hashable]:
        """What a node reads, by the positions that keys say, or without keys the attribute `position`."""
        before: Mapping[Hashable, Mapping[Any, Any]] = self.graph.pred[node]
        many = self.graph.is_multigraph()
        edges: list[tuple[object, Hashable]] = [
            (position, source)
            for source, data in before.items()
            for position in (data if many else [data.get("position", 0)])
        ]
        found: dict[object, Hashable] = dict(edges)
        if len(found) < len(edges) or found.keys() != set(range(len(edges))):
            said = listed([str(position) for position, _ in edges])
            what = "the key of an edge" if many else "an edge's `position`"
            raise ValueError(f"{_told(node)}: its inputs have the positions {said}; {what} counts them from 0")
        keyword, takes = of.layer.keyword, of.further + (of.layer.keyword != "INPUT")
        if len(edges) < takes or (len(edges) > takes and not of.layer.merge):
            wanted = "no input" if not takes else f"{takes} input{'s' * (takes > 1)}{' or more' * of.layer.merge}"
            raise ValueError(f"{_told(node)}: {keyword} takes {wanted}, and {len(edges)} lead to it")
        return [found[position] for position in range(len(edges))]

    def outputs(
        self, key: str, numbers: Mapping[Hashable, int], before: Mapping[str, int]
    ) -> tuple[list[int], dict[str, int]]:
        """What is returned, and all outputs by name; without any stated, every end that nothing reads."""
        given: Any = self.facts.get(key)
        ended, called = set(before.values()), set(self.paths.values())
        if given is None:
            ends = [node for node in numbers if not self.graph.out_degree(node)] if key == "outputs" else []
            given = [node for node in ends if numbers[node] not in ended]
        if isinstance(given, Mapping):
            pairs = list(cast("Mapping[str, Any]", given).items())
        else:
            pairs = [(self.paths.get(node, ""), node) for node in given]
        found = dict(before)
        indices: list[int] = []
        for name, node in pairs:
            if node not in numbers:
                raise ValueError(f"{key}: {node} is no node of the graph")
            if numbers[node] in ended or name in found:
                raise ValueError(f"{key}: {name} is an output already")
            if name != self.paths[node] and not paths.sayable(name):
                raise ValueError(f"{key}: an output is called by a name in lower case, not {name}")
            if name != self.paths[node] and name in called:
                raise ValueError(f"{key}: {name} is called as another node is")
            found[name] = numbers[node]
            ended.add(numbers[node])
            indices.append(numbers[node])
        if key == "outputs" and not indices:
            raise ValueError("outputs: the network has none")
        return indices, found

    def aliases(self) -> Iterable[tuple[str, Hashable]]:
        """The further names of nodes, but for those that are paths now."""
        taken = set(self.paths.values())
        return ((name, node) for name, node in self.facts.get("aliases", {}).items() if name not in taken)


def _check(given: Mapping[Any, object], known: Mapping[str, Any], whose: str) -> None:
    """Raise ValueError for an attribute that there is not, or that has a value of another kind."""
    for key, value in given.items():
        if key not in known:
            help = did_you_mean(str(key), known) or f"there are {listed(list(known))}"
            raise ValueError(f"{whose}: {key} is no attribute of it; {help}")
        if value is not None and (not isinstance(value, known[key]) or (isinstance(value, bool) and known[key] is int)):
            raise ValueError(f"{whose}: its {key} cannot be {value!r}")


def _told(node: Hashable) -> str:
    return node if isinstance(node, str) else f"node {node}"


def _keyword(layer: Layer | str) -> str:
    return layer.keyword if isinstance(layer, Layer) else next(iter(layer.split()), "")


def _facts(meta: Mapping[str, object]) -> dict[str, str | int | float]:
    """Meta facts. Raises ValueError for what is none."""
    found: dict[str, str | int | float] = {}
    for key, value in meta.items():
        if not isinstance(value, str | int | float):
            raise ValueError(f"meta: {key} is a number or a text, not {value!r}")
        found[key] = safe.line(value) if isinstance(value, str) else value
    return found
