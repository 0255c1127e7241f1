"""Modules that move values about: reshaping, padding, cropping, resizing, slicing and shuffling."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional


class Reshape(nn.Module):
    """Another shape for each example: channels, then spatial sizes."""

    def __init__(self, dims: list[int]) -> None:
        super().__init__()
        self.dims = dims

    def forward(self, x: Tensor) -> Tensor:
        return x.reshape([x.size(0)] + self.dims)  # noqa: RUF005 - TorchScript knows no star


class Pad(nn.Module):
    """Padding by torch's `sizes`, the last axis first, in a `mode` of functional.pad."""

    def __init__(self, sizes: list[int], mode: str) -> None:
        super().__init__()
        self.sizes, self.mode = sizes, mode

    def forward(self, x: Tensor) -> Tensor:
        return functional.pad(x, self.sizes, mode=self.mode)


def cut(x: Tensor, size: list[int], at: list[int] | None) -> Tensor:
    """A part of the map, from `at` on or in the middle, the offset rounded down."""
    for axis, length in enumerate(size):
        start = (x.size(axis + 2) - length) // 2 if at is None else at[axis]
        x = x.narrow(axis + 2, start, length)
    return x


class Crop(nn.Module):
    """A part of a given spatial size."""

    at: list[int] | None

    def __init__(self, size: list[int], at: list[int] | None) -> None:
        super().__init__()
        self.size, self.at = size, at

    def forward(self, x: Tensor) -> Tensor:
        return cut(x, self.size, self.at)


class CropLike(nn.Module):
    """A part with the spatial size of a second tensor."""

    at: list[int] | None

    def __init__(self, at: list[int] | None) -> None:
        super().__init__()
        self.at = at

    def forward(self, x: Tensor, like: Tensor) -> Tensor:
        return cut(x, [int(size) for size in like.shape[2:]], self.at)


def enlarge(factors: Sequence[int], mode: str) -> nn.Module:
    """Upsampling by whole factors."""
    scale = tuple(float(factor) for factor in factors)
    return nn.Upsample(scale_factor=scale, mode=mode, align_corners=None if mode == "nearest" else False)


def resize(spatial: Sequence[int], mode: str) -> nn.Module:
    """Upsampling to a given size."""
    return nn.Upsample(tuple(spatial), mode=mode, align_corners=None if mode == "nearest" else False)


class ResizeLike(nn.Module):
    """Upsampling to the spatial size of a second tensor."""

    def __init__(self, mode: str) -> None:
        super().__init__()
        self.mode = mode

    def forward(self, x: Tensor, like: Tensor) -> Tensor:
        if self.mode == "nearest":
            return functional.interpolate(x, like.shape[2:])
        return functional.interpolate(x, like.shape[2:], mode=self.mode, align_corners=False)


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


class Slice(nn.Module):
    """The channels from `start` up to `stop`."""

    def __init__(self, start: int, stop: int) -> None:
        super().__init__()
        self.start, self.stop = start, stop

    def forward(self, x: Tensor) -> Tensor:
        return x[:, self.start : self.stop]


class VectorShuffle(nn.Module):
    """torch.nn.ChannelShuffle for vectors, which it refuses."""

    def __init__(self, groups: int) -> None:
        super().__init__()
        self.groups = groups

    def forward(self, x: Tensor) -> Tensor:
        return torch.channel_shuffle(x.unsqueeze(2), self.groups).squeeze(2)
