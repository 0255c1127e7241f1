"""Kept tables read a text as the grammar says, and nothing is kept between runs."""

from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import fields, is_dataclass
from functools import cache
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING

import pytest
from lark import Lark
from lark.exceptions import UnexpectedCharacters, UnexpectedInput, UnexpectedToken

from netdsl import resources
from netdsl.text import grammar, kept, parse, statements
from netdsl.text.diagnostic import Report
from netdsl.text.source import Source, Span
from netdsl.text.tokens import TOKEN

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

TESTS = Path(__file__).parent
FILES = [*sorted(TESTS.glob("programs/*/*.net")), *sorted(TESTS.glob("format/*.net"))]
FRAGMENTS = [
    *'[](){}|,=:@#~*+-/% \n"\\xé.;',
    "->",
    "CONV",
    "s2",
    "x{",
    "s{",
    "x3",
    "block ",
    "param",
    "1.5",
    "3x3",
    "35K",
]


@cache
def parsers() -> tuple[Lark, grammar.Parser]:
    return Lark(resources.grammar(), parser="lalr", lexer="contextual", maybe_placeholders=True), grammar.Parser(None)


def made(parse: Callable[[str], object], text: str) -> object:
    """What a parser makes of a statement: a tree, or the place and kind of what it did not expect, and what it did."""
    try:
        return parse(text)
    except UnexpectedToken as error:
        return (error.token.type, error.token.start_pos if error.token.type != grammar.END else None)
    except UnexpectedCharacters as error:
        return ("", error.pos_in_stream)
    except grammar.Unexpected as error:
        return (error.kind, error.at if error.kind != grammar.END else None)


def statements_of(path: Path) -> Iterator[str]:
    lines = statements.split(Source(path.read_text(encoding="utf-8-sig", errors="replace"), path.name), Report())
    for one in lines.statements:
        yield lines.text[one.span.start : one.span.end]


@pytest.mark.parametrize("seed", range(4))
def test_statements_whole_and_broken_are_read_as_lark_reads_them(seed: int) -> None:
    random = Random(seed)
    fresh, kept = parsers()
    for path in FILES:
        for text in statements_of(path):
            if seed:
                at = random.randrange(len(text) + 1)
                text = text[:at] + random.choice(FRAGMENTS) + text[at + random.randrange(3) :]
            assert made(lambda one: kept.parse(one, 0, len(one)), text) == made(fresh.parse, text), text


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_what_the_grammar_takes_for_two_tokens_is_never_one(path: Path) -> None:
    for text in statements_of(path):
        begin = {match.start() for match in TOKEN.finditer(text)}
        lexed = parsers()[0].parse_interactive(text)
        try:
            found = list(lexed.exhaust_lexer())
        except UnexpectedInput:
            continue
        assert {token.start_pos for token in found} <= begin, text


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("a.b->x{n-1}@0", ["a.b", "->", "x", "{", "n", "-", "1", "}", "@", "0"]),
        ("CONV 3x3 -1.5 --> =>", ["CONV", "3x3", "-", "1.5", "-->", "=>"]),
        ('use "a # b" # "c"', ["use", '"a # b"', '# "c"']),
        ('"\\"" "open', ['"\\""', '"open']),
        ("12 == é\u2007\u2007x", ["12", "==", "é", "\u2007\u2007", "x"]),
    ],
)
def test_the_tokens_of_a_text(text: str, tokens: list[str]) -> None:
    assert [match.group() for match in TOKEN.finditer(text)] == tokens


def read(text: str) -> tuple[object, list[str]]:
    """What a text gives, with the place of everything in it."""
    source, report = Source(text, "net.net"), Report()
    file = parse.parse(source, report)
    return placed(file, source), [f"{found} {found.help}" for found in report.diagnostics()]


def placed(one: object, source: Source) -> object:
    """A tree as values that are equal only where every span is."""
    if isinstance(one, Source):
        assert one is source
        return None
    if isinstance(one, Span):
        assert one.source is source
        return one.start, one.end
    if isinstance(one, tuple):
        return [placed(part, source) for part in one]
    if is_dataclass(one):
        return type(one), *(placed(getattr(one, field.name), source) for field in fields(one))
    return one


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_trees_that_were_kept_are_as_those_that_are_read(path: Path) -> None:
    random = Random(path.name)
    text = path.read_text(encoding="utf-8-sig", errors="replace")
    at = random.randrange(len(text) + 1)
    for changed in (text, f"# moved\n{text}", text[:at] + random.choice(FRAGMENTS) + text[at:], text):
        found = read(changed)
        kept._kept.clear()
        assert found == read(changed)


def chain_of(lines: int) -> str:
    return "INPUT 9x9x3\n" + "".join(f"-> c{line}: CONV {line % 7 + 1} 3 p1 -> RELU\n" for line in range(lines))


@pytest.mark.parametrize(
    ("before", "after", "reads"),
    [
        (chain_of(2000), chain_of(2000).replace("-> c999: CONV", "-> c999: DECONV"), ["DECONV 6 3 p1"]),
        (chain_of(9), "# above\n" + chain_of(9), []),
        ("block f() = [ RELU | SKIP ] -> ADD\nINPUT 9", "INPUT 8\nblock f() = [ RELU | SKIP ] -> ADD", ["INPUT 8"]),
        ("INPUT 9\nRELU", "INPUT 9\n" + "RELU -> SIGMOID -> TANH\n" * 9, ["RELU -> SIGMOID -> TANH"]),
        ("INPUT 9", "INPUT 9 -> RELU -> RELU\n-> TANH -> RELU", ["RELU", "TANH"]),
        (
            "PARAM n = 8",
            "PARAM n = 9\nparam n = 8\nBLOCK f() = RELU -> TANH",
            ["param n = 9", "block f() = RELU -> TANH"],
        ),
        ("output a, b", "output a\noutput a, b", ["output a"]),
    ],
)
def test_only_what_changed_is_read(before: str, after: str, reads: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    kept._kept.clear()
    read(before)
    said: list[str] = []
    whole = parse._read
    monkeypatch.setattr(
        parse, "_read", lambda text, span: (said.append(text[span.start : span.end]), whole(text, span))[1]
    )
    assert read(after)[0]
    assert said == reads


@pytest.mark.parametrize(
    "text", ["a: [ RELU | TANH ] -> ADD -> ADD", "a: b: RELU -> RELU -> RELU", "INPUT 9 -> a: -> b"]
)
def test_a_label_stands_before_what_can_have_one_also_where_the_rest_is_kept(text: str) -> None:
    read("INPUT 9 -> [ RELU | TANH ] -> ADD -> b: RELU")
    found = read(text)
    kept._kept.clear()
    assert found == read(text)
    assert found[1]


def test_threads_read_as_one_does() -> None:
    texts = [chain_of(20 + number % 5).replace("CONV", f"CONV {number % 3 + 1}1 -> CONV") for number in range(64)]
    alone = [repr(read(text)) for text in texts]
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(lambda text: repr(read(text)), texts)) == alone


def test_trees_of_the_last_files_alone_are_kept() -> None:
    for number in range(20):
        read(f"INPUT {number + 1}x7x3 -> RELU")
    assert {text for text in kept._kept if text.endswith("x7x3")} == {
        f"INPUT {number + 1}x7x3" for number in range(12, 20)
    }
    read(chain_of(6000))
    assert len(kept._kept) < 10_100


def test_what_nests_deeply_is_read_again() -> None:
    text = f"INPUT 9 -> {'(' * 90}RELU{')' * 90}"
    read(text)
    assert text not in kept._kept
    assert read(text) == read(text)


def test_the_tables_are_those_of_the_grammar(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(grammar, "tables", lambda: pytest.fail("run `make grammar`"))
    assert grammar.Parser(None).parse("INPUT 8 -> RELU", 0, 15)


def test_a_changed_grammar_is_read_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    changed = resources.grammar().replace('ARROW: "->"', 'ARROW: "=>"')
    monkeypatch.setattr(resources, "grammar", lambda: changed)
    assert grammar.Parser(None).parse("INPUT => RELU", 0, 13)


@pytest.mark.parametrize("home", [None, "/proc/nowhere", "writable"])
def test_reading_a_program_needs_no_home_and_leaves_nothing_there(home: str | None, tmp_path: Path) -> None:
    environment = {name: value for name, value in os.environ.items() if name not in {"HOME", "XDG_CACHE_HOME"}}
    if home is not None:
        environment["HOME"] = str(tmp_path) if home == "writable" else home
    command = [sys.executable, "-m", "netdsl", "check", "lenet5"]
    done = subprocess.run(command, env=environment, capture_output=True, check=False, cwd=TESTS.parent)
    assert done.returncode == 0, done.stderr
    assert list(tmp_path.iterdir()) == []
