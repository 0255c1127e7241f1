"""Text files of strangers."""

from __future__ import annotations

import os
from pathlib import Path

from netdsl.interchange import mistakes
from netdsl.interchange.gathering import failed
from netdsl.text.source import Source, Span

MOST_BYTES = 4_000_000
"""Bytes of a text that describes a network: ten times those of the longest that is published."""


def source(path: str | os.PathLike[str]) -> Source:
    """The text of a file, whatever its bytes are. Raises ForeignError for more than any has, and OSError."""
    with Path(path).open("rb") as file:
        data = file.read(MOST_BYTES + 1)
    if len(data) > MOST_BYTES:
        place = Span(Source("", str(path)), 0, 0)
        raise failed(mistakes.TooMuch("bytes", len(data), MOST_BYTES), place)
    return Source(data.decode("utf-8", errors="replace").removeprefix("\ufeff"), str(path))
