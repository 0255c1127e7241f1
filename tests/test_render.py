"""Pictures come out right with pip's packages alone, and by the Graphviz that is installed where there is one."""

from __future__ import annotations

import base64
import os
import re
import shlex
import signal
import struct
import subprocess
import sys
import time
import warnings
import zlib
from importlib import metadata
from pathlib import Path

import pytest
import svg_reader
from svg_reader import SVG

from netdsl.draw import engines
from netdsl.draw.notice import PictureWarning
from netdsl.draw.render import RenderError, painted, render

DOT = """digraph net {
  node [fontname="Helvetica" shape=box style="rounded,filled" fillcolor="#e8f0fe"]
  edge [fontname="Helvetica"]
  subgraph cluster_stem {
    label="stem {×2}" fontname="Helvetica-Bold" style=dashed
    conv [shape=plain style="" label=<<table><tr><td bgcolor="#4a6fa5">conv1</td><td>3×3 &amp; 64</td></tr></table>>]
    norm [label="norm1 → α"]
  }
  conv -> norm [label="56×56×64"]
  conv -> norm [style=dashed]
}
"""
LABELS = ("stem {×2}", "conv1", "3×3 & 64", "norm1 → α", "56×56×64")
SHEBANG_SCRIPTS = pytest.mark.skipif(sys.platform == "win32", reason="the fake dot is a script with a #! line")


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder that is all of PATH."""
    monkeypatch.setenv("PATH", str(tmp_path))
    return tmp_path


def fake_dot(path: Path, script: str) -> None:
    """Puts a Python script on PATH as `dot`. A #! line takes no spaces, and names /bin/sh therefore."""
    code = f"import sys\ntext = sys.stdin.read()\n{script}\n"
    file = path / "dot"
    file.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -c {shlex.quote(code)} "$@"\n', encoding="utf-8")
    file.chmod(0o755)


def points(svg: bytes) -> tuple[float, float]:
    root = svg_reader.root(svg)
    return float(root.attrib["width"].removesuffix("pt")), float(root.attrib["height"].removesuffix("pt"))


def pixels(png: bytes) -> tuple[int, int]:
    assert png[:16] == b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR"
    return struct.unpack(">II", png[16:24])


def page(pdf: bytes) -> tuple[float, float]:
    box = re.search(rb"/MediaBox \[ 0 0 ([0-9.]+) ([0-9.]+) \]", pdf)
    assert box
    return float(box[1]), float(box[2])


def drawn(pdf: bytes) -> str:
    """The operators that paint the pages of a PDF by reportlab."""
    streams = re.findall(rb"stream\r?\n(.*?)endstream", pdf, re.DOTALL)
    return "\n".join(
        zlib.decompress(base64.a85decode(b"<~" + s.strip(), adobe=True)).decode("latin-1") for s in streams
    )


@pytest.mark.usefixtures("path")
def test_svg_without_a_dot() -> None:
    svg = render(DOT)
    root = svg_reader.root(svg)
    assert root.tag == f"{SVG}svg"
    assert sorted(LABELS) == sorted(text.said for text in svg_reader.texts(root))
    assert {text.attrib["font-family"] for text in svg_reader.every(root, "text")} == {"Helvetica,Arial,sans-serif"}
    assert b"<!" not in svg
    assert render(DOT) == svg


@pytest.mark.usefixtures("path")
@pytest.mark.parametrize("dpi", [72, 144])
def test_png_is_as_large_as_the_graph_at_its_resolution(dpi: int) -> None:
    wide, high = points(render(DOT))
    png = painted(render(DOT), "png", dpi=dpi)
    assert pixels(png) == pytest.approx((wide * dpi / 72, high * dpi / 72), abs=3)
    assert painted(render(DOT), "png", dpi=dpi) == png


@pytest.mark.usefixtures("path")
def test_pdf_holds_text_and_lines_and_no_image() -> None:
    pdf = painted(render(DOT), "pdf")
    assert pdf.startswith(b"%PDF-1.")
    assert b"/BaseFont /Helvetica" in pdf
    assert b"/Subtype /Image" not in pdf
    operators = drawn(pdf)
    assert "(conv1) Tj" in operators
    assert "(3\\3273 & 64) Tj" in operators
    assert re.search(r"\] 0 d\b", operators), "the dashed edge"
    assert page(pdf) == pytest.approx(points(render(DOT)))
    assert painted(render(DOT), "pdf") == pdf


@pytest.mark.usefixtures("path")
def test_pdf_page_is_never_too_long_for_a_reader() -> None:
    long = "digraph { ranksep=300 a -> b }"
    wide, high = points(render(long))
    assert high > 20000
    pdf = painted(render(long), "pdf")
    assert page(pdf) == pytest.approx((wide * 14400 / high, 14400))
    matrix = re.search(r"^([0-9.]+) 0 0 ([0-9.]+) 0 0 cm$", drawn(pdf), re.MULTILINE)
    assert matrix
    assert float(matrix[2]) == pytest.approx(14400 / high, abs=1e-4)


@pytest.mark.usefixtures("path")
@pytest.mark.parametrize(("dot", "reason"), [("digraph { a -> ", "syntax error in line 1"), ("", "drew nothing")])
def test_what_is_no_graph_is_a_render_error(dot: str, reason: str) -> None:
    with pytest.raises(RenderError, match=reason):
        render(dot)


@pytest.mark.usefixtures("path")
def test_the_reason_is_the_error_and_not_a_warning_before_it() -> None:
    with pytest.raises(RenderError, match=r"^graphviz-pure could not draw the graph: Error: mismatched tag"):
        render('digraph { a [fontname="Nope"] b [label=<<b>x</i>>] }')


def test_options_out_of_range() -> None:
    with pytest.raises(RenderError, match="'gif' of it: choose svg, png or pdf"):
        painted(SHEET.encode(), "gif")
    with pytest.raises(RenderError, match="at least 1 dot per inch, not 0"):
        painted(SHEET.encode(), "png", dpi=0)


PICTURE = '<svg xmlns="http://www.w3.org/2000/svg"><g class="graph"><polygon points="0,0 9,9"/></g></svg>'


@SHEBANG_SCRIPTS
def test_a_dot_on_path_comes_first(path: Path) -> None:
    fake_dot(
        path, f"open({str(path / 'asked')!r}, 'w').write(f'{{sys.argv[1:]}} {{text}}')\nprint({PICTURE!r}, end='')"
    )
    assert render("digraph { a }\n") == PICTURE.encode()
    assert (path / "asked").read_text() == "['-Kdot', '-Tsvg'] digraph { a }\n"


@SHEBANG_SCRIPTS
@pytest.mark.parametrize(
    ("script", "reason"),
    [
        ("sys.exit('Error: no layout engine')", "dot could not draw the graph: Error: no layout engine"),
        ("sys.exit(3)", "it gave no reason"),
        ("print('Warning: \\x1b[31m', file=sys.stderr); sys.exit(1)", "Warning: \ufffd\\[31m"),
        ("import os; os.kill(os.getpid(), 11)", "it was ended by SIGSEGV"),
        ("pass", "what it wrote is no svg"),
        ("print('not a picture')", "what it wrote is no svg"),
        ("while True: sys.stdout.buffer.write(bytes(1 << 16))", "wrote more than 1 MiB for the graph, and was stopped"),
    ],
)
def test_a_dot_on_path_that_fails_is_passed_over_and_told(
    path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], script: str, reason: str
) -> None:
    monkeypatch.setattr(engines, "LARGEST", 1 << 20)
    fake_dot(path, script)
    with pytest.warns(PictureWarning, match=f"{reason}; graphviz-pure drew it in its place"):
        assert pixels(painted(render(DOT), "png"))[0] > 100
    assert capfd.readouterr() == ("", "")
    with pytest.raises(RenderError, match=f"{reason}$"):
        render("digraph {")


@SHEBANG_SCRIPTS
@pytest.mark.parametrize("svg", ["<svg/>", PICTURE[:-5], PICTURE.replace("polygon", "rect")])
def test_a_dot_on_path_that_writes_another_svg_is_passed_over_and_told(path: Path, svg: str) -> None:
    fake_dot(path, f"print({svg!r})")
    with pytest.warns(PictureWarning, match="what it wrote is no svg"):
        assert points(render(DOT))[0] > 50


@SHEBANG_SCRIPTS
def test_a_dot_on_path_that_hangs_is_ended_with_what_it_started(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engines, "PATIENCE", 1.0)
    started = path / "started"
    child = f"open({str(started)!r}, 'w').write(str(os.getpid())); time.sleep(600)"
    fake_dot(path, f"import os, time\nif not os.fork(): {child}\ntime.sleep(600)")
    with pytest.warns(PictureWarning, match="did not draw the graph within 1 s, and was stopped; graphviz-pure drew"):
        assert points(render(DOT))[0] > 50
    assert not alive(int(started.read_text()))


@SHEBANG_SCRIPTS
def test_what_a_dot_on_path_leaves_behind_is_not_waited_for(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engines, "_LATE", 0.2)
    started = path / "started"
    child = f"os.setsid(); open({str(started)!r}, 'w').write(str(os.getpid())); time.sleep(600)"
    waits = f"while not os.path.exists({str(started)!r}): time.sleep(0.01)"
    fake_dot(path, f"import os, time\nif not os.fork(): {child}\n{waits}\nprint({PICTURE!r})")
    try:
        with pytest.warns(PictureWarning, match="did not draw the graph"):
            assert points(render(DOT))[0] > 50
    finally:
        os.kill(int(started.read_text()), signal.SIGKILL)


def alive(process: int) -> bool:
    """Whether a process runs; one that has ended and is not yet waited for does not."""
    for _ in range(100):
        try:
            os.kill(process, 0)
        except ProcessLookupError:
            return False
        state = Path(f"/proc/{process}/stat")
        if state.exists() and state.read_text().rpartition(")")[2].split()[0] == "Z":
            return False
        time.sleep(0.05)
    return True


@SHEBANG_SCRIPTS
def test_a_dot_on_path_that_is_no_program_is_passed_over(path: Path) -> None:
    (path / "dot").write_bytes(b"\x7fELF but not really")
    (path / "dot").chmod(0o755)
    with pytest.warns(PictureWarning, match="dot cannot be run"):
        assert pixels(painted(render(DOT), "png"))[0] > 100


@pytest.mark.usefixtures("path")
def test_without_any_graphviz_it_says_how_to_get_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(name: str) -> None:
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "files", absent)
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    with pytest.raises(RenderError, match="pip install graphviz-pure"):
        render(DOT)


@pytest.mark.usefixtures("path")
def test_without_svglib_only_the_pdf_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "svglib.svglib", None)
    with pytest.raises(RenderError, match="pip install svglib"):
        painted(render(DOT), "pdf")
    assert points(render(DOT))[0] > 50


def test_engines_are_imported_when_needed() -> None:
    program = "import sys, netdsl.draw.render; print({'graphviz', 'svglib', 'reportlab'} & set(sys.modules))"
    assert subprocess.run([sys.executable, "-c", program], capture_output=True, text=True).stdout == "set()\n"


def test_text_is_as_wide_as_in_the_font_of_the_layout() -> None:
    svg = render('digraph { node [fontname=Helvetica fontsize=10]; a [label="Wide"]; }').decode()
    thousandths = 944 + 222 + 556 + 556  # W, i, d and e in Adobe's metrics of Helvetica
    assert f'textLength="{thousandths / 100:.2f}"' in svg


def test_letters_beyond_western_europe_are_embedded_in_a_pdf() -> None:
    assert b"DejaVu" in painted(SHEET.format(WORDS.format("Łukasz")).encode(), "pdf")
    assert b"DejaVu" not in painted(SHEET.format(WORDS.format("Müller × 3")).encode(), "pdf")


WORDS = '<text x="0" y="20" font-family="Helvetica,Arial,sans-serif" font-size="12">{}</text>'
SHEET = '<svg width="90pt" height="30pt" viewBox="0 0 90 30" xmlns="http://www.w3.org/2000/svg">{}</svg>'


@pytest.mark.parametrize("format", ["png", "pdf"])
@pytest.mark.parametrize(
    ("title", "warned"),
    [
        ("日本語", ["no font at hand has 日 (U+65E5), 本 (U+672C), 語 (U+8A9E)"]),
        ("a 🎉", ["no font at hand has 🎉 (U+1F389)"]),
        ("שלום", ["letters from right to left are in the wrong order"]),
        ("عربي क", ["no font at hand has क (U+0915)", "letters from right to left"]),
        ("".join(map(chr, range(0x4E00, 0x4E00 + 40))), ["(U+4E07) and 32 more"]),
        ("Müller Łukasz Ωμέγα Ж → e\u0301 ≤", []),
    ],
)
def test_letters_that_a_picture_lacks_are_told(title: str, warned: list[str], format: str) -> None:
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always", PictureWarning)
        painted(SHEET.format(WORDS.format(title)).encode(), format)
    assert len(found) == len(warned)
    for one, expected in zip(found, warned, strict=True):
        assert expected in str(one.message)
        assert one.filename == __file__


def test_an_svg_has_all_letters() -> None:
    picture = SHEET.format(WORDS.format("日本語 שלום")).encode()
    assert painted(picture, "svg") == picture
