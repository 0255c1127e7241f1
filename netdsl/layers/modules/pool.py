"""Poolings: torch.nn's, and those with uneven padding."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from netdsl.layers.base import Window
from netdsl.layers.modules.axes import fixed, pads, pick, same
from netdsl.layers.window import further


def _sliding(kind: Any, windows: Sequence[Window], **options: bool) -> nn.Module:
    """One of torch.nn's poolings, padded alike on both sides."""
    kernel = tuple(window.size for window in windows)
    stride = tuple(window.stride for window in windows)
    return kind(kernel, stride, tuple(window.before for window in windows), **options)


def _unpadded(windows: Sequence[Window]) -> list[Window]:
    return [Window(window.size, window.stride) for window in windows]


def _both(windows: Sequence[Window]) -> list[Window]:
    """Padded by what there is on both sides."""
    least = [min(window.before, window.after) for window in windows]
    return [Window(one.size, one.stride, both, both) for one, both in zip(windows, least, strict=True)]


def trimmed(y: Tensor, sizes: list[int], stride: list[int], before: list[int]) -> Tensor:
    """What a pooling gives without last windows that begin beyond an input of some size and its first padding."""
    for axis in range(len(sizes)):
        count = y.size(axis + 2)
        if (count - 1) * stride[axis] >= sizes[axis] + before[axis]:
            part = y.narrow(axis + 2, 0, count - 1)  # a copy, so that the rest is not held
            y = part.clone(memory_format=torch.contiguous_format)
    return y


def _steps(windows: Sequence[Window]) -> tuple[list[int], list[int]]:
    """What each window spans, and how far it steps, along each axis."""
    return [window.reach for window in windows], [window.stride for window in windows]


def _edges(windows: Sequence[Window]) -> tuple[list[int], list[int], list[int]]:
    """What is padded before a pooling, in torch's order, and each window's step and padding."""
    return pads(further(windows)), [window.stride for window in windows], [window.before for window in windows]


def maximum(windows: Sequence[Window], *, ceil: bool, same: bool) -> nn.Module:
    """A max pooling, whose padding is never the largest."""
    kind = pick(len(windows), nn.MaxPool1d, nn.MaxPool2d, nn.MaxPool3d)
    if same and not fixed(windows):
        return SamePool(_sliding(kind, _unpadded(windows)), *_steps(windows), -torch.inf)
    if any(window.before != window.after for window in windows):
        return EdgedPool(_sliding(kind, _both(windows), ceil_mode=ceil), *_edges(windows), -torch.inf)
    return _sliding(kind, windows, ceil_mode=ceil)


def average(windows: Sequence[Window], *, ceil: bool, same: bool, include_pad: bool) -> nn.Module:
    """An average pooling, whose padding counts as zeros or not at all."""
    kind = pick(len(windows), nn.AvgPool1d, nn.AvgPool2d, nn.AvgPool3d)
    if same and not fixed(windows):
        padded = SamePool(_sliding(kind, _unpadded(windows)), *_steps(windows))
        return padded if include_pad else RealMean(padded)
    if len(windows) == 3 and any(window.before for window in windows):
        kind = Mean3d
    if any(window.before != window.after for window in windows):
        padded = EdgedPool(_sliding(kind, _both(windows), ceil_mode=ceil, count_include_pad=True), *_edges(windows))
        return padded if include_pad else RealMean(padded)
    return _sliding(kind, windows, ceil_mode=ceil, count_include_pad=include_pad)


class Mean3d(nn.Module):
    """A 3-D average as torch.nn's, which refuses maps smaller than its kernel even where padding makes room for it."""

    def __init__(
        self,
        kernel: Sequence[int],
        stride: Sequence[int],
        padding: Sequence[int],
        ceil_mode: bool,
        count_include_pad: bool,
    ) -> None:
        super().__init__()
        self.kernel, self.stride, self.padding = list(kernel), list(stride), list(padding)
        self.ceil_mode, self.count_include_pad = ceil_mode, count_include_pad

    def forward(self, x: Tensor) -> Tensor:
        depth, height, width = self.kernel
        if x.size(2) >= depth and x.size(3) >= height and x.size(4) >= width:
            return functional.avg_pool3d(
                x, self.kernel, self.stride, self.padding, self.ceil_mode, self.count_include_pad
            )
        depth, height, width = self.padding
        sizes = [width, width, height, height, depth, depth]
        padded = functional.pad(x, sizes)
        mean = functional.avg_pool3d(padded, self.kernel, self.stride, 0, self.ceil_mode)
        if not self.count_include_pad:
            real = functional.pad(torch.ones_like(x[:1, :1]), sizes)
            share = functional.avg_pool3d(real, self.kernel, self.stride, 0, self.ceil_mode)
            mean = mean / share
        sizes = [x.size(2), x.size(3), x.size(4)]
        return trimmed(mean, sizes, self.stride, self.padding)


class SamePool(nn.Module):
    """A pooling to ceil(in/s), padded by `value`."""

    def __init__(
        self,
        pool: nn.Module,
        reach: list[int],
        stride: list[int],
        value: float = 0.0,
    ) -> None:
        super().__init__()
        self.pool, self.value = pool, value
        self.reach, self.stride = reach, stride

    def forward(self, x: Tensor) -> Tensor:
        sizes = same(x, self.reach, self.stride)
        return self.pool(functional.pad(x, sizes, value=self.value))


class EdgedPool(nn.Module):
    """A pooling whose padding differs on the sides: what one has more is padded by `value` before."""

    def __init__(
        self,
        pool: nn.Module,
        sizes: list[int],
        stride: list[int],
        before: list[int],
        value: float = 0.0,
    ) -> None:
        super().__init__()
        self.pool, self.value, self.sizes = pool, value, sizes
        self.stride, self.before = stride, before

    def forward(self, x: Tensor) -> Tensor:
        found = self.pool(functional.pad(x, self.sizes, value=self.value))
        return trimmed(found, [int(size) for size in x.shape[2:]], self.stride, self.before)


class RealMean(nn.Module):
    """An average of the real values in each window, of a pooling that pads with zeros."""

    def __init__(self, pool: nn.Module) -> None:
        super().__init__()
        self.pool = pool

    def forward(self, x: Tensor) -> Tensor:
        return self.pool(x) / self.pool(torch.ones_like(x[:1, :1]))


def adaptive_maximum(spatial: Sequence[int]) -> nn.Module:
    """A max pooling to a given size."""
    pool = pick(len(spatial), nn.AdaptiveMaxPool1d, nn.AdaptiveMaxPool2d, nn.AdaptiveMaxPool3d)
    return pool(tuple(spatial))


def adaptive_average(spatial: Sequence[int]) -> nn.Module:
    """An average pooling to a given size."""
    pool = pick(len(spatial), nn.AdaptiveAvgPool1d, nn.AdaptiveAvgPool2d, nn.AdaptiveAvgPool3d)
    return pool(tuple(spatial))
