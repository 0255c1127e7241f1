"""Modules that make maps larger, or smaller without losing values."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional


def enlarge(factors: Sequence[int], mode: str, aligned: bool) -> nn.Module:
    """Upsampling by whole factors."""
    scale = tuple(float(factor) for factor in factors)
    return nn.Upsample(scale_factor=scale, mode=mode, align_corners=None if mode == "nearest" else aligned)


def resize(spatial: Sequence[int], mode: str, aligned: bool) -> nn.Module:
    """Upsampling to a given size."""
    return nn.Upsample(tuple(spatial), mode=mode, align_corners=None if mode == "nearest" else aligned)


class ResizeLike(nn.Module):
    """Upsampling to the spatial size of a second tensor."""

    def __init__(self, mode: str, aligned: bool) -> None:
        super().__init__()
        self.mode, self.aligned = mode, aligned

    def forward(self, x: Tensor, like: Tensor) -> Tensor:
        if self.mode == "nearest":
            return functional.interpolate(x, like.shape[2:])
        return functional.interpolate(x, like.shape[2:], mode=self.mode, align_corners=self.aligned)


class PixelShuffle(nn.Module):
    """torch.nn.PixelShuffle along any number of axes; the parts of a channel are its `inner` ones, or outside it."""

    def __init__(self, factor: int, axes: int, *, inner: bool) -> None:
        super().__init__()
        self.inner, self.parts, self.cells = inner, [factor] * axes, factor**axes
        channels, first = (1, 2) if inner else (1 + axes, 1)
        places = [place for axis in range(axes) for place in (2 + axes + axis, first + axis)]
        self.order = [0, channels, *places]

    def forward(self, x: Tensor) -> Tensor:
        channels = [x.size(1) // self.cells]
        split = channels + self.parts if self.inner else self.parts + channels
        x = x.reshape([x.size(0)] + split + [int(size) for size in x.shape[2:]])
        x = x.permute(self.order).clone(memory_format=torch.contiguous_format)  # a copy, where nothing moves too
        for axis in range(len(self.parts)):
            x = x.flatten(axis + 2, axis + 3)
        return x


class PixelUnshuffle(nn.Module):
    """torch.nn.PixelUnshuffle along any number of axes, in an order of the parts that each channel is taken apart into.

    They are its inner ones (`crd`), or outside it: those of the first axis outermost (`dcr`), or of the last (`swin`).
    """

    def __init__(self, factor: int, axes: int, order: str) -> None:
        super().__init__()
        self.factor, self.axes, self.order = factor, axes, order
        parts = [3 + 2 * axis for axis in range(axes)]
        outer = [*reversed(parts), 1] if order == "swin" else [*parts, 1]
        channels = [1, *parts] if order == "crd" else outer
        self.places = [0, *channels, *[2 + 2 * axis for axis in range(axes)]]

    def forward(self, x: Tensor) -> Tensor:
        sizes = [x.size(0), x.size(1)]
        for axis in range(self.axes):
            sizes += [x.size(axis + 2) // self.factor, self.factor]
        x = x.reshape(sizes).permute(self.places)
        x = x.clone(memory_format=torch.contiguous_format)  # a copy, where nothing moves too
        return x.flatten(1, self.axes + 1)


class Reorganise(nn.Module):
    """Darknet's reorg: the values as they lie are taken for fewer, larger maps, and what these give for smaller."""

    def __init__(self, factor: int, axes: int) -> None:
        super().__init__()
        self.factor, self.axes, self.cells = factor, axes, factor**axes
        self.apart = PixelUnshuffle(factor, axes, "dcr")

    def forward(self, x: Tensor) -> Tensor:
        larger = [x.size(0), x.size(1) // self.cells]
        smaller = [x.size(0), x.size(1) * self.cells]
        for axis in range(self.axes):
            larger.append(x.size(axis + 2) * self.factor)
            smaller.append(x.size(axis + 2) // self.factor)
        return self.apart(x.reshape(larger)).reshape(smaller)
