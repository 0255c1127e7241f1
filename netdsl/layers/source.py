"""What a chain starts with, and what passes on: INPUT, SKIP."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from netdsl.layers.arguments import Sizes, dims, positional
from netdsl.layers.base import Algebra, Layer
from netdsl.layers.shape import Shape

if TYPE_CHECKING:
    from torch import nn


@dataclass(frozen=True)
class Input(Layer):
    """What the network is given: one example's spatial sizes, and its channels last.

    `INPUT 227x227x3`

    FLOPs: none.
    """

    keyword = "INPUT"
    role = "input"

    dims: Sizes = positional(dims(), "spatial sizes first, channels last")

    def shape(self, *inputs: Shape) -> Shape:
        return Shape.of(self.dims)

    def lower(self, *inputs: Shape) -> nn.Module:
        from torch import nn

        return nn.Identity()


@dataclass(frozen=True)
class Skip(Layer):
    """What flows into a fork, passed on unchanged; it makes no node.

    `[ CONV 64 3 p1 | SKIP ] -> ADD`

    FLOPs: none.
    """

    keyword = "SKIP"
    role = "reshape"
    inplace = True
    view = True

    def algebra(self, *inputs: Shape) -> Algebra:
        return Algebra(identity=True)

    def lower(self, *inputs: Shape) -> nn.Module:
        from torch import nn

        return nn.Identity()
