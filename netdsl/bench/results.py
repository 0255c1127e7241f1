"""What a comparison of contestants found, as data and as JSON; netdsl.bench.report lays it out."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from math import isfinite

from netdsl.bench.errors import Errors
from netdsl.bench.machine import Machine
from netdsl.bench.setting import Setting
from netdsl.text import safe
from netdsl.text.shown import Line


@dataclass(frozen=True)
class Score:
    """What was measured of a contestant: the seconds of a call, one figure a round, and until its first were done."""

    name: str
    title: str
    times: Sequence[float]
    preparation: float
    errors: Errors

    @cached_property
    def quartiles(self) -> tuple[float, float, float]:
        """The lower quartile, the median and the upper quartile of the seconds of a call."""
        if len(self.times) < 2:
            return self.times[0], self.times[0], self.times[0]
        low, middle, high = statistics.quantiles(self.times, n=4, method="inclusive")
        return low, middle, high

    @property
    def median(self) -> float:
        """The median of the seconds of a call."""
        return self.quartiles[1]

    @property
    def spread(self) -> float:
        """The distance between the quartiles, over the median."""
        low, median, high = self.quartiles
        return (high - low) / median


@dataclass(frozen=True, repr=False)
class Results(Line):
    """A network run by several contestants. The first score is netdsl's own.

    `limit` is the least time in seconds that the machine could need, 0 for a network without MACs; `left_out` says why
    a contestant has no score, `float32` which layers PyTorch cannot run in the precision.
    """

    title: str
    file: str
    setting: Setting
    machine: Machine
    limit: float
    scores: Sequence[Score]
    left_out: Mapping[str, str]
    float32: Sequence[str]
    versions: Mapping[str, str]
    date: str

    @property
    def about(self) -> str:
        """Its line."""
        return f'"{self.title}": {", ".join(score.name for score in self.scores)}'

    def ratio(self, score: Score) -> float:
        """How many times as long as netdsl's file it takes: above 1, netdsl is faster."""
        return score.median / self.scores[0].median

    def share(self, score: Score) -> float | None:
        """Its share of what the machine could do: 1 at the limit; None for a network without MACs."""
        return self.limit / score.median if self.limit else None

    @property
    def data(self) -> dict[str, object]:
        """All of it as plain data; numbers that are none are null."""
        return {
            "name": self.title,
            "file": self.file,
            "date": self.date,
            "versions": dict(self.versions),
            "machine": asdict(self.machine),
            **asdict(self.setting),
            "threads": self.machine.threads,
            "limit_ms": 1e3 * self.limit or None,
            "float32": list(self.float32),
            "contestants": [self._row(score) for score in self.scores],
            "left_out": dict(self.left_out),
        }

    def _row(self, score: Score) -> Mapping[str, object]:
        low, median, high = (1e3 * seconds for seconds in score.quartiles)
        return {
            "name": score.name,
            "title": score.title,
            "median_ms": median,
            "quartiles_ms": [low, high],
            "ratio": self.ratio(score),
            "spread": score.spread,
            "share": self.share(score),
            "errors": {name: value if isfinite(value) else None for name, value in asdict(score.errors).items()},
            "preparation_s": score.preparation,
            "times_ms": [1e3 * seconds for seconds in score.times],
        }

    def json(self) -> str:
        """The data as JSON."""
        return safe.json_text(self.data)
