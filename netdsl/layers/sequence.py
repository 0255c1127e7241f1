"""Layers of sequences, which are maps along one spatial axis: TOKEN, POSITIONS, PICK."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from netdsl.layers import mistakes
from netdsl.layers.arguments import LayerError, positional, whole
from netdsl.layers.base import Layer, Weight, Window
from netdsl.layers.formula import known
from netdsl.layers.shape import Shape

if TYPE_CHECKING:
    from torch import nn


def require_sequence(keyword: str, x: Shape) -> None:
    """Raise `rank-mismatch` where an input has not one spatial axis."""
    if x.rank != 1:
        raise LayerError(mistakes.NoSequence(keyword, x), inputs=True)


@dataclass(frozen=True)
class Token(Layer):
    """Puts learned positions before the others of a sequence, as ViT's class token (Dosovitskiy 2021, section 3.1).

    They start normal around 0 with deviation 0.02.

    `RESHAPE 1024x64 -> TOKEN`

    FLOPs: none.
    """

    keyword = "TOKEN"
    role = "reshape"

    count: int = positional(whole(), "how many positions", 1)

    def shape(self, *inputs: Shape) -> Shape:
        (x,) = inputs
        require_sequence("TOKEN", x)
        return Shape((x.spatial[0] + self.count,), x.channels)

    def weights(self, *inputs: Shape) -> tuple[Weight, ...]:
        return (Weight("weight", (self.count, inputs[0].channels)),)

    def windows(self, *inputs: Shape) -> tuple[Window, ...]:
        return (Window(1, before=self.count),)

    def lower(self, *inputs: Shape) -> nn.Module:
        from netdsl.layers.modules import sequence

        return sequence.Token(self.count, inputs[0].channels)


@dataclass(frozen=True)
class Positions(Layer):
    """Adds a learned vector to each position of a map of any rank, as ViT does (Dosovitskiy 2021, section 3.1).

    The vectors start normal around 0 with deviation 0.02. A map of another size has no vectors for its positions.

    `POSITIONS`

    FLOPs: 1 for each value.
    """

    keyword = "POSITIONS"
    role = "normalization"
    flops_per_output = 1

    def weights(self, *inputs: Shape) -> tuple[Weight, ...]:
        return (Weight("weight", inputs[0].dims),)

    def connections(self, *inputs: Shape) -> int:
        """One for each value, as of a bias."""
        return known(inputs[0].elements)

    def lower(self, *inputs: Shape) -> nn.Module:
        from netdsl.layers.modules import sequence

        return sequence.Positions(inputs[0].dims)


@dataclass(frozen=True)
class Pick(Layer):
    """One position of a sequence, as a vector: counted from 0, or with numbers below 0 from the end.

    `RESHAPE 1024x64 -> PICK -1`, the last

    FLOPs: none.
    """

    keyword = "PICK"
    role = "reshape"
    view = True

    position: int = positional(whole(None), "which position")

    def shape(self, *inputs: Shape) -> Shape:
        (x,) = inputs
        require_sequence("PICK", x)
        if not -x.spatial[0] <= self.position < x.spatial[0]:
            raise LayerError(mistakes.NoPosition(int(self.position), x), argument="position", inputs=True)
        return Shape((), x.channels)

    def windows(self, *inputs: Shape) -> tuple[Window, ...]:
        (size,) = inputs[0].spatial
        return (Window(1, before=-(self.position % size)),)

    def lower(self, *inputs: Shape) -> nn.Module:
        from netdsl.layers.modules import sequence

        return sequence.Pick(self.position)
