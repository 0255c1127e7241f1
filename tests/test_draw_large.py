"""Networks that are too large to be laid out whole: what is drawn of them, what is told, and that it takes no time."""

from __future__ import annotations

import re
import time
from collections.abc import Callable

import pytest
import svg_reader

import netdsl
from netdsl import draw
from netdsl.diff import picture as diff_picture
from netdsl.draw.drawing import Drawing
from netdsl.draw.flow import clear, coarse
from netdsl.draw.fold import fold
from netdsl.draw.notice import PictureWarning
from netdsl.graph.node import ShapedGraph

SECONDS = 15.0
"""Of the processor, and some ten times what a picture takes that is as large as may be."""


def dense(layers: int) -> str:
    """Each layer reads all before it."""
    lines = ["INPUT 16x16x3 -> a0: CONV 4 3 p1", "a0 -> a1: CONV 4 3 p1"]
    for number in range(2, layers + 1):
        read = " | ".join(f"a{before}" for before in range(number))
        lines.append(f"[ {read} ] -> CONCAT -> a{number}: CONV 4 3 p1")
    return "\n".join(lines)


def chain(layers: int) -> str:
    return "INPUT 8x8x4 -> " + "\n-> ".join(["CONV 4 3 p1"] * layers)


def fork(branches: int) -> str:
    return f"INPUT 8x8x4 -> [ {' | '.join(['CONV 4 3 p1'] * branches)} ] -> CONCAT -> FC 2"


def mesh(layers: int) -> str:
    """Two rows of layers, each of the second reading all of the first."""
    first = [f"s -> a{number}: CONV 4 1" for number in range(layers)]
    read = " | ".join(f"a{number}" for number in range(layers))
    second = [f"[ {read} ] -> ADD -> b{number}: CONV 4 1" for number in range(layers)]
    last = " | ".join(f"b{number}" for number in range(layers))
    return "\n".join(["INPUT 8x8x4 -> s: CONV 4 1", *first, *second, f"[ {last} ] -> ADD"])


def shaped(program: str) -> ShapedGraph:
    return netdsl.loads(program).shaped


def drawn(graph: ShapedGraph, **options: bool) -> tuple[str, float]:
    """A flow, and the seconds that this process took for it."""
    start = time.process_time()
    picture = draw.draw(graph, "svg", **options)  # pyright: ignore[reportArgumentType]
    return picture.decode(), time.process_time() - start


@pytest.mark.parametrize(
    ("program", "told"),
    [
        (dense(40), r"[0-9]+ of 861 lines are not drawn, but named where they would end"),
        (mesh(36), r"lines do not tell the shape of what flows"),
        (fork(400), r"lines do not tell the shape"),
        (chain(1500), r"a picture of 1,502 boxes is too large to lay out: layers in a row share a box"),
    ],
    ids=["dense", "mesh", "fork", "chain"],
)
def test_what_is_too_large_is_drawn_coarser_and_told(program: str, told: str) -> None:
    with pytest.warns(PictureWarning, match=told):
        picture, seconds = drawn(shaped(program))
    assert seconds < SECONDS
    assert svg_reader.sheet(svg_reader.root(picture)).width > 100


@pytest.mark.parametrize("program", [dense(16), chain(900), fork(200)], ids=["dense", "chain", "fork"])
def test_what_can_be_laid_out_is_drawn_whole(program: str) -> None:
    assert drawn(shaped(program))[1] < SECONDS


def test_unrolled_repeats_that_are_too_many_are_folded() -> None:
    for layer in ("RELU", "CONV 4 1"):
        graph = shaped(f"INPUT 8x8x4 -> {layer} x5000")
        with pytest.warns(PictureWarning, match=r"[0-9,]+ boxes is too large to lay out: repeats are drawn once"):
            picture, _ = drawn(graph, expand=True)
        assert "×5000" in picture
        assert "drawn coarsely: repeats are drawn once" in picture
        assert draw.draw(graph, "dot", expand=True).count(layer.encode()) >= 5000


def test_a_box_of_too_many_layers_tells_how_many() -> None:
    with pytest.warns(PictureWarning, match="too large to lay out: layers in a row share a box"):
        picture, _ = drawn(shaped("INPUT 8x8x4 -> CONV 4 1" + " -> RELU" * 3000))
    assert picture.count(">RELU") == 9
    assert "and 2,991 more" in picture


def test_blocks_that_hold_too_much_are_boxes() -> None:
    block = "block b() = " + " -> ".join(["CONV 4 3 p1"] * 100)
    with pytest.warns(PictureWarning, match="2,002 boxes is too large to lay out: blocks are one box each"):
        picture, _ = drawn(shaped(f"{block}\nINPUT 8x8x4 -> {' -> '.join(['b()'] * 20)}"))
    assert len(re.findall(r">100 layers · [0-9,]+ parameters<", picture)) == 20


def thinned(program: str) -> tuple[Drawing, Drawing]:
    whole = fold(shaped(program))
    with pytest.warns(PictureWarning, match="lines are not drawn"):
        return whole, coarse.thinned(whole)


def test_lines_that_are_not_drawn_are_named() -> None:
    whole, found = thinned(dense(40))
    assert [box.id for box in found.boxes] == [box.id for box in whole.boxes]
    left_out = {(edge.source, edge.target) for edge in whole.edges} - {(one.source, one.target) for one in found.edges}
    boxes = {box.id: box for box in found.boxes}
    for source, target in left_out:
        assert source in boxes[target].tooltip.rpartition("reads ")[2].split(", ")
        assert boxes[target].note.startswith("reads a0")
        assert boxes[source].rows[0].name == source
    assert {edge.target for edge in found.edges} == {edge.target for edge in whole.edges}
    assert {edge.source for edge in found.edges} == {edge.source for edge in whole.edges}
    assert f"{len(left_out)} of 861 lines are not drawn, but named where they would end" in found.facts


def test_the_longest_lines_are_left_out() -> None:
    whole, found = thinned(dense(40))
    place = {box.id: at for at, box in enumerate(whole.boxes)}
    longest = max(place[edge.target] - place[edge.source] for edge in found.edges)
    shortest = min(place[edge.target] - place[edge.source] for edge in {*whole.edges} - {*found.edges})
    assert longest <= shortest + 1


def test_labels_give_way_where_there_are_too_many(monkeypatch: pytest.MonkeyPatch) -> None:
    graph = shaped("INPUT 8x8x4 -> [ CONV 4 1 | CONV 4 1 ] -> ADD -> FC 2")
    assert drawn(graph)[0].count("8×8×4") == 6  # the input's own, and five lines
    monkeypatch.setattr(clear, "MOST", 0)
    with pytest.warns(PictureWarning, match="lines do not tell the shape"):
        assert drawn(graph)[0].count("8×8×4") < 6


@pytest.mark.parametrize("style", ["columns", "volumes"])
@pytest.mark.parametrize("program", [dense, chain, fork], ids=lambda make: make.__name__)
def test_the_other_styles_draw_at_once(program: Callable[[int], str], style: draw.Style) -> None:
    size = {"dense": 40, "chain": 1000, "fork": 200}[program.__name__]
    graph = shaped(program(size))
    start = time.process_time()
    draw.draw(graph, "svg", style=style)
    assert time.process_time() - start < SECONDS / 3


def test_differences_that_are_too_large_are_drawn_coarser_and_told() -> None:
    narrow, wide = (netdsl.loads(chain(1400).replace("CONV 4", f"CONV {channels}")) for channels in (4, 5))
    with pytest.warns(PictureWarning, match=r"1,402 boxes is too large to lay out: layers in a row share a box"):
        picture = svg_reader.root(diff_picture.draw(narrow.diff(wide), "svg"))
    assert "conv11 … conv20" in {text.said for text in svg_reader.texts(picture)}
