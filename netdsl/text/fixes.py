"""Likely fixes of syntax errors, from what the parser met and what stands around it.

They know the habits that people bring from PyTorch, Keras and other languages.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from netdsl.text import chain_fixes
from netdsl.text.met import LONGEST, Met
from netdsl.text.statements import KEYWORDS

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


def likely(met: Met) -> str:
    """A fix for what the parser met, or "" where none is likely."""
    return next((help for rule in _RULES if (help := rule(met))), "")


def _of_character(met: Met) -> str:
    """A sign that looks like another, or like nothing."""
    if (dims := re.search(r"(?:\d+[×✕*])*\d+$", met.near)) and (behind := re.match(r"(?:[×✕]\d+)+", met.rest)):
        return f"write {re.sub('[×✕*]', 'x', dims.group() + behind.group())}"
    if met.word in _LOOKALIKES and met.rest[1:2] == ">":
        return "write ->"
    if parameter := re.match(r"\$\{?\s*(\w+)", met.rest):
        return f"a parameter stands under its name alone: {parameter[1]}"
    if met.word == "^":
        return "a power is written as a product: n * n"
    if met.word in _LOOKALIKES:
        return f"write {_LOOKALIKES[met.word]}"
    if met.word in {"'", "`", "‘", "’"}:
        quoted = re.match(r"(['`‘])([^'`’\"]*)['`’]", met.rest)
        return f'strings stand in double quotes: "{quoted[2]}"' if quoted else "strings stand in double quotes"
    if met.word and not met.word.isprintable():
        return "take it away"
    if met.word == ";" and met.bracket != "[":
        if re.match(r";\s*(?!INPUT)[A-Z]{2}", met.rest):
            return "layers are joined by ->"
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
        header, equal, chain = f"{met.before} {met.rest}".partition("=")
        _, name, *parameters = re.findall(r"\w+", header)
        given = f"block {name}({', '.join(parameters)}) ={chain}" if equal else EXAMPLES["block"]
        return f"a block's parameters stand in brackets: {given}"
    if met.wants("EQUAL"):
        if met.word == ".":
            return "names have no dots"
        return "write = in its place" if met.word in {":", ":=", "==", "->"} else "put = before it"
    if met.opens == "output" and met.word == ":":
        return f"write it like {EXAMPLES['output']}"
    if met.opens == "output" and met.kind in {"NAME", "PATH"} and "COMMA" in met.expected:
        names = re.findall(r"[\w.]+", met.before.removeprefix("output") + " " + met.rest)
        return f"names are separated by commas: output {', '.join(names)}"
    return ""


def _of_value(met: Met) -> str:
    """Values that a statement, or what is computed, cannot have."""
    if met.word in {"true", "True", "yes", "on", "false", "False", "no", "off"} and "STRING" in met.expected:
        return f"write {int(met.word in {'true', 'True', 'yes', 'on'})}: a condition is a number, as in RELU x{{flag}}"
    if met.opens == "param" and met.word == ",":
        return "write each param on a line of its own"
    if met.opens == "param" and met.wants("EQUAL") and re.match(r"\w+\s*=", met.rest):
        return f"a param has no type: param {met.rest}"
    if label := re.fullmatch(r"(\w+)\s*:", met.before):
        if met.kind == "STRING":
            return f"write {'network' if label[1] in {'name', 'title'} else f'meta {label[1]} ='} {met.word}"
        if met.kind in {"NUMBER", "SIGNED", "DIMS"}:
            return f"write param {label[1]} = {met.word}"
    if met.bracket == "{" and met.word in {"<", ">", "<=", ">=", "==", "=", "!=", "?"}:
        return "numbers are computed with + - * / // % and min, max, floor, ceil, round; nothing compares them"
    if met.bracket == "{" and met.word == "{":
        return "one brace is enough"
    dims = re.search(r"(?:\{[^{}]*\}|\d+)(?:x(?:\{[^{}]*\}|\d+))+$", met.near + met.word)
    if dims and met.word.startswith("x") and "{" in dims.group():
        sizes = re.findall(r"(?<=\{)[^{}]+|\d+", dims.group())
        return f"dims that are computed stand in one pair of braces: {{{', '.join(sizes)}}}"
    return ""


def _of_claim(met: Met) -> str:
    """What stands in `expect` lines."""
    if met.opens != "expect":
        return ""
    if met.word.startswith("=") and met.before.endswith("="):
        return "write one ="
    if re.match(r"[a-zA-Z%]+$", met.word) and met.before[-1:].isdigit():
        scaled = re.fullmatch(r"[kmgtKMGT][bB]?", met.word)
        number = re.search(r"[\d.]+$", met.before)
        joined = f"{number.group() if number else ''}{met.word.upper()}"
        return f"write the unit behind its number, without a space: {joined}" if scaled else ""
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
    if (dot := re.match(r"\.(\d+)", met.rest)) and re.search(r"(^|\s)x\d+$", met.near):
        return "a repeat is a whole number"
    if dot:
        return f"write 0.{dot[1]}"
    if met.word == "%" and ahead and not re.match(r"%\s*\w", met.rest):
        return f"write {float(ahead.group()) / 100:g}" if re.fullmatch(r"\d{1,9}", ahead.group()) else ""
    if re.fullmatch(r"\d+x", met.word) and "LAYER" in met.expected:
        repeated = re.match(r"\d+x\s*(\([^()]*\)|[A-Z][^|>()]*?(?=\s*(?:->|$)))", met.rest)
        return f"a repeat stands behind what it repeats: {repeated[1] if repeated else 'CONV 64 3'} x{met.word[:-1]}"
    if re.match(r"\d+[^\W\d]", met.word) and "LAYER" in met.expected:
        return "a name begins with a letter"
    if re.fullmatch(r"\d+(?:x(?:\d+|[a-z_]+))+", met.word):
        return f"dims that are computed stand in braces: {{{', '.join(met.word.split('x'))}}}"
    if product := re.fullmatch(r"(\d+)([a-z_]+)", met.word):
        computed = f"{product[1]} * {product[2]}"
        return f"write {computed}" if met.bracket == "{" else f"what is computed stands in braces: {{{computed}}}"
    return ""


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
    chain_fixes.of_python,
    _of_character,
    _of_comment,
    _of_line,
    _of_value,
    _of_string,
    chain_fixes.of_arrow,
    _of_claim,
    _of_number,
    chain_fixes.of_bracket,
    _of_comma,
    _of_header,
    chain_fixes.of_argument,
    _of_keyword,
)
"""Asked in this order; the first that knows a fix gives it."""
