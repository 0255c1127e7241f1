"""DOT text into an SVG, on any machine, and an SVG into PDF and PNG.

A `dot` on PATH is asked first. Where there is none, or it fails, graphviz-pure lays the graph out, which pip brought
along. It knows how wide text is in `Helvetica`, `Courier` and `Times`, each named alone: in any other font, or a list
of them, boxes fit their text badly. A PDF is an SVG as vectors, with text in the fonts that every PDF reader has.
"""

from __future__ import annotations

import html
import io
import re
from importlib import import_module
from typing import Any

from netdsl.draw import engines, letters, metrics, notice
from netdsl.draw.engines import RenderError

_PAGE = 14400.0  # points: no PDF reader need show a longer page (ISO 32000-1, annex C.2)
_TEXT = re.compile(r'<text(?P<attributes>[^>]* font-size="(?P<size>[\d.]+)"[^>]*)>(?P<words>[^<]+)</text>')
_FAMILY = 'font-family="Helvetica,Arial,sans-serif"'
_DEJAVU = 0.88  # the size at which DejaVu Sans is about as wide as Helvetica
_NOISE = re.compile(r"<!DOCTYPE[^>]*>\s*|<!--.*?-->\s*", re.DOTALL)  # a DTD to fetch, the engine's version


def render(dot: str) -> bytes:
    """The picture of a graph in DOT, as the bytes of an SVG.

    Raises RenderError where the graph cannot be laid out, or a program for it is missing.
    """
    text = _NOISE.sub("", _drawn(dot).decode())
    text = text.replace('font-family="Helvetica,sans-Serif"', _FAMILY)
    return _TEXT.sub(_fitted, text).encode()


def painted(svg: bytes, format: str, *, dpi: int = 144) -> bytes:
    """An SVG as svg, pdf or png; dpi counts for png alone, at 72 points to the inch.

    Raises RenderError where it cannot be made.
    """
    if format == "png" and dpi < 1:
        raise RenderError(f"a picture needs at least 1 dot per inch, not {dpi}")
    match format:
        case "svg":
            return svg
        case "pdf":
            return _pdf(svg)
        case "png":
            return _png(_pdf(svg), dpi)
        case _:
            raise RenderError(f"this picture is not a graph, and there is no {format!r} of it: choose svg, png or pdf")


def _drawn(dot: str) -> bytes:
    """The SVG by the first engine that makes it, which is told if it is the second; or the first one's reason."""
    failure = None
    try:
        found = engines.installed(dot)
        if found is not None:
            return found
    except RenderError as error:
        failure = error
    try:
        data = engines.carried(dot)
    except RenderError as error:
        raise failure or error from None
    if data is None:
        raise failure or RenderError(
            f"drawing needs Graphviz, and there is none: `pip install {engines.CARRIED}`, or install it so that `dot`"
            " is on PATH"
        )
    if failure is not None:
        notice.tell(f"{failure}; {engines.CARRIED} drew it in its place")
    return data


def _fitted(text: re.Match[str]) -> str:
    """Text that is as wide as in Helvetica, which the layout was made for, whatever font a viewer takes for it."""
    attributes, words = text["attributes"], text["words"]
    wide = metrics.width(html.unescape(words), float(text["size"]), bold='font-weight="bold"' in attributes)
    return f'<text{attributes} textLength="{wide:.2f}" lengthAdjust="spacingAndGlyphs">{words}</text>'


def _pdf(svg: bytes) -> bytes:
    """An SVG as a PDF of one page, the same bytes each time; a page too long for readers is shrunk."""
    try:  # by name, since reportlab says nothing of its types
        svglib = import_module("svglib.svglib")
        painter = import_module("reportlab.graphics.renderPDF")
        pages = import_module("reportlab.pdfgen.canvas")
    except ImportError as error:
        raise RenderError(
            f"a PDF needs svglib ({error}): `pip install svglib`, or install Graphviz so that `dot` is on PATH"
        ) from None
    drawing = svglib.svg2rlg(io.BytesIO(_lettered(svg, svglib)))
    if drawing is None:
        raise RenderError("svglib could not read the drawing: write an svg instead")
    scale = min(1.0, _PAGE / max(drawing.width, drawing.height))
    file = io.BytesIO()
    canvas = pages.Canvas(file, pagesize=(drawing.width * scale, drawing.height * scale), invariant=1)
    canvas.setTitle("")  # so that a reader shows the file's name
    canvas.scale(scale, scale)
    painter.draw(drawing, canvas, 0, 0)
    canvas.showPage()
    canvas.save()
    return file.getvalue()


def _lettered(svg: bytes, svglib: Any) -> bytes:
    """An SVG whose words in letters that readers need not have are in DejaVu Sans; what that lacks is told."""

    def lettered(text: re.Match[str]) -> str:
        if not letters.beyond(html.unescape(text["words"])):
            return text[0]
        size = float(text["size"])
        return (
            text[0]
            .replace(f'font-size="{text["size"]}"', f'font-size="{_DEJAVU * size:.2f}"')
            .replace(_FAMILY, 'font-family="DejaVu Sans"')
        )

    text = svg.decode()
    words = [html.unescape(found["words"]) for found in _TEXT.finditer(text)]
    if not any(map(letters.beyond, words)):
        return svg
    fonts = letters.dejavu()
    if fonts is None:
        letters.tell(words, letters.brought, shaped=False)
        return svg
    for weight, file in zip(("normal", "bold"), fonts, strict=True):
        svglib.register_font("DejaVu Sans", file, weight)
    known = import_module("reportlab.pdfbase.pdfmetrics").getFont("DejaVu Sans").face.charToGlyph
    letters.tell(words, lambda letter: ord(letter) in known or letters.brought(letter), shaped=False)
    return _TEXT.sub(lettered, text).encode()


def _png(pdf: bytes, dpi: int) -> bytes:
    """The page of a PDF in pixels, through PDFium, which brings its own fonts."""
    try:  # by name, since it says little of its types
        pdfium = import_module("pypdfium2")
    except ImportError as error:
        raise RenderError(f"this picture as png needs pypdfium2 ({error}): `pip install pypdfium2`") from None
    document = pdfium.PdfDocument(pdf)
    file = io.BytesIO()
    document[0].render(scale=dpi / 72).to_pil().save(file, "png", dpi=(dpi, dpi))
    document.close()
    return file.getvalue()
