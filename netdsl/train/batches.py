"""Batches of pictures as a network takes them, whose order and whose chance follow from the seed and the epoch."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeVar

import numpy as np
import torch
from torch import Tensor

from netdsl.data import memory, numbers
from netdsl.data.part import Data, DataError, Part, Rows, Stored
from netdsl.recipe import Recipe
from netdsl.runtime.preparation import CROP, MEAN, STD, Preparation
from netdsl.train import augmentation as chances
from netdsl.train import statistics
from netdsl.train.statistics import Statistics

if TYPE_CHECKING:
    from numpy.typing import NDArray

_ORDER = 2**32
"""What the order of an epoch is drawn for, which is the number of no epoch."""
_SMALL = 64
"""Sides of an INPUT up to which a picture is not cropped."""
_LOOKED = 64
"""Pictures whose sizes are looked at."""
_READ = 32
"""Pictures that are looked at at once for what a part is like."""
_FILLS = 0.75
"""What part of each side of an INPUT a picture has at least that is padded, as 28 of 32."""
_THREADS = 8
_AHEAD = 2**29
"""Bytes of the batches that are made before they are asked for, at most."""

_KEPT = 2**31
"""Bytes of pictures that are kept once they have their size, at most, and an eighth of the memory that is left."""

Made = TypeVar("Made")


def preparation(data: Data, dims: Sequence[int], recipe: Recipe) -> Preparation:
    """How pictures are prepared for an INPUT of some dims.

    Those that fit into it and are nearly as large, as 28x28 into 32x32, are padded; others are resized so that they
    cover it, and an INPUT of more than 64x64 has the centre of those, as 224 of 256.
    """
    if isinstance(data.train, Rows):
        return _of_rows(data.train, recipe)
    size, crop = _sizing(data.train, dims)
    match recipe.normalisation:
        case "imagenet":
            return Preparation(MEAN, STD, size, crop)
        case "none":
            return Preparation((0.0,), (1.0,), size, crop)
        case "data":
            found = _statistics(data.train, dims, Preparation((0.0,), (1.0,), size, crop))
            return Preparation(found.mean, found.std, size, crop)
        case mean, std:
            _count(data.path, mean, dims[-1], "channel")
            return Preparation(mean, std, size, crop)


def _of_rows(part: Rows, recipe: Recipe) -> Preparation:
    """How rows of numbers are prepared: each number, or where they are many all of them, centred and scaled."""
    if recipe.augmentation:
        reason = f"has rows of numbers, to which chance does no {', '.join(recipe.augmentation)}"
        raise DataError(part.file, reason, "write augmentation = []")
    match recipe.normalisation:
        case "imagenet":
            reason = "has rows of numbers, which are not normalised as pictures of ImageNet are"
            raise DataError(part.file, reason, 'write normalisation = "data"')
        case "none":
            return Preparation((0.0,), (1.0,))
        case "data":
            return Preparation(*statistics.of_rows(part))
        case mean, std:
            _count(part.file, mean, part.picture(0).shape[-1], "number")
            return Preparation(mean, std)


def _count(path: Path, mean: Sequence[float], there: int, noun: str) -> None:
    """Raise DataError for means that are neither one for all channels nor one for each."""
    if len(mean) not in (1, there):
        reason = f"normalisation has {len(mean)} means and deviations, and the INPUT {there} {noun}{'s'[: there > 1]}"
        raise DataError(path, reason, 'write as many, or one of each, or normalisation = "data"')


def _sizing(part: Part, dims: Sequence[int]) -> tuple[Literal["cover", "pad"], float]:
    """How pictures get an INPUT's size."""
    height, width, _ = dims
    sizes = [part.picture(index).shape for index in statistics.sample(part)[:_LOOKED].tolist()]
    tallest, widest = (max((size[axis] for size in sizes), default=0) for axis in (0, 1))
    if _FILLS * height <= tallest <= height and _FILLS * width <= widest <= width:
        return "pad", max(tallest / height, widest / width)  # so that larger ones become no larger than these
    return "cover", 1.0 if max(height, width) <= _SMALL else CROP


def _statistics(part: Part, dims: Sequence[int], prepared: Preparation) -> Statistics:
    """What the pictures of a part are like once they have an INPUT's size."""
    sized = Batches(part.some(statistics.sample(part)), dims, prepared, batch=_READ)
    return statistics.of(sized.sized(), dims[-1])


class Batches:
    """The examples of a part in batches, each of them prepared and, with some augmentation, changed by chance.

    Of several processes each has its share of each batch. What happens to an example follows from the seed, the epoch
    and the example alone. Pictures in files are read in threads, ahead of what is asked for.
    """

    def __init__(
        self,
        part: Part,
        dims: Sequence[int],
        preparation: Preparation,
        *,
        augmentation: Collection[str] = (),
        seed: int = 0,
        batch: int = 128,
        rank: int = 0,
        world: int = 1,
        threads: int | None = None,
    ) -> None:
        _fit(part, dims)
        self.part, self.preparation, self.augmentation = part, preparation, augmentation
        self.seed, self.batch, self.rank, self.world = seed, batch, rank, world
        self.threads = threads or min(_THREADS, _cores())
        self._size = (dims[0], dims[-2]) if len(dims) > 1 else (1, 1)
        self._sizing, self._canvas = preparation, tuple(dims)
        self._large = preparation.size == "cover" and preparation.crop < 1
        if self._large and "crop" in augmentation:  # out of as much as is resized: 227x227 of 259x259
            sides = (round(side / preparation.crop) for side in self._size)
            self._sizing, self._canvas = replace(preparation, crop=1.0), (*sides, dims[-1])
        self._kept = self._known = None
        if not self._whole and len(part) * prod(self._canvas) <= min(_KEPT, memory.available() // 8):
            with suppress(MemoryError):  # where a process may have less than the machine
                self._kept = np.empty((len(part), *self._canvas), np.uint8)  # which takes memory as it is filled
                self._known = np.zeros(len(part), bool)
        self._axes = None
        if "lighting" in augmentation:
            found = _statistics(part, dims, preparation)
            self._axes = chances.axes(found.sums, found.products, found.count)

    def __len__(self) -> int:
        """The number of batches."""
        return -(-len(self.part) // self.batch)

    def epoch(self, number: int, *, shuffle: bool, first: int = 0) -> Iterator[tuple[Tensor, Tensor]]:
        """The batches of an epoch, N x channels x height x width, and the classes, but for the first so many.

        Shuffled ones differ by an example at most, so that none is as small as the rest of a division; others are whole
        but for the last. Raises DataError for a broken picture.
        """
        if shuffle:
            order = numbers.order(len(self.part), self.seed, _ORDER, number)
            batches = np.array_split(order, max(1, len(self)))[: len(self)]
        else:
            batches = np.split(np.arange(len(self.part)), range(self.batch, len(self.part), self.batch))[: len(self)]
        shares = [batch[self.rank :: self.world] for batch in batches[first:]]
        yield from map(_tensors, self._ahead(lambda share: self._made(share, number), shares))

    def sized(self) -> Iterator[NDArray[np.uint8]]:
        """All pictures in order, with the INPUT's size, N x height x width x channels of bytes."""
        everything = np.arange(len(self.part))
        return self._ahead(self._sized, [everything[at : at + self.batch] for at in everything[:: self.batch]])

    def _ahead(self, make: Callable[[NDArray[np.int64]], Made], shares: Sequence[NDArray[np.int64]]) -> Iterator[Made]:
        """What is made of some examples after others, in threads where each picture takes a while."""
        if self._whole:
            yield from map(make, shares)
            return
        bytes_each = 4 * self.batch // self.world * prod(self._canvas)
        most = max(1, min(2 * self.threads, _AHEAD // max(1, bytes_each)))
        with ThreadPoolExecutor(min(self.threads, most), "batches") as pool:
            made = deque[Future[Made]]()
            try:
                for share in shares:
                    made.append(pool.submit(make, share))
                    if len(made) > most:
                        yield made.popleft().result()
                while made:
                    yield made.popleft().result()
            finally:
                pool.shutdown(wait=False, cancel_futures=True)

    def _made(self, examples: NDArray[np.int64], number: int) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        """A batch of some examples."""
        labels = self.part.labels[examples]
        if isinstance(self.part, Rows):
            rows = self.part.values[self.part.at[examples], None, None, :]
            return self.preparation.normalised(rows)[:, :, 0, 0], labels
        pictures = self._sized(examples)
        chance = chances.Chance(self.seed, number, examples)
        if "crop" in self.augmentation:
            pictures = chances.crop(pictures if self._large else chances.bordered(pictures), *self._size, chance)
        if "flip" in self.augmentation:
            pictures = chances.flip(pictures, chance)
        if "colour" not in self.augmentation and self._axes is None:
            return self.preparation.scaled(pictures), labels
        values = pictures.astype(np.float32) / np.float32(255)
        if "colour" in self.augmentation:
            values = chances.colour(values, chance)
        if self._axes is not None:
            values = chances.lighting(values, self._axes, chance)
        return self.preparation.normalised(values), labels

    def _sized(self, examples: NDArray[np.int64]) -> NDArray[np.uint8]:
        """Pictures of one size, as large as what is cropped, N x height x width x channels."""
        if not self._whole:
            made = np.empty((len(examples), *self._canvas), np.uint8)
            for place, index in enumerate(examples.tolist()):
                made[place] = self._one(index)
            return made
        assert isinstance(self.part, Stored)
        stored = self.part.pictures[self.part.at[examples]]
        if stored.shape[1:] == self._canvas:
            return stored
        made = np.zeros((len(examples), *self._canvas), np.uint8)
        down, across = ((side - size) // 2 for side, size in zip(self._canvas, stored.shape[1:3], strict=False))
        made[:, down : down + stored.shape[1], across : across + stored.shape[2]] = stored
        return made

    def _one(self, index: int) -> NDArray[np.uint8]:
        """A picture that gets its size by itself, once."""
        if self._kept is None or self._known is None:
            return self._sizing.sized(self.part.picture(index), self._canvas)
        if not self._known[index]:
            self._kept[index] = self._sizing.sized(self.part.picture(index), self._canvas)
            self._known[index] = True
        return self._kept[index]

    @property
    def _whole(self) -> bool:
        """Whether pictures get their size by copying alone, all of a batch at once."""
        if isinstance(self.part, Rows):
            return True
        if not isinstance(self.part, Stored):
            return False
        height, width, channels = self.part.pictures.shape[1:]
        if channels not in (1, self._canvas[2]):
            return False
        if self._sizing.size == "pad":
            return height <= self._canvas[0] and width <= self._canvas[1]
        return self._sizing.crop == 1 and (height, width) == self._canvas[:2]


def _tensors(made: tuple[NDArray[np.float32], NDArray[np.int64]]) -> tuple[Tensor, Tensor]:
    """A batch as tensors; pictures with their channels last in memory, as a network that trains has them."""
    values: Tensor = torch.from_numpy(made[0])  # pyright: ignore[reportUnknownMemberType]
    labels: Tensor = torch.from_numpy(made[1])  # pyright: ignore[reportUnknownMemberType]
    maps = values.dim() == 4 and values.shape[1] > 1
    return values.contiguous(memory_format=torch.channels_last) if maps else values, labels


def _cores() -> int:
    """Those that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _fit(part: Part, dims: Sequence[int]) -> None:
    """Raise DataError where a part is rows of numbers, and pictures are taken, or the other way round."""
    taken = "x".join(map(str, dims))
    if isinstance(part, Rows):
        if tuple(dims) != (part.width,):
            raise DataError(part.file, f"has rows of {part.width} numbers, where {taken} is taken")
    elif len(dims) != 3 and len(part):
        raise DataError(Path(part.name(0)), f"is a picture, where {taken} is taken")
