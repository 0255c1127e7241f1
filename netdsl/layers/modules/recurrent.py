"""Recurrent layers over N x channels x positions, with the weights of torch.nn's, and no second list of them."""

import math

import torch
from torch import Tensor, nn


class Recurrent(nn.Module):
    """The weights of one layer of torch.nn.LSTM or GRU, `both` directions or one; `last` gives the final states."""

    weight_ih_l0: Tensor
    weight_hh_l0: Tensor
    bias_ih_l0: Tensor
    bias_hh_l0: Tensor
    weight_ih_l0_reverse: Tensor
    weight_hh_l0_reverse: Tensor
    bias_ih_l0_reverse: Tensor
    bias_hh_l0_reverse: Tensor
    __constants__ = ("both", "channels", "directions", "last", "rows", "units")

    def __init__(self, gates: int, channels: int, units: int, both: bool, last: bool) -> None:
        super().__init__()
        self.channels, self.units, self.both, self.last = channels, units, both, last
        self.rows, self.directions = gates * units, 2 if both else 1
        for direction in ("_l0", "_l0_reverse")[: self.directions]:
            own = {
                "weight_ih": torch.empty(self.rows, channels),
                "weight_hh": torch.empty(self.rows, units),
                "bias_ih": torch.empty(self.rows),
                "bias_hh": torch.empty(self.rows),
            }
            for name, weight in own.items():
                self.register_parameter(f"{name}{direction}", nn.Parameter(weight))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        bound = 1 / math.sqrt(self.units)
        for weight in self.parameters():
            nn.init.uniform_(weight, -bound, bound)

    def extra_repr(self) -> str:
        return f"{self.channels}, {self.units}, both={self.both}, last={self.last}"

    def weights(self) -> list[Tensor]:
        """Those of each direction, as torch's operators take them."""
        found = [self.weight_ih_l0, self.weight_hh_l0, self.bias_ih_l0, self.bias_hh_l0]
        if self.both:
            found += [self.weight_ih_l0_reverse, self.weight_hh_l0_reverse]
            found += [self.bias_ih_l0_reverse, self.bias_hh_l0_reverse]
        return found

    def steps(self, x: Tensor) -> Tensor:
        """What flows in, position by position."""
        return x.permute(2, 0, 1).clone(memory_format=torch.contiguous_format)

    def zeros(self, x: Tensor) -> Tensor:
        """The state before the first position."""
        return torch.zeros([self.directions, x.size(0), self.units], dtype=x.dtype, device=x.device)

    def given(self, states: Tensor, final: Tensor) -> Tensor:
        """What the layer gives, of positions x N x units and directions x N x units."""
        if self.last:
            return final.transpose(0, 1).flatten(1)
        return states.permute(1, 2, 0).contiguous()


class LSTM(Recurrent):
    """Long short-term memory."""

    def __init__(self, channels: int, units: int, both: bool, last: bool) -> None:
        super().__init__(4, channels, units, both, last)

    def forward(self, x: Tensor) -> Tensor:
        start = [self.zeros(x), self.zeros(x)]
        states, final, _ = torch.lstm(
            self.steps(x), start, self.weights(), True, 1, 0.0, self.training, self.both, False
        )
        return self.given(states, final)


class ScriptedLSTM(LSTM):
    """The same in a file, whose code says the sizes of all that an LSTM is given, since PyTorch believes them."""

    def forward(self, x: Tensor) -> Tensor:
        n = x.size(0)
        state = torch.zeros([self.directions, n, self.units], dtype=x.dtype, device=x.device)
        cell = torch.zeros([self.directions, n, self.units], dtype=x.dtype, device=x.device)
        steps = self.steps(x).reshape(x.size(2), n, self.channels)
        if self.both:
            weights = [
                self.weight_ih_l0.reshape(self.rows, self.channels),
                self.weight_hh_l0.reshape(self.rows, self.units),
                self.bias_ih_l0.reshape(self.rows),
                self.bias_hh_l0.reshape(self.rows),
                self.weight_ih_l0_reverse.reshape(self.rows, self.channels),
                self.weight_hh_l0_reverse.reshape(self.rows, self.units),
                self.bias_ih_l0_reverse.reshape(self.rows),
                self.bias_hh_l0_reverse.reshape(self.rows),
            ]
        else:
            weights = [
                self.weight_ih_l0.reshape(self.rows, self.channels),
                self.weight_hh_l0.reshape(self.rows, self.units),
                self.bias_ih_l0.reshape(self.rows),
                self.bias_hh_l0.reshape(self.rows),
            ]
        states, final, _ = torch.lstm(steps, [state, cell], weights, True, 1, 0.0, self.training, self.both, False)
        return self.given(states, final)


class GRU(Recurrent):
    """Gated recurrent units."""

    def __init__(self, channels: int, units: int, both: bool, last: bool) -> None:
        super().__init__(3, channels, units, both, last)

    def forward(self, x: Tensor) -> Tensor:
        states, final = torch.gru(
            self.steps(x), self.zeros(x), self.weights(), True, 1, 0.0, self.training, self.both, False
        )
        return self.given(states, final)
