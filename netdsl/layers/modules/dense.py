"""Maps of the whole input: FC over a map, and RBF units."""

import torch
from torch import Tensor, nn
from torch.nn import functional

from netdsl.layers.modules.digits import DIGITS, PIXELS, codes

SEED = 1998


class FlatLinear(nn.Linear):
    """A linear layer that flattens what has spatial axes."""

    def forward(self, input: Tensor) -> Tensor:
        return functional.linear(input.flatten(1), self.weight, self.bias)


class RadialBasis(nn.Module):
    """Squared distances to `units` fixed codes: LeNet-5's digits where they fit, else ±1 from a seed of their own."""

    codes: Tensor

    def __init__(self, units: int, inputs: int) -> None:
        super().__init__()
        if (units, inputs) == (len(DIGITS), PIXELS):
            fixed = torch.tensor(codes(), dtype=torch.float32)
        else:
            source = torch.Generator("cpu").manual_seed(SEED)
            drawn = torch.randint(2, (units, inputs), generator=source, device="cpu")
            fixed = drawn.float() * 2 - 1
        self.register_buffer("codes", fixed)

    def forward(self, x: Tensor) -> Tensor:
        return (x.flatten(1).unsqueeze(1) - self.codes).square().sum(2)
