"""Kept tables read a text as the grammar says, and nothing is kept between runs."""

from __future__ import annotations

import os
import subprocess
import sys
from functools import cache
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING

import pytest
from lark import Lark
from lark.exceptions import UnexpectedCharacters, UnexpectedToken

from netdsl import resources
from netdsl.text import grammar, statements
from netdsl.text.diagnostic import Report
from netdsl.text.source import Source

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
    for span in lines.statements:
        yield lines.text[span.start : span.end]


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
