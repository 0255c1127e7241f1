"""Names and keywords that were not written in lower case: each is told once, and understood wherever it is used."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

from netdsl.text import elsewhere
from netdsl.text.advice import write
from netdsl.text.diagnostic import Report
from netdsl.text.mistakes import NotLowerCase
from netdsl.text.source import Source, Span
from netdsl.text.tokens import COMMENT, KEYWORDS, NAMES, STRING, WORD

_SUSPECT = re.compile(
    r"(?<!\w)(?=[a-z0-9_]*+\w)[^\W\d]\w*+[ \t]*+[:,=()]|^[ \t]*+[^\W\d_a-z]\w*+[ \t]++[\"A-Za-z]", re.MULTILINE
)
"""What odd names have around them where they are defined; in a program without any it is found only by chance."""
_DEFINITION = rf"""(?m:{STRING}|{COMMENT}
      | ^[ \t]*(?P<statement>(?i:{"|".join(sorted(KEYWORDS))}))
        [ \t]++(?:(?=")|(?P<name>{WORD}+)[ \t]*+(?P<parameters>\([^()\n]*)?)
      | (?<![\w.@])(?P<label>{WORD}+)[ \t]*+:(?:\s|\#[^\n]*)*+(?=[^\W\d]|\())"""


def understood(text: str, source: Source, report: Report) -> str:
    """The text, as long as before, with such words in lower case; each is reported where it is defined."""
    if not _SUSPECT.search(text):
        return text
    odd: dict[str, str] = {}
    blocks: set[str] = set()
    places: list[tuple[int, int]] = []
    for what, start, name in _defined(text):
        if what == "a block":
            blocks.add(_lower(name))
        if not NAMES.fullmatch(name):
            span = Span(source, start, start + len(name))
            report.error(NotLowerCase(f"{what} is written", write(_lower(name))), span)
            places.append((start, span.end))
            odd.setdefault(name, what)
    if not odd and not blocks:
        return text
    for match in re.finditer(rf"{STRING}|{COMMENT}|(?<!\w)(?P<name>{WORD}+)(?P<call>[ \t]*+\()?", text):
        name = match["name"]
        if name in odd and (elsewhere.find(name) is None or (match["call"] and odd[name] == "a block")):
            places.append(match.span("name"))
        elif match["call"] and not NAMES.fullmatch(name) and _lower(name) in blocks and not elsewhere.find(name):
            start, end = match.span("name")
            span = Span(source, start, end)
            report.error(NotLowerCase("a block is called", write(_lower(name))), span)
            places.append((start, end))
    if not places:
        return text
    letters = list(text)
    for start, end in places:
        letters[start:end] = _lower(text[start:end])
    return "".join(letters)


def _defined(text: str) -> Iterator[tuple[str, int, str]]:
    """What a text defines, where, and its name; the keywords of statements too."""
    for match in re.finditer(_DEFINITION, text, re.VERBOSE):
        if match["label"]:
            yield "a label", match.start("label"), match["label"]
        if not match["statement"]:
            continue
        yield "a statement's keyword", match.start("statement"), match["statement"]
        kind = match["statement"].lower()
        if kind in {"block", "param"} and match["name"]:
            yield f"a {kind}", match.start("name"), match["name"]
        if kind == "block" and match["parameters"]:
            for parameter in re.finditer(rf"[(,]\s*(?P<name>{WORD})", match["parameters"]):
                yield "a parameter", match.start("parameters") + parameter.start("name"), parameter["name"]


def _lower(name: str) -> str:
    """A name in lower case, letter for letter."""
    plain = (unicodedata.normalize("NFKD", letter.lower())[0] for letter in name)
    return re.sub(r"[^a-z0-9_]", "_", "".join(plain))
