"""Local response normalisation of maps as a product: the sum over neighbouring channels is a convolution of 1x1."""

from typing import Final

import torch
from torch import Tensor, nn


class ResponseNorm(nn.Module):
    """x · (k + alpha / size · Σ x²)^-beta, the sum over the `size` channels around each.

    A file holds none of the product's weights, which are made when it is loaded, in the type that they had.
    """

    band: Tensor
    offset: Tensor
    channels: Final[int]
    size: Final[int]
    alpha: Final[float]
    beta: Final[float]
    k: Final[float]

    def __init__(self, norm: nn.LocalResponseNorm, channels: int) -> None:
        super().__init__()
        self.channels, self.size = channels, norm.size
        self.alpha, self.beta, self.k = float(norm.alpha), float(norm.beta), float(norm.k)
        self.register_buffer("band", torch.empty(0))
        self.register_buffer("offset", torch.empty(0))
        self.__setstate__((False, False))

    @torch.jit.export
    def __getstate__(self) -> tuple[bool, bool]:  # pyright: ignore[reportIncompatibleMethodOverride]
        return self.training, self.band.dtype == torch.bfloat16

    @torch.jit.export
    def __setstate__(self, state: tuple[bool, bool]) -> None:
        self.training, low = state
        precision = torch.bfloat16 if low else torch.float32
        channel = torch.arange(self.channels)
        away = channel.unsqueeze(0) - channel.unsqueeze(1)
        near = (away >= -(self.size // 2)) & (away < self.size - self.size // 2)
        band = near.to(torch.float32) * (self.alpha / self.size)
        self.band = band.view(self.channels, self.channels, 1, 1).to(precision)
        self.offset = torch.full([self.channels], self.k, dtype=precision)

    def forward(self, x: Tensor) -> Tensor:
        denominator = torch.conv2d(x * x, self.band, self.offset)
        if self.beta == 0.75:  # whose roots are cheaper than a power
            root = denominator.rsqrt()
            return x * (root * root.sqrt())
        return x * denominator.pow(-self.beta)
