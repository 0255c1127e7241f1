"""`check` as it is told to judge: --allow and --deny, stdin, and the pages of codes."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import command_line
import pytest

from netdsl.text.codes import CODES

PROGRAM = "param x = 1\nINPUT 224x224x3 -> CONV 96 11x11 s4 -> FC 10\n"
"""Two warnings: unused-name and inexact-window."""

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Run:
    """Runs netdsl in a folder with the program as warned.net; gives its status, stdout and stderr."""
    monkeypatch.chdir(tmp_path)
    Path("warned.net").write_text(PROGRAM)

    def runner(*arguments: str, stdin: str = "") -> tuple[int, str, str]:
        return command_line.run(*arguments, stdin=stdin.encode())

    return runner


@pytest.mark.parametrize(
    ("options", "status", "severities"),
    [
        ("", 0, {"unused-name": "warning", "inexact-window": "warning"}),
        ("--deny warnings", 1, {"unused-name": "error", "inexact-window": "error"}),
        ("--deny inexact-window", 1, {"unused-name": "warning", "inexact-window": "error"}),
        ("--allow inexact-window", 0, {"unused-name": "warning"}),
        ("--allow warnings", 0, {}),
        ("--allow unused-name --allow inexact-window", 0, {}),
        ("--deny warnings --allow unused-name", 1, {"inexact-window": "error"}),
        ("--allow warnings --deny unused-name", 1, {"unused-name": "error"}),
        ("--deny suspicious-repeat", 0, {"unused-name": "warning", "inexact-window": "warning"}),
        ("--deny syntax-error --allow warnings", 0, {}),
    ],
)
def test_warnings_are_allowed_and_denied_by_code(
    run: Run, options: str, status: int, severities: dict[str, str]
) -> None:
    ended, out, _ = run("check", "warned.net", "--format", "json", *options.split())
    assert {one["code"]: one["severity"] for one in json.loads(out)} == severities
    assert ended == status


def test_the_verdict_and_the_marks_follow(run: Run) -> None:
    status, out, err = run("check", "warned.net", "--deny", "unused-name", "--allow", "inexact-window")
    assert (status, out) == (1, "warned.net: 1 error\n")
    assert err.startswith("error[unused-name]: ")
    assert run("check", "warned.net", "--allow", "warnings") == (0, "warned.net: ok\n", "")


def test_a_warning_that_is_denied_still_lets_expectations_be_proved(run: Run) -> None:
    Path("both.net").write_text(f"{PROGRAM}expect params = 5\n")
    _, out, _ = run("check", "both.net", "--format", "json", "--deny", "warnings")
    assert {one["code"] for one in json.loads(out)} == {"unused-name", "inexact-window", "expectation-failed"}


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--allow", "inexact-windw"], "did you mean inexact-window?"),
        (["--deny", "warning"], "did you mean warnings?"),
        (["--deny", "nonsense"], "there is no such code"),
        (["--allow", "syntax-error"], "only a warning"),
        (["--allow", "unused-name", "--deny", "unused-name"], "it is allowed too"),
    ],
)
def test_what_cannot_be_meant_is_a_usage_error(run: Run, options: list[str], says: str) -> None:
    status, out, err = run("check", "warned.net", *options)
    assert (status, out) == (2, "")
    assert says in err


@pytest.mark.parametrize("code", CODES)
def test_every_code_with_a_slip_is_suggested(run: Run, code: str) -> None:
    slip = f"{code[:5]}{code[6:]}"
    assert f"did you mean {code}?" in run("check", "warned.net", "--deny", slip)[2]
    assert f"did you mean {code}?" in run("explain", slip)[2]


@pytest.mark.parametrize(
    "arguments",
    ["check -", "summary -", "explain -", "explain - fc1", "memory -", "emit - --stage shaped", "compare - lenet5"],
)
def test_every_command_reads_stdin(run: Run, arguments: str) -> None:
    program = PROGRAM.replace("s4", "s1").replace("param x = 1", 'network "Piped"')
    status, out, err = run(*arguments.split(), stdin=program)
    assert (status, err) == (0, "")
    assert "Piped" in out or "<stdin>" in out or "fc1" in out


def test_diagnostics_call_stdin_by_its_name(run: Run) -> None:
    status, out, err = run("check", "-", stdin="INPUT 8 -> CNOV 3\n")
    assert (status, out) == (1, "<stdin>: 1 error\n")
    assert "  --> <stdin>:1:12\n" in err
    (found,) = json.loads(run("check", "-", "--format", "json", stdin="INPUT 8 -> CNOV 3\n")[1])
    assert found["file"] == "<stdin>"
    assert run("summary", "-", stdin="\xff")[0] == 1


def test_a_program_from_stdin_uses_files_of_the_current_folder(run: Run) -> None:
    Path("lib.net").write_text("block unit(n) = CONV n 3 p1 -> RELU\n")
    assert run("check", "-", stdin='use "lib.net"\nINPUT 8x8x3 -> unit(4)\n')[0] == 0


def test_what_is_made_of_stdin_is_named_after_it(run: Run) -> None:
    program = "INPUT 8x8x3 -> CONV 4 3 -> FC 2\n"
    assert run("draw", "-", stdin=program)[:2] == (0, "stdin.svg: stdin\n")
    assert run("draw", "-", "-o", "picture.svg", stdin=program)[0] == 0
    assert run("transform", "-", "--convolutional", "-o", "slides.net", stdin=program)[0] == 0
    assert run("diff", "-", "slides.net", stdin=program)[0] == 0
    assert {path.name for path in Path().iterdir()} >= {"stdin.svg", "picture.svg", "slides.net"}


@pytest.mark.parametrize("code", CODES)
def test_each_code_is_explained_with_what_its_example_prints(run: Run, code: str) -> None:
    status, out, err = run("explain", code)
    assert (status, err) == (0, "")
    assert out.startswith(f"{code} ({CODES[code].severity})\n")
    assert f"  {CODES[code].severity}[{code}]: " in out
    assert "--> example.net:" in out


def test_the_page_of_a_code_has_other_formats(run: Run) -> None:
    data = json.loads(run("explain", "shape-mismatch", "--format", "json")[1])
    assert list(data) == ["code", "severity", "meaning", "fix", "example", "printed"]
    shown = run("explain", "shape-mismatch", "--format", "markdown")[1]
    assert shown.startswith("### shape-mismatch\n")
    assert data["printed"] in shown


def test_a_network_comes_before_a_code_and_a_near_code_is_suggested(run: Run) -> None:
    Path("no-input").write_text("INPUT 8 -> FC 2\n")
    assert run("explain", "no-input")[1].startswith("no-input\n")
    status, _, err = run("explain", "shape-mismach")
    assert (status, "did you mean shape-mismatch?" in err) == (2, True)
    assert "did you mean resnet18?" in run("explain", "resnet19")[2]
    assert run("explain", "shape-mismatch", "conv1")[0] == 2


@pytest.mark.parametrize("arguments", ["check - -", "compare - -", "diff - -", "fmt - -", "draw --style columns - -"])
def test_stdin_is_read_once(run: Run, arguments: str) -> None:
    status, _, err = run(*arguments.split(), stdin="INPUT 8 -> FC 3\n")
    assert (status, err.splitlines()[0]) == (2, "error: - names stdin, and is given twice: it can be read once")


def test_fmt_calls_stdin_by_its_name(run: Run) -> None:
    assert run("fmt", "-", "--check", stdin="INPUT  8 -> FC 3\n") == (1, "", "<stdin>: would be formatted\n")


@pytest.mark.parametrize(
    ("output", "advised"),
    [
        ("-", "net.pt"),
        (".pt", "net.pt"),
        (".", "net.pt"),
        ("..", "../net.pt"),
        ("a/b.onx", "a/b.onnx"),
        ("a/-", "a/net.pt"),
    ],
)
def test_a_name_that_is_advised_for_a_compiled_network_is_one(run: Run, output: str, advised: str) -> None:
    Path("net.net").write_text("INPUT 8 -> FC 3\n")
    status, _, err = run("compile", "net.net", "-o", output)
    assert (status, err.splitlines()[1]) == (2, f"  = help: write -o {Path(advised)}")


@pytest.mark.parametrize("command", ["draw -", "diff - other.net", "compare - other.net"])
def test_no_picture_goes_to_stdout(run: Run, command: str) -> None:
    Path("other.net").write_text("INPUT 8 -> FC 3\n")
    status, _, err = run(*command.split(), "-o", "-", stdin="INPUT 8 -> FC 3\n")
    assert status == 2
    assert "goes to a file, and not to stdout" in err
