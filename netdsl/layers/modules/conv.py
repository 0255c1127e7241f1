"""Convolutions: torch.nn's, and those with uneven padding or a table of connections."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from netdsl.layers.base import Window
from netdsl.layers.modules.axes import fixed, pick, same

Maps = list[list[int]] | None
"""The input channels that each filter reads, where it does not read all."""


def prepare(conv: Any, same: bool, maps: Maps) -> None:
    """Give a convolution what it pads by, and its mask."""
    conv.same, conv.steps = same, list(conv.stride)
    spans = zip(conv.kernel_size, conv.dilation, strict=True)
    conv.reach = [dilation * (size - 1) + 1 for size, dilation in spans]
    rank = len(conv.kernel_size)
    mask = None if maps is None else table(maps, conv.in_channels, rank)
    conv.register_buffer("mask", mask)
    disconnect(conv)


def disconnect(conv: Any) -> None:
    """Set the weights of a convolution to zero where a table has no connection."""
    mask = getattr(conv, "mask", None)
    if mask is not None:
        with torch.no_grad():
            conv.weight.mul_(mask)


def connected(weight: Tensor, mask: Tensor | None) -> Tensor:
    """Weights with zeros where a table has no connection."""
    return weight if mask is None else weight * mask


class Conv1d(nn.Conv1d):
    """A 1-D convolution with `same` padding, or a mask on its weights."""

    reach: list[int]
    steps: list[int]
    same: bool
    if TYPE_CHECKING:  # TorchScript would take such a buffer for an attribute
        mask: Tensor | None

    def __init__(self, *sizes: Any, same: bool, maps: Maps, **options: Any) -> None:
        super().__init__(*sizes, **options)  # pyright: ignore[reportUnknownMemberType]
        prepare(self, same, maps)

    def reset_parameters(self) -> None:
        super().reset_parameters()
        disconnect(self)

    def forward(self, input: Tensor) -> Tensor:
        weight = connected(self.weight, self.mask)
        if self.same:
            input = functional.pad(input, same(input, self.reach, self.steps))
        return self._conv_forward(input, weight, self.bias)


class Conv2d(nn.Conv2d):
    """A 2-D convolution with `same` padding, or a mask on its weights."""

    reach: list[int]
    steps: list[int]
    same: bool
    if TYPE_CHECKING:  # TorchScript would take such a buffer for an attribute
        mask: Tensor | None

    def __init__(self, *sizes: Any, same: bool, maps: Maps, **options: Any) -> None:
        super().__init__(*sizes, **options)  # pyright: ignore[reportUnknownMemberType]
        prepare(self, same, maps)

    def reset_parameters(self) -> None:
        super().reset_parameters()
        disconnect(self)

    def forward(self, input: Tensor) -> Tensor:
        weight = connected(self.weight, self.mask)
        if self.same:
            input = functional.pad(input, same(input, self.reach, self.steps))
        return self._conv_forward(input, weight, self.bias)


class Conv3d(nn.Conv3d):
    """A 3-D convolution with `same` padding, or a mask on its weights."""

    reach: list[int]
    steps: list[int]
    same: bool
    if TYPE_CHECKING:  # TorchScript would take such a buffer for an attribute
        mask: Tensor | None

    def __init__(self, *sizes: Any, same: bool, maps: Maps, **options: Any) -> None:
        super().__init__(*sizes, **options)  # pyright: ignore[reportUnknownMemberType]
        prepare(self, same, maps)

    def reset_parameters(self) -> None:
        super().reset_parameters()
        disconnect(self)

    def forward(self, input: Tensor) -> Tensor:
        weight = connected(self.weight, self.mask)
        if self.same:
            input = functional.pad(input, same(input, self.reach, self.steps))
        return self._conv_forward(input, weight, self.bias)


def convolution(
    windows: Sequence[Window],
    channels: int,
    filters: int,
    groups: int,
    *,
    bias: bool,
    same: bool,
    maps: Sequence[Sequence[int]] | None = None,
) -> nn.Module:
    """A convolution; `maps` are the input channels that each filter reads, where it does not read all."""
    rank = len(windows)
    same = same and not fixed(windows)
    kernel = tuple(window.size for window in windows)
    stride = tuple(window.stride for window in windows)
    padding = tuple(0 if same else window.before for window in windows)
    dilation = tuple(window.dilation for window in windows)
    if not same and maps is None:
        plain = pick(rank, nn.Conv1d, nn.Conv2d, nn.Conv3d)
        return plain(channels, filters, kernel, stride, padding, dilation, groups, bias)
    special = pick(rank, Conv1d, Conv2d, Conv3d)
    reads = None if maps is None else [list(read) for read in maps]
    return special(channels, filters, kernel, stride, padding, dilation, groups, bias, same=same, maps=reads)


def table(maps: list[list[int]], channels: int, rank: int) -> Tensor:
    """A table of connections as 0 and 1: filters x channels x 1 for each axis."""
    mask = torch.zeros(len(maps), channels, *[1] * rank)
    for row, read in zip(mask, maps, strict=True):
        row[read] = 1
    return mask


def transposed(
    kernel: Sequence[int],
    stride: Sequence[int],
    padding: Sequence[int],
    output_padding: Sequence[int],
    channels: int,
    filters: int,
    groups: int,
    *,
    bias: bool,
    dilation: Sequence[int],
) -> nn.Module:
    """A transposed convolution; all sizes are one for each axis."""
    conv = pick(len(kernel), nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d)
    sizes = tuple(kernel), tuple(stride), tuple(padding), tuple(output_padding)
    return conv(channels, filters, *sizes, groups, bias, tuple(dilation))
