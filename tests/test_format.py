"""The laws of the formatter: nothing is lost, nothing changes its meaning, and twice is once."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from netdsl import resources
from netdsl.text import printer, tree
from netdsl.text.diagnostic import NetError, Report
from netdsl.text.format import diff, format
from netdsl.text.layout import WIDTH
from netdsl.text.parse import number, parse
from netdsl.text.printer import Role
from netdsl.text.source import Source
from netdsl.text.tokens import KEYWORDS, SPACE

TESTS = Path(__file__).parent
GOLDEN = sorted((TESTS / "format").glob("*.net"))
EXPECTED = sorted((TESTS / "format").glob("*.fmt"))
NETWORKS = sorted((TESTS.parent / "networks").rglob("*.net"))
FILES = [*GOLDEN, *EXPECTED, *NETWORKS, *sorted((TESTS / "programs" / "valid").rglob("*.net"))]

seeds = st.integers(0, 10**9).map(Random)
slow = [HealthCheck.too_slow, HealthCheck.data_too_large]
thorough = settings(max_examples=50, deadline=None, suppress_health_check=slow)


def read(path: Path) -> Source:
    """A file as the tools read it: its line ends as they are, no byte order mark."""
    return Source(path.read_bytes().decode("utf-8-sig"), path.name)


def parsed(text: str) -> tree.File:
    """The tree of a text without errors."""
    report = Report()
    file = parse(Source(text, "x.net"), report)
    assert report.diagnostics() == []
    return file


def check(text: str) -> str:
    """Format a text, and hold the result against every law."""
    formatted = format(Source(text, "x.net"))
    before, after = parsed(text), parsed(formatted)
    assert after.statements == before.statements
    assert [comment.text for comment in after.comments] == [comment.text for comment in before.comments]
    assert format(Source(formatted, "x.net")) == formatted
    assert formatted == "" or formatted.endswith("\n")
    assert not re.search(r"[ \t\r]\n|\n\n\n|\n\n\Z|\A\n", formatted)
    return formatted


# Generated trees


def literal(text: str) -> tree.Literal:
    """A number or dims as the parser gives it."""
    if "x" in text:
        return tree.Literal(tuple(map(number, text.split("x"))), text)
    return tree.Literal(number(text), text)


def some(items: st.SearchStrategy[Any], least: int = 0, most: int = 3) -> st.SearchStrategy[tuple[Any, ...]]:
    """A few of them, as a tuple."""
    return st.lists(items, min_size=least, max_size=most).map(tuple)


def arithmetic(operands: st.SearchStrategy[tree.Expression], *signs: str) -> st.SearchStrategy[tree.Expression]:
    """An operand, or several joined by operators of one precedence."""
    return operands | st.builds(tree.Arithmetic, operands, some(st.tuples(st.sampled_from(signs), operands), 1))


words = st.sampled_from(["a", "e2", "conv1_1", "of", "training", "x3y", "_k", "a_rather_long_name_of_a_thing"])
names = words.map(tree.Name)
places = names | st.builds(tree.Name, st.sampled_from(["conv4.same1.35", "e2.pool1"]))
whole = st.sampled_from(["0", "3", "64", "3x3", "227x227x3"]).map(literal)
numbers = whole | st.sampled_from(["0.5", "1e-4"]).map(literal)
strings = st.text(st.sampled_from('ab #->|"\\é='), max_size=6).map(
    lambda value: tree.Literal(value, '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"')
)


@st.deferred
def expressions() -> st.SearchStrategy[tree.Expression]:
    return arithmetic(arithmetic(factors, "*", "/", "//", "%"), "+", "-")


@st.deferred
def factors() -> st.SearchStrategy[tree.Expression]:
    signed = st.builds(tree.Signed, st.sampled_from("+-"), factors)
    functions = st.builds(tree.Function, st.sampled_from(["min", "floor"]), some(expressions, 1))
    return st.one_of(numbers, names, signed, functions, st.builds(tree.Parentheses, expressions))


braces = st.builds(tree.Braces, some(expressions, 1))
claims = st.one_of(numbers, st.just(literal("-0.5")), braces)
values = st.one_of(expressions, strings, places, braces)
arguments = st.one_of(
    st.builds(tree.Argument, claims | names | strings),
    st.builds(tree.Argument, whole | braces, tag=st.sampled_from("spdg")),
    st.builds(tree.Argument, claims | places | strings, names),
)
layers = st.builds(tree.Layer, st.sampled_from(["CONV", "X_1", "A"]), some(arguments))
calls = st.builds(tree.Call, places, some(st.builds(tree.Argument, values, st.none() | names)))
repeats = st.builds(tree.Count, st.sampled_from(["0", "12"]).map(literal), st.just(False))
counts = st.one_of(st.none(), repeats, st.builds(tree.Count, expressions, st.just(True)))
labels = st.none() | names


@st.deferred
def elements() -> st.SearchStrategy[tree.Element]:
    return st.one_of(
        st.builds(tree.Element, labels, layers | calls, counts, counts),
        st.builds(tree.Element, labels, places),
        st.builds(tree.Element, labels, st.builds(tree.Group, chains), counts, counts),
        st.builds(tree.Element, st.none(), st.builds(tree.Fork, some(chains, 1)), st.none(), counts),
    )


chains = st.builds(tree.Chain, some(elements, 1, 4))
blocks = st.builds(tree.Block, names, some(st.builds(tree.Parameter, names, st.none() | values)), chains)
relations = st.sampled_from(["=", "<", "<=", ">", ">=", "~"])
facts = claims | st.just(tree.Literal(35000, "35K"))
programs = some(
    st.one_of(
        *(chains, blocks) * 3,
        st.builds(tree.Title, strings.map(lambda string: string.value)),
        st.builds(tree.Meta, names | st.just(tree.Name("network")), facts | strings),
        st.builds(tree.Param, names, claims | strings),
        st.builds(tree.Use, strings),
        st.builds(tree.Output, st.booleans(), some(places, 1, 9)),
        st.builds(tree.Expect, names, labels | places, relations, facts),
    )
)


def scattered(program: Iterable[tree.Statement], random: Random) -> str:
    """A program as someone in a hurry might write it: any space, line ends and comments where the language allows."""
    often, chatty = random.choice([0, 0.1, 0.3]), random.choice([0, 0.1, 0.4])
    said = 0

    def line_end() -> str:
        nonlocal said
        lines = [""]
        while random.random() < 0.4 or len(lines) < 2:
            if random.random() < chatty:
                said += 1
                lines[-1] += " " * random.randrange(9) + f"#{said} é "
            lines.append(" " * random.randrange(12))
        return "\n".join(lines)

    text = [line_end()]
    for statement in program:
        depth, broken, before = 0, False, None
        for token in printer.tokens(statement):
            if before is not None:
                complete = isinstance(statement, tree.Block) and not (depth or broken) and token.role is Role.ARROW
                joined = depth or before.text in {"->", "|", "=", ",", ":"} or token.role is Role.ARROW
                if joined and not complete and token.text not in KEYWORDS and random.random() < often:
                    text.append(line_end())
                    broken = True
                else:
                    text.append(" " * random.choice([before.after and token.before, 1, 1, 2, 3]))
            text.append(token.text)
            depth += (token.role in {Role.OPEN, Role.NEST}) - (token.role in {Role.CLOSE, Role.UNNEST})
            before = token
        text.append(line_end())
    return "".join(text).replace("\n", random.choice(["\n", "\n", "\r\n"]))


@thorough
@given(programs)
def test_what_the_tree_is_printed_as_is_the_tree(program: tuple[tree.Statement, ...]) -> None:
    text = "".join(f"{printer.line(statement)}\n" for statement in program)
    assert parsed(text).statements == program


@thorough
@given(programs, seeds)
def test_any_layout_keeps_the_laws(program: tuple[tree.Statement, ...], random: Random) -> None:
    text = scattered(program, random)
    assert parsed(text).statements == program
    check(text)


cells = st.tuples(st.sampled_from(["A", "CONV 64 {n-1}", "b:  A", "[ a |  f(1)  @0 ]"]), st.integers(0, 4))


@settings(thorough, max_examples=80)
@given(st.lists(st.lists(cells, min_size=1, max_size=4), min_size=2, max_size=6))
def test_any_columns_keep_the_laws(rows: list[list[tuple[str, int]]]) -> None:
    lines = ("->  ".join(f"{cell}{' ' * spaces}" for cell, spaces in row) + "# c" for row in rows)
    check("\n-> ".join(["INPUT 3", *lines]))


# Files and broken files


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_a_file_keeps_its_tree_and_its_comments(path: Path) -> None:
    check(read(path).text)


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.stem)
def test_golden(path: Path) -> None:
    expected = path.with_suffix(".fmt")
    assert format(read(path)) == read(expected).text
    assert format(read(expected)) == read(expected).text != read(path).text


def test_each_expected_file_has_its_source() -> None:
    assert [path.stem for path in GOLDEN] == [path.stem for path in EXPECTED] != []


FRAGMENTS = [*'[](){}|,=:@#~*+-/% \n\t"\\x', "->", "\n-> ", "\r\n", "CONV", "s2", "x{", "block f(n) = ", "use ", "\f"]
changed = st.lists(st.tuples(st.integers(0, 10**6), st.sampled_from(FRAGMENTS) | st.text(max_size=2)), max_size=3)


@thorough
@given(programs, changed)
def test_broken_text_ends_in_diagnostics_and_nothing_else(
    program: tuple[tree.Statement, ...], changes: list[tuple[int, str]]
) -> None:
    text = scattered(program, Random(len(changes)))
    for at, fragment in changes:
        at %= len(text) + 1
        text = text[:at] + fragment + text[at + len(fragment) % 2 :]
    report = Report()
    parse(Source(text, "x.net"), report)
    if report.failed:
        with pytest.raises(NetError) as caught:
            format(Source(text, "x.net"))
        assert [str(found.span) for found in caught.value.diagnostics] == [str(d.span) for d in report.diagnostics()]
    else:
        check(text)


def test_every_error_of_a_file_is_reported_and_nothing_is_formatted() -> None:
    source = Source("INPUT 3  ->\nmeta = 3\nparam a = b\n", "x.net")
    with pytest.raises(NetError) as caught:
        format(source)
    assert [found.span.line for found in caught.value.diagnostics] == [1, 2, 3]
    with pytest.raises(NetError):
        diff(source)


@pytest.mark.parametrize("between", [" ", "\n", " # here\n\n"])
def test_a_label_in_capitals_is_told_wherever_its_element_stands(between: str) -> None:
    with pytest.raises(NetError, match="a label is written in lower case"):
        format(Source(f"INPUT 3 -> C1:{between}RELU\n", "x.net"))


# Details


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ""),
        ("\n \n\t\n", ""),
        ("# alone", "# alone\n"),
        ("\r\nINPUT 3 -> \r\n RELU  # end \r\n\r\n\r\n# last\r\n", "INPUT 3\n-> RELU  # end\n\n# last\n"),
        ("INPUT 3\t->\tRELU", "INPUT 3 -> RELU\n"),
        ("# form\ffeed \u2028 and\x0bmore\nINPUT\f3", "# form\ffeed \u2028 and\x0bmore\nINPUT 3\n"),
    ],
)
def test_line_ends(text: str, expected: str) -> None:
    assert check(text) == expected


# Space: one definition for statements, parser and formatter


def found(text: str) -> list[tuple[int, str, str]]:
    """The offset, the code and the help of each diagnostic of a text."""
    report = Report()
    parse(Source(text, "x.net"), report)
    return [(one.span.start, one.code, one.help) for one in report.diagnostics()]


def test_every_character_is_space_everywhere_or_nowhere() -> None:
    """What stands between tokens and passes the parser passes the formatter too, and is space for both."""
    numbers = [*range(0x3100), *range(0xFE00, 0x10000), 0x1D173, 0xE0001, 0xE0020, 0xE007F]
    accepted: set[str] = set()
    for sign in map(chr, numbers):
        text = f"{sign}INPUT{sign}3{sign}\n{sign}->{sign}RELU{sign}\n{sign}"
        if not (sign.isalnum() or sign in "_#" or found(text)):
            accepted.add(sign)
            check(text)
    assert accepted == {*" \t\f"}


@pytest.mark.parametrize(
    ("sign", "help"),
    [
        *((sign, "a space") for sign in "\xa0\v\x1c\x1d\x1e\x1f\u1680\u2003\u2009\u202f\u205f\u2800\u3000"),
        *((sign, "a line end") for sign in "\x85\u2028\u2029"),
        *((sign, "") for sign in "\0\x1b\x7f\xad\u061c\u200b\u200d\u200e\u202e\u2060\u2066\ufe0f\ufeff\U000e0041"),
    ],
    ids=lambda sign: f"U+{ord(sign):04X}" if len(sign) == 1 else "",
)
def test_what_looks_like_space_or_like_nothing_is_told_at_its_place(sign: str, help: str) -> None:
    number = f"U+{ord(sign):04X}"
    told = f"replace {number} by {help}" if help else f"take {number} away"
    assert found(f"{sign}INPUT 3") == [(0, "syntax-error", told)]
    assert found(f"INPUT 3\n{sign}-> RELU\n") == [(8, "syntax-error", told)]
    assert found(f"INPUT 3 -> RELU{sign}{sign}\n{sign}") == [(15, "syntax-error", told), (18, "syntax-error", told)]
    assert found(f"INPUT 3 -> FC {{1 +{sign} 2}} # {sign}\n") == [(18, "syntax-error", told)]
    assert found(f'network "{sign}" # {sign}\nINPUT 3') == []
    check(f'network "{sign}" # {sign}.\nINPUT 3')


def test_what_is_no_space_hides_no_other_mistake_and_makes_none() -> None:
    assert found("INPUT\xa03\n\xa0-> ->\n") == [
        (5, "syntax-error", "replace U+00A0 by a space"),
        (8, "syntax-error", "replace U+00A0 by a space"),
        (12, "syntax-error", "name a layer between the two arrows, or take one away"),
    ]
    assert [at for at, *_ in found("INPUT 3 -> CO\u200bNV 64\nINPUT 3\u2028expect params = 0\n")] == [13, 27]
    assert len(found("\xa0 " * 10**5)) == 201


def test_lines_end_with_lf_and_any_number_of_carriage_returns() -> None:
    assert check("INPUT 3 # a\r\r\n-> RELU\r\n\r") == "INPUT 3  # a\n-> RELU\n"
    told = "replace U+000D by a line end"
    assert found("# a\rINPUT 3\r-> ->\r\n")[:2] == [(3, "syntax-error", told), (11, "syntax-error", told)]
    assert len(found("# a\rINPUT 3\r-> ->\r\n")) == 3


def test_numbers_are_ascii() -> None:
    for text in ("INPUT \u0663", "INPUT 3 -> FC 1\u0663", "INPUT 3 -> FC {\u0663}"):
        assert [code for _, code, _ in found(text)] == ["syntax-error"]


def test_the_grammar_knows_the_same_space() -> None:
    assert SPACE == " \t\f\r"
    assert r"%ignore /[ \t\f\r\n]+/" in resources.grammar()


def test_a_line_is_broken_only_where_it_is_too_long() -> None:
    last = "A" * (WIDTH - len("INPUT 3 -> "))
    assert check(f"INPUT 3 -> {last}") == f"INPUT 3 -> {last}\n"
    assert check(f"INPUT 3 -> {last}A") == f"INPUT 3\n-> {last}A\n"
    assert check(f"INPUT 3 -> {last}  # so long a comment") == f"INPUT 3 -> {last}  # so long a comment\n"


def test_long_and_deep_programs() -> None:
    layers = 1000
    filled = check("INPUT 3" + " -> CONV 64 3x3" * layers)
    assert filled.count("->") == layers
    assert max(map(len, filled.split("\n"))) <= WIDTH
    for text in ("[ A | ( " * 50 + "A" + " ) ] -> ADD" * 50, "A {" + "(" * 99 + "1" + ")" * 99 + "}"):
        formatted = format(Source(text, "x.net"))
        assert "".join(formatted.split()) == "".join(text.split())
        assert format(Source(formatted, "x.net")) == formatted


def test_what_a_comment_breaks_off_hangs_behind_the_name_of_its_element() -> None:
    text = "INPUT 4x4x4 -> [ CONV 4 3 p1 -> c: # why\n CONV 4 3 p1 | d: # and this\n SKIP ] -> ADD\n"
    assert (
        check(text)
        == """\
INPUT 4x4x4
-> [ CONV 4 3 p1
     -> c:  # why
        CONV 4 3 p1
   | d:  # and this
        SKIP
   ] -> ADD
"""
    )


def test_a_comment_behind_an_arrow_that_ends_a_blocks_line_stays() -> None:
    assert (
        check("block unit(n) = use: CONV n 3 -> # behind\n RELU -> BN\nINPUT 4x4x1 -> unit(2)\n")
        == """\
block unit(n) = use: CONV n 3 ->  # behind
    RELU -> BN
INPUT 4x4x1 -> unit(2)
"""
    )


def test_a_diff_names_the_file_and_shows_what_would_change() -> None:
    source = Source("INPUT 3\n\n# f\x0cg\nmeta  a=1", "a.net")
    header = "--- a.net\n+++ a.net\n@@ -1,4 +1,4 @@\n"
    kept = " INPUT 3\n \n # f\x0cg\n"
    assert diff(source) == header + kept + "-meta  a=1\n\\ No newline at end of file\n+meta a = 1\n"
    assert diff(Source(format(source), "a.net")) == ""
