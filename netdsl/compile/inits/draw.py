"""The weights of a module, drawn as a name says."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import prod, sqrt
from typing import Any

import torch
from torch import Tensor, nn

from netdsl.compile.inits.starts import Start
from netdsl.compile.random import fill


@dataclass(frozen=True)
class Law:
    """How the weights of a product are drawn: normal of a deviation, or uniform within a bound."""

    normal: bool
    size: Callable[[float, float, float], float]
    """The deviation, or the bound, by gain, fan-in and fan-out."""
    code: str
    """The same as Python."""
    power: float
    """It falls by this power of the fan-in."""


LAWS: Mapping[str, Law] = {
    "default": Law(False, lambda gain, fan, _: gain * sqrt(3 / fan), "gain * math.sqrt(3 / fan)", 0.5),
    "he": Law(True, lambda _, fan, __: sqrt(2 / fan), "math.sqrt(2 / fan)", 0.5),
    "glorot": Law(False, lambda _, fan, out: sqrt(6 / (fan + out)), "math.sqrt(6 / (fan + out))", 0.5),
    "lecun": Law(False, lambda _, fan, __: 2.4 / fan, "2.4 / fan", 1.0),
    "alexnet": Law(True, lambda _, __, ___: 0.01, "0.01", 0.0),
    "vgg": Law(True, lambda _, __, ___: 0.1, "0.1", 0.0),
}
"""By the name of an initialisation."""


def start(module: nn.Module, init: str, how: Start, generator: torch.Generator | None) -> None:
    """Fill the weights of a product or a normalisation."""
    weight, bias, law = module.weight, module.bias, LAWS[init]
    assert isinstance(weight, Tensor)
    with torch.no_grad():
        if weight.dim() == 1:
            weight.fill_(how.gain)
            return
        size = law.size(how.gain, *_fans(module, weight))
        fill(weight, (0.0 if law.normal else -size, size), normal=law.normal, generator=generator)
        if isinstance(mask := getattr(module, "mask", None), Tensor):
            weight.mul_(mask / mask.mean(1, keepdim=True) ** law.power)
        if isinstance(bias, Tensor):
            bias.fill_(how.bias)


def _fans(module: Any, weight: Tensor) -> tuple[float, float]:
    """How many values each output is a sum of, and in how many outputs each value is, whatever a CONV's stride."""
    groups, inward = getattr(module, "groups", 1), weight[0].numel()
    outward = weight[:, 0].numel() / groups
    if getattr(module, "transposed", False):  # its weights are of inputs x outputs
        return outward / prod(module.stride), inward
    return inward, outward
