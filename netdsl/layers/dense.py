"""Layers that read all of their input for each unit: FC, RBF."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from netdsl.layers.arguments import flag, positional, whole
from netdsl.layers.base import Algebra, Layer, Product, Weight, Window
from netdsl.layers.conv import Conv
from netdsl.layers.formula import known, times
from netdsl.layers.shape import Shape

if TYPE_CHECKING:
    from torch import nn


class Dense(Layer):
    """What FC and RBF share: a vector of units, each of which reads the whole input, flattened channel-major."""

    role = "dense"

    units: int

    def shape(self, *inputs: Shape) -> Shape:
        (_,) = inputs
        return Shape((), self.units)

    def windows(self, *inputs: Shape) -> tuple[Window, ...] | Literal["all"]:
        return "all" if inputs[0].spatial else ()


@dataclass(frozen=True)
class FullyConnected(Dense):
    """A linear map of the whole input, which is flattened first where it has spatial axes.

    `FC 4096`

    FLOPs: two for each MAC.
    """

    keyword = "FC"
    counts_depth = True

    units: int = positional(whole(), "size of the output vector")
    nobias: bool = flag("no bias")

    def weights(self, *inputs: Shape) -> tuple[Weight, ...]:
        weight = Weight("weight", (self.units, times(inputs[0].dims)))
        return (weight,) if self.nobias else (weight, Weight("bias", (self.units,)))

    def macs(self, *inputs: Shape) -> int:
        return known(inputs[0].elements) * self.units

    def algebra(self, *inputs: Shape) -> Algebra:
        """A convolution whose window is the whole map (LeCun 2015) has the same weights, in the same order."""
        (x,) = inputs
        conv = Conv(self.units, x.spatial, nobias=self.nobias) if 0 < x.rank <= 3 else None
        return Algebra(linear=Product(self, "units"), windowed=conv)

    def lower(self, *inputs: Shape) -> nn.Module:
        from netdsl.layers.modules import dense

        return dense.FlatLinear(inputs[0].elements, self.units, bias=not self.nobias)


@dataclass(frozen=True)
class RadialBasis(Dense):
    """Squared distances to fixed codes, as LeNet-5 ends (LeCun 1998, section II.B): the smallest is the answer.

    Ten units over 84 inputs hold pictures of the digits, others seeded ±1. Codes are constants, no parameters.

    `RBF 10`

    FLOPs: three for each input of a unit: subtract, square, add.
    """

    keyword = "RBF"

    units: int = positional(whole(), "number of codes")

    def flops(self, *inputs: Shape) -> int:
        return 3 * known(inputs[0].elements) * self.units

    def constants(self, *inputs: Shape) -> tuple[Weight, ...]:
        return (Weight("codes", (self.units, inputs[0].elements)),)

    def connections(self, *inputs: Shape) -> int:
        return self.units * inputs[0].elements

    def lower(self, *inputs: Shape) -> nn.Module:
        from netdsl.layers.modules import dense

        return dense.RadialBasis(self.units, inputs[0].elements)
