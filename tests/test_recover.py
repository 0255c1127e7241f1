"""Programs recovered from graphs: they make the same network, and read as an author would have written them."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from statistics import median
from time import process_time
from typing import Any

import networkx
import pytest
from hypothesis import HealthCheck, assume, given, settings
from networkx.algorithms.isomorphism import DiGraphMatcher
from random_networks import programs

import netdsl
from netdsl import recover, resources
from netdsl.graph.listing import listing
from netdsl.recover import Difference
from netdsl.text import printer
from netdsl.text.diagnostic import Report
from netdsl.text.parse import parse
from netdsl.text.source import Source
from netdsl.text.tree import Expect, Meta, Use

VALID = Path(__file__).parent / "programs" / "valid"
PROGRAMS = [*resources.bundled(), *sorted(VALID.glob("*.net"))]
some = settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def forgotten(net: netdsl.Network) -> netdsl.Network:
    """The same network of nodes that are numbers, with its outputs and no outline."""
    graph = net.graph
    number = {node: at for at, node in enumerate(graph)}
    bare: networkx.MultiDiGraph[int] = networkx.MultiDiGraph(inputs=[number[node] for node in graph.graph["inputs"]])
    for key in ("outputs", "training_outputs"):
        bare.graph[key] = [number[node] for node in graph.graph[key].values()]
    for node, data in graph.nodes(data=True):
        weights = {} if data["weights"] == node else {"weights": number.get(data["weights"], data["weights"])}
        bare.add_node(number[node], layer=data["layer"], device=data["device"], **weights)
    bare.add_edges_from((number[one], number[other], key) for one, other, key in graph.edges(keys=True))
    return netdsl.from_graph(bare)


def recovered(text: str) -> str:
    """What comes of a program whose names are forgotten, without its title; it is the same network."""
    net = forgotten(netdsl.loads(text))
    found = recover.text(net.shaped, claims=False)
    assert recover.same(net.shaped, netdsl.loads(found).shaped) is not None
    assert found != netdsl.format(listing(net.shaped.graph)) or len(net.shaped.nodes) < 4
    return found.partition("\n")[2].strip()


def words(path: Path) -> int:
    """How many words and signs a program has, and what it uses, without facts and claims."""
    report = Report()
    file = parse(Source(path.read_text(encoding="utf-8-sig"), str(path)), report)
    assert not report.failed
    used = [one.path.value for one in file.statements if isinstance(one, Use)]
    places = [(folder / str(name)) for name in used for folder in (path.parent, PROGRAMS[0].parent)]
    kept = [one for one in file.statements if not isinstance(one, Expect | Meta | Use)]
    return sum(len(printer.tokens(one)) for one in kept) + sum(words(one) for one in places if one.is_file())


def length(text: str) -> int:
    """The same of a text."""
    statements = parse(Source(text, "network.net"), Report()).statements
    return sum(len(printer.tokens(one)) for one in statements if not isinstance(one, Expect | Meta | Use))


@pytest.mark.parametrize("path", PROGRAMS, ids=lambda path: path.stem)
def test_a_program_comes_back_from_its_graph(path: Path) -> None:
    net = netdsl.load(path)
    bare = forgotten(net)
    text = recover.text(bare.shaped)
    again = netdsl.loads(text)
    found = recover.compared(net.shaped, again.shaped)
    assert not isinstance(found, Difference)
    assert again.summary().totals == net.summary().totals
    assert length(text) <= 1.5 * words(path)
    assert recover.text(forgotten(again).shaped) == text


def test_what_is_recovered_is_short() -> None:
    shares: list[float] = []
    for path in resources.bundled():
        shaped = netdsl.load(path).shaped
        if len(shaped.nodes) > 100:
            shares.append(length(recover.text(shaped)) / length(listing(shaped.graph)))
    assert median(shares) < 0.3


def test_networks_of_others_are_short() -> None:
    from recovered import corpora

    rows = list(corpora())
    assert len(rows) > 20
    assert median(row.shares[1] for row in rows) < 0.3
    assert all(share < 1 for row in rows for share in row.shares)


@some
@given(programs())
def test_random_networks_come_back(program: str) -> None:
    net = forgotten(netdsl.loads(program))
    text = recover.text(net.shaped, claims=False)
    again = netdsl.loads(text)
    assert recover.same(net.shaped, again.shaped) is not None
    assert recover.text(again.shaped, scopes={}, claims=False) == recover.text(net.shaped, scopes={}, claims=False)


def test_resnet_50_is_three_blocks_and_four_lines() -> None:
    text = recover.text(forgotten(netdsl.load("resnet50")).shaped, claims=False)
    assert "block bottleneck(n, stride=1) = unit(n) -> RELU -> unit(n, 3, stride) -> RELU -> unit(4*n)\n" in text
    assert "block stage(n, stride, blocks) =" in text
    assert "-> stage(256, 2, 6)" in text
    assert length(text) < words(resources.bundled()[0].parent / "resnet50.net")


ADVERSARIES = {
    "blocks that are called b1 and b11": """
        block b1(n) = CONV n 3 p1 -> BN -> RELU
        block b11(n) = b1(n) -> b1({2*n}) -> MAXPOOL 2
        INPUT 32x32x3 -> b1(4) x11 -> b11(4) -> b11(8) -> b1(11)
    """,
    "repeats that end in a fork": """
        INPUT 8x8x4 -> ( CONV 4 3 p1 -> [ RELU | SKIP ] -> ADD ) x3 -> CONV 4 3 p1 -> [ TANH | SKIP ] -> ADD
    """,
    "an output within a repeat": """
        INPUT 8 -> a: FC 8 -> b: FC 8 -> c: FC 8 -> FC 8
        output b, fc4
    """,
    "shared weights": """
        left: INPUT 8
        right: INPUT 8
        left -> enc: ( FC 8 -> RELU ) x2 -> p: SKIP
        right -> enc() -> q: SKIP
        [ p | q ] -> SUB -> ABS -> enc.1()
    """,
    "one copy and its weights": """
        INPUT 8x8x2 -> FC 8 -> f: FC 8 -> FC 8 -> RELU -> f()
    """,
    "what is applied ends a block": """
        block gate() = [ BN -> SCALE | SKIP ] -> MUL -> BN -> RELU -> BN
        INPUT 8x8x2 -> gate() -> [ BN -> SCALE | SKIP ] -> MUL -> BN -> RELU -> b: BN -> b()
    """,
    "parts that are applied in another order": """
        INPUT 8 -> a: FC 8 -> RELU -> b: FC 8 -> RELU -> c: FC 8 -> b() -> RELU -> c() -> a() -> RELU -> b()
    """,
    "an output within what is applied": """
        INPUT 8 -> a: FC 8 -> o: RELU -> b: FC 8 -> RELU -> a() -> RELU -> b() -> RELU
        output o, relu4
    """,
    "what is applied on another device": """
        INPUT 8 -> e: ( FC 8 -> RELU -> FC 8 ) @1 -> e() @2 -> e() -> f: ( FC 8 ) @1 -> f() @0 -> TANH @1 -> f() @1
        -> [ f() @3 -> RELU @3 | f() @0 -> e() @0 ] -> ADD @3
    """,
    "several inputs, outputs and training outputs": """
        b: INPUT 8x8x3
        a: INPUT 8x8x3
        [ a -> CONV 4 3 p1 | b ] -> CONCAT -> t: CONV 4 1 -> o: FC 3
        t -> aux: FC 5
        t -> other: FC 2
        output other, o
        output training aux
    """,
    "one node taken twice": "INPUT 8 -> [ SKIP | SKIP ] -> ADD -> [ SKIP | SKIP | FC 8 ] -> ADD",
    "devices": """
        INPUT 8 @1 -> ( FC 8 -> RELU ) x2 @1 -> [ FC 8 @2 -> RELU | FC 8 -> RELU ] -> ADD @1
        -> [ FC 8 @3 -> RELU @3 | FC 8 @3 ] -> ADD @3
    """,
    "names of nodes that layers take": """
        a: INPUT 16x16x2 -> b: CONV 4 3 s2 p1 -> c: CONV 4 3 s2 p1 -> UPSAMPLE like=b -> UPSAMPLE like=a -> CROP like=c
    """,
    "what is named before it is there": """
        a: INPUT 16x16x2 -> l: CONV 4 3 s2
        a -> r: CONV 4 3
        [ r -> CROP like=l | l ] -> ADD
    """,
    "what layers read by its name alone": """
        a: INPUT 15x18x4 -> e: CONV 6 7
        a -> CONV 8 3 -> b: RELU -> CONV 8 3 -> RELU -> c: CROP like=e
        a -> CROP at=1x1 like=c -> d: CONV 4 1 -> POSITIONS -> t: RELU
        [ d | t ] -> ADD -> CROP like=e -> RELU
    """,
    "branches that are names alone": """
        INPUT 8 -> a: FC 8 -> b: FC 8 -> c: FC 8 -> d: FC 8 -> [ d | c ] -> ADD -> [ SKIP | b ] -> ADD
        -> [ SKIP | a ] -> ADD
        -> [ SKIP | b ] -> ADD -> [ SKIP | c ] -> ADD -> [ SKIP | d ] -> ADD -> FC 8 -> [ SKIP | a ] -> ADD
    """,
    "crossed branches": """
        INPUT 8 -> [ a: FC 8 | b: FC 8 ] -> ADD -> x: FC 8
        [ a | b | x ] -> ADD -> y: FC 8
        [ y -> RELU | a ] -> MUL
    """,
    "kernels that are no squares": """
        block u(k) = CONV 4 {k} p{k // 2} -> BN
        INPUT 8x8x4 -> u(1x7) -> u(7x1) -> u(3) -> u(1)
    """,
    "fractions": """
        block d(r) = FC 8 -> RELU -> DROPOUT {r} -> LEAKYRELU {r/2}
        INPUT 8 -> d(1/3) -> d(0.25) -> d(2/7)
    """,
}


@pytest.mark.parametrize("program", ADVERSARIES.values(), ids=ADVERSARIES)
def test_adversaries_come_back(program: str) -> None:
    assert recovered(program)


def test_repeats_begin_where_an_author_would() -> None:
    assert recovered("INPUT 8x8x3 -> CONV 4 3 -> RELU -> CONV 4 1 -> RELU -> CONV 4 1 -> RELU") == (
        "INPUT 8x8x3 -> CONV 4 3 -> RELU -> ( CONV 4 1 -> RELU ) x2"
    )


def test_repeats_are_repeated() -> None:
    stages = " -> ".join(f"( ( CONV {n} 3 p1 -> RELU ) x3 -> MAXPOOL 3 s1 p1 ) x{n // 4}" for n in (8, 12, 16))
    assert recovered(f"INPUT 8x8x4 -> {stages} -> FC 3").count("stage(") == 4
    assert recovered("INPUT 8x8x4 -> ( ( CONV 4 3 p1 -> RELU ) x3 -> BN ) x3 -> FC 3") == (
        "INPUT 8x8x4\n-> ( ( CONV 4 3 p1 -> RELU ) x3 -> BN ) x3 -> FC 3"
    )


def test_parameters_follow_from_each_other() -> None:
    text = recovered(
        "block u(n, k) = CONV n {k} p{k // 2} -> BN -> RELU -> CONV {4*n} 1\n"
        "INPUT 9x9x3 -> u(4, 3) -> u(8, 5) -> u(6, 1)"
    )
    assert text.startswith("block double(n, k=1) = CONV n {k} p{k // 2} -> BN -> RELU -> CONV {4*n} 1\n")


def test_numbers_grow_with_the_copies() -> None:
    few = " -> ".join(f"CONV {number} 1 -> RELU" for number in (16, 28, 40, 52))
    assert recovered(f"INPUT 8x8x4 -> {few}") == f"INPUT 8x8x4 -> {few}"
    text = recovered(f"INPUT 8x8x4 -> {few} -> CONV 64 1 -> RELU")
    assert text == "INPUT 8x8x4\n-> ( CONV {4 + 12*i} 1 -> RELU ) x5 as i"
    text = recovered(
        "block r(n, a, m) = ( FC n -> RELU -> DROPOUT {a + i/40} ) x{m} as i -> FC 5\n"
        "INPUT 8 -> r(6, 0, 3) -> r(8, 0.2, 4) -> r(9, 0.3, 5) -> r(7, 0.1, 6) -> r(5, 0.4, 3) -> r(4, 0.5, 4)"
    )
    assert "FC n -> RELU -> DROPOUT {rate + i/40} ) x{copies} as i -> FC 5" in text


def test_copies_of_more_and_more_come_back() -> None:
    assert recovered("INPUT 8 -> ( FC 8 -> RELU x3 ) -> FC 8 -> RELU x4 -> FC 8 -> RELU x5 -> FC 8 -> RELU x6")


def test_long_skips_are_names_that_blocks_take() -> None:
    text = recovered(
        "block double(n) = ( CONV n 3 p1 -> BN -> RELU ) x2\n"
        "block up(n, across) = DECONV n 2 s2 -> [ across | SKIP ] -> CONCAT -> double(n)\n"
        "INPUT 32x32x3 -> e1: double(4) -> MAXPOOL 2 -> e2: double(8) -> MAXPOOL 2 -> e3: double(12) -> MAXPOOL 2\n"
        "-> double(24) -> up(12, e3) -> up(8, e2) -> up(4, e1) -> CONV 2 1\n"
    )
    assert "block up(n, across) = DECONV n 2 s2 -> [ across | SKIP ] -> CONCAT -> unit(n)" in text
    assert "-> tap1: unit(4) x2 -> MAXPOOL 2\n" in text
    assert "-> up(12, tap3)\n-> up(8, tap2)\n-> up(4, tap1) -> CONV 2 1" in text


def test_what_several_branches_read_is_named_within_their_fork() -> None:
    fork = "[ {0}: CONV 8 1 -> CONV 4 1x3 p0x1 | {0} -> CONV 4 3x1 p1x0 | CONV 4 1 ] -> CONCAT"
    text = recovered(f"INPUT 9x9x3 -> {' -> '.join(fork.format(name) for name in 'abc')}")
    assert text == f"INPUT 9x9x3\n-> ( {fork.format('trunk')} ) x3"
    inner = "[ [ {0}: CONV 8 1 -> SLICE 0 4 | CONV 4 1 ] -> ADD | {0} -> SLICE 4 8 ] -> CONCAT -> RELU"
    text = recovered(f"INPUT 9x9x3 -> {inner.format('a')} -> MAXPOOL 2 -> {inner.format('b')}")
    assert text.startswith(f"block fire() =\n    {inner.format('trunk')}\n")


def test_nodes_that_layers_name_are_arguments() -> None:
    text = recovered(
        "image: INPUT 16x16x3 -> CONV 8 3 p1 -> BN -> RELU -> s: MAXPOOL 2 -> CONV 8 3 p1 -> BN -> RELU -> CONV 4 1\n"
        "-> UPSAMPLE like=image mode=bilinear -> SIGMOID\n"
        "s -> CONV 6 3 p1 -> BN -> RELU -> CONV 4 1 -> UPSAMPLE like=image mode=bilinear -> SIGMOID\n"
        "s -> CONV 7 3 p1 -> BN -> RELU -> CONV 4 1 -> UPSAMPLE like=image mode=bilinear -> SIGMOID"
    )
    assert "-> UPSAMPLE like=target mode=bilinear -> SIGMOID\n" in text
    assert "(6, image)" in text


def test_an_encoder_is_applied_as_one() -> None:
    text = recovered(
        "left: INPUT 9x9x1 -> e: ( CONV 4 3 -> RELU -> FC 8 -> TANH ) -> a: SKIP\n"
        "right: INPUT 9x9x1 -> e() -> b: SKIP\n[ a | b ] -> SUB -> FC 1"
    )
    assert "-> tap1: ( CONV 4 3 -> RELU -> FC 8 -> TANH )" in text
    assert "| input_2 -> tap1()" in text


def test_scopes_give_blocks_and_labels_their_names() -> None:
    net = netdsl.loads(
        "block u(n) = CONV n 3 p1 -> BN -> RELU\nblock f(n) = [ u(n) -> u(n) | SKIP ] -> ADD -> TANH\n"
        "INPUT 8x8x4 -> f(4) -> MAXPOOL 2 -> f(4) -> SIGMOID -> f(4)"
    )
    scopes = {
        node: (("layer" + node[1], "Sequential"), ("0", "BasicBlock")) for node in net.graph if node.startswith("f")
    }
    text = recover.text(net.shaped, scopes=scopes, claims=False)
    assert "block basic_block() = [ ( CONV 4 3 p1 -> BN -> RELU ) x2 | SKIP ] -> ADD -> TANH" in text
    assert "-> layer2: basic_block() -> SIGMOID" in text


def test_figures_and_source_are_told() -> None:
    shaped = netdsl.loads("INPUT 8 -> FC 4").shaped
    assert recover.text(shaped, comment="Caffe: a.prototxt") == (
        '# Caffe: a.prototxt\nnetwork "network"\n\nINPUT 8 -> FC 4\n\n'
        "expect shape = 4\nexpect params = 36\nexpect macs = 32\n"
    )


def test_outputs_keep_names_that_say_something() -> None:
    text = "INPUT 8 -> FC 4\n-> head: RELU\n-> head2: TANH\n-> prob: FC 2\noutput head, head2, prob"
    found = recover.text(netdsl.loads(text).shaped, claims=False)
    assert all(name in found for name in ("head: RELU", "head2: TANH", "prob: FC 2"))
    for before, after in (("some_name", True), ("layer9", False)):
        found = recover.text(netdsl.loads(f"INPUT 8 -> FC 4\n-> {before}: RELU").shaped, claims=False)
        assert (before in found) == after


def test_outputs_keep_names_that_stand_on_groups_and_calls() -> None:
    net = netdsl.loads(
        "block head(n) = CONV 4 3 p1 -> RELU -> FC n\n"
        "INPUT 8x8x2 -> both: CONV 4 1 -> RELU -> main: head(5)\nboth -> other: head(3)\noutput main, other"
    )
    found = netdsl.loads(recover.text(net.shaped, claims=False))
    assert list(found.graph.graph["outputs"]) == ["main", "other"]
    assert recover.text(found.shaped, claims=False) == recover.text(net.shaped, claims=False)


def test_labels_before_activations_seem_to_mean_no_others() -> None:
    text = recovered(
        "INPUT 8x8x4 -> y: BN -> a: RELU\ny -> CONV 4 3 p1 -> z: BN -> b: RELU -> CONV 4 3 p1 -> c: BN\n"
        "[ c | z ] -> ADD -> FC 3"
    )
    assert text == (
        "INPUT 8x8x4\n-> tap1: BN\n-> tap2: RELU\n"
        "tap1 -> CONV 4 3 p1 -> BN -> [ RELU -> CONV 4 3 p1 -> BN | SKIP ] -> ADD -> FC 3"
    )
    assert not netdsl.loads(text).warnings


def test_repeats_behind_a_size_read_like_no_dims() -> None:
    text = recovered("INPUT 8x8x4 -> CONV 4 1 -> CONV 4 1 -> CONV 4 1 -> MAXPOOL 2 -> MAXPOOL 2 -> FC 9 -> FC 9")
    assert text == "INPUT 8x8x4 -> CONV 4 1 x{3} -> MAXPOOL 2 x{2}\n-> FC 9 x2"
    assert not netdsl.loads(text).warnings


def test_concatenations_of_all_that_was_before_are_a_dense_block() -> None:
    net = netdsl.loads(
        "INPUT 8x8x4 -> ( [ SKIP | BN -> RELU -> CONV 2 3 p1 ] -> CONCAT ) x5 -> AVGPOOL 2\n"
        "-> ( [ SKIP | BN -> RELU -> CONV 2 3 p1 ] -> CONCAT ) x3 -> FC 3"
    )
    graph = net.graph
    for node in [node for node in graph if graph.nodes[node]["layer"].keyword == "CONCAT"]:
        first, last = sorted(graph.pred[node], key=lambda source: min(graph.pred[node][source]))
        if graph.nodes[first]["layer"].keyword == "CONCAT":
            before = [source for key, source in sorted((key, one) for one, _, key in graph.in_edges(first, keys=True))]
            graph.remove_edge(first, node, 0)
            graph.remove_edge(last, node, 1)
            for key, source in enumerate([*before, last]):
                graph.add_edge(source, node, key)
    flat = netdsl.from_graph(graph)
    assert recover.same(flat.shaped, net.shaped) is None
    assert recover.same(recover.nested(flat.shaped), net.shaped) is not None
    assert recover.same(flat.shaped, netdsl.loads(recover.text(flat.shaped)).shaped) is not None


def test_facts_are_told() -> None:
    net = netdsl.loads('network "A"\nmeta year = 2012\nmeta paper = "B, C"\nINPUT 8 -> FC 4')
    assert 'network "A"\nmeta year = 2012\nmeta paper = "B, C"\n' in recover.text(net.shaped)


# Equality


def matched(one: netdsl.Network, other: netdsl.Network) -> bool:
    """Whether networkx finds two networks to be one."""

    def plain(net: netdsl.Network) -> Any:
        found: networkx.DiGraph[str] = networkx.DiGraph()
        outputs = list(net.graph.graph["outputs"].values())
        for node, data in net.graph.nodes(data=True):
            mark = outputs.index(node) if node in outputs else -1
            found.add_node(node, said=(data["layer"].canonical.written, data["device"], mark))
        for source, target, key in net.graph.edges(keys=True):
            keys = found.edges[source, target]["keys"] if found.has_edge(source, target) else ()
            found.add_edge(source, target, keys=(*keys, key))
        return found

    return DiGraphMatcher(
        plain(one),
        plain(other),
        node_match=lambda a, b: a["said"] == b["said"],
        edge_match=lambda a, b: a["keys"] == b["keys"],
    ).is_isomorphic()


@some
@given(programs())
def test_equality_is_isomorphism(program: str) -> None:
    net = netdsl.loads(program)
    assume(all(data["weights"] == node for node, data in net.graph.nodes(data=True)))
    other = forgotten(net)
    assert recover.same(net.shaped, other.shaped) is not None
    assert matched(net, other)
    graph = net.graph
    node = random.Random(len(program)).choice([node for node in graph if graph.in_degree(node)])
    graph.nodes[node]["layer"] = replace(graph.nodes[node]["layer"])
    graph.nodes[node]["device"] = 7
    changed = netdsl.from_graph(graph)
    assert recover.same(net.shaped, changed.shaped) is None
    assert not matched(net, changed)


DIFFERENT: Sequence[tuple[str, str, str]] = [
    ("INPUT 8 -> FC 8", "INPUT 8 -> FC 9", "FC 8 and FC 9"),
    ("INPUT 8 -> FC 8 -> RELU", "INPUT 8 -> FC 8", "RELU and FC 8"),
    ("INPUT 8 -> RELU @1", "INPUT 8 -> RELU", "device 1 and 0"),
    ("INPUT 8 -> [ FC 8 | SKIP ] -> SUB", "INPUT 8 -> [ SKIP | FC 8 ] -> SUB", "FC 8 and INPUT 8"),
    ("INPUT 8 -> [ RELU | TANH ] -> ADD", "INPUT 8 -> [ RELU | TANH | SKIP ] -> ADD", "2 inputs and 3"),
    ("INPUT 8 -> f: FC 8 -> f()", "INPUT 8 -> FC 8 -> FC 8", "whose weights it uses"),
    ("INPUT 8 -> a: FC 8 -> b: FC 8\noutput a, b", "INPUT 8 -> FC 8 -> FC 8", "2 outputs and 1"),
    ("a: INPUT 8\nb: INPUT 8\n[ a | b ] -> SUB", "a: INPUT 8\nb: INPUT 8\n[ b | a ] -> SUB", "the order of inputs"),
    (
        "INPUT 8 -> [ RELU | RELU ] -> ADD",
        "INPUT 8 -> r: RELU -> [ r | SKIP ] -> ADD",
        "one of them is read elsewhere in the other's place",
    ),
]


@pytest.mark.parametrize(("one", "other", "what"), DIFFERENT)
def test_the_first_difference_is_told(one: str, other: str, what: str) -> None:
    found = recover.compared(netdsl.loads(one).shaped, netdsl.loads(other).shaped)
    assert isinstance(found, Difference)
    assert found.what == what
    assert recover.same(netdsl.loads(one).shaped, netdsl.loads(other).shaped) is None


def test_equality_gives_the_paths_that_weights_are_renamed_by() -> None:
    one, other = netdsl.loads("INPUT 8 -> a: FC 4 -> RELU"), netdsl.loads("x: INPUT 8 -> ( FC 4 -> RELU ) x1")
    found: Mapping[str, str] | None = recover.same(one.shaped, other.shaped)
    assert found == {"input1": "x", "a": "group1.1.fc1", "relu1": "group1.1.relu1"}


def test_thousands_of_layers_take_seconds() -> None:
    pick = random.Random(0)
    layers = [f"CONV {pick.choice([4, 8, 12])} {pick.choice([1, 3])} p1 -> RELU" for _ in range(2000)]
    net = netdsl.loads(f"INPUT 8x8x4 -> {' -> '.join(layers)}")
    start = process_time()
    text = recover.text(net.shaped, claims=False)
    assert process_time() - start < 20
    assert recover.same(net.shaped, netdsl.loads(text).shaped) is not None
