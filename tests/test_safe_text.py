"""Text that others wrote, safe for each kind of output."""

from __future__ import annotations

import csv
import io
import json
import re
import unicodedata
import xml.etree.ElementTree as ElementTree
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netdsl.text import safe

MARK = "\ufffd"
HOSTILE = {
    "a terminal's colours": ("a\x1b[31mb", "a\ufffd[31mb"),
    "its title": ("\x1b]0;owned\x07", "\ufffd]0;owned\ufffd"),
    "a control sequence in one character": ("\x9b2J", "\ufffd2J"),
    "a line that is overwritten": ("safe\rgone", "safe\ufffdgone"),
    "a line that is forged": ("a.net\nb.net: ok", "a.net\ufffdb.net: ok"),
    "a line of Unicode": ("a\u2028b\u2029c\x85d", "a\ufffdb\ufffdc\ufffdd"),
    "an override of direction": ("\u202egpj.exe\u202c", "\ufffdgpj.exe\ufffd"),
    "isolates of direction": ("\u2066\u2067\u2068a\u2069", "\ufffd\ufffd\ufffda\ufffd"),
    "marks of direction": ("a\u200eb\u200fc\u061cd", "a\ufffdb\ufffdc\ufffdd"),
    "spaces of no width": ("a\u200bb\ufeffc\u2060d\xade", "a\ufffdb\ufffdc\ufffdd\ufffde"),
    "fillers": ("a\u3164b\u115fc\uffa0d", "a\ufffdb\ufffdc\ufffdd"),
    "tags": ("a\U000e0041b\U000e0001", "a\ufffdb\ufffd"),
    "joiners that join nothing": ("a\u200db\u200c", "a\ufffdb\ufffd"),
    "variants of what has none": ("ab\ufe0fc\ufe00\U000e0100", "ab\ufffdc\ufffd\ufffd"),
    "variants upon variants": ("❤\ufe0f\ufe0f", "❤\ufe0f\ufffd"),
    "half a character": ("a\udcffb", "a\ufffdb"),
    "what is no character": ("a\ufffeb\uffff\U0010ffff", "a\ufffdb\ufffd\ufffd"),
}
INNOCENT = [
    "Wide ResNet, n × m → 3",
    "模型 漢字",
    "مدل می\u200cخواهم",
    "👩\u200d🔬 ❤\ufe0f 1\ufe0f\u20e3",
    "नेट्\u200dवर्क",
    "葛\U000e0100",
    "é e\u0301",
]


@pytest.mark.parametrize("name", HOSTILE)
def test_what_commands_or_hides_is_shown_as_a_mark(name: str) -> None:
    text, shown = HOSTILE[name]
    assert safe.line(text) == shown


@pytest.mark.parametrize("text", INNOCENT)
def test_what_writing_and_emoji_need_stays(text: str) -> None:
    assert safe.line(text) == text


@given(st.text())
def test_any_line_is_as_long_as_it_was_and_holds_nothing_unseen(text: str) -> None:
    shown = safe.line(text)
    assert len(shown) == len(text)
    assert safe.line(shown) == shown
    assert {unicodedata.category(one) for one in shown} & {"Cc", "Cs", "Zl", "Zp"} == set()
    assert {one for one in shown if unicodedata.category(one) == "Cf"} <= {"\u200c", "\u200d"}


def test_lines_and_tabs_of_a_program_stay() -> None:
    assert safe.lines("a\n\tb \x1b\r\n") == "a\n\tb \ufffd\ufffd\n"


@pytest.mark.parametrize(
    "text", ["=1+1", "+A1", "-A1", "@SUM(A1)", "\t=1", "\r=1", " =1", "＝1", "-", "=-1", "-1+cmd|' /C calc'!A0"]
)
def test_no_cell_of_csv_begins_a_formula(text: str) -> None:
    sheet = io.StringIO()
    csv.writer(sheet).writerow([safe.csv_cell(text)])
    ((cell,),) = csv.reader(io.StringIO(sheet.getvalue()))
    assert cell == "'" + text.replace("\t", " ").replace("\r", MARK) or cell[0] == MARK
    assert cell[0] not in "=+-@\t\r"


@pytest.mark.parametrize("text", ["-1", "+1.5", "-5x-5", "1e-4", "-1/2", "a = b", "LeNet-5", "3x3"])
def test_numbers_dims_and_names_stay_as_they_are_in_csv(text: str) -> None:
    assert safe.csv_cell(text) == text


@pytest.mark.parametrize(
    "text", ["a|b", "a\\|b", "`a`", "<b>&amp;</b>", "[a](b)", "![a](b)", "# a", "- a", "1. a", "a_b*c~d $x$", "a\nb"]
)
def test_markdown_shows_a_text_as_it_is(text: str) -> None:
    shown = safe.markdown(text)
    cell = f"| {shown} | end |"
    assert len(re.split(r"(?<!\\)(?:\\\\)*\|", cell)) == 4, "two cells"
    assert "\n" not in shown
    assert not re.search(r"<|(?<!\\)(?:\\\\)*[`*_\[\]$]", shown)
    assert not re.match(r"[#>+-] |\d+[.)] ", shown)


@pytest.mark.parametrize("text", ["CONV 6 5", "a|b", "a\\|b", "`", "``a``", "<script>", 'table="`|<"'])
def test_code_in_markdown_shows_a_text_as_it_is(text: str) -> None:
    shown = safe.code(text)
    if shown.startswith("`"):
        assert shown == f"`{text}`"
        assert set("`|\\").isdisjoint(text)
    else:
        assert set("`|\\*_[]").isdisjoint(shown)
        assert "".join(ElementTree.fromstring(shown).itertext()) == text


def test_no_text_is_no_code() -> None:
    assert safe.code("") == ""


@given(st.text())
def test_html_and_xml_read_the_line_back(text: str) -> None:
    shown = safe.html(text)
    for quote in "\"'":
        element = ElementTree.fromstring(f"<text title={quote}{shown}{quote}>{shown}</text>")
        assert (element.text or "") == safe.line(text)
        assert element.attrib["title"] == safe.line(text)
    read: list[str] = []
    parser = HTMLParser()
    parser.handle_data = lambda data: read.append(data)
    parser.feed(f"<p>{shown}</p>")
    parser.close()
    assert "".join(read) == safe.line(text)


@given(st.text())
def test_json_means_what_it_did_and_shows_nothing_that_commands(text: str) -> None:
    shown = safe.json_text([text], indent=None)
    assert json.loads(shown) == [text]
    assert safe.line(shown) == shown


def test_json_shows_letters_as_they_are() -> None:
    assert safe.json_text({"a": "é漢\x9b\u202e"}, indent=None) == '{"a": "é漢\\u009b\\u202e"}'


def test_what_joins_letters_stays_in_json_and_what_turns_them_is_named() -> None:
    assert safe.json_text("\U0001f469\u200d\U0001f680 \u202eb") == '"\U0001f469\u200d\U0001f680 \\u202eb"'
