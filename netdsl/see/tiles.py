"""Arrays as the pixels of pictures, and the page that they stand on."""

from __future__ import annotations

import io
from collections.abc import Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from netdsl.draw import metrics
from netdsl.draw.palette import Theme
from netdsl.draw.svg import Canvas

if TYPE_CHECKING:
    from numpy.typing import NDArray

MARGIN = 20.0
TITLE, FONT, SMALL = 14.0, 9.0, 7.0
LINE = 12.0
"""From one line of words to the next."""
_SMOOTH = 96
"""The sides from which a picture's pixels are no longer told apart, and it is shown smooth."""


def signed(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """Values from 0 to 1, of which 0.5 stands for zero: scaled by the largest of them, of either sign."""
    most = np.nanmax(np.abs(values), initial=0)
    return 0.5 + values / (2 * most) if most > 0 else values * 0 + np.float32(0.5)


def heat(values: NDArray[np.float32], low: float, high: float) -> NDArray[np.float32]:
    """Values as colours, 3 x height x width: from dark blue for the lowest to yellow for the highest."""
    share = np.clip((values - low) / (high - low or 1), 0, 1)
    colours: Any = import_module("matplotlib").colormaps["viridis"]
    return np.asarray(colours(share), np.float32)[..., :3].transpose(2, 0, 1)


def png(picture: NDArray[np.float32], paper: str = "#000000") -> bytes:
    """A picture, 1 or 3 channels x height x width from 0 to 1, as a file; what is NaN has the colour of the paper."""
    known = ~np.isnan(picture).any(0)
    if not known.all():
        ground = np.array([int(paper[at : at + 2], 16) / 255 for at in (1, 3, 5)], np.float32)[:, None, None]
        picture = np.where(known, picture, ground)  # transparency is lost on the way to PDF
    planes = [Image.fromarray(plane) for plane in np.rint(picture * 255).astype(np.uint8)]
    file = io.BytesIO()
    (planes[0] if len(planes) == 1 else Image.merge("RGB", planes)).save(file, "png", optimize=True)
    return file.getvalue()


def tile(canvas: Canvas, x: float, y: float, side: float, picture: NDArray[np.float32]) -> None:
    """A picture in a square of the page, in its middle where it is no square itself."""
    height, width = picture.shape[1:]
    scale = side / max(height, width)
    wide, high = width * scale, height * scale
    smooth = max(height, width) >= _SMOOTH
    canvas.image(x + (side - wide) / 2, y + (side - high) / 2, wide, high, png(picture, canvas.paper), smooth=smooth)


class Page:
    """A page of some width with a title and what is to be known of it, on which things are set from above."""

    def __init__(self, title: str, about: str, width: float, height: float, theme: Theme) -> None:
        self.theme = theme
        lines = wrapped(about, width)
        self.top = MARGIN + TITLE + 6 + len(lines) * LINE + 8
        self.canvas = Canvas(width + 2 * MARGIN, self.top + height + MARGIN, theme.paper, title)
        self.canvas.text(MARGIN, MARGIN + TITLE * 0.8, title, TITLE, theme.text, bold=True)
        for number, line in enumerate(lines):
            self.canvas.text(MARGIN, MARGIN + TITLE + 6 + (number + 0.8) * LINE, line, FONT, theme.quiet)

    def words(self, x: float, y: float, text: str, size: float = FONT, **look: Any) -> None:
        """A line of words, which stands below a y."""
        self.canvas.text(x, y + 0.8 * size, text, size, look.pop("colour", self.theme.text), **look)


def wrapped(text: str, width: float, size: float = FONT) -> Sequence[str]:
    """Words in lines of a width."""
    lines: list[str] = []
    for word in text.split():
        if lines and metrics.width(f"{lines[-1]} {word}", size) <= width:
            lines[-1] += f" {word}"
        else:
            lines.append(word)
    return lines
