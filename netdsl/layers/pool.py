"""Poolings: MAXPOOL, AVGPOOL."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import gcd, prod
from typing import TYPE_CHECKING, Literal

from netdsl.layers import mistakes, window
from netdsl.layers.arguments import LayerError, Sizes, flag, option, positional, show, sizes, tag
from netdsl.layers.base import Algebra, Layer, Window, per_axis, require_axes
from netdsl.layers.formula import group, known, times
from netdsl.layers.shape import Shape
from netdsl.text.advice import Advice

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from torch import nn


@dataclass(frozen=True)
class Pooling(Layer):
    """What MAXPOOL and AVGPOOL share: windows that slide, that adapt to an output size, or one over the whole map."""

    role = "pooling"

    kernel: Sizes | None = positional(sizes(), "size of the window", None)
    stride: Sizes | None = tag("s", sizes(), "step of the window; without it the kernel", None)
    padding: Sizes = tag("p", sizes(0), "padding on each side, at most half the kernel", (0,))
    ceil: bool = flag("round the output's size up; a last window that starts beyond in + p is dropped")
    same: bool = flag("pad so that the output is ceil(in/s), the odd pixel at the far end")
    global_: bool = flag("one window over the whole map")
    to: Sizes | None = option(sizes(), "the size of the output, by windows that adapt to it")
    after: Sizes | None = option(sizes(0), "padding at the far side, where it differs; at most half the kernel too")

    def __post_init__(self) -> None:
        given = [word for word, value in self._modes.items() if value]
        if not given:
            size = show(self.stride or (2,))
            usage = f"{self.keyword} {size}, {self.keyword} global or {self.keyword} to=7x7"
            raise LayerError(mistakes.NoneOf("a kernel, `global` or `to=`", usage))
        if len(given) > 1:
            raise LayerError(mistakes.Exclusive(" and ".join(given)), argument=given[-1])
        if self.kernel is None:
            for word, value in self._of_kernels.items():
                if value:
                    raise LayerError(mistakes.OfKernels(given[0], word), argument=word)
        if self.same and any(self.padding):
            raise LayerError(mistakes.SamePads(), argument="padding")
        if self.same and self.after is not None:
            raise LayerError(mistakes.SamePads(hint=Advice("leave after= out")), argument="after")
        if self.same and self.ceil:
            raise LayerError(mistakes.SameRounds(), argument="ceil")

    @property
    def canonical(self) -> Layer:
        plain = super().canonical
        assert isinstance(plain, Pooling)
        plain = replace(plain, after=None) if plain.after == plain.padding else plain
        return replace(plain, stride=None) if plain.stride == plain.kernel else plain

    @property
    def _modes(self) -> dict[str, object]:
        return {"kernel": self.kernel, "global": self.global_, "to": self.to}

    @property
    def _of_kernels(self) -> dict[str, object]:
        """The arguments that need a kernel."""
        flags = {"ceil": self.ceil, "same": self.same, "after": self.after is not None}
        return {"stride": self.stride, "padding": any(self.padding), **flags}

    def _sliding(self, x: Shape) -> tuple[Window, ...]:
        kernel = per_axis(self.kernel or (1,), x, "kernel")
        stride = kernel if self.stride is None else per_axis(self.stride, x, "stride")
        padding = per_axis(self.padding, x, "padding")
        after = padding if self.after is None else per_axis(self.after, x, "after")
        if self.same:
            return tuple([window.same(*axis, 1) for axis in zip(x.spatial, kernel, stride, strict=True)])
        return tuple([Window(*axis) for axis in zip(kernel, stride, padding, after, strict=True)])

    def windows(self, *inputs: Shape) -> tuple[Window, ...] | Literal["all"]:
        (x,) = inputs
        if self.global_:
            return "all"
        if self.to is not None:
            return tuple([_adaptive(*axis) for axis in zip(x.spatial, per_axis(self.to, x, "to"), strict=True)])
        return self._sliding(x)

    def shape(self, *inputs: Shape) -> Shape:
        (x,) = inputs
        require_axes(self.keyword, x)
        if self.global_:
            return Shape(tuple([(size - size) // 1 + 1 for size in x.spatial]), x.channels)
        if self.to is not None:
            return Shape(per_axis(self.to, x, "to"), x.channels)
        windows = self._sliding(x)
        for one in windows:
            if not self.same and 2 * one.before > one.size:
                raise LayerError(mistakes.LargePadding("p", one.before, one.size), argument="padding")
            if not self.same and 2 * one.after > one.size:
                raise LayerError(mistakes.LargePadding("after=", one.after, one.size), argument="after")
        window.check(self.keyword, x, windows)
        return Shape(window.out_sizes(x, windows, same=self.same, ceil=self.ceil), x.channels)

    def algebra(self, *inputs: Shape) -> Algebra:
        (x,) = inputs
        return Algebra(identity=self.cells(x) == 1 and self.shape(x) == x, windowed=self._windowed(x))

    def _windowed(self, x: Shape) -> Layer | None:
        """With a kernel in place of `global`, or of a `to=` that divides the map evenly."""
        if self.global_:
            return replace(self, kernel=x.spatial, stride=(1,), global_=False)
        if self.to is None:
            return None
        to = per_axis(self.to, x, "to")
        if any(size % count for size, count in zip(x.spatial, to, strict=True)):
            return None
        kernel = tuple([size // count for size, count in zip(x.spatial, to, strict=True)])
        return replace(self, kernel=kernel, stride=(1,) if max(to) == 1 else None, to=None)

    def cells(self, x: Shape) -> int:
        """How many values a window covers."""
        windows = self.windows(x)
        return times(x.spatial if windows == "all" else [known(one.size) for one in windows])

    def connections(self, *inputs: Shape) -> int:
        """The cells of each window, padding too; with `to=` those of the largest."""
        return self.cells(inputs[0]) * self.shape(*inputs).elements

    def reads(self, axis: int, position: int, *inputs: Shape) -> Iterable[int] | None:
        (x,) = inputs
        if self.to is None:
            return None
        size, count = x.spatial[axis], per_axis(self.to, x, "to")[axis]
        return range(position * size // count, -(-(position + 1) * size // count))

    def padded(self, x: Shape) -> int:
        """How many values the padded copy has that it pools in place of its input; 0 where it pools the input."""
        windows = self._sliding(x)
        if self.same:
            return window.padded(x, windows) if window.uneven(windows) else 0
        further = window.further(windows)
        return window.padded(x, further) if any(one.before or one.after for one in further) else 0

    def left_out(self, x: Shape) -> int:
        """How many values are made and then left out: of last windows that only a far padding would hold."""
        windows = self._sliding(x)
        if self.same or not self.ceil:
            return 0
        axes = zip(x.spatial, windows, window.further(windows), strict=True)
        sizes = [(size + more.before + more.after, one, one.before - more.before) for size, one, more in axes]
        made = [window.out_size(size, Window(one.size, one.stride, p, p), ceil=True) for size, one, p in sizes]
        return x.channels * prod(made) - self.shape(x).elements

    def warnings(self, *inputs: Shape) -> Iterator[LayerError]:
        (x,) = inputs
        if self.kernel and not self.same and not self.ceil:
            yield from window.inexact(self.keyword, self.kernel, self.stride or self.kernel, x, self._sliding(x))


@dataclass(frozen=True)
class MaxPool(Pooling):
    """The largest value in each window. Padding never is the largest.

    `MAXPOOL 3 s2 p1`

    FLOPs: k - 1 comparisons for each output of a window of k values; with `to=` the largest window counts.
    """

    keyword = "MAXPOOL"

    def flops(self, *inputs: Shape) -> int:
        return group(self.cells(inputs[0]) - 1) * known(self.shape(*inputs).elements)

    def lower(self, *inputs: Shape) -> nn.Module:
        from netdsl.layers.modules import pool

        (x,) = inputs
        if self.kernel is None:
            return pool.adaptive_maximum(self.shape(x).spatial)
        return pool.maximum(self._sliding(x), ceil=self.ceil, same=self.same)


@dataclass(frozen=True)
class AveragePool(Pooling):
    """The mean of each window. Padding counts as zeros, that of `same` too, unless `exclude_pad`.

    What reaches beyond the padding, with `ceil`, never counts.

    `AVGPOOL global`

    FLOPs: k for each output of a window of k values, k - 1 sums and a division; with `to=` the largest window counts.
    """

    keyword = "AVGPOOL"

    exclude_pad: bool = flag("divide by the number of real values in the window")

    @property
    def _of_kernels(self) -> dict[str, object]:
        return super()._of_kernels | {"exclude_pad": self.exclude_pad}

    def flops(self, *inputs: Shape) -> int:
        return group(self.cells(inputs[0])) * known(self.shape(*inputs).elements)

    def padded(self, x: Shape) -> int:
        """The same; and of small clips, which PyTorch averages only where a window fits without padding."""
        windows = self._sliding(x)
        small = any(size < one.size for size, one in zip(x.spatial, windows, strict=True))
        if x.rank == 3 and small and any(one.before for one in windows):
            return window.padded(x, windows)
        return super().padded(x)

    def lower(self, *inputs: Shape) -> nn.Module:
        from netdsl.layers.modules import pool

        (x,) = inputs
        if self.kernel is None:
            return pool.adaptive_average(self.shape(x).spatial)
        windows = self._sliding(x)
        return pool.average(windows, ceil=self.ceil, same=self.same, include_pad=not self.exclude_pad)


def _adaptive(size: int, count: int) -> Window:
    """The window that gives `count` positions over `size`: exact where it divides, else the largest that is used.

    Window i reads from floor(i·size/count) up to ceil((i + 1)·size/count), as PyTorch's adaptive poolings do.
    """
    whole, rest = size // count, size % count
    if not rest:
        return Window(whole, whole)
    return Window(whole + (1 if rest == gcd(size, count) else 2), max(1, whole))
