"""Shapes of volumes on paper: boxes in oblique projection, stacks of sheets, bars.

A solid is placed by the middle of its outline. Depth goes up and to the right, so that a box shows its front (channels
by height), its top (channels by width) and the face on its right (height by width), which the next layer reads.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

from netdsl.draw import metrics
from netdsl.draw.palette import Theme, Tone, mixed
from netdsl.draw.svg import Anchor, Canvas, Point
from netdsl.draw.volumes.scale import Scale
from netdsl.draw.volumes.volume import Volume

SIZE = 7.0
"""Of the numbers along edges."""
_RIGHT, _UP = 0.40, 0.28
"""Where a step in depth goes."""
SLABS = 4
"""As many equal volumes are drawn whole, side by side; of more there are edges."""
_EDGE = 5.0
"""What an equal volume behind another shows of itself."""


Faces: TypeAlias = tuple[tuple[tuple[Point, ...], float], ...]


@dataclass(frozen=True, slots=True)
class Text:
    """Words whose baseline starts, ends or has its middle at a point."""

    x: float
    y: float
    words: str
    size: float
    anchor: Anchor = "middle"
    bold: bool = False
    quiet: bool = False

    @property
    def width(self) -> float:
        return metrics.width(self.words, self.size, bold=self.bold)

    def moved(self, x: float, y: float) -> Text:
        """The same elsewhere."""
        return Text(self.x + x, self.y + y, self.words, self.size, self.anchor, self.bold, self.quiet)


@dataclass(frozen=True, slots=True)
class Solid:
    """What a volume looks like, about the point (0, 0).

    `faces` are filled shapes from back to front with how far their colour is shaded, `creases` are lines on them.
    """

    width: float
    height: float
    faces: Faces
    creases: tuple[tuple[Point, ...], ...]
    texts: tuple[Text, ...]
    front: tuple[float, float, float, float]
    """Left, top, right and bottom of what is nearest: where kernels lie and lines end."""
    depth: tuple[float, float]
    """Where the back of a box is, seen from its front."""
    slab: float
    """The length of one volume."""
    entry: tuple[Point, Point]
    """The ends of the edge that lines from the left run to, the upper first."""
    exit: tuple[Point, Point]
    """The corners that lines to the right start from, the upper first."""

    @property
    def left(self) -> float:
        """How far it reaches to the left, its numbers included."""
        return max(self.width / 2, *(text.width - text.x if text.anchor == "end" else 0 for text in self.texts))

    @property
    def right(self) -> float:
        """How far it reaches to the right."""
        return max(self.width / 2, *(text.width + text.x if text.anchor == "start" else 0 for text in self.texts))

    @property
    def above(self) -> float:
        """How far it reaches upward."""
        return max(self.height / 2, *(text.size - text.y for text in self.texts))

    @property
    def below(self) -> float:
        """How far it reaches downward."""
        return max(self.height / 2, *(text.y + 0.25 * text.size for text in self.texts))

    @property
    def target(self) -> Point:
        """The position that a kernel before it makes."""
        left, top, right, bottom = self.front
        return left + min(0.3 * (right - left), 7.0), top + 0.28 * (bottom - top)

    def paint(self, canvas: Canvas, tone: Tone, theme: Theme, x: float, y: float) -> None:
        """Draw it about a point, without its numbers."""
        edge = mixed(tone.accent, theme.text, 0.25)
        for points, shade in self.faces:
            fill = mixed(tone.fill, theme.paper if shade < 0 else tone.accent, abs(shade))
            canvas.polygon(_moved(points, x, y), fill, edge, thick=0.6)
        for points in self.creases:
            canvas.line(_moved(points, x, y), mixed(edge, tone.fill, 0.35), thick=0.5)


def _moved(points: Sequence[Point], x: float, y: float) -> list[Point]:
    return [(x + a, y + b) for a, b in points]


def solid(volume: Volume, scale: Scale) -> Solid:
    """The solid of a volume."""
    shape = volume.shape
    if scale.stacked:
        return _stack(volume, scale) if shape.positions > 1 else _slanted(volume, scale)
    return _box(volume, scale) if shape.spatial else _bar(volume, scale)


def _box(volume: Volume, scale: Scale) -> Solid:
    spatial, channels = volume.shape.spatial, volume.shape.channels
    flat = len(spatial) == 1
    *more, rows, columns = (*spatial, 1) if flat else spatial
    slab = max(2.0, scale.length(channels))
    whole = volume.copies <= SLABS and not volume.block
    length = slab * volume.copies if whole else slab + min(volume.copies - 1, 3) * _EDGE
    high, deep = scale.side(rows), 0.0 if flat else scale.side(columns)
    right, up = _RIGHT * deep, _UP * deep
    wide, tall = length + right, high + up
    left, top = -wide / 2, -tall / 2 + up
    end, bottom = left + length, top + high
    faces = _oblique(left, top, end, bottom, right, up)
    cuts = [left + slab * at for at in range(1, volume.copies)] if whole else []
    cuts = cuts or [left + _EDGE * at for at in range(1, min(volume.copies, 4))]
    shares = [sum(volume.parts[:at]) / channels for at in range(1, len(volume.parts))]
    cuts += [end - slab + slab * share for share in shares]
    creases: list[tuple[Point, ...]] = [((cut, bottom), (cut, top), (cut + right, top - up)) for cut in cuts]
    number = f"{'×'.join(map(str, more))} × {rows}" if more else f"{rows}"
    texts = [Text(left - 2, _beside(top, bottom), number, SIZE, "end")]
    count = f"{channels}"
    under = metrics.width(count, SIZE)
    each = whole and volume.copies > 1 and slab > under + 3
    middles = [left + slab * (at + 0.5) for at in range(volume.copies)] if each else [end - slab / 2]
    texts += [Text(middle, bottom + SIZE + 1, count, SIZE) for middle in middles]
    if not flat:
        start = max(end + 0.5 * right + 2, middles[-1] + under / 2 + 3)
        texts.append(Text(start, bottom - 0.5 * up + SIZE - 1.5, f"{columns}", SIZE, "start"))
    if volume.copies > 1 and not each:
        texts.append(Text(right / 2, top - up - 3, f"×{volume.copies}", SIZE + 1, bold=True))
    return _boxed(wide, tall, faces[: 1 if flat else 3], creases, texts, (left, top, end, bottom), (right, -up), slab)


def _oblique(left: float, top: float, end: float, bottom: float, right: float, up: float) -> Faces:
    """The front, the top and the right face of a box whose depth goes so far to the right and up."""
    return (
        (((left, top), (end, top), (end, bottom), (left, bottom)), 0.0),
        (((left, top), (left + right, top - up), (end + right, top - up), (end, top)), -0.45),
        (((end, top), (end + right, top - up), (end + right, bottom - up), (end, bottom)), 0.14),
    )


def _beside(top: float, bottom: float) -> float:
    """The baseline of the number at a left edge: low, since kernels' lines arrive high."""
    return max(top + 0.72 * (bottom - top) + 0.35 * SIZE, min(bottom, (top + bottom) / 2 + 0.35 * SIZE))


def _bar(volume: Volume, scale: Scale) -> Solid:
    """A vector: upright, as thin as it has neither height nor width."""
    high, thick, right, up = max(2.0, scale.length(volume.shape.channels)), 5.0, 3.0, 2.1
    copies = min(volume.copies, SLABS)
    wide, tall = thick * copies + right, high + up
    left, top = -wide / 2, -tall / 2 + up
    end, bottom = left + thick * copies, top + high
    faces = _oblique(left, top, end, bottom, right, up)
    shares = [sum(volume.parts[:at]) / volume.shape.channels for at in range(1, len(volume.parts))]
    creases = [((left, top + high * share), (end, top + high * share)) for share in shares]
    creases += [((left + thick * at, bottom), (left + thick * at, top)) for at in range(1, copies)]
    texts = [Text(0, bottom + SIZE + 1, f"{volume.shape.channels}", SIZE)]
    if volume.copies > 1:
        texts.append(Text(0, top - up - 3, f"×{volume.copies}", SIZE + 1, bold=True))
    return _boxed(wide, tall, faces, creases, texts, (left, top, end, bottom), (right, -up), high)


def _boxed(
    wide: float,
    tall: float,
    faces: Faces,
    creases: Sequence[tuple[Point, ...]],
    texts: Sequence[Text],
    front: tuple[float, float, float, float],
    depth: tuple[float, float],
    slab: float,
) -> Solid:
    """A solid that is entered at the left edge of its front, and left from its upper far and its lower near corner."""
    left, top, right, bottom = front
    ends = (right + depth[0], top + depth[1]), (right, bottom)
    return Solid(
        wide, tall, faces, tuple(creases), tuple(texts), front, depth, slab, ((left, top), (left, bottom)), ends
    )


def _stack(volume: Volume, scale: Scale) -> Solid:
    """One sheet a map, the last in front."""
    rows, columns = volume.shape.spatial
    high, wide, count = scale.side(rows), scale.side(columns), volume.shape.channels
    step = min(4.5, 46 / count)
    shift = step * (count - 1)
    left, top = -(wide + shift) / 2, -(high + shift) / 2
    faces: list[tuple[tuple[Point, ...], float]] = []
    for at in range(count):
        x, y = left + at * step, top + at * step
        faces.append((((x, y), (x + wide, y), (x + wide, y + high), (x, y + high)), 0.0 if at == count - 1 else -0.2))
    x, y = left + shift, top + shift
    texts = _over(volume, f"{count}@{rows}×{columns}" if count > 1 else f"{rows}×{columns}", top)
    return _boxed(wide + shift, high + shift, tuple(faces), (), texts, (x, y, x + wide, y + high), (0, 0), wide)


def _over(volume: Volume, count: str, top: float) -> list[Text]:
    """What stands above a stack: its name and size."""
    name = [Text(0, top - SIZE - 7, volume.name, SIZE + 0.5, bold=True)] if volume.name else []
    return [*name, Text(0, top - 4, count, SIZE + 0.5)]


def _slanted(volume: Volume, scale: Scale) -> Solid:
    """A vector among stacks: a bar that runs as the sheets do."""
    shape = volume.shape
    length = max(3.0, scale.length(shape.channels)) * 0.5**0.5
    thick = 6.0
    left, top = -(length + thick) / 2, -length / 2
    end = ((left + length + thick, top + length), (left + length, top + length))
    faces = ((((left, top), (left + thick, top), *end), 0.0),)
    count = f"{shape.channels}@{'×'.join(map(str, shape.spatial))}" if shape.spatial else f"{shape.channels}"
    entry, leave = ((left, top), end[1]), ((left + thick, top), end[0])
    front = (left, top, left + thick, top)
    return Solid(
        length + thick, length, faces, (), tuple(_over(volume, count, top)), front, (0, 0), thick, entry, leave
    )
