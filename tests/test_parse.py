"""The parser reads a text as Lark would read it by the same grammar, and nothing is kept between runs for it."""

from __future__ import annotations

import os
import subprocess
import sys
from functools import cache
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any

import pytest
from lark import Lark, Token, Tree
from lark.exceptions import UnexpectedCharacters, UnexpectedToken

from netdsl import resources
from netdsl.text import lalr, statements, tables
from netdsl.text.diagnostic import Report
from netdsl.text.source import Source

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

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


class Trees:
    """Builds Lark's tree, as tuples."""

    def __getattr__(self, rule: str) -> Any:
        return lambda children: (rule, tuple(children))


@cache
def parsers() -> tuple[Lark, lalr.Parser]:
    grammar = resources.grammar()
    return Lark(grammar, parser="lalr", lexer="contextual", maybe_placeholders=True), lalr.Parser(
        tables.load(), Trees()
    )


def plain(found: Any) -> Any:
    """A tree of Lark's, or of the parser's, as tuples and tokens."""
    match found:
        case Tree():
            return (str(found.data), tuple(map(plain, found.children)))
        case Token():
            return (found.type, str(found), found.start_pos)
        case lalr.Token():
            return (found.kind, found.text, found.start)
        case (rule, children):
            return (rule, tuple(map(plain, children)))
        case _:
            return found


def names(expected: Iterable[str]) -> frozenset[str]:
    """The terminals that may stand somewhere; Lark's lexer has a name of its own for the end."""
    return frozenset(lalr.END if one == "<END-OF-FILE>" else one for one in expected)


def by_lark(text: str) -> Any:
    """What Lark makes of a statement: a tree, or the place and kind of what it did not expect, and what it did."""
    try:
        return plain(parsers()[0].parse(text))
    except UnexpectedToken as error:
        at = None if error.token.type == lalr.END else error.token.start_pos
        return (at, error.token.type, names(error.expected))
    except UnexpectedCharacters as error:
        return (error.pos_in_stream, "", names(error.allowed or ()))


def by_tables(text: str) -> Any:
    """What the parser makes of it."""
    try:
        return plain(parsers()[1].parse(text, 0, len(text)))
    except lalr.Unexpected as error:
        return (None if error.kind == lalr.END else error.at, error.kind, error.expected)


def statements_of(path: Path) -> Iterator[str]:
    lines = statements.split(Source(path.read_text(encoding="utf-8-sig", errors="replace"), path.name), Report())
    for span in lines.statements:
        yield lines.text[span.start : span.end]


@pytest.mark.parametrize("seed", range(4))
def test_statements_whole_and_broken_are_read_as_lark_reads_them(seed: int) -> None:
    random = Random(seed)
    for path in FILES:
        for text in statements_of(path):
            if seed:
                at = random.randrange(len(text) + 1)
                text = text[:at] + random.choice(FRAGMENTS) + text[at + random.randrange(3) :]
            assert by_tables(text) == by_lark(text), text


def test_the_tables_are_those_of_the_grammar() -> None:
    written = resources.tables().read_text(encoding="utf-8")
    assert written == tables.written(tables.make(resources.grammar())), "run `make grammar`"


def test_a_changed_grammar_is_read_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    changed = resources.grammar().replace('ARROW: "->"', 'ARROW: "=>"')
    monkeypatch.setattr(resources, "grammar", lambda: changed)
    assert lalr.Parser(tables.load(), Trees()).parse("INPUT => RELU", 0, 13)


@pytest.mark.parametrize("home", [None, "/proc/nowhere", "writable"])
def test_reading_a_program_needs_no_home_and_leaves_nothing_there(home: str | None, tmp_path: Path) -> None:
    environment = {name: value for name, value in os.environ.items() if name not in {"HOME", "XDG_CACHE_HOME"}}
    if home is not None:
        environment["HOME"] = str(tmp_path) if home == "writable" else home
    command = [sys.executable, "-m", "netdsl", "check", "lenet5"]
    done = subprocess.run(command, env=environment, capture_output=True, check=False, cwd=TESTS.parent)
    assert done.returncode == 0, done.stderr
    assert list(tmp_path.iterdir()) == []
