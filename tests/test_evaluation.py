"""Errors, losses and confusions against counting by hand."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import pytest
import torch

from netdsl.train.evaluation import evaluate


def examples(count: int, classes: int, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    """Probabilities with many ties, and true classes."""
    chance = np.random.default_rng(seed)
    shares = chance.integers(1, 6, (count, classes)).astype(np.float32)
    return torch.from_numpy(shares / shares.sum(1, keepdims=True)), torch.from_numpy(chance.integers(0, classes, count))


def batches(x: torch.Tensor, y: torch.Tensor, size: int) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    yield from zip(x.split(size), y.split(size), strict=True)


@pytest.mark.parametrize("classes", [1, 2, 4, 5, 6, 11])
@pytest.mark.parametrize("size", [1, 7, 100, 1000])
def test_figures_are_those_of_plain_counting(classes: int, size: int) -> None:
    x, y = examples(100, classes)
    found = evaluate(lambda batch: batch, batches(x, y, size), classes)
    wrong = beyond = 0
    loss, confusion = 0.0, [[0] * classes for _ in range(classes)]
    for row, true in zip(x.tolist(), y.tolist(), strict=True):
        ranked = sorted(range(classes), key=lambda one: -row[one])
        confusion[true][ranked[0]] += 1
        wrong += ranked[0] != true
        beyond += true not in ranked[:5]
        loss -= math.log(row[true])
    assert (found.examples, found.error, found.top5_error) == (100, wrong / 100, beyond / 100)
    assert found.loss == pytest.approx(loss / 100, rel=1e-12)
    assert found.confusion == tuple(map(tuple, confusion))


def test_a_class_that_seems_impossible_costs_a_finite_loss() -> None:
    found = evaluate(lambda batch: batch, [(torch.tensor([[1.0, 0.0]]), torch.tensor([1]))], 2)
    assert found.error == 1
    assert found.loss == pytest.approx(-math.log(torch.finfo(torch.float32).tiny))


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_what_is_no_number_is_no_answer(bad: float) -> None:
    with pytest.raises(FloatingPointError):
        evaluate(lambda batch: batch, [(torch.tensor([[0.5, bad]]), torch.tensor([0]))], 2)


def test_what_cannot_be_counted_is_said() -> None:
    with pytest.raises(ValueError, match="there are no examples"):
        evaluate(lambda batch: batch, [], 2)
    with pytest.raises(ValueError, match="probabilities are 3 x 2, and not 3 x 4"):
        evaluate(lambda batch: batch, [(torch.zeros(3, 4), torch.zeros(3, dtype=torch.int64))], 2)
