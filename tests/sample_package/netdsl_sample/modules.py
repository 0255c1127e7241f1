"""The layer, as torch computes it."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class Swish(nn.Module):
    """x · sigmoid(βx)."""

    def __init__(self, beta: float) -> None:
        super().__init__()
        self.beta = nn.Parameter(torch.tensor([beta]))

    def forward(self, x: Tensor) -> Tensor:
        return x * torch.sigmoid(self.beta * x)
