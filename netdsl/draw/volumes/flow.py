"""What flows from volume to volume: lines from kernels, dense connections, arrows, ways over others."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from netdsl.draw import notice
from netdsl.draw.flow.plane import clipped
from netdsl.draw.palette import Theme, mixed
from netdsl.draw.routing import Line, Link, Place, Router
from netdsl.draw.svg import Canvas, Point
from netdsl.draw.volumes.cell import Cell, Row
from netdsl.draw.volumes.kernel import kernel
from netdsl.draw.volumes.scale import Scale
from netdsl.draw.volumes.solid import Text

_ARROW = 4.0
_ASIDE = 8.0
"""How far from a volume and its numbers a line that is led around others leaves and comes."""


def router(rows: Sequence[Row], words: Sequence[Text], room: Place) -> Router:
    """What keeps lines off volumes and words."""
    boxes = {
        _id(cell): Place(cell.x, cell.y - cell.solid.height / 2, cell.solid.width, cell.solid.height)
        for row in rows
        for cell in row.cells
    }
    return Router(boxes, [_area(text) for text in words], room=room, inside=True)


def behind(canvas: Canvas, row: Row, theme: Theme, router: Router) -> None:
    """Draw what volumes cover: arrows, ways over others, and dense connections."""
    over = {(id(one), id(two)) for one, two, _ in row.arcs}
    lines = [((_id(start), _id(end)), _arc(start, end, y), start, end) for start, end, y in row.arcs]
    for cell in row.cells:
        for source in cell.sources:
            if (id(source), id(cell)) in over or source.row != cell.row:
                continue
            link = (_id(source), _id(cell))
            if not _near(row, source, cell) or (source.lane != cell.lane and cell.volume.reads == "flow"):
                lines.append((link, _way(row, source, cell), source, cell))
            elif cell.volume.reads == "all" or (cell.volume.reads == "window" and not _slides(source)):
                for one, two in zip(_exits(source), _entries(cell), strict=True):
                    canvas.line([one, two], theme.line, thick=0.5, dashed=True)
            elif cell.volume.reads == "flow":
                lines.append((link, _straight(source, cell), source, cell))
    left_out = 0
    for link, line, source, cell in lines:
        if not router.free(line, link):
            line = _led(router, link, source, cell)
        if line is None:
            left_out += 1
            continue
        router.add(line, link)
        canvas.line(line, theme.line, thick=0.8, arrow=_ARROW)
    if left_out:
        notice.tell(f"{left_out:,} of {len(lines):,} lines are not drawn: there is too much in the way")


def _id(cell: Cell) -> str:
    return f"{id(cell)}"


def _area(text: Text) -> Place:
    """Where words are."""
    middle = text.x + {"start": 0.5, "middle": 0.0, "end": -0.5}[text.anchor] * text.width
    return Place(middle, text.y - 0.72 * text.size, text.width, 0.93 * text.size)


def _led(router: Router, link: Link, source: Cell, cell: Cell) -> Line | None:
    """A line around what is in the way, from the right of a volume to the left of another, or to its top."""
    _, level = _straight(source, cell)[0]
    upper, lower = _exits(source)
    begin = [((upper[0] + lower[0]) / 2, level), (source.x + source.solid.right + _ASIDE, level)]
    (x, top), (_, bottom) = _entries(cell)
    sides = [(x - 0.5, top + share * (bottom - top)) for share in (0.3, 0.4, 0.2, 0.5, 0.1)]
    ends = [((cell.x - cell.solid.left - _ASIDE, y), (x, y)) for x, y in sides]
    peak = (cell.x + cell.solid.depth[0] / 2, cell.y - cell.solid.height / 2)
    ends.append(((peak[0], peak[1] - cell.solid.above + cell.solid.height / 2 - _ASIDE), peak))
    return router.way(link, begin, [pair for pair in ends if router.free(pair, link)])


def kernels(canvas: Canvas, row: Row, scale: Scale, theme: Theme) -> list[Text]:
    """Draw kernels on what they read, and lines to what they make; gives the words on them."""
    texts: list[Text] = []
    lines: list[tuple[Point, Point]] = []
    drawn: dict[int, list[tuple[object, ...]]] = {}
    for cell in row.cells:
        if cell.volume.reads != "window":
            continue
        for source in cell.sources:
            if not _slides(source) or source.row != cell.row or not _near(row, source, cell):
                continue
            look = (cell.volume.windows, cell.volume.share)
            known = drawn.setdefault(id(source), [])
            number = known.index(look) if look in known else len(known)
            found = kernel(source.solid, source.volume, cell.volume, scale, number)
            accent = theme.roles[cell.volume.role].accent
            if number == len(known):
                known.append(look)
                with canvas.group(name=f"kernel.{cell.volume.path}"):
                    for face in found.faces:
                        points = [(source.x + x, source.y + y) for x, y in face]
                        canvas.polygon(points, accent, accent, thick=0.5, opacity=0.16)
                texts += [text.moved(source.x, source.y) for text in found.texts]
            x, y = cell.solid.target
            if scale.stacked and cell.volume.shape.positions > 1:
                canvas.polygon(_square(cell.x + x, cell.y + y, scale.side(1)), accent, accent, thick=0.5, opacity=0.3)
            for corner in found.corners:
                line = ((source.x + corner[0], source.y + corner[1]), (cell.x + x, cell.y + y))
                lines.append(line)
                canvas.line(line, mixed(accent, theme.paper, 0.15), thick=0.45, dashed=True)
    return [text for text in texts if not any(_crosses(line, text) for line in lines)]


def _crosses(line: tuple[Point, Point], text: Text) -> bool:
    """Whether a straight line runs through words."""
    area = _area(text)
    return clipped(*line, (area.left, area.y, area.right, area.top)) is not None


def _square(x: float, y: float, side: float) -> list[Point]:
    half = side / 2
    return [(x - half, y - half), (x + half, y - half), (x + half, y + half), (x - half, y + half)]


def turns(canvas: Canvas, rows: Sequence[Row], theme: Theme, between: float) -> None:
    """Draw the way from the end of each row to the beginning of the next."""
    for before, after in pairwise(rows):
        (end,), (start,) = before.columns[-1], after.columns[0]
        start_x, start_y = _left(start, _level(end, end))
        x, y = end.x + end.solid.width / 2, end.y
        turn = max(cell.foot + (cell.label[-1].y if cell.label else 0) for cell in before.cells) + between * 0.55
        turn = max(turn, end.y + before.below - between)
        edge = start.x - start.solid.left - 10
        points = [(x, y), (x + 8, y), (x + 8, turn), (edge, turn), (edge, start_y), (start_x, start_y)]
        canvas.line(points, theme.line, thick=0.8, arrow=_ARROW)


def _slides(source: Cell) -> bool:
    """Whether a window has where to go on it."""
    return source.volume.shape.positions > 1


def _near(row: Row, source: Cell, cell: Cell) -> bool:
    """Whether lines may run straight between them: no volumes and no labels are in the way."""
    return cell.column - source.column == 1 and (source.lane == cell.lane or row.shared)


def _exits(cell: Cell) -> list[Point]:
    return [(cell.x + x, cell.y + y) for x, y in cell.solid.exit]


def _entries(cell: Cell) -> list[Point]:
    return [(cell.x + x, cell.y + y) for x, y in cell.solid.entry]


def _level(source: Cell, cell: Cell) -> float:
    """The height at which an arrow is level: that of the target's upper part, as far as the source reaches there."""
    (_, top), (_, bottom) = _entries(cell)
    (_, upper), (_, lower) = _exits(source)
    half = 0.3 * (source.solid.front[3] - source.solid.front[1])
    return min(max(top + 0.3 * (bottom - top), (upper + lower) / 2 - half), (upper + lower) / 2 + half)


def _left(cell: Cell, y: float) -> Point:
    """The point of a cell's edge on the left that is nearest to a height."""
    (x, top), (_, bottom) = _entries(cell)
    return x - 0.5, min(max(y, top + 0.3 * (bottom - top)), top + 0.5 * (bottom - top))


def _straight(source: Cell, cell: Cell) -> list[Point]:
    y = _level(source, cell)
    upper, lower = _exits(source)
    return [((upper[0] + lower[0]) / 2, y), _left(cell, y)]


def _way(row: Row, source: Cell, cell: Cell) -> list[Point]:
    """The way between lanes: along the one farther out, and up or down between two columns."""
    first = row.columns[0][0].column
    start, end = _straight(source, cell)
    if source.lane == cell.lane:
        return [start, end]
    after = cell.column if abs(source.lane) > abs(cell.lane) else source.column + 1
    before, behind = row.columns[after - 1 - first], row.columns[after - first]
    down = source.lane < cell.lane
    alone = not row.shared and len(before) == len(behind) == 1  # then only one of two labels is in the way
    left = max(one.x + max(one.solid.right, 0 if alone and not down else one.spread) for one in before)
    right = min(one.x - max(one.solid.left, 0 if alone and down else one.spread) for one in behind)
    turn = (left + right) / 2
    return [start, (turn, start[1]), (turn, end[1]), end]


def _arc(start: Cell, end: Cell, y: float) -> list[Point]:
    x0, y0 = start.x + start.solid.depth[0] / 2, start.y - start.solid.height / 2
    x1, y1 = end.x + end.solid.depth[0] / 2, end.y - end.solid.height / 2
    turn = 5.0
    return [(x0, y0), (x0, y + turn), (x0 + turn, y), (x1 - turn, y), (x1, y + turn), (x1, y1)]
