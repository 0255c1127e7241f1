"""Modules that move values about: reshaping, padding, cropping, slicing and shuffling channels."""

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


def cut(x: Tensor, size: list[int], at: list[int] | None, first: int = 0) -> Tensor:
    """A part of the map, from `at` on or in the middle, the offset rounded down; along the axes from the `first` on."""
    for place, length in enumerate(size):
        axis = place + first + 2
        start = (x.size(axis) - length) // 2 if at is None else at[place]
        x = x.narrow(axis, start, length)
    return x


class Crop(nn.Module):
    """A part of a given size along the axes from the `first` on."""

    at: list[int] | None

    def __init__(self, size: list[int], at: list[int] | None, first: int = 0) -> None:
        super().__init__()
        self.size, self.at, self.first = size, at, first

    def forward(self, x: Tensor) -> Tensor:
        return cut(x, self.size, self.at, self.first)


class CropLike(nn.Module):
    """A part with the spatial size of a second tensor."""

    at: list[int] | None

    def __init__(self, at: list[int] | None) -> None:
        super().__init__()
        self.at = at

    def forward(self, x: Tensor, like: Tensor) -> Tensor:
        return cut(x, [int(size) for size in like.shape[2:]], self.at)


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
