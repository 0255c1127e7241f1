"""The contestants that PyTorch itself offers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from netdsl.bench.contestant import Run
from netdsl.bench.material import tensors
from netdsl.runtime.quiet import quiet

if TYPE_CHECKING:
    from netdsl.bench.material import Material


def eager(material: Material) -> Run:
    """The module as it is."""
    return tensors(material.network())


def channels_last(material: Material) -> Run:
    """The module with channels-last images and weights."""
    return tensors(material.network(channels_last=True))


def freeze(material: Material) -> Run:
    """TorchScript, frozen and optimised for inference; channels-last on a GPU, whose convolutions want it."""
    import torch

    network = material.network(channels_last=material.setting.device == "cuda")
    with quiet("torch.jit"):
        scripted = torch.jit.script(network.eval())  # pyright: ignore[reportUnknownMemberType]
        return tensors(torch.jit.optimize_for_inference(scripted))


def compile(material: Material) -> Run:
    """torch.compile: with its weights frozen on a CPU, with max-autotune and CUDA graphs on a GPU."""
    import torch
    from torch._inductor import config

    config.freezing = True
    gpu = material.setting.device == "cuda"
    mode = "max-autotune" if gpu else None
    compiled: Any = torch.compile(material.network(channels_last=gpu), mode=mode)  # pyright: ignore[reportUnknownMemberType]
    return tensors(compiled)
