"""An SVG while it is drawn: shapes and words, in the order in which they cover each other.

Only what every reader of SVG shows alike is used, so that the PDF and PNG made from it look the same: plain shapes
with attributes of their own, no style sheets, no filters. Words are set in Helvetica, whose widths
netdsl.draw.metrics knows.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from math import hypot
from typing import Literal, TypeAlias
from xml.sax.saxutils import quoteattr

from netdsl.draw import metrics
from netdsl.text import safe

Point: TypeAlias = tuple[float, float]
Anchor: TypeAlias = Literal["start", "middle", "end"]

FONT = "Helvetica,Arial,sans-serif"


class Canvas:
    """A picture of `width` x `height` points on a coloured paper. y grows downward."""

    def __init__(self, width: float, height: float, paper: str, title: str = "") -> None:
        self.width, self.height, self.paper, self.title = width, height, paper, title
        self._parts: list[str] = []

    @contextmanager
    def group(self, title: str = "", *, name: str = "") -> Generator[None]:
        """What is drawn within is one group, with a tooltip and an id."""
        self._parts.append(f"<g{_attributes(id=name or None)}>")
        if title:
            self._parts.append(f"<title>{safe.html_lines(title)}</title>")
        yield
        self._parts.append("</g>")

    def rectangle(
        self,
        x: float,
        y: float,
        width: float,
        height: float,
        fill: str,
        line: str,
        *,
        round: float = 0,
        thick: float = 1,
        dashed: bool = False,
    ) -> None:
        """A rectangle from its upper left corner."""
        size = {"width": width, "height": height, "rx": round or None}
        edge = {"stroke": line, "stroke_width": thick, "stroke_dasharray": "4,3" if dashed else None}
        self._parts.append(f"<rect{_attributes(x=x, y=y, **size, fill=fill, **edge)}/>")

    def image(self, x: float, y: float, width: float, height: float, png: bytes, *, smooth: bool = False) -> None:
        """A PNG from its upper left corner, whose pixels stay squares unless it is `smooth`."""
        data = f"data:image/png;base64,{b64encode(png).decode()}"
        size = {"x": x, "y": y, "width": width, "height": height, "preserveAspectRatio": "none"}
        look = _attributes(**size, image_rendering=None if smooth else "pixelated")
        link = f'xmlns:xlink="http://www.w3.org/1999/xlink" xlink:href="{data}"'
        self._parts.append(f"<image{look} {link}/>")

    def polygon(
        self, points: Sequence[Point], fill: str, line: str, *, thick: float = 1, opacity: float | None = None
    ) -> None:
        """A closed shape."""
        look = {"fill": fill, "stroke": line, "stroke_width": thick, "stroke_linejoin": "round"}
        self._parts.append(f"<polygon{_attributes(points=_points(points), **look, fill_opacity=opacity)}/>")

    def line(
        self, points: Sequence[Point], colour: str, *, thick: float = 1, dashed: bool = False, arrow: float = 0
    ) -> None:
        """A line through points; with an arrow head of that length at its end."""
        look = {"fill": "none", "stroke": colour, "stroke_width": thick, "stroke_linejoin": "round"}
        dashes = "4,3" if dashed else None
        (x0, y0), (x, y) = points[-2], points[-1]
        part = arrow / (hypot(x - x0, y - y0) or 1)
        foot = (x - (x - x0) * part, y - (y - y0) * part)
        shaft = _points([*points[:-1], foot])
        self._parts.append(f"<polyline{_attributes(points=shaft, **look, stroke_dasharray=dashes)}/>")
        self._head(foot, (x, y), colour)

    def route(self, points: Sequence[Point], colour: str, bend: float, *, thick: float = 1, arrow: float = 0) -> None:
        """A line through points whose corners are rounded, `bend` points from each; with an arrow head at its end."""
        corners: list[str] = []
        for before, (x, y), after in zip(points, points[1:], points[2:], strict=False):
            into, out = _toward((x, y), before, bend), _toward((x, y), after, bend)
            corners.append(f"L{_points([into])} Q{_points([(x, y), out])}")
        end = points[-1]
        foot = _toward(end, points[-2], arrow)
        path = f"M{_points(points[:1])} {' '.join([*corners, f'L{_points([foot])}'])}"
        self._parts.append(f"<path{_attributes(d=path, fill='none', stroke=colour, stroke_width=thick)}/>")
        self._head(foot, end, colour)

    def _head(self, foot: Point, end: Point, colour: str) -> None:
        """The head of an arrow; nothing, where it has no length."""
        dx, dy = end[0] - foot[0], end[1] - foot[1]
        if dx or dy:
            head = [end, (foot[0] - 0.4 * dy, foot[1] + 0.4 * dx), (foot[0] + 0.4 * dy, foot[1] - 0.4 * dx)]
            self.polygon(head, colour, colour, thick=0.5)

    def text(
        self,
        x: float,
        y: float,
        text: str,
        size: float,
        colour: str,
        *,
        bold: bool = False,
        anchor: Anchor = "start",
        turned: float = 0,
    ) -> None:
        """A line of words whose baseline is at y, turned by degrees about its start."""
        said = safe.line(text)
        if not said.strip():
            return
        look = {"font_family": FONT, "font_size": size, "font_weight": "bold" if bold else None, "fill": colour}
        place = {"x": x, "y": y, "text_anchor": None if anchor == "start" else anchor}
        place |= {"transform": f"rotate({turned:g} {x:.2f} {y:.2f})" if turned else None}
        fit = {"textLength": metrics.width(said, size, bold=bold), "lengthAdjust": "spacingAndGlyphs"}
        self._parts.append(f"<text{_attributes(**place, **look, **fit)}>{safe.html(said)}</text>")

    def svg(self) -> bytes:
        """The whole picture, as the bytes of a file."""
        width, height = _short(self.width), _short(self.height)
        size = f'width="{width}pt" height="{height}pt" viewBox="0 0 {width} {height}"'
        lines = [
            '<?xml version="1.0" encoding="UTF-8"?>',
            f'<svg {size} xmlns="http://www.w3.org/2000/svg">',
            f"<title>{safe.html(self.title)}</title>" if self.title else "",
            f'<rect width="{width}" height="{height}" fill="{self.paper}"/>',
            *self._parts,
            "</svg>",
        ]
        return ("\n".join(line for line in lines if line) + "\n").encode()


def _toward(start: Point, end: Point, length: float) -> Point:
    """The point so far from the start on the way to the end, at most half of it."""
    dx, dy = end[0] - start[0], end[1] - start[1]
    whole = hypot(dx, dy)
    part = min(length, whole / 2) / whole if whole else 0
    return start[0] + part * dx, start[1] + part * dy


def _points(points: Sequence[Point]) -> str:
    return " ".join(f"{_short(x)},{_short(y)}" for x, y in points)


def _short(number: float) -> str:
    return f"{number:.2f}".rstrip("0").rstrip(".")


def _attributes(**given: str | float | None) -> str:
    """Attributes with a space before each; `_` in their names is `-`, and None leaves one out."""
    written: list[str] = []
    for name, value in given.items():
        if value is not None:
            name = name if name in ("textLength", "lengthAdjust", "preserveAspectRatio") else name.replace("_", "-")
            written.append(f" {name}={quoteattr(value if isinstance(value, str) else _short(value))}")
    return "".join(written)
