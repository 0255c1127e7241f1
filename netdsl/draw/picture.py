"""A finished picture in Python: the bytes of its file, which show themselves in a session and in notebooks."""

from __future__ import annotations

from netdsl.text.shown import Line

_BEGINS = {b"\x89PNG": "png", b"%PDF": "pdf", b"<!DOCTYPE html": "html", b"digraph": "dot"}


class Picture(Line, bytes):
    """The bytes of a picture's file."""

    __slots__ = ()

    @property
    def format(self) -> str:
        """Its format: svg, png, pdf, dot or html."""
        return next((format for begin, format in _BEGINS.items() if self.startswith(begin)), "svg")

    @property
    def about(self) -> str:
        """Its line."""
        return f"{self.format}, {len(self):,} bytes"

    def __str__(self) -> str:
        return repr(self)

    def _repr_svg_(self) -> str | None:
        """The picture, for notebooks."""
        return self.decode() if self.format == "svg" else None

    def _repr_png_(self) -> bytes | None:
        """The same of a PNG."""
        return bytes(self) if self.format == "png" else None
