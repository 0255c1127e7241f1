"""What has become of a training."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from netdsl.text import safe
from netdsl.text.shown import Page
from netdsl.text.tabulate import PLAIN, Look
from netdsl.train import log
from netdsl.train.evaluation import Evaluation
from netdsl.train.log import Epoch


@dataclass(frozen=True, repr=False)
class Outcome(Page):
    """A training that has ended: what it was of, its epochs, the best of them, and how that one does on test data.

    It prints as a table. `folder` holds its files.
    """

    title: str
    folder: Path
    epochs: tuple[Epoch, ...]
    best: Epoch
    test: Evaluation | None
    files: Sequence[str]

    @property
    def seconds(self) -> float:
        """How long its epochs took."""
        return sum(one.seconds for one in self.epochs)

    def data(self) -> dict[str, object]:
        """What came of it, for JSON; errors are from 0 to 1, and None where there is no such part of the data."""
        best, test = self.best, self.test
        return {
            "name": self.title,
            "epochs": len(self.epochs),
            "best_epoch": best.epoch,
            "examples": best.examples,
            "seconds": self.seconds,
            "validation_error": best.validation_error,
            "validation_loss": best.validation_loss,
            "test_examples": None if test is None else test.examples,
            "test_error": None if test is None else test.error,
            "test_loss": None if test is None else test.loss,
        }

    def text(self, look: Look = PLAIN) -> str:
        """The table of its epochs, and what came of it."""
        return "\n".join([log.table(self.epochs, self.best.epoch, look), "", *self.lines()])

    @property
    def told(self) -> str:
        """Its errors, in a line."""
        tried = None if self.test is None else self.test.error
        errors = {"validation": self.best.validation_error, "test": tried}
        return ", ".join(f"{name} error {log.percent(error)}" for name, error in errors.items() if error is not None)

    def lines(self) -> list[str]:
        """What came of it, a line each."""
        best, test = self.best, self.test
        epochs = "1 epoch" if len(self.epochs) == 1 else f"{len(self.epochs)} epochs"
        found = [f"{self.title}: {epochs} of {best.examples:,} examples in {log.duration(self.seconds)}"]
        if best.validation_error is not None:
            found.append(f"validation error  {log.percent(best.validation_error):>7}  (epoch {best.epoch}, the best)")
        if test is not None:
            five = f"; top-5 {log.percent(test.top5_error)}" if len(test.confusion) > 5 else ""
            found.append(f"test error        {log.percent(test.error):>7}  (of {test.examples:,} examples{five})")
        return [safe.line(one) for one in (*found, f"{self.folder}: {', '.join(self.files)}")]

    def __str__(self) -> str:
        return self.text()
