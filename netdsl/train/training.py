"""A network in training: its weights, and all that changes with each step."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from hashlib import sha256
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor, fx, nn

from netdsl import compile
from netdsl.compile.origin import Remarks
from netdsl.compile.progress import Progress, silent
from netdsl.measure.meter import Meter
from netdsl.train.average import Average
from netdsl.train.distributed import Group, gradients, statistics
from netdsl.train.loss import loss
from netdsl.train.optimizer import optimizer
from netdsl.train.schedule import Schedule
from netdsl.train.setting import Setting

_WAIT = 16
"""Steps whose losses are looked at together where that makes a device wait."""
_TYPES = {"bf16": torch.bfloat16, "fp16": torch.float16}


class Training:
    """A network, its loss and its optimizer, at some step of some epoch.

    `epoch` counts those that have ended, `done` the batches of the one that runs, `step_number` those of all. All
    chance follows from the recipe's seed and these.
    """

    def __init__(
        self,
        setting: Setting,
        device: torch.device,
        steps: int,
        progress: Progress = silent,
        group: Group | None = None,
        stop: Callable[[], int] = lambda: 0,
    ) -> None:
        recipe, shaped = setting.recipe, setting.shaped
        self.setting, self.device, self.steps = setting, device, steps
        self.group, self.stop = group or Group(), stop
        self.module: fx.GraphModule = compile.module(
            shaped, seed=recipe.seed, init=setting.init, weights=setting.weights, logits=True, progress=progress
        ).to(device)
        weights = _balanced(setting) if recipe.balance else None
        self.loss = loss(shaped, setting.loss, aux_weight=recipe.aux_weight, class_weights=weights).to(device)
        self.module.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]
        self.optimizer = optimizer(self.module, recipe, setting.freeze)
        self.schedule = Schedule(self.optimizer, recipe, steps)
        self.average = Average(self.module, recipe.ema) if recipe.ema else None
        self.scaler = torch.amp.GradScaler(device.type, enabled=recipe.precision == "fp16")
        self.least = Meter(shaped).least.batch
        self.epoch = self.done = self.step_number = 0
        self.seen, self.loss_sum, self.wrong = 0, 0.0, 0
        self.seconds = self.rate = 0.0
        self.asked = False
        """Whether a process was asked to end, as all know."""
        self._pending: list[Tensor] = []

    def notes(self) -> Iterator[str]:
        """What there is to say of the weights that it begins with, and of what is frozen."""
        remarks: Remarks = self.module.meta.get("weights", Remarks())
        yield from (*remarks.notes, *remarks.odd)
        sizes = [(one.numel(), one.requires_grad) for one in self.module.parameters()]
        total, trained = sum(size for size, _ in sizes), sum(size for size, grad in sizes if grad)
        if trained < total:
            yield f"{trained:,} of {total:,} parameters are trained, the others frozen"

    def train(self) -> None:
        """Let the module train, but for what is frozen."""
        self.module.train()

    def step(self, x: Tensor, y: Tensor) -> None:
        """A step of the optimizer by a batch, or by this process's share of one.

        What has fewer examples than the network can train on is passed over.
        """
        self.done += 1
        self.step_number += 1
        if len(x) >= self.least or self.group.world > 1:
            self._step(x, y)
        self.rate = float(self.optimizer.param_groups[0]["lr"])
        self.schedule.step()
        if len(self._pending) >= (1 if self.device.type == "cpu" else _WAIT):
            self.settle()

    def _step(self, x: Tensor, y: Tensor) -> None:
        recipe = self.setting.recipe
        seed(recipe.seed, self.step_number, self.device, self.group.rank)
        self.optimizer.zero_grad(set_to_none=True)
        sums = torch.tensor([0.0, 0.0, 0.0, bool(self.stop())], dtype=torch.float64, device=self.device)
        enough = len(x) >= self.least
        if enough:
            self._backward(self.placed(x), y.to(self.device, non_blocking=True), sums)
        trained = [one for group in self.optimizer.param_groups for one in group["params"]]
        if self.group.world > 1:
            weight = len(x) / self.group.share(recipe.batch) if enough else 0.0
            self.group.average([*gradients(trained), *statistics(self.module)], weight, sums)
        self._pending.append(sums)
        if recipe.clip:
            self.scaler.unscale_(self.optimizer)
            nn.utils.clip_grad_norm_(trained, recipe.clip)
        self.scaler.step(self.optimizer)
        self.scaler.update()
        if self.average is not None:
            self.average.update(self.module)

    def _backward(self, x: Tensor, y: Tensor, sums: Tensor) -> None:
        """Add up the gradients of the parts of a batch, and its losses, errors and examples."""
        parts = max(1, min(self.setting.accumulate, len(x) // self.least))
        for some, wanted in zip(x.tensor_split(parts), y.tensor_split(parts), strict=True):
            with self.precisely():
                outputs = self.module(some)
            found = self.loss(outputs, wanted)
            share = found * (len(some) / len(x)) if parts > 1 else found
            torch.autograd.backward(cast("Tensor", self.scaler.scale(share)))
            with torch.no_grad():
                sums[0] += found.detach() * len(some)
                sums[1] += (self.loss.ranked(outputs).argmax(1) != wanted).sum()
                sums[2] += len(some)

    def settle(self) -> None:
        """Add up the losses of the last steps. Raises FloatingPointError, with a value that is no number."""
        if not self._pending:
            return
        rows = cast("list[list[float]]", torch.stack(self._pending).tolist())  # pyright: ignore[reportUnknownMemberType]
        self._pending.clear()
        for total, wrong, count, asked in rows:
            if not np.isfinite(total):
                raise FloatingPointError(str(total))
            self.loss_sum += total
            self.wrong += int(wrong)
            self.seen += int(count)
            self.asked = self.asked or asked > 0

    @property
    def means(self) -> tuple[float, float]:
        """Loss and error of the steps of the epoch that runs."""
        return self.loss_sum / max(1, self.seen), self.wrong / max(1, self.seen)

    def close(self) -> None:
        """End an epoch."""
        self.epoch, self.done, self.seen, self.loss_sum, self.wrong = self.epoch + 1, 0, 0, 0.0, 0
        self.seconds = 0.0

    def placed(self, x: Tensor) -> Tensor:
        """Examples on the device, channels last as its convolutions have them, which is faster on CPUs and GPUs."""
        form = torch.channels_last if x.dim() == 4 and x.shape[1] > 1 else torch.preserve_format
        return x.to(self.device, non_blocking=True, memory_format=form)

    @contextmanager
    def precisely(self) -> Generator[None]:
        """Compute in the recipe's precision."""
        kind = _TYPES.get(self.setting.recipe.precision)
        with nullcontext() if kind is None else torch.autocast(self.device.type, kind):
            yield

    @contextmanager
    def trying(self) -> Generator[Callable[[Tensor], Tensor]]:
        """A function from examples to the probabilities of their classes, by the averaged weights where there are."""
        module = self.module if self.average is None else self.average.module
        module.eval()

        def predict(x: Tensor) -> Tensor:
            with self.precisely():
                outputs = module(self.placed(x))
            return self.loss.probabilities(outputs)

        with torch.inference_mode():
            yield predict
        self.train()

    def weights(self) -> dict[str, Tensor]:
        """The weights that are tried and kept, under the network's names."""
        return (self.module if self.average is None else self.average.module).state_dict()

    def take(self, weights: Mapping[str, Tensor]) -> None:
        """Try such weights from now on."""
        (self.module if self.average is None else self.average.module).load_state_dict(weights)

    def state(self) -> dict[str, Any]:
        """All that the next steps follow from. Raises FloatingPointError where steps have made it unsound."""
        self.settle()
        weights = self.module.state_dict()
        if self.step_number and not all(bool(torch.isfinite(one).all()) for one in weights.values()):
            raise FloatingPointError("nan")
        return {
            "module": weights,
            "optimizer": self.optimizer.state_dict(),
            "schedule": self.schedule.state_dict(),
            "average": None if self.average is None else self.average.state_dict(),
            "scaler": self.scaler.state_dict(),
            **{name: getattr(self, name) for name in _COUNTS},
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Stand where another training of the same setting stood."""
        self.module.load_state_dict(state["module"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.schedule.load_state_dict(state["schedule"])
        if self.average is not None:
            self.average.load_state_dict(state["average"])
        self.scaler.load_state_dict(state["scaler"])
        for name in _COUNTS:
            setattr(self, name, state[name])


_COUNTS = ("epoch", "done", "step_number", "seen", "loss_sum", "wrong", "seconds", "rate")


def seed(number: int, step: int, device: torch.device, rank: int = 0) -> None:
    """Let what is drawn next follow from a seed and a step alone."""
    own = int.from_bytes(sha256(f"{number} {step} {rank}".encode()).digest()[:8], "big") >> 1
    torch.default_generator.manual_seed(own)
    if device.type != "cpu":
        torch.manual_seed(own)  # pyright: ignore[reportUnknownMemberType]


def _balanced(setting: Setting) -> list[float]:
    """What an example of each class counts, so that all classes count alike, and one example on average 1."""
    counts = np.bincount(setting.data.train.labels, minlength=len(setting.data.classes))
    return [len(setting.data.train) / (len(counts) * count) if count else 0.0 for count in counts.tolist()]
