"""What was seen, on a page: a sheet of filters, pictures beside their heat maps, patterns beside what made them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import ceil, sqrt

import numpy as np
from numpy.typing import NDArray

from netdsl.draw.palette import Theme
from netdsl.see.deconvolution import Patch, told
from netdsl.see.filters import Filters
from netdsl.see.occlusion import SHARE, Occlusion
from netdsl.see.tiles import FONT, LINE, MARGIN, SMALL, Page, heat, png, signed, tile

_GAP = 4.0
_WIDTH = 640.0
_SCALED = "Each is scaled by its own largest weight: mid grey is 0, lighter is positive, darker negative."
_ABOVE = 96.0
"""The side of a picture above its filters."""
_FLAT = 0.02
"""By how much a probability differs at least where a map of it says something."""
_MOST_ROWS = 24
"""Filters and inputs that are shown of a layer whose inputs are no colours."""


def filters(found: Filters, theme: Theme) -> bytes:
    """The kernels of a layer as the bytes of an SVG: in colour, or grey, or a row a filter and a column an input.

    Where there is a picture, it stands above them, and what each filter makes of it below it or at the end of its row.
    """
    count, inputs, height, width = found.kernels.shape
    size = f"{count:,} of {height}×{width}×{inputs:,}"
    made = "" if found.maps is None else " What it makes of the picture stands {}, scaled likewise."
    if found.colour or inputs == 1:
        colours = "; colours are those that a filter answers to" if found.colour else ""
        return _sheet(found, f"{size}. {_SCALED[:-1]}{colours}.{made.format('below it')}", theme)
    return _rows(
        found, f"{size}: a row is a filter, a column what it reads of an input. {_SCALED}{made.format('last')}", theme
    )


def _page(found: Filters, about: str, width: float, height: float, theme: Theme) -> tuple[Page, float]:
    """A page for filters, with the picture above where there is one, and where they begin."""
    above = 0.0 if found.picture is None else _ABOVE + 3 * _GAP
    page = Page(f"{found.title}: the filters of {found.path}", about, max(360, width), above + height, theme)
    if found.picture is not None:
        tile(page.canvas, MARGIN, page.top, _ABOVE, found.picture)
    return page, page.top + above


def _rows(found: Filters, about: str, theme: Theme) -> bytes:
    """A row a filter, and a column an input."""
    count, inputs = found.kernels.shape[:2]
    rows, columns = min(count, _MOST_ROWS), min(inputs, _MOST_ROWS)
    part = f" The first {rows} filters and {columns} inputs are shown." if (rows, columns) != (count, inputs) else ""
    side = max(12.0, min(40.0, (_WIDTH - 24) / columns - _GAP))
    last = 24 + columns * (side + _GAP) + 2 * _GAP
    page, top = _page(found, about + part, last + side, 14 + rows * (side + _GAP), theme)
    for row in range(rows):
        y = top + 14 + row * (side + _GAP)
        page.words(MARGIN + 16, y + side / 2 - SMALL / 2, str(row), SMALL, anchor="end", colour=theme.quiet)
        scaled = signed(found.kernels[row])
        for column in range(columns):
            if not np.isnan(scaled[column]).all():
                tile(page.canvas, MARGIN + 24 + column * (side + _GAP), y, side, scaled[column][None])
        if found.maps is not None:
            tile(page.canvas, MARGIN + last, y, side, signed(found.maps[row][None]))
    for column in range(columns):
        x = MARGIN + 24 + column * (side + _GAP) + side / 2
        page.words(x, top, str(column), SMALL, anchor="middle", colour=theme.quiet)
    return page.canvas.svg()


def _sheet(found: Filters, about: str, theme: Theme) -> bytes:
    """A tile a filter, numbered."""
    count = len(found.kernels)
    across = min(count, max(8, ceil(sqrt(1.6 * count))))
    side = max(16.0, min(72.0, _WIDTH / across - _GAP))
    tiles = side if found.maps is None else 2 * side + _GAP / 2
    down = tiles + _GAP + SMALL + 3
    page, top = _page(found, about, across * (side + _GAP) - _GAP, ceil(count / across) * down, theme)
    for number, kernel in enumerate(found.kernels):
        x, y = MARGIN + number % across * (side + _GAP), top + number // across * down
        tile(page.canvas, x, y, side, signed(kernel))
        if found.maps is not None:
            tile(page.canvas, x, y + side + _GAP / 2, side, signed(found.maps[number][None]))
        page.words(x + side / 2, y + tiles + 2, str(number), SMALL, anchor="middle", colour=theme.quiet)
    return page.canvas.svg()


def occlusions(title: str, found: Sequence[Occlusion], theme: Theme) -> bytes:
    """Pictures beside their heat maps, and beside the pixels that these name, as the bytes of an SVG."""
    side, between, bar = 200.0, 18.0, 46.0
    row = LINE + 6 + side + LINE + 18
    one = found[0]
    about = (
        f"A grey square of {one.size}×{one.size} pixels is moved over the picture, {one.step} at a time. In the middle:"
        " how likely the class still is, by where the middle of the square is. On the right: the"
        f" {SHARE:.0%} of the pixels under which its log-odds fall most."
    )
    page = Page(f"{title}: what it goes by", about, 3 * side + between + bar, len(found) * row - 18, theme)
    for number, one in enumerate(found):
        y = page.top + number * row
        at = [MARGIN, MARGIN + side + between, MARGIN + 2 * side + between + bar]
        page.words(MARGIN, y, f"{one.called}, probability {one.probability:.3f}", FONT + 1, bold=True)
        page.words(at[2] + side, y, one.name, FONT, anchor="end", colour=theme.quiet)
        top = y + LINE + 6
        flat = np.ptp(one.likely) < _FLAT
        values = one.odds if flat else one.likely
        low, high = float(values.min()), float(values.max())
        tile(page.canvas, at[0], top, side, one.picture)
        tile(page.canvas, at[1], top, side, heat(values, low, high))
        tile(page.canvas, at[2], top, side, _marked(one))
        _scale(page, at[1] + side + 6, top, side, low, high)
        if flat:
            words = f"it stays near {one.probability:.3f}: log-odds are shown"
            page.words(at[1], top + side + 4, words, FONT, colour=theme.quiet)
        words = f"without these: {one.named:.3f}; without as many at random: {one.random:.3f}"
        page.words(at[2] + side, top + side + 4, words, FONT, anchor="end")
    return page.canvas.svg()


def _marked(one: Occlusion) -> NDArray[np.float32]:
    """A picture, dimmed, with the pixels that are named."""
    grey = one.picture.mean(0)
    marked = np.stack([0.25 + 0.5 * grey] * 3)
    marked[:, one.pixels] = np.array([[0.95], [0.35], [0.1]]) * (0.6 + 0.4 * grey[one.pixels])
    return marked


def _scale(page: Page, x: float, top: float, side: float, low: float, high: float) -> None:
    """What the colours of a heat map stand for, from the lowest to the highest probability."""
    shades = np.linspace(1, 0, 64, dtype=np.float32)[:, None]
    page.canvas.image(x, top, 8, side, png(heat(shades, 0, 1)), smooth=True)
    for share in (0, 0.5, 1):
        page.words(x + 12, top + (1 - share) * (side - SMALL), f"{low + share * (high - low):.3g}", SMALL)


def deconvolutions(title: str, layer: str, found: Mapping[int, Sequence[Patch]], theme: Theme) -> bytes:
    """For each channel its patterns beside the parts of pictures that made them, as the bytes of an SVG."""
    each = max(len(patches) for patches in found.values())
    across = max(1, ceil(sqrt(each)))
    grid = 124.0
    side = (grid - _GAP / 2 * (across - 1)) / across
    block, down = 2 * grid + 8, ceil(each / across) * (side + _GAP / 2) + LINE + 16
    columns = min(3, len(found))
    width = columns * block + (columns - 1) * 22
    about = (
        f"The strongest activations of each channel of {layer}, one a picture: on the right the parts of the pictures"
        " that made them, on the left what each goes back to through the layers before it, by the deconvolutional"
        " network of Zeiler and Fergus (2014). Each pattern is scaled by its own largest value; mid grey is 0."
    )
    rows = ceil(len(found) / columns)
    page = Page(f"{title}: what {layer} answers to", about, max(400, width), rows * down - 18, theme)
    for number, (channel, patches) in enumerate(found.items()):
        x, y = MARGIN + number % columns * (block + 22), page.top + number // columns * down
        page.words(x, y, f"channel {channel}", FONT, bold=True)
        page.words(x + block, y, told(patches), SMALL + 1, anchor="end", colour=theme.quiet)
        for place, patch in enumerate(patches):
            left, top = x + place % across * (side + _GAP / 2), y + LINE + 2 + place // across * (side + _GAP / 2)
            tile(page.canvas, left, top, side, signed(patch.pattern))
            tile(page.canvas, left + grid + 8, top, side, patch.seen)
    return page.canvas.svg()
