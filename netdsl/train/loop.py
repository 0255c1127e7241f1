"""The loop: epochs of steps and trials, and the folder that they are written to.

`last.safetensors` is written first, and all else follows from it and what was written before: whenever the process is
ended, it goes on from there to the same weights.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load, save
from torch import Tensor

from netdsl import compile, files
from netdsl import recipe as recipes
from netdsl.compile.origin import Origin
from netdsl.compile.plan import device_named
from netdsl.compile.progress import Progress, silent
from netdsl.data import Part
from netdsl.measure.meter import Meter
from netdsl.train import blame, checkpoint, curves, distributed, log, room, stopping
from netdsl.train import folder as names
from netdsl.train import setting as settings
from netdsl.train.batches import Batches, preparation
from netdsl.train.distributed import Group
from netdsl.train.errors import ChangedError, Interrupted, NoFolderError, NotFiniteError, OccupiedError, TooFewError
from netdsl.train.evaluation import Evaluation, Tally
from netdsl.train.folder import About
from netdsl.train.log import Epoch
from netdsl.train.outcome import Outcome
from netdsl.train.setting import Setting
from netdsl.train.training import Training
from netdsl.train.watch import Watch

SAVE = 30.0
"""Seconds of training between two checkpoints within an epoch, at least."""
SHARE = 20.0
"""And so often the time that writing one takes."""
_SHOW = 0.1
"""Seconds between two steps that are shown."""
_DRAW = 5.0
"""Seconds between two pictures of the curves, but for the last."""
_ASKED = "it ends after this step; asked once more it ends at once, and goes on from what was saved before"


def train(
    setting: Setting,
    folder: Path,
    about: About,
    *,
    device: str = "auto",
    resume: bool = False,
    overwrite: bool = False,
    watch: Watch | None = None,
    before: Callable[[Training, Tensor, Tensor], None] | None = None,
    progress: Progress = silent,
) -> Outcome:
    """Train a network, and write what comes of it into a folder; with `resume` go on with what stands there.

    `before` sees the network and a first batch before the first step. Raises TrainError, DataError, LossError,
    CompileError and OSError; and Interrupted where it was asked to end, once all is written.
    """
    where = chosen(device)
    group = distributed.join(where)
    watch = watch if watch is not None and group.first else Watch()
    asked = stopping.noticed(partial(watch.note, _ASKED), patient=group.world > 1)
    with closing(watch), _generator(where), asked as stop:
        facts = setting.facts(where, group.world)
        state = _begun(folder, resume=resume, overwrite=overwrite)
        setting = _parted(setting, state, where, group, watch.note)  # and all have seen the folder before it changes
        facts["accumulate"] = setting.accumulate
        if state is not None:
            _compared(folder, state["facts"], facts, watch.note)
            facts["weights"] = state["facts"]["weights"]  # which it has left behind
        run = _Run(setting, folder, about, facts, where, group, watch, stop, progress)
        if state is None:
            run.begin(before)
        else:
            run.restore(state)
        return run.all()


def chosen(device: str) -> torch.device:
    """The device of a name, of which `auto` is the fastest here. Raises UnknownDeviceError."""
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    found = device_named(distributed.device(device))
    if found.type == "cuda":
        torch.cuda.set_device(found)
    return found


@contextmanager
def _generator(device: torch.device) -> Generator[None]:
    """Leave torch's own generators as they were."""
    devices = [device] if device.type == "cuda" else []
    with torch.random.fork_rng(devices), torch.enable_grad():  # pyright: ignore[reportUnknownMemberType]
        yield


def _begun(folder: Path, *, resume: bool, overwrite: bool) -> dict[str, Any] | None:
    """What a folder goes on from; None for one that is begun. Raises TrainError where that may not be."""
    if resume:
        return names.state(folder)
    if file := next((one for one in (folder, *folder.parents) if one.is_file()), None):
        raise NoFolderError(file)
    if names.is_training(folder) and not overwrite:
        found = names.state(folder)
        raise OccupiedError(folder, found["training"]["epoch"], found["facts"]["recipe"]["epochs"])
    return None


def _compared(folder: Path, before: Mapping[str, Any], facts: Mapping[str, Any], note: Callable[[str], None]) -> None:
    """Raise ChangedError where a training cannot go on to the same weights, and tell of what may change digits."""
    if changed := settings.changes(before, facts):
        raise ChangedError(folder, changed)
    for what, (was, now) in settings.circumstances(before, facts).items():
        note(f"{what} was {was} and is {now}, so that weights may differ in their last digits")


def _parted(
    setting: Setting,
    state: Mapping[str, Any] | None,
    device: torch.device,
    group: Group,
    note: Callable[[str], None],
) -> Setting:
    """The setting, with the parts of a batch that there is memory for, or that a training began with.

    Raises TooFewError and RoomError.
    """
    asked = setting.accumulate or (state["facts"]["accumulate"] if state else 0)
    batch = -(-min(setting.recipe.batch, len(setting.data.train)) // group.world)
    if batch < (least := Meter(setting.shaped).least.batch):
        raise TooFewError(batch, least, least * group.world)
    found = group.most(room.parts(replace(setting, accumulate=asked), batch, room.available(device)))
    if found > 1 and not asked:
        note(f"a step by {batch} examples does not fit into memory, so that each batch is taken in {found} parts")
    return replace(setting, accumulate=found)


class _Run:
    """A training that is under way, and its folder."""

    def __init__(
        self,
        setting: Setting,
        folder: Path,
        about: About,
        facts: Mapping[str, Any],
        device: torch.device,
        group: Group,
        watch: Watch,
        stop: Callable[[], int],
        progress: Progress,
    ) -> None:
        recipe, data = setting.recipe, setting.data
        self.setting, self.folder, self.about, self.facts = setting, folder, about, facts
        self.group, self.watch, self.stop = group, watch, stop
        self.dims = setting.shaped.shapes[setting.shaped.graph.inputs[0]].dims
        self.prepared = preparation(data, self.dims, recipe)
        self.batches = self._batches(data.train, augmented=True)
        self.trials = dict[str, Batches]()  # by part, since they keep pictures that they have read
        self.steps = len(self.batches)
        self.training = Training(setting, device, self.steps, progress, group, stop)
        self.epochs: list[Epoch] = []
        self.saved, self.cost, self.drawn, self.shown = time.monotonic(), 0.0, 0.0, 0.0

    def _batches(self, part: Part, *, augmented: bool = False) -> Batches:
        recipe, group = self.setting.recipe, self.group
        return Batches(
            part,
            self.dims,
            self.prepared,
            augmentation=recipe.augmentation if augmented else (),
            seed=recipe.seed,
            batch=recipe.batch if augmented else -(-recipe.batch // self.setting.accumulate),
            rank=group.rank,
            world=group.world,
        )

    @property
    def best(self) -> Epoch | None:
        """The epoch whose weights are kept."""
        return min(self.epochs, key=lambda one: one.order, default=None)

    def begin(self, before: Callable[[Training, Tensor, Tensor], None] | None) -> None:
        """Begin a folder, and forget what stood there."""
        for sentence in self.training.notes():
            self.watch.note(sentence)
        if before is not None and self.group.first:
            kept = {name: one.clone() for name, one in self.training.module.state_dict().items()}
            x, y = next(iter(self.batches.epoch(0, shuffle=True)))
            some = -(-len(x) // self.setting.accumulate)
            before(self.training, self.training.placed(x[:some]), y[:some].to(self.training.device))
            self.training.module.load_state_dict(kept)
        if not self.group.first:
            return
        self.folder.mkdir(parents=True, exist_ok=True)
        for name in (names.LAST, names.BEST, names.COMPILED, names.LOG, names.CURVES, names.RESULT):
            (self.folder / name).unlink(missing_ok=True)
        source = self.setting.shaped.graph.source.text
        files.replace(self.folder / names.NETWORK, source.encode())
        self._describe()
        self.save()

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on with what stands in the folder."""
        self.training.restore(state["training"])
        self.epochs = log.read(state["epochs"])
        if self.group.first:
            self._describe()

    def _describe(self) -> None:
        text = recipes.text(self.setting.recipe, settings.versions())
        files.replace(self.folder / names.RECIPE, text.encode())

    def all(self) -> Outcome:
        """Train until the end."""
        self.watch.began(self.setting.recipe.epochs, self.steps)
        while self.training.epoch < self.setting.recipe.epochs:
            self._epoch()
        return self._end()

    def _epoch(self) -> None:
        """Train for the rest of an epoch, try it, and write what came of it."""
        training, began = self.training, time.monotonic() - self.training.seconds
        number = training.epoch
        training.train()
        try:
            for x, y in self.batches.epoch(number, shuffle=True, first=training.done):
                training.step(x, y)
                training.seconds = time.monotonic() - began
                self._after_step()
            training.settle()
            training.seconds = time.monotonic() - began
            tried = self._tried("validation", self.setting.data.validation)
            loss, error = training.means
            row = Epoch(
                number + 1,
                loss,
                error,
                None if tried is None else tried.loss,
                None if tried is None else tried.error,
                training.rate,
                time.monotonic() - began,
                training.seen,
            )
            self.epochs.append(row)
            training.schedule.epoch(error if tried is None else tried.error)
            training.close()
            best = self.best is row
            if best and self.group.first:
                self._keep()
            self.save()
        except FloatingPointError as error:
            raise self._unsound(error) from None
        if self.group.first:
            self._tell(row, best=best)

    def _after_step(self) -> None:
        """Show a step, save what is due, and end where that was asked."""
        training, now = self.training, time.monotonic()
        if now - self.shown > _SHOW:
            self.shown = now
            self.watch.stepped(training.epoch + 1, training.done, *training.means)
        if training.asked or (self.group.world == 1 and self.stop()):
            self._interrupted()
        if self.group.first and now - self.saved > max(SAVE, SHARE * self.cost):
            self.save()

    def _tried(self, name: str, part: Part | None) -> Evaluation | None:
        """How the weights do on a part of the data; None where there is none."""
        if not part:
            return None
        tally = Tally(len(self.setting.data.classes))
        with self.training.trying() as predict:
            for x, y in self._watched(name, self.trials.setdefault(name, self._batches(part))):
                if len(x):
                    tally.add(predict(x), y)
        if self.group.any(bool(self.stop())):
            self._interrupted()
        tally.combine(self.group.sum)
        return tally.evaluation()

    def _watched(self, name: str, batches: Batches) -> Iterator[tuple[Tensor, Tensor]]:
        """Batches of a part, which end where that was asked."""
        for done, one in enumerate(batches.epoch(0, shuffle=False)):
            now = time.monotonic()
            if now - self.shown > _SHOW:
                self.shown = now
                self.watch.trying(name, done)
            if self.stop():
                return
            yield one

    def _interrupted(self) -> None:
        """Save, and raise Interrupted."""
        epochs = self.setting.recipe.epochs
        if self.training.epoch < epochs:  # else all is saved, and it has the best weights, to try them on test data
            self.save()
            if self.best is not None and self.group.first:
                self._compile()
        self.group.any(asked=False)  # the first has written all before another ends, at which torchrun ends the rest
        raise Interrupted(self.folder, min(self.training.epoch + 1, epochs), self.stop())

    def _unsound(self, error: FloatingPointError) -> NotFiniteError:
        """What is wrong where a loss is no number."""
        training = self.training
        kept = names.state(self.folder)["training"]
        why, help = blame.cause(training)
        at = f"step {kept['done']} of epoch {kept['epoch'] + 1}" if kept["done"] else f"epoch {kept['epoch']}"
        sound = f"{names.LAST} has the weights of {at}" if kept["step_number"] else "no step was sound"
        return NotFiniteError(training.epoch + 1, max(1, training.done), str(error), why, sound, help)

    def save(self) -> None:
        """Write what the training goes on from. Raises FloatingPointError where that is unsound."""
        began = time.monotonic()
        state = {
            "about": asdict(self.about),
            "facts": self.facts,
            "training": self.training.state(),
            "epochs": [asdict(one) for one in self.epochs],
        }
        if self.group.first:
            checkpoint.write(self.folder / names.LAST, state)
        self.saved = time.monotonic()
        self.cost = self.saved - began

    def _keep(self) -> None:
        """Write the weights as they are tried, which are the best."""
        weights = {name: one.detach().cpu().contiguous() for name, one in self.training.weights().items()}
        files.replace(self.folder / names.BEST, save(weights))

    def _tell(self, row: Epoch, *, best: bool) -> None:
        """Tell of an epoch, in the log and in a picture."""
        files.replace(self.folder / names.LOG, log.lines(self.epochs).encode())
        if time.monotonic() - self.drawn > _DRAW:
            self._draw()
            self.drawn = time.monotonic()
        self.watch.ended(row, best)

    def _draw(self) -> None:
        if self.best is not None:
            title = self.setting.shaped.graph.title
            files.replace(self.folder / names.CURVES, curves.svg(self.epochs, self.best.epoch, title))

    def _compile(self) -> None:
        """Write the best weights as a network that runs by itself."""
        data = self.setting.data
        compile.compile(
            self.setting.shaped,
            self.folder / names.COMPILED,
            weights=Origin(self.folder / names.BEST),
            classes=data.classes,
            preparation=self.prepared,
        )

    def _end(self) -> Outcome:
        """Try the best weights on test data, once, and write what came of it."""
        best = self.best
        assert best is not None, "a recipe has an epoch at least"
        if self.group.first:
            self._draw()
            files.replace(self.folder / names.LOG, log.lines(self.epochs).encode())
            self._compile()
            self.training.take(load((self.folder / names.BEST).read_bytes()))
        self.group.spread(self.training.weights().values())
        try:
            test = self._tried("test", self.setting.data.test)
        except FloatingPointError as error:
            raise self._unsound(error) from None
        found = (names.BEST, names.COMPILED, names.CURVES, names.LOG, names.RECIPE, names.RESULT)
        outcome = Outcome(self.setting.shaped.graph.title, self.folder, tuple(self.epochs), best, test, found)
        if self.group.first:
            files.replace(self.folder / names.RESULT, f"{json.dumps(outcome.data(), indent=2)}\n".encode())
        return outcome
