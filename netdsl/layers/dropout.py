"""What drops at random in training, and passes on in inference: DROPOUT, DROPPATH."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

from netdsl.layers.arguments import Number, positional, real
from netdsl.layers.base import Algebra, Layer

if TYPE_CHECKING:
    from torch import nn

    from netdsl.layers.shape import Shape


class Dropping(Layer):
    """What DROPOUT and DROPPATH share."""

    role = "dropout"
    inplace = True
    view = True
    training_only = True

    rate: Number

    def algebra(self, *inputs: Shape) -> Algebra:
        return Algebra(elementwise=True, identity=True)


@dataclass(frozen=True)
class Dropout(Dropping):
    """Sets values to 0 at random in training, and enlarges the others by 1/(1 - rate) (Srivastava 2014).

    `DROPOUT 0.5`

    FLOPs: none in inference.
    """

    keyword = "DROPOUT"

    rate: Number = positional(real(0, 1), "share that is dropped", Fraction(1, 2))

    def lower(self, *inputs: Shape) -> nn.Module:
        from torch import nn

        return nn.Dropout(float(self.rate))


@dataclass(frozen=True)
class DropPath(Dropping):
    """Drops all of an example at random in training, and enlarges the others by 1/(1 - rate) (Huang 2016).

    At the end of a residual branch this is stochastic depth.

    `DROPPATH 0.1`

    FLOPs: none in inference.
    """

    keyword = "DROPPATH"

    rate: Number = positional(real(0, 1), "share of the examples that is dropped", Fraction(1, 2))

    def lower(self, *inputs: Shape) -> nn.Module:
        from netdsl.layers.modules import pointwise

        return pointwise.DropPath(float(self.rate))
