"""What is told while a training runs: a bar on a terminal and in a notebook, else a line for each epoch."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from netdsl.train import log
from netdsl.train.log import Epoch

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress


def shown(say: Callable[[str], None] | None = None) -> Watch:
    """Shows a bar on a terminal, or in a notebook that has widgets; else `say` is given lines, or they are printed."""
    from rich.console import Console

    terminal = sys.stderr is not None and sys.stderr.isatty()
    console = Console(stderr=True)
    if (console.is_jupyter and find_spec("ipywidgets")) or terminal:
        return Bars(console)
    return Lines(say or partial(print, file=sys.stdout if console.is_jupyter else sys.stderr))


class Watch:
    """One that tells nothing; others say more of what it is told."""

    def note(self, sentence: str) -> None:
        """What whoever trains should know."""

    def began(self, epochs: int, steps: int) -> None:
        """A training of so many epochs begins, or goes on; each has so many steps."""

    def stepped(self, epoch: int, done: int, loss: float, error: float) -> None:
        """Steps of an epoch, counted from 1, are done; loss and error are their means."""

    def trying(self, part: str, done: int) -> None:
        """So many batches of a part of the data were tried."""

    def ended(self, epoch: Epoch, best: bool) -> None:
        """An epoch has ended; whether its weights are the best so far."""

    def close(self) -> None:
        """No more is told."""


class Lines(Watch):
    """A line for each epoch."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say, self._epochs = say, 0

    def note(self, sentence: str) -> None:
        self._say(f"note: {sentence}")

    def began(self, epochs: int, steps: int) -> None:
        self._epochs = epochs

    def ended(self, epoch: Epoch, best: bool) -> None:
        self._say(log.line(epoch, self._epochs) + ", best" * best)


class Bars(Watch):
    """A bar for the epoch that runs, with loss and error, below a line for each that has ended."""

    def __init__(self, console: Console) -> None:
        from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

        self._bars: Progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=None),
            TextColumn("{task.fields[told]}"),
            TimeRemainingColumn(compact=True),
            console=console,
            transient=True,
            expand=True,
        )
        self._task = self._bars.add_task("starting", total=None, told="")
        self._epochs, self._steps = 0, 0

    def note(self, sentence: str) -> None:
        self._line(f"note: {sentence}")

    def began(self, epochs: int, steps: int) -> None:
        self._epochs, self._steps = epochs, steps
        self._line(log.heads())
        self._bars.start()  # no sooner, so that whatever is wrong before leaves the terminal as it was

    def stepped(self, epoch: int, done: int, loss: float, error: float) -> None:
        what = f"epoch {epoch}/{self._epochs}"
        self._show(what, done, self._steps, f"loss {log.loss(loss)}, error {log.percent(error)}", new=done == 1)

    def trying(self, part: str, done: int) -> None:
        self._bars.update(self._task, told=f"trying {part} data")

    def _show(self, what: str, done: int, steps: int, told: str, *, new: bool) -> None:
        if new:
            self._bars.reset(self._task, total=steps)
        self._bars.update(self._task, description=what, completed=done, total=steps, told=told, refresh=True)

    def ended(self, epoch: Epoch, best: bool) -> None:
        self._line(log.row(epoch, self._epochs, best=best))

    def _line(self, text: str) -> None:
        from rich.text import Text

        self._bars.console.print(Text(text))

    def close(self) -> None:
        self._bars.stop()


class Board(Watch):
    """Tells TensorBoard of each epoch, through files in a folder, and another watch of all."""

    def __init__(self, shown: Watch, folder: Path) -> None:
        """Raises ImportError where there is no TensorBoard."""
        self._writer: Any = import_module("torch.utils.tensorboard").SummaryWriter
        self._shown, self._folder, self._open = shown, folder, None
        self.note, self.began, self.stepped, self.trying = shown.note, shown.began, shown.stepped, shown.trying

    def ended(self, epoch: Epoch, best: bool) -> None:
        self._shown.ended(epoch, best)
        if self._open is None:
            self._open = self._writer(str(self._folder), purge_step=epoch.epoch)
        for name, value in asdict(epoch).items():
            part, _, what = name.rpartition("_")
            if value is not None and name not in ("epoch", "examples"):
                self._open.add_scalar(f"{what}/{part}" if part else what, value, epoch.epoch)

    def close(self) -> None:
        self._shown.close()
        if self._open is not None:
            self._open.close()
