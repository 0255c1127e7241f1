"""Layers in which every position looks at others: ATTENTION."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from netdsl.layers import mistakes
from netdsl.layers.arguments import LayerError, Sizes, check_groups, flag, once, option, positional, show, sizes, whole
from netdsl.layers.base import Layer, Weight, Window, per_axis
from netdsl.layers.formula import alike, at, group, known, rounded_up, times

if TYPE_CHECKING:
    from collections.abc import Iterable

    from torch import nn

    from netdsl.layers.shape import Shape


@dataclass(frozen=True)
class Attention(Layer):
    """Self-attention: each position takes a mean of what all positions say, weighted by softmax (Vaswani 2017).

    Positions are taken row by row, and D = heads · width numbers of each are asked, compared and told; they are
    projected from the C channels that flow in, and back to as many. With `window` each position sees its own window
    alone, as in Swin (Liu 2021), whose windows `shift` moves, by half a window where nothing else is said; what they
    cut apart at the edge stays apart. A side that the window does not divide is padded with zeros at its far end, which
    are seen too; one no longer than the window is not shifted.

    `ATTENTION 8` or `ATTENTION 4 window=7 shift=3 relative`

    FLOPs: two for each MAC. Softmax, scale and what `relative` adds are not counted, as a convolution's bias is not.
    """

    keyword = "ATTENTION"
    role = "attention"
    counts_depth = True

    heads: int = positional(whole(), "how many means are taken side by side")
    width: int | None = option(whole(), "numbers of each position that a head compares; without it C / heads")
    window: Sizes | None = option(sizes(), "size of the windows that the map is cut into")
    shift: Sizes | Literal[True] | None = option(
        sizes(0), "by how much the windows are moved; half of them where no number stands", word=True
    )
    relative: bool = flag("add a learned number for each head and each way from one position of a window to another")
    causal: bool = flag("no position sees a later one")
    nobias: bool = flag("no bias in the projections of what flows in")

    def __post_init__(self) -> None:
        if self.window is None:
            for name, given in (("shift", self.shift), ("relative", self.relative)):
                if given:
                    word = name if given is True else f"{name}={show(given)}"
                    raise LayerError(mistakes.NoWindow(word), argument=name)
        elif self.causal:
            raise LayerError(mistakes.Exclusive("window and causal"), argument="causal")

    @property
    def canonical(self) -> Layer:
        plain = super().canonical
        assert isinstance(plain, Attention)
        shift = plain.shift
        if shift is True and plain.window is not None:
            shift = once(tuple([size // 2 for size in plain.window]))
        return replace(plain, shift=shift if shift is True or (shift and any(shift)) else None)

    def inner(self, x: Shape) -> int:
        """D: what all heads together compare of a position."""
        return x.channels if self.width is None else self.heads * self.width

    def sides(self, x: Shape) -> Sizes:
        """The window along each axis; () where all positions are seen."""
        return () if self.window is None else per_axis(self.window, x, "window")

    def _asked(self, x: Shape) -> Sizes:
        """The shift along each axis, whatever its size."""
        if not self.shift:
            return (0,) * x.rank
        return tuple([side // 2 for side in self.sides(x)]) if self.shift is True else per_axis(self.shift, x, "shift")

    def shifts(self, x: Shape) -> Sizes:
        """By how much windows are moved along each axis: not where one window holds all of it."""
        if not self.shift:
            return (0,) * x.rank
        axes = zip(x.spatial, self.sides(x), self._asked(x), strict=True)
        return tuple([shift if size > side else 0 for size, side, shift in axes])

    def shape(self, *inputs: Shape) -> Shape:
        (x,) = inputs
        if not x.spatial:
            raise LayerError(mistakes.NoAxes(self.keyword, x, "RESHAPE it first"), inputs=True)
        if self.width is None:
            check_groups(self.heads, x.channels, argument="heads")
        if sides := self.sides(x):
            for side, shift in zip(sides, self._asked(x), strict=True):
                if shift and shift >= side:
                    raise LayerError(mistakes.LargeShift(shift, side), argument="shift")
        return x

    def padded(self, x: Shape) -> Sizes:
        """The sizes of the map that is cut into windows."""
        if self.window is None:
            return x.spatial
        axes = zip(x.spatial, self.sides(x), strict=True)
        return tuple([size if size % side == 0 else rounded_up(size, side) * side for size, side in axes])

    def weights(self, *inputs: Shape) -> tuple[Weight, ...]:
        (x,) = inputs
        d = self.inner(x)
        three = alike(3, d) * d
        found = [Weight("in_proj_weight", (three, x.channels))]
        if self.relative:
            ways = times([2 * side - 1 for side in self.sides(x)])
            found.insert(0, Weight("relative_position_bias_table", (ways, self.heads)))
        if not self.nobias:
            found.append(Weight("in_proj_bias", (three,)))
        return (*found, Weight("out_proj.weight", (x.channels, d)), Weight("out_proj.bias", (x.channels,)))

    def macs(self, *inputs: Shape) -> int:
        (x,) = inputs
        d, places = self.inner(x), times(self.padded(x))
        pairs = self._pairs(known(places))
        if self.window is not None:
            pairs = known(places) * times(self.sides(x))
        return at(4 * (x.channels * d), places) + 2 * (pairs * d)

    def _pairs(self, positions: int) -> int:
        """How often one position sees another, where there are no windows."""
        return positions * group(positions + 1) // 2 if self.causal else positions * positions

    def connections(self, *inputs: Shape) -> int:
        """One for each MAC, and one for each bias at each position."""
        (x,) = inputs
        told = known(x.channels) if self.nobias else known(3 * self.inner(x) + x.channels)
        return known(self.macs(x)) + known(times(self.padded(x))) * told

    def windows(self, *inputs: Shape) -> tuple[Window, ...] | Literal["all"]:
        (x,) = inputs
        if self.window is None:
            return "all"
        axes = zip(self.sides(x), self.shifts(x), strict=True)
        return tuple([Window(side, before=(side - shift) % side, shared=side) for side, shift in axes])

    def reads(self, axis: int, position: int, *inputs: Shape) -> Iterable[int] | None:
        (x,) = inputs
        if self.window is None:
            return range(position + 1) if self.causal and axis == 0 else None
        size, side = x.spatial[axis], self.sides(x)[axis]
        ahead = (side - self.shifts(x)[axis]) % side  # what a shift has cut off is a window of its own
        start = (position + ahead) // side * side - ahead
        return range(max(start, 0), min(start + side, size))

    def lower(self, *inputs: Shape) -> nn.Module:
        from netdsl.layers.modules import attention

        (x,) = inputs
        width = self.inner(x) // self.heads
        if self.window is None:
            return attention.Attention(x.channels, self.heads, width, bias=not self.nobias, causal=self.causal)
        return attention.WindowAttention(
            x.channels,
            self.heads,
            width,
            bias=not self.nobias,
            window=list(self.sides(x)),
            shift=list(self._asked(x)),
            relative=self.relative,
        )
