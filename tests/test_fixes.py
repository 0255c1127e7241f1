"""A fix is whole and exact: with it its mistake is gone, and no other has come but for what that hid."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path
from random import Random

import command_line
import fuzz_programs
import pytest
from test_mistakes import MISTAKES

from netdsl.cli import fixing
from netdsl.graph.build import Overrides, build
from netdsl.measure import expect
from netdsl.text.advice import Fix, write
from netdsl.text.codes import CODES, severity_of
from netdsl.text.diagnostic import Diagnostic, Report
from netdsl.text.mistake import Mistake
from netdsl.text.source import Source, Span

WRONG = sorted((Path(__file__).parent / "programs" / "wrong").glob("*.net"))


def at(found: Diagnostic, fix: Fix) -> int:
    """Where a diagnostic begins once a fix is applied."""
    (edit,) = fix.edits
    span = found.span
    return span.start + (len(edit.text) - len(edit.span.text)) * (span.start >= edit.span.end)


def check(text: str, path: Path | None = None) -> Sequence[Diagnostic]:
    """All that is wrong with a text in place of a file's."""
    report = Report()
    shaped = build(Source(text, "net.net"), path, report)
    if shaped is not None:
        expect.prove(shaped, report)
    return report.diagnostics()


def check_fixes(text: str, path: Path | None) -> None:
    """Assert of each fix that is told of a text that it holds."""
    before = check(text, path)
    for found in before:
        for fix in found.fixes if found.span.source.name == "net.net" else ():
            (edit,) = fix.edits
            after = check(edit.applied, path)
            places = {(one.code, one.message, at(one, fix)) for one in before if one is not found}
            fresh = [one for one in after if (one.code, one.message, one.span.start) not in places]
            gone = (found.code, found.message, at(found, fix))
            assert gone not in {(one.code, one.message, one.span.start) for one in fresh}, fix
            assert severity_of(found.code) == "error" or not fresh, (fix, fresh)
            region = range(edit.span.start, edit.span.start + len(edit.text) + 1)
            assert not [one for one in fresh if one.code == "syntax-error" and one.span.start in region], (fix, fresh)


@pytest.mark.parametrize("text", [text for text, *_ in MISTAKES])
def test_the_fixes_of_newcomers_mistakes_hold(text: str) -> None:
    check_fixes(text + "\n", None)


@pytest.mark.parametrize("path", WRONG, ids=lambda path: path.stem)
def test_the_fixes_of_wrong_programs_hold(path: Path) -> None:
    check_fixes(path.read_bytes().decode("utf-8", "replace"), path)


@pytest.mark.parametrize("code", CODES)
def test_the_fixes_of_the_codes_examples_hold(code: str) -> None:
    check_fixes(CODES[code].example, None)


@pytest.mark.parametrize("text", ["CONV 4 3 p1 + SKIP", "f(4) + SKIP", "f(4) - SKIP", "f(4) * SIGMOID"])
def test_what_a_merge_may_be_meant_by_is_not_made_a_chain(text: str) -> None:
    (found,) = check(f"block f(n) = CONV n 3 p1\nINPUT 8x8x4 -> {text}\n")
    assert not found.fixes
    assert re.search(r"merged by a layer: \[ … \| S\w+ \] -> (ADD|SUB|MUL)$", found.help)


def test_bars_of_branches_without_brackets_are_no_arrows() -> None:
    for text, fixed in (("CONV 4 3 p1 | SKIP -> ADD", 0), ("f(4) | f(4) -> CONCAT", 0), ("f(4) | RELU", 1)):
        (found,) = check(f"block f(n) = CONV n 3 p1\nINPUT 8x8x4 -> {text}\n")
        assert len(found.fixes) == fixed
        assert ("square brackets" in found.help) == (not fixed)


def test_the_advice_of_a_mistake_is_a_template_of_its_edit_too() -> None:
    class Wide(Mistake, code="invalid-argument"):
        stride: int
        advice = write("s{stride}")

    (edit,) = Diagnostic(Wide(2), Span(Source("INPUT 8", "net.net"), 0, 5)).fixes[0].edits
    assert (str(Wide(2).help()), edit.text) == ("write s2", "s2")


def test_a_stride_behind_a_kernel_has_a_fix() -> None:
    for text in ("MAXPOOL 2x2/2", "MAXPOOL 2x2 /2", "CONV 8 3x3/2 p1"):
        (found,) = check(f"INPUT 8x8x3 -> {text}\n")
        assert [fix.certain for fix in found.fixes] == [True]


@pytest.mark.parametrize("text", ['BN "a"', 'RELU "a" 3', 'FC 3 "a"', 'LRN "a" "b"', 'INPUT "a" "b"'])
def test_strings_that_no_layer_takes_have_fixes_that_hold(text: str) -> None:
    check_fixes(f"INPUT 8x8x3 -> {text}\n", None)


@pytest.mark.parametrize("seed", range(0, 500, 100))
def test_a_mistake_of_any_program_is_gone_with_its_fix(seed: int) -> None:
    for number in range(seed, seed + 100):
        for found in check(fuzz_programs.program(Random(number))):
            for fix in found.fixes if found.span.source.name == "net.net" else ():
                gone = found.code, found.message, at(found, fix)
                assert gone not in {(one.code, one.message, one.span.start) for one in check(fix.edits[0].applied)}, fix


@pytest.mark.parametrize(
    "text",
    [
        "INPUT 3x32x32 -> [ AVGPOOL global | SKIP ] -> SUB",
        "INPUT 8x8x3 -> SCALE 0x10 bias",
        "INPUT 8 -> DROPOUT x3 of -> FC 3",
        'INPUT 8 -> DROPOUT "0.5"a',
        "INPUT 8x8x3 -> like=a 28x28x1 -> RELU",
        "INPUT 8x8x3 -> FC 3 -> ×3 FC 3",
        "INPUT 8x8x2\x03roup1: BN",
        "INPUT 8x8x3 -> CONV x 3 3 1 -> BN",
        "INPUT 8x8x3 -> c: CONV 4 1 -> FC 3\nexpect shape Of c = 8x8x4",
        "INPUT 8x8x3 -> BN momentum=3",
        "INPUT 8x8x3 -> CONV 8 3 INPUT",
        "INPUT  ; 56, 56, 3 -> RELU",
    ],
)
def test_fixes_that_make_other_mistakes_are_not_told(text: str, sketch: Path) -> None:
    sketch.write_text(text)
    found = json.loads(command_line.run("check", "--format", "json", "sketch.net").out)
    assert any(one["help"] for one in found)
    assert not [one["fixes"] for one in found if one["fixes"]]
    command_line.run("check", "--fix", "sketch.net")
    assert sketch.read_text() == text


@pytest.mark.parametrize("seed", range(0, 600, 100))
def test_told_fixes_of_any_program_bring_no_other_mistake(seed: int) -> None:
    for number in range(seed, seed + 100):
        before = check(fuzz_programs.program(Random(number)))
        for found in fixing.proven(before, "net.net", None, Overrides()):
            for fix in found.fixes if found.span.source.name == "net.net" else ():
                places = {(one.code, one.message, at(one, fix)) for one in before if one.span != found.span}
                after = check(fix.edits[0].applied)
                fresh = [one for one in after if (one.code, one.message, one.span.start) not in places]
                assert severity_of(found.code) == "error" or not fresh, (fix, fresh)
                assert found.code == "syntax-error" or not [one for one in fresh if one.code == "syntax-error"], fix
                own = found.code, found.span.text, at(found, fix)
                assert not [one for one in fresh if (one.code, one.span.text, one.span.start) == own], fix


@pytest.mark.parametrize(
    ("text", "fixed"),
    [
        ("INPUT 9x9x3 -> CONV 3, (3,3), s=(2,2) -> FC 3", "INPUT 9x9x3 -> CONV 3 3 s2 -> FC 3"),
        ("INPUT 8x8x3 -> CONV 64, 3, padding=(1, 1)", "INPUT 8x8x3 -> CONV 64 3 p1"),
        ("INPUT 8x8x3 -> MAXPOOL {2, 2}, s2 -> FC 3", "INPUT 8x8x3 -> MAXPOOL {2, 2} s2 -> FC 3"),
        ("INPUT 8x8x3 -> CONCAT [ CONV 8 1 | CONV 8 3 ]", "INPUT 8x8x3 -> [ CONV 8 1 | CONV 8 3 ] -> CONCAT"),
    ],
)
def test_what_stands_in_brackets_stays_whole(text: str, fixed: str, sketch: Path) -> None:
    sketch.write_text(text)
    command_line.run("check", "--fix", "sketch.net")
    assert sketch.read_text() == fixed


def test_fixes_of_large_networks_are_told_untried(sketch: Path) -> None:
    sketch.write_text("INPUT 8x8x3 -> CONV 3 3 p1 x3000 -> FC 3 bias=False")
    (found,) = json.loads(command_line.run("check", "--format", "json", "sketch.net").out)
    assert found["fixes"][0]["certain"]


def test_most_help_of_newcomers_mistakes_carries_its_edit() -> None:
    mended = [text for text, *_ in MISTAKES if any(found.fixes for found in check(f"{text}\n"))]
    assert len(mended) > 0.7 * len(MISTAKES)


SKETCH = """\
# as one writes it elsewhere
INPUT 28,28,1
-> Conv2d(6, 5) -> relu -> MAXPOOL(2)  # kept
-> CONV 16 5 stride 2 -> RELU
-> FC 10 bias=False
"""
MENDED = """\
# as one writes it elsewhere
INPUT 28x28x1
-> CONV 6 5 -> RELU -> MAXPOOL 2  # kept
-> CONV 16 5 s2 -> RELU
-> FC 10 nobias
"""


@pytest.fixture
def sketch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file with mistakes, in the current folder."""
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "sketch.net"
    path.write_text(SKETCH)
    return path


def test_certain_fixes_are_applied_to_the_file_and_told(sketch: Path) -> None:
    status, out, err = command_line.run("check", "--fix", "sketch.net")
    assert sketch.read_text() == MENDED
    assert (status, out) == (0, "sketch.net: ok, 1 warning\n")
    assert err.count(": fixed ") == 6
    assert "sketch.net:5: fixed unknown-option: FC has no option bias: write nobias\n" in err
    assert "fixed " not in command_line.run("check", "--fix", "sketch.net").err
    assert sketch.read_text() == MENDED


def test_marks_and_line_ends_of_a_file_stay(sketch: Path) -> None:
    sketch.write_bytes(b"\xef\xbb\xbf" + SKETCH.replace("\n", "\r\n").encode())
    command_line.run("check", "--fix", "sketch.net")
    assert sketch.read_bytes() == b"\xef\xbb\xbf" + MENDED.replace("\n", "\r\n").encode()


def test_what_is_a_guess_is_told_and_not_applied(sketch: Path) -> None:
    text = "INPUT 3x32x32 -> CONV 6 3 -> RELUU\n"
    sketch.write_text(text)
    status, out, _ = command_line.run("check", "--fix", "--format", "json", "sketch.net")
    fixes = [fix for one in json.loads(out) for fix in one["fixes"]]
    assert [(fix["certain"], fix["edits"][0]["text"]) for fix in fixes] == [(False, "32x32x3"), (False, "RELU")]
    assert (status, sketch.read_text()) == (1, text)


def test_a_used_file_is_never_changed(sketch: Path) -> None:
    library = sketch.with_name("lib.net")
    library.write_text("block unit(n) = CONV n 3 s 2\n")
    sketch.write_text('use "lib.net"\nINPUT 9x9x3 -> unit(4) -> FC 2 no bias\n')
    status, out, _ = command_line.run("check", "--fix", "--format", "json", "sketch.net")
    (left,) = json.loads(out)
    assert (status, Path(left["file"]).name, left["fixes"][0]["certain"]) == (1, "lib.net", True)
    assert library.read_text() == "block unit(n) = CONV n 3 s 2\n"
    assert sketch.read_text().endswith("FC 2 nobias\n")


@pytest.mark.parametrize(("name", "words"), [("-", "not stdin"), ("alexnet", "a bundled network")])
def test_stdin_and_bundled_networks_are_not_fixed(name: str, words: str) -> None:
    status, _, err = command_line.run("check", "--fix", name)
    assert status == 2
    assert words in err


def test_a_file_that_cannot_be_written_stays_and_is_told(sketch: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: Path, data: bytes) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr("netdsl.files.replace", refuse)
    status, _, err = command_line.run("check", "--fix", "sketch.net")
    assert (status, sketch.read_text()) == (2, SKETCH)
    assert "Permission denied" in err
    assert "fixed" not in err


WITHIN = "RESHAPE 64x3 -> nn.LSTM(3, 4, 2, dropout=0.1)"


@pytest.mark.parametrize("element", ["CONV 4 3, 5", "CONV 4 3 p1 + CONV 4 1 -> RELU", "FC 4 nobias + FC 4", WITHIN])
def test_what_may_mean_another_network_has_no_certain_fix(element: str) -> None:
    (found,) = check(f"INPUT 8x8x3 -> {element}\n")
    assert [fix.certain for fix in found.fixes] == [False]


@pytest.mark.parametrize("element", ["CONV 4, 3", "CONV 4, 3, 1, 1", "CONV 4 3 p1 + BN + RELU"])
def test_what_has_one_meaning_has_a_certain_fix(element: str) -> None:
    (found,) = check(f"INPUT 8x8x3 -> {element}\n")
    assert [fix.certain for fix in found.fixes] == [True]
