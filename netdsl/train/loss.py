"""What training makes small, as the last layers of a network say it.

SOFTMAX and LOGSOFTMAX are trained by the cross-entropy of their input, SIGMOID by the binary one of its own, and RBF by
the discriminative criterion of LeCun et al. (1998, section V.C, equation 9), or by the distance itself (equation 8).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext

import torch
from torch import Tensor, nn
from torch.nn import functional

from netdsl.graph.node import ShapedGraph
from netdsl.train import readings
from netdsl.train.readings import KINDS, Kind, LossError, Reading

__all__ = ["KINDS", "Kind", "Loss", "LossError", "loss"]

AUX_WEIGHT = 0.3
"""What a training output counts, as in GoogLeNet's paper (section 5)."""
MARGIN = 0.1
"""The constant j of equation 9."""
IGNORED = -100
"""The class of what has none, as in torch."""


def loss(
    shaped: ShapedGraph,
    kind: Kind | None = None,
    *,
    aux_weight: float = AUX_WEIGHT,
    class_weights: Sequence[float] | Tensor | None = None,
) -> Loss:
    """The loss of a network, for the outputs of its module with logits; `kind` where its layers do not say it.

    Raises LossError where neither does, or they do not agree, and ValueError for weights that make no sense.
    """
    if kind is not None and kind not in KINDS:
        raise ValueError(f"a loss is one of {', '.join(KINDS)}, and not {kind!r}")
    return Loss(readings.of(shaped, kind), len(shaped.graph.outputs), aux_weight, class_weights)


class Loss(nn.Module):
    """The mean loss of a batch: that of each output, those of training weighted.

    All that the module gives is read, so that nothing lacks a gradient. Class weights are factors of each example's
    loss, and the mean is over examples, so that the mean of equal shares of a batch is that of the batch.
    """

    weights: Tensor | None

    def __init__(
        self,
        found: Sequence[Reading],
        outputs: int,
        aux_weight: float = AUX_WEIGHT,
        class_weights: Sequence[float] | Tensor | None = None,
    ) -> None:
        super().__init__()
        if not (math.isfinite(aux_weight) and aux_weight >= 0):
            raise ValueError(f"aux_weight is a number from 0 on, and not {aux_weight}")
        self._readings, self._outputs, self._aux_weight = tuple(found), outputs, aux_weight
        weights = None if class_weights is None else torch.as_tensor(class_weights, dtype=torch.float32).detach()
        if weights is not None and (weights.shape != (found[0].classes,) or not bool((weights >= 0).all())):
            raise ValueError(f"class_weights are {found[0].classes} numbers from 0 on, one for each class")
        self.register_buffer("weights", weights, persistent=False)
        self._checked = False

    def extra_repr(self) -> str:
        """Each output with its loss, and what it counts."""
        told = [f"{one.name}: {one.kind}" for one in self._readings]
        return ", ".join([*told[: self._outputs], *(f"{self._aux_weight} {one}" for one in told[self._outputs :])])

    def forward(self, outputs: Tensor | Sequence[Tensor], targets: Tensor | Sequence[Tensor]) -> Tensor:
        """The loss of what a module with logits gave, in training or not, for targets.

        Targets are the classes of a batch, N, or N x spatial sizes of a map; or a share for each class and example, of
        the output's own shape. Where there are several outputs, they are one for each, or those of all of them.
        Raises ValueError for what is of another shape, or has gone through the SOFTMAX or SIGMOID already.
        """
        values = self._values(outputs)
        wanted = [targets] * self._outputs if isinstance(targets, Tensor) else list(targets)
        if len(wanted) != self._outputs:
            raise ValueError(f"there are {self._outputs} outputs, and {len(wanted)} targets")
        wanted += wanted[:1] * (len(values) - self._outputs)
        with _without_autocast(values[0].device.type):
            each = [self._of(*one) for one in zip(self._readings, values, wanted, strict=False)]
        total = torch.stack(each[: self._outputs]).sum()
        aux = each[self._outputs :]
        return total + self._aux_weight * torch.stack(aux).sum() if aux else total

    def probabilities(self, outputs: Tensor | Sequence[Tensor]) -> Tensor:
        """The probability of each class, N x classes (x spatial sizes of a map), by the first output."""
        found, x = self._first(outputs)
        if found.kind == "binary-cross-entropy":
            p = x if found.given == "probabilities" else x.sigmoid()
            return torch.cat([1 - p, p], 1) if x.shape[1] == 1 else p
        return x if found.given == "probabilities" else _log_probabilities(found, x).exp()

    def ranked(self, outputs: Tensor | Sequence[Tensor]) -> Tensor:
        """Values of the same shape that are the larger the likelier a class is."""
        found, x = self._first(outputs)
        if x.shape[1] == 1:
            return torch.cat([1 - x, x] if found.given == "probabilities" else [-x, x], 1)
        return -x if found.given == "distances" else x

    def _first(self, outputs: Tensor | Sequence[Tensor]) -> tuple[Reading, Tensor]:
        found = self._readings[0]
        value = _full(found, self._values(outputs)[0])
        return found, value.flatten(1) if value.shape[2:].numel() == 1 else value

    def _values(self, outputs: Tensor | Sequence[Tensor]) -> list[Tensor]:
        values = [outputs] if isinstance(outputs, Tensor) else list(outputs)
        if len(values) not in (self._outputs, len(self._readings)):
            known = " or ".join(str(one) for one in sorted({self._outputs, len(self._readings)}))
            raise ValueError(f"the network has {known} outputs, and {len(values)} were given")
        return values

    def _of(self, found: Reading, x: Tensor, targets: Tensor) -> Tensor:
        """The mean loss of one output."""
        self._check(found, x)
        x = _full(found, x)
        if x.shape[2:].numel() == 1:
            x, targets = x.flatten(1), targets.flatten(1) if targets.dim() > 1 else targets
            targets = targets.squeeze(1) if targets.shape[1:] == (1,) != x.shape[1:] else targets
        classes = not targets.is_floating_point() and targets.shape != x.shape
        if targets.shape != (x.shape[:1] + x.shape[2:] if classes else x.shape):
            if targets.shape == x.shape[:1] + x.shape[2:]:
                raise ValueError(f"{found.name} wants classes as whole numbers, as targets.long() gives them")
            wanted = [_dims(x.shape[:1] + x.shape[2:]), _dims(x.shape)]
            raise ValueError(f"{found.name} wants targets of {' or '.join(wanted)}, and not {_dims(targets.shape)}")
        targets = targets.long() if classes else targets.to(x.dtype)
        weights = None
        if self.weights is not None and len(self.weights) == found.classes:
            weights = self.weights.to(x.device, x.dtype)
        if classes:
            _check_classes(found, targets)
        if found.kind == "cross-entropy":
            return _cross_entropy(_log_probabilities(found, x), targets, weights)
        if found.kind == "binary-cross-entropy":
            return _binary(found, x, targets, weights, classes=classes)
        if not classes:
            raise ValueError(f"{found.name} wants classes as targets, which are whole numbers")
        return _distance(found, x, targets, weights)

    def _check(self, found: Reading, x: Tensor) -> None:
        """Raise ValueError for what has gone through the function that the loss applies itself, where that shows."""
        if not found.watched or torch.compiler.is_compiling():
            return
        passed = _function(x).startswith(found.watched)
        if found.watched == "Softmax" and not (x.requires_grad or self._checked or x.numel() == 0):
            self._checked = True
            rounding = 16 * torch.finfo(x.dtype).eps
            passed = bool((x >= 0).all() and ((x.detach().double().sum(1) - 1).abs() <= rounding).all())
        if passed:
            raise ValueError(
                f"{found.name} has gone through its {found.watched.upper()}, which the loss contains: make the network"
                " by module(logits=True)"
            )


def _without_autocast(device: str) -> AbstractContextManager[object]:
    return torch.autocast(device, enabled=False) if torch.amp.is_autocast_available(device) else nullcontext()


def _function(x: Tensor) -> str:
    """What made a tensor, by torch's name for its gradient, and whatever only moved or converted it since."""
    at = x.grad_fn
    while at is not None and at.name().startswith(("View", "UnsafeView", "Reshape", "ToCopy", "Slice", "Alias")):
        at = at.next_functions[0][0]
    return "" if at is None else at.name()


def _full(found: Reading, x: Tensor) -> Tensor:
    """Values in a precision in which logarithms and sums of exponentials are sound.

    Probabilities keep off 0 and 1 by what their own precision can tell, so that gradients of logarithms fit into it.
    """
    if found.given == "probabilities":
        kind = torch.finfo(x.dtype)
        x = x.clamp_min(kind.tiny) if found.kind == "cross-entropy" else x.clamp(kind.eps, 1 - kind.eps)
    return x.float() if x.dtype in (torch.float16, torch.bfloat16) else x


def _check_classes(found: Reading, targets: Tensor) -> None:
    """Raise ValueError for a class that there is not; on other devices torch itself fails, which has to wait there."""
    if targets.device.type != "cpu" or torch.compiler.is_compiling() or not targets.numel():
        return
    real = targets[targets != IGNORED] if found.kind == "cross-entropy" else targets
    if real.numel() and not 0 <= int(real.min()) <= int(real.max()) < found.classes:
        wrong = int(real.max()) if int(real.max()) >= found.classes else int(real.min())
        raise ValueError(f"{found.name} has classes 0 to {found.classes - 1}, and {wrong} is among the targets")


def _log_probabilities(found: Reading, x: Tensor) -> Tensor:
    if found.given == "probabilities":
        return x.log()
    return (-x if found.given == "distances" or found.kind.startswith("rbf") else x).log_softmax(1)


def _cross_entropy(logs: Tensor, targets: Tensor, weights: Tensor | None) -> Tensor:
    if targets.shape == logs.shape and targets.is_floating_point():
        shares = targets if weights is None else targets * _along_channels(weights, logs)
        return -(shares * logs).sum(1).mean()
    each = functional.nll_loss(logs, targets, weights, ignore_index=IGNORED, reduction="none")
    return each.sum() / (targets != IGNORED).sum().clamp_min(1)


def _binary(found: Reading, x: Tensor, targets: Tensor, weights: Tensor | None, *, classes: bool) -> Tensor:
    each = None if weights is None or not classes else weights[targets].unsqueeze(1)
    if classes and x.shape[1] > 1:
        targets = functional.one_hot(targets, x.shape[1]).movedim(-1, 1)
    elif classes:
        targets = targets.unsqueeze(1)
    targets = targets.to(x.dtype)
    if weights is not None and each is None:
        each = weights[0] + (weights[1] - weights[0]) * targets if x.shape[1] == 1 else _along_channels(weights, x)
    if found.given == "probabilities":
        return functional.binary_cross_entropy(x, targets, each)
    return functional.binary_cross_entropy_with_logits(x, targets, each)


def _distance(found: Reading, x: Tensor, targets: Tensor, weights: Tensor | None) -> Tensor:
    """Equations 8 and 9 of LeCun 1998: the distance of the right class, and that in competition with all of them."""
    each = x.gather(1, targets.unsqueeze(1)).squeeze(1)
    if found.kind == "rbf-map":
        constant = torch.full_like(x[:, :1], -MARGIN)
        each = each + torch.cat([constant, -x], 1).logsumexp(1)
    return (each if weights is None else each * weights[targets]).mean()


def _along_channels(weights: Tensor, x: Tensor) -> Tensor:
    return weights.view(1, -1, *[1] * (x.dim() - 2))


def _dims(shape: torch.Size) -> str:
    return " x ".join(map(str, shape))
