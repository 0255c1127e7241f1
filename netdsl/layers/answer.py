"""Answers to the questions that people ask of a layer or a network: sentences, formulas, tables."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from netdsl.layers.formula import Formula
from netdsl.text import shown


@dataclass(frozen=True, slots=True, repr=False)
class Equation(shown.Line):
    """A formula and its value on a line of its own: what it is of, what it counts, and a remark."""

    label: str
    formula: Formula
    unit: str = ""
    remark: str = ""

    @property
    def about(self) -> str:
        """Its line in a session."""
        return f"{self.label}: {self}"

    def __str__(self) -> str:
        remark = f"({self.remark})" if self.remark else ""
        return " ".join(filter(None, (str(self.formula), self.unit, remark)))


@dataclass(frozen=True, slots=True, repr=False)
class Table(shown.Line):
    """Rows of cells under headings; `right` are the columns of numbers, counted from 0."""

    headings: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    right: frozenset[int] = frozenset()

    @property
    def about(self) -> str:
        """Its line in a session."""
        return f"of {', '.join(self.headings)}: {len(self.rows):,} rows"


Line: TypeAlias = str | Equation | Table


@dataclass(frozen=True, slots=True, repr=False)
class Answer(shown.Line):
    """A question, and what answers it."""

    question: str
    lines: tuple[Line, ...]

    @property
    def about(self) -> str:
        """Its line in a session."""
        return self.question
