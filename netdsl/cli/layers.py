"""`netdsl layers`."""

from __future__ import annotations

from collections.abc import Iterator

import click

from netdsl.cli import common, stream
from netdsl.layers import table
from netdsl.layers.arguments import arguments_of, show
from netdsl.layers.base import Layer
from netdsl.text import tabulate
from netdsl.text.fit import wrapped
from netdsl.text.suggest import did_you_mean
from netdsl.text.tabulate import Column, Look


@click.command("layers")
@click.argument("keyword", required=False)
def command(keyword: str | None) -> None:
    """List the layers, or explain one: `netdsl layers CONV`."""
    if keyword is None:
        rows = [(", ".join((name, *row.aliases)), _summary(row)) for name, row in _rows() if row.keyword == name]
        stream.page(lambda look: tabulate.framed((Column("layer"), Column()), rows, look))
        return
    layer = _row(keyword.upper())
    stream.page(lambda look: _page(layer, look))


def _rows() -> Iterator[tuple[str, type[Layer]]]:
    """Every layer that can be had by its keyword; of the others it warns."""
    for keyword in table.keywords():
        try:
            row = table.find(keyword)
        except table.BrokenPackage as error:
            common.warn(f"{keyword}: {error}")
            continue
        if row is not None:
            yield keyword, row


def _row(keyword: str) -> type[Layer]:
    """The layer of a keyword. Raises UsageError."""
    try:
        row = table.find(keyword)
    except table.BrokenPackage as error:
        raise common.UsageError(f"{keyword}: {error}") from None
    if row is None:
        help = did_you_mean(keyword, table.keywords()) or "`netdsl layers` lists them"
        raise common.UsageError(f"there is no layer {keyword}", help, "unknown-layer")
    return row


def _usage(layer: type[Layer]) -> str:
    """How a layer is written: `CONV filters kernel [s] [p] [same]`."""
    words = [layer.keyword]
    for argument in arguments_of(layer):
        word = {"tag": argument.letter, "option": f"{argument.field}="}.get(argument.form, argument.field)
        words.append(word if argument.required else f"[{word}]")
    return " ".join(words)


def _summary(layer: type[Layer]) -> str:
    """The first sentence of a layer's documentation."""
    return " ".join((layer.__doc__ or "").strip().split("\n\n")[0].split())


def _page(layer: type[Layer], look: Look) -> str:
    """All there is to know of one layer."""
    told = [_usage(layer), "", *(line.strip() for line in (layer.__doc__ or "").strip().splitlines())]
    lines = [part for line in told for part in wrapped(line, look.width)]
    if arguments := arguments_of(layer):
        rows: list[tuple[str, ...]] = []
        for argument in arguments:
            word = {"tag": f"{argument.letter} ({argument.field})", "option": f"{argument.field}="}
            default = "" if argument.required or argument.default in (None, False) else show(argument.default)  # pyright: ignore[reportArgumentType] - defaults are values
            rows.append((word.get(argument.form, argument.field), argument.kind.noun, default, argument.help))
        columns = [Column(head) for head in ("argument", "takes", "default", "")]
        lines += ["", tabulate.framed(columns, rows, look)]
    return "\n".join(lines)
