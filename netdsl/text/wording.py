"""Puts a parser's findings into words: what stands there, what may stand there, and how to mend it."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

from netdsl.text.diagnostic import Diagnostic
from netdsl.text.source import Span
from netdsl.text.statements import KEYWORDS
from netdsl.text.suggest import closest

_WORD = re.compile(
    r'"[^"\\\n]*(?:\\.[^"\\\n]*)*"?|=>|--+>|->|//|[<>=!:]=|-?\d\w*(?:\.\w+)*|[^\W\d]\w*(?:\.\w+)*|.', re.DOTALL
)
_NO_CODE = re.compile(r'("[^"\\\n]*(?:\\.[^"\\\n]*)*"?)|#[^\n]*')
_LONGEST = 40
_NEAR = 80
"""How far back and ahead a fix is sought."""

_EXAMPLES = {
    "network": 'network "LeNet-5"',
    "meta": "meta year = 1998",
    "param": "param classes = 10",
    "use": 'use "blocks.net"',
    "block": "block unit(n) = CONV n 3 p1 -> RELU",
    "output": "output a, b",
    "expect": "expect params of conv1 = 156",
}
assert _EXAMPLES.keys() == KEYWORDS

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

_LOOKALIKES = {
    "→": "->",
    "⟶": "->",
    "➔": "->",
    "⇒": "->",
    "×": "x",
    "−": "-",
    "–": "-",
    "—": "-",
    "“": '"',
    "”": '"',
    "„": '"',
    "≤": "<=",
    "≥": ">=",
    "≈": "~",
    "∼": "~",
    "，": ",",
    "：": ":",
    "（": "(",
    "）": ")",
}

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
    "<END-OF-FILE>": "the end of the statement",
}
_ARGUMENT = {"NUMBER", "SIGNED", "DIMS", "STRING", "NAME", "ODD", "PATH", "BRACE", "TAG", "TAG_BRACE"}
_VALUE = {"NUMBER", "DIMS", "STRING", "NAME", "PATH", "BRACE", "LPAR", "SUM_SIGN"}
_CLOSING = {"(": "CLOSE", "[": "JOIN", "{": "BRACE_END"}
_ONLY_WITHIN = {"CLOSE": "(", "JOIN": "[", "VBAR": "[", "BRACE_END": "{"}


@dataclass(frozen=True)
class _Met:
    """What the parser met, "" at the end of the statement, and what stands around it.

    `before` is the statement up to it, `rest` the line from it on, both without comments.
    """

    word: str
    kind: str
    expected: frozenset[str]
    before: str
    rest: str

    @cached_property
    def near(self) -> str:
        """The end of what stands before it."""
        return self.before[-_NEAR:]

    @cached_property
    def opens(self) -> str:
        """The first word of the statement."""
        match = _WORD.match(self.before or self.rest)
        return match.group() if match else ""

    @cached_property
    def bracket(self) -> str:
        """The innermost bracket that it stands in."""
        opened: list[str] = []
        for bracket in re.findall(r'"(?:[^"\\\n]|\\.)*"?|[\[({\])}]', self.before):
            if bracket in _CLOSING:
                opened.append(bracket)
            elif opened and bracket[0] != '"':
                opened.pop()
        return opened[-1] if opened else ""

    @property
    def takes_argument(self) -> bool:
        """Whether it stands where a layer's arguments do."""
        return "TAG" in self.expected

    @property
    def in_header(self) -> bool:
        """Whether it belongs to what a keyword opens, and not to the chain of a block."""
        return self.opens in KEYWORDS and not (self.opens == "block" and re.search(r"\)\s*=", self.before))


def syntax_error(at: int, kind: str, expected: set[str], statement: Span) -> Diagnostic:
    """Word what the parser met in a statement as a `syntax-error` with a place and, where likely, a fix.

    It met a token of a kind ("" for text that is none, "$END" for nothing more) at an offset, and expected tokens
    of other kinds.
    """
    source = statement.source
    if kind == "$END":
        last = deque(_WORD.finditer(statement.text), maxlen=1)[0]
        met = _Met("", kind, frozenset(expected), _code(statement.text), "")
        span = Span(source, statement.start + last.start(), statement.end)
        message = f"nothing follows this {_shown(last.group())}"
    else:
        match = _WORD.match(source.text, at)
        assert match
        rest = source.text[at : at + 2 * _NEAR].partition("\n")[0]
        met = _Met(match.group(), kind, frozenset(expected), _code(source.text[statement.start : at]), _code(rest))
        if misused := _misused(met, statement):
            return misused
        span = Span(source, at, match.end())
        message = f"unexpected {_shown(met.word)}"
    if wanted := _expected(met):
        message += f": {wanted}"
    return Diagnostic("syntax-error", message, span, help=_help(met))


def _code(text: str) -> str:
    """Text with space in place of its comments, and none at its end; offsets stay."""
    return _NO_CODE.sub(lambda match: match[1] or " " * len(match.group()), text).rstrip()


def _shown(word: str) -> str:
    """A word as a message shows it; what nobody can see, by its number."""
    if not word.isprintable() or word.isspace():
        return f"character U+{ord(word[0]):04X}"
    return f"`{word}`" if len(word) <= _LONGEST else f"`{word[:_LONGEST]}…`"


def _expected(met: _Met) -> str:
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


def _misused(met: _Met, statement: Span) -> Diagnostic | None:
    """A name that opens no statement, or is no layer, at fault for what stands behind it."""
    name = re.search(r"(?:->|[|\[(:]|^)\s*([a-z_]\w*)$", met.near)
    if name is None or "LPAR" not in met.expected or name[1] in KEYWORDS or not re.match(r'[\w{"]|-\d', met.word):
        return None
    word = name[1]
    end = statement.start + len(met.before)
    span = Span(statement.source, end - len(word), end)
    if met.before == word and (keyword := _FOREIGN.get(word) or closest(word, KEYWORDS)):
        help = f"did you mean `{keyword}`, as in {_EXAMPLES[keyword]}?"
        return Diagnostic("syntax-error", f"no statement begins with {_shown(word)}", span, help=help)
    if re.fullmatch(r"x\d+", word):
        help = f"a repeat stands behind what it repeats: CONV 64 3 {word}"
        return Diagnostic("syntax-error", f"nothing stands before the repeat {_shown(word)}", span, help=help)
    help = f"layers are written in capitals: {word.upper()}"
    return Diagnostic("syntax-error", f"the name {_shown(word)} takes no arguments", span, help=help)


def _help(met: _Met) -> str:
    """A likely fix, or ""."""
    return next((help for rule in _RULES if (help := rule(met))), "")


def _of_character(met: _Met) -> str:
    """A sign that looks like another, or like nothing."""
    if met.word in _LOOKALIKES:
        return f"write {_LOOKALIKES[met.word]}"
    if met.word in {"'", "`", "‘", "’"}:
        quoted = re.match(r"(['`‘])([^'`’\"]*)['`’]", met.rest)
        return f'strings stand in double quotes: "{quoted[2]}"' if quoted else "strings stand in double quotes"
    if met.word.isspace() or (met.word and not met.word.isprintable()):
        return "it looks like space, or like nothing; take it away, or write a plain space"
    if met.word == ";":
        return "write a new line; statements have no sign at their end"
    return ""


def _of_string(met: _Met) -> str:
    if met.word.startswith('"') and met.kind != "STRING":
        closed = len(met.word) > 1 and met.word.endswith('"')
        return 'in a string only \\" and \\\\ are escapes' if closed else "close the string on its line"
    if met.expected == {"STRING"} and met.word:
        return f'write it in quotes: "{met.rest[:_LONGEST]}"'
    if "STRING" in met.expected and "LPAR" not in met.expected and met.kind in {"NAME", "ODD", "LAYER", "PATH"}:
        if not met.takes_argument and "\n" not in met.near[len(met.near.rstrip()) :]:
            return f'strings stand in quotes, "{met.word}", and what is computed in braces, {{{met.word}}}'
    return ""


def _of_comment(met: _Met) -> str:
    if met.word in {"//", "/"} and re.match(r"//\s*[^\W\d]\w*\s+[^\W\d]|/\*", met.rest):
        return "a comment begins with #"
    if met.word in {"//", "/"} and not met.before:
        return "a comment begins with #"
    return ""


def _of_arrow(met: _Met) -> str:
    """What arrows lead from and to."""
    if not met.word and met.before.endswith("->"):
        return "name the next layer, or take the arrow away"
    if met.word == "->" and met.before.endswith("->"):
        return "name a layer between the two arrows, or take one away"
    if met.word == "->" and "LAYER" in met.expected and not met.before:
        return "a chain starts with INPUT and its dims, such as INPUT 224x224x3, or with the name of something earlier"
    if "ARROW" in met.expected and re.match(r"=>|-[-\s]*>|>|~>|\|>", met.rest) and met.word != "->":
        return "layers are joined by ->"
    if met.before.endswith("->") and met.kind in {"NUMBER", "DIMS", "SIGNED", "STRING"}:
        return "an argument stands behind its layer, without an arrow"
    return ""


def _of_bracket(met: _Met) -> str:
    """Brackets and what stands between the branches of a fork."""
    if met.kind in {"VBAR", "JOIN"} and "LAYER" in met.expected and met.bracket == "[":
        return "a branch is never empty; write SKIP to pass on what flows in"
    if met.kind == "FORK" and met.before.endswith(":"):
        return "a fork has no label; label the merge layer behind it"
    if met.kind in {"REPEAT", "REPEAT_BRACE"} and met.before.endswith("]"):
        return "a fork has no repeat; put the fork and its merge layer in parentheses and repeat those"
    if met.kind == "VBAR" and met.bracket != "[":
        return "branches stand in square brackets: [ a | b ] -> ADD"
    if met.word in {")", "]", "}"}:
        opening = {")": "(", "]": "[", "}": "{"}[met.word]
        if not met.bracket:
            return f"no `{opening}` stands before it; open one, or take this away"
        if met.bracket != opening:
            return f"the `{met.bracket}` before it is still open"
    return ""


def _of_header(met: _Met) -> str:
    """What stands between a statement's keyword and its value."""
    if not met.in_header:
        return ""
    if met.opens == "block" and met.before != "block" and met.word in {"=", ":", "{"} and "(" not in met.before:
        return "a block's name is followed by its parameters, or by ()"
    if met.opens == "block" and met.word == "{":
        return f"the chain stands behind =, and without braces: {_EXAMPLES['block']}"
    if "NAME" in met.expected and met.kind in {"LAYER", "ODD"} and "LAYER" not in met.expected:
        return f"names are written in lower case: {met.word.lower()}" if met.word.isascii() else "names are ASCII"
    if met.opens == "block" and met.kind in {"NAME", "ODD"} and "LPAR" in met.expected:
        return f"a block's parameters stand in brackets: {_EXAMPLES['block']}"
    if met.expected == {"EQUAL"}:
        return "write = in its place" if met.word in {":", ":=", "==", "->"} else "put = before it"
    if met.opens == "output" and met.kind in {"NAME", "PATH"} and "COMMA" in met.expected:
        return "names are separated by commas: output a, b"
    return ""


def _of_claim(met: _Met) -> str:
    """What stands in `expect` lines."""
    if met.opens != "expect":
        return ""
    if met.word.startswith("=") and met.before.endswith("="):
        return "write one ="
    if re.match(r"[a-zA-Z%]+$", met.word) and met.before[-1:].isdigit():
        scaled = re.fullmatch(r"[kmgtKMGT][bB]?", met.word)
        return f"write the unit behind its number, without a space: 18{met.word.upper()}" if scaled else ""
    if number := re.fullmatch(r"(\d[\d.]*)([kmgt]b?)", met.word):
        return f"write {number[1]}{number[2].upper()}"
    if reach := re.match(r"\(\s*([a-z_][\w.]*)\s*\)", met.rest):
        return f"a part is named behind `of`: {met.before} of {reach[1]}"
    if "RELATION" in met.expected and (part := re.match(r"\.(\w+)", met.rest)):
        return f"a part is named behind `of`: expect {part[1]} of {met.near.split()[-1]}"
    if "RELATION" in met.expected or "OF" in met.expected or re.match(r"expect\s+\w+\s+(?!of\b)\w+$", met.near):
        return f"write it like {_EXAMPLES['expect']}"
    return ""


def _of_number(met: _Met) -> str:
    """Numbers as other languages write them."""
    ahead, behind = re.search(r"[\d,_.]*\d$", met.near), re.match(r"(?:,\d+)+(?![\w.])", met.rest)
    if ahead and behind and met.word == "," and "COMMA" not in met.expected:
        parts = (ahead.group() + behind.group()).split(",")
        if parts[0] == "0":
            return f"write 0.{parts[1]}"
        if met.opens in KEYWORDS and met.in_header:
            return f"write {''.join(parts)}"
        if len(parts) > 2 or re.search(r"INPUT\s+\d+$", met.near):
            return f"dims are joined by x: {'x'.join(parts)}"
        if parts[-1] == "000":
            return f"write {''.join(parts)}"
        return f"arguments are separated by spaces: {' '.join(parts)}"
    if re.fullmatch(r"\d+(?:_\d+)+", met.word):
        return f"write {met.word.replace('_', '')}"
    if re.fullmatch(r"\d+([X*×]\d+)+", met.word):
        return f"write {met.word.replace('X', 'x')}"
    if re.fullmatch(r"-?[\d.]+[KMGT]?B?", met.word) and met.word[-1].isalpha():
        return "quantities such as 35K stand in `expect` and `meta` alone; write the number out"
    if dot := re.match(r"\.(\d+)", met.rest):
        return f"write 0.{dot[1]}"
    if re.match(r"×\s*\d", met.rest):
        return "write x"
    if met.word == "%" and ahead and not re.match(r"%\s*\w", met.rest):
        return f"write {float(ahead.group()) / 100:g}" if re.fullmatch(r"\d{1,9}", ahead.group()) else ""
    if re.fullmatch(r"\d+x", met.word) and "LAYER" in met.expected:
        return f"a repeat stands behind what it repeats: CONV 64 3 x{met.word[:-1]}"
    if re.match(r"\d+[^\W\d]", met.word) and "LAYER" in met.expected:
        return "a name begins with a letter"
    return ""


def _of_argument(met: _Met) -> str:
    """What is written among the arguments of a layer, or in their place."""
    layer = re.search(r"(?:->|[|\[(:]|^|=)\s*([^\W\d]\w*)$", met.near)
    if met.word == "," and met.bracket != "(":
        if met.bracket == "[":
            return "branches are separated by |"
        joined = re.match(r",\s*[A-Z]", met.rest)
        return "layers are joined by ->" if joined else "arguments are separated by spaces"
    if met.word in {"(", "["} and met.takes_argument:
        inside = re.match(r"[\[(]\s*(\d+(?:\s*,\s*\d+)*)\s*,?\s*[\])]", met.rest)
        numbers = re.findall(r"\d+", inside[1]) if inside else []
        if len(numbers) > 1 and (layer is None or layer[1] == "INPUT"):
            return f"dims are joined by x: {'x'.join(numbers)}"
        if layer is not None:
            given = f"{layer[1]} {' '.join(numbers)}" if inside else "CONV 64 3 s2"
            return f"arguments stand behind a layer without brackets or commas: {given}"
        return "what is computed stands in braces: {2 * n}"
    if met.kind in {"PRODUCT_SIGN", "SUM_SIGN"} and not met.bracket.startswith(("{", "(")):
        return _operator(met)
    if met.word == "." and layer:
        return "a layer stands under its own name alone, without a module's"
    if met.word == "=" and layer:
        if met.before == layer[1] and re.match(r"=\s*[-\d\"{]", met.rest):
            return f"write param {met.before} {met.rest}"
        return f"a label ends with a colon: {layer[1].lower()}: CONV 64 3"
    if met.word == ":":
        return "a label is one word in lower case, before its element: stem: CONV 64 3"
    if met.word == "@":
        return "a device is a number right behind the sign: @0, @1"
    return ""


def _operator(met: _Met) -> str:
    """An operator outside braces."""
    left, right = re.search(r"[\w.]+$", met.near), re.match(r"(//|[-+*/%])\s*([\w.]+)", met.rest)
    if met.word == "*" and met.before.endswith(")"):
        return "a repeat is written x3"
    if not (left and right):
        return "what is computed stands in braces: {2 * n}"
    computed = f"{left.group()} {right[1]} {right[2]}"
    if met.word == "*" and left.group().isdigit() and right[2].isdigit() and met.takes_argument:
        return f"write {left.group()}x{right[2]} for dims, or {{{computed}}} for the product"
    return f"what is computed stands in braces: {{{computed}}}"


def _of_comma(met: _Met) -> str:
    return "take the comma before it away" if met.word in {")", "}"} and met.before.endswith(",") else ""


def _of_line(met: _Met) -> str:
    """A line that another one runs into."""
    return ""


def _of_keyword(met: _Met) -> str:
    """A statement's keyword where a name should be, and what a statement looks like."""
    if met.word in KEYWORDS and met.before:
        return f"`{met.word}` opens a statement, and is no name; choose another"
    if met.in_header and not met.bracket:
        return f"write it like {_EXAMPLES[met.opens]}"
    return ""


_RULES: tuple[Callable[[_Met], str], ...] = (
    _of_character,
    _of_comment,
    _of_string,
    _of_arrow,
    _of_claim,
    _of_number,
    _of_bracket,
    _of_comma,
    _of_header,
    _of_argument,
    _of_keyword,
)
"""Asked in this order; the first that knows a fix gives it."""
