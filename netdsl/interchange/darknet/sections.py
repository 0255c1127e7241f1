"""The sections of a .cfg file: a kind in brackets, and a key with its value on each line, as Darknet reads them."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from fractions import Fraction

from netdsl.interchange import mistakes
from netdsl.interchange.gathering import Fault
from netdsl.layers.arguments import MAX_SIZE, Number
from netdsl.layers.values import value_of
from netdsl.text.diagnostic import Report
from netdsl.text.fit import clipped
from netdsl.text.source import Source, Span
from netdsl.text.suggest import did_you_mean

_WHOLE = re.compile(r"[-+]?[0-9]{1,10}", re.ASCII)


@dataclass
class Section:
    """One section: each taking raises Fault for a value of another kind. Of a key twice the first counts."""

    kind: str
    span: Span
    """Its heading."""
    values: dict[str, tuple[str, Span]] = field(default_factory=dict[str, tuple[str, Span]])
    taken: set[str] = field(default_factory=set[str])

    def text(self, key: str, default: str = "") -> str:
        """What stands behind a key."""
        self.taken.add(key)
        return self.values[key][0] if key in self.values else default

    def whole(self, key: str, default: int, least: int = 0) -> int:
        """A whole number."""
        found = self.wholes(key, least)
        if len(found) > 1:
            raise self.wrong(key, "one number")
        return found[0] if found else default

    def wholes(self, key: str, least: int = -MAX_SIZE) -> list[int]:
        """Whole numbers with commas between."""
        words = [word for word in self.text(key).split(",") if word]
        if key in self.values and not words:
            raise self.wrong(key, "a whole number")
        for word in words:
            if not _WHOLE.fullmatch(word) or not least <= int(word) <= MAX_SIZE:
                raise self.wrong(key, f"a whole number from {least}" if least > -MAX_SIZE else "a whole number")
        return [int(word) for word in words]

    def real(self, key: str, default: Number) -> Number:
        """A number as it is written, exactly."""
        text = self.text(key)
        if key not in self.values:
            return default
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not math.isfinite(value):
            raise self.wrong(key, "a number")
        found = value_of(value)
        assert isinstance(found, int | Fraction)
        return found

    def word(self, key: str, words: Mapping[str, object], default: str) -> str:
        """One of some words."""
        found = self.text(key, default)
        if found not in words:
            noun = f"one of {', '.join(words)}"
            mistake = mistakes.WrongValue(key, clipped(found, 40), noun, did_you_mean(found, words))
            raise Fault(mistake, self.values[key][1])
        return found

    def wrong(self, key: str, noun: str) -> Fault:
        """That a value is of another kind."""
        text, span = self.values[key]
        return Fault(mistakes.WrongValue(key, clipped(text or "nothing", 40), noun), span)

    def at(self, key: str) -> Span:
        """Where a value stands, or else the section."""
        return self.values[key][1] if key in self.values else self.span

    def rest(self, passed: str = "") -> Iterator[str]:
        """The keys that are neither taken nor passed over. Raises Fault for the first that is likely a slip."""
        known = sorted(self.taken | set(passed.split()))
        for key, (_, span) in self.values.items():
            if key not in known:
                if hint := did_you_mean(key, known):
                    raise Fault(mistakes.UnknownKey(f"[{self.kind}]", clipped(key, 40), hint), span)
                yield clipped(key, 40)


def sections(source: Source, report: Report) -> list[Section]:
    """The sections of a file in order; lines that are neither a heading, a key nor a comment are told."""
    found: list[Section] = []
    start = 0
    for line in source.text.split("\n"):
        bare = "".join(line.partition("#")[0].split())
        text = line.strip()
        first = start + len(line) - len(line.lstrip())
        span = Span(source, first, first + len(text))
        start += len(line) + 1
        if not bare or bare[0] == ";":
            continue
        if bare[0] == "[":
            if not bare.endswith("]"):
                report.error(mistakes.Broken("this heading is never closed: ] is missing"), span)
            found.append(Section(bare.strip("[]"), span))
            continue
        key, equals, value = bare.partition("=")
        if not equals or not key:
            report.error(mistakes.Broken(f"`{clipped(text, 40)}` is neither [a heading] nor key=value"), span)
        elif not found:
            report.error(mistakes.Broken(f"{clipped(key, 40)} stands before any section"), span)
        else:
            found[-1].values.setdefault(key, (value, span))
    return found
