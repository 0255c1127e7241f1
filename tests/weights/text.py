"""Text in pictures, by networks of PaddleOCR in ONNX files: where it is, whether upside down, and what it says."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor
from wheels import command, compiled, file

MODELS = "rapidocr_onnxruntime/models"
ANGLE = f"{MODELS}/ch_ppocr_mobile_v2.0_cls_infer.onnx"
DETECTOR = f"{MODELS}/ch_PP-OCRv4_det_infer.onnx"
READER = f"{MODELS}/ch_PP-OCRv4_rec_infer.onnx"
PAGE = "skimage/data/page.png"
LINES = [(16, 30), (50, 63), (67, 80), (85, 98), (102, 115), (120, 133)]
"""From where to where the lines of that page go, at its left."""


def pixels(picture: Image.Image) -> Tensor:
    """A picture from -1 to 1, as both networks take it."""
    return torch.from_numpy(np.asarray(picture.convert("RGB"), np.float32)).permute(2, 0, 1)[None] / 127.5 - 1


def line(text: str) -> Image.Image:
    """A line of text, black on white, 48 pixels high."""
    font = ImageFont.load_default(36)
    picture = Image.new("RGB", (round(font.getlength(text)) + 16, 48), "white")
    ImageDraw.Draw(picture).text((8, 2), text, fill="black", font=font)
    return picture


def in_a_row(picture: Image.Image, width: int) -> Tensor:
    """A line of text as networks take it: 48 pixels high, so many wide, with grey behind it."""
    wide = min(width, -(-48 * picture.width // picture.height))
    found = torch.zeros(1, 3, 48, width)
    found[..., :wide] = pixels(picture.resize((wide, 48)))
    return found


def session(path: str) -> Any:
    """A file as onnxruntime runs it."""
    runtime: Any = pytest.importorskip("onnxruntime")
    return runtime.InferenceSession(str(file(path)), providers=["CPUExecutionProvider"])


def theirs(session: Any, x: Tensor) -> Tensor:
    """What onnxruntime gives for a picture."""
    return torch.from_numpy(session.run(None, {"x": x.numpy()})[0])


@pytest.fixture(scope="module")
def angle(tmp_path_factory: pytest.TempPathFactory) -> Any:
    return compiled(tmp_path_factory.mktemp("angle"), file(ANGLE), "--input", "48x192x3")


WORDS = ["Hello, world", "netdsl", "Convolution", "The quick brown fox", "LeNet-5, 1998", "gradient descent"]


@pytest.mark.parametrize("text", [*WORDS, "a line of a page"])
def test_what_stands_upside_down_is_told(angle: Any, text: str) -> None:
    picture = line(text) if text in WORDS else Image.open(file(PAGE)).crop((4, 45, 200, 70))
    for degrees, answer in ((0, 0), (180, 1)):
        x = in_a_row(picture.rotate(degrees), 192)
        with torch.no_grad():
            given = angle(x)
        assert given.argmax() == answer
        assert given.max() > 0.9
        torch.testing.assert_close(given, theirs(session(ANGLE), x), rtol=1e-4, atol=1e-6)


def test_lines_of_text_are_found(tmp_path: Path) -> None:
    page = Image.open(file(PAGE)).crop((0, 0, 384, 160))
    detector, x = compiled(tmp_path, file(DETECTOR), "--input", "160x384x3"), pixels(page)
    with torch.no_grad():
        given = detector(x)
    torch.testing.assert_close(given, theirs(session(DETECTOR), x), rtol=1e-4, atol=1e-3)
    rows = torch.nonzero(given[0, 0, :, 40] > 0.3).flatten().tolist()
    found = [[row for row in rows if top < row < bottom] for top, bottom in LINES]
    assert all(found)
    assert sum(map(len, found)) == len(rows)


def test_what_was_compiled_into_onnx_comes_in_as_it_was(tmp_path: Path) -> None:
    name = Path(ANGLE).stem
    compiled(tmp_path, file(ANGLE), "--input", "48x192x3")
    command(tmp_path, "compile", f"{name}.net", "-o", "again.onnx", "--weights", f"{name}.safetensors")
    command(tmp_path, "import", "again.onnx", "-o", "again.net")
    assert command(tmp_path, "diff", f"{name}.net", "again.net").endswith("no change\n")


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Any:
    return compiled(tmp_path_factory.mktemp("reader"), file(READER), "--input", "48x320x3")


@pytest.mark.parametrize("text", WORDS)
def test_what_is_written_is_read(reader: Any, text: str) -> None:
    """Each of 40 places has a sign, or none; equal neighbours are one (Graves 2006)."""
    x, paddle = in_a_row(line(text), 320), session(READER)
    with torch.no_grad():
        given = reader(x).flatten(2).transpose(1, 2)
    torch.testing.assert_close(given, theirs(paddle, x), rtol=1e-3, atol=1e-4)
    signs = ["", *paddle.get_modelmeta().custom_metadata_map["character"].splitlines(), " "]
    best = given[0].argmax(1).tolist()
    said = "".join(signs[one] for one, before in zip(best, [0, *best], strict=False) if one != before)
    assert said.strip() == text
