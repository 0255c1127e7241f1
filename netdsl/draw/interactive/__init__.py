"""A picture as a page to look into: zoom, pan, figures under the mouse, blocks that fold and unfold, search by path.

One file, which loads nothing from elsewhere.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

from netdsl.draw.interactive.model import model
from netdsl.draw.palette import THEMES, Theme
from netdsl.graph.node import ShapedGraph
from netdsl.text import safe

_FOLDER = Path(__file__).parent


def page(shaped: ShapedGraph, theme: Theme, *, direction: str = "TB", depth: int | None = None) -> bytes:
    """The page of a network.

    At first blocks are open so many deep as `depth` says; without it, as many as can be read at a glance.
    """
    data = model(shaped) | {"direction": direction, "open": depth}
    parts = {
        "theme": theme.name,
        "title": safe.html(shaped.graph.title),
        "style": "\n".join([*map(_variables, THEMES.values()), _text("style.css")]),
        "dagre": f"/*\n{_text('vendor/LICENSE')}*/\n{_text('vendor/dagre.min.js')}",
        "layout": _text("layout.js"),
        "paint": _text("paint.js"),
        "viewer": _text("viewer.js"),
        # what is in a script element ends at the first </script, wherever it stands
        "model": safe.lines(json.dumps(data, ensure_ascii=False, separators=(",", ":"))).replace("<", "\\u003c"),
    }
    return re.sub(r"\{\{(\w+)\}\}", lambda found: parts[found[1]], _text("page.html")).encode()


def _text(name: str) -> str:
    return (_FOLDER / name).read_text(encoding="utf-8")


def _variables(theme: Theme) -> str:
    """A theme's colours as variables of the style sheet."""
    colours = {"paper": theme.paper, "text": theme.text, "quiet": theme.quiet, "line": theme.line}
    colours |= {"border": theme.border, "under": theme.paper, "focus": theme.roles["convolution"].accent}
    for role, tone in theme.roles.items():
        colours |= {role: tone.fill, f"{role}-line": tone.accent}
    colours |= {"training": theme.training.fill, "training-line": theme.training.accent}
    colours |= {f"device{number}": tone.accent for number, tone in enumerate(theme.devices)}
    colours |= {f"depth{number}": fill for number, fill in enumerate(theme.depths)}
    said = " ".join(f"--{name}: {colour};" for name, colour in colours.items())
    return f':root[data-theme="{theme.name}"] {{ color-scheme: {theme.name}; {said} }}'
