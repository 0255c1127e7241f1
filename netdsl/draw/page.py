"""A picture as a web page of its own: the SVG within, nothing to load from elsewhere."""

from __future__ import annotations

from netdsl.draw.palette import LIGHT, Theme
from netdsl.text import safe

_PAGE = """\
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
  body {{ margin: 0; background: {around}; color: {text}; font-family: Helvetica, Arial, sans-serif; }}
  main {{ margin: 2rem auto; width: fit-content; max-width: calc(100% - 2rem); overflow: auto;
         background: {paper}; border-radius: 8px; box-shadow: 0 1px 6px rgba(0, 0, 0, .15); }}
  svg {{ display: block; max-width: 100%; height: auto; }}
  @media print {{ body {{ background: none; }} main {{ margin: 0; box-shadow: none; max-width: none; }} }}
</style>
</head>
<body>
<main>
{svg}
</main>
</body>
</html>
"""


def page(title: str, svg: bytes, theme: Theme = LIGHT) -> bytes:
    """The page of a picture, which a browser shows and prints."""
    text = svg.decode()
    drawn = text[text.index("<svg") :].strip()
    return _PAGE.format(
        title=safe.html(title), svg=drawn, text=theme.text, paper=theme.paper, around=theme.depths[1]
    ).encode()
