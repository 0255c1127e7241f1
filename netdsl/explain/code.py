"""A diagnostic's code explained: what it means, what mends it, a program that earns it, and what that prints."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from netdsl.measure import expect
from netdsl.text import render, safe
from netdsl.text.codes import Code
from netdsl.text.diagnostic import Report
from netdsl.text.shown import Page
from netdsl.text.source import Source

_WIDTH = 80


@dataclass(frozen=True, repr=False)
class CodePage(Page):
    """What there is to say of a code."""

    code: Code
    printed: str
    """What `netdsl check` says of the example."""

    def __str__(self) -> str:
        return self.text()

    def text(self, *, colour: bool = False) -> str:
        """80 columns of text; on a terminal with colours the code is bold."""
        code, bold, plain = self.code, "\x1b[1m" * colour, "\x1b[0m" * colour
        words = [*textwrap.wrap(code.meaning, _WIDTH), "", *textwrap.wrap(code.fix, _WIDTH)]
        example = textwrap.indent(code.example.rstrip(), "  ")
        return "\n".join([f"{bold}{code.name}{plain} ({code.severity})", *words, "", example, "", *self._printed()])

    def _printed(self) -> Iterator[str]:
        yield from (f"  {line}".rstrip() for line in self.printed.splitlines())

    def markdown(self) -> str:
        """A heading, sentences, and the example with what it prints as code."""
        code = self.code
        example = f"```net-wrong\n{code.example.rstrip()}\n```\n\n```text\n{self.printed}\n```"
        return f"### {code.name}\n\n{code.meaning}\n\n{code.fix}\n\n{example}"

    @property
    def data(self) -> dict[str, object]:
        """All of it as plain data."""
        code = self.code
        head = {"code": code.name, "severity": code.severity, "meaning": code.meaning, "fix": code.fix}
        return {**head, "example": code.example, "printed": self.printed}

    def json(self) -> str:
        """The data as JSON."""
        return safe.json_text(self.data)


def page(code: Code) -> CodePage:
    """The page of a code, for which its example is checked in a folder of its own."""
    report = Report()
    with TemporaryDirectory() as folder:
        path = Path(folder, "example.net")
        path.write_text(code.example, encoding="utf-8")
        expect.check(Source(code.example, path.name), path, report)
    return CodePage(code, "\n".join(map(render.text, report.diagnostics())).rstrip())
