"""Text that others wrote, made safe for where it is shown: a terminal, CSV, Markdown, HTML and SVG, JSON.

A title, a string of a program, the name of a file, a package's documentation and what a compiled file says of itself
may hold anything. Shown, such text may not command a terminal, begin a formula in a spreadsheet, end a table's cell or
open a tag, nor seem to say something else than it does: direction overrides and characters that cannot be seen are
shown as U+FFFD. What writing and emoji need stays: joiners between letters that join, variants of what has some.

| for | function |
|---|---|
| a terminal, or any text of one line | `line` |
| the same where lines and tabs stay: programs, whole outputs | `lines` |
| a cell of CSV | `csv_cell` |
| Markdown, in a table or not | `markdown`, as code `code` |
| HTML and SVG, between tags and in an attribute with quotes | `html`, where lines stay `html_lines` |
| JSON, whose data stay as they are | `json_text` |

All but `json_text` first do what `line` does. Each gives plain text, so that none is for what another has given.
"""

from __future__ import annotations

import json
import re
from functools import cache

MARK = "\N{REPLACEMENT CHARACTER}"
"""What stands for a character that is not shown."""

_CONTROLS = r"\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029"  # all but the tab and the newline
_NO_TEXT = r"\ud800-\udfff\ufdd0-\ufdef" + "".join(
    chr(plane << 16 | end) for plane in range(17) for end in (65534, 65535)
)
_FORMATS = (
    r"\xad\u034f\u0600-\u0605\u061c\u06dd\u070f\u0890\u0891\u08e2\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b\u200e"
    r"\u200f\u202a-\u202e\u2060-\u206f\u3164\ufeff\uffa0\ufff0-\ufffb\U000110bd\U000110cd\U00013430-\U0001343f"
    r"\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e00ff\U000e01f0-\U000e0fff"
)
_JOINERS, _VARIANTS = r"\u200c\u200d", r"\ufe00-\ufe0f\U000e0100-\U000e01ef"
_BEYOND_ASCII = re.compile(r"[0-9#*]?[\x00-\x08\x0b-\x1f\x7f-\U0010ffff]+")
_FORMULA = r"\s*[=+\-@\uff0b\uff0d\uff1d\uff20]"
_NUMBER = r"[+-]?[0-9.]+(?:e[+-]?[0-9]+)?(?:[x/][+-]?[0-9.]+)*"
_PUNCTUATION = r"([\\`*_\[\]|~$]|(?<=!)(?=\[)|^[#+>-](?=\s|$)|^[0-9]+(?=[.)](?:\s|$)))"
_MARKUP = {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#x27;"}
_LITERAL = {**_MARKUP, **{character: f"&#{ord(character)};" for character in r"\`|*_[]~!$"}}


def lines(text: str) -> str:
    """Text of several lines, as long as it was, that a terminal shows and obeys in nothing but newlines and tabs."""
    if text.isascii() and text.replace("\n", "").isprintable():  # and this far faster than either
        return text
    return _BEYOND_ASCII.sub(lambda found: _unseen().sub(_shown, found[0]), text)  # far faster than _unseen alone


@cache
def _unseen() -> re.Pattern[str]:
    """What is perhaps not seen; made when it is needed, since that takes as long as to check a small network."""
    return re.compile(f"[{_CONTROLS}{_NO_TEXT}{_FORMATS}{_JOINERS}{_VARIANTS}]")


@cache
def _kept() -> re.Pattern[str]:
    """What is not seen by itself, where it joins others or varies one."""
    joined = f"(?<=[^\\x00-\\u02ff])[{_JOINERS}](?=[^\\x00-\\u02ff])"
    return re.compile(f"{joined}|(?<=[^\\x00-\\x7f{_VARIANTS}])[{_VARIANTS}]|(?<=[0-9#*])\\ufe0f")


def _shown(match: re.Match[str]) -> str:
    """A character that is kept, or a mark in its place."""
    return match[0] if _kept().match(match.string, match.start()) else MARK


def line(text: str) -> str:
    """Text of one line, as long as it was: a tab is a space, and a newline is shown as what else commands."""
    return lines(text).replace("\t", " ").replace("\n", MARK)


def csv_cell(text: str) -> str:
    """A cell for a writer of CSV, which quotes it: an apostrophe stands before what a spreadsheet would compute.

    Numbers and dims stay as they are.
    """
    held = line(text)
    return f"'{held}" if re.match(_FORMULA, held) and not re.fullmatch(_NUMBER, held) else held


def markdown(text: str) -> str:
    """Text on a line of Markdown, or in a cell of its tables, that stands there as it is written here."""
    held = re.sub(_PUNCTUATION, _escaped, " ".join(line(text).split()))
    return held.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _escaped(match: re.Match[str]) -> str:
    found = match[0]
    return f"{found}\\" if found.isdigit() else f"\\{found}"


def code(text: str) -> str:
    """Text as code in Markdown, in a cell of its tables too; nothing for none."""
    held = " ".join(line(text).split())
    if not re.search(r"[`|\\]", held):
        return f"`{held}`" if held else ""
    return f"<code>{''.join(_LITERAL.get(character, character) for character in held)}</code>"


def html(text: str) -> str:
    """Text between the tags of HTML, SVG or XML, and in an attribute with quotes of either kind."""
    return "".join([_MARKUP.get(character, character) for character in line(text)])


def html_lines(text: str) -> str:
    """The same of text whose lines stay, as in a tooltip."""
    return "\n".join(map(html, text.split("\n")))


def json_text(data: object, *, indent: int | None = 2) -> str:
    r"""Data as JSON: what a terminal would obey, or not show, is written as `\u202e`, which means the same."""
    return _unseen().sub(_unicode, json.dumps(data, indent=indent, ensure_ascii=False))


def _unicode(match: re.Match[str]) -> str:
    return match[0] if _shown(match) != MARK else json.dumps(match[0])[1:-1]
