"""Puts a parser's findings into words: what stands there, what may stand there, and how to mend it."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from netdsl.text import mistakes, misused
from netdsl.text.advice import edited
from netdsl.text.diagnostic import Diagnostic
from netdsl.text.elsewhere import by_word
from netdsl.text.fixes import likely
from netdsl.text.met import NEAR, Met, nearby, shown
from netdsl.text.source import Span
from netdsl.text.tokens import SHOWN, code

_WORDS = by_word(
    {
        "LAYER": "a layer",
        "FORK": "a fork",
        "NAME PATH": "a name",
        "NUMBER SIGNED": "a number",
        "DIMS": "dims",
        "QUANTITY": "a quantity such as 35K",
        "STRING": "a string",
        "BRACE": "`{`",
        "OF": "`of`",
        "EQUAL": "`=`",
        "RELATION": "one of = < <= > >= ~",
        "SUM_SIGN PRODUCT_SIGN": "an operator",
        "COMMA": "`,`",
        "COLON": "`:`",
        "VBAR": "`|`",
        "REPEAT": "a repeat",
        "DEVICE": "a device",
        "ARROW": "`->`",
        "CLOSE": "`)`",
        "JOIN": "`]`",
        "BRACE_END": "`}`",
        "$END": "the end of the statement",
    }
)
_ARGUMENT = {"NUMBER", "SIGNED", "DIMS", "STRING", "NAME", "ODD", "PATH", "BRACE", "TAG", "TAG_BRACE"}
_VALUE = {"NUMBER", "DIMS", "STRING", "NAME", "PATH", "BRACE", "LPAR", "SUM_SIGN"}
_ONLY_WITHIN = {"CLOSE": "(", "JOIN": "[", "VBAR": "[", "BRACE_END": "{"}


def syntax_error(at: int, kind: str, expected: set[str], statement: Span) -> Diagnostic:
    """Word what the parser met in a statement as a `syntax-error` with a place and, where likely, a fix.

    It met a token of a kind ("" for text that is none, "$END" for nothing more) at an offset, and expected tokens
    of other kinds.
    """
    source = statement.source
    if kind == "$END":
        last = deque(SHOWN.finditer(statement.text), maxlen=1)[0]
        met = Met("", kind, frozenset(expected), code(statement.text), "", at=statement.end)
        span = Span(source, statement.start + last.start(), statement.end)
        return Diagnostic(mistakes.NothingFollows(shown(last.group()), _expected(met), likely(met)), span)
    match = SHOWN.match(source.text, at)
    assert match
    before = code(source.text[statement.start : at])
    rest = code(source.text[at : at + 2 * NEAR].partition("\n")[0])
    fresh_line = "\n" in source.text[statement.start + len(before) : at]
    apart = source.text[at - 1 : at].isspace()
    gap = at - statement.start - len(before)
    whole = at if len(match.group()) <= NEAR else -1
    gap = gap if source.text[at - gap : at].isspace() or not gap else -1
    met = Met(nearby(match.group()), kind, frozenset(expected), before, rest, fresh_line, apart, whole, gap)
    span = Span(source, at, match.end())
    if found := misused.find(met, statement, span):
        return found
    return Diagnostic(mistakes.UnexpectedWord(shown(met.word), _expected(met), likely(met)), span)


def proven(found: Diagnostic, text: str, span: Span, first_error: Callable[[str, int, int], int]) -> Diagnostic:
    """What was found in a statement, without its fix where the error is there with it, too."""
    if not found.fixes:
        return found
    edit = found.fixes[0].edits[0]
    behind = edit.span.start + len(edit.text)
    text = edited(text, [edit])
    end = span.end + behind - edit.span.end
    if "\n" in edit.text or not text[span.start : end].strip() or first_error(text, span.start, end) > behind:
        return found  # it is two statements, or none, or goes on
    return found.unfixed()


def _expected(met: Met) -> str:
    """What may stand there, in a few words behind a colon; "" where that is too much to list."""
    names = {name for name in met.expected if _ONLY_WITHIN.get(name, met.bracket) == met.bracket}
    first = ""
    if met.takes_argument:
        first, names = "an argument", names - _ARGUMENT - {"LPAR", "COLON"}
    elif {"NUMBER", "LPAR"} <= names:
        first, names = "a value", names - _VALUE
    if "ARROW" in names and not met.bracket:
        names |= {"$END"}
    words = [first] if first else []
    words += [word for name, word in _WORDS.items() if name in names]
    if "LPAR" in names:
        words.insert(2, "a group") if "LAYER" in names else words.insert(0, "`(`")
    words = list(dict.fromkeys(words))
    if len(words) > 6:  # a list of everything helps nobody
        return ""
    return f": expected {', '.join(words[:-1])}{' or ' if len(words) > 1 else ''}{words[-1]}" if words else ""
