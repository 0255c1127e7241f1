"""What a training tells of each epoch: a line of JSON, a row of a table."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from math import isnan
from typing import Any

from netdsl.text import tabulate
from netdsl.text.tabulate import PLAIN, Column, Look, Strong


@dataclass(frozen=True)
class Epoch:
    """An epoch that has ended; errors are from 0 to 1, `rate` is that of its last step, `seconds` its own.

    Losses and errors of training are the means over its steps, as the weights were then, with dropout and what chance
    did to the examples. Those of validation are None where there is no such part.
    """

    epoch: int
    train_loss: float
    train_error: float
    validation_loss: float | None
    validation_error: float | None
    rate: float
    seconds: float
    examples: int

    @property
    def order(self) -> tuple[float, float]:
        """The less, the better the weights: by the error of validation, then by its loss."""
        if self.validation_error is None or self.validation_loss is None:
            return 0.0, -self.epoch
        return self.validation_error, float("inf") if isnan(self.validation_loss) else self.validation_loss


def lines(epochs: Iterable[Epoch]) -> str:
    """A line of JSON for each epoch."""
    return "".join(f"{json.dumps(asdict(one))}\n" for one in epochs)


def read(rows: Iterable[Mapping[str, Any]]) -> list[Epoch]:
    """Epochs of what `asdict` made of them."""
    return [Epoch(**row) for row in rows]


def percent(error: float | None) -> str:
    """An error as people read it."""
    return "" if error is None else f"{100 * error:.2f}%"


def loss(value: float | None) -> str:
    """A loss as people read it."""
    return "" if value is None else f"{value:.4f}"


def duration(seconds: float) -> str:
    """A time as people read it: 8.5 s, 3:20 or 2:05:00."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


_WIDTHS = (9, 9, 9, 12, 9, 10, 9)


def heads() -> str:
    """What stands above rows."""
    return _row("epoch", "loss", "error", "validation", "error", "rate", "time")


def row(one: Epoch, of: int, *, best: bool) -> str:
    """An epoch of so many, in columns, for a terminal."""
    tried = (loss(one.validation_loss), percent(one.validation_error))
    told = (f"{one.epoch}/{of}", loss(one.train_loss), percent(one.train_error), *tried, f"{one.rate:.3g}")
    return _row(*told, duration(one.seconds)) + "  best" * best


def _row(*cells: str) -> str:
    return "".join(cell.rjust(width) for cell, width in zip(cells, _WIDTHS, strict=True))


def table(epochs: Sequence[Epoch], best: int, look: Look = PLAIN) -> str:
    """A row for each epoch, the best of which stands out."""
    columns = [
        Column("epoch", right=True, fit="whole"),
        *[Column(head, right=True, fit="whole") for head in ("loss", "error", "validation\nloss", "validation\nerror")],
        Column("rate", right=True, fit="whole"),
        Column("time", right=True, fit="whole"),
        Column("", fit="whole"),
    ]
    rows: list[list[str]] = []
    for one in epochs:
        cells = [
            str(one.epoch),
            loss(one.train_loss),
            percent(one.train_error),
            loss(one.validation_loss),
            percent(one.validation_error),
            f"{one.rate:.3g}",
            duration(one.seconds),
            "best" if one.epoch == best else "",
        ]
        rows.append([Strong(cell) for cell in cells] if one.epoch == best else cells)
    return "\n".join(tabulate.text(columns, rows, look))


def line(one: Epoch, of: int) -> str:
    """An epoch in a sentence, for what is no terminal."""
    told = f"epoch {one.epoch}/{of}: loss {loss(one.train_loss)}, error {percent(one.train_error)}"
    if one.validation_error is not None:
        told += f"; validation loss {loss(one.validation_loss)}, error {percent(one.validation_error)}"
    return f"{told}; rate {one.rate:.3g}, {duration(one.seconds)}"
