"""Functions of single values that torch.nn has no module for, and dropping whole examples."""

import torch
from torch import Tensor, nn


class Absolute(nn.Module):
    """|x|."""

    def forward(self, x: Tensor) -> Tensor:
        return x.abs()


class ScaledTanh(nn.Module):
    """scale · tanh(slope · x)."""

    def __init__(self, scale: float, slope: float) -> None:
        super().__init__()
        self.scale, self.slope = scale, slope

    def forward(self, x: Tensor) -> Tensor:
        return self.scale * torch.tanh(self.slope * x)


class Times(nn.Module):
    """Each value times a constant."""

    def __init__(self, factor: float) -> None:
        super().__init__()
        self.factor = factor

    def forward(self, x: Tensor) -> Tensor:
        return x * self.factor


class Plus(nn.Module):
    """Each value and a constant."""

    def __init__(self, offset: float) -> None:
        super().__init__()
        self.offset = offset

    def forward(self, x: Tensor) -> Tensor:
        return x + self.offset


class DropPath(nn.Module):
    """In training sets whole examples to 0 at random, and enlarges the others by 1/(1 - rate)."""

    def __init__(self, rate: float) -> None:
        super().__init__()
        self.rate = rate

    def forward(self, x: Tensor) -> Tensor:
        if not self.training or self.rate == 0.0:
            return x
        keep = 1.0 - self.rate
        each = [x.size(0)] + [1] * (x.dim() - 1)
        kept = torch.rand(each, dtype=x.dtype, device=x.device) < keep
        return x * kept / max(keep, 1e-12)
