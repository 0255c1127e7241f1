"""What the colours of columns mean, in a line below them or more."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from netdsl.draw import metrics
from netdsl.draw.columns.layout import SMALL, STRIP
from netdsl.draw.columns.parts import Column, leaves
from netdsl.draw.drawing import Tint
from netdsl.draw.palette import Theme, Tone
from netdsl.draw.svg import Canvas

LINE = 15.0
"""The height of a line of it."""


@dataclass(frozen=True)
class Entry:
    """A colour, and what it means."""

    text: str
    tone: Tone
    kind: Literal["box", "strip", "shared"]

    @property
    def width(self) -> float:
        """With the room up to the next."""
        return 14 + metrics.width(self.text, SMALL) + 14


def lines(columns: Sequence[Column], theme: Theme, width: float) -> list[list[Entry]]:
    """The legend of some columns, in lines up to a width."""
    found: list[list[Entry]] = []
    at = width
    for entry in _entries(columns, theme):
        if at + entry.width > width:
            found.append([])
            at = 0.0
        found[-1].append(entry)
        at += entry.width
    return found


def _entries(columns: Sequence[Column], theme: Theme) -> Iterator[Entry]:
    boxes: set[Tint] = set()
    strips: set[Tint] = set()
    every = [leaf for column in columns for leaf in leaves(column.series)]
    for leaf in every:
        first, *followers = leaf.rows
        boxes.add(first.role)
        strips |= {row.role for row in followers}
    for role, tone in theme.roles.items():
        if role in boxes:
            yield Entry(role, tone, "box")
    for role, tone in theme.roles.items():
        if role in strips:
            yield Entry(f"then {role}", tone, "strip")
    if any(leaf.shared for leaf in every):
        yield Entry("weights of another layer", Tone(theme.paper, theme.text), "shared")
    for device in sorted({device for column in columns for device in column.devices}):
        yield Entry(f"device {device}", theme.device(device), "box")


def paint(canvas: Canvas, theme: Theme, found: Sequence[Sequence[Entry]], left: float, top: float) -> None:
    """The legend on a canvas."""
    for number, line in enumerate(found):
        at, y = left, top + number * LINE
        for entry in line:
            tone = entry.tone
            if entry.kind == "strip":
                canvas.rectangle(at, y + 3.2, 10, STRIP, tone.accent, tone.accent, thick=0)
            else:
                dashed = entry.kind == "shared"
                canvas.rectangle(at, y, 10, 9, tone.fill, tone.accent, round=1.5, thick=0.8, dashed=dashed)
            canvas.text(at + 14, y + 7.2, entry.text, SMALL, theme.quiet)
            at += entry.width
