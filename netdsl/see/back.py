"""How a signal goes back through each layer of a deconvolutional network (Zeiler and Fergus 2014, section 2.1).

What is linear, or is once it is known which values won, takes a signal back by its transpose: filters that are turned
around, averages that are spread, maxima that are put where they came from, by the switches of the picture. That is
the vector-Jacobian product of the layer's module, without its biases. A rectifier does not take its derivative, which
is what tells this from a gradient: it rectifies the signal. Normalisations over a picture's own values let it pass.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

import torch
from torch import Tensor, nn

from netdsl.layers import activation, channels, dropout, merge, norm, pool, reshape, sequence, source
from netdsl.layers.base import Layer
from netdsl.layers.conv import Convolving
from netdsl.layers.deconv import Deconv
from netdsl.layers.dense import FullyConnected
from netdsl.layers.modules.axes import per_channel
from netdsl.layers.rules import rule

Back: TypeAlias = Callable[[nn.Module, Sequence[Tensor], Tensor], Sequence[Tensor | None]]
"""From a module, its inputs and a signal at its output to a signal at each input; None where none goes there."""


def transposed(module: nn.Module, inputs: Sequence[Tensor], signal: Tensor) -> Sequence[Tensor | None]:
    """Through the transpose of what the module is at these inputs."""
    with torch.enable_grad():
        given = [one.detach().requires_grad_() for one in inputs]
        output: Tensor = module(*given)
        return torch.autograd.grad(output, given, signal, allow_unused=True)


def rectified(module: nn.Module, inputs: Sequence[Tensor], signal: Tensor) -> Sequence[Tensor | None]:
    """What is positive of it, whatever the picture gave there: maps behind a rectifier are never negative."""
    return (signal.relu(),)


def passed(module: nn.Module, inputs: Sequence[Tensor], signal: Tensor) -> Sequence[Tensor | None]:
    """As it is, but for factors that were learned."""
    weight = getattr(module, "weight", None)
    return (signal if weight is None else signal * per_channel(weight, signal),)


def gated(module: nn.Module, inputs: Sequence[Tensor], signal: Tensor) -> Sequence[Tensor | None]:
    """To the maps of a product, times what they were multiplied by; nothing to gates, which are smaller."""
    found: list[Tensor | None] = []
    for place, one in enumerate(inputs):
        others = [*inputs[:place], torch.ones_like(one), *inputs[place + 1 :]]
        found.append(signal * module(*others) if one.shape == signal.shape else None)
    return found


@rule(lambda value: value is None or callable(value))
def back(layer: Layer) -> Back | None:
    """How a signal goes back through it; None where there is no way, which is the default."""
    return None


@back.of(
    *(Convolving, Deconv, FullyConnected, pool.Pooling, activation.Absolute),
    *(norm.BatchNorm, norm.Scale, norm.Normalize, norm.Constant),
    *(merge.Concat, merge.Elementwise, reshape.Moving, channels.Shuffle, dropout.Dropping, source.Skip),
    *(sequence.Token, sequence.Positions, sequence.Pick),
)
def _linear(layer: Layer) -> Back:
    return transposed


@back.of(activation.Activation)
def _activation(layer: activation.Activation) -> Back:
    return rectified


@back.of(activation.Tanh, norm.LocalResponse, norm.GroupNorm, norm.LayerNorm, norm.InstanceNorm)
def _passing(layer: Layer) -> Back:
    return passed


@back.of(activation.Softmax, activation.LogSoftmax)
def _none(layer: Layer) -> None:
    return None


@back.of(merge.Multiply)
def _product(layer: merge.Multiply) -> Back:
    return gated
