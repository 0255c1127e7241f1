"""Where volumes stand, as in a text: columns from left to right, lanes for what runs side by side, arcs for skips.

Everything that flows through a network passes some volumes: the line. Between two of these there may be branches,
each a line of its own in a lane. What is on no way to the network's output hangs below.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil

from netdsl.draw.branches import Decomposition, branches, decomposition


@dataclass(frozen=True, slots=True)
class Spot:
    """A column, and a lane: 0 is the axis of the picture, -0.5 and 0.5 two lanes around it."""

    column: int
    lane: float


@dataclass(frozen=True, slots=True)
class _Piece:
    """Volumes with their places from column 0 on, in lanes 0 to `lanes` - 1."""

    places: dict[int, Spot]
    columns: int
    lanes: int = 1
    axis: float = 0.0
    """The lane that what is before and behind it stands in."""


def arrange(inputs: Sequence[Sequence[int]], end: int) -> list[Spot]:
    """The place of each item, given what it reads (earlier items), and the item that the network is there for."""
    main = ancestors(inputs, end)
    piece = _piece(decomposition(sorted(main), inputs))
    places = {one: Spot(place.column, place.lane - piece.axis) for one, place in piece.places.items()}
    rest = [one for one in range(len(inputs)) if one not in main]
    _hang(rest, inputs, places, piece.lanes - 1 - piece.axis)
    return [places[one] for one in range(len(inputs))]


def ancestors(inputs: Sequence[Sequence[int]], end: int) -> set[int]:
    """An item and all that it needs."""
    found, pending = {end}, [end]
    while pending:
        for source in inputs[pending.pop()]:
            if source not in found:
                found.add(source)
                pending.append(source)
    return found


def _piece(whole: Decomposition) -> _Piece:
    """Volumes that all flow passes, one behind the other, and between them branches side by side."""
    return _behind(
        [
            _Piece({one: Spot(0, 0)}, 1) if isinstance(one, int) else _abreast([_piece(branch) for branch in one])
            for one in whole
        ]
    )


def _behind(pieces: Sequence[_Piece]) -> _Piece:
    axis = max((piece.axis for piece in pieces), default=0.0)
    lanes = 0.0
    places: dict[int, Spot] = {}
    column = 0
    for piece in pieces:
        shift = axis - piece.axis
        for one, place in piece.places.items():
            places[one] = Spot(column + place.column, place.lane + shift)
        column += piece.columns
        lanes = max(lanes, piece.lanes + shift)
    return _Piece(places, column, ceil(lanes), axis)


def _abreast(pieces: Sequence[_Piece]) -> _Piece:
    """Branches below each other: about the axis if they are peers, else the longest on the axis."""
    first, second, *_ = sorted((piece.columns for piece in pieces), reverse=True)
    longest = next(piece for piece in pieces if piece.columns == first)
    peers = 2 * second > first
    places: dict[int, Spot] = {}
    lane = 0
    for piece in pieces if peers else [longest, *(piece for piece in pieces if piece is not longest)]:
        for one, place in piece.places.items():
            places[one] = Spot(place.column, place.lane + lane)
        lane += piece.lanes
    return _Piece(places, first, lane, (lane - 1) / 2 if peers else longest.axis)


def _hang(rest: Sequence[int], inputs: Sequence[Sequence[int]], places: dict[int, Spot], lowest: float) -> None:
    """Put what is on no way to the end into lanes below, each branch from behind what it reads on."""
    taken: list[tuple[int, int]] = []  # the columns that each lane below is in use for, up to the last
    for branch in branches(rest, inputs):
        piece = _piece(decomposition(branch, inputs))
        sources = [source for one in branch for source in inputs[one] if source in places]
        start = max((places[source].column for source in sources), default=-1) + 1
        lane = 0
        while any(lane <= at < lane + piece.lanes and start <= last for at, last in taken):
            lane += 1
        for one, place in piece.places.items():
            places[one] = Spot(start + place.column, lowest + 1 + lane + place.lane)
        taken += [(lane + at, start + piece.columns) for at in range(piece.lanes)]
