"""PyTorch's optimizers, as a recipe asks for them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import nn, optim

from netdsl.layers.modules.sequence import Positions, Token
from netdsl.recipe import Recipe
from netdsl.train.freezing import freeze as frozen


def optimizer(module: nn.Module, recipe: Recipe, freeze: Sequence[str] = ()) -> optim.Optimizer:
    """The optimizer of a network's weights; those of the layers that `freeze` names leave training. Raises FreezeError.

    Biases, normalisations, learned scales, tokens and positions do not decay. They did in AlexNet's paper; Caffe's
    AlexNet leaves biases out, and what trains ViT, Swin and ConvNeXt all of these.
    """
    if freeze:
        frozen(module, freeze)
    decayed: list[nn.Parameter] = []
    others: list[nn.Parameter] = []
    for layer in module.modules():
        for name, weight in layer.named_parameters(recurse=False):
            if weight.requires_grad:
                (decayed if _decays(layer, name, weight) else others).append(weight)
    groups: list[dict[str, Any]] = [
        {"params": weights, "weight_decay": decay}
        for weights, decay in ((decayed, recipe.decay), (others, 0.0))
        if weights
    ]
    fused = all(weight.is_cuda for weight in (*decayed, *others)) or None  # in place, and in one kernel
    match recipe.optimizer:
        case "sgd":
            return optim.SGD(groups, recipe.rate, recipe.momentum, fused=fused)
        case "adam":
            return optim.Adam(groups, recipe.rate, (recipe.momentum, 0.999), fused=fused)
        case "adamw":
            return optim.AdamW(groups, recipe.rate, (recipe.momentum, 0.999), fused=fused)


def _decays(layer: nn.Module, name: str, weight: nn.Parameter) -> bool:
    """Whether a weight decays: what multiplies, and has inputs and outputs."""
    return weight.dim() > 1 and "bias" not in name and not isinstance(layer, Token | Positions)
