"""What picks and mixes channels: SLICE, SHUFFLE."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from netdsl.layers import mistakes
from netdsl.layers.arguments import LayerError, check_groups, positional, whole
from netdsl.layers.base import Algebra, Layer
from netdsl.layers.reshape import Moving
from netdsl.layers.shape import Shape

if TYPE_CHECKING:
    from torch import nn


@dataclass(frozen=True)
class Slice(Moving):
    """Some of the channels, counted from 0: from the first number to the one before the second.

    `SLICE 0 58`

    FLOPs: none.
    """

    keyword = "SLICE"
    view = True

    from_: int = positional(whole(0), "the first channel")
    to: int = positional(whole(), "the channel after the last")

    def __post_init__(self) -> None:
        if self.from_ >= self.to:
            raise LayerError(mistakes.NoChannel(self.from_, self.to), argument="to")

    def shape(self, *inputs: Shape) -> Shape:
        (x,) = inputs
        if self.to > x.channels:
            raise LayerError(mistakes.FewChannels(self.from_, self.to, x), argument="to", inputs=True)
        return Shape(x.spatial, self.to - self.from_)

    def lower(self, *inputs: Shape) -> nn.Module:
        from netdsl.layers.modules import reshape

        return reshape.Slice(self.from_, self.to)


@dataclass(frozen=True)
class Shuffle(Layer):
    """Mixes the channels of groups: as a table of g rows and C/g columns, they are transposed (Zhang 2017).

    `SHUFFLE 2`

    FLOPs: none.
    """

    keyword = "SHUFFLE"
    role = "reshape"

    groups: int = positional(whole(), "how many groups are mixed")

    def shape(self, *inputs: Shape) -> Shape:
        (x,) = inputs
        check_groups(self.groups, x.channels)
        return x

    def algebra(self, *inputs: Shape) -> Algebra:
        return Algebra(identity=self.groups in (1, inputs[0].channels))

    def lower(self, *inputs: Shape) -> nn.Module:
        from torch import nn

        from netdsl.layers.modules import reshape

        shuffle = nn.ChannelShuffle if inputs[0].spatial else reshape.VectorShuffle
        return shuffle(self.groups)
