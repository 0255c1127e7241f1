"""Weights with which numbers stay in range and differ from input to input, as those of a trained network do."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor, fx, nn


def calibrate(network: fx.GraphModule, inputs: Sequence[Tensor]) -> None:
    """Fit a freshly initialised network to a batch, layer by layer as the batch runs through.

    Batch normalisation takes the statistics of the batch. A convolution or fully connected layer gets weights, and a
    bias where it has one, with which its outputs have mean 0 for each channel and variance 1 over all (Krähenbühl et
    al., Data-dependent Initializations of Convolutional Neural Networks, 2016, section 3.1). A layer that is applied
    again is fitted where it is first applied.
    """
    import torch
    from torch import nn

    fitted: set[int] = set()
    norms = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)

    def fit(module: nn.Module, arguments: tuple[Tensor, ...], output: Tensor) -> Tensor | None:
        if id(module) in fitted:
            return None
        fitted.add(id(module))
        if isinstance(module, norms):
            return _normalise(module, arguments[0])
        return _rescale(module, output)

    products = (nn.Linear, nn.Conv1d, nn.Conv2d, nn.Conv3d, nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d)
    hooks = [module.register_forward_hook(fit) for module in network.modules() if isinstance(module, norms + products)]
    try:
        with torch.no_grad():
            network(*inputs)
    finally:
        for hook in hooks:
            hook.remove()


def _normalise(module: nn.BatchNorm1d | nn.BatchNorm2d | nn.BatchNorm3d, x: Tensor) -> Tensor | None:
    if module.running_mean is None or module.running_var is None:
        return None
    axes = [axis for axis in range(x.dim()) if axis != 1]
    module.running_mean.copy_(x.mean(axes))
    module.running_var.copy_(x.var(axes, unbiased=False))
    return module(x) if not module.training else None


def _rescale(module: nn.Module, output: Tensor) -> Tensor | None:
    from torch import nn

    weight, bias = getattr(module, "weight", None), getattr(module, "bias", None)
    if weight is None:
        return None
    channel = output.dim() - 1 if isinstance(module, nn.Linear) else 1
    axes = [axis for axis in range(output.dim()) if axis != channel]
    mean = output.mean(axes, keepdim=True)
    centred = output if bias is None else output - mean
    scale = centred.square().mean().sqrt()
    if not scale > 0:  # it gives the same for every example
        return None
    weight.div_(scale)
    if bias is not None:
        bias.sub_(mean.flatten()).div_(scale)
    return centred / scale
