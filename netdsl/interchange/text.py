"""Text files of strangers."""

from __future__ import annotations

import codecs
import os
import re
from pathlib import Path

from netdsl.interchange import mistakes
from netdsl.interchange.gathering import failed
from netdsl.text.source import Source, Span

MOST_BYTES = 4_000_000
"""Bytes of a text that describes a network: ten times those of the longest that is published."""
_WIDE = {codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}
_SHAPES = {
    "a .cfg of Darknet": re.compile(r"\s*(?:[#;].*\n\s*)*\[[a-z_]+\]"),
    "a .prototxt of Caffe": re.compile(r"\s*(?:#.*\n\s*)*(?:name|input|layers?|input_shape)\s*[:{]"),
}
"""How texts of each format begin."""


def source(path: str | os.PathLike[str], format: str) -> Source:
    """The text of a file, its lines ended as ours are. Raises ForeignError, and OSError.

    What is longer than any such file, no text, or that of another format is told at once.
    """
    with Path(path).open("rb") as file:
        data = file.read(MOST_BYTES + 1)
    place = Span(Source("", str(path)), 0, 0)
    if len(data) > MOST_BYTES:
        raise failed(mistakes.TooMuch("bytes", len(data), MOST_BYTES), place)
    encoding = _WIDE.get(data[:2], "utf-8")
    if encoding == "utf-8" and b"\0" in data:
        hint = "weights are given beside the file that describes the network, or by --from-weights"
        raise failed(mistakes.Broken(f"this is no text, as {format} is", hint), place)
    text = data.decode(encoding, errors="replace").removeprefix("\ufeff")
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    for other, shape in _SHAPES.items():
        if other != format and shape.match(text):
            suffix = other.split()[1]
            raise failed(mistakes.Broken(f"this is {other}, not {format}", f"name it {suffix}"), place)
    return Source(text, str(path))
