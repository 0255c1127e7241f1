"""Why a loss is no number."""

from __future__ import annotations

import torch

from netdsl.train.training import Training

_LARGE = 1e4
"""Weights beyond this are on their way out of all bounds."""


def cause(training: Training) -> tuple[str, str]:
    """What has likely made the last loss of a training no number, and what to do about it."""
    recipe = training.setting.recipe
    if training.step_number == 1:
        return "the network gives it with the weights it begins with", "netdsl probe shows in which layer it arises"
    if recipe.precision == "fp16":
        return "fp16 ends at 65,504, beyond which sums go", 'write precision = "bf16", or "fp32"'
    for name, weight in training.module.named_parameters():
        if not bool(torch.isfinite(weight).all()) or float(weight.detach().abs().max()) > _LARGE:
            layer = name.rpartition(".")[0]
            break
    else:
        layer = ""
    where = f", and the weights of {layer} left all bounds" if layer else ""
    clip = "" if recipe.clip else ", or clip = 1"
    return f"the rate {recipe.rate:g} is likely too high{where}", f"write rate = {min(recipe.rate / 10, 0.1):g}{clip}"
