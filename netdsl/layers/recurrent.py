"""Layers that read a sequence position by position, and keep a state: LSTM, GRU."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

from netdsl.layers.arguments import flag, positional, whole
from netdsl.layers.base import Layer, Weight, Window
from netdsl.layers.formula import at, known
from netdsl.layers.sequence import require_sequence
from netdsl.layers.shape import Shape

if TYPE_CHECKING:
    from collections.abc import Iterable

    from torch import nn


@dataclass(frozen=True)
class Recurrent(Layer):
    """What LSTM and GRU share: a state of so many units, from zeros on, that each position changes through gates."""

    role = "recurrent"
    counts_depth = True
    gates: ClassVar[int]
    """How many products with what flows in, and with the state, a unit has."""
    pointwise: ClassVar[int]
    """Operations of a unit at each position, beyond its MACs."""

    units: int = positional(whole(), "size of the state of a direction")
    both: bool = flag("from the end too, with weights of its own; the states of both lie side by side")
    last: bool = flag("the final state of each direction alone, as a vector")

    @property
    def states(self) -> int:
        """The units of all directions."""
        return 2 * self.units if self.both else self.units

    def shape(self, *inputs: Shape) -> Shape:
        (x,) = inputs
        require_sequence(self.keyword, x)
        return Shape(() if self.last else x.spatial, self.states)

    def weights(self, *inputs: Shape) -> tuple[Weight, ...]:
        gates, (x,) = self.gates * self.units, inputs
        shapes = {"weight_ih": (gates, x.channels), "weight_hh": (gates, self.units)}
        shapes |= {"bias_ih": (gates,), "bias_hh": (gates,)}
        directions = ("_l0", "_l0_reverse") if self.both else ("_l0",)
        return tuple([Weight(name + one, dims) for one in directions for name, dims in shapes.items()])

    def macs(self, *inputs: Shape) -> int:
        products = [weight.count for weight in self.weights(*inputs) if not weight.bias]
        return at(known(sum(products)), inputs[0].spatial[0])

    def connections(self, *inputs: Shape) -> int:
        """One for each weight and each bias, at each position."""
        return at(known(sum([weight.count for weight in self.weights(*inputs)])), inputs[0].spatial[0])

    def flops(self, *inputs: Shape) -> int:
        rest = self.pointwise * known(self.states * inputs[0].spatial[0])
        return 2 * known(self.macs(*inputs)) + rest

    def windows(self, *inputs: Shape) -> tuple[Window, ...] | Literal["all"]:
        return "all"

    def reads(self, axis: int, position: int, *inputs: Shape) -> Iterable[int]:
        return range(inputs[0].spatial[0] if self.both else position + 1)


@dataclass(frozen=True)
class LongShortTermMemory(Recurrent):
    """Long short-term memory along a sequence (Hochreiter and Schmidhuber 1997; with the forget gate of Gers 2000).

    At each position, with gates i, f, o and g: c = f · c + i · g, and the state, which is the output, is o · tanh(c).
    Weights are PyTorch's, with two biases.

    `RESHAPE 1024x64 -> LSTM 128 both last`

    FLOPs: two for each MAC, and 30 for each unit and position: 22 of three sigmoids and two tanh, 4 of products and
    sums, 4 second biases.
    """

    keyword = "LSTM"
    gates = 4
    pointwise = 30

    def lower(self, *inputs: Shape) -> nn.Module:
        from netdsl.layers.modules import recurrent

        return recurrent.LSTM(inputs[0].channels, self.units, self.both, self.last)


@dataclass(frozen=True)
class GatedRecurrentUnits(Recurrent):
    """Gated recurrent units along a sequence (Cho 2014, as PyTorch and cuDNN have them).

    At each position, with gates r and z: n = tanh(W x + b + r · (U h + c)), and the state, which is the output, is
    (1 − z) · n + z · h. Weights are PyTorch's, with two biases.

    `RESHAPE 1024x64 -> GRU 128`

    FLOPs: two for each MAC, and 21 for each unit and position: 13 of two sigmoids and a tanh, 6 of products and sums,
    2 second biases.
    """

    keyword = "GRU"
    gates = 3
    pointwise = 21

    def lower(self, *inputs: Shape) -> nn.Module:
        from netdsl.layers.modules import recurrent

        return recurrent.GRU(inputs[0].channels, self.units, self.both, self.last)
