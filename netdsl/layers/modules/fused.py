"""A product with what a kernel may do before it writes it: a sum with another map, and an activation."""

from torch import Tensor, nn


class Activated(nn.Module):
    """A product, then an activation."""

    def __init__(self, base: nn.Module, activation: nn.Module) -> None:
        super().__init__()
        self.base, self.activation = base, activation

    def forward(self, x: Tensor) -> Tensor:
        return self.activation(self.base(x))


class Sum(nn.Module):
    """The sum of a product and a second input."""

    def __init__(self, base: nn.Module) -> None:
        super().__init__()
        self.base = base

    def forward(self, x: Tensor, other: Tensor) -> Tensor:
        return self.base(x) + other


class ActivatedSum(nn.Module):
    """The sum of a product and a second input, then an activation."""

    def __init__(self, base: nn.Module, activation: nn.Module) -> None:
        super().__init__()
        self.base, self.activation = base, activation

    def forward(self, x: Tensor, other: Tensor) -> Tensor:
        return self.activation(self.base(x) + other)
