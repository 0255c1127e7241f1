"""`in` and `as i`: a program with them is the one that a person would have written out."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import netdsl
from netdsl.draw.columns.build import column
from netdsl.draw.columns.parts import leaves
from netdsl.draw.drawing import Cluster
from netdsl.draw.fold import fold
from netdsl.explain import explain
from netdsl.graph.build import Overrides, build
from netdsl.graph.node import ShapedGraph
from netdsl.text.diagnostic import Report
from netdsl.text.source import Source

SE = "block se(r=4, n=in) = [ SKIP | AVGPOOL global -> CONV {n // r} 1 -> SILU -> CONV {in} 1 -> SIGMOID ] -> MUL\n"
SE_OUT = "block se(c, r=4, n=0) = [ SKIP | AVGPOOL global -> CONV {n // r} 1 -> SILU -> CONV c 1 -> SIGMOID ] -> MUL\n"
GROW = "block grow() = [ SKIP | CONV {in} 3 p1 ] -> CONCAT\n"
GROW_OUT = "block grow(c) = [ SKIP | CONV c 3 p1 ] -> CONCAT\n"

WRITTEN_OUT = {
    "a default": (f"{SE}INPUT 8x8x16 -> se() -> se(2)", f"{SE_OUT}INPUT 8x8x16 -> se(16, 4, 16) -> se(16, 2, 16)"),
    "the caller's in an argument": (
        f"{SE}block b(n) = CONV n 1 -> se(n=in)\nINPUT 8x8x12 -> b(8)",
        f"{SE_OUT}INPUT 8x8x12 -> ( CONV 8 1 -> se(8, 4, 12) ) x1",
    ),
    "each copy of a repeat": (
        f"{GROW}INPUT 8x8x2 -> grow() x3",
        f"{GROW_OUT}INPUT 8x8x2 -> grow(2) -> grow(4) -> grow(8)",
    ),
    "a repeated group": (
        f"{GROW}INPUT 8x8x2 -> ( grow() -> CONV 3 1 ) x4",
        f"{GROW_OUT}INPUT 8x8x2 -> ( grow({{2 + min(i - 1, 1)}}) -> CONV 3 1 ) x4 as i",
    ),
    "a block called again where another shape enters": (
        f"{GROW}block two() = grow() -> grow()\nINPUT 4x4x2 -> two() -> two() -> CONV 2 1 -> two()",
        f"{GROW_OUT}block two(c) = grow(c) -> grow({{2*c}})\nINPUT 4x4x2 -> two(2) -> two(8) -> CONV 2 1 -> two(2)",
    ),
    "channels that follow from sizes": (
        "block f() = FLATTEN -> g()\nblock g() = FC {in}\nINPUT 4x4x2 -> [ f() | PAD 1 -> f() | f() ] -> CONCAT",
        "block f(n) = FLATTEN -> g(n)\nblock g(n) = FC n\nINPUT 4x4x2 -> [ f(32) | PAD 1 -> f(72) | f(32) ] -> CONCAT",
    ),
    "a count and a device": (
        "block d() = RELU x{in} @{in - 1}\nINPUT 3 -> d() -> FC 2 -> d()",
        "block d(n) = RELU x{n} @{n - 1}\nINPUT 3 -> d(3) -> FC 2 -> d(2)",
    ),
    "what enters, and not what a branch reads": (
        "block up(e) = [ e | CONV {in} 1 ] -> CONCAT -> CONV {in} 1\nINPUT 4x4x3 -> e: CONV 5 1 -> CONV 2 1 -> up(e)",
        "block up(e, n) = [ e | CONV n 1 ] -> CONCAT -> CONV n 1\nINPUT 4x4x3 -> e: CONV 5 1 -> CONV 2 1 -> up(e, 2)",
    ),
    "numbers in arguments and devices": (
        "INPUT 4x4x3 -> CONV {4*i} 1 x3 as i @{i - 1} -> DROPPATH {0.1*i/3} x2 as i",
        "INPUT 4x4x3 -> ( CONV 4 1 @0 -> CONV 8 1 @1 -> CONV 12 1 @2 ) x1 -> ( DROPPATH {1/30} -> DROPPATH {2/30} ) x1",
    ),
    "numbers of copies in copies": (
        "INPUT 4x4x3 -> ( CONV {i*j} 1 x2 as j -> CONV {i} 1 ) x2 as i",
        "INPUT 4x4x3 -> ( CONV 1 1 -> CONV 2 1 -> CONV 1 1 -> CONV 2 1 -> CONV 4 1 -> CONV 2 1 ) x1",
    ),
    "a number that hides another, and a param": (
        "param i = 7\nINPUT 4 -> ( FC {i} x{i} as i -> FC {i} ) x2 as i -> FC i",
        "INPUT 4 -> ( FC 1 -> FC 1 -> FC 1 -> FC 2 -> FC 2 -> FC 7 ) x1",
    ),
    "a number that enters a block": (
        f"{GROW}block b(n) = CONV n 1 -> grow()\nINPUT 4x4x3 -> b({{i + 1}}) x2 as i",
        f"{GROW_OUT}block b(n) = CONV n 1 -> grow(n)\nINPUT 4x4x3 -> b(2) -> b(3)",
    ),
    "an element applied again": (
        f"{GROW}INPUT 4x4x2 -> g: grow() x2 -> CONV 2 1 -> g() -> CONV 4 1 -> g.2()",
        f"{GROW_OUT}INPUT 4x4x2 -> g: ( a: grow(2) -> b: grow(4) ) -> CONV 2 1 -> g() -> CONV 4 1 -> g.b()",
    ),
    "an element that keeps what entered it": (
        "block f() = TANH x{in}\nblock g() = f() -> [ SKIP | SKIP ] -> CONCAT -> f()\nINPUT 2 -> h: g() -> h() -> h()",
        "block f(n) = TANH x{n}\nblock g() = f(2) -> [ SKIP | SKIP ] -> CONCAT -> f(4)\n"
        "INPUT 2 -> h: g() -> h() -> h()",
    ),
    "a copy that keeps its number": (
        "INPUT 4 -> m: ( k: FC {4*i} -> FC 4 ) x2 as i -> m() -> m.2() -> m.2.k() -> FC 4 -> m.1.k()",
        "INPUT 4 -> m: ( one: ( k: FC 4 -> FC 4 ) -> two: ( k: FC 8 -> FC 4 ) ) -> m() -> m.two() -> m.two.k() -> FC 4"
        " -> m.one.k()",
    ),
    "a default that an earlier call was given": (
        "block b(n=in) = FC n\nINPUT 4 -> b(4) -> ( b() -> [ SKIP | SKIP ] -> CONCAT ) x3",
        "block b(n) = FC n\nINPUT 4 -> b(4) -> ( b({4*i*max(1, i - 1)}) -> [ SKIP | SKIP ] -> CONCAT ) x2 as i -> b(16)"
        " -> [ SKIP | SKIP ] -> CONCAT",
    ),
    "numbered copies applied again, on their devices": (
        "INPUT 4 -> m: FC 4 x2 as i @{i} -> m() -> m.1()",
        "INPUT 4 -> m: ( a: FC 4 @1 -> FC 4 @2 ) -> m() -> m.a()",
    ),
    "copies applied again, on their device": (
        "INPUT 4 -> m: FC 4 x2 @1 -> m() -> m.2()",
        "INPUT 4 -> m: ( FC 4 -> a: FC 4 ) @1 -> m() -> m.a() @1",
    ),
    "what applies a repeat again, applied again": (
        "INPUT 4 -> a: FC 4 x3 -> b: a() -> b() -> c: a() x2 -> c.1() -> c()",
        "INPUT 4 -> a: ( FC 4 -> FC 4 -> FC 4 ) -> a() -> a() -> a() -> a() -> a() -> a() -> a()",
    ),
    "a mixture": (
        f"{GROW}block s(k) = grow() x{{k}} -> CONV {{in * k}} 1\nINPUT 4x4x2 -> s({{j}}) x3 as j -> a: s(1) x2 -> a()",
        f"{GROW_OUT}INPUT 4x4x2 -> ( grow(2) -> CONV 2 1 -> grow(2) -> grow(4) -> CONV 4 1 -> grow(4) -> grow(8)"
        " -> grow(16) -> CONV 12 1 ) x1 -> a: ( grow(12) -> CONV 12 1 -> grow(12) -> CONV 12 1 ) -> a()",
    ),
}


def shaped(text: str, **overrides: int) -> ShapedGraph:
    report = Report()
    found = build(Source(f"{text}\n", "net.net"), None, report, Overrides(dict(overrides)))
    assert found is not None, [str(one) for one in report.diagnostics()]
    return found


def facts(network: ShapedGraph) -> list[object]:
    """What each node is, apart from its path."""
    index = network.graph.index
    return [
        (node.layer, node.inputs, shape, node.device, index[node.owner])
        for node, shape in zip(network.nodes, network.shapes, strict=True)
    ]


@pytest.mark.parametrize("name", WRITTEN_OUT)
def test_a_program_is_what_it_says(name: str) -> None:
    short, long = WRITTEN_OUT[name]
    assert facts(shaped(short)) == facts(shaped(long))


def test_params_and_inputs_change_what_enters() -> None:
    text = "param n = 4\nblock b() = CONV {in} 1 x{in // 4}\nINPUT 4x4x3 -> CONV n 1 -> b()"
    assert [one.path for one in shaped(text, n=8).nodes[2:]] == ["b1.conv1.1", "b1.conv1.2"]
    report = Report()
    network = build(Source(f"{text}\nb1 -> b()\n", "n"), None, report, Overrides({"n": 0}, {"": (4, 4, 3)}))
    assert network is None
    assert [one.code for one in report.diagnostics()] == ["invalid-argument"]
    wider = build(Source(GROW + "INPUT 4x4x3 -> grow()\n", "n"), None, Report(), Overrides(inputs={"": (6, 6, 5)}))
    assert wider is not None
    assert [str(one) for one in wider.shapes] == ["6x6x5", "6x6x5", "6x6x10"]


def test_copies_that_use_no_number_are_one_value() -> None:
    network = shaped(f"{GROW}block b() = CONV {{in}} 1\nINPUT 4x4x3 -> b() x99 as i -> c: grow() x2 -> d: RELU x9 as i")
    assert [len(network.graph.outline.at(path).part.bodies) for path in ("b1", "c", "d")] == [1, 2, 1]  # pyright: ignore


def test_a_repeat_is_called_as_it_is_written_where_its_copies_differ() -> None:
    text = (
        "param k = 3\nblock b(n, k=1) = CONV n {k} p{k // 2}\n"
        "INPUT 4x4x3 -> b({2*i}, k) x2 as i -> CONV {3 * i} 1 x2 as i -> b(4) x2 as i"
    )
    outline = shaped(text).graph.outline
    assert [one.title for one in outline.named()][1:] == ["b({2*i}, 3)", "CONV {3 * i} 1", "b(4)"]
    grows = shaped("INPUT 4 -> a: ( RELU x{i // 2} ) x4 as i")
    runs = [grows.graph.runs(one) for one in grows.graph.outline.named() if one.name == "a"]
    assert runs == [[range(1, 2), range(2, 4), range(4, 5)]]
    repeat = outline.at("b1")
    assert repeat is not None
    assert [one.title for one in repeat.inside()] == ["b(2, 3)", "b(4, 3)"]


VARIED = """block unit(n, rate=0) = CONV n 1 -> DROPPATH rate
INPUT 4x4x3 -> a: ( CONV {2*i} 1 -> CONV 3 1 ) x2 as i -> b: unit(4, {i / 10}) x3 as i -> c: FC {max(i, 2)} x3 as i
-> d: RELU x4 as i @{i // 3}
"""


def test_copies_that_are_not_alike_have_rows_of_their_own() -> None:
    lines = "\n".join(str(netdsl.loads(VARIED).summary()).splitlines()[5:])
    rows = [re.split(r" {2,}", line.strip()) for line in lines.partition("───")[0].splitlines()]
    assert [" ".join(row[: 1 + (not row[1][0].isdigit())]) for row in rows] == [
        *("a ×2", "1", "conv1 CONV 2 1", "conv2 CONV 3 1", "2", "conv1 CONV 4 1", "conv2 CONV 3 1"),
        *("b unit(4, {i / 10}) ×3", "conv1 CONV 4 1", "droppath1 DROPPATH rate"),
        *("c FC {max(i, 2)} ×3", "1 FC 2", "3 FC 3", "d RELU ×4", "1 RELU", "3 RELU"),
    ]


@pytest.mark.parametrize("depth", [None, 0])
def test_copies_that_are_not_alike_are_drawn_apart(depth: int | None) -> None:
    drawing = fold(netdsl.loads(VARIED).shaped, depth=depth)
    rows = [[f"{row.keyword} {row.arguments} {row.name}".strip() for row in box.rows] for box in drawing.boxes]
    if depth is None:
        names = [(one.name, one.copy) for one in drawing.items if isinstance(one, Cluster)]
        assert names == [("a", (1, 2)), ("a", (2, 2))]
        assert [row[0] for row in rows[1:5]] == ["CONV 2 1", "CONV 3 1", "CONV 4 1", "CONV 3 1"]
    else:
        assert [row[0] for row in rows[1:3]] == ["a  1 of 2", "a  2 of 2"]
    assert rows[-6:-1] == [
        ["CONV 4 1 b", "DROPPATH rate"],
        ["FC 2 c.1–2"],
        ["FC 3 c.3"],
        ["RELU  d.1–2"],
        ["RELU  d.3–4"],
    ]
    assert [box.copies for box in list(drawing.boxes)[-6:-1]] == [3, 2, 1, 2, 2]


def test_a_diff_calls_copies_that_are_not_alike_as_the_program_does() -> None:
    shorter = "INPUT 4x4x3 -> a: CONV 3 1\n"
    longer = "INPUT 4x4x3 -> a: CONV 3 1 -> b: ( CONV {i} 1 -> BN ) x2 as i -> c: CONV {i} 1 x2 as i\n"
    text = str(netdsl.loads(shorter).diff(netdsl.loads(longer)))
    assert "copies ×2" in text
    assert "CONV {i} 1 ×2" in text


def test_a_copy_is_explained_by_the_values_that_it_has() -> None:
    network = netdsl.loads("block b(n) = CONV n 1 -> RELU\nINPUT 4x4x3 -> a: b({2*i}) x2 as i -> c: b(4) x2\n")
    assert explain(network.shaped, "a.2").title == "a.2: b(4), copy 2 of 2 of b({2*i})"
    assert explain(network.shaped, "c.2").title == "c.2: copy 2 of 2 of b(4)"
    assert "1  b(2)  4x4x2" in str(network.explain("a"))


def test_a_column_tells_no_rate_that_other_copies_lack() -> None:
    blocks = "block f() = [ CONV 4 1 | SKIP ] -> ADD\nblock unit(rate) = [ f() -> DROPPATH rate | SKIP ] -> ADD\n"
    found = column(netdsl.loads(f"{blocks}INPUT 4x4x4 -> unit({{i / 10}}) x3 as i -> unit(0.25)\n").shaped)
    said = [leaf.words for leaf in leaves(found.series)]
    assert [one for one in said if one.startswith("Drop")] == ["Drop path", "Drop path 0.25"]


def test_a_block_of_a_used_file_reads_what_enters_it(tmp_path: Path) -> None:
    tmp_path.joinpath("lib.net").write_text("param r = 2\nblock se(n=in) = FC {n // r} -> FC {in}\n", encoding="utf-8")
    network = tmp_path / "net.net"
    network.write_text(
        'use "lib.net"\nINPUT 8 -> FC 6 -> se() -> [ SKIP | SKIP ] -> CONCAT -> se()\n', encoding="utf-8"
    )
    assert [str(one) for one in netdsl.load(network).shaped.shapes] == ["8", "6", "3", "6", "12", "6", "12"]
    assert [str(one) for one in netdsl.load(network, r=3).shaped.shapes] == ["8", "6", "2", "6", "12", "4", "12"]


def test_a_param_that_a_number_hides_is_unused() -> None:
    report = Report()
    text = "param i = 2\nparam j = 2\nINPUT 4 -> ( FC {i} -> FC {j} x{i} as i ) x2 as i @{i} -> RELU x{j} as j\n"
    assert build(Source(text, "n"), None, report) is not None
    assert [(one.code, one.span.text) for one in report.diagnostics()] == [("unused-name", "i")]
