"""The optimizer's own layer: one that does the work of several layers of the program."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Literal

from netdsl.graph.node import Node
from netdsl.layers.base import Layer, Weight, Window
from netdsl.layers.norm import Scale
from netdsl.layers.shape import Shape

if TYPE_CHECKING:
    from torch import nn


@dataclass(frozen=True)
class Part:
    """A layer of the program within a fused one: whose weights it takes, and the shapes that it is given."""

    layer: Layer
    owner: str
    """The path of the node whose weights it uses, in the program's graph."""
    inputs: tuple[Shape, ...]


Chain = tuple[Part, ...]
"""Layers one after the other, of which one at most is a product; the others are a factor and an offset by channel."""


@dataclass(frozen=True)
class Fused(Layer):
    """A product with a weight and a bias, then perhaps a sum with a second input, then perhaps an activation.

    The weights are worked out, when the network is lowered, from those of its parts.

    FLOPs: those of the product, the sum and the activation.
    """

    keyword = "FUSED"
    role = "convolution"

    base: Layer
    """What it computes with the weights: CONV, DWCONV, DECONV or FC, or SCALE where its parts scale channels alone."""
    chains: tuple[Chain, ...]
    """What the weights are made of: several chains, which read the same, give their channels one after the other."""
    adds: bool = False
    """Whether it takes a second input, which is added to the product."""
    activation: Layer | None = None
    """What is applied in the end."""

    @property
    def scales(self) -> bool:
        """Whether it multiplies each channel by a factor and adds an offset, and is no product."""
        return isinstance(self.base, Scale)

    @property
    def bare(self) -> bool:
        """Whether neither a sum nor an activation follows the product."""
        return not self.adds and self.activation is None

    @cached_property
    def written(self) -> str:
        return f"{self.keyword} {self.label}"

    @property
    def label(self) -> str:
        """What it does, joined by `+`: `CONV 64 3 p1 nobias + BN + ADD + RELU`; siblings by `|`."""
        chains = [" + ".join([part.layer.written for part in chain]) for chain in self.chains]
        made = chains[0] if len(chains) == 1 else f"[ {' | '.join(chains)} ]"
        if self.base.keyword not in [part.layer.keyword for part in self.chains[0]]:
            made = f"({made}) as {self.base.keyword}"
        words = [made, "ADD" if self.adds else "", self.activation.written if self.activation else ""]
        return " + ".join(filter(None, words))

    @property
    def canonical(self) -> Layer:
        return self

    def shape(self, *inputs: Shape) -> Shape:
        return self.base.shape(inputs[0])

    def weights(self, *inputs: Shape) -> tuple[Weight, ...]:
        return self.base.weights(inputs[0])

    def windows(self, *inputs: Shape) -> tuple[Window, ...] | Literal["all"]:
        return self.base.windows(inputs[0])

    def macs(self, *inputs: Shape) -> int:
        """No more than its parts had, whose tables may leave weights out, nor than its product has."""
        parts = [part for chain in self.chains for part in chain]
        return min(self.base.macs(inputs[0]), sum(part.layer.macs(*part.inputs) for part in parts))

    def flops(self, *inputs: Shape) -> int:
        out = self.shape(*inputs)
        own = self.base.flops(inputs[0]) if self.scales else 2 * self.macs(*inputs)
        return own + (out.elements if self.adds else 0) + (self.activation.flops(out) if self.activation else 0)

    def lower(self, *inputs: Shape) -> nn.Module:
        """A module that is the product's, or has it as `base` where more follows, with initial weights of its own."""
        from netdsl.layers.modules import fused

        base = self.base.lower(inputs[0])
        if self.activation is None:
            return fused.Sum(base) if self.adds else base
        activation = self.activation.lower(self.shape(*inputs))
        return fused.ActivatedSum(base, activation) if self.adds else fused.Activated(base, activation)


def product(node: Node, *inputs: Shape) -> Fused | None:
    """A node's layer as a fused one, of one part if it is a layer of the program; None where it is no product."""
    layer = node.layer
    if isinstance(layer, Fused):
        return None if layer.scales else layer
    biased = any(weight.name == "bias" for weight in layer.weights(*inputs))
    linear = layer.algebra(*inputs).linear
    base = linear and linear.of(bias=biased)
    return None if base is None else Fused(base, ((Part(layer, node.owner, inputs),),))


def scaling(node: Node, *inputs: Shape) -> Fused | None:
    """A node's layer as a fused one that scales channels; None where it does something else."""
    layer = node.layer
    if isinstance(layer, Fused):
        return layer if layer.scales else None
    channelwise = layer.algebra(*inputs).channelwise
    if channelwise is None:
        return None
    return Fused(Scale(bias=channelwise == "affine"), ((Part(layer, node.owner, inputs),),))
