"""How well a network tells classes apart: its errors, its loss, and what it takes for what."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import torch
from torch import Tensor

_RANKS = 5
"""How many of the likeliest classes the second error looks at (Russakovsky et al. 2015, section 4)."""


@dataclass(frozen=True)
class Evaluation:
    """What came of trying a network on examples.

    `error` is the share of them, from 0 to 1, whose likeliest class is not the true one, `top5_error` of those whose
    true one is not among the five likeliest. `loss` is the mean of −log p of the true class. `confusion[true][told]`
    counts them by their class and by the likeliest one.
    """

    examples: int
    error: float
    top5_error: float
    loss: float
    confusion: tuple[tuple[int, ...], ...]


class Tally:
    """Counts examples, batch by batch, by what a network gave for them."""

    def __init__(self, classes: int) -> None:
        self._counts = torch.zeros(classes, classes, dtype=torch.int64)
        self._examples = self._beyond = 0
        self._losses: list[float] = []

    def add(self, probabilities: Tensor, labels: Tensor) -> None:
        """Count a batch: probabilities of each class, N x classes, and true classes, N.

        Of classes that are equally likely the first counts as the likelier. Raises ValueError for another shape, and
        FloatingPointError for what is no number.
        """
        classes = len(self._counts)
        if probabilities.shape != (len(labels), classes):
            wanted, given = f"{len(labels)} x {classes}", " x ".join(map(str, probabilities.shape))
            raise ValueError(f"probabilities are {wanted}, and not {given}")
        labels = labels.to(probabilities.device)
        true = probabilities.gather(1, labels[:, None])
        loss = -true.double().clamp_min(torch.finfo(torch.float32).tiny).log().sum().item()
        if not math.isfinite(loss) or not bool(torch.isfinite(probabilities).all()):
            raise FloatingPointError("nan")
        numbers = torch.arange(classes, device=labels.device)
        ahead = (probabilities > true) | ((probabilities == true) & (numbers < labels[:, None]))
        likeliest = probabilities == probabilities.amax(1, keepdim=True)
        pairs = labels * classes + torch.where(likeliest, numbers, classes).amin(1)
        self._counts += torch.bincount(pairs, minlength=classes**2).view(classes, classes).cpu()
        self._beyond += int((ahead.sum(1) >= _RANKS).sum())
        self._losses.append(loss)
        self._examples += len(labels)

    def combine(self, sum: Callable[[Tensor], None]) -> None:
        """Count what others have counted too: `sum` lets a tensor be the sum of those of all."""
        numbers = torch.tensor([self._examples, self._beyond, math.fsum(self._losses)], dtype=torch.float64)
        sum(numbers)
        sum(self._counts)
        self._examples, self._beyond = int(numbers[0]), int(numbers[1])
        self._losses = [float(numbers[2])]

    def evaluation(self) -> Evaluation:
        """What all batches came to. Raises ValueError where there was none."""
        if not self._examples:
            raise ValueError("there are no examples")
        right = int(self._counts.diagonal().sum())
        counts: list[list[int]] = self._counts.numpy().tolist()
        return Evaluation(
            self._examples,
            (self._examples - right) / self._examples,
            self._beyond / self._examples,
            math.fsum(self._losses) / self._examples,
            tuple(tuple(row) for row in counts),
        )


def evaluate(predict: Callable[[Tensor], Tensor], batches: Iterable[tuple[Tensor, Tensor]], classes: int) -> Evaluation:
    """Try a function from examples to the probabilities of so many classes, N x classes, on batches with true classes.

    Raises what Tally does.
    """
    tally = Tally(classes)
    for examples, labels in batches:
        tally.add(predict(examples), labels)
    return tally.evaluation()
