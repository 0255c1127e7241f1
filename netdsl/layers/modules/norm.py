"""Normalisations that torch.nn has not, or has for other layouts."""

import torch
from torch import Tensor, nn
from torch.nn import functional

from netdsl.layers.modules.axes import per_channel


class VectorResponseNorm(nn.LocalResponseNorm):
    """Local response normalisation of vectors, which torch.nn's refuses."""

    def forward(self, input: Tensor) -> Tensor:
        map = input.unsqueeze(2)
        size, alpha, beta = self.size, self.alpha, self.beta
        return functional.local_response_norm(map, size, alpha, beta, self.k).squeeze(2)


class ChannelNorm(nn.LayerNorm):
    """Layer normalisation over the channels of each position of a map."""

    def forward(self, input: Tensor) -> Tensor:
        last = input.movedim(1, -1)
        shape = self.normalized_shape
        normal = functional.layer_norm(last, shape, self.weight, self.bias, self.eps)
        return normal.movedim(-1, 1)


class Scale(nn.Module):
    """A learned factor and, with `bias`, an offset for each channel."""

    bias: Tensor | None

    def __init__(self, channels: int, init: float, bias: bool) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.full((channels,), init))
        self.bias = nn.Parameter(torch.zeros(channels)) if bias else None

    def forward(self, x: Tensor) -> Tensor:
        scaled = x * per_channel(self.weight, x)
        bias = self.bias
        return scaled if bias is None else scaled + per_channel(bias, x)


class Normalize(nn.Module):
    """(x - mean) / std with constants."""

    mean: Tensor
    std: Tensor

    def __init__(self, mean: list[float], std: list[float]) -> None:
        super().__init__()
        self.register_buffer("mean", torch.tensor(mean))
        self.register_buffer("std", torch.tensor(std))

    def forward(self, x: Tensor) -> Tensor:
        return (x - per_channel(self.mean, x)) / per_channel(self.std, x)
