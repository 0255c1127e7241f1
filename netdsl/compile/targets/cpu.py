"""Modules for a CPU: products by oneDNN's kernels, and response normalisation as one of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

import torch
from torch import fx, nn

from netdsl.compile.fuse import Weights, plain
from netdsl.compile.targets.packed import Convolution, Linear, Packed, Parts, Pixels, Product
from netdsl.compile.targets.responses import ResponseNorm
from netdsl.compile.targets.winograd import WinogradRows, WinogradTiles
from netdsl.layers.shape import Shape
from netdsl.optimize.fused import Fused
from netdsl.runtime import private

_ATTRS: dict[type[nn.Module], str] = {
    nn.ReLU: "relu",
    nn.Sigmoid: "sigmoid",
    nn.Tanh: "tanh",
    nn.SiLU: "swish",
    nn.Hardswish: "hardswish",
    nn.Hardsigmoid: "hardsigmoid",
    nn.GELU: "gelu",
}
"""What oneDNN's kernels call the activations that they do."""
_LONG, _SHORT = 2304, 1152
"""Products in a sum above which a convolution in float32 is done in parts, and the most in each part's."""
_LARGE = 128
"""Positions of a map from which on parts take hardly longer."""


def overwrite(network: fx.GraphModule) -> None:
    """Let a sum take the place of its second input, where a product made that and only products read it before.

    Others may give a view of what they read.
    """
    place = {node: number for number, node in enumerate(network.graph.nodes)}
    calls = {node: made for node in place if isinstance(made := _called(network, node), Product)}
    kept: set[nn.Module] = set()
    for node, made in calls.items():
        for other in node.args[1:]:
            users = [] if not isinstance(other, fx.Node) else sorted(other.users, key=place.__getitem__)
            if other not in calls or other is node.args[0] or users[-1] is not node or not calls.keys() >= set(users):
                kept.add(made.product)
    for node, made in calls.items():
        if isinstance(made.product, Convolution):
            made.product.overwrites = len(node.args) == 2 and made.product not in kept


def _called(network: fx.GraphModule, node: fx.Node) -> nn.Module | None:
    return network.get_submodule(str(node.target)) if node.op == "call_module" else None


def _part(whole: Convolution) -> int:
    """The channels of a part where a convolution is better done in parts, else 0.

    oneDNN's kernel adds up all products one after the other, and rounds each time.
    """
    if whole.weight.dtype != torch.float32 or whole.groups > 1 or whole.attr not in ("none", "relu"):
        return 0
    channels, positions = whole.weight.size(1), prod(whole.weight.shape[2:])
    if not 1 < positions <= _SHORT // 32 or channels * positions <= _LONG:
        return 0
    most = _SHORT // positions // 32 * 32
    return next((one for one in range(most, 0, -32) if channels % one == 0), 0)


def _parts(whole: Convolution, base: nn.Conv2d, channels: int, activation: nn.Module, fused: bool) -> Parts:
    """A convolution as the sum of several ones of so many channels, of which the last does the activation."""
    products: list[Product] = []
    for first in range(0, base.in_channels, channels):
        last = first + channels == base.in_channels
        weight = whole.weight[:, first : first + channels].contiguous()
        bias = whole.bias if last else torch.zeros_like(whole.bias)
        size = [whole.size[0], channels, *whole.size[2:]]
        part = Convolution(base, (weight, bias), size, whole.attr if last else "none")
        part.overwrites = first > 0
        products.append(Product(part, activation if last else nn.Identity(), fused if last else True))
    return Parts(products, channels)


@dataclass(frozen=True)
class Cpu:
    """The modules for `batch` examples in a precision."""

    precision: torch.dtype
    batch: int

    def product(self, layer: Fused, inputs: Sequence[Shape], weights: Weights) -> nn.Module:
        """The module of a product: packed where oneDNN has a kernel for it."""
        module = plain(layer, inputs, weights)
        base = module if layer.bare else module.get_submodule("base")
        activation = nn.Identity() if layer.activation is None else module.get_submodule("activation")
        attr = _ATTRS.get(type(activation), "none")
        if layer.adds and (attr != "relu" or isinstance(base, nn.Linear)):
            attr = "none"
        packed = None if private.lacking(private.ONEDNN, "") else self._packed(base, layer, inputs, attr)
        if packed is None:
            return module.to(self.precision)
        fused = attr != "none" or layer.activation is None
        large = layer.shape(*inputs).positions >= _LARGE
        if large and isinstance(packed, Convolution) and isinstance(base, nn.Conv2d) and (channels := _part(packed)):
            return _parts(packed, base, channels, activation, fused)
        return Product(packed, activation, fused)

    def _packed(self, base: nn.Module, layer: Fused, inputs: Sequence[Shape], attr: str) -> Packed | None:
        x = inputs[0]
        size = [self.batch, x.channels, *x.spatial]
        if isinstance(base, nn.Linear):
            kind = Pixels if self.precision == torch.float32 else Linear
            return kind(self._weights(base), self.batch, attr)
        if not isinstance(base, nn.Conv2d | nn.Conv3d) or getattr(base, "same", False):
            return None
        kernel = base.kernel_size, base.stride, base.padding, base.dilation, base.groups
        tiles = self.batch * prod([-(-one // 2) for one in x.spatial])
        small = kernel == ((3, 3), (1, 1), (1, 1), (1, 1), 1) and attr in ("none", "relu")
        if small and self.precision == torch.float32:
            for kind in (WinogradTiles, WinogradRows):
                if kind.pays(x.channels, base.out_channels, tiles):
                    return kind(self._weights(base), size, attr)
        return Convolution(base, self._weights(base), size, attr)

    def _weights(self, base: nn.Linear | nn.Conv2d | nn.Conv3d) -> tuple[torch.Tensor, torch.Tensor]:
        weight = base.weight.detach().to(self.precision).contiguous()
        bias = torch.zeros(weight.size(0)) if base.bias is None else base.bias.detach()
        return weight, bias.to(self.precision)

    def other(self, module: nn.Module, inputs: Sequence[Shape]) -> nn.Module:
        """The module to take for one that is no product."""
        if type(module) is nn.LocalResponseNorm and len(inputs[0].spatial) == 2:
            return ResponseNorm(module, inputs[0].channels)
        return module
