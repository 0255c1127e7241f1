"""Tables and pages for the terminal, 80 columns wide, through rich."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence

from rich import box
from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from netdsl.layers.arguments import arguments_of, show
from netdsl.layers.base import Layer

WIDTH = 80


def text(*parts: RenderableType, width: int = WIDTH) -> str:
    """What rich prints, as plain text."""
    console = Console(file=io.StringIO(), width=width, highlight=False, markup=False, no_color=True)
    for part in parts:
        console.print(part)
    assert isinstance(console.file, io.StringIO)
    return "\n".join(line.rstrip() for line in console.file.getvalue().splitlines())


def plain(*columns: tuple[str, str]) -> Table:
    """A table without frames, of columns with their heading and side ("left" or "right")."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    for heading, side in columns:
        table.add_column(heading, justify="right" if side == "right" else "left")
    return table


def networks(rows: Sequence[Mapping[str, object]]) -> str:
    """The bundled networks."""
    table = plain(
        ("name", "left"),
        ("title", "left"),
        ("year", "right"),
        ("params", "right"),
        ("MACs", "right"),
        ("depth", "right"),
    )
    for row in rows:
        numbers = (f"{row['params']:,}", f"{row['macs']:,}")
        table.add_row(str(row["name"]), Text(str(row["title"])), str(row["year"] or ""), *numbers, str(row["depth"]))
    return text(table)


def usage(layer: type[Layer]) -> str:
    """How a layer is written: `CONV filters kernel [s] [p] [same]`."""
    words = [layer.keyword]
    for argument in arguments_of(layer):
        word = {"tag": argument.letter, "option": f"{argument.field}="}.get(argument.form, argument.field)
        words.append(word if argument.required else f"[{word}]")
    return " ".join(words)


def summary_of(layer: type[Layer]) -> str:
    """The first sentence of a layer's documentation."""
    return " ".join((layer.__doc__ or "").strip().split("\n\n")[0].split())


def layers(rows: Mapping[str, type[Layer]]) -> str:
    """Every layer with its first sentence."""
    table = plain(("layer", "left"), ("", "left"))
    for keyword, row in rows.items():
        table.add_row(", ".join((keyword, *row.aliases)), Text(summary_of(row)))
    return text(table)


def layer(row: type[Layer]) -> str:
    """All there is to know of one layer."""
    lines = [line.strip() for line in (row.__doc__ or "").strip().splitlines()]
    parts: list[RenderableType] = [Text(usage(row)), Text(""), Text("\n".join(lines))]
    if arguments := arguments_of(row):
        table = plain(("argument", "left"), ("takes", "left"), ("default", "left"), ("", "left"))
        for argument in arguments:
            word = {"tag": f"{argument.letter} ({argument.field})", "option": f"{argument.field}="}
            default = "" if argument.required or argument.default in (None, False) else show(argument.default)  # pyright: ignore[reportArgumentType] - defaults are values
            table.add_row(word.get(argument.form, argument.field), argument.kind.noun, default, argument.help)
        parts += [Text(""), table]
    return text(*parts)
