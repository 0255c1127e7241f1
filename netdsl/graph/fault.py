"""A mistake found while a program is expanded, on its way to the report."""

from __future__ import annotations

from netdsl.text.diagnostic import Diagnostic
from netdsl.text.finding import Related
from netdsl.text.mistake import Mistake, Wrong
from netdsl.text.source import Span


class Fault(Wrong):
    """A mistake with its place; the pass that catches it adds the path and the calls, and goes on."""

    def __init__(self, mistake: Mistake, span: Span, related: tuple[Related, ...] = ()) -> None:
        super().__init__(mistake)
        self.span, self.related = span, related

    def found(self, path: str = "", calls: tuple[Span, ...] = ()) -> Diagnostic:
        """What is reported of it."""
        return Diagnostic(self.mistake, self.span, self.related, path, calls)
