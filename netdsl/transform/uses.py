"""Brings what a used file defines into the program, where it has to be changed."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import TypeAlias

from netdsl.text import tree
from netdsl.text.advice import Edit
from netdsl.text.diagnostic import Report
from netdsl.text.parse import parse
from netdsl.text.source import Source, Span
from netdsl.text.tokens import NAMES
from netdsl.transform.program import Program

_Definition: TypeAlias = tree.Param | tree.Block | tree.Use


def brought_in(program: Program, used: Source) -> Program | None:
    """The program with the params and blocks that it needs of a used file in place of the `use`.

    None where the program itself does not use that file, but one that it uses does.
    """
    for use in program.file.statements:
        if isinstance(use, tree.Use) and PurePosixPath(used.name.replace("\\", "/")).match(str(use.path.value)):
            kept = _needed(parse(used, Report()), program.text)
            text = "\n".join(_text(one, str(use.path.value)) for one in kept)
            return program.edited([Edit(Span(use.span.source, _start(use), use.span.end), text)])
    return None


def _needed(file: tree.File, text: str) -> list[_Definition]:
    """The params, blocks and uses of a file whose names a text, or another of them, mentions."""
    definitions = [one for one in file.statements if isinstance(one, _Definition)]
    mentioned = set(NAMES.findall(text))
    kept: set[int] = set()
    grown = True
    while grown:
        grown = False
        for at, one in enumerate(definitions):
            if at not in kept and (isinstance(one, tree.Use) or one.name.text in mentioned):
                kept.add(at)
                mentioned.update(NAMES.findall(_text(one, "")))
                grown = True
    return [definitions[at] for at in sorted(kept)]


def _text(statement: _Definition, given: str) -> str:
    """A statement as written; the path of a `use` from the program's folder, no longer from the used file's."""
    match statement:
        case tree.Block(body=value) | tree.Param(value=value):
            return statement.span.source.text[_start(statement) : value.span.end]
        case tree.Use(path):
            return f'use "{PurePosixPath(given).parent / str(path.value)}"'


def _start(statement: _Definition) -> int:
    """Where a statement begins: its span leaves out the keyword that opens it."""
    keyword = type(statement).__name__.lower()
    return statement.span.source.text.rindex(keyword, 0, statement.span.start)
