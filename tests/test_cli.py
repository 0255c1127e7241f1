"""The command line: exit status, streams, and options that go with every command."""

from __future__ import annotations

import csv
import io
import json
import shlex
from collections.abc import Callable
from pathlib import Path

import command_line
import pytest
from command_line import Ended, shell

Run = Callable[..., Ended]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Run:
    """Runs netdsl in an empty folder."""
    monkeypatch.chdir(tmp_path)
    return command_line.run


SMALL = """\
param width = 4
left: INPUT 8x8x3 -> CONV width 3 p1 -> RELU -> a: FC 10

expect params of a = 2570
"""


def write(text: str, name: str = "net.net") -> str:
    """A file in the current folder."""
    Path(name).write_text(text)
    return name


def test_compile_says_whose_weights_a_file_has(run: Run) -> None:
    import torch

    import netdsl

    program = write("INPUT 4 -> FC 2")
    torch.save(netdsl.load(program).module().state_dict(), "trained.pth")
    for arguments, words in (([], "untrained weights"), (["--weights", "trained.pth"], "weights of trained.pth")):
        assert run("compile", program, *arguments).out.endswith(f" KB, inference mode, {words}\n")


def test_a_bundled_network_is_found_by_name_from_any_folder(run: Run) -> None:
    for name in ("resnet18", "resnet18.net"):
        result = run("check", name)
        assert (result.status, result.err) == (0, "")
        assert "9 expectations hold" in result.out


def test_a_file_of_that_name_comes_first(run: Run) -> None:
    write("INPUT 8 -> FC 4\n", "resnet18.net")
    data = json.loads(run("summary", "resnet18.net", "--format", "json").out)
    assert data["totals"]["params"] == 36


def test_errors_give_1_and_go_to_stderr(run: Run) -> None:
    result = run("check", write("INPUT 8x8x3 -> CNOV 4 3\n"))
    assert result.status == 1
    assert result.err.startswith("error[unknown-layer]: there is no layer CNOV\n  --> net.net:1:16\n")
    assert result.out == "net.net: 1 error\n"


def test_json_of_several_files_is_one_list_on_stdout(run: Run) -> None:
    good, bad = write(SMALL, "good.net"), write("INPUT 8 ->\n", "bad.net")
    result = run("check", good, bad, "--format", "json")
    assert (result.status, result.err) == (1, "")
    assert [(one["code"], one["file"]) for one in json.loads(result.out)] == [("syntax-error", "bad.net")]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["check", "resnet19"], "did you mean resnet18?"),
        (["check", "missing.net"], "no such file"),
        (["check", "."], "."),
        (["check"], "Missing argument"),
        (["chekc", "resnet18"], "No such command"),
        (["summary", "resnet18", "--format", "xml"], "'xml' is not one of"),
        (["summary", "resnet18", "--set", "clases=10"], "did you mean classes?"),
        (["summary", "resnet18", "--set", "classes"], "write --set name=value"),
        (["summary", "resnet18", "--input", "big"], "write --input 64x64x3"),
        (["summary", "resnet18", "--input", "image=64x64x3"], "its inputs are input1"),
        (["summary", "resnet18", "--include", "nowhere"], "no such folder"),
        (["layers", "CNOV"], "did you mean CONV?"),
        (["compile", "lenet5", "-o", "lenet.h5"], "-o lenet.pt"),
        (["compile", "lenet5", "-o", "nowhere/lenet.pt"], "no folder nowhere"),
        (["draw", "lenet5", "-o", "lenet.gif"], "gif"),
        (["draw", "lenet5", "-o", "nowhere/lenet.svg"], "nowhere"),
        (["fmt", "missing.net"], "missing.net"),
    ],
)
def test_mistakes_on_the_command_line_give_2_and_a_hint(run: Run, arguments: list[str], says: str) -> None:
    result = run(*arguments)
    assert result.status == 2
    assert says in result.err
    assert "Traceback" not in result.err
    assert not list(Path().iterdir())


def test_overrides_change_the_network_and_skip_its_claims(run: Run) -> None:
    name = write(SMALL)
    assert run("check", name).out == "net.net: ok, 1 expectation holds\n"
    result = run("check", name, "--set", "width=8", "--input", "16x16x3")
    assert result.out == "net.net: ok, 1 expectation skipped under an override\n"
    data = json.loads(run("summary", name, "--format", "json", "--set", "width=8", "--input", "left=16x16x3").out)
    assert data["inputs"] == {"left": [16, 16, 3]}
    assert data["totals"]["params"] == (27 + 1) * 8 + (16 * 16 * 8 + 1) * 10
    assert run("check", name, "--set", "width=1/2").status == 1


def test_included_folders_are_sought_for_used_files(run: Run) -> None:
    Path("lib").mkdir()
    write("block unit(n) = CONV n 3 p1 -> RELU\n", "lib/unit.net")
    name = write('use "unit.net"\nINPUT 8x8x3 -> unit(4)\n')
    assert run("check", name).status == 1
    assert run("check", name, "--include", "lib").status == 0


def test_the_summary_has_the_keys_that_programs_rely_on(run: Run) -> None:
    name = write(
        'network "Two"\nmeta year = 2020\n' + SMALL + "a -> b: DROPOUT -> c: FC 2\noutput c\noutput training b\n"
    )
    data = json.loads(run("summary", name, "--format", "json").out)
    assert {key: data[key] for key in ("name", "file", "meta", "inputs", "outputs")} == {
        "name": "Two",
        "file": "net.net",
        "meta": {"year": 2020},
        "inputs": {"left": [8, 8, 3]},
        "outputs": {"c": [2]},
    }
    assert list(data["totals"]) == [
        "params",
        "trainable",
        "macs",
        "flops",
        "activation_bytes",
        "weight_bytes",
        "depth",
        *("constants", "connections", "peak_bytes"),
    ]
    conv = data["layers"][1]
    assert conv == {
        "path": "conv1",
        "kind": "CONV",
        "file": "net.net",
        "line": 4,
        "inputs": ["left"],
        "output": [8, 8, 4],
        "params": 112,
        "macs": 27 * 4 * 64,
        "flops": 2 * 27 * 4 * 64,
        "activation_bytes": 4 * 4 * 64,
        "field": [3, 3],
        "stride": [1, 1],
        "device": 0,
        "training": False,
        "constants": 0,
        "connections": 27 * 4 * 64 + 4 * 64,
        "alive_bytes": 4 * (3 + 4) * 64,
        "offset": [-1, -1],
        "centre": [0, 0],
    }


def test_the_summary_prints_within_80_columns(run: Run) -> None:
    for network in ("resnet152", "googlenet", "lenet5"):
        lines = run("summary", network).out.splitlines()
        assert max(map(len, lines)) <= 80
        assert any(line.startswith("parameters") for line in lines)


def test_csv_and_markdown_have_a_row_for_each_layer(run: Run) -> None:
    rows = list(csv.DictReader(io.StringIO(run("summary", "lenet5_modern", "--format", "csv").out)))
    assert sum(int(row["params"]) for row in rows) == 61_706
    lines = run("summary", "lenet5_modern", "--format", "markdown").out.splitlines()
    assert len(lines) == len(rows) + 3
    assert lines[-1].startswith("| **total** | |  | **61,706** | **0** | **416,520** | ")


def test_list_shows_each_bundled_network_with_its_figures(run: Run) -> None:
    rows = {row["name"]: row for row in json.loads(run("list", "--format", "json").out)}
    assert rows["vgg16"]["params"] == 138_357_544
    assert (rows["alexnet"]["year"], rows["alexnet"]["macs"]) == (2012, 1_135_256_096)
    table = run("list").out
    assert all(name in table for name in rows)
    assert max(map(len, table.splitlines())) <= 80
    headings = [line.strip() for line in table.splitlines() if line.startswith(" ") and line[1:2].islower()]
    groups = [row["group"] for row in rows.values()]
    assert headings[1:] == list(dict.fromkeys(groups))
    assert groups == sorted(groups, key=headings.index)  # each group in one place


def test_layers_are_listed_and_explained(run: Run) -> None:
    listed = run("layers").out
    assert all(keyword in listed for keyword in ("CONV", "HARDSWISH", "NORMALIZE", "SHUFFLE"))
    explained = run("layers", "conv").out
    assert explained.startswith("CONV filters kernel [s] [p] [d] [g] [same] [nobias] [table=]\n")


def test_fmt_rewrites_in_place_and_only_when_asked(run: Run) -> None:
    ugly = "INPUT   8 ->FC 4   # four\n"
    name = write(ugly)
    assert run("fmt", "--check", name).status == 1
    assert "+INPUT 8 -> FC 4" in run("fmt", "--diff", name).out
    assert Path(name).read_text() == ugly
    assert run("fmt", name).status == 0
    pretty = "INPUT 8 -> FC 4  # four\n"
    assert Path(name).read_text() == pretty
    assert run("fmt", "--check", name).status == 0
    assert run("fmt", "-", stdin=ugly.encode()).out == pretty


def test_fmt_leaves_a_broken_file_as_it_is(run: Run) -> None:
    name = write("INPUT 8 -> -> FC\n")
    result = run("fmt", name)
    assert (result.status, Path(name).read_text()) == (1, "INPUT 8 -> -> FC\n")
    assert "syntax-error" in result.err


def test_names_that_no_file_can_have_are_missing_files(run: Run) -> None:
    assert run("check", "n" * 5000).status == 2
    assert run("check", write(f'use "{"n" * 5000}"\nINPUT 8 -> FC 4\n')).status == 1
    assert run("check", write('use "a\0b"\nINPUT 8 -> FC 4\n')).status == 1
    assert run("fmt", "-", stdin=b"\xff").status == 1


def test_a_library_of_blocks_is_checked_and_is_no_network(run: Run) -> None:
    name = write("block unit(n) = CONV n 3 p1 -> RELU\n")
    assert run("check", name).out == "net.net: ok, a library of blocks\n"
    result = run("summary", name)
    assert result.status == 2
    assert "no network" in result.err


def test_help_names_every_command(run: Run) -> None:
    shown = run("--help").out
    for command in ("check", "summary", "draw", "compile", "fmt", "list", "layers"):
        assert f"  {command} " in shown
        assert run(command, "--help").status == 0


def test_a_title_cannot_command_the_terminal(run: Run) -> None:
    write('network "a\x1b[31mb\x07\tc"\nmeta paper = "d\x1b[0m"\nINPUT 4 -> FC 2\n')
    for command in ("summary", "explain", "memory", "compare", "draw"):
        out = run(command, "net.net").out
        assert "a\ufffd[31mb\ufffd c" in out
        assert "\x1b" not in out


def test_a_folder_to_draw_is_named_as_one(run: Run) -> None:
    assert run("draw", ".").err == "error: .: Is a directory\n"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a system without /dev/full")
def test_a_full_disk_behind_stdout_is_said() -> None:
    full = shell("netdsl list >/dev/full")
    assert (full.status, full.err) == (2, "error: No space left on device\n")


def test_closed_streams_and_pipes_give_no_traceback() -> None:
    assert shell("netdsl explain lenet5 >&-") == Ended(0, "", "")
    assert shell("netdsl check nowhere 2>&-") == Ended(2, "", "")
    assert shell("netdsl summary resnet152 | true").err == ""


def test_a_current_folder_that_was_taken_away_gives_no_traceback(tmp_path: Path) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    result = shell(f"cd {shlex.quote(str(gone))}; rmdir ../gone; netdsl check lenet5")
    assert (result.status, result.err) == (0, "")


def test_an_interruption_before_a_command_begins_gives_no_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted() -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("netdsl.cli.stream.prepare", interrupted)
    assert command_line.run("list") == Ended(130, "", "interrupted\n")
