"""Which parts of a picture a class is told by (Zeiler and Fergus 2014, section 4.2)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from netdsl.compile.progress import Progress, silent
from netdsl.see.errors import SeeError
from netdsl.see.pictures import Pictures, prepared
from netdsl.see.subject import Subject
from netdsl.text.shown import Line

if TYPE_CHECKING:
    from numpy.typing import NDArray

SHARE = 0.05
"""Of the pixels, which are deleted to see whether those that are named matter."""
_DRAWS = 20
"""How often as many are deleted at random."""
_PARTS = 10
"""How many squares stand side by side in a picture, where no size is given."""
_STEPS = 2
"""Steps within a square, where none are given."""


@dataclass(frozen=True, repr=False, eq=False)
class Occlusion(Line):
    """How likely a class is while a grey square covers a part of a picture.

    `odds` has the log-odds by the place of the square: the pixel in the middle of it, `step` apart. `drops` has for
    each pixel of the picture by how much they fall under the squares that cover it, on average. `named` is
    the probability without the 5% of the pixels whose drop is the largest, `random` without as many others, the mean
    of 20 draws. `picture` is as the network takes it, channels x height x width, from 0 to 1.
    """

    name: str
    number: int
    called: str
    probability: float
    picture: NDArray[np.float32]
    odds: NDArray[np.float32]
    drops: NDArray[np.float32]
    size: int
    step: int
    named: float
    random: float

    @property
    def likely(self) -> NDArray[np.float32]:
        """The probability by the place of the square."""
        return np.float32(0.5) + np.float32(0.5) * np.tanh(self.odds / np.float32(2))

    @property
    def pixels(self) -> NDArray[np.bool_]:
        """Which pixels are named: those whose drop is the largest."""
        return _largest(self.drops)

    @property
    def about(self) -> str:
        """Its line."""
        return (
            f"{self.name}: {self.called} at {self.probability:.3f}, {self.likely.min():.3f} at the least;"
            f" {self.named:.3f} without the {SHARE:.0%} of the pixels that matter most,"
            f" {self.random:.3f} without as many at random"
        )


def occluded(
    subject: Subject,
    pictures: Pictures,
    index: int,
    named: str | None = None,
    size: int | None = None,
    step: int | None = None,
    progress: Progress = silent,
) -> Occlusion:
    """How likely a class, by default the likeliest one, is by what is covered of a picture.

    The square is a tenth of the shorter side, and moves by half of itself, unless said otherwise. Raises
    SeeError.
    """
    (picture,) = prepared(subject, pictures, [index])
    height, width = picture.shape[1:]
    size = max(1, round(min(height, width) / _PARTS)) if size is None else size
    step = max(1, size // _STEPS) if step is None else step
    if size > min(height, width):
        raise SeeError(f"a square of {size} pixels covers all of a picture of {height}x{width}", "take a smaller one")
    if step > size:
        raise SeeError(f"a square of {size} pixels that moves by {step} leaves some uncovered", f"move it by {size}")
    number = int(subject.probabilities(picture[None]).argmax()) if named is None else subject.number(named)
    squares = list(_squares(height, width, size, step))
    odds = torch.empty(len(squares))
    most = subject.batch(subject.output)
    for start in range(0, len(squares), most):
        some = squares[start : start + most]
        covered = picture.repeat(len(some), 1, 1, 1)
        for one, square in zip(covered, some, strict=True):
            one[(slice(None), *square)] = subject.grey
        odds[start : start + len(some)] = subject.odds(covered, number)
        progress("covering", start + len(some), len(squares))
    (before,) = subject.odds(picture[None], number)
    drops, count = torch.zeros(height, width), torch.zeros(height, width)
    for square, one in zip(squares, odds, strict=True):
        drops[square] += before - one
        count[square] += 1
    mean = (drops / count.clamp(min=1)).numpy()
    return Occlusion(
        pictures.name(index),
        number,
        subject.called(number),
        float(before.sigmoid()),
        subject.shown(picture).numpy(),
        odds.view(len(range(0, height, step)), -1).numpy(),
        mean,
        size,
        step,
        *_deleted(subject, picture, number, mean),
    )


def _squares(height: int, width: int, size: int, step: int) -> Iterator[tuple[slice, slice]]:
    """The squares, row by row, whose middles are `step` pixels apart; what lies beyond the picture is cut off."""
    for row in range(0, height, step):
        for column in range(0, width, step):
            top, left = row - size // 2, column - size // 2
            yield slice(max(top, 0), max(top + size, 0)), slice(max(left, 0), max(left + size, 0))


def _largest(drops: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Which pixels have the largest drops."""
    found = np.zeros(drops.size, np.bool_)
    found[np.argsort(-drops, axis=None, kind="stable")[: _count(drops)]] = True
    return found.reshape(drops.shape)


def _count(drops: NDArray[np.float32]) -> int:
    return max(1, round(SHARE * drops.size))


def _deleted(subject: Subject, picture: Tensor, number: int, drops: NDArray[np.float32]) -> tuple[float, float]:
    """How likely a class is without the pixels whose drop is the largest, and without as many at random."""
    draw = np.random.default_rng(0)
    chosen = [_largest(drops)]
    for _ in range(_DRAWS):
        order = draw.permutation(drops.size).reshape(drops.shape)
        chosen.append(order < _count(drops))
    gone = torch.as_tensor(np.stack(chosen))[:, None]
    without = torch.where(gone, subject.grey, picture)
    most = subject.batch(subject.output)
    found = [subject.odds(without[at : at + most], number) for at in range(0, len(without), most)]
    named, *others = torch.cat(found).sigmoid()
    return float(named), float(torch.stack(others).mean())
