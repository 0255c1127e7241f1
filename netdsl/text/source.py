"""Source text and places in it."""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import PurePath

from netdsl.text.fit import clipped
from netdsl.text.shown import Line

_PIPE = re.compile(r"<.+>|/dev/(stdin|fd/\d+)|/proc/(self|\d+)/fd/\d+")
"""What shells and netdsl call what comes through a pipe."""


@dataclass(frozen=True, eq=False, repr=False)
class Source(Line):
    """The text of one file, and the name that diagnostics show for it."""

    text: str
    name: str

    @property
    def about(self) -> str:
        """Its line."""
        return f"{self.name}: {len(self.line_starts):,} lines"

    @property
    def passing(self) -> bool:
        """Whether it came through a pipe, so that there is no file to look into."""
        return _PIPE.fullmatch(self.name) is not None

    @cached_property
    def line_starts(self) -> list[int]:
        """The offset at which each line begins."""
        starts = [0]
        find = self.text.find
        at = find("\n")
        while at >= 0:
            starts.append(at + 1)
            at = find("\n", at + 1)
        return starts

    def position(self, offset: int) -> tuple[int, int]:
        """Line and column of an offset, both counted from 1, in code points."""
        line = bisect_right(self.line_starts, offset)
        return line, offset - self.line_starts[line - 1] + 1

    @lru_cache(maxsize=8)  # noqa: B019 - a source lives as long as its program, and its lines are asked for again
    def line(self, number: int) -> str:
        """The text of a line, counted from 1, without its end."""
        start = self.line_starts[number - 1]
        end = self.line_starts[number] - 1 if number < len(self.line_starts) else len(self.text)
        return self.text[start:end].rstrip("\r")


@dataclass(frozen=True, slots=True, repr=False)
class Span(Line):
    """A stretch of a source, from offset `start` up to `end`, which is left out."""

    source: Source
    start: int
    end: int

    @property
    def about(self) -> str:
        """Its line."""
        return f"{self}: {clipped(self.text, 40)}"

    @property
    def line(self) -> int:
        """The line it starts on, from 1."""
        return self.source.position(self.start)[0]

    @property
    def column(self) -> int:
        """The column it starts at, from 1."""
        return self.source.position(self.start)[1]

    @property
    def stop(self) -> tuple[int, int]:
        """Line and column just behind its end."""
        return self.source.position(self.end)

    @property
    def text(self) -> str:
        """What the source says there."""
        return self.source.text[self.start : self.end]

    def to(self, other: Span) -> Span:
        """The stretch from here to the end of `other`."""
        return Span(self.source, self.start, other.end)

    def __str__(self) -> str:
        return f"{self.source.name}:{self.line}:{self.column}"


def stem(name: str) -> str:
    """What is made of a file is called: its name without its suffix; `stdin` or `pipe` for what came through one."""
    if _PIPE.fullmatch(name):
        return "stdin" if name.endswith(("stdin", "stdin>")) else name[1:-1] if name.startswith("<") else "pipe"
    return PurePath(name).stem
