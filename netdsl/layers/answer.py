"""Answers to the questions that people ask of a layer or a network: sentences, formulas, tables."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from netdsl.layers.formula import Formula


@dataclass(frozen=True, slots=True)
class Equation:
    """A formula and its value on a line of its own: what it is of, what it counts, and a remark."""

    label: str
    formula: Formula
    unit: str = ""
    remark: str = ""

    def __str__(self) -> str:
        remark = f"({self.remark})" if self.remark else ""
        return " ".join(filter(None, (str(self.formula), self.unit, remark)))


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of cells under headings; `right` are the columns of numbers, counted from 0."""

    headings: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    right: frozenset[int] = frozenset()


Line: TypeAlias = str | Equation | Table


@dataclass(frozen=True, slots=True)
class Answer:
    """A question, and what answers it."""

    question: str
    lines: tuple[Line, ...]
