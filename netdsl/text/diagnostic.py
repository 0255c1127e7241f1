"""What is wrong with a program: found as data by the phases, worded for people by `render`."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from netdsl.text import render
from netdsl.text.finding import Finding
from netdsl.text.mistake import Mistake
from netdsl.text.mistakes import ManyErrors
from netdsl.text.shown import preformatted
from netdsl.text.source import Span

MOST_ERRORS = 1000


@dataclass(frozen=True, repr=False)
class Diagnostic(Finding):
    """A finding that shows itself with its lines of source."""

    def __str__(self) -> str:
        """The diagnostic with its lines of source, as `netdsl check` shows it."""
        return render.text(self).rstrip()

    def _repr_html_(self) -> str:
        """The same, for notebooks."""
        return preformatted(str(self))


class Enough(Exception):
    """There are more errors than anybody reads, the last of which says so; to seek others would only take time."""


@dataclass
class Report:
    """Collects the diagnostics of a run, each cause once."""

    errors: int = 0
    seen: dict[tuple[str, str, int, int, str], Diagnostic] = field(
        default_factory=dict[tuple[str, str, int, int, str], Diagnostic]
    )

    def add(self, diagnostic: Diagnostic) -> None:
        """Keep a diagnostic unless the same code was found at the same place.

        Copies and calls come to a place again, with other shapes and so in other words; elsewhere, other words tell
        of something else, such as the second of two names that a `use` brings in twice. Raises Enough.
        """
        span = diagnostic.span
        words = "" if diagnostic.path or diagnostic.calls else diagnostic.message
        key = (diagnostic.code, span.source.name, span.start, span.end, words)
        if key in self.seen:
            return
        self.errors += diagnostic.severity == "error"
        if self.errors > MOST_ERRORS:
            self.seen[("", *key[1:])] = Diagnostic(ManyErrors(MOST_ERRORS), span)
            raise Enough
        self.seen[key] = diagnostic

    def error(self, mistake: Mistake, span: Span) -> None:
        """Keep a plain error."""
        self.add(Diagnostic(mistake, span))

    @property
    def failed(self) -> bool:
        """Whether there is an error among them."""
        return self.errors > 0

    def diagnostics(self) -> list[Diagnostic]:
        """All of them in source order, file by file as first met."""
        files = {found.span.source.name: None for found in self.seen.values()}
        order = {name: index for index, name in enumerate(files)}
        return sorted(self.seen.values(), key=lambda d: (order[d.span.source.name], d.span.start, d.span.end))


class NetError(Exception):
    """A network with errors, for callers in Python; `diagnostics` holds all that was found."""

    def __init__(self, diagnostics: Iterable[Diagnostic]) -> None:
        self.diagnostics = tuple(diagnostics)
        super().__init__(self.diagnostics)

    @property
    def errors(self) -> tuple[Diagnostic, ...]:
        """Its errors, without the warnings beside them."""
        return tuple(one for one in self.diagnostics if one.severity == "error")

    def __str__(self) -> str:
        """Its errors with their lines of source, as `netdsl check` shows them."""
        return "\n\n".join(map(str, self.errors))

    def __repr__(self) -> str:
        found = self.errors
        more = f" and {len(found) - 1:,} more" if len(found) > 1 else ""
        return f"<{type(self).__name__} {found[0]!r}{more}>" if found else f"<{type(self).__name__}>"
