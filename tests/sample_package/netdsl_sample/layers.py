"""The layer, as netdsl sees it: its arguments, its weights and costs. Nothing here imports torch early."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

from netdsl.layers.arguments import option, real
from netdsl.layers.base import Layer, Weight

if TYPE_CHECKING:
    from torch import nn

    from netdsl.layers.shape import Shape


@dataclass(frozen=True)
class Swish(Layer):
    """x · sigmoid(βx), with one learned β (Ramachandran, Zoph, Le 2017, section 4).

    `SWISH beta=1.5`

    FLOPs: 5 for each value.
    """

    keyword = "SWISH"
    role = "activation"
    flops_per_output = 5

    beta: int | Fraction = option(real(), "where β starts", 1)

    def weights(self, *inputs: Shape) -> tuple[Weight, ...]:
        return (Weight("beta", (1,)),)

    def lower(self, *inputs: Shape) -> nn.Module:
        from netdsl_sample import modules

        return modules.Swish(float(self.beta))
