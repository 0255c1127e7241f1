"""A linear probe: how well classes are told apart by weighing features alone (Alain and Bengio 2016).

It is multinomial logistic regression on standardised features, with weight decay chosen on a validation part.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from netdsl.see.features import Features
from netdsl.train.evaluation import Evaluation, evaluate

DECAYS = (1.0, 0.1, 0.01, 0.001, 0.0001)
"""Weight decays to choose from, the strongest first: each goes on from where the one before has ended."""
_STEPS = 50
"""Steps of L-BFGS at most, for each of them."""
_BATCH = 4096
_LEAST = 1e-6
"""The deviation of a feature below which it is the same for all."""


@dataclass(frozen=True)
class Linear:
    """Weights of a probe, numbers x classes, for features less their mean over their deviation; and their decay."""

    mean: Tensor
    std: Tensor
    weights: Tensor
    bias: Tensor
    decay: float

    def probabilities(self, values: Tensor) -> Tensor:
        """How likely each class is, N x classes."""
        return (((values - self.mean) / self.std) @ self.weights + self.bias).softmax(1)

    def tried(self, part: Features) -> Evaluation:
        """What it makes of some examples."""
        starts = range(0, len(part.labels), _BATCH)
        batches = (tuple(one[at : at + _BATCH] for one in part.tensors) for at in starts)
        return evaluate(self.probabilities, ((x, y) for x, y in batches), len(self.bias))


def probe(known: Mapping[str, Features], classes: int) -> Linear:
    """The probe that fits the features of `train`, with the decay that has the least loss on `validation`.

    Decays are tried until a weaker one is worse.
    """
    train = known["train"]
    values, labels = train.tensors
    mean, std = values.mean(0), values.std(0, correction=0)
    std = torch.where(std < _LEAST * (1 + mean.abs()), torch.ones_like(std), std)
    x = (values - mean) / std
    weights, bias = torch.zeros(x.shape[1], classes), torch.zeros(classes)
    best: tuple[float, Linear] | None = None
    for decay in DECAYS:
        weights, bias = _fitted(x, labels, weights, bias, decay)
        made = Linear(mean, std, weights, bias, decay)
        loss = made.tried(known.get("validation", train)).loss
        if best is not None and loss >= best[0]:
            break
        best = loss, made
    assert best is not None
    return best[1]


def _fitted(x: Tensor, labels: Tensor, weights: Tensor, bias: Tensor, decay: float) -> tuple[Tensor, Tensor]:
    """Weights and bias that make the mean loss, and half the decay of the squared weights, least."""
    weights, bias = weights.clone().requires_grad_(), bias.clone().requires_grad_()
    optimizer = torch.optim.LBFGS([weights, bias], max_iter=_STEPS, line_search_fn="strong_wolfe")

    def closure() -> Tensor:
        optimizer.zero_grad()
        loss = functional.cross_entropy(x @ weights + bias, labels) + decay / 2 * weights.square().sum()
        loss.backward()  # pyright: ignore[reportUnknownMemberType]
        return loss

    with torch.enable_grad():
        optimizer.step(closure)  # pyright: ignore[reportUnknownMemberType, reportArgumentType]
    return weights.detach(), bias.detach()
