"""Laid-out lines to text: what stood in one column on neighbouring lines, and was padded to do so, does so again."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import NamedTuple, TypeAlias

from netdsl.text.printer import Role


class Piece(NamedTuple):
    """A token or a comment on its line, with the spaces before it, and where the source has it.

    `padded` says that the source has more spaces there than it needs. A comment has no role.
    """

    text: str
    spaces: int
    role: Role | None
    line: int
    column: int
    padded: bool


Line: TypeAlias = list[Piece]

_Place: TypeAlias = tuple[int, int]  # indices of a line, and of a piece in it
_Cell: TypeAlias = tuple[str, int, int]
_NOWHERE = -2  # the number of no line, nor of one beside a line


def comment(said: str, indent: int) -> Line:
    """A comment on a line of its own."""
    return [Piece(said, indent, None, _NOWHERE, 0, False)]


def text(lines: Sequence[Line]) -> str:
    """The lines as they are written, each with its end; an empty one is blank."""
    padding = _padding(lines)
    words: list[str] = []
    for row, line in enumerate(lines):
        for index, piece in enumerate(line):
            spaces = piece.spaces + padding.get((row, index), 0) if padding else piece.spaces
            words.append(" " * spaces + piece.text)
        words.append("\n")
    return "".join(words)


def _padding(lines: Sequence[Line]) -> dict[_Place, int]:
    """The further spaces before pieces that are aligned with others.

    Columns are filled from the left, each as far right as its widest line asks for, so that a second run finds
    everything where it belongs.
    """
    added: dict[_Place, int] = {}
    shifts: dict[int, int] = {}
    starts: dict[int, list[int]] = {}
    for column in sorted(_columns(lines), key=lambda places: lines[places[0][0]][places[0][1]].column):
        for row, _ in column:
            if row not in starts:
                starts[row] = _starts(lines[row])
        now = [starts[row][index] + shifts.get(row, 0) for row, index in column]
        wanted = max(now)
        for (row, index), start in zip(column, now, strict=True):
            if start < wanted:
                added[row, index] = wanted - start
                shifts[row] = shifts.get(row, 0) + wanted - start
    return added


def _columns(lines: Sequence[Line]) -> Iterator[list[_Place]]:
    """The columns that are filled: like below like, with more space than it needs before one of them at least."""
    cells: dict[int, list[_Cell]] = {}

    def cell(place: _Place) -> _Cell:
        row, index = place
        if row not in cells:
            cells[row] = _cells(lines[row])
        return cells[row][index]

    for stack in _stacks(lines):
        if any(lines[row][index].padded for row, index in stack):
            for _, alike in groupby(stack, cell):
                places = list(alike)
                if any(lines[row][index].padded for row, index in places):
                    yield places


def _cells(line: Line) -> list[_Cell]:
    """What each piece is on its line: the second arrow, say, or the third word of a line that begins with `expect`."""
    counts: Counter[Role | None] = Counter()
    cells: list[_Cell] = []
    for index, piece in enumerate(line):
        counts[piece.role] += index > 0 and piece.spaces > 0
        first, before = (line[0].text, counts.total()) if piece.role is Role.WORD else ("", 0)
        cells.append((first, before, counts[piece.role]))
    return cells


def _stacks(lines: Sequence[Line]) -> Iterator[list[_Place]]:
    """Pieces of one role that stood below each other, on lines that were neighbours and are."""
    above: dict[int, int] = {}  # what is aligned on the line above: the piece's index, by its column in the source
    grown: dict[int, list[_Place]] = {}
    source = _NOWHERE
    for row, line in enumerate(lines):
        last, source = source, line[:2][-1].line if line else _NOWHERE  # the first piece may be a moved arrow
        here: dict[int, int] = {}
        columns: dict[int, list[_Place]] = {}
        for index in range(1, len(line)):
            piece = line[index]
            if piece.line != source:  # the line was joined from several
                break
            if not piece.spaces:
                continue
            here[piece.column] = index
            over = above.get(piece.column) if source == last + 1 else None
            if over is not None and lines[row - 1][over].role is piece.role:
                column = columns[piece.column] = grown.pop(piece.column, None) or [(row - 1, over)]
                column.append((row, index))
        yield from grown.values()
        above, grown = here, columns
    yield from grown.values()


def _starts(line: Line) -> list[int]:
    """Where each piece of a line begins while nothing is aligned."""
    starts: list[int] = []
    at = 0
    for piece in line:
        at += piece.spaces
        starts.append(at)
        at += len(piece.text)
    return starts
