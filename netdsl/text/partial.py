"""What is left of statements with syntax errors, for whoever shows a file while it is written."""

from __future__ import annotations

from dataclasses import replace

from netdsl.text import statements, tree
from netdsl.text.diagnostic import Report
from netdsl.text.parse import statement
from netdsl.text.source import Span


def mended(file: tree.File) -> tree.File:
    """The file with the beginnings of its broken chains as chains of their own."""
    if not file.broken:
        return file
    found = [*file.statements, *(chain for span in file.broken if (chain := _beginning(span)) is not None)]
    return replace(file, statements=tuple(sorted(found, key=lambda one: one.span.start)))


def _beginning(broken: Span) -> tree.Chain | None:
    """The lines of a chain before the one with an error; None where nothing is left, or where it is no chain."""
    text, end = broken.source.text, broken.end
    arrows = [text.rfind("->", broken.start, line.start) for line in statements.chain_lines(text, broken)]
    while True:
        parsed = statement(text, Span(broken.source, broken.start, end), Report())
        if not isinstance(parsed, int):
            return parsed if isinstance(parsed, tree.Chain) else None
        before = [arrow for arrow in arrows if broken.start < arrow < min(parsed, end)]
        if not before:
            return None
        end = before[-1]
