"""Puts a parser's findings into words: what stands there, what may stand there, and how to mend it."""

from __future__ import annotations

import re
from collections import deque

from netdsl.text.diagnostic import Diagnostic
from netdsl.text.source import Span
from netdsl.text.statements import KEYWORDS

_WORD = re.compile(r'"[^"\\\n]*(?:\\.[^"\\\n]*)*"?|->|//|[<>]=|-?\d[\w.]*|[^\W\d][\w.]*|.', re.DOTALL)
_LONGEST = 40
_LOOKALIKES = {
    "→": "->",
    "⟶": "->",
    "×": "x",
    "−": "-",
    "–": "-",
    "“": '"',
    "”": '"',
    "≤": "<=",
    "≥": ">=",
    "≈": "~",
    "∼": "~",
    ";": "a new line",
}

_WORDS = {
    "LAYER": "a layer",
    "FORK": "a fork",
    "LPAR": "a group",
    "NAME": "a name",
    "PATH": "a name",
    "NUMBER": "a number",
    "SIGNED": "a number",
    "DIMS": "dims",
    "QUANTITY": "a quantity such as 35K",
    "STRING": "a string",
    "BRACE": "`{`",
    "ARROW": "`->`",
    "RELATION": "one of = < <= > >= ~",
    "$END": "the end of the statement",
    "CLOSE": "`)`",
    "JOIN": "`]`",
    "BRACE_END": "`}`",
    "VBAR": "`|`",
    "COMMA": "`,`",
    "COLON": "`:`",
    "EQUAL": "`=`",
    "SUM_SIGN": "an operator",
    "PRODUCT_SIGN": "an operator",
    "TAG": "a tag",
    "REPEAT": "a repeat",
    "DEVICE": "a device",
}


def _expected(names: set[str]) -> str:
    words = list(dict.fromkeys(word for name, word in _WORDS.items() if name in names))
    if len(words) > 6:  # a list of everything helps nobody
        return ""
    return f"expected {', '.join(words[:-1])}{' or ' if len(words) > 1 else ''}{words[-1]}" if words else ""


def syntax_error(at: int, kind: str, expected: set[str], statement: Span) -> Diagnostic:
    """Word what the parser met in a statement as a `syntax-error` with a place and, where likely, a fix.

    It met a token of a kind ("" for text that is none) at an offset, and expected tokens of other kinds.
    """
    source = statement.source
    if kind == "$END":
        return _unfinished(statement, expected)
    match = _WORD.match(source.text, at)
    assert match
    word = match.group()
    before = source.text[statement.start : at].rstrip()
    message = f"unexpected `{_short(word)}`"
    if wanted := _expected(expected):
        message += f": {wanted}"
    return Diagnostic("syntax-error", message, Span(source, at, match.end()), help=_help(word, kind, before, expected))


def _short(word: str) -> str:
    return word if len(word) <= _LONGEST else f"{word[:_LONGEST]}…"


def _unfinished(statement: Span, expected: set[str]) -> Diagnostic:
    text = statement.text
    last = deque(_WORD.finditer(text), maxlen=1)[0]
    span = Span(statement.source, statement.start + last.start(), statement.end)
    message = f"nothing follows this `{_short(last.group())}`"
    if wanted := _expected(expected):
        message += f": {wanted}"
    return Diagnostic("syntax-error", message, span, help=_unfinished_help(last.group()))


def _unfinished_help(last: str) -> str:
    if last == "->":
        return "name the next layer, or take the arrow away"
    if last in KEYWORDS:
        return f"`{last}` opens a statement, and is no name; choose another" if last != "network" else ""
    return ""


def _help(word: str, kind: str, before: str, expected: set[str]) -> str:
    """A likely fix, if there is one."""
    if word in _LOOKALIKES:
        return f"write {_LOOKALIKES[word]}"
    if word.startswith('"'):
        closed = len(word) > 1 and word.endswith('"')
        return 'in a string only \\" and \\\\ are escapes' if closed else "close the string on its line"
    if word in KEYWORDS:
        return f"`{word}` opens a statement, and is no name; choose another"
    if re.fullmatch(r"-?\d[\d.]*[KMGT]?B?", word) and word[-1].isalpha():
        return "quantities such as 35K stand in `expect` and `meta` alone; write the number out"
    if kind == "FORK" and before.endswith(":"):
        return "a fork has no label; label the merge layer behind it"
    if kind in {"REPEAT", "REPEAT_BRACE"} and before.endswith("]"):
        return "a fork has no repeat; put the fork and its merge layer in parentheses and repeat those"
    if word in {"|", "]"} and "LAYER" in expected:
        return "a branch is never empty; write SKIP to pass on what flows in"
    if before.startswith("block") and word == "=" and "(" not in before:
        return "a block's name is followed by its parameters, or by ()"
    previous = re.search(r"(?:->|[|\[(]|^)\s*([a-z_][a-z0-9_]*)$", before)
    if previous and previous[1] not in KEYWORDS and re.match(r"\w|{", word):
        return f"layers are written in capitals: {previous[1].upper()}"
    return ""
