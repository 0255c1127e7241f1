"""Convolutions: torch.nn's, and those with uneven padding or a table of connections."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn import functional

from netdsl.layers.base import Window
from netdsl.layers.modules.axes import fixed, pick, same


def connected(weight: Tensor, mask: Tensor | None) -> Tensor:
    """Weights with zeros where a table has no connection."""
    return weight if mask is None else weight * mask


class Conv1d(nn.Conv1d):
    """A 1-D convolution with `same` padding, or a mask on its weights."""

    reach: list[int]
    steps: list[int]
    same: bool
    if TYPE_CHECKING:  # TorchScript would take a buffer annotated so for an attribute, and lose it
        mask: Tensor | None

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
    if TYPE_CHECKING:  # TorchScript would take a buffer annotated so for an attribute, and lose it
        mask: Tensor | None

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
    if TYPE_CHECKING:  # TorchScript would take a buffer annotated so for an attribute, and lose it
        mask: Tensor | None

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
    conv = pick(rank, Conv1d, Conv2d, Conv3d)(channels, filters, kernel, stride, padding, dilation, groups, bias)
    conv.reach, conv.steps, conv.same = [window.reach for window in windows], list(stride), same
    conv.register_buffer("mask", None if maps is None else table(maps, channels, rank))
    if conv.mask is not None:
        with torch.no_grad():
            conv.weight.mul_(conv.mask)
    return conv


def table(maps: Sequence[Sequence[int]], channels: int, rank: int) -> Tensor:
    """A table of connections as 0 and 1, shaped to meet the weights: filters x channels x 1 for each axis."""
    mask = torch.zeros(len(maps), channels, *[1] * rank)
    for row, read in zip(mask, maps, strict=True):
        row[list(read)] = 1
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
