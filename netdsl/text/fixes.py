"""Likely fixes of syntax errors, from what the parser met and what stands around it.

They know the habits that people bring from PyTorch, Keras and other languages.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

from netdsl.text.statements import KEYWORDS

WORD = re.compile(
    r'"[^"\\\n]*(?:\\.[^"\\\n]*)*"?|=>|--+>|->|//|[<>=!:]=|-?\d\w*(?:\.\w+)*|[^\W\d]\w*(?:\.\w+)*|.', re.DOTALL
)
LONGEST = 40
NEAR = 80
"""How far back and ahead a fix is sought."""

EXAMPLES = {
    "network": 'network "LeNet-5"',
    "meta": "meta year = 1998",
    "param": "param classes = 10",
    "use": 'use "blocks.net"',
    "block": "block unit(n) = CONV n 3 p1 -> RELU",
    "output": "output a, b",
    "expect": "expect params of conv1 = 156",
}
"""A statement of every keyword."""

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

_OPERATORS = {"+", "-", "*", "/", "//", "%"}


@dataclass(frozen=True)
class Met:
    """What the parser met, "" at the end of the statement, and what stands around it.

    `before` is the statement up to it, `rest` the line from it on, both without comments.
    """

    word: str
    kind: str
    expected: frozenset[str]
    before: str
    rest: str
    fresh_line: bool = False
    """Whether it is the first word of its line."""

    @cached_property
    def near(self) -> str:
        """The end of what stands before it."""
        return self.before if len(self.before) <= NEAR else "…" + self.before[-NEAR:]

    @cached_property
    def opens(self) -> str:
        """The first word of the statement."""
        match = WORD.match(self.before or self.rest)
        return match.group() if match else ""

    @cached_property
    def bracket(self) -> str:
        """The innermost bracket that it stands in."""
        opened: list[str] = []
        for bracket in re.findall(r'"(?:[^"\\\n]|\\.)*"?|[\[({\])}]', self.before):
            if bracket in "([{":
                opened.append(bracket)
            elif opened and bracket[0] != '"':
                opened.pop()
        return opened[-1] if opened else ""

    @property
    def takes_argument(self) -> bool:
        """Whether it stands where a layer's arguments do."""
        return "TAG" in self.expected

    def wants(self, kind: str) -> bool:
        """Whether nothing but this kind of token may stand there."""
        return self.expected == frozenset({kind})

    @property
    def in_header(self) -> bool:
        """Whether it belongs to what a keyword opens, and not to the chain of a block."""
        return self.opens in KEYWORDS and not (self.opens == "block" and re.search(r"\)\s*=", self.before))


def likely(met: Met) -> str:
    """A fix for what the parser met, or "" where none is likely."""
    return next((help for rule in _RULES if (help := rule(met))), "")


def _of_character(met: Met) -> str:
    """A sign that looks like another, or like nothing."""
    if met.word in _LOOKALIKES:
        return f"write {_LOOKALIKES[met.word]}"
    if met.word in {"'", "`", "‘", "’"}:
        quoted = re.match(r"(['`‘])([^'`’\"]*)['`’]", met.rest)
        return f'strings stand in double quotes: "{quoted[2]}"' if quoted else "strings stand in double quotes"
    if met.word and not met.word.isprintable():
        return "take it away"
    if met.word == ";":
        return "write a new line; statements have no sign at their end"
    return ""


def _of_string(met: Met) -> str:
    """Strings that are not closed, badly escaped, or without quotes."""
    if met.word.startswith('"') and met.kind != "STRING":
        closed = len(met.word) > 1 and met.word.endswith('"')
        return 'in a string only \\" and \\\\ are escapes' if closed else "close the string on its line"
    if met.wants("STRING") and met.word:
        return f'write it in quotes: "{met.rest[:LONGEST]}"'
    is_value = "STRING" in met.expected and "LPAR" not in met.expected and not met.takes_argument
    if is_value and met.kind in {"NAME", "ODD", "LAYER", "PATH"}:
        return f'strings stand in quotes, "{met.word}", and what is computed in braces, {{{met.word}}}'
    return ""


def _of_comment(met: Met) -> str:
    """Comments as other languages write them."""
    opens = met.rest.startswith("/*") or re.match(r"//\s*[^\W\d]\w*\s+[^\W\d]", met.rest)
    return "a comment begins with #" if opens or (met.word == "//" and not met.before) else ""


def _of_line(met: Met) -> str:
    """A line that the one before it runs into."""
    if met.fresh_line and met.before[-1:] in {"=", ",", ":"}:
        return f"the line before ends with `{met.before[-1]}`, so that its statement goes on here"
    return ""


def _of_arrow(met: Met) -> str:
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


def _of_bracket(met: Met) -> str:
    """Brackets and what stands between the branches of a fork."""
    if met.kind in {"VBAR", "JOIN"} and "LAYER" in met.expected and met.bracket == "[":
        return "a branch is never empty; write SKIP to pass on what flows in"
    if met.kind == "FORK" and met.before.endswith(":"):
        return "a fork has no label; label the merge layer behind it"
    if met.kind in {"REPEAT", "REPEAT_BRACE"} and met.before.endswith("]"):
        return "a fork has no repeat; put the fork and its merge layer in parentheses and repeat those"
    if met.kind in {"REPEAT", "REPEAT_BRACE"} and re.search(r"@\d+$", met.near):
        return "the repeat stands before the device"
    if met.kind == "VBAR" and met.bracket != "[":
        return "branches stand in square brackets: [ a | b ] -> ADD"
    if met.word in {")", "]", "}"}:
        opening = {")": "(", "]": "[", "}": "{"}[met.word]
        if not met.bracket:
            return f"no `{opening}` stands before it; open one, or take this away"
        if met.bracket != opening:
            return f"the `{met.bracket}` before it is still open"
    return ""


def _of_header(met: Met) -> str:
    """What stands between a statement's keyword and its value."""
    if not met.in_header:
        return ""
    if met.opens == "block" and met.before != "block" and met.word in {"=", ":", "{"} and "(" not in met.before:
        return "a block's name is followed by its parameters, or by ()"
    if met.opens == "block" and met.word == "{":
        return f"the chain stands behind =, and without braces: {EXAMPLES['block']}"
    if "NAME" in met.expected and met.kind in {"LAYER", "ODD"} and "LAYER" not in met.expected:
        return f"names are written in lower case: {met.word.lower()}" if met.word.isascii() else "names are ASCII"
    if met.opens == "block" and met.kind in {"NAME", "ODD"} and "LPAR" in met.expected:
        return f"a block's parameters stand in brackets: {EXAMPLES['block']}"
    if met.wants("EQUAL"):
        if met.word == ".":
            return "names have no dots"
        return "write = in its place" if met.word in {":", ":=", "==", "->"} else "put = before it"
    if met.opens == "output" and met.word == ":":
        return f"write it like {EXAMPLES['output']}"
    if met.opens == "output" and met.kind in {"NAME", "PATH"} and "COMMA" in met.expected:
        return "names are separated by commas: output a, b"
    return ""


def _of_claim(met: Met) -> str:
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
        return f"write it like {EXAMPLES['expect']}"
    return ""


def _of_number(met: Met) -> str:
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
    if re.fullmatch(r"-?[\d.]+[KMGTkmgt]?B?", met.word) and met.word[-1].isalpha():
        return "quantities such as 35K stand in `expect` and `meta` alone; write the number out"
    if dot := re.match(r"\.(\d+)", met.rest):
        return f"write 0.{dot[1]}"
    if met.word == "%" and ahead and not re.match(r"%\s*\w", met.rest):
        return f"write {float(ahead.group()) / 100:g}" if re.fullmatch(r"\d{1,9}", ahead.group()) else ""
    if re.fullmatch(r"\d+x", met.word) and "LAYER" in met.expected:
        return f"a repeat stands behind what it repeats: CONV 64 3 x{met.word[:-1]}"
    if re.match(r"\d+[^\W\d]", met.word) and "LAYER" in met.expected:
        return "a name begins with a letter"
    return ""


def _of_argument(met: Met) -> str:
    """What is written among the arguments of a layer, or in their place."""
    layer = re.search(r"(?:->|[|\[(:]|^|=)\s*([^\W\d]\w*)$", met.near)
    if met.word == "," and met.bracket != "(":
        if met.bracket == "[":
            return "branches are separated by |"
        joined = re.match(r",\s*[A-Z]", met.rest)
        return "layers are joined by ->" if joined else "arguments are separated by spaces"
    if met.word in {"(", "["} and "DIMS" in met.expected:
        return _in_brackets(met, "" if layer is None else layer[1])
    if met.word == "{" and "LAYER" in met.expected:
        return "braces hold what is computed; a chain stands without them, or as a group in ( )"
    if met.word in _OPERATORS and (met.bracket != "{" or met.before.endswith("*")):
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


def _in_brackets(met: Met, layer: str) -> str:
    """Arguments in brackets, perhaps right behind the name of a layer."""
    match = re.match(r"[\[(]([^\[\]()]*)[\])]", met.rest)
    inside = "" if match is None else match[1].strip().rstrip(",")
    parts = re.split(r"\s*,\s*", inside)
    if len(parts) > 1 and all(part.isdecimal() for part in parts) and layer in {"", "INPUT"}:
        return f"dims are joined by x: {'x'.join(parts)}"
    if met.word == "[" and not (match and parts[0].isdecimal()):
        return "a fork stands behind an arrow: -> [ a | b ] -> ADD"
    if len(parts) > 1 and all(re.fullmatch(r"[a-z_]\w*", part) for part in parts):
        return f"a layer takes what flows in, and a merge what a fork gives: [ {' | '.join(parts)} ] -> {layer}"
    if re.fullmatch(r"\w+\s*(?:[-+*/%]|//)\s*\w+", inside):
        return f"what is computed stands in braces: {{{inside}}}"
    if layer:
        given = "CONV 64 3 s2" if match is None else " ".join((layer, *parts)).rstrip()
        return f"arguments stand behind a layer, without brackets or commas: {given}"
    return "what is computed stands in braces: {2 * n}"


def _operator(met: Met) -> str:
    """An operator outside braces."""
    comment = "a comment begins with #; " if met.word == "//" else ""
    left, right = re.search(r"[\w.]+$", met.near), re.match(r"(//|[-+*/%])\s*([\w.]+)", met.rest)
    if met.word == "*" and met.before.endswith(")"):
        return "a repeat is written x3"
    if met.word == "*" and met.before.endswith("*"):
        return "a power is written as a product: n * n"
    if not (left and right):
        return "what is computed stands in braces: {2 * n}"
    computed = f"{left.group()} {right[1]} {right[2]}"
    if met.word == "*" and left.group().isdigit() and right[2].isdigit() and met.takes_argument:
        return f"write {left.group()}x{right[2]} for dims, or {{{computed}}} for the product"
    return f"{comment}what is computed stands in braces: {{{computed}}}"


def _of_comma(met: Met) -> str:
    """A comma that is missing, or behind which nothing stands."""
    if met.word in {")", "}"} and met.before.endswith(","):
        return "take the comma before it away"
    if met.word == "," and met.rest == "," and not met.bracket:
        return "take it away"
    separates = "COMMA" in met.expected and met.bracket in {"(", "{"}
    return "values are separated by commas" if separates and re.match(r'[\w"]', met.word) else ""


def _of_keyword(met: Met) -> str:
    """A statement's keyword where a name should be, and what a statement looks like."""
    if met.word in KEYWORDS and met.before:
        return f"`{met.word}` opens a statement, and is no name; choose another"
    if met.in_header and not met.bracket:
        return f"write it like {EXAMPLES[met.opens]}"
    return ""


_RULES: tuple[Callable[[Met], str], ...] = (
    _of_character,
    _of_comment,
    _of_line,
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
