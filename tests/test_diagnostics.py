"""Diagnostics: each documented code's example gives that code, and what people and programs read of one."""

from __future__ import annotations

import json
import pickle
import re
from pathlib import Path

import pytest

from netdsl.graph.build import build
from netdsl.graph.program import read
from netdsl.measure import expect
from netdsl.recipe.mistakes import RecipeMistake
from netdsl.text import render
from netdsl.text.codes import CODES
from netdsl.text.diagnostic import Diagnostic, NetError, Report
from netdsl.text.mistake import Mistake
from netdsl.text.source import Source
from netdsl.text.suggest import closest, distance


def check(text: str, name: str = "net.net") -> list[Diagnostic]:
    """All that is found in a text."""
    report = Report()
    shaped = build(Source(text, name), None, report)
    if shaped is not None:
        expect.prove(shaped, report)
    return report.diagnostics()


def classes(base: type[Mistake] = Mistake) -> list[type[Mistake]]:
    """Every class of mistakes that names a program as its example; those in recipes have tests of their own."""
    below = [each for one in base.__subclasses__() for each in (one, *classes(one)) if one is not RecipeMistake]
    return sorted({one for one in below if one.example}, key=lambda one: one.__name__)


def test_every_mistake_but_those_of_packages_has_a_class() -> None:
    package = Path(render.__file__).parents[1]
    words = re.compile(r"\bTold\(|\b(?:LayerError|Fault|Diagnostic|OverrideError)\(\s*f?[\"']")
    found = {one.name for one in package.rglob("*.py") if words.search(one.read_text(encoding="utf-8"))}
    assert found == {"mistake.py", "arguments.py"}


@pytest.mark.parametrize("kind", classes(), ids=lambda kind: kind.__name__)
def test_the_example_of_a_mistake_makes_it(kind: type[Mistake]) -> None:
    found = [one.mistake for one in check(f"{kind.example}\n")]
    mine = next(one for one in found if type(getattr(one, "of", one)) is kind)
    assert mine.code == kind.code
    assert mine.message()
    assert pickle.loads(pickle.dumps(mine)).message() == mine.message()
    with pytest.raises(AttributeError, match="frozen"):
        mine.code = "other"  # pyright: ignore[reportAttributeAccessIssue]


@pytest.mark.parametrize("code", CODES)
def test_the_example_of_a_code_gives_that_code_alone(code: str, tmp_path: Path) -> None:
    file = tmp_path / "example.net"
    file.write_text(CODES[code].example)
    report = Report()
    source = read(file, "example.net", report)
    assert source is not None
    shaped = build(source, file, report)
    if shaped is not None:
        expect.prove(shaped, report)
    assert [found.code for found in report.diagnostics()] == [code]


RESNET = """\
network "ResNet"
param classes = 10

block unit(n, k, stride=1) = CONV n {k} s{stride} p{k // 2} nobias -> BN
block residual(w) = unit(w, 1) -> RELU -> unit(4*w, 3)

block same(w) = [ residual(w) | SKIP ] -> ADD -> RELU
block stage(w, n) = RELU -> same(w) x{n}

INPUT 56x56x64
-> conv2: stage(64, 3) -> FC classes
"""


def test_a_mismatch_shows_both_ends_and_the_calls_around_it() -> None:
    (found,) = check(RESNET, "resnet.net")
    assert (
        render.text(found)
        == """\
error[shape-mismatch]: ADD wants equal shapes, but its branches give 56x56x256 and 56x56x64
  --> resnet.net:7:43
   |
 7 | block same(w) = [ residual(w) | SKIP ] -> ADD -> RELU
   |                   ----------- 56x56x256   ^^^
   |                                 ---- 56x56x64
   = in conv2.same1.1, called at resnet.net:8:29, at resnet.net:11:11
   = help: project one branch to the other's channels, as the shortcut of a residual block: CONV 256 1
"""
    )


def test_an_inexact_window_says_what_is_left_and_what_fits() -> None:
    (found,) = check("INPUT 224x224x3\n-> CONV 96 11x11 s4\n")
    assert found.message == "CONV 11x11 s4 over 224 leaves 1 column unread: (224 − 11)/4 + 1 = 54.25"
    assert found.help == "227 fits exactly, giving 55"
    assert (found.span.line, found.span.column, found.severity) == (2, 4, "warning")


def test_mistakes_on_two_lines_and_in_two_files_are_shown_with_their_lines(tmp_path: Path) -> None:
    (tmp_path / "lib.net").write_text("block unit(n) = CONV n 3 p1\n")
    main = tmp_path / "main.net"
    main.write_text('use "lib.net"\nINPUT 8x8x3 -> unit(4, 5)\n')
    report = Report()
    source = read(main, "main.net", report)
    assert source is not None
    build(source, main, report)
    (found,) = report.diagnostics()
    shown = render.text(found)
    assert "  --> main.net:2:24\n" in shown
    assert f"  ::: {tmp_path / 'lib.net'}:1:7\n" in shown
    assert " 1 | block unit(n) = CONV n 3 p1\n" in shown


def test_all_that_is_wrong_is_found_in_one_run_in_source_order() -> None:
    text = "param w = 1.5\nINPUT 8x8x3 -> CONV {w} 3 -> RELUU\nINPUT 8x8x3 -> CONV 4 3 -> ;\nINPUT 4x4x1 -> CONV 2 9\n"
    assert [(d.code, d.span.line) for d in check(text)] == [
        ("not-whole", 2),
        ("unknown-layer", 2),
        ("syntax-error", 3),
        ("window-too-large", 4),
    ]


def test_a_mistake_in_a_repeated_block_is_reported_once() -> None:
    found = check("block b(n) = CONV n 3 -> CONV n 9\nINPUT 12x12x1 -> b(2) x3\n")
    assert [d.code for d in found] == ["window-too-large"]


def test_json_has_the_keys_that_programs_rely_on() -> None:
    (data,) = json.loads(render.as_json(check(RESNET, "resnet.net")))
    assert data.pop("fixes") == []
    related, calls = data.pop("related"), data.pop("calls")
    message, help = data.pop("message"), data.pop("help")
    assert message.startswith("ADD wants equal shapes")
    assert help
    assert data == {
        "code": "shape-mismatch",
        "severity": "error",
        "file": "resnet.net",
        "line": 7,
        "column": 43,
        "end_line": 7,
        "end_column": 46,
    }
    assert [(one["message"], one["line"], one["column"]) for one in related] == [
        ("56x56x256", 7, 19),
        ("56x56x64", 7, 33),
    ]
    assert calls == [
        {"file": "resnet.net", "line": 8, "column": 29, "end_line": 8, "end_column": 36},
        {"file": "resnet.net", "line": 11, "column": 11, "end_line": 11, "end_column": 23},
    ]
    assert {tuple(one) for one in related} == {("message", *calls[0])}


def test_of_equally_near_names_in_a_broken_statement_the_first_is_meant() -> None:
    labels = " -> ".join(f"b{number}: RELU" for number in range(9, 0, -1))
    helps = [one.help for one in check(f"INPUT 8 -> FC b\nINPUT 8 -> {labels} )\n")]
    assert helps[0] == "did you mean b1?"


def test_json_has_the_fix_that_the_help_names() -> None:
    (data,) = json.loads(render.as_json(check("INPUT 8x8x3\n-> CONV 8 3 s 2 p1\n")))
    edit = {"file": "net.net", "line": 2, "column": 13, "end_line": 2, "end_column": 16, "text": "s2"}
    assert data["fixes"] == [{"title": data["help"], "certain": True, "edits": [edit]}]


def test_an_exception_says_all_errors_with_their_source() -> None:
    found = check("INPUT 224x224x3 -> CONV 96 11x11 s4 -> FOO\nINPUT 8x8x3 -> CNOV 4 3\n")
    error = NetError(found)
    errors = [one for one in found if one.severity == "error"]
    assert len(errors) == 2
    assert str(error) == "\n".join(map(render.text, errors)).rstrip()
    assert pickle.loads(pickle.dumps(error)).diagnostics[0].code == found[0].code


def test_columns_count_code_points_and_carets_follow_wide_characters() -> None:
    (found,) = check('network "模型"\nmeta note = "é漢"  # 漢字\nINPUT 8 -> FC 4 ⊕\n')
    assert (found.span.line, found.span.column) == (3, 17)
    wide = check('network "漢" x\n')[0]
    mark = render.text(wide).splitlines()[4]
    assert mark.index("^") == len(' 1 | network "漢" x')  # one further on, since the ideograph takes two columns


def test_a_very_long_line_is_cut_around_the_mark() -> None:
    text = "INPUT 8 " + "-> RELU " * 5000 + "-> RELLU " + "-> RELU " * 5000
    (found,) = check(text)
    shown = render.text(found)
    assert max(map(len, shown.splitlines())) < 130
    assert "RELLU" in shown.splitlines()[3]


@pytest.mark.parametrize(("word", "meant"), [("CNOV", "CONV"), ("Conv", "CONV"), ("relu", "RELU"), ("QQQQ", "")])
def test_suggestions_are_near_or_absent(word: str, meant: str) -> None:
    assert closest(word, ["CONV", "RELU", "BN", "FC"]) == meant


def test_a_word_is_no_suggestion_where_all_its_letters_differ() -> None:
    assert closest("b", ["x", "y"]) == ""
    assert closest("b", ["x", "B"]) == "B"
    assert closest("abc", ["x", "ab"]) == "ab"
    assert closest("ab", ["a"]) == ""


def test_distance_counts_a_swap_as_one_edit() -> None:
    pairs = [("conv", "cnov"), ("conv", "conv"), ("", "abc"), ("ab", "ba")]
    assert [distance(*pair) for pair in pairs] == [1, 0, 3, 1]


def test_of_many_calls_the_first_and_the_last_are_told() -> None:
    blocks = "".join(f"block b{depth}() = b{depth - 1}()\n" for depth in range(1, 10))
    (found,) = check(f"block b0() = CONV 4 9\n{blocks}INPUT 4x4x1 -> b9()\n")
    told = " ".join(render.text(found).split())
    assert len(found.calls) == 10
    assert re.findall(r"at net\.net:(\d+)|… (\d+) more", told) == [
        *[(str(found.calls[at].line), "") for at in range(5)],
        ("", "4"),
        (str(found.calls[-1].line), ""),
    ]


def test_what_is_nested_too_deep_is_marked_where_it_is() -> None:
    (found,) = check("INPUT 8 -> FC {" + "(" * 150 + "1" + ")" * 150 + "}\n")
    assert (found.code, found.span.text, found.span.column) == ("limit-exceeded", "{", 15)
