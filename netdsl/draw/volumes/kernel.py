"""Kernels: the window of a layer, drawn on the volume that it reads, and lines from there to what it makes."""

from __future__ import annotations

from dataclasses import dataclass

from netdsl.draw import metrics
from netdsl.draw.svg import Point
from netdsl.draw.volumes.scale import Scale
from netdsl.draw.volumes.solid import Solid, Text
from netdsl.draw.volumes.volume import Volume

_SIZE = 6.0
_HIGH = 0.2
"""How far down the first kernel lies; further ones lie below it."""


@dataclass(frozen=True, slots=True)
class Kernel:
    """A window on a solid: its faces, and the corners from which lines lead to what it makes."""

    faces: tuple[tuple[Point, ...], ...]
    corners: tuple[Point, ...]
    texts: tuple[Text, ...]


def kernel(source: Solid, read: Volume, reader: Volume, scale: Scale, number: int = 0) -> Kernel:
    """The window of a layer on what it reads; `number` counts other windows there."""
    reaches = [window.reach for window in reader.windows]
    *more, last = [f"{window.size}" for window in reader.windows]
    *outer, inner = more or [last]  # the axes that heights stand for, of which only the last is drawn
    sizes = (f"{'×'.join(outer)} × {inner}" if outer else inner, last)
    rows = min(scale.side(reaches[-2] if len(reaches) > 1 else reaches[0]), source.front[3] - source.front[1])
    columns = scale.side(min(reaches[-1], read.shape.spatial[-1])) if len(reaches) > 1 else 0.0
    high = _HIGH if number == 0 else min(0.95, 0.6 + 0.3 * (number - 1))
    if scale.stacked:
        return _on_sheet(source, rows, columns, sizes, high)
    far = columns * source.depth[0] / max(1e-9, scale.side(read.shape.spatial[-1]))
    return _in_box(source, rows, far, sizes, high, share=reader.share)


def _on_sheet(source: Solid, rows: float, columns: float, sizes: tuple[str, str], high: float) -> Kernel:
    left, top, right, bottom = source.front
    x = left + 0.62 * (right - left - columns)
    y = top + high * (bottom - top - rows)
    texts: list[Text] = []
    if x - left > metrics.width(sizes[0], _SIZE) + 3 and rows > _SIZE:
        texts.append(Text(x - 2, y + rows / 2 + 0.35 * _SIZE, sizes[0], _SIZE, "end"))
    if bottom - y - rows > _SIZE + 2 and columns > metrics.width(sizes[1], _SIZE):
        texts.append(Text(x + columns / 2, y + rows + _SIZE, sizes[1], _SIZE))
    face = ((x, y), (x + columns, y), (x + columns, y + rows), (x, y + rows))
    return Kernel((face,), (face[1], face[2]), tuple(texts))


def _in_box(source: Solid, rows: float, far: float, sizes: tuple[str, str], high: float, *, share: float) -> Kernel:
    """A box within a box: through the channels that one window reads, on the face alone where each has its own."""
    _, top, right, bottom = source.front
    aside, up = source.depth
    slope = up / aside if aside else 0.0
    back = (aside - far) / 2
    x, y = right + back, top + back * slope + high * (bottom - top - rows)
    rise = far * slope
    face = ((x, y), (x + far, y + rise), (x + far, y + rise + rows), (x, y + rows))
    length = max(source.slab * share, min(1.5, source.slab))
    front = ((x - length, y), (x, y), (x, y + rows), (x - length, y + rows))
    lid = ((x - length, y), (x - length + far, y + rise), (x + far, y + rise), (x, y))
    texts: list[Text] = []
    room = back - length - metrics.width(sizes[0], _SIZE) - 4
    if room > 0 and rows > _SIZE and y + rise - _SIZE - 1 > top + (back + far) * slope:
        texts.append(Text(x - length - 2, y + rows / 2 + 0.35 * _SIZE, sizes[0], _SIZE, "end"))
        texts.append(Text(x + (far - length) / 2, y + rise - 2, sizes[1], _SIZE))
    corners = (face[1], face[2], face[0], face[3]) if far else (face[0], face[3])
    return Kernel((front, lid, face) if far else (front,), corners, tuple(texts))
