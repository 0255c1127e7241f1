"""`netdsl summary`: what it prints, in which columns, for which batch and precision."""

from __future__ import annotations

import csv
import io
import json
import re
from pathlib import Path

import pytest
from click.testing import CliRunner

import netdsl
from netdsl.cli.common import UsageError
from netdsl.cli.summary import command
from netdsl.measure import summary_table
from netdsl.measure.summary_table import COLUMNS


def run(*arguments: str) -> str:
    """What `netdsl summary` prints."""
    result = CliRunner().invoke(command, arguments, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


def test_the_summary_takes_a_batch_and_a_precision() -> None:
    data = json.loads(run("lenet5", "--batch", "32", "--precision", "fp16", "--format", "json"))
    assert (data["batch"], data["precision"]) == (32, "fp16")
    assert data["totals"]["macs"] == 32 * 325_680
    assert data["totals"]["weight_bytes"] == 2 * 60_000
    assert data["totals"]["peak_bytes"] == data["peak"]["bytes"] == 16 * 23_520
    assert "for a batch of 32 examples, in fp16" in run("lenet5", "--batch", "32", "--precision", "fp16")


def test_the_summary_tells_where_memory_peaks_and_which_order_needs_less() -> None:
    text = "INPUT 8x8x1 -> a: CONV 40 1\ninput1 -> b: CONV 50 1\na -> l: CONV 1 1\nb -> r: CONV 1 1\n[ l | r ] -> ADD\n"
    summary = netdsl.loads(text).summary()
    peak = json.loads(summary.json())["peak"]
    assert peak == {
        "bytes": 91 * 256,
        "path": "b",
        "alive": ["input1", "a", "b"],
        "bytes_without_inplace": 91 * 256,
        "least": {"bytes": 52 * 256, "exact": True, "order": ["input1", "a", "l", "b", "r", "add1"]},
    }
    lines = str(summary).splitlines()
    assert any(line.startswith("peak") and line.endswith("while b runs") for line in lines)
    assert any(line.split()[:2] == ["13,312", "B"] and "in another order" in line for line in lines)


def test_the_table_has_the_columns_asked_for() -> None:
    lines = run("vgg16", "--columns", "output,field,stride,offset,alive_bytes").splitlines()
    assert lines[2].split() == ["layer", "output", "field", "stride", "offset", "alive_bytes"]
    assert next(line for line in lines if line.startswith("pool5")).split()[-4:] == [
        "212x212",
        "32x32",
        "-90x-90",
        "501,760",
    ]
    assert max(map(len, lines)) <= 80
    heads = run("lenet5", "--columns", "all").splitlines()[2].split()
    assert heads == ["layer", *[column.name for column in COLUMNS]]


def test_scopes_show_the_sums_of_all_that_is_in_them() -> None:
    lines = run("resnet18", "--columns", "params,macs,connections,constants").splitlines()
    summary = netdsl.load("resnet18").summary()
    inside = [
        one for node, one in zip(summary.shaped.nodes, summary.figures, strict=True) if node.path.startswith("conv3.")
    ]
    sums = [sum(getattr(one, name) for one in inside) for name in ("params", "macs", "connections", "constants")]
    assert next(line for line in lines if line.startswith("conv3 ")).split()[-4:] == [f"{one:,}" for one in sums]


@pytest.mark.parametrize(
    ("columns", "says"), [("parms", "did you mean params?"), ("", "all, or some of"), ("macs,", "all")]
)
def test_a_column_that_is_none_gives_2_and_a_hint(columns: str, says: str) -> None:
    with pytest.raises(UsageError) as error:
        run("lenet5", "--columns", columns)
    assert says in error.value.help


def test_csv_and_markdown_have_all_columns() -> None:
    rows = list(csv.DictReader(io.StringIO(run("lenet5", "--format", "csv"))))
    names = ["path", "layer", *[column.name for column in COLUMNS]]
    assert list(rows[0]) == names
    assert sum(int(row["connections"]) for row in rows) == 340_908
    head, _, *body, total = run("lenet5", "--format", "markdown").splitlines()
    assert len(body) == len(rows)
    assert len({line.count(" | ") for line in (head, *body)}) == 1
    assert "**340,908**" in total


NAMES = [column.name for column in COLUMNS]


@pytest.mark.parametrize("names", [["output", "params"], ["macs"], ["device", "output", "alive_bytes"], NAMES])
def test_every_format_has_the_columns_that_are_asked_for(names: list[str]) -> None:
    asked = ",".join(names)
    head, rule, *rows, _ = run("lenet5_modern", "--format", "markdown", "--columns", asked).splitlines()
    assert head == f"| path | layer | {' | '.join(names)} |"
    assert {line.count("|") for line in (rule, *rows)} == {len(names) + 3}
    first, *others = csv.reader(io.StringIO(run("lenet5_modern", "--format", "csv", "--columns", asked)))
    assert first == ["path", "layer", *names]
    assert len(others) == len(rows)
    assert run("lenet5_modern", "--columns", asked).splitlines()[2].split() == ["layer", *names]


def test_all_columns_are_in_csv_and_markdown_unless_others_are_asked_for() -> None:
    for form in ("csv", "markdown"):
        assert run("lenet5_modern", "--format", form) == run("lenet5_modern", "--format", form, "--columns", "all")
    assert next(csv.reader(io.StringIO(netdsl.load("lenet5_modern").summary().csv()))) == ["path", "layer", *NAMES]


def test_a_column_is_called_the_same_in_the_docs() -> None:
    page = (Path(__file__).parent.parent / "docs" / "accounting.md").read_text(encoding="utf-8")
    table = page[page.index("\n## Columns\n") :]
    told = [name for line in table.splitlines() if line.startswith("| `") for name in re.findall("`(\\w+)`", line)]
    assert [name for name in told if name in NAMES] == NAMES


@pytest.mark.parametrize("form", ["json", "slides"])
def test_columns_are_refused_where_there_are_none(form: str) -> None:
    with pytest.raises(UsageError, match=f"not with {form}"):
        run("lenet5", "--format", form, "--columns", "params")


def test_a_call_is_shown_with_the_values_of_its_arguments() -> None:
    net = netdsl.loads("""
param width = 4
block unit(n, k=1, kind="zero") = PAD {k // 2} mode=kind -> CONV n {k}
block up(n, skip) = [ skip | SKIP ] -> CONCAT -> unit(n)
block stage(n, skip) = unit({2 * n}, k=n) -> up({n - 1}, skip)
INPUT 9x9x1 -> first: unit(width, kind="edge") -> unit( 3,  3 ) -> last: stage(3, first)
""")
    titles = {one.path: one.title for one in net.shaped.graph.outline.walk() if one.scope}
    assert titles == {
        "first": 'unit(4, kind="edge")',
        "unit2": "unit( 3,  3 )",
        "last": "stage(3, first)",
        "last.unit1": "unit(6, k=3)",
        "last.up1": "up(2, skip)",
        "last.up1.unit1": "unit(2)",
    }
    assert "unit(6, k=3)" in str(net.summary())


def test_a_table_tells_what_each_layer_reads_if_asked(tmp_path: Path) -> None:
    path = tmp_path / "branches.net"
    path.write_text("INPUT 9x4 -> [ CONV 2 3 | b: CONV 2 3 -> RELU ] -> CONCAT -> FC 2\n", encoding="utf-8")
    assert run(str(path), "--columns", "inputs").splitlines()[4:10] == [
        "input1  INPUT 9x4",
        "conv1   CONV 2 3  input1",
        "b       CONV 2 3  input1",
        "relu1   RELU      b",
        "concat1 CONCAT    conv1, relu1",
        "fc1     FC 2      concat1",
    ]


def test_a_block_tells_its_copies_where_it_is_repeated() -> None:
    program = "block b(n) = CONV n 1 -> RELU\nINPUT 8x8x4 -> a: b(4) -> c: b(4) x3\n"
    rows = [line.split() for line in str(netdsl.loads(program).summary()).splitlines()]
    assert ["a", "b(4)", "20", "1,024"] in rows
    assert ["c", "b(4)", "×3", "60", "3,072"] in rows


def test_copies_of_repeats_in_repeats_are_told_once() -> None:
    program = "INPUT 8x8x4 -> a: ( CONV 4 1 -> b: ( RELU -> BN ) x2 -> TANH ) x3 -> c: ( RELU x2 ) x2\n"
    lines = str(netdsl.loads(program).summary()).splitlines()[4:14]
    names = ["input1", "a", "conv1", "b", "relu1", "bn1", "tanh1", "c", "relu1", "1"]
    assert [line.split()[0] for line in lines] == names


def test_what_is_written_over_several_lines_has_one_row() -> None:
    program = """block unit(n, k=3) = CONV n k p{k // 2}
INPUT 8x8x3 -> [ CONV 4
  3 p1 x2 | SKIP ] -> CONCAT
-> u: unit(4,  # why
           k=5) -> v: unit(
  4) x2
"""
    lines = str(netdsl.loads(program).summary()).splitlines()
    starts = (
        "input1",
        "conv1   CONV 4 3 p1 ×2 ",
        "  1 ",
        "concat1",
        "u       unit(4, k=5) ",
        "  conv1",
        "v       unit(4) ×2 ",
    )
    for line, start in zip(lines[4:], starts, strict=False):
        assert line.startswith(start)


WIDE = "INPUT 32x32x3 -> a_rather_long_name_of_a_layer: CONV 64 3x3 s2x2 p1x1 d1x1 -> f: FC 10\n"


def test_names_and_layers_are_cut_where_the_columns_take_the_width() -> None:
    summary = netdsl.loads(WIDE).summary()
    assert str(summary).splitlines()[2:7] == [
        "layer                                                   output    params    macs",
        "────────────────────────────────────────────────────────────────────────────────",
        "input1                       INPUT 32x32x3              32x32x3",
        "a_rather_long_name_of_a_lay… CONV 64 3x3 s2x2 p1x1 d1x1 16x16x64   1,792 442,368",
        "f                            FC 10                      10       163,850 163,840",
    ]
    more = [column for column in COLUMNS if column.name in ("output", "params", "macs", "flops", "connections")]
    assert [*summary_table.text(summary, more)][2:7] == [
        "layer                                 output    params    macs   flops connections",
        "──────────────────────────────────────────────────────────────────────────────────",
        "input1             INPUT 32x32x3      32x32x3",
        "a_rather_long_nam… CONV 64 3x3 s2x2 … 16x16x64   1,792 442,368 884,736     458,752",
        "f                  FC 10              10       163,850 163,840 327,680     163,850",
    ]
