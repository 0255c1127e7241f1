"""What can be wrong with a training, as data; `str` gives a sentence, and `help` what to do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path


class TrainError(Exception):
    """A training that was asked for and cannot be had, or that ends before its end."""

    help: str = ""


@dataclass(eq=False)
class OccupiedError(TrainError):
    """A folder that holds a training already."""

    folder: Path
    epoch: int
    epochs: int

    def __str__(self) -> str:
        done = "a finished training" if self.epoch >= self.epochs else f"a training in epoch {self.epoch + 1}"
        return f"{self.folder} holds {done}"

    @property
    def help(self) -> str:  # pyright: ignore[reportIncompatibleVariableOverride]
        on = "" if self.epoch >= self.epochs else f"--resume {self.folder} goes on with it; "
        return f"{on}-o names another folder, and --overwrite begins anew"


@dataclass(eq=False)
class NotATrainingError(TrainError):
    """A folder or a file that is no training, or is damaged."""

    path: Path
    reason: str

    def __str__(self) -> str:
        return f"{self.path} is no training: {self.reason}"

    @property
    def help(self) -> str:  # pyright: ignore[reportIncompatibleVariableOverride]
        if self.path.is_file():
            return "begin anew with --overwrite, or in another folder with -o"
        if several := [one for one in self.path.glob("[0-9]*") if one.is_dir()]:
            return f"it holds several: --resume {self.path} --seeds {len(several)} goes on with all"
        return f"netdsl train FILE --data DATA -o {self.path} begins one"


@dataclass(eq=False)
class NoFolderError(TrainError):
    """A file where the folder of a training would be."""

    path: Path
    help = "-o names another place"

    def __str__(self) -> str:
        return f"{self.path} is a file, and a training is written into a folder"


@dataclass(eq=False)
class ChangedError(TrainError):
    """A training that would go on with something else than it began with; `changes` say what was, and is."""

    folder: Path
    changes: Mapping[str, tuple[str, str]]
    help = "go on with what it began with, or begin anew with -o"

    def __str__(self) -> str:
        lines = [f"  {what}: {was}, now {now}" for what, (was, now) in self.changes.items()]
        return "\n".join([f"{self.folder} cannot go on to the same weights, since something has changed", *lines])


@dataclass(eq=False)
class NotFiniteError(TrainError):
    """A loss that is no number; `epoch` and `step` count from 1, and `kept` says which weights are sound."""

    epoch: int
    step: int
    value: str
    cause: str
    kept: str
    help: str = ""

    def __str__(self) -> str:
        return f"the loss is {self.value} at step {self.step} of epoch {self.epoch}: {self.cause}; {self.kept}"


class Interrupted(KeyboardInterrupt):
    """A training that was asked to end, and has saved where it was; `epoch` counts from 1."""

    def __init__(self, folder: Path, epoch: int, signal: int) -> None:
        super().__init__(f"interrupted in epoch {epoch}; what {folder} holds goes on with resume")
        self.folder, self.epoch, self.signal = folder, epoch, signal


@dataclass(eq=False)
class LostError(TrainError):
    """A process that trains with others, and has lost one of them."""

    rank: int
    world: int
    help = "what was saved last goes on with --resume, by as many processes"

    def __str__(self) -> str:
        return f"process {self.rank + 1} of {self.world} has lost another, which has ended or cannot be reached"


@dataclass(eq=False)
class RoomError(TrainError):
    """A step that takes more memory than there is; `parts` are those in which it would fit, 0 where there are none."""

    batch: int
    taken: str
    there: str
    parts: int

    def __str__(self) -> str:
        examples = "one example" if self.batch == 1 else f"{self.batch} examples"
        return f"a step by {examples} takes {self.taken} of memory, of which {self.there} are free"

    @property
    def help(self) -> str:  # pyright: ignore[reportIncompatibleVariableOverride]
        if self.parts:
            return f"write --accumulate {self.parts}, which adds up the gradients of as many parts of a batch"
        return "take a smaller INPUT or network; netdsl memory tells what takes how much"


@dataclass(eq=False)
class TooFewError(TrainError):
    """Steps by fewer examples than the network trains on; `batch` is the least that has enough for each process."""

    examples: int
    least: int
    batch: int

    def __str__(self) -> str:
        one = "one example" if self.examples == 1 else f"{self.examples} examples"
        return f"a step by {one} trains nothing: normalising by the statistics of a batch takes {self.least} at least"

    @property
    def help(self) -> str:  # pyright: ignore[reportIncompatibleVariableOverride]
        return f"write batch = {self.batch} or more in the recipe, of as many examples"
