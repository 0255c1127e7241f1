"""DOT text into a picture, on any machine: by the Graphviz that is installed, or by the one that pip brought along.

A `dot` on PATH is asked first. Where there is none, or it fails (a build without PNG, say), graphviz-pure lays the
graph out and paints it, with fonts of its own; it writes no PDF, so a PDF is then drawn from its SVG, as vectors and
text in the fonts that every PDF reader has. It knows how wide text is in `Helvetica`, `Courier` and `Times`, each named
alone: in any other font, or a list of them, boxes fit their text badly.
"""

from __future__ import annotations

import html
import io
import re
import shutil
import subprocess
import sys
from importlib import import_module, util
from pathlib import Path
from typing import Any

from netdsl.draw import metrics

FORMATS = ("svg", "png", "pdf", "dot")

_CARRIED = "graphviz-pure"
_PAGE = 14400.0  # points: no PDF reader need show a longer page (ISO 32000-1, annex C.2)
_TEXT = re.compile(r'<text(?P<attributes>[^>]* font-size="(?P<size>[\d.]+)"[^>]*)>(?P<words>[^<]+)</text>')
_FAMILY = 'font-family="Helvetica,Arial,sans-serif"'
_BROUGHT = ("cp1252", "symbolencoding", "zapfdingbats")  # Helvetica, Symbol, ZapfDingbats
_DEJAVU = 0.88  # the size at which DejaVu Sans is about as wide as Helvetica
_NOISE = re.compile(r"<!DOCTYPE[^>]*>\s*|<!--.*?-->\s*", re.DOTALL)


class RenderError(Exception):
    """Why there is no picture, and what to do about it, in words for the user."""


def render(dot: str, format: str, *, dpi: int = 144) -> bytes:
    """The picture of a graph in DOT, as the bytes of a file; format `dot` is the text itself, not laid out.

    dpi counts for png alone: the others are as large as the graph, at 72 points to the inch.
    Raises RenderError where the graph cannot be laid out, or a program for it is missing.
    """
    if format not in FORMATS:
        raise RenderError(f"there is no format {format!r}: choose one of {', '.join(FORMATS)}")
    if dpi < 1:
        raise RenderError(f"a picture needs at least 1 dot per inch, not {dpi}")
    if format == "dot":
        return dot.encode()
    source = _with_dpi(dot, dpi) if format == "png" else dot
    data = _drawn(source, format)
    return _plain(data) if format == "svg" else data


def painted(svg: bytes, format: str, *, dpi: int = 144) -> bytes:
    """An SVG of netdsl.draw.svg as svg, pdf or png; dpi counts for png alone, at 72 points to the inch.

    Raises RenderError where it cannot be made.
    """
    match format:
        case "svg":
            return svg
        case "pdf":
            return _pdf(svg)
        case "png":
            return _png(_pdf(svg), dpi)
        case _:
            raise RenderError(f"this picture is not a graph, and there is no {format!r} of it: choose svg, png or pdf")


def _drawn(dot: str, format: str) -> bytes:
    """The picture by the first engine that makes it, or else the first one's reason."""
    failure = None
    for engine in (_installed, _carried):
        try:
            data = engine(dot, format)
        except RenderError as error:
            failure = failure or error
            continue
        if data is not None:
            return data
    raise failure or RenderError(
        f"drawing needs Graphviz, and there is none: `pip install {_CARRIED}`, or install it so that `dot` is on PATH"
    )


def _with_dpi(dot: str, dpi: int) -> str:
    """The graph with its resolution as the last of its attributes, since graphviz.pipe has no argument for one."""
    head, brace, tail = dot.rpartition("}")
    return f"{head}\ndpi={dpi}\n{brace}{tail}" if brace else dot


def _installed(dot: str, format: str) -> bytes | None:
    """What the `dot` on PATH makes of a graph; None where there is no such program."""
    if shutil.which("dot") is None:
        return None  # before the library is loaded, which takes half as long as a small graph's layout
    import graphviz  # pyright: ignore[reportMissingTypeStubs]

    try:
        return _whole(graphviz.pipe("dot", format, dot.encode(), quiet=True))
    except graphviz.ExecutableNotFound:
        return None
    except graphviz.CalledProcessError as error:
        raise RenderError(_reason("dot", error.stderr)) from None
    except OSError as error:
        raise RenderError(f"the program `dot` on PATH cannot be run: {error}") from None


def _carried(dot: str, format: str) -> bytes | None:
    """What graphviz-pure makes of a graph; None where it is not installed."""
    program = _program()
    if program is None:
        return None
    painted = "svg" if format == "pdf" else format
    try:
        done = subprocess.run([program, f"-T{painted}"], input=dot.encode(), capture_output=True, check=True)
    except subprocess.CalledProcessError as error:
        raise RenderError(_reason(_CARRIED, error.stderr)) from None
    except OSError as error:
        raise RenderError(f"{_CARRIED} cannot be run: {error}") from None
    data = _whole(done.stdout)
    return _pdf(_plain(data)) if format == "pdf" else data


def _program() -> str | None:
    """Where pip put graphviz-pure: beside python, mostly, and that folder need not be on PATH."""
    beside = shutil.which(_CARRIED, path=str(Path(sys.executable).parent))
    if beside is not None:
        return beside
    from importlib import metadata

    try:
        files = metadata.files(_CARRIED) or []
    except metadata.PackageNotFoundError:
        files = []
    for file in files:
        path = Path(str(file.locate()))
        if file.stem == _CARRIED and path.is_file():
            return str(path)
    return shutil.which(_CARRIED)


def _whole(data: bytes) -> bytes:
    if not data:
        raise RenderError("Graphviz drew nothing: the graph's text is empty")
    return data


def _reason(program: str, stderr: bytes) -> str:
    """The line of a program's complaints that says what went wrong, warnings being many."""
    lines = [line.strip() for line in stderr.decode("utf-8", "replace").splitlines() if line.strip()]
    errors = [line for line in lines if "error" in line.lower()]
    said = (errors or lines or ["it gave no reason"])[0]
    return f"{program} could not draw the graph: {said}"


def _plain(svg: bytes) -> bytes:
    """An SVG without comments (the engine's version among them) or a DTD to fetch, its text in fonts that are there.

    Each text is as wide as in Helvetica, which the layout was made for, whatever font a viewer takes for it.
    """
    text = _NOISE.sub("", svg.decode())
    text = text.replace('font-family="Helvetica,sans-Serif"', _FAMILY)
    return _TEXT.sub(_fitted, text).encode()


def _fitted(text: re.Match[str]) -> str:
    attributes, words = text["attributes"], text["words"]
    wide = metrics.width(html.unescape(words), float(text["size"]), bold='font-weight="bold"' in attributes)
    return f'<text{attributes} textLength="{wide:.2f}" lengthAdjust="spacingAndGlyphs">{words}</text>'


def _pdf(svg: bytes) -> bytes:
    """An SVG of Graphviz as a PDF of one page, the same bytes each time; a page too long for readers is shrunk."""
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
    """An SVG whose words in letters that readers need not have are in DejaVu Sans, which comes with matplotlib."""

    def lettered(text: re.Match[str]) -> str:
        if not _beyond(html.unescape(text["words"])):
            return text[0]
        size = float(text["size"])
        return (
            text[0]
            .replace(f'font-size="{text["size"]}"', f'font-size="{_DEJAVU * size:.2f}"')
            .replace(_FAMILY, 'font-family="DejaVu Sans"')
        )

    found = util.find_spec("matplotlib")
    text = svg.decode()
    if not _beyond(html.unescape(text)) or found is None or found.origin is None:
        return svg
    fonts = Path(found.origin).parent / "mpl-data" / "fonts" / "ttf"
    for weight, file in (("normal", "DejaVuSans.ttf"), ("bold", "DejaVuSans-Bold.ttf")):
        svglib.register_font("DejaVu Sans", str(fonts / file), weight)
    return _TEXT.sub(lettered, text).encode()


def _beyond(text: str) -> bool:
    """Whether text has letters that no font has which every PDF reader brings; reportlab knows what these have."""
    return any(not any(letter.encode(code, "ignore") for code in _BROUGHT) for letter in set(text))


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
