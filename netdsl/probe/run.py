"""One step of a network under one init."""

from __future__ import annotations

from dataclasses import dataclass

from netdsl.probe.judgement import Start
from netdsl.probe.mistakes import Warned
from netdsl.probe.readings import Readings
from netdsl.text.shown import Line


@dataclass(frozen=True, repr=False)
class Run(Line):
    """What was read of a network that started in one way, and what keeps it from learning."""

    start: Start
    readings: Readings
    warnings: tuple[Warned, ...]

    @property
    def name(self) -> str:
        """What it started from: an init, or the file that has its weights."""
        return self.start.weights or self.start.init

    @property
    def about(self) -> str:
        """Its line."""
        return f"{self.name}: {self.readings.about}"
