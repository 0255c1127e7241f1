"""`netdsl layers`."""

from __future__ import annotations

from collections.abc import Iterator

import click

from netdsl.cli import common, stream, tables
from netdsl.layers import table
from netdsl.layers.base import Layer
from netdsl.text.suggest import did_you_mean


@click.command("layers")
@click.argument("keyword", required=False)
def command(keyword: str | None) -> None:
    """List the layers, or explain one: `netdsl layers CONV`."""
    if keyword is None:
        rows = dict(_rows())
        stream.out(tables.layers({name: row for name, row in rows.items() if row.keyword == name}))
        return
    stream.out(tables.layer(_row(keyword.upper())))


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
