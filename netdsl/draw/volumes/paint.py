"""The picture of a sheet: bands of devices, volumes, what flows between them, kernels and words, in this order."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby

from netdsl.draw import metrics, words
from netdsl.draw.palette import Theme, mixed
from netdsl.draw.routing import Place
from netdsl.draw.svg import Canvas, Point
from netdsl.draw.volumes import flow
from netdsl.draw.volumes.cell import Cell, Row
from netdsl.draw.volumes.lanes import BAND
from netdsl.draw.volumes.scale import Scale
from netdsl.draw.volumes.solid import SIZE, Text
from netdsl.graph.node import ShapedGraph
from netdsl.measure.costs import costs, totals
from netdsl.text.fit import clipped

_MARGIN = 18.0
_HEAD = 34.0
_FOOT = 22.0
_BETWEEN = 34.0


def sheet(
    shaped: ShapedGraph, cells: Sequence[Cell], rows: Sequence[Row], scale: Scale, theme: Theme, *, banded: bool
) -> bytes:
    """An SVG of rows that are placed each by itself, from top to bottom."""
    heading = _heading(shaped)
    bottom = _lowered(rows)
    footing = Text(_MARGIN, bottom + _FOOT, scale.caption, SIZE, "start", quiet=True)
    wide = max(*(row.right for row in rows), *(text.x + text.width - _MARGIN for text in (*heading, footing)))
    canvas = Canvas(wide + 2 * _MARGIN, bottom + _FOOT + _MARGIN, theme.paper, shaped.graph.title)
    labels = [text.moved(cell.x, cell.foot) for cell in cells for text in cell.label if cell.labelled]
    numbers = [text.moved(cell.x, cell.y) for cell in cells for text in cell.solid.texts]
    brackets = [one for row in rows for one in _brackets(row)]
    words = [*labels, *numbers, *(name for _, name in brackets)]
    room = Place(wide / 2 + _MARGIN, _MARGIN + _HEAD, wide + _MARGIN, bottom - _MARGIN - _HEAD + _FOOT / 2)
    router = flow.router(rows, words, room)
    for row in rows:
        if banded:
            _bands(canvas, row, theme)
        flow.behind(canvas, row, theme, router)
    flow.turns(canvas, rows, theme, _BETWEEN)
    for cell in sorted(cells, key=lambda cell: (cell.row, cell.column, cell.lane)):
        with canvas.group(cell.volume.about, name=f"volume.{cell.volume.path}"):
            tone = theme.training if cell.volume.training else theme.roles[cell.volume.role]
            cell.solid.paint(canvas, tone, theme, cell.x, cell.y)
    texts = [*heading, footing, *labels]
    for row in rows:
        texts += flow.kernels(canvas, row, scale, theme)
    for points, name in brackets:
        canvas.line(points, theme.line, thick=0.7)
        texts.append(name)
    for cell in cells:
        texts += _numbers(canvas, cell, _ground(cell, theme, banded=banded))
    for text in texts:
        colour = theme.quiet if text.quiet else theme.text
        canvas.text(text.x, text.y, text.words, text.size, colour, bold=text.bold, anchor=text.anchor)
    return canvas.svg()


def _lowered(rows: Sequence[Row]) -> float:
    """Move each row to its place below the one before; gives where the last ends."""
    top = _MARGIN + _HEAD
    for row in rows:
        axis = top + row.above
        for cell in row.cells:
            cell.x += _MARGIN
            cell.y += axis
            cell.foot += axis
        row.arcs = [(one, two, y + axis) for one, two, y in row.arcs]
        top = axis + row.below + _BETWEEN
    return top - _BETWEEN


def _numbers(canvas: Canvas, cell: Cell, ground: str) -> Iterator[Text]:
    """The numbers at a volume's edges, each on a ground of its own, so that no line runs through it."""
    for text in cell.solid.texts:
        left = cell.x + text.x - {"start": 0.0, "middle": text.width / 2, "end": text.width}[text.anchor]
        top = cell.y + text.y - 0.76 * text.size
        canvas.rectangle(left - 0.5, top, text.width + 1, 0.8 * text.size, ground, "none")
        yield text.moved(cell.x, cell.y)


def _ground(cell: Cell, theme: Theme, *, banded: bool) -> str:
    """The colour behind a cell."""
    return theme.device(cell.volume.device).fill if banded and cell.volume.role != "input" else theme.paper


def _heading(shaped: ShapedGraph) -> list[Text]:
    sums = totals(shaped, costs(shaped))
    facts = [f"{sums.params:,} parameters", f"{words.magnitude(sums.macs)} MACs"]
    facts += [words.plain(str(shaped.graph.meta["year"]))] if "year" in shaped.graph.meta else []
    title = clipped(words.plain(shaped.graph.title), 80)
    return [
        Text(_MARGIN, _MARGIN + 10, title, 13, "start", bold=True),
        Text(_MARGIN, _MARGIN + 22, " · ".join(facts), 8, "start", quiet=True),
    ]


def _bands(canvas: Canvas, row: Row, theme: Theme) -> None:
    """A band behind the volumes of each device, lane by lane."""
    for _, lane in groupby(sorted(row.cells, key=lambda cell: (cell.lane, cell.column)), lambda cell: cell.lane):
        beside = list(lane)
        for _, found in groupby(enumerate(beside), lambda pair: (pair[1].volume.device, pair[1].column - pair[0])):
            run = [cell for _, cell in found]
            if all(cell.volume.role == "input" for cell in run):
                continue
            tone = theme.device(run[0].volume.device)
            left = run[0].x - run[0].solid.left - 4
            right = max(cell.x + cell.solid.right for cell in run) + 4
            top = min(cell.y - cell.solid.above for cell in run) - BAND
            bottom = max(cell.y + cell.solid.below for cell in run) + 3
            line = mixed(tone.fill, tone.accent, 0.25)
            canvas.rectangle(left, top, right - left, bottom - top, tone.fill, line, round=4, thick=0.6)
            name = metrics.fitted(f"device {run[0].volume.device}", SIZE, right - left - 6)
            canvas.text(left + 4, top + SIZE + 1.5, name, SIZE, tone.accent, bold=True)


def _brackets(row: Row) -> Iterator[tuple[list[Point], Text]]:
    """A bracket below what a labelled block holds, where that is more than one volume, and its name."""
    for _, lane in groupby(sorted(row.cells, key=lambda cell: (cell.lane, cell.column)), lambda cell: cell.lane):
        for group, found in groupby(lane, lambda cell: cell.volume.groups[0] if cell.volume.groups else None):
            run = list(found)
            if group is None or len(run) < 2:
                continue
            left, right = run[0].x - run[0].solid.width / 2, run[-1].x + run[-1].solid.width / 2
            y = max(cell.foot + (cell.label[-1].y if cell.label else 0) for cell in run) + 4
            points: list[Point] = [(left, y), (left, y + 3), (right, y + 3), (right, y)]
            name = metrics.fitted(group[1], SIZE + 0.5, right - left)
            yield points, Text((left + right) / 2, y + 12, name, SIZE + 0.5, bold=True)
