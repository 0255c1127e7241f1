"""A claim of the course slides, the command of netdsl that speaks to it, and what comes of the two."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from typing import Any, Literal, TypeAlias

from click.testing import CliRunner

from netdsl.cli.main import cli
from netdsl.measure.expect import near

Verdict: TypeAlias = Literal["right", "off", "–"]

Find: TypeAlias = str | Callable[[str], str]
"""A pattern whose group is found in what a command prints, or a function that finds it there."""


@dataclass(frozen=True)
class Claim:
    """What the slides say, and how to hold it against netdsl.

    `value` is what `find` must find in what the command prints for the slides to be right: the same text, behind ~ a
    number at the precision written, or what a function says holds. Without a command the claim is about no
    architecture.
    """

    says: str
    command: str = ""
    find: Find = ""
    value: str | Callable[[str], bool] = ""
    note: str = ""

    @property
    def found(self) -> str:
        """What netdsl says."""
        if not self.command:
            return ""
        printed = run(self.command)
        if callable(self.find):
            return self.find(printed)
        match = re.search(self.find, printed)
        assert match is not None, f"{self.command} prints nothing like {self.find}:\n{printed}"
        return " ".join(match[1].split())

    @property
    def verdict(self) -> Verdict:
        """Whether the slides are right."""
        if not self.command:
            return "–"
        if callable(self.value):
            holds = self.value(self.found)
        elif self.value.startswith("~"):
            holds = about(self.found, self.value[1:])
        else:
            holds = self.found == self.value
        return "right" if holds else "off"


def about(figure: str, written: str) -> bool:
    """Whether a figure is what the slides write, at their precision: 34,944 is 35K."""
    return near(Fraction(figure.replace(",", "")), _number(written), written)


def _number(written: str) -> Fraction:
    scale = {"K": 10**3, "M": 10**6, "G": 10**9}
    return Fraction(written.rstrip("KMG")) * scale.get(written[-1], 1)


@cache
def run(command: str) -> str:
    """What a command of netdsl prints."""
    name, *arguments = command.split()
    assert name == "netdsl"
    done = CliRunner().invoke(cli, arguments)
    assert done.exit_code == 0, f"{command} ends with {done.exit_code}: {done.output}"
    return done.stdout


def data(printed: str) -> Any:
    """What a command printed as JSON."""
    return json.loads(printed)


def total(name: str) -> Find:
    """A figure among the totals of a summary as a table."""
    return rf"(?m)^{name} +([\d,]+)"


def of_layer(path: str, key: str) -> Find:
    """A figure of a layer, in a summary as JSON: its output as dims, its parameters with commas."""

    def find(printed: str) -> str:
        row = next(row for row in data(printed)["layers"] if row["path"] == path)
        value = row[key]
        if isinstance(value, list):
            return "x".join(map(str, value))
        return f"{value:,}" if isinstance(value, int) else str(value)

    return find


def kinds(*left_out: str) -> Find:
    """The layers in order, in a summary as JSON."""

    def find(printed: str) -> str:
        return ", ".join(row["kind"] for row in data(printed)["layers"] if row["kind"] not in ("INPUT", *left_out))

    return find
