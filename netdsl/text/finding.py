"""A mistake that was found in a program, as data."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Self

from netdsl.text.advice import Advice, Fix
from netdsl.text.codes import severity_of
from netdsl.text.mistake import Mistake
from netdsl.text.shown import Line
from netdsl.text.source import Span


@dataclass(frozen=True)
class Related:
    """Another place that has to do with a diagnostic, such as the other end of a mismatch."""

    span: Span
    text: str


@dataclass(frozen=True, repr=False)
class Finding(Line):
    """A mistake, and where it is.

    `path` names the node it is about, `calls` the places from which its block was called, innermost first.
    """

    mistake: Mistake
    span: Span
    related: tuple[Related, ...] = ()
    path: str = ""
    calls: tuple[Span, ...] = ()
    denied: bool = False
    """Whether a warning is to count as an error."""
    message: str = field(init=False)
    help: str = field(init=False)
    """What the mistake says, asked once, by the pass that found it: near names are sought in a bounded time."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "message", self.mistake.message())
        object.__setattr__(self, "help", self.mistake.help())

    @property
    def code(self) -> str:
        """The stable name for what kind of mistake it is."""
        return self.mistake.code

    @property
    def about(self) -> str:
        """Its line."""
        return f"{self.severity}[{self.code}] at {self.span}: {self.message}"

    @property
    def fixes(self) -> tuple[Fix, ...]:
        """The fix that its help names, if that names one edit."""
        fix = self.help.fix(self.span) if isinstance(self.help, Advice) else None
        return () if fix is None or fix.edits[0].text == fix.edits[0].span.text else (fix,)

    def unfixed(self) -> Self:
        """The same without its fix, in the same words."""
        return replace(self, mistake=self.mistake.advised(str(self.help)))

    @property
    def severity(self) -> str:
        """`error` or `warning`."""
        return "error" if self.denied else severity_of(self.code)
