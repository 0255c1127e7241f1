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
