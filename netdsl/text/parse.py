"""Source text to syntax tree, by the Lark grammar in `grammar/net.lark`, one statement after another."""

from __future__ import annotations

import re
import threading
from dataclasses import replace
from functools import cache
from typing import Any, NamedTuple

from netdsl.text import lowered, mistakes, statements, tree
from netdsl.text.builder import MAX_DIGITS, Builder, TooLarge, number
from netdsl.text.diagnostic import Report
from netdsl.text.grammar import Parser, Unexpected
from netdsl.text.kept import Trees
from netdsl.text.source import Source, Span
from netdsl.text.statements import Statement as Written
from netdsl.text.tokens import KEYWORDS, NAME

_HEADER = re.compile(r"block\s+\w+\s*(?:\([^()]*\))?\s*")
_LABEL = re.compile(rf"({NAME})[ \t]*:\s*")
_lock = threading.Lock()  # the builder holds the source at hand


@cache
def _parser() -> tuple[Parser, Builder]:
    builder = Builder()
    return Parser(builder), builder


def _read(text: str, span: Span) -> Any:
    """The tree of a statement. Raises Unexpected and TooLarge."""
    parser, builder = _parser()
    with _lock:
        builder.source = span.source
        return parser.parse(text, span.start, span.end)


def _statement(text: str, written: Written, trees: Trees, report: Report) -> tree.Statement | None:
    """Parse one statement; an error in it and in each line of its chain below is reported, and gives None."""
    span = written.span
    if written.is_chain:
        starts = [span.start, *[arrow.start for arrow in written.arrows]]
        ends = [*[arrow.behind for arrow in written.arrows], span.end]
        pieces = [_piece(text, span.source, *both) for both in zip(starts, ends, strict=True)]
        found = _chain(text, written, pieces, trees)
    else:
        pieces = []
        found = trees.find(text[span.start : span.end], span.start)
    if found is not None:
        return found
    parsed = statement(text, span, report)
    if isinstance(parsed, int):
        for _, line in written.lines:
            if line.start > parsed:
                statement(text, line, report)
        return None
    if isinstance(parsed, tree.Chain):
        for (said, start, label), element in zip(pieces, parsed.elements, strict=True):
            trees.keep(said, _labelled(None, element) if label else element, start)
    else:
        trees.keep(text[span.start : span.end], parsed, span.start)
    return parsed


class Piece(NamedTuple):
    """An element of a chain as written, and where; its label stands apart, so that others like it have its tree."""

    said: str
    start: int
    label: tree.Name | None


def _piece(text: str, source: Source, start: int, end: int) -> Piece:
    found = _LABEL.match(text, start, end)
    if found is None or found[1] in KEYWORDS:
        return Piece(text[start:end], start, None)
    return Piece(text[found.end() : end], found.end(), tree.Name(found[1], Span(source, start, found.end(1))))


def _chain(text: str, written: Written, pieces: list[Piece], trees: Trees) -> tree.Chain | None:
    """A chain of elements, half of which are kept; None where it is better read as a whole, for its errors too."""
    source = written.span.source
    distinct = {piece.said for piece in pieces}
    if "" in distinct or 2 * sum([said not in trees for said in distinct]) > len(pieces):
        return None
    elements: list[tree.Element] = []
    for said, start, label in pieces:
        element = trees.find(said, start)
        if element is None:
            try:
                read = _read(text, Span(source, start, start + len(said)))
            except (Unexpected, TooLarge):
                return None
            element = read.elements[0] if isinstance(read, tree.Chain) else read
            trees.keep(said, element, start)
        if not isinstance(element, tree.Element):  # a statement: its keyword is in capitals, or no keyword here
            return None
        if label and (element.label or isinstance(element.primary, tree.Fork)):
            return None
        elements.append(_labelled(label, element) if label else element)
    arrows = [Span(source, one.at, one.at + 2) for one in written.arrows]
    return tree.Chain(tuple(elements), tuple(arrows), written.span)


def _labelled(label: tree.Name | None, element: tree.Element) -> tree.Element:
    """An element with another label, or none."""
    span = (label or element.primary).span.to(element.span)
    return tree.Element(label, element.primary, element.repeat, element.device, span)


def statement(text: str, span: Span, report: Report) -> tree.Statement | int:
    """A statement, or where the first error in it is, which is reported."""
    try:
        return _read(text, span)
    except TooLarge as large:
        report.error(mistakes.LongNumber(MAX_DIGITS), large.span)
        return large.span.start
    except Unexpected as error:
        from netdsl.text import wording  # a program without mistakes needs no words for them

        found = wording.syntax_error(error.at, error.kind, set(error.expected), span)
        report.add(wording.proven(found, text, span, _first_error))
        return error.at


def _first_error(text: str, start: int, end: int) -> int:
    """Where the first error in a statement is, or one behind its end."""
    try:
        _parser()[0].parse(text, start, end)
    except (Unexpected, TooLarge) as error:
        return error.at if isinstance(error, Unexpected) else start
    return end + 1


def _check_block_lines(block: tree.Block, report: Report) -> None:
    """A `->` line may not continue a block that was complete on its own line."""
    line = block.name.span.line
    for arrow, before in zip(block.body.arrows, block.body.elements, strict=False):
        if arrow.line > line:
            if before.span.stop[0] == line:
                report.error(mistakes.BlockGoesOn(block.name.text), arrow)
            return


def parse(source: Source, report: Report) -> tree.File:
    """Parse a whole file. What is wrong is reported, and left out of the tree. Raises Enough."""
    lines = statements.split(source, report)
    text = lowered.understood(lines.text, source, report)
    found: list[tree.Statement] = []
    broken: list[Span] = []
    trees = Trees(source)
    header: Span | None = None
    for written in lines.statements:
        span = written.span
        if header and span.column > header.column:
            broken.append(span)  # the chain of a block whose header lacks its `=`
            continue
        header = None
        one = None if written.broken else _statement(text, written, trees, report)
        if one is None:
            broken.append(span)
            header = span if _HEADER.fullmatch(text, span.start, span.end) else None
            if len(broken) > statements.MAX_BROKEN:
                report.error(mistakes.ManyBroken(statements.MAX_BROKEN), span)
                break
            continue
        if isinstance(one, tree.Block):
            _check_block_lines(one, report)
        found.append(one)
    found = _without_swallowed(found, broken, report)
    return tree.File(source, tuple(found), lines.comments, tuple(broken))


def _without_swallowed(found: list[tree.Statement], broken: list[Span], report: Report) -> list[tree.Statement]:
    """The statements with a chain in place of each block that took it from the lines below, as it ends with `=`."""
    chains = [one for one in found if isinstance(one, tree.Chain)]
    starts = [one.elements[0].primary for one in chains]
    called = {primary.name.text for primary in starts if isinstance(primary, tree.Call)}
    kept: list[tree.Statement] = []
    for one in found:
        if isinstance(one, tree.Block) and (inner := _runs_on(one)):
            arrow = one.body.arrows[inner - 1]
            report.error(mistakes.ArrowRunsOn(one.name.text), arrow)
            kept.append(replace(one, body=_part(one.body, 0, inner)))
            one = _part(one.body, inner, len(one.body.elements))
        elif isinstance(one, tree.Block) and one.name.text not in called and (equal := _swallows(one)):
            report.error(mistakes.EqualRunsOn(one.name.text), equal)
            broken.append(Span(equal.source, one.name.span.start - len("block "), equal.end))
            one = one.body
        kept.append(one)
    return kept


def _runs_on(block: tree.Block) -> int:
    """Where in the chain of a block INPUT stands on a line below, as far left as the block; or 0."""
    header = block.name.span
    margin = header.column - len("block ")
    for position, element in enumerate(block.body.elements[1:], 1):
        span = element.span
        is_input = isinstance(element.primary, tree.Layer) and element.primary.keyword == "INPUT"
        if is_input and span.line > header.line and span.column <= margin:
            return position
    return 0


def _part(chain: tree.Chain, start: int, end: int) -> tree.Chain:
    """Some elements of a chain as one of their own."""
    elements = chain.elements[start:end]
    return tree.Chain(elements, chain.arrows[start : end - 1], elements[0].span.to(elements[-1].span))


def _swallows(block: tree.Block) -> Span | None:
    """The `=` of a block whose chain starts on a line below, as far left, with what starts a chain of the file."""
    first, source = block.body.elements[0], block.span.source
    name = block.name.span
    equal = source.text.find("=", block.span.end, first.span.start)
    margin = name.column - len("block ")
    if equal < 0 or first.span.column > margin or source.position(equal)[0] == first.span.line:
        return None
    match first.primary:
        case tree.Layer("INPUT"):
            pass
        case tree.Name(text) if text not in {one.name.text for one in block.parameters}:
            pass
        case _:
            return None
    return Span(source, equal, equal + 1)


def literal(text: str) -> tree.Number | tuple[tree.Number, ...] | str | None:
    """A value as a command line gives it: a number, dims, or else a word or string. None for one of absurd size."""
    try:
        if re.fullmatch(r"-?\d+(\.\d+)?([eE][+-]?\d+)?", text):
            return number(text)
        if re.fullmatch(r"\d+(x\d+)+", text):
            return tuple(number(part) for part in text.split("x"))
    except ValueError:
        return None
    return text[1:-1] if len(text) > 1 and text[0] == text[-1] == '"' else text or None
