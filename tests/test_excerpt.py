"""Diagnostics on pages of any width: sentences wrapped between words, long lines of source around their marks."""

from __future__ import annotations

import re
import time

import pytest
from command_line import run
from hypothesis import given
from hypothesis import strategies as st

from netdsl.graph.build import build
from netdsl.text import render
from netdsl.text.diagnostic import Diagnostic, Report
from netdsl.text.excerpt import Mark, excerpt
from netdsl.text.fit import columns, wrapped
from netdsl.text.source import Source

ARROWS = "-> RELU " * 20
LONG = f"block same(w) = [ CONV {{4*w}} 3 p1 {ARROWS}| SKIP {ARROWS}] -> ADD -> RELU\n"
PROGRAM = f"{LONG}INPUT 56x56x64 -> same(64) -> FC 10\n"


def found(text: str) -> Diagnostic:
    """What is wrong with a text."""
    report = Report()
    build(Source(text, "net.net"), None, report)
    return report.diagnostics()[0]


@pytest.mark.parametrize("width", [None, 120, 80, 60, 40])
def test_a_mismatch_on_a_long_line_points_at_both_ends(width: int | None) -> None:
    shown = render.text(found(PROGRAM), width=width).splitlines()
    source = next(line for line in shown if line.startswith(" 1 |"))
    marks = [line for line in shown if re.match(r"   \| .*[-^]", line)]
    assert "".join(marks).count("^^^") == 1
    at = next(line.index("^^^") for line in marks if "^^^" in line)
    assert source[at : at + 3] == "ADD"
    assert [text for line in marks for text in re.findall(r"\d+x\d+x\d+", line)] == ["56x56x256", "56x56x64"]
    branches = [source[one.start() : one.end()] for line in marks for one in re.finditer("-+", line)]
    assert branches[0].startswith("CONV"), "each branch is shown from its beginning"
    assert branches[1].startswith("SKIP")
    assert max(map(columns, shown)) <= (width or 120)


def test_a_line_that_fits_is_shown_as_it_is() -> None:
    assert excerpt("INPUT 8 -> FC 4", [Mark(11, 15, "^", "")], 15) == ("INPUT 8 -> FC 4", [Mark(11, 15, "^", "")])


def test_words_stand_before_a_mark_where_there_is_room_for_them_there_alone() -> None:
    def marked(start: int) -> Mark:
        (mark,) = excerpt("a" * 40, [Mark(start, start + 2, "^", "8 wide")], 40)[1]
        return mark

    assert not marked(30).before
    assert marked(38).before
    assert (marked(38).first, marked(38).last) == (38 - len("8 wide "), 40)


@pytest.mark.parametrize(
    ("line", "start", "end", "room", "shown", "under"),
    [
        ("\tINPUT 8 -> FC\tX", 15, 16, 40, " INPUT 8 -> FC X", "X"),
        ("漢字 X", 3, 4, 40, "漢字 X", "X"),
        ("漢字 X 漢字", 0, 2, 40, "漢字 X 漢字", "漢字"),
        ("e\u0301e\u0301 X", 5, 6, 40, "e\u0301e\u0301 X", "X"),
        ("a" * 100 + "X" + "b" * 100, 100, 101, 11, "…aaaaXbbbb…", "X"),
        ("漢" * 100 + "X" + "字" * 100, 100, 101, 11, "…漢漢X字字…", "X"),
        ("X" * 300, 0, 300, 9, "", "XXXXXX"),
        ("a" * 50, 50, 51, 9, "…aaaaaaa", ""),
        ("X\u202e\x1b\xa0Y", 4, 5, 40, "X\ufffd\ufffd\ufffdY", "Y"),
    ],
)
def test_marks_stand_under_what_they_mark(line: str, start: int, end: int, room: int, shown: str, under: str) -> None:
    text, (mark,) = excerpt(line, [Mark(start, end, "^", "")], room)
    before = text.index(under) if under else len(text)
    assert columns(text[:before]) == mark.start
    if len(line) < 100:
        assert text == shown
    assert columns(text) <= room
    assert mark.end > mark.start


@given(st.text(max_size=300), st.data())
def test_any_line_fits_with_its_marks(line: str, data: st.DataObject) -> None:
    places = st.tuples(st.integers(0, len(line)), st.integers(1, 50))
    marks = [Mark(at, at + wide, "-", "") for at, wide in data.draw(st.lists(places, min_size=1, max_size=5))]
    room = data.draw(st.integers(10, 120))
    text, placed = excerpt(line, marks, room)
    assert columns(text) <= room + 1  # a last character of two columns
    assert 1 <= len(placed) <= len(marks)
    for mark in placed:
        assert 0 <= mark.start < mark.end <= columns(text) + 1


def test_many_marks_that_have_no_room_are_dropped_the_last_first() -> None:
    marks = [Mark(20 * at, 20 * at + 10, "-", str(at)) for at in range(50)]
    text, placed = excerpt("abcdefghij" * 100, marks, 60)
    assert columns(text) <= 60
    assert [one.text for one in placed] == [str(at) for at in range(len(placed))]
    assert len(placed) > 5


def test_thousands_of_places_take_no_time_and_little_room() -> None:
    branches = " | ".join(f"CONV {number} 3 p1" for number in range(1, 3000))
    mismatch = found(f"INPUT 8x8x4 -> [ {branches} ] -> ADD\n")
    start = time.process_time()
    shown = render.text(mismatch, width=80)
    assert time.process_time() - start < 1  # it took seconds, by the square of their number
    assert "= and 2,969 more places\n" in shown
    assert len([line for line in shown.splitlines() if "---" in line]) < 20


def test_sentences_are_wrapped_between_words() -> None:
    assert wrapped("one two three", None) == ["one two three"]
    assert wrapped("one two three", 9, "  ") == ["one two", "  three"]
    assert wrapped("   = help: one two", 14, "     ") == ["   = help: one", "     two"]
    assert wrapped("extraordinarily long", 5) == ["extraordinarily", "long"]
    assert wrapped("漢字 漢字 漢字", 10) == ["漢字 漢字", "漢字"]


def test_columns_are_those_of_a_terminal() -> None:
    assert [columns(text) for text in ("abc", "漢字", "e\u0301", "", "×→…", "\u200d")] == [3, 4, 1, 0, 3, 0]


def test_the_width_is_that_of_columns_and_none_in_a_pipe(tmp_path: object, monkeypatch: pytest.MonkeyPatch) -> None:
    message = "error[window-too-large]: CONV's window of 9 does not fit into 8: the input is 8x8x3"
    monkeypatch.chdir(str(tmp_path))
    program = b"INPUT 8x8x3 -> CONV 4 9\n"
    assert run("check", "-", stdin=program).err.splitlines()[0] == message
    monkeypatch.setenv("COLUMNS", "40")
    lines = run("check", "-", stdin=program).err.splitlines()
    assert lines[:3] == [
        "error[window-too-large]: CONV's window",
        "  of 9 does not fit into 8: the input is",
        "  8x8x3",
    ]
    assert max(map(len, lines)) <= 40
    assert max(map(len, run("check", "no-such-network-anywhere-at-all").err.splitlines())) <= 40
    for odd in ("0", "-5", "x", ""):
        monkeypatch.setenv("COLUMNS", odd)
        assert run("check", "-", stdin=program).err.splitlines()[0] == message
