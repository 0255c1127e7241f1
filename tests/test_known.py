"""What is known of a program whatever is wrong in it: its outline, its shapes, and what its names stand for."""

from __future__ import annotations

from pathlib import Path

import pytest

from netdsl.graph import outline
from netdsl.graph.known import Known, known
from netdsl.text.diagnostic import Report
from netdsl.text.source import Source

PROGRAMS = Path(__file__).parent / "programs"
NETWORKS = Path(__file__).parent.parent / "networks"
FILES = [*PROGRAMS.rglob("*.net"), *NETWORKS.glob("*.net")]


def read(text: str, path: Path | None = None) -> Known:
    return known(Source(text, str(path or "x.net")), path, Report())


def shapes(of: Known) -> dict[str, str | None]:
    """The shapes of the layers by their paths, None for one that is not known."""
    return {node.path: shape and str(shape) for node, shape in zip(of.nodes, of.shapes, strict=True)}


def named(of: Known) -> set[tuple[str, str, int, str, int]]:
    """The kind of each reference, the name and its line, and what defines it with its line."""
    return {(one.kind, one.use.text, one.use.line, one.definition.text, one.definition.line) for one in of.references()}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_the_outline_says_where_each_node_stands(path: Path) -> None:
    found = read(path.read_text(encoding="utf-8", errors="replace"), path)
    assert sum(chain.size for chain in found.outline.chains) == len(found.nodes)
    seen: set[str] = set()
    for one in found.outline.walk():
        part = one.part
        while isinstance(part, outline.Again):
            part = part.part
        if isinstance(part, outline.Layer):
            assert found.nodes[one.node].path == one.path
        assert all(found.nodes[index].path.startswith(one.path) for index in one.nodes)
        assert one.path in seen or found.outline.at(one.path) == one
        seen.add(one.path)


def test_what_a_broken_line_does_not_touch_keeps_its_shapes() -> None:
    found = read(
        "INPUT 8x8x3 -> a: CONV 4 3 p1\n"
        "-> b: CONVV 4 3 -> c: CONV 4 3\n"
        "[ a | a ] -> CONCAT -> d: CONV 6 4\n"
        "-> e: MAXPOOL {5 -> f: FC 3\n"
        "-> g: FC 4\n"
    )
    assert shapes(found) == {"input1": "8x8x3", "a": "8x8x4", "concat1": "8x8x8", "d": "5x5x6"}
    assert found.network is None


def test_the_layer_with_a_mistake_is_there_without_a_shape() -> None:
    found = read("INPUT 8x8x3 -> a: CONV 4 3 -> b: MAXPOOL 9 -> c: FC 2\n")
    assert shapes(found) == {"input1": "8x8x3", "a": "6x6x4", "b": None, "c": None}


def test_equal_copies_are_one_value() -> None:
    found = read("block f(n) = CONV n 3 p1 -> BN\nINPUT 8x8x4 -> a: f(4) x3 -> b: f(4) -> c: b()\n")
    repeat, call, again = (found.outline.at(name) for name in "abc")
    assert repeat is not None
    assert isinstance(repeat.part, outline.Repeat)
    (body,) = repeat.part.bodies
    assert call is not None
    assert isinstance(call.part, outline.Call)
    assert isinstance(body, outline.Call)
    assert call.part.body is body.body
    assert again is not None
    assert isinstance(again.part, outline.Again)
    assert isinstance(again.part.part, outline.Call)
    assert again.part.part.title == "f(4)"


def test_names_stand_for_what_defines_them() -> None:
    found = read(
        "param n = 8\n"
        "block unit(w, k=3) = c: CONV w {k} p1 -> BN\n"
        "INPUT 32x32x3 -> a: CONV n 3 p1 -> g: ( u: unit({2*n}) -> RELU ) x2\n"
        "[ a | g.2.u ] -> CONCAT -> UPSAMPLE to=9x9\n"
        "-> CROP like=a -> FOO {\n"
        "expect shape of g.u.c = 32x32x16\n"
    )
    assert named(found) == {
        ("parameter", "w", 2, "w", 2),
        ("parameter", "k", 2, "k", 2),
        ("param", "n", 3, "n", 1),
        ("block", "unit", 3, "unit", 2),
        ("element", "a", 4, "a", 3),
        ("element", "g.2.u", 4, "u", 3),
        ("element", "g.u.c", 6, "c", 2),
    }


def test_names_are_found_in_the_files_that_are_used(tmp_path: Path) -> None:
    (tmp_path / "blocks.net").write_text("param wide = 8\nblock unit(n) = CONV n 3 p1\n", encoding="utf-8")
    path = tmp_path / "main.net"
    text = 'use "blocks.net"\nINPUT 8x8x3 -> unit(wide) -> same: SKIP -> CONV 4 3 same\n'
    path.write_text(text, encoding="utf-8")
    found = read(text, path)
    assert {one.definition.source.name for one in found.references()} == {str(tmp_path / "blocks.net")}
    assert named(found) == {("block", "unit", 2, "unit", 2), ("param", "wide", 2, "wide", 1)}


def test_numbers_of_copies_are_references_and_what_enters_is_none() -> None:
    found = read(
        "param i = 2\n"
        "block b(n) = in: FC {in + n} x{i} -> [ in | SKIP ] -> ADD\n"
        "INPUT 4\n"
        "-> b(i) x2 as i @{i}\n"
        "-> ( FC {i * j} x{i} as j ) x2 as i\n"
        "-> FC i\n"
    )
    assert named(found) == {
        ("parameter", "n", 2, "n", 2),
        ("param", "i", 2, "i", 1),
        ("element", "in", 2, "in", 2),
        ("block", "b", 4, "b", 2),
        ("parameter", "i", 4, "i", 4),
        ("parameter", "i", 5, "i", 5),
        ("parameter", "j", 5, "j", 5),
        ("param", "i", 6, "i", 1),
    }
