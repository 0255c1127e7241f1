"""A line of source as a diagnostic shows it: whole, or where it is long what is around its marks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from netdsl.text import safe
from netdsl.text.fit import columns

_GAP = "…"
_SHORTEST = 4
"""The columns that a mark has at least, if it needs as many, on a line of many."""


@dataclass(frozen=True)
class Mark:
    """A stretch of one line to underline, from 0 and without its end, and what to say beside it."""

    start: int
    end: int
    sign: str
    text: str
    before: bool = False
    """Whether that stands before the mark, and not behind it."""

    @property
    def first(self) -> int:
        """Where it begins, with what stands before."""
        return self.start - (columns(self.text) + 1 if self.before else 0)

    @property
    def last(self) -> int:
        """Where it ends, with what stands behind."""
        return self.end + (columns(self.text) + 1 if self.text and not self.before else 0)


def excerpt(line: str, marks: Sequence[Mark], room: int) -> tuple[str, list[Mark]]:
    """A line in so many columns, and its marks, which count characters, in columns of that.

    Of a line that is too long there is what is around each mark. Marks are dropped, the last first, where there are
    more than fit.
    """
    whole = len(line) <= room and columns(line) <= room
    kept = [(0, len(line))] if whole else []
    marks = marks if whole else marks[: max(1, room // _SHORTEST)]
    while not kept:
        kept = _kept(line, marks, room)
        marks = marks if kept else marks[:-1]
    parts: list[str] = []
    starts: list[tuple[int, int, int]] = []  # of each stretch that is kept: its characters, and its first column
    at = 0
    for start, end in kept:
        if start > (starts[-1][1] if starts else 0):
            parts.append(_GAP)
            at += 1
        starts.append((start, end, at))
        parts.append(_shown(line[start:end]))
        at += columns(parts[-1])
    if kept[-1][1] < len(line):
        parts.append(_GAP)

    def column(character: int) -> int:
        start, end, first = next((one for one in reversed(starts) if one[0] <= character), starts[0])
        inside = min(character, end)
        return first + columns(_shown(line[start:inside])) + min(character - inside, 1)

    placed = [replace(one, start=column(one.start), end=max(column(one.end), column(one.start) + 1)) for one in marks]
    return "".join(parts), [_told(one, room) for one in placed]


def _told(mark: Mark, room: int) -> Mark:
    """The mark with its words before it, where there is room for them there alone."""
    return replace(mark, before=True) if mark.last > room and mark.start > columns(mark.text) else mark


def _kept(line: str, marks: Sequence[Mark], room: int) -> list[tuple[int, int]]:
    """The stretches of a line that are shown: those of the marks, and as much around each as fits; none if too many."""
    most = max(_SHORTEST, (room - 1) // len(marks) - 2)
    spans = [(one.start, max(one.start, min(one.end, _reach(line, one.start, most)))) for one in marks]
    kept = _merged(spans)
    if _cost(line, kept) > room:
        return kept if len(marks) == 1 else []
    for _ in range(6):  # what one stretch cannot use, since the line ends there, goes to the others
        spare = (room - _cost(line, kept)) // (2 * len(kept))
        if spare <= 0:
            break
        kept = _merged([(_reach(line, start, -spare), _reach(line, end, spare)) for start, end in kept])
    return kept


def _reach(line: str, at: int, room: int) -> int:
    """The character so many columns further on, or back, as far as the line goes."""
    step = 1 if room > 0 else -1
    left = abs(room)
    while 0 <= (there := at if step > 0 else at - 1) < len(line):
        left -= columns(line[there])
        if left < 0:
            break
        at += step
    return at


def _merged(spans: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """Stretches in order; what overlaps, or has no more between than the mark of a gap takes, is one."""
    merged: list[tuple[int, int]] = []
    for start, end in sorted(spans):
        if merged and start <= merged[-1][1] + 1:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged


def _cost(line: str, kept: Sequence[tuple[int, int]]) -> int:
    """The columns that stretches take, with the marks of the gaps around them."""
    gaps = len(kept) - 1 + (kept[0][0] > 0) + (kept[-1][1] < len(line))
    return sum(columns(_shown(line[start:end])) for start, end in kept) + gaps


def _shown(part: str) -> str:
    """A part of a line, with a mark for each character that is not seen, spaces of other kinds too."""
    shown = safe.line(part)
    return shown if shown.isascii() else "".join([safe.MARK if one.isspace() and one != " " else one for one in shown])
