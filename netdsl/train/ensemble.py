"""Compiled networks on the same examples: each by itself, and all of them together by their mean.

The mean of probabilities is what the challenge's winners were, as seven AlexNets (Krizhevsky et al. 2012, section 6).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from netdsl.compile.progress import Progress, silent
from netdsl.data import Data, Part
from netdsl.runtime.preparation import Preparation
from netdsl.text.fit import listed
from netdsl.text.suggest import did_you_mean
from netdsl.train.batches import Batches
from netdsl.train.evaluation import Evaluation, Tally

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(eq=False)
class ClassesError(Exception):
    """Classes that are not those of the data, or of another network; what to do about it."""

    reason: str
    help: str = ""

    def __str__(self) -> str:
        return self.reason


@dataclass(frozen=True)
class Member:
    """A network to try: what it takes, and a function from that to the probabilities of its classes, N x classes."""

    name: str
    classes: Sequence[str]
    dims: Sequence[int]
    preparation: Preparation
    predict: Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class Trial:
    """What came of trying networks: of each by itself, and of their mean, which of one alone is the same."""

    members: Sequence[Evaluation]
    together: Evaluation


def trial(members: Sequence[Member], data: Data, part: Part, *, batch: int, progress: Progress = silent) -> Trial:
    """Try networks on a part of some data. Classes are those of the first one.

    Raises ClassesError before anything is tried, DataError for a broken picture, and what Tally and a network raise.
    """
    classes = members[0].classes
    orders = [_order(one, members[0]) for one in members]
    numbers = torch.from_numpy(numbered(classes, data, members[0].name))  # pyright: ignore[reportUnknownMemberType]
    settings = list(dict.fromkeys((tuple(one.dims), one.preparation) for one in members))
    streams = [Batches(part, *setting, batch=batch).epoch(0, shuffle=False) for setting in settings]
    tallies, mean = [Tally(len(classes)) for _ in members], Tally(len(classes))
    done = 0
    for made in zip(*streams, strict=True):
        labels = numbers[made[0][1]]
        total: Tensor | None = None
        for member, order, tally in zip(members, orders, tallies, strict=True):
            examples = made[settings.index((tuple(member.dims), member.preparation))][0]
            found = member.predict(examples)[:, order]
            tally.add(found, labels)
            total = found.double().cpu() if total is None else total + found.double().cpu()
        assert total is not None
        mean.add(total / len(members), labels)
        done += len(labels)
        progress("evaluating", done, len(part))
    return Trial([one.evaluation() for one in tallies], mean.evaluation())


def named(told: Sequence[str], count: int, data: Data, name: str) -> Sequence[str]:
    """The names of the classes of a network that tells so many apart: those that it tells, or else the data's.

    Raises ClassesError where the data have another number of them.
    """
    if told:
        return told
    if len(data.classes) != count:
        reason = f"{name} tells {count:,} classes apart, and {data.path} has {len(data.classes):,}"
        raise ClassesError(reason, f"train a network with {len(data.classes):,} classes on these data")
    return data.classes


def numbered(classes: Sequence[str], data: Data, name: str) -> NDArray[np.int64]:
    """For each class of some data, which of a network's classes it is, by its name.

    Data without names, whose classes are called by their numbers, have them by these. Raises ClassesError.
    """
    known = {one: number for number, one in enumerate(classes)}
    strange = [one for one in data.classes if one not in known]
    if not strange:
        return np.array([known[one] for one in data.classes], np.int64)
    unnamed = list(data.classes) == [str(number) for number in range(len(data.classes))]
    if unnamed and len(data.classes) <= len(classes):
        return np.arange(len(data.classes))
    more = f" and {len(strange) - 1} more" if len(strange) > 1 else ""
    reason = (
        f"{data.path} has the class {strange[0]}{more}, which {name} does not tell: its classes are {listed(classes)}"
    )
    raise ClassesError(reason, did_you_mean(strange[0], classes) or "call the classes of the data as those are called")


def _order(one: Member, first: Member) -> Sequence[int]:
    """Where a network has the classes of another one. Raises ClassesError where they are not the same."""
    if {*one.classes} != {*first.classes}:
        apart = sorted({*one.classes} ^ {*first.classes})
        raise ClassesError(
            f"{first.name} and {one.name} have not the same classes: one of them alone tells {listed(apart)}",
            "average networks that were trained on the same classes",
        )
    known = {name: number for number, name in enumerate(one.classes)}
    return [known[name] for name in first.classes]
