"""Columns on a canvas: bands for the rows, boxes coloured by role, lines, and what is said beside and above them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from netdsl.draw import metrics
from netdsl.draw.columns import legend
from netdsl.draw.columns.frame import AWAY, FACT_FONT, TITLE_FONT, Frame, frame
from netdsl.draw.columns.layout import FONT, SMALL, STRIP, TINY, Layout, Place
from netdsl.draw.columns.parts import Leaf, Panel, Series, inner, leaves
from netdsl.draw.palette import Theme
from netdsl.draw.svg import Canvas

_MARGIN, _INSET, _BETWEEN, _TOP = 16.0, 14.0, 26.0, 12.0
_SIZE_FONT, _SIZE_LINE, _FACT_LINE = 8.5, 11.0, 11.0
_BEND, _ARROW, _THIN, _EDGE = 5.0, 3.6, 0.9, 0.8
_MARK = 3.0
_BASELINE = 0.36
"""How far below the middle of a line of words its baseline is, in sizes of its font."""


def paint(layouts: Sequence[Layout], floors: Sequence[float], labels: Sequence[Sequence[str]], theme: Theme) -> bytes:
    """The whole picture. `floors` are where the rows begin, and the end of the last; `labels` their sizes."""
    frames = [frame(one) for one in layouts]
    sizes = max(metrics.width(text, _SIZE_FONT, bold=True) for lines in labels for text in lines) + 12
    head = _TOP + TITLE_FONT + max(len(one.facts) for one in frames) * _FACT_LINE + 10
    inside = sum(one.left + one.right for one in frames) + _BETWEEN * (len(frames) - 1)
    width = 2 * _MARGIN + sizes + inside + 2 * _INSET
    told = legend.lines([one.column for one in layouts], theme, width - 2 * _MARGIN)
    foot = head + floors[-1]
    title = ", ".join(one.column.shaped.graph.title for one in layouts)
    canvas = Canvas(width, foot + 12 + len(told) * legend.LINE + 8, theme.paper, title)
    painter = _Painter(canvas, theme, foot)
    for number, (low, high) in enumerate(pairwise(floors)):
        painter.band(_MARGIN, width - 2 * _MARGIN, low, high, labels[number], shaded=number % 2 == 0)
    at = _MARGIN + sizes + _INSET
    for one in frames:
        painter.column(one, at + one.left)
        at += one.left + one.right + _BETWEEN
    legend.paint(canvas, theme, told, _MARGIN, foot + 12)
    return canvas.svg()


@dataclass
class _Painter:
    """A canvas on which columns grow upward from a foot."""

    canvas: Canvas
    theme: Theme
    foot: float

    def band(self, x: float, width: float, low: float, high: float, lines: Sequence[str], *, shaded: bool) -> None:
        """The band of a row, with its sizes at the margin: the first is the lowest."""
        if shaded:
            colour = self.theme.depths[0]
            self.canvas.rectangle(x, self.foot - high, width, high - low, colour, colour, thick=0)
        lowest = self.foot - (low + high) / 2 + (len(lines) - 1) * _SIZE_LINE / 2
        for number, text in enumerate(lines):
            y = lowest - number * _SIZE_LINE + _SIZE_FONT * _BASELINE
            self.canvas.text(x + 6, y, text, _SIZE_FONT, self.theme.quiet, bold=True)

    def column(self, one: Frame, axis: float) -> None:
        """A column with its axis at some x."""
        layout = one.layout
        y = _TOP + TITLE_FONT * 0.8
        self.canvas.text(axis, y, one.title, TITLE_FONT, self.theme.text, bold=True, anchor="middle")
        for number, fact in enumerate(one.facts, 1):
            self.canvas.text(axis, y + 2 + number * _FACT_LINE, fact, FACT_FONT, self.theme.quiet, anchor="middle")
        self.panels(layout, layout.column.series, axis, 0)
        for device, place, _ in layout.towers:
            tone = self.theme.device(device)
            self.rectangle(place, axis, tone.fill, tone.accent, 4)
        for line in layout.lines:
            points = [(axis + x, self.foot - up) for x, up in line]
            self.canvas.route(points, self.theme.line, _BEND, thick=_THIN, arrow=_ARROW)
        apart = {leaf.id for _, _, branch in layout.towers for leaf in leaves(branch)}
        for leaf in leaves(layout.column.series):
            self.leaf(layout, leaf, axis, marked=bool(layout.column.devices) and leaf.id not in apart)
        for id, text in one.shapes:
            y = self.foot - layout.places[id].middle + SMALL * _BASELINE
            self.canvas.text(axis - layout.left - AWAY, y, text, SMALL, self.theme.quiet, anchor="end")

    def rectangle(self, place: Place, axis: float, fill: str, line: str, round: float, *, dashed: bool = False) -> None:
        """The rectangle of a place."""
        x, y = axis + place.left, self.foot - place.top
        self.canvas.rectangle(x, y, place.width, place.height, fill, line, round=round, thick=_EDGE, dashed=dashed)

    def panels(self, layout: Layout, series: Series, axis: float, depth: int) -> None:
        """The grounds of blocks, those within others in turn on paper and tinted."""
        for part in series.parts:
            if isinstance(part, Panel):
                self.panel(part, layout.places[part.id], axis, depth)
            for one in inner(part):
                self.panels(layout, one, axis, depth + isinstance(part, Panel))

    def panel(self, panel: Panel, place: Place, axis: float, depth: int) -> None:
        """The ground of a block, its name along its left side, and a bracket with its copies at its right."""
        fill = self.theme.depths[0] if depth % 2 else self.theme.paper
        self.rectangle(place, axis, fill, self.theme.border, 4)
        text = metrics.fitted(panel.name, SMALL, place.height - 4)
        start = self.foot - place.middle + metrics.width(text, SMALL, bold=True) / 2
        self.canvas.text(axis + place.left + 9.5, start, text, SMALL, self.theme.quiet, bold=True, turned=-90)
        self.bracket(place, axis, panel.copies)

    def bracket(self, place: Place, axis: float, copies: int) -> None:
        """A bracket at the right of a place, with its copies."""
        if copies == 1:
            return
        x, low, high = axis + place.right, self.foot - place.y, self.foot - place.top
        ends = [(x + 2.5, high), (x + 5, high), (x + 5, low), (x + 2.5, low)]
        self.canvas.line(ends, self.theme.quiet, thick=_THIN)
        y = (low + high) / 2 + FONT * _BASELINE
        self.canvas.text(x + 8, y, f"×{copies}", FONT, self.theme.text, bold=True)

    def leaf(self, layout: Layout, leaf: Leaf, axis: float, *, marked: bool) -> None:
        """A box: its layer, and at its end a strip for each follower; marked, its device along its left side."""
        place, size = layout.places[leaf.id], layout.fonts[leaf.id]
        x, y = axis + place.left, self.foot - place.top
        first, *followers = leaf.rows
        tone = self.theme.roles[first.role]
        strips = STRIP * len(followers)
        with self.canvas.group(leaf.tooltip):
            self.canvas.rectangle(x, y, place.width, place.height, tone.fill, tone.fill, round=1.5, thick=0)
            for number, row in enumerate(reversed(followers)):
                colour = self.theme.roles[row.role].accent
                self.canvas.rectangle(x, y + number * STRIP, place.width, STRIP, colour, colour, thick=0)
            if marked:
                colour = self.theme.device(leaf.device).accent
                self.canvas.rectangle(x, y, _MARK, place.height, colour, colour, thick=0)
            self.rectangle(place, axis, "none", tone.accent, 1.5, dashed=leaf.shared)
            words = tone.accent if leaf.merges else self.theme.text
            baseline = y + (strips + place.height) / 2 + size * _BASELINE
            self.canvas.text(axis + place.x, baseline, leaf.words, size, words, anchor="middle")
        self.bracket(place, axis, leaf.copies)
        for number, text in enumerate(leaf.outputs):
            line = self.foot - place.middle - 2 - (len(leaf.outputs) - 1 - number) * TINY
            self.canvas.text(axis + place.right + 4, line, text, TINY, self.theme.quiet)
