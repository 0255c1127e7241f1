"""Volumes with their places on the sheet, and rows of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from netdsl.draw.volumes.arrange import Spot
from netdsl.draw.volumes.solid import SIZE, Solid, Text
from netdsl.draw.volumes.volume import Volume

LINE = 8.5
"""From one line of a label to the next."""


@dataclass(slots=True)
class Cell:
    """A volume while it is placed. `x` and `y` are the middle of its solid."""

    volume: Volume
    solid: Solid
    column: int
    lane: float
    label: tuple[Text, ...]
    """Lines below it, about the baseline above the first."""
    sources: tuple[Cell, ...]
    row: int = 0
    x: float = 0.0
    y: float = 0.0
    foot: float = 0.0
    """Where its label begins."""
    labelled: bool = True

    @property
    def spread(self) -> float:
        """Half the width of its label."""
        return max((text.width for text in self.label), default=0.0) / 2


@dataclass(slots=True)
class Row:
    """One line of the sheet while it is filled, about y = 0."""

    columns: list[list[Cell]]
    above: float = 0.0
    below: float = 0.0
    left: float = 0.0
    right: float = 0.0
    shared: bool = True
    """Whether what stands above each other has the same labels, which are then written once."""
    arcs: list[tuple[Cell, Cell, float]] = field(default_factory=list[tuple[Cell, Cell, float]])
    """What skips others in its lane, with the height of the way over them."""

    @property
    def cells(self) -> list[Cell]:
        return [cell for column in self.columns for cell in column]


def label(volume: Volume, *, named: bool) -> tuple[Text, ...]:
    """What is written below a volume: its name, and what made it."""
    name = [Text(0, 0, volume.name, SIZE + 0.5, bold=True)] if volume.name and named else []
    quiet = [Text(0, 0, line, SIZE, quiet=True) for line in volume.lines]
    return tuple(text.moved(0, (at + 1) * LINE) for at, text in enumerate((*name, *quiet)))


def cells(
    volumes: Sequence[Volume], solids: Sequence[Solid], places: Sequence[Spot], seams: set[int], *, named: bool
) -> list[Cell]:
    """The cells of all volumes but seams, whose readers read on what they join."""
    used = sorted({place.column for at, place in enumerate(places) if at not in seams})
    column = {one: at for at, one in enumerate(used)}
    found: list[Cell] = []
    given: list[tuple[Cell, ...]] = []
    for at, (volume, solid, place) in enumerate(zip(volumes, solids, places, strict=True)):
        sources = tuple(cell for source in volume.inputs for cell in given[source])
        if at in seams:
            given.append(sources)
            continue
        cell = Cell(volume, solid, column[place.column], place.lane, label(volume, named=named), sources)
        found.append(cell)
        given.append((cell,))
    return found
