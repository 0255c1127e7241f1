"""What is left of statements with syntax errors, for whoever shows a file while it is written."""

from __future__ import annotations

from dataclasses import replace

from netdsl.text import statements, tree
from netdsl.text.diagnostic import Report
from netdsl.text.parse import statement
from netdsl.text.source import Span
from netdsl.text.statements import Statement


def mended(file: tree.File) -> tree.File:
    """The file with the beginnings of its broken chains as chains of their own."""
    if not file.broken:
        return file
    written = [one for one in statements.split(file.source, Report()).statements if one.span in file.broken]
    found = [*file.statements, *(chain for one in written if (chain := _beginning(one)) is not None)]
    return replace(file, statements=tuple(sorted(found, key=lambda one: one.span.start)))


def _beginning(broken: Statement) -> tree.Chain | None:
    """The lines of a chain before the one with an error; None where nothing is left, or where it is no chain."""
    source, start, end = broken.span.source, broken.span.start, broken.span.end
    arrows = [at for at, _ in broken.lines]
    while True:
        parsed = statement(source.text, Span(source, start, end), Report())
        if not isinstance(parsed, int):
            return parsed if isinstance(parsed, tree.Chain) else None
        before = [arrow for arrow in arrows if start < arrow < min(parsed, end)]
        if not before:
            return None
        end = before[-1]
