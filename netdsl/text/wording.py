"""Puts a parser's findings into words: what stands there, what may stand there, and how to mend it."""

from __future__ import annotations

import re
from collections import deque

from netdsl.text.diagnostic import Diagnostic
from netdsl.text.fixes import EXAMPLES, LONGEST, NEAR, WORD, Met, likely
from netdsl.text.source import Span
from netdsl.text.statements import KEYWORDS
from netdsl.text.suggest import closest

_NO_CODE = re.compile(r'("[^"\\\n]*(?:\\.[^"\\\n]*)*"?)|#[^\n]*')

_FOREIGN = {
    "assert": "expect",
    "class": "block",
    "const": "param",
    "def": "block",
    "fn": "block",
    "from": "use",
    "func": "block",
    "function": "block",
    "import": "use",
    "include": "use",
    "let": "param",
    "model": "network",
    "name": "network",
    "require": "use",
    "return": "output",
    "title": "network",
    "var": "param",
}
"""The words of other languages for what a statement does."""

_WORDS = {
    "LAYER": "a layer",
    "FORK": "a fork",
    "NAME": "a name",
    "PATH": "a name",
    "NUMBER": "a number",
    "SIGNED": "a number",
    "DIMS": "dims",
    "QUANTITY": "a quantity such as 35K",
    "STRING": "a string",
    "BRACE": "`{`",
    "OF": "`of`",
    "EQUAL": "`=`",
    "RELATION": "one of = < <= > >= ~",
    "SUM_SIGN": "an operator",
    "PRODUCT_SIGN": "an operator",
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
        last = deque(WORD.finditer(statement.text), maxlen=1)[0]
        met = Met("", kind, frozenset(expected), _code(statement.text), "")
        span = Span(source, statement.start + last.start(), statement.end)
        message = f"nothing follows this {_shown(last.group())}"
    else:
        match = WORD.match(source.text, at)
        assert match
        before = _code(source.text[statement.start : at])
        rest = _code(source.text[at : at + 2 * NEAR].partition("\n")[0])
        fresh_line = "\n" in source.text[statement.start + len(before) : at]
        met = Met(match.group(), kind, frozenset(expected), before, rest, fresh_line)
        if misused := _misused(met, statement):
            return misused
        span = Span(source, at, match.end())
        message = f"unexpected {_shown(met.word)}"
    if wanted := _expected(met):
        message += f": {wanted}"
    return Diagnostic("syntax-error", message, span, help=likely(met))


def _code(text: str) -> str:
    """Text with space in place of its comments, and none at its end; offsets stay."""
    return _NO_CODE.sub(lambda match: match[1] or " " * len(match.group()), text).rstrip()


def _shown(word: str) -> str:
    """A word as a message shows it; what nobody can see, by its number."""
    if not word.isprintable() or word.isspace():
        return f"character U+{ord(word[0]):04X}"
    return f"`{word}`" if len(word) <= LONGEST else f"`{word[:LONGEST]}…`"


def _expected(met: Met) -> str:
    """What may stand there, in a few words; "" where that is too much to list."""
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
    return f"expected {', '.join(words[:-1])}{' or ' if len(words) > 1 else ''}{words[-1]}" if words else ""


def _misused(met: Met, statement: Span) -> Diagnostic | None:
    """A name that opens no statement, or is no layer, at fault for what stands behind it."""
    name = re.search(r"(?:->|[|\[(:]|^)\s*([a-z_]\w*)$", met.near)
    begins = "ARROW" in met.expected and "LPAR" in met.expected  # an element may begin with that name
    if name is None or not begins or name[1] in KEYWORDS or not re.match(r'[\w{"]|-\d', met.word):
        return None
    word = name[1]
    end = statement.start + len(met.before)
    span = Span(statement.source, end - len(word), end)
    if met.before == word and (keyword := _FOREIGN.get(word) or _misspelt(word)):
        help = f"did you mean `{keyword}`, as in {EXAMPLES[keyword]}?"
        return Diagnostic("syntax-error", f"no statement begins with {_shown(word)}", span, help=help)
    if re.fullmatch(r"x\d+", word):
        help = f"a repeat stands behind what it repeats: CONV 64 3 {word}"
        return Diagnostic("syntax-error", f"nothing stands before the repeat {_shown(word)}", span, help=help)
    help = f"layers are written in capitals: {word.upper()}"
    return Diagnostic("syntax-error", f"the name {_shown(word)} takes no arguments", span, help=help)


def _misspelt(word: str) -> str:
    """The keyword of a statement that a word may be meant for; short words are too near to many."""
    return closest(word, EXAMPLES) if len(word) > 3 else ""
