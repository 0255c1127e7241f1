"""The outline of a network, which tells where each node stands."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from pathlib import Path

import pytest

from netdsl.graph.build import build
from netdsl.graph.node import ShapedGraph
from netdsl.graph.outline import Chain, Repeat
from netdsl.text.diagnostic import Report
from netdsl.text.source import Source

VALID = sorted((Path(__file__).parent / "programs" / "valid").glob("*.net"))

DROPPED = """
block f(n) = k: CONV n 3 p1 -> [ SKIP | side: ( CONV 4 1 -> BN ) ] -> ADD -> keep: RELU -> lost: ( CONV 2 1 -> RELU x2 )
INPUT 8x8x4 -> a: f(4) x2 -> b: f(4) -> c: ( f(4) -> RELU ) -> again: c() -> [ CONV 3 1 | far: SKIP ] -> CONCAT
output a.1.keep, b.side
"""
"""A network of which no output needs what `lost` makes last, nor what follows `b.side`."""


def shaped(text: str, path: Path | None = None) -> ShapedGraph:
    found = build(Source(text, "net.net"), path, Report())
    assert found is not None
    return found


@pytest.mark.parametrize(
    "text", [*[path.read_text(encoding="utf-8-sig") for path in VALID], DROPPED], ids=[*[p.stem for p in VALID], "x"]
)
def test_every_node_stands_in_the_outline(text: str) -> None:
    graph = shaped(text, VALID[0]).graph
    around = list(graph.outline.around())
    assert [one[-1].path for one in around] == [node.path for node in graph.nodes]
    assert [one[-1].node for one in around] == list(range(len(graph.nodes)))
    for index, (node, parts) in enumerate(zip(graph.nodes, around, strict=True)):
        assert ".".join(one.name for one in parts) == node.path
        assert all(index in one.nodes for one in parts)
        assert graph.outline.way(node.path) == list(parts)


def test_what_is_dropped_is_not_in_the_outline() -> None:
    graph = shaped(DROPPED).graph
    outline = graph.outline
    assert {node.path.partition(".")[0] for node in graph.nodes} == {"input1", "a", "b"}
    lost = outline.at("b.lost")
    assert lost is not None
    assert len(lost.nodes) == 0
    assert lost.output(outline.ends) == -1
    for path in ("b.lost.conv1", "c.relu1", "conv1", "again.f1.k"):
        assert outline.at(path) is None
    side = outline.at("b.side")
    assert side is not None
    assert graph.nodes[side.output(outline.ends)].path == "b.side.bn1"
    far = outline.at("far")
    assert far is not None
    assert far.output(outline.ends) == -1


def test_what_is_whole_stays_one_value() -> None:
    """Copies that no drop touches are one body, and the outline of a network that is whole is as it was made."""
    text = "INPUT 8x8x4 -> a: ( CONV 4 3 p1 -> BN ) x50 -> b: ( RELU x2 ) -> c: CONV 2 1\noutput b\n"
    graph = shaped(text).graph
    assert len(graph.nodes) == 103
    repeat = graph.outline.at("a")
    assert repeat is not None
    assert isinstance(repeat.part, Repeat)
    assert len(repeat.part.bodies) == 1


@pytest.mark.parametrize(
    "path", ["", ".", "a.", "a.0", "a.3", "a.01", "a.²", "a.٢", f"a.{'9' * 5000}", "a.1.k.x", "b.1"]
)
def test_there_is_nothing_at_other_paths(path: str) -> None:
    assert shaped(DROPPED).graph.outline.at(path) is None


def test_deep_groups_are_pruned() -> None:
    deep = 95
    text = f"INPUT 4 -> {'g: ( ' * deep}RELU -> BN{' )' * deep} -> FC 3\noutput {'.'.join(['g'] * deep)}.relu1\n"
    graph = shaped(text).graph
    (chain,) = graph.outline.chains
    assert isinstance(chain, Chain)
    assert chain.size == len(graph.nodes) == 2
    assert len(list(graph.outline.around())[1]) == deep + 1


CALLS = "".join(f"block b{n + 1}() = b{n}()\n" for n in range(198))
DEEP = {
    "calls": f"block b0() = FC 4\n{CALLS}INPUT 3 -> b198()",
    "groups": f"INPUT 3 -> {'g: ( ' * 99}FC 4{' )' * 99}",
    "groups without a name": f"INPUT 3 -> {'( ' * 99}FC 4{' )' * 99}",
    "forks": f"INPUT 3 -> {'[ SKIP | ' * 99}FC 3{' ] -> ADD' * 99}",
    "what is applied again": f"INPUT 4 -> a: ( {'( ' * 90}FC 4{' )' * 90} ) x3 -> a() -> b: a() x2",
}


@pytest.mark.parametrize("text", [*DEEP.values(), DROPPED], ids=[*DEEP, "dropped"])
@pytest.mark.parametrize("copied", [copy.deepcopy, lambda one: pickle.loads(pickle.dumps(one))], ids=["copy", "pickle"])
def test_networks_are_copied_however_deep_they_are(copied: Callable[[ShapedGraph], ShapedGraph], text: str) -> None:
    one = shaped(text)
    other = copied(one)
    assert other.shapes == one.shapes
    for first, second in zip(one.nodes, other.nodes, strict=True):
        assert (first.path, first.layer, first.inputs) == (second.path, second.layer, second.inputs)
    for first, second in zip(one.graph.outline.walk(), other.graph.outline.walk(), strict=True):
        assert (first.path, first.nodes, first.title) == (second.path, second.nodes, second.title)
        assert type(first.part) is type(second.part)
    assert list(other.graph.outline.ends) == list(one.graph.outline.ends)


def test_copies_are_pickled_once() -> None:
    text = "block f() = CONV 4 3 p1 -> RELU\nINPUT 8x8x4 -> a: f() -> b: f()\n"
    outline = pickle.loads(pickle.dumps(shaped(text).graph.outline))
    first, second = outline.at("a"), outline.at("b")
    assert first.part.body is second.part.body
