"""A network as a graph of networkx and back, and graphs that others built."""

from __future__ import annotations

import random
import re
from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import networkx
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from random_networks import programs
from torch import Tensor

import netdsl
from netdsl import recover, resources

VALID = Path(__file__).parent / "programs" / "valid"
PROGRAMS = [*resources.bundled(), *(path for path in sorted(VALID.glob("*.net")))]
Graph = networkx.MultiDiGraph
some = settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def outputs(net: netdsl.Network, state: Mapping[str, Tensor] | None = None) -> list[Tensor]:
    """What a network gives for one input, perhaps with the numbers of others' weights, in their order."""
    module = net.module()
    if state is not None:
        module.load_state_dict(dict(zip(module.state_dict(), state.values(), strict=True)))
    noise = torch.Generator().manual_seed(1)
    shapes = [net.shaped.shapes[index] for index in net.shaped.graph.inputs]
    given = [torch.rand(2, shape.channels, *shape.spatial, generator=noise) for shape in shapes]
    with torch.no_grad():
        found = module.eval()(*given)
    return [found] if isinstance(found, Tensor) else list(found)


def bare(graph: Graph, order: Sequence[str]) -> Graph:
    """The same network as others may build it: its nodes are numbers, its layers texts, and no more than needed."""
    number = {node: at for at, node in enumerate(order)}
    found = Graph(inputs=[number[node] for node in graph.graph["inputs"]])
    for key in ("outputs", "training_outputs"):
        found.graph[key] = [number[node] for node in graph.graph[key].values()]
    for node in order:
        data = graph.nodes[node]
        found.add_node(number[node], layer=data["layer"].written, device=data["device"])
        if data["weights"] != node:
            found.nodes[number[node]]["weights"] = number.get(data["weights"], data["weights"])
    found.add_edges_from((number[one], number[other], key) for one, other, key in graph.edges(keys=True))
    return found


@pytest.mark.parametrize("path", PROGRAMS, ids=lambda path: path.stem)
def test_a_network_is_what_its_graph_makes(path: Path) -> None:
    net = netdsl.load(path)
    again = netdsl.from_graph(net.graph)
    one, other = net.shaped, again.shaped
    assert other.nodes == one.nodes
    assert other.shapes == one.shapes
    for part in ("title", "meta", "inputs", "outputs", "training_outputs", "expectations", "overridden", "params"):
        assert getattr(other.graph, part) == getattr(one.graph, part)
    assert other.graph.aliases == one.graph.aliases
    scopes, others = ([part for part in graph.outline.walk() if part.scope] for graph in (one.graph, other.graph))
    assert [(part.path, part.title, part.copies) for part in others] == [
        (part.path, part.title, part.copies) for part in scopes
    ]
    returned = (*one.graph.outputs, *one.graph.training_outputs)
    assert list(map(other.graph.output_name, returned)) == list(map(one.graph.output_name, returned))
    assert again.summary().json() == net.summary().json()
    assert again.memory(2).json() == net.memory(2).json()
    assert not net.diff(again)
    assert again.paths == {node: node for node in net.graph}


@pytest.mark.parametrize("path", PROGRAMS, ids=lambda path: path.stem)
def test_a_nameless_graph_of_texts_has_the_same_totals_and_outputs(path: Path) -> None:
    net = netdsl.load(path)
    again = netdsl.from_graph(bare(net.graph, random.Random(0).sample(list(net.graph), len(net.graph))))
    one, other = again.summary().totals, net.summary().totals
    for figure in ("params", "macs", "flops", "connections", "depth"):
        assert getattr(one, figure) == getattr(other, figure)
    dims = [
        [str(one.shapes[index]) for index in (*one.graph.inputs, *one.graph.outputs, *one.graph.training_outputs)]
        for one in (net.shaped, again.shaped)
    ]
    assert dims[0] == dims[1]


@some
@given(programs())
def test_random_networks_and_their_graphs_compute_the_same(program: str) -> None:
    net = netdsl.loads(program)
    state = net.module().state_dict()
    again, nameless = netdsl.from_graph(net.graph), netdsl.from_graph(bare(net.graph, list(net.graph)))
    assert list(again.module().state_dict()) == list(state)
    found = outputs(net)
    assert len(found) == len(net.shaped.graph.outputs)
    for one, other, last in zip(found, outputs(again), outputs(nameless, state), strict=True):
        assert torch.equal(one, other)
        assert torch.equal(one, last)


def chain(layers: Mapping[Any, Any], *edges: tuple[Any, ...], **facts: object) -> netdsl.Network:
    """The network of nodes with layers, joined one after the other or by edges."""
    graph = Graph()
    graph.graph.update(facts)
    for node, layer in layers.items():
        graph.add_node(node, **(layer if isinstance(layer, dict) else {"layer": layer}))
    nodes = list(layers)
    for source, target, *position in edges or pairwise(nodes):
        graph.add_edge(source, target, *(position or [0]))
    return netdsl.from_graph(graph)


def test_what_a_graph_does_not_say_follows() -> None:
    net = chain({1: "INPUT 8x8x3", 2: "CONV 4 3 p1", 3: "CONV 4 3", 4: "FC 10"})
    assert net.paths == {1: "input1", 2: "conv1", 3: "conv2", 4: "fc1"}
    assert (net.title, list(net.graph.graph["outputs"]), net.warnings) == ("network", ["fc1"], ())
    assert [str(shape) for shape in net.shaped.shapes] == ["8x8x3", "8x8x4", "6x6x4", "10"]


def test_nodes_keep_the_names_that_the_language_can_say() -> None:
    names = ["in", "layer1.0.conv", "layer1", "layer1.2.conv", "Conv/2", "output", "relu_", "relu", "a.b", "a", "9"]
    net = chain({name: "INPUT 4x4x2" if name == "in" else "RELU" for name in names})
    kept = {"in", "layer1.2.conv", "relu_", "relu", "a.b"}
    assert {old for old, new in net.paths.items() if old == new} == kept
    changed = {str(old): new for old, new in net.paths.items() if old not in kept}
    assert changed == {
        "layer1.0.conv": "layer1._0.conv",
        "layer1": "layer1_",
        "Conv/2": "conv_2",
        "output": "output_",
        "a": "a_",
        "9": "_9",
    }
    assert netdsl.from_graph(net.graph).paths == {path: path for path in net.paths.values()}


def test_scopes_that_are_nodes_too_and_numbers_in_other_cases_get_names() -> None:
    names = ["image", "a.1.b", "a.1", "a", "a.2", "A.2", "A.1.B", "a.1.2.c", "a.1.2"]
    graph = networkx.MultiDiGraph()
    graph.add_node("image", layer="INPUT 8")
    for before, name in pairwise(names):
        graph.add_node(name, layer="FC 8")
        graph.add_edge(before, name, 0)
    found = netdsl.from_graph(graph).paths
    assert [found[name] for name in names] == [
        "image", "a.1.b", "a._1", "a_", "a.2", "a._2", "a.1.b_", "a.1.2.c", "a.1._2",
    ]  # fmt: skip


def test_a_graph_is_changed_and_read_again() -> None:
    net = netdsl.loads("INPUT 8x8x3 -> stem: CONV 4 3 p1 -> RELU -> FC 10\n")
    graph = net.graph
    graph.nodes["fc1"]["layer"] = "FC 20"
    graph.add_node("bn1", layer="BN", device=1)
    graph.remove_edge("stem", "relu1")
    graph.add_edge("stem", "bn1", 0)
    graph.add_edge("bn1", "relu1", 0)
    again = netdsl.from_graph(graph)
    assert [node.path for node in again.shaped.nodes] == ["input1", "stem", "bn1", "relu1", "fc1"]
    assert [node.device for node in again.shaped.nodes] == [0, 0, 1, 0, 0]
    assert str(again.shaped.shapes[-1]) == "20"
    assert list(net.graph) == ["input1", "stem", "relu1", "fc1"]


def test_paths_of_a_graph_are_groups() -> None:
    names = ["in", "stage.1.conv", "stage.1.relu", "stage.2.conv", "head", "stage.1.fc"]
    net = chain(dict(zip(names, ["INPUT 4x4x2", "CONV 2 3 p1", "RELU", "CONV 2 3 p1", "RELU", "FC 3"], strict=True)))
    outline = net.shaped.graph.outline
    assert [[one.path for one in around] for around in outline.around()] == [
        ["in"],
        ["stage", "stage.1", "stage.1.conv"],
        ["stage", "stage.1", "stage.1.relu"],
        ["stage", "stage.2", "stage.2.conv"],
        ["head"],
        ["stage", "stage.1", "stage.1.fc"],
    ]
    assert net.paths == {name: name for name in names}
    for style in ("flow", "columns", "volumes"):
        assert net.draw(style=style)


def test_an_outline_counts_while_the_layers_are_those_that_it_is_of() -> None:
    graph = netdsl.loads("INPUT 4x4x2 -> body: ( RELU -> TANH ) x3\n").graph
    outline = graph.graph["outline"].outline
    assert netdsl.from_graph(graph).shaped.graph.outline is outline
    graph.nodes["body.2.tanh1"]["layer"] = "SIGMOID"
    changed = netdsl.from_graph(graph)
    assert changed.shaped.graph.outline is not outline
    assert "sigmoid" in str(changed.summary()).lower()
    assert changed.graph.graph["aliases"]["body.2"] == "body.2.tanh1"


def test_a_block_that_other_layers_stand_within_is_explained_whole() -> None:
    layers = {"in": "INPUT 4", "a.fc1": "FC 4", "b.fc1": "FC 2", "a.fc2": "FC 3", "b.fc2": "FC 3", "add": "ADD"}
    edges = [("in", "a.fc1", 0), ("in", "b.fc1", 0), ("a.fc1", "a.fc2", 0), ("b.fc1", "b.fc2", 0)]
    told = str(chain(layers, *edges, ("a.fc2", "add", 0), ("b.fc2", "add", 1)).explain("a"))
    assert "35 parameters" in told
    assert "fc2  FC 3" in told


def test_weights_are_shared_and_outputs_named() -> None:
    shared = {"layer": "FC 4", "weights": "one"}
    layers = {"a": "INPUT 4", "b": "INPUT 4", "one": "FC 4", "two": shared, "cat": "CONCAT", "aux": "FC 2"}
    edges = [("b", "two", 0), ("a", "one", 0), ("two", "cat", 1), ("one", "cat", 0), ("one", "aux", 0)]
    net = chain(layers, *edges, inputs=["b", "a"], outputs={"both": "cat"}, training_outputs={"help": "aux"})
    graph = net.shaped.graph
    assert net.summary().totals.params == 4 * 4 + 4
    assert sorted(net.module().state_dict()) == ["aux.bias", "aux.weight", "one.bias", "one.weight"]
    assert outputs(net)[0].shape == (2, 8)
    assert [graph.nodes[index].path for index in graph.inputs] == ["b", "a"]
    assert net.summary().data["outputs"] == {"both": [8]}
    assert list(net.graph.graph["training_outputs"].items()) == [("help", "aux")]
    assert [node.path for node in graph.nodes if node.training] == ["aux"]
    assert net.graph.graph["aliases"] == {"both": "cat", "help": "aux"}


def test_no_node_is_called_as_weights_of_a_node_that_is_gone_are() -> None:
    net = chain(
        {0: "INPUT 8", 1: "FC 8", 2: {"layer": "FC 8", "weights": "fc1"}, 3: {"layer": "FC 8", "weights": "fc1"}}
    )
    assert net.paths == {0: "input1", 1: "fc1_", 2: "fc2", 3: "fc3"}
    assert net.summary().totals.params == 2 * 72


def test_a_plain_digraph_says_positions_by_an_attribute() -> None:
    graph = networkx.DiGraph(name="Gate")
    graph.add_nodes_from([("x", {"layer": "INPUT 4"}), ("y", {"layer": "RELU"}), ("z", {"layer": "SUB"})])
    graph.add_edges_from([("x", "y"), ("x", "z", {"position": 1}), ("y", "z", {"position": 0})])
    net = netdsl.from_graph(graph)
    assert (net.title, net.shaped.nodes[2].inputs) == ("Gate", (1, 0))


@pytest.mark.parametrize(
    ("layers", "edges", "facts", "says"),
    [
        ({}, [], {}, "the graph has no nodes"),
        ({"a": {}}, [], {}, "a: it has no layer"),
        ({1: {"layer": 5}}, [], {}, "node 1: its layer cannot be 5"),
        ({"a": {"layer": "INPUT 3", "devise": 1}}, [], {}, "a: devise is no attribute of it; did you mean device?"),
        ({"a": {"layer": "INPUT 3", "device": 2000}}, [], {}, "a: a device is a number from 0 to 1023, not 2000"),
        ({"a": "INPUT 3"}, [], {"titel": "A"}, "the graph: titel is no attribute of it; did you mean title?"),
        ({"a": "INPUT 3"}, [], {"meta": {"year": []}}, "meta: year is a number or a text, not []"),
        ({"a": "INPUT 3"}, [], {"expectations": ["params = 0"]}, "expectations: 'params = 0' is none; take those of"),
        ({"a": "INPUT 3"}, [], {"outputs": ["b"]}, "outputs: b is no node of the graph"),
        ({"a": "INPUT 3"}, [], {"outputs": []}, "outputs: the network has none"),
        ({"a": "INPUT 3"}, [], {"outputs": ["a", "a"]}, "outputs: a is an output already"),
        ({"a": "INPUT 3"}, [], {"outputs": {"A b": "a"}}, "outputs: an output is called by a name in lower case"),
        ({"a": "INPUT 3", "b": "RELU"}, [], {"outputs": {"a": "b"}}, "outputs: a is called as another node is"),
        ({"a": "INPUT 3", "b": "RELU"}, [], {"inputs": ["b"]}, "inputs: b is no INPUT of the graph"),
        ({"a": "INPUT 3"}, [], {"inputs": ["a", "a"]}, "inputs: each is named once"),
        ({"a": "INPUT 3", "b": "INPUT 3"}, [], {}, "b: INPUT takes no input, and 1 lead to it"),
        ({"a": "RELU", "b": "RELU"}, [], {}, "a: RELU takes 1 input, and 0 lead to it"),
        ({"a": "INPUT 3", "b": "RELU"}, [("a", "b", 0), ("a", "b", 1)], {}, "b: RELU takes 1 input, and 2 lead"),
        ({"a": "INPUT 3", "b": "ADD"}, [("a", "b", 0), ("a", "b", 2)], {}, "b: its inputs have the positions 0, 2;"),
        ({"a": "INPUT 3", "b": "RELU"}, [("a", "b", "x")], {}, "b: its inputs have the positions x;"),
        ({"b": "RELU", "c": "RELU"}, [("b", "c", 0), ("c", "b", 0)], {}, "b: it reads itself, b -> c -> b"),
        ({"a": "INPUT 3", "b": {"layer": "FC 3", "weights": "A"}}, [], {}, "b: it uses the weights of A, which is no"),
        ({"a": "INPUT 3", "b": {"layer": "FC 3", "weights": "a"}}, [], {}, "b: it shares weights with a, whose layer"),
    ],
)
def test_what_is_no_graph_of_a_network_says_where(
    layers: Mapping[Any, Any], edges: Sequence[tuple[Any, ...]], facts: Mapping[str, object], says: str
) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(says)}"):
        chain(layers, *edges, **facts)


@pytest.mark.parametrize(
    ("layer", "code"),
    [
        ("RELUU", "unknown-layer"),
        ("CONV 4 3 nobais", "unknown-option"),
        ("CONV 4 9", "window-too-large"),
        ("RELU -> RELU", "syntax-error"),
        ("b: RELU", "syntax-error"),
        ("RELU x3", "syntax-error"),
        ("", "syntax-error"),
        ("RELU\nRELU", "syntax-error"),
        ("-> ]", "syntax-error"),
    ],
)
def test_a_layer_with_a_mistake_is_told_by_its_node(layer: str, code: str) -> None:
    with pytest.raises(netdsl.NetError) as error:
        chain({"a": "INPUT 8x8x3", "b.c": layer, "d": "RELU"})
    assert [(one.code, one.span.source.name) for one in error.value.diagnostics] == [(code, "b.c")]


def test_what_a_graph_claims_is_proven() -> None:
    graph = netdsl.loads("INPUT 8 -> FC 2\nexpect params = 18\n").graph
    assert netdsl.from_graph(graph).warnings == ()
    graph.nodes["fc1"]["layer"] = "FC 3"
    with pytest.raises(netdsl.NetError, match="expectation-failed"):
        netdsl.from_graph(graph)
    del graph.graph["expectations"]
    assert netdsl.from_graph(graph).summary().totals.params == 27


def test_what_no_output_needs_is_dropped() -> None:
    net = chain({"a": "INPUT 3", "b": "RELU", "c": "FC 3"}, ("a", "b", 0), ("a", "c", 0), outputs=["b"])
    assert [one.code for one in net.warnings] == ["unused-node"]
    assert net.paths == {"a": "a", "b": "b"}


def test_only_directed_graphs_are_networks() -> None:
    with pytest.raises(TypeError, match="a directed graph of networkx"):
        netdsl.from_graph(networkx.Graph())  # pyright: ignore[reportArgumentType]


def same(one: netdsl.Network, other: netdsl.Network) -> bool:
    """Whether two networks are one but for their paths, which names within layers (`like=`) follow."""

    def facts(net: netdsl.Network) -> list[object]:
        graph = net.shaped.graph
        nodes = [
            (re.sub("like=.*", "", node.layer.canonical.written), node.inputs, node.device, node.training)
            for node in graph.nodes
        ]
        owners = [graph.index[node.owner] for node in graph.nodes]
        returned = (*graph.outputs, *graph.training_outputs)
        paths = {node.path for node in graph.nodes}
        names = [name for index in returned if (name := graph.output_name(index)) not in paths]
        return [nodes, owners, names, graph.outputs, graph.training_outputs, net.shaped.shapes, net.title, net.meta]

    return facts(one) == facts(other)


@pytest.mark.parametrize("path", PROGRAMS, ids=lambda path: path.stem)
def test_the_listing_of_a_graph_makes_the_same_network(path: Path) -> None:
    net = netdsl.from_graph(netdsl.load(path).graph)
    listing = net.shaped.graph.source.text
    again = netdsl.loads(listing)
    assert same(again, net)
    assert netdsl.from_graph(again.graph).shaped.graph.source.text == listing


@pytest.mark.parametrize("path", PROGRAMS, ids=lambda path: path.stem)
def test_the_program_of_a_graph_makes_the_same_network(path: Path) -> None:
    net = netdsl.from_graph(netdsl.load(path).graph)
    again = netdsl.loads(net.text)
    assert recover.same(net.shaped, again.shaped) is not None
    assert (again.title, again.meta) == (net.title, net.meta)
    assert netdsl.format(net.text) == net.text


@some
@given(programs())
def test_the_program_of_a_random_graph_computes_the_same(program: str) -> None:
    net = netdsl.from_graph(netdsl.loads(program).graph)
    again = netdsl.loads(net.shaped.graph.source.text)
    assert same(again, net)
    for one, other in zip(outputs(net), outputs(again, net.module().state_dict()), strict=True):
        assert torch.equal(one, other)
    assert recover.same(net.shaped, netdsl.loads(net.text).shaped) is not None


def test_the_program_of_a_graph_has_its_claims_alone() -> None:
    graph = netdsl.loads("INPUT 8 -> FC 2\nexpect params = 18\n").graph
    assert netdsl.from_graph(graph).text.endswith("\n\nexpect params = 18\n")
    del graph.graph["expectations"]
    assert "expect" not in netdsl.from_graph(graph).text


def test_the_program_of_a_file_is_the_file() -> None:
    text = "param n = 4 # units\nINPUT 8 -> FC n\n"
    assert netdsl.loads(text, n=5, inputs=(9,)).text == text


def test_a_program_says_facts_names_devices_and_weights() -> None:
    layers = {"x.in": "INPUT 8", "a": {"layer": "FC 8", "device": 1}, "b": {"layer": "FC 8", "weights": "a"}}
    meta = {"quote": 'a "b" \\ c', "rate": 0.5, "Not": 1, "huge": 1e999}
    net = chain(layers, title='T"', meta=meta, outputs={"y": "b"}, training_outputs=["a"])
    assert net.shaped.graph.source.text == "\n".join(
        [
            'network "T\\""',
            'meta quote = "a \\"b\\" \\\\ c"',
            "meta rate = 0.5",
            "",
            "x_in: INPUT 8",
            "-> ( a: FC 8 ) @1",
            "-> b: a()",
            "",
            "b -> y: SKIP",
            "output y",
            "output training a",
            "",
        ]
    )
    for text in (net.text, net.shaped.graph.source.text):
        again = netdsl.loads(text)
        assert [node.device for node in again.shaped.nodes] == [0, 1, 0]
        assert again.summary().totals.params == net.summary().totals.params == 72


def test_a_network_of_a_graph_becomes_convolutional_with_its_weights() -> None:
    net = netdsl.loads("INPUT 8x8x1 -> body: ( CONV 2 3 -> RELU ) -> head: ( FC 4 -> RELU ) -> FC 3\n")
    built = netdsl.from_graph(net.graph)
    state = built.module().state_dict()
    assert "body.conv1.weight" in state
    for one in (net, built):
        module = one.convolutional().network.module()
        module.load_state_dict(one.convolutional().weights(state))
        x = torch.rand(1, 1, 8, 8, generator=torch.Generator().manual_seed(0))
        assert torch.allclose(module(x).flatten(), built.module()(x).flatten(), atol=1e-6)
