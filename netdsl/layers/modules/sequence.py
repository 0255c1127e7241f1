"""Modules of sequences: learned positions, and one position by itself."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

DEVIATION = 0.02


class Token(nn.Module):
    """Learned positions before the others of N x channels x positions; `weight` is positions x channels."""

    def __init__(self, count: int, channels: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(count, channels))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        nn.init.normal_(self.weight, std=DEVIATION)

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([self.weight.t().expand(x.size(0), -1, -1), x], 2)


class Positions(nn.Module):
    """A learned vector added to each position; `weight` is spatial sizes x channels."""

    def __init__(self, dims: Sequence[int]) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(*dims))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        nn.init.normal_(self.weight, std=DEVIATION)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.weight.movedim(-1, 0)


class Pick(nn.Module):
    """One position of N x channels x positions."""

    def __init__(self, position: int) -> None:
        super().__init__()
        self.position = position

    def forward(self, x: Tensor) -> Tensor:
        return x[:, :, self.position]
