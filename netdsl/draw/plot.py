"""matplotlib as charts use it: with netdsl's look whatever its user has set, silent, and the same bytes each time."""

from __future__ import annotations

import io
import logging
import unicodedata
import warnings
from collections.abc import Generator
from contextlib import contextmanager
from importlib import import_module
from typing import Any, TypeAlias

from netdsl.draw import letters
from netdsl.draw.palette import THEMES, Theme

Figure: TypeAlias = Any
Axes: TypeAlias = Any
"""matplotlib's own: its types leave what they take open, so that its modules are imported by name."""

FORMATS = ("svg", "png", "pdf")
DPI = 200
"""Of a png."""
POINTS = 72
"""To the inch: figures are laid out in points."""

SIZE = 9.0
"""Of letters, in points."""
SMALL = 8.0

_FONT = "DejaVu Sans"  # matplotlib carries it, so that all machines measure alike
_VIEWED = "Helvetica, Arial, 'DejaVu Sans', sans-serif"  # narrower or as wide: what fits keeps fitting


def unknown(format: str, theme: str) -> str:
    """What is wrong with a format or a theme that charts do not have; nothing where they have both."""
    for what, given, known in (("format", format, FORMATS), ("theme", theme, THEMES)):
        if given not in known:
            return f"there is no {what} {given!r}: choose one of {', '.join(known)}"
    return ""


@contextmanager
def look(theme: Theme) -> Generator[None]:
    """Draw with a theme's colours."""
    with _silence():
        matplotlib = import_module("matplotlib")
        with matplotlib.rc_context(), warnings.catch_warnings():
            warnings.filterwarnings(
                "ignore", "Glyph .* missing from font"
            )  # an SVG's viewer may have it; or it is told
            matplotlib.rcdefaults()
            matplotlib.rcParams.update(_settings(theme))
            yield


@contextmanager
def _silence() -> Generator[None]:
    """Nothing of what matplotlib logs: of its caches and of fonts, which are not the user's concern."""
    logger = logging.getLogger("matplotlib")
    level = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        logger.setLevel(level)


def _settings(theme: Theme) -> dict[str, Any]:
    return {
        "font.family": [_FONT],
        "font.size": SIZE,
        "text.color": theme.text,
        "text.parse_math": False,
        "figure.dpi": POINTS,
        "figure.facecolor": theme.paper,
        "savefig.facecolor": theme.paper,
        "axes.facecolor": theme.paper,
        "axes.edgecolor": theme.line,
        "axes.labelcolor": theme.text,
        "axes.linewidth": 0.8,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.axisbelow": True,
        "axes.grid": True,
        "grid.color": theme.depths[-1],
        "grid.linewidth": 0.6,
        "xtick.color": theme.line,
        "ytick.color": theme.line,
        "xtick.labelcolor": theme.text,
        "ytick.labelcolor": theme.text,
        "xtick.labelsize": SMALL,
        "ytick.labelsize": SMALL,
        "xtick.major.size": 3,
        "ytick.major.size": 0,
        "svg.fonttype": "none",
        "svg.hashsalt": "netdsl",
        "pdf.fonttype": 42,
    }


def figure(width: float, height: float) -> Figure:
    """An empty figure of a size in points, without a window."""
    return import_module("matplotlib.figure").Figure((width / POINTS, height / POINTS))


def overlay(figure: Figure) -> Axes:
    """Axes without looks over all of a figure, whose units are points from its lower left corner."""
    width, height = (float(size) * POINTS for size in figure.get_size_inches())
    axes = figure.add_axes((0, 0, 1, 1), zorder=1)
    axes.set_axis_off()
    axes.set(xlim=(0, width), ylim=(0, height))
    axes.patch.set_alpha(0)
    return axes


def extent(text: str, size: float) -> tuple[float, float]:
    """The width and height of a line of text, in points."""
    font = import_module("matplotlib.font_manager").FontProperties(family=_FONT, size=size)
    measure = import_module("matplotlib.textpath").text_to_path.get_text_width_height_descent
    width, _, _ = measure(text, font, ismath=False)
    _, height, descent = measure("lp", font, ismath=False)
    wide = sum(unicodedata.east_asian_width(letter) in "WF" for letter in text)  # the font has none of them
    return float(width) + wide * size / 2, float(height + descent)


def save(figure: Figure, format: str, title: str) -> bytes:
    """A figure as the bytes of a file, the same each time: in `look`, since text is set when it is saved."""
    file = io.BytesIO()
    nothing = {"svg": ("Date", "Creator", "Format", "Type"), "png": ("Software",), "pdf": ("CreationDate", "Creator")}
    metadata = {"Title": title, **dict.fromkeys(nothing[format])}
    if format != "svg":
        _tell(figure)
    figure.savefig(file, format=format, dpi=DPI if format == "png" else POINTS, metadata=metadata)
    data = file.getvalue()
    return _plain(data) if format == "svg" else data


def _tell(figure: Figure) -> None:
    """Warn of letters that a figure cannot show."""
    words = [one.get_text() for one in figure.findobj(import_module("matplotlib.text").Text)]
    if not all(map(str.isascii, words)):
        fonts = import_module("matplotlib.font_manager")
        known = fonts.get_font(fonts.findfont(_FONT)).get_charmap()
        shaped = import_module("matplotlib").__version_info__ >= (3, 11)  # it has Raqm then
        letters.tell(words, lambda letter: ord(letter) in known, shaped=shaped)


def _plain(svg: bytes) -> bytes:
    """An SVG without a DTD to fetch, its text in the fonts of netdsl's other pictures."""
    head, _, rest = svg.decode().partition("<!DOCTYPE")
    text = head + rest[rest.index(">") + 1 :].lstrip()
    return text.replace(f"font-family: '{_FONT}'", f"font-family: {_VIEWED}").encode()
