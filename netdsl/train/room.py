"""Whether a training has room in the memory of its machine, and in how many parts its batches have."""

from __future__ import annotations

import os
from dataclasses import dataclass

import torch

from netdsl.data import memory
from netdsl.measure.meter import Meter
from netdsl.measure.units import size
from netdsl.train.errors import RoomError
from netdsl.train.setting import Setting


def available(device: torch.device) -> int | None:
    """Bytes of memory that are free on a device for this process; None where that is not known.

    Of a machine's own, others want some while this one trains.
    """
    if device.type == "cuda":
        return torch.cuda.mem_get_info(device)[0]
    if device.type != "cpu":
        return None
    processes = os.environ.get("LOCAL_WORLD_SIZE", "1")
    return memory.available() * 9 // 10 // max(1, int(processes) if processes.isdigit() else 1)


def parts(setting: Setting, most: int, there: int | None) -> int:
    """In how many parts a batch of at most so many examples is taken, so that a step fits into what is there.

    As many as the setting says, else as few as can be. Raises RoomError where that does not fit.
    """
    if there is None:
        return max(1, setting.accumulate)
    room = _Room.of(setting, most)
    tries = [setting.accumulate] if setting.accumulate else room.counts
    fits = next((count for count in tries if room.taken(count) <= there), 0)
    if not fits:
        less = next((count for count in room.counts if room.taken(count) <= there), 0)
        raise RoomError(room.largest(tries[-1]), size(room.taken(tries[-1])), size(there), less)
    return fits


def taken(setting: Setting, batch: int, parts: int = 1) -> int:
    """Bytes of memory that a step by so many examples takes, in so many parts."""
    return _Room.of(setting, batch).taken(parts)


@dataclass(frozen=True)
class _Room:
    """What a step by at most so many examples takes, in any number of parts."""

    most: int
    full: Meter
    half: Meter | None
    """The same in the precision that it computes in, where that is not float32."""

    @classmethod
    def of(cls, setting: Setting, most: int) -> _Room:
        """That of a setting."""
        recipe = setting.recipe
        kind = "momentum" if recipe.optimizer == "sgd" and recipe.momentum else recipe.optimizer
        half = None if recipe.precision == "fp32" else Meter(setting.shaped, kind, recipe.precision)
        return cls(most, Meter(setting.shaped, kind, ema=recipe.ema > 0), half)

    @property
    def counts(self) -> list[int]:
        """Numbers of parts that are tried: all small ones, then those some percent larger."""
        found, most = [1], max(1, self.most // self.full.least.batch)
        while found[-1] < most:
            found.append(min(most, found[-1] + max(1, found[-1] // 8)))
        return found

    def largest(self, count: int) -> int:
        """The examples of the largest part."""
        return max(self.full.least.batch, -(-self.most // count))

    def taken(self, count: int) -> int:
        """Bytes of memory: those of a step by the largest part, and the rest of the examples.

        Gradients that are added up are there throughout. Under autocast weights have a copy of half their size.
        """
        batch, shaped = self.largest(count), self.full.shaped
        rest = 4 * max(0, self.most - batch) * sum(shaped.shapes[index].elements for index in shaped.graph.inputs)
        for one in self.full.training(batch):
            rest += one.weights + one.constants + one.optimizer + (one.weights if count > 1 else one.gradients)
            rest += one.weights // 2 if self.half else 0
        return rest + sum(one.kept + one.transient for one in (self.half or self.full).training(batch))
