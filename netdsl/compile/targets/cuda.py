"""Modules for a GPU: products by cuDNN's fused operators in half precision, TF32 where it is asked for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from netdsl.compile.fuse import Weights, plain
from netdsl.compile.targets import cudnn
from netdsl.layers.shape import Shape
from netdsl.optimize.fused import Fused
from netdsl.runtime import private

_FORMATS = {4: torch.channels_last, 5: torch.channels_last_3d}
_EIGHTS = 8
"""Channels of which cuDNN's fused kernels in half precision are only asked for multiples, as its guide advises."""
_COLOURS = 4
"""An image of up to so many channels is taken for the first layer's, for which it has kernels of their own."""


@dataclass(frozen=True)
class Cuda:
    """The modules in a precision; `tf32` is float32 whose products round what they multiply to TF32."""

    precision: torch.dtype
    tf32: bool = False

    def product(self, layer: Fused, inputs: Sequence[Shape], weights: Weights) -> nn.Module:
        """The module of a product; transposed convolutions, and those padded to the same size, are PyTorch's own."""
        module = plain(layer, inputs, weights)
        if private.lacking(private.CUDNN, ""):
            return _channels_last(module.to(self.precision))
        base = module if layer.bare else module.get_submodule("base")
        activation = nn.Identity() if layer.activation is None else module.get_submodule("activation")
        half, relu = self.precision != torch.float32, type(activation) is nn.ReLU
        if isinstance(base, nn.Linear):
            weight, bias = self._weights(base)
            image = len(inputs[0].spatial) == 2
            if image:
                weight = weight.reshape(-1, inputs[0].channels, *inputs[0].spatial)
                weight = weight.permute(0, 2, 3, 1).reshape(weight.size(0), -1)
            return cudnn.Linear((weight, bias), activation, image=image, fused=half and relu, tf32=self.tf32)
        if not isinstance(base, nn.Conv1d | nn.Conv2d | nn.Conv3d) or getattr(base, "same", False):
            return _channels_last(module.to(self.precision))
        fused = half and relu and isinstance(base, nn.Conv2d) and _fuses(base)
        return cudnn.Convolution(base, self._weights(base), activation, fused=fused, tf32=self.tf32)

    def _weights(self, base: nn.Linear | nn.Conv1d | nn.Conv2d | nn.Conv3d) -> tuple[Tensor, Tensor]:
        weight = base.weight.detach().to(self.precision)
        weight = weight.contiguous(memory_format=_FORMATS.get(weight.ndim, torch.contiguous_format))
        bias = torch.zeros(weight.size(0), device=weight.device) if base.bias is None else base.bias.detach()
        return weight, bias.to(self.precision)

    def other(self, module: nn.Module, inputs: Sequence[Shape]) -> nn.Module:
        """The module to take for one that is no product."""
        if type(module) is nn.LocalResponseNorm and len(inputs[0].spatial) == 2:
            return cudnn.ResponseNorm(module)
        return module


def _fuses(base: nn.Conv2d) -> bool:
    """Whether cuDNN is to fuse a convolution in half precision: one that it may refuse is better left to PyTorch.

    TorchScript has no other way once an operator fails; netdsl.runtime has.
    """
    inputs = base.in_channels <= _COLOURS or base.in_channels % _EIGHTS == 0
    return base.groups == 1 and inputs and base.out_channels % _EIGHTS == 0


def _channels_last(module: nn.Module) -> nn.Module:
    """A module whose kernels are channels-last in memory."""
    for one in module.parameters():
        if one.ndim in _FORMATS:
            one.data = one.data.contiguous(memory_format=_FORMATS[one.ndim])
    return module
