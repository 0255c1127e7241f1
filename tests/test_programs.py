"""Programs that are right pass `check` in silence; wrong ones give what their comments say, no more and no less."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from netdsl.graph.build import build
from netdsl.graph.program import read
from netdsl.measure import expect
from netdsl.text.diagnostic import Diagnostic, Report

FOLDER = Path(__file__).parent / "programs"
VALID = sorted((FOLDER / "valid").glob("*.net"))
WRONG = sorted((FOLDER / "wrong").glob("*.net"))

_EXPECTED = re.compile(
    r"(?P<severity>error|warning): (?P<code>[a-z-]+)(?: @(?P<column>\d+))?(?: at line (?P<line>\d+))?"
)


def check(path: Path) -> list[Diagnostic]:
    """All that `check` finds in a file."""
    report = Report()
    source = read(path, str(path), report)
    shaped = None if source is None else build(source, path, report)
    if shaped is not None:
        expect.prove(shaped, report)
    return report.diagnostics()


def expected(path: Path) -> list[tuple[str, int, str, str, str]]:
    """What the comments of a file say: its name, line, column or "", severity and code."""
    found: list[tuple[str, int, str, str, str]] = []
    text = path.read_bytes().decode("utf-8", "replace")
    for number, line in enumerate(text.split("\n"), 1):
        _, _, comment = line.partition("#")
        for match in _EXPECTED.finditer(comment):
            at = int(match["line"] or number)
            found.append((path.name, at, match["column"] or "", match["severity"], match["code"]))
    return found


@pytest.mark.parametrize("path", VALID, ids=lambda path: path.stem)
def test_a_valid_program_gives_no_diagnostics(path: Path) -> None:
    assert [f"{one.span}: {one.code}: {one.message}" for one in check(path)] == []


@pytest.mark.parametrize("path", WRONG, ids=lambda path: path.stem)
def test_a_wrong_program_gives_what_it_says(path: Path) -> None:
    found = [(Path(d.span.source.name).name, d.span.line, d.span.column, d.severity, d.code) for d in check(path)]
    files = {path.name} | {name for name, *_ in found}
    wanted = [
        one
        for file in (path, *sorted((path.parent / "lib").glob("*.net")))
        if file.name in files
        for one in expected(file)
    ]
    columns = {(name, line, severity, code) for name, line, column, severity, code in wanted if not column}
    shown = [
        (name, line, "" if (name, line, severity, code) in columns else str(column), severity, code)
        for name, line, column, severity, code in found
    ]
    assert sorted(shown) == sorted(wanted)
