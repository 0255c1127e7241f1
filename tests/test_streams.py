"""What commands print, whatever stdout and stderr are: encodings, pipes, closed streams, terminals."""

from __future__ import annotations

import io
import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from netdsl.cli import stream
from netdsl.cli.main import main

TITLE = "Łódź × 漢 → ½"
PROGRAM = f"""\
network "{TITLE}"
# – çà et là 漢字
meta note = "a − b ≤ c…"
INPUT 8x8x3 -> CONV 4 3 s2  -> RELU -> FC 10
"""
COMMANDS = [
    ["check", "net.net", "wrong.net"],
    ["summary", "net.net"],
    ["summary", "net.net", "--format", "json"],
    ["summary", "net.net", "--format", "markdown"],
    ["summary", "net.net", "--format", "csv"],
    ["summary", "vgg16", "--format", "slides"],
    ["explain", "net.net"],
    ["memory", "net.net", "--fit", "3GB"],
    ["compare", "net.net", "lenet5", "--relative"],
    ["diff", "net.net", "other.net"],
    ["diff", "net.net", "other.net", "--format", "markdown"],
    ["draw", "net.net"],
    ["emit", "net.net", "--stage", "tree"],
    ["emit", "net.net", "--stage", "shaped"],
    ["emit", "net.net"],
    ["fmt", "--diff", "net.net"],
    ["transform", "--convolutional", "net.net"],
    ["list"],
    ["layers"],
    ["layers", "GELU"],
    ["layers", "CNOV"],
    ["--help"],
    ["diff", "--help"],
    ["nonsense…"],
]


@dataclass(frozen=True)
class Result:
    """How a command ended, and the bytes that it printed."""

    status: int
    out: bytes
    err: bytes


Run = Callable[..., Result]


class Stream(io.TextIOWrapper):
    """A text stream over bytes in memory, which may say that it is a terminal."""

    def __init__(self, encoding: str, *, terminal: bool = False) -> None:
        super().__init__(io.BytesIO(), encoding=encoding)
        self.terminal = terminal

    def isatty(self) -> bool:
        return self.terminal

    @property
    def bytes(self) -> bytes:
        assert isinstance(self.buffer, io.BytesIO)
        return self.buffer.getvalue()


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Run:
    """Runs netdsl beside a network and two others, with streams of an encoding."""
    monkeypatch.chdir(tmp_path)
    Path("net.net").write_text(PROGRAM, encoding="utf-8")
    Path("other.net").write_text(PROGRAM.replace("CONV 4", "CONV 6").replace("½", "⅓"), encoding="utf-8")
    Path("wrong.net").write_text('network "漢字 é" CNOV\nINPUT 8x8x3 → CONV 4 3\n', encoding="utf-8")

    def runner(*arguments: str, encoding: str = "utf-8", terminal: bool = False, stdin: bytes = b"") -> Result:
        out, err = Stream(encoding, terminal=terminal), Stream(encoding)
        monkeypatch.setattr("sys.argv", ["netdsl", *arguments])
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(stdin)))
        monkeypatch.setattr("sys.stdout", out)
        monkeypatch.setattr("sys.stderr", err)
        try:
            main()
            status = 0
        except SystemExit as end:
            status = end.code if isinstance(end.code, int) else 0
        out.flush()
        err.flush()
        return Result(status, out.bytes, err.bytes)

    return runner


@pytest.mark.parametrize("arguments", COMMANDS, ids=" ".join)
def test_no_command_fails_for_want_of_a_character(run: Run, arguments: list[str]) -> None:
    whole = run(*arguments)
    for encoding in ("cp1252", "ascii", "latin-1", "cp437"):
        result = run(*arguments, encoding=encoding)
        assert result.status == whole.status
        source = arguments[0] == "transform" or "--diff" in arguments
        said = result.out.decode("utf-8" if source else encoding)
        assert len(said.splitlines()) == len(whole.out.decode().splitlines())
        result.err.decode(encoding)


def test_the_nearest_of_ascii_stands_for_what_is_lacking(run: Run) -> None:
    first = run("summary", "net.net", encoding="ascii").out.splitlines()[0]
    assert first == b"Lodz x ?? -> 1/2"
    assert run("summary", "net.net", encoding="cp1252").out.splitlines()[0].decode("cp1252") == "Lódz × ?? -> ½"


def test_letters_and_signs_have_a_nearest() -> None:
    text = "Łódź Ærø β Φ 10² x³ ½ – “a” ⌊7/2⌋ é e\u0301 漢 \udcff"
    plain = text.encode("ascii", "netdsl").decode("ascii")
    assert plain == 'Lodz AEro beta Phi 10^2 x^3 1/2 - "a" floor(7/2) e e ?? ?'


@pytest.mark.parametrize("command", ["check", "summary", "explain", "memory", "compare", "diff", "list"])
def test_json_means_the_same_in_any_encoding(run: Run, command: str) -> None:
    files = {"list": [], "diff": ["net.net", "other.net"]}.get(command, ["net.net"])
    whole = json.loads(run(command, *files, "--format", "json").out)
    for encoding in ("cp1252", "ascii"):
        assert json.loads(run(command, *files, "--format", "json", encoding=encoding).out.decode(encoding)) == whole


def test_marks_stand_under_what_they_mark_in_any_encoding(run: Run) -> None:
    Path("net.net").write_text(f'network "{"漢" * 60}" CNOV\nINPUT 8 -> FC 2\n', encoding="utf-8")
    lines = run("check", "net.net", encoding="ascii").err.decode("ascii").splitlines()
    assert lines[4].index("^^^^") == lines[3].index("CNOV")


def test_programs_keep_all_of_their_characters_in_a_pipe(run: Run) -> None:
    pretty = PROGRAM.replace("2  ->", "2 ->").encode()
    assert run("fmt", "-", stdin=PROGRAM.encode(), encoding="ascii").out == pretty
    assert TITLE.encode() in run("transform", "--convolutional", "net.net", encoding="cp1252").out
    assert f'+network "{TITLE}"'.encode() not in run("fmt", "--diff", "net.net", encoding="ascii").out
    assert f' network "{TITLE}"'.encode() in run("fmt", "--diff", "net.net", encoding="ascii").out


HOSTILE = 'network "a" # \x1b[31m \u202e\nINPUT 8 ->  FC 2\n'


def test_a_program_on_a_terminal_commands_nothing(run: Run) -> None:
    Path("net.net").write_text(HOSTILE, encoding="utf-8")
    for command in (["fmt", "-"], ["fmt", "--diff", "net.net"], ["emit", "net.net", "--stage", "tree"]):
        shown = run(*command, terminal=True, stdin=HOSTILE.encode()).out.decode()
        assert "\x1b" not in shown
        assert "\u202e" not in shown
        assert "\ufffd[31m \ufffd" in shown
    assert "# \x1b[31m \u202e".encode() in run("fmt", "-", stdin=HOSTILE.encode()).out


SPITEFUL = """\
network "a\x1b[31mb\x9b2J\u202ec\u2066|`<b>=1"
# \x1b]0;x\x07 \u202e
meta paper = "@SUM\x1b[2J\u202e"
INPUT 8x8x3 -> CONV 4 3 s2  -> RELU -> FC 10
"""


@pytest.mark.parametrize("terminal", [False, True])
@pytest.mark.parametrize("arguments", COMMANDS, ids=" ".join)
def test_no_command_lets_a_text_command_a_terminal(run: Run, arguments: list[str], terminal: bool) -> None:
    for name in ("net.net", "other.net", "wrong.net"):
        text = SPITEFUL.replace("CONV 4", "CONV 6") if name == "other.net" else SPITEFUL
        Path(name).write_text(text + ("\u202e CNOV \x1b[31m" if name == "wrong.net" else ""), encoding="utf-8")
    result = run(*arguments, terminal=terminal)
    exact = not terminal and (arguments[0] == "transform" or "--diff" in arguments)
    printed = result.err.decode() + ("" if exact else result.out.decode())
    assert not {"\x9b", "\x07", "\u202e", "\u2066"} & set(printed)
    styles = set(re.findall(r"\x1b\[?[0-9;]*.?", printed))
    assert all(re.fullmatch(r"\x1b\[[0-9;]*m", style) for style in styles)
    assert terminal or not styles
    assert "\x1b[31mb" not in printed


def test_what_emit_prints_is_safe_and_a_program_in_a_pipe_too(run: Run) -> None:
    Path("net.net").write_text(HOSTILE, encoding="utf-8")
    Path("again.net").write_bytes(run("emit", "net.net", "--stage", "tree").out)
    assert "\x1b" not in Path("again.net").read_text(encoding="utf-8")
    assert run("diff", "net.net", "again.net", "--exit-code").status == 0


def test_the_name_of_a_file_commands_nothing_and_forges_no_line(run: Run) -> None:
    name = "\x1b[2Ja\nok\u202e\udcff.net"
    try:
        Path(name).write_text("INPUT 8 -> FC 2\n")
    except (OSError, UnicodeError):
        pytest.skip("no file here has such a name")
    Path(f"{name}.net").write_text("INPUT 8 -> CNOV 2\n")
    for command in ("check", "summary", "explain", "memory", "fmt"):
        for file in (name, f"{name}.net", f"{name}.no"):
            result = run(command, file)
            printed = (result.out + result.err).decode()
            assert not {"\x1b", "\u202e", "\udcff"} & set(printed)
            assert "\nok" not in printed
    Path("b.net").write_text("INPUT 8 -> FC 3\n")
    for arguments in (["diff", name, "b.net"], ["diff", name, "b.net", "--format", "markdown"], ["compare", name]):
        assert not {"\x1b", "\u202e"} & set(run(*arguments).out.decode())


def test_commands_print_by_the_stream_alone() -> None:
    folder = Path(stream.__file__).parent
    printing = re.compile(r"click\.(?:s?echo|style_echo)|\bprint\(|sys\.std(?:out|err)\.")
    found = {path.name for path in folder.glob("*.py") if printing.search(path.read_text(encoding="utf-8"))}
    assert found <= {"stream.py", "progress.py"}  # a bar on a terminal


def shell(command: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Runs a line of the shell, in which $NETDSL is this one."""
    netdsl = f"{shlex.quote(sys.executable)} -W error -m netdsl"
    line = command.replace("$NETDSL", netdsl)
    around = {**os.environ, **environment}
    return subprocess.run(["sh", "-c", line], env=around, capture_output=True, encoding="utf-8", check=False)


def test_a_reader_that_goes_away_ends_no_command() -> None:
    done = shell('{ $NETDSL summary resnet152; echo "status $?" >&2; } | true')
    assert done.stderr == "status 0\n"
    done = shell('{ $NETDSL check nowhere; echo "status $?"; } 2>&1 >/dev/null | true')
    assert done.stderr == ""


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a system without /dev/full")
def test_what_cannot_be_said_is_no_failure_and_what_cannot_be_given_is_one() -> None:
    assert shell("$NETDSL check lenet5 2>/dev/full").returncode == 0
    assert shell("$NETDSL check nowhere 2>/dev/full").returncode == 2
    done = shell("$NETDSL fmt - >/dev/full </dev/null")
    assert (done.returncode, done.stderr) == (2, "error: No space left on device\n")


def test_closed_streams_are_not_taken_by_the_next_file(tmp_path: Path) -> None:
    target = shlex.quote(str(tmp_path / "net.svg"))
    assert shell(f"$NETDSL draw lenet5 -o {target} >&- 2>&- <&-").returncode == 0
    assert (tmp_path / "net.svg").read_text(encoding="utf-8").endswith("</svg>\n")


def test_an_encoding_of_the_environment_is_kept_to() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "netdsl", "layers", "GELU"],
        env={**os.environ, "PYTHONIOENCODING": "ascii"},
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0
    assert done.stdout.isascii()


@pytest.mark.parametrize(("sign", "name"), [("→", "U+2192"), ("，", "U+FF0C"), ("☃", "U+2603"), ("\u202e", "U+202E")])
def test_a_stray_sign_is_named_where_the_encoding_lacks_it(run: Run, sign: str, name: str) -> None:
    Path("stray.net").write_text(f"INPUT 8x8x3 # é\n{sign} CONV 4 3\n", encoding="utf-8")
    lines = run("check", "stray.net", encoding="ascii").err.decode("ascii").splitlines()
    assert name in lines[0]
    assert lines[3:5] == [f" 2 | {name} CONV 4 3", "   | ^^^^^^"]
    assert lines[0].startswith("error[syntax-error]: unexpected ")


def test_letters_of_a_program_have_their_nearest_and_marks_stand_below_what_they_mean(run: Run) -> None:
    Path("marks.net").write_text('meta a = "βλ" CNOV\nINPUT 8x8x3\n', encoding="utf-8")
    lines = run("check", "marks.net", encoding="ascii").err.decode("ascii").splitlines()
    assert lines[3] == ' 1 | meta a = "betalamda" CNOV'
    assert lines[4].index("^") == lines[3].index("CNOV")
