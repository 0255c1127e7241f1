"""Convolutions: CONV, DWCONV."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import cached_property
from math import prod
from typing import TYPE_CHECKING

from netdsl.layers import mistakes, window
from netdsl.layers.arguments import (
    LayerError,
    Sizes,
    check_groups,
    flag,
    option,
    positional,
    sizes,
    tag,
    text,
    whole,
)
from netdsl.layers.base import Algebra, Layer, Product, Weight, Window, per_axis, require_axes
from netdsl.layers.formula import at, known, times
from netdsl.layers.shape import Shape

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from torch import nn

_DIGITS = re.compile(r"[0-9a-zA-Z]+")
_NUMBERS = re.compile(r"[0-9]{1,9}(,[0-9]{1,9})*")


class Convolving(Layer):
    """What CONV and DWCONV share: windows, sizes, and weights of filters x in/g x kernel."""

    role = "convolution"
    counts_depth = True

    kernel: Sizes
    stride: Sizes
    padding: Sizes
    dilation: Sizes
    same: bool
    nobias: bool

    def __post_init__(self) -> None:
        if self.same and any(self.padding):
            raise LayerError(mistakes.SamePads(), argument="padding")

    def filters_of(self, x: Shape) -> int:
        """Channels of the output."""
        raise NotImplementedError

    def groups_of(self, x: Shape) -> int:
        """In how many parts the channels are convolved apart."""
        raise NotImplementedError

    def fixed(self, x: Shape) -> int:
        """How many of the weights are zeros that training leaves alone: of maps that a filter does not read."""
        if (maps := self.maps_of()) is None:
            return 0
        return (self.filters_of(x) * x.channels - sum(map(len, maps))) * prod(per_axis(self.kernel, x, "kernel"))

    def windows(self, *inputs: Shape) -> tuple[Window, ...]:
        (x,) = inputs
        kernel = per_axis(self.kernel, x, "kernel")
        stride = per_axis(self.stride, x, "stride")
        padding = per_axis(self.padding, x, "padding")
        dilation = per_axis(self.dilation, x, "dilation")
        axes = zip(x.spatial, kernel, stride, padding, dilation, strict=True)
        if self.same:
            return tuple(window.same(size, k, s, d) for size, k, s, _, d in axes)
        return tuple(Window(k, s, p, p, d) for _, k, s, p, d in axes)

    def shape(self, *inputs: Shape) -> Shape:
        (x,) = inputs
        require_axes(self.keyword, x, "use FC, or write the input with its sizes and channels")
        windows = self.windows(x)
        groups, filters = self.groups_of(x), self.filters_of(x)
        check_groups(groups, x.channels, filters)
        window.check(self.keyword, x, windows)
        return Shape(window.out_sizes(x, windows, same=self.same), filters)

    def weights(self, *inputs: Shape) -> tuple[Weight, ...]:
        (x,) = inputs
        kernel = per_axis(self.kernel, x, "kernel")
        filters, groups = self.filters_of(x), self.groups_of(x)
        read = x.channels // groups
        if not 1 < groups < x.channels:
            read = known(read)
        weight = Weight("weight", (filters, read, *kernel), self.fixed(x))
        return (weight,) if self.nobias else (weight, Weight("bias", (filters,)))

    def macs(self, *inputs: Shape) -> int:
        places = [known(size) for size in self.shape(*inputs).spatial]
        return at(known(self.weights(*inputs)[0].count), times(places))

    def warnings(self, *inputs: Shape) -> Iterator[LayerError]:
        (x,) = inputs
        if not self.same:
            yield from window.inexact(self.keyword, self.kernel, self.stride, x, self.windows(x))

    def lower(self, *inputs: Shape) -> nn.Module:
        from netdsl.layers.modules import conv

        (x,) = inputs
        return conv.convolution(
            self.windows(x),
            x.channels,
            self.filters_of(x),
            self.groups_of(x),
            bias=not self.nobias,
            same=self.same,
            maps=self.maps_of(),
        )

    def maps_of(self) -> Sequence[Sequence[int]] | None:
        """The input channels that each filter reads, where it does not read all."""
        return None


@dataclass(frozen=True)
class Conv(Convolving):
    """A convolution: each filter reads a window over all channels (of its group).

    `CONV 96 11x11 s4 p0`

    FLOPs: two for each MAC.
    """

    keyword = "CONV"

    filters: int = positional(whole(), "channels of the output")
    kernel: Sizes = positional(sizes(), "size of the window")
    stride: Sizes = tag("s", sizes(), "step of the window", (1,))
    padding: Sizes = tag("p", sizes(0), "zeros on each side", (0,))
    dilation: Sizes = tag("d", sizes(), "step between the window's cells", (1,))
    groups: int = tag("g", whole(), "parts that are convolved apart", 1)
    same: bool = flag("pad so that the output is ceil(in/s), the odd pixel at the far end")
    nobias: bool = flag("no bias")
    table: str | None = option(text(), "the input maps that each filter reads: base-36 digits, or numbers with commas")

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.table is None:
            return
        if self.groups != 1:
            raise LayerError(mistakes.TableAndGroups(), argument="groups")
        if len(self.maps) != self.filters:
            why = f"the table has {len(self.maps)} words for {self.filters} filters"
            raise LayerError(mistakes.WrongTable(why, "write a word for each filter"), argument="table")

    @cached_property
    def maps(self) -> tuple[tuple[int, ...], ...]:
        """The table, read: for each filter the input maps that it reads."""
        table = self.table or ""
        words = table.split()
        word_form = _NUMBERS if "," in table else _DIGITS
        if not all(map(word_form.fullmatch, words)):
            why = "a table holds base-36 digits (`012 123`), or numbers joined by commas (`0,1,12 3,4`)"
            raise LayerError(mistakes.WrongTable(why), argument="table")
        if word_form is _NUMBERS:
            maps = tuple(tuple(map(int, word.split(","))) for word in words)
        else:
            maps = tuple(tuple(int(digit, 36) for digit in word) for word in words)
        if twice := next((word for word, row in zip(words, maps, strict=True) if len(set(row)) < len(row)), None):
            raise LayerError(mistakes.WrongTable(f"`{twice}` names a map twice"), argument="table")
        return maps

    def filters_of(self, x: Shape) -> int:
        return self.filters

    def groups_of(self, x: Shape) -> int:
        return self.groups

    def shape(self, *inputs: Shape) -> Shape:
        (x,) = inputs
        largest = max((max(row) for row in self.maps), default=0)
        if largest >= x.channels:
            why = f"the table reads map {largest}, but the input has {x.channels} maps, counted from 0"
            raise LayerError(mistakes.WrongTable(why), argument="table", inputs=True)
        return super().shape(x)

    def maps_of(self) -> Sequence[Sequence[int]] | None:
        return None if self.table is None else self.maps

    def algebra(self, *inputs: Shape) -> Algebra:
        return Algebra(linear=Product(replace(self, table=None), "filters" if self.groups == 1 else ""))


@dataclass(frozen=True)
class DepthwiseConv(Convolving):
    """A depthwise convolution: every channel by itself, with as many groups as channels.

    `DWCONV 3 s2 p1 nobias`

    FLOPs: two for each MAC.
    """

    keyword = "DWCONV"

    kernel: Sizes = positional(sizes(), "size of the window")
    stride: Sizes = tag("s", sizes(), "step of the window", (1,))
    padding: Sizes = tag("p", sizes(0), "zeros on each side", (0,))
    dilation: Sizes = tag("d", sizes(), "step between the window's cells", (1,))
    same: bool = flag("pad so that the output is ceil(in/s), the odd pixel at the far end")
    nobias: bool = flag("no bias")
    multiplier: int = option(whole(), "filters for each channel", 1)

    def algebra(self, *inputs: Shape) -> Algebra:
        return Algebra(linear=Product(self))

    def filters_of(self, x: Shape) -> int:
        return known(x.channels * self.multiplier)

    def groups_of(self, x: Shape) -> int:
        return x.channels
