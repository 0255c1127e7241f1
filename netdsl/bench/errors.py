"""How far a contestant's outputs are from float64's."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

_SMALLEST = 2.0**-126
"""The smallest normal number of float32: what a probability is taken for that vanished."""


@dataclass(frozen=True)
class Errors:
    """Errors relative to the output's own range: of several outputs, the worst one's.

    `maximum` is the largest error over the largest value, `mean` the mean error over the mean value, and both are NaN
    where an output is no number. `agree` is in how many of `count` cases the largest channel of the first output is
    float64's; of these cases, float64's margin over the second is in `decided` more than twice the largest error, and
    there `decided_agree` agree. The cases are examples, or for an output with positions, each of them.
    """

    maximum: float
    mean: float
    count: int
    agree: int
    decided: int
    decided_agree: int


def errors(found: Sequence[Tensor], reference: Sequence[Tensor]) -> Errors:
    """The errors of outputs, N x channels x spatial, against those of float64.

    Probabilities are compared by their logarithms, less the mean over the channels: these are what went into the
    softmax, but for that mean.
    """
    import torch

    pairs: list[tuple[Tensor, Tensor]] = []
    for one, exact in zip(found, reference, strict=True):
        one = one.double()
        pairs.append((_scores(one), _scores(exact)) if _probabilities(exact) else (one, exact))
    distances = [(one - exact).abs() for one, exact in pairs]
    maximum = [_over(distance.max(), exact.abs().max()) for distance, (_, exact) in zip(distances, pairs, strict=True)]
    mean = [_over(distance.mean(), exact.abs().mean()) for distance, (_, exact) in zip(distances, pairs, strict=True)]
    first, exact = pairs[0]
    if exact.shape[1] < 2:
        return Errors(_worst(maximum), _worst(mean), 0, 0, 0, 0)
    best = exact.topk(2, 1)
    agree = first.argmax(1) == best.indices.select(1, 0)
    decided = best.values.select(1, 0) - best.values.select(1, 1) > 2 * torch.nan_to_num(distances[0].max(), 0)
    counts = [int(one.sum()) for one in (agree, decided, agree & decided)]
    return Errors(_worst(maximum), _worst(mean), agree.numel(), *counts)


def _probabilities(exact: Tensor) -> bool:
    """Whether each position holds what a softmax gives: numbers from 0 that sum to 1 over more than one channel."""
    sums = exact.sum(1)
    return exact.shape[1] > 1 and bool((exact >= 0).all()) and bool(((sums - 1).abs() < 1e-9).all())


def _scores(probabilities: Tensor) -> Tensor:
    logarithms = probabilities.clamp_min(_SMALLEST).log()
    return logarithms - logarithms.mean(1, keepdim=True)


def _over(error: Tensor, scale: Tensor) -> float:
    return float(error / scale) if float(scale) else float(error)


def _worst(values: Sequence[float]) -> float:
    return float("nan") if any(value != value for value in values) else max(values)
