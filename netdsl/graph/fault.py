"""A mistake found while a program is expanded, on its way to the report."""

from __future__ import annotations

from netdsl.text.diagnostic import Related
from netdsl.text.source import Span


class Fault(Exception):
    """A mistake with its place; the pass that catches it adds the path and the calls, and goes on."""

    def __init__(self, code: str, message: str, span: Span, help: str = "", related: tuple[Related, ...] = ()) -> None:
        super().__init__(message)
        self.code, self.message, self.span, self.help, self.related = code, message, span, help, related
