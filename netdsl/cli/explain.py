"""`netdsl explain`."""

from __future__ import annotations

import sys

import click

from netdsl import resources
from netdsl.cli import common, stream
from netdsl.explain import UnknownPath, explain
from netdsl.explain.code import CodePage, page
from netdsl.explain.page import Explanation
from netdsl.text.codes import CODES
from netdsl.text.suggest import closest


@click.command("explain")
@click.argument("file")
@click.argument("path", required=False)
@common.formats("text", "markdown", "json")
@common.overriding
def command(
    file: str,
    path: str | None,
    form: str,
    asked: common.Options,
) -> None:
    """Explain a network, or the layer or block at PATH, with its numbers put in.

    What size is its output, how many parameters, how much work and memory, what it sees of the image, and why it is
    as it is: why a 1x1, what three 3x3 save over one 7x7. In place of FILE, the code of a diagnostic is explained, with
    a program that earns it: `netdsl explain shape-mismatch`.
    """
    if (found := _page(file)) is not None:
        if path is not None or asked.sets or asked.inputs or asked.include:
            raise common.UsageError(f"{file} is a code, which takes nothing else", f"netdsl explain {file}")
        _print(found, form)
        return
    shaped = common.network(file, asked)
    try:
        told = explain(shaped, path)
    except UnknownPath as error:
        raise common.UsageError(str(error), error.help) from None
    _print(told, form)


def _page(name: str) -> CodePage | None:
    """The page of a code, unless a network has its name. Raises UsageError for what is neither, but near a code."""
    if name == "-" or resources.find(name) is not None:
        return None
    if name in CODES:
        return page(CODES[name])
    known = [*CODES, *(one.stem for one in resources.bundled())]
    if (near := closest(name, known)) in CODES:
        raise common.UsageError(f"{name}: there is no such file, network or code", f"did you mean {near}?")
    return None


def _print(told: Explanation | CodePage, form: str) -> None:
    match form:
        case "json":
            stream.data(told.json())
        case "markdown":
            stream.out(told.markdown())
        case _:
            colour = stream.colours(sys.stdout)
            stream.out(told.text(colour=colour), styled=colour)
