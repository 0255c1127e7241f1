"""What is written in 100 KB is checked within two seconds and 500 MB; what would be larger than the limit is told."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest
from click.testing import CliRunner

import netdsl
from netdsl.cli.main import cli
from netdsl.graph.build import Overrides, build
from netdsl.measure import expect
from netdsl.text import render, suggest
from netdsl.text.diagnostic import NetError, Report
from netdsl.text.source import Source

SECONDS = 4.0
"""A guard in processor time: each takes one at most on a small machine, and a slip takes many times as much."""


def doubling(body: str, first: str, levels: int, call: str = "") -> str:
    """Blocks that each call the one before twice, and a network of the last."""
    blocks = "".join(body.format(i=i, j=i - 1) for i in range(1, levels + 1))
    return f"{first}{blocks}INPUT 8x8x4 -> b{levels}({call})\n"


def lines(form: str, count: int) -> str:
    """A line for each number, with it as `i` and the next as `j`."""
    return "".join(f"{form.format(i=i, j=i + 1)}\n" for i in range(count))


BLOCK = "block b0() = RELU\n"
TWICE = "block b{i}() = b{j}() -> b{j}()\n"
LARGE = {
    "a layer repeated": ("INPUT 8x8x1 -> RELU x199999\n", None),
    "a layer with weights repeated": ("INPUT 8x8x4 -> CONV 4 3 p1 x199999\n", None),
    "a call repeated": (f"{BLOCK}INPUT 8x8x1 -> b0() x199998\n", None),
    "a group repeated": ("INPUT 8x8x4 -> ( [ CONV 4 3 p1 -> BN -> RELU | SKIP ] -> ADD ) x49990\n", None),
    "an element applied again in a repeat": ("INPUT 8x8x1 -> ( x: RELU -> x() ) x99990\n", None),
    "an element applied again many times": ("INPUT 8x8x4 -> x: CONV 4 3 p1 -> x() x199990\n", None),
    "a group applied again": (f"INPUT 8x8x4 -> a: ( {' -> '.join(['CONV 4 3 p1'] * 10)} ){' -> a()' * 9000}\n", None),
    "a repeat applied again": (f"INPUT 8 -> a: ( FC 8 -> RELU ) x10{' -> a()' * 9000}\n", None),
    "doubling": (doubling(TWICE, BLOCK, 16), None),
    "doubling in forks": (doubling("block b{i}() = [ b{j}() | b{j}() ] -> ADD\n", BLOCK, 15), None),
    "numbered copies that are alike": ("INPUT 8x8x4 -> CONV 4 3 p1 x199999 as i\n", None),
    "a numbered layer": ("INPUT 8x8x4 -> CONV {4*i} 3 p1 x199999 as i\n", "limit-exceeded"),
    "numbered copies": ("INPUT 8x8x4 -> ( CONV {4*i} 3 p1 -> RELU ) x99999 as i\n", "limit-exceeded"),
    "numbered copies in each other": (
        f"INPUT 8 -> {'( ' * 17}FC {{a0 + a16}}{''.join([f' ) x2 as a{i}' for i in range(17)])}\n",
        "limit-exceeded",
    ),
    "numbered calls of a block with a long default": (
        f"block b(n, m={{{' + '.join(['1'] * 20000)}}}) = FC n\nINPUT 8 -> b({{i}}) x20000 as i\n",
        "limit-exceeded",
    ),
    "numbered copies on a device that takes long to reckon": (
        f"INPUT 8 -> ( ( RELU -> RELU ) x1 @{{i * 0{' + 0' * 20000}}} ) x20000 as i\n",
        "limit-exceeded",
    ),
    "a block that reads what enters, repeated": ("block b() = CONV {in} 3 p1\nINPUT 8x8x4 -> b() x99990\n", None),
    "a block of which more enters each time": (
        "block b() = CONV {in + 1} 1\nINPUT 8x8x4 -> b() x99990\n",
        "limit-exceeded",
    ),
    "doubling with what enters": (doubling(TWICE, "block b0() = CONV {in + 1} 1\n", 40), "limit-exceeded"),
    "a block that reads what enters, applied again": (
        f"block b() = CONV {{in}} 3 p1\nINPUT 8x8x4 -> g: ( b() x5000 ){' -> g()' * 15}\n",
        None,
    ),
    "too many nodes": ("INPUT 8x8x1 -> RELU x200000\n", "limit-exceeded"),
    "far too many nodes": ("INPUT 8x8x1 -> RELU x999999\n", "limit-exceeded"),
    "copies of nothing": ("INPUT 8 -> ( SKIP ) x999999\n", "limit-exceeded"),
    "long paths": (lines("block b{j}() = b{i}()", 190).join([BLOCK, "INPUT 8 -> b190() x1000\n"]), "limit-exceeded"),
    "doubling too often": (doubling(TWICE, BLOCK, 60), "limit-exceeded"),
    "doubling with other arguments": (
        doubling("block b{i}(n) = b{j}({{n + 1}}) -> b{j}({{n * 2 % 1000003}})\n", "block b0(n) = FC n\n", 40, "1"),
        "limit-exceeded",
    ),
    "doubling with a mistake": (doubling(TWICE, "block b0() = REUL\n", 60), "unknown-layer"),
    "doubling with a wrong shape": (doubling(TWICE, "block b0() = CONV 4 30\n", 12), "window-too-large"),
    "wide merges repeated": (f"block a() = [ {'SKIP|' * 9000}SKIP ] -> ADD\nINPUT 8 -> a() x9000\n", "limit-exceeded"),
    "a shape of its own for each copy": ("INPUT 8x8x1 -> PAD 1 x199998\n", "limit-exceeded"),
    "calls with many defaults": (
        f"block f({', '.join(f'a{i}=1' for i in range(4000))}) = FC a1\nINPUT 8 -> {' -> '.join(['f()'] * 4000)}\n",
        "limit-exceeded",
    ),
    "claims of many nodes": (
        "INPUT 8 -> c: RELU x50000\n" + lines("expect params of c = {j}", 900),
        "expectation-failed",
    ),
    "claims of none": ("INPUT 8 -> c: RELU x50000\n" + lines("expect params of cc{i} = 1", 900), "unknown-name"),
    "claims of many scopes": (
        lines("block b{j}() = b{i}()", 150).join([BLOCK, "INPUT 8 -> b150() -> "])
        + "g: ( RELU x90000 )\n"
        + lines("expect peak of g >= 0\nexpect depth of g = 0", 900),
        None,
    ),
    "circles": (
        BLOCK + lines("block b{j}() = b{i}() -> b1() -> b2000()", 2000) + "INPUT 8 -> b7()\n",
        "recursive-block",
    ),
    "carriage returns alone": ("\r" * 99_000, "no-input"),
    "files that are not there": (lines('use "no_{i}.net"', 3000) + "INPUT 8 -> RELU\n", "limit-exceeded"),
    "an element that applies itself": ("INPUT 8 -> g: ( RELU -> g() )\n", "recursive-block"),
    "names that are nearly there": (
        "INPUT 8 -> RELU\n"
        + lines("input1 -> abcdefghijklmnopqrstuv{i:04d}: RELU\nabcdefghijklmnopqrstuw{i:04d} -> RELU", 900),
        "unknown-name",
    ),
    "unknown layers of unknown names": (lines("foo -> BAR 3", 3000), "unknown-layer"),
    "names that many blocks nearly have": (
        lines("block b{i}() = RELU", 1700) + "INPUT 8\n" + lines("-> bb{i}()", 3800),
        "unknown-block",
    ),
    "names that many copies nearly have": (
        "INPUT 8 -> g: ( a: RELU ) x90000\n" + lines("g.a{i} -> RELU", 5000),
        "unknown-name",
    ),
    "a word on each line": ("A\n" * 50_000, "unknown-layer"),
    "a tag of many digits": (f"INPUT 8 -> CONV 4 s{'9' * 99_000}\n", "limit-exceeded"),
    "dims that end too late": (f"INPUT 8 -> CONV {'1x' * 49_000}\n", "syntax-error"),
    "dims made of dims": (
        "param a0 = {1, 1}\n" + lines("param a{j} = {{a{i}, a{i}}}", 30) + "INPUT 8 -> RELU\n",
        "limit-exceeded",
    ),
    "dims that grow": (
        "param a0 = 3\n" + lines("param a{j} = {{a{i} * 2, 3}}", 3500) + "INPUT 8 -> RELU\n",
        "limit-exceeded",
    ),
    "arguments of many parameters": (
        f"block f({', '.join(f'a{i}' for i in range(8000))}) = FC a1\nINPUT 8 -> f({'1,' * 7999}1)\n",
        None,
    ),
    "parameters that many calls lack": (
        f"block f({', '.join(f'a{i}' for i in range(8000))}) = FC a1\nINPUT 8{' -> f(1)' * 5000}\n",
        "missing-argument",
    ),
    "branches of many shapes": (
        f"INPUT 8 -> [ {' | '.join(f'FC {i}' for i in range(1, 9000))} ] -> ADD\n",
        "shape-mismatch",
    ),
    "fields of maps that are enlarged and cut": (
        "INPUT 4096x4 -> ( UPSAMPLE 5 -> CROP 4096 ) x20000\nexpect field > 0\n",
        None,
    ),
    "fields of enlarged maps": (
        "INPUT 4096x4 -> ( UPSAMPLE 3 -> CONV 4 5 s3 p2 -> UPSAMPLE 2 -> CONV 4 7 s2 p3 ) x20000\nexpect field > 3\n",
        None,
    ),
}


@pytest.mark.parametrize("name", LARGE)
def test_what_is_written_in_little_is_checked_soon(name: str) -> None:
    text, code = LARGE[name]
    assert len(text) <= 100_000
    report = Report()
    start = time.process_time()
    shaped = build(Source(text, "net.net"), None, report)
    if shaped is not None:
        expect.prove(shaped, report)
    found = report.diagnostics()
    for one in found:
        render.text(one)
    seconds = time.process_time() - start
    assert {one.code for one in found if one.severity == "error"} >= ({code} if code else set())
    assert code or not report.failed
    assert seconds < SECONDS


PEAK = """
import resource, subprocess, sys
subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
"""
"""Prints the peak memory of a command; a child of the tests' own process would count what that has."""


@pytest.mark.skipif(sys.platform == "win32", reason="there is no count of a process's memory")
@pytest.mark.parametrize("name", ["a call repeated", "doubling", "long paths"])
def test_check_takes_little_memory(name: str, tmp_path: Path) -> None:
    file = tmp_path / "net.net"
    file.write_text(LARGE[name][0])
    command = [sys.executable, "-c", PEAK, sys.executable, "-m", "netdsl", "check", str(file)]
    peak = int(subprocess.run(command, capture_output=True, check=True, text=True).stdout)
    assert 10 < peak / (2**20 if sys.platform == "darwin" else 2**10) < 300


@pytest.mark.parametrize("name", ["parameters that many calls lack", "branches of many shapes"])
def test_a_message_lists_no_more_than_anybody_reads(name: str) -> None:
    report = Report()
    build(Source(LARGE[name][0], "net.net"), None, report)
    assert max(len(f"{one.message}{one.help}") for one in report.diagnostics()) < 500


def test_a_good_suggestion_is_found_among_thousands_of_others() -> None:
    many = [f"layer{i}" for i in range(5000)]
    with suggest.bounded():
        assert suggest.closest("encodre", [*many, "encoder"]) == "encoder"
        assert suggest.closest("layr4999", many) == "layer4999"
        for i in range(100):
            suggest.closest(f"leyar{i}", many)
        start = time.process_time()
        for i in range(1000):
            suggest.closest(f"leyar{i}", many)
        assert time.process_time() - start < SECONDS / 4


def test_a_mistake_in_a_block_is_found_once() -> None:
    report = Report()
    build(Source(doubling(TWICE, "block b0() = REUL -> CONV 4\n", 60), "net.net"), None, report)
    assert [one.code for one in report.diagnostics()] == ["unknown-layer", "missing-argument"]


def test_the_limit_can_be_set(tmp_path: Path) -> None:
    file = tmp_path / "net.net"
    file.write_text("INPUT 8 -> RELU x9\n")
    assert CliRunner().invoke(cli, ["check", "--limit", "10", str(file)]).exit_code == 0
    for command in ("check", "summary", "explain", "memory", "draw", "emit"):
        found = CliRunner().invoke(cli, [command, "--limit", "9", str(file)])
        assert found.exit_code == 1
        assert "this expands to 10 nodes or more, and the limit is 9" in found.output
    with pytest.raises(NetError, match="limit-exceeded"):
        netdsl.load(str(file), limit=9)
    assert len(netdsl.loads("INPUT 8 -> RELU x200000\n", limit=200_001).shaped.nodes) == 200_001


def test_copies_are_as_what_they_copy() -> None:
    """Names, weights, places and inputs of copies, against the same network with each copy written out."""
    block = "block f(n) = [ a: CONV n 3 p1 -> a() | SKIP ] -> ADD -> b: ( RELU x2 )\n"
    copied = f"{block}INPUT 8x8x4 -> s: f(4) -> ( f(4) -> [ s.a | SKIP ] -> ADD -> s.a() ) x3\ngroup1.2.f1.b -> RELU\n"
    part = "f(4) -> [ s.a | SKIP ] -> ADD -> s.a()"
    written = f"{block}INPUT 8x8x4 -> s: f(4) -> g1: ( {part} ) -> g2: ( {part} ) -> g3: ( {part} )\ng2.f1.b -> RELU\n"
    one, other = [build(Source(text, "net.net"), None, Report(), Overrides()) for text in (copied, written)]
    assert one is not None
    assert other is not None

    def plain(path: str) -> str:
        return path.replace("group1.", "g")

    assert [(plain(node.path), plain(node.owner), node.inputs, node.layer) for node in one.nodes] == [
        (node.path, node.owner, node.inputs, node.layer) for node in other.nodes
    ]
    assert {plain(path): index for path, index in one.graph.aliases.items() if path != "group1"} == dict(
        other.graph.aliases
    )
    scopes, others = ({part.path for part in net.graph.outline.walk() if part.scope} for net in (one, other))
    assert set(map(plain, scopes)) - {"group1"} == others - {"g1", "g2", "g3"}


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("a: INPUT 8x8x4 -> UPSAMPLE like=a x3", [(), (0, 0), (1, 0), (2, 0)]),
        ("INPUT 8x8x4 -> a: RELU -> CROP like=a x3", [(), (0,), (1, 1), (2, 1), (3, 1)]),
        ("INPUT 8x8x4 -> a: RELU -> RELU -> CROP like=a x3", [(), (0,), (1,), (2, 1), (3, 1), (4, 1)]),
    ],
)
def test_copies_read_the_layer_that_all_of_them_name(text: str, read: list[tuple[int, ...]]) -> None:
    shaped = build(Source(text, "net.net"), None, Report(), Overrides())
    assert shaped is not None
    assert [node.inputs for node in shaped.nodes] == read


def test_what_is_applied_again_has_the_weights_and_the_names_of_the_first() -> None:
    text = "INPUT 8 -> a: ( FC 8 -> r: RELU x2 ) -> a() -> b: a() -> c: a() -> [ b.r | c.r.1 ] -> ADD -> a() @1\n"
    shaped = build(Source(text, "net.net"), None, Report())
    assert shaped is not None
    nodes = shaped.nodes
    assert [(one.path, one.owner, one.device) for one in nodes if one.layer.keyword == "FC"] == [
        ("a.fc1", "a.fc1", 0),
        *((f"{path}.fc1", "a.fc1", 0) for path in ("a1", "b", "c")),
        ("a4.fc1", "a.fc1", 1),
    ]
    merge = next(one for one in nodes if one.layer.keyword == "ADD")
    assert [nodes[source].path for source in merge.inputs] == ["b.r.2", "c.r.1"]
    assert [str(span.column) for one in nodes[4:] if one.name == "fc1" for span in one.calls or ()] == [
        str(text.index(call) + shift + 1) for call, shift in (("a() ->", 0), ("b: a", 3), ("c: a", 3), ("a() @", 0))
    ]


ROWS = 30_000


@pytest.mark.parametrize(
    "command",
    [*[["summary", "--format", form] for form in ("csv", "json", "markdown")], ["emit", "--stage", "shaped"]],
    ids=" ".join,
)
def test_a_row_a_node_is_printed_soon(command: list[str], tmp_path: Path) -> None:
    file = tmp_path / "net.net"
    file.write_text(f"INPUT 8x8x4 -> CONV 4 3 p1 x{ROWS - 1}\n")
    start = time.process_time()
    found = CliRunner().invoke(cli, [*command, str(file)])
    seconds = time.process_time() - start
    assert found.exit_code == 0
    assert sum(f"conv1.{copy}" in found.output for copy in (1, ROWS // 2, ROWS - 1)) == 3
    assert seconds / ROWS < 120e-6  # a guard: each takes some 25 microseconds, what holds all rows at once 100 and more


def test_small_networks_do_not_count_what_their_process_froze(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gc.get_freeze_count", lambda: pytest.fail("it takes as long as there are values"))
    assert netdsl.load("resnet152").summary().totals.params
