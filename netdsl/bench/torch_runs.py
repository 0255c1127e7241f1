"""The contestants that PyTorch runs: the file that `netdsl compile` writes, and what PyTorch itself offers."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from netdsl.bench.run import Run, tensors
from netdsl.bench.workload import Workload
from netdsl.runtime.quiet import quiet

if TYPE_CHECKING:
    import torch


def runtime(workload: Workload) -> Run:
    """The compiled file through `netdsl.runtime.load`."""
    from netdsl import runtime

    return tensors(runtime.load(_compiled(workload, "runtime.pt"), workload.setting.device))


def loaded(workload: Workload) -> Run:
    """The compiled file through `torch.jit.load` alone."""
    import torch

    path = _compiled(workload, "file.pt")
    load = cast("Callable[..., torch.jit.ScriptModule]", torch.jit.load)  # pyright: ignore[reportUnknownMemberType]
    with quiet("torch.jit"):
        return tensors(load(path, map_location=workload.setting.device))


def _compiled(workload: Workload, name: str) -> Path:
    from netdsl import compile
    from netdsl.compile.target import Target

    setting, path = workload.setting, workload.folder / name
    target = Target(setting.device, setting.precision, setting.batch)
    compile.compile(workload.shaped, path, weights=workload.weights, target=target)
    return path


def eager(workload: Workload) -> Run:
    """The module as it is."""
    return tensors(workload.network())


def channels_last(workload: Workload) -> Run:
    """The module with channels-last images and weights."""
    return tensors(workload.network(channels_last=True))


def freeze(workload: Workload) -> Run:
    """TorchScript, frozen and optimised for inference; channels-last on a GPU, whose convolutions want it."""
    import torch

    network = workload.network(channels_last=workload.setting.device == "cuda")
    with quiet("torch.jit"):
        scripted = torch.jit.script(network.eval())  # pyright: ignore[reportUnknownMemberType]
        return tensors(torch.jit.optimize_for_inference(scripted))


def compile(workload: Workload) -> Run:
    """torch.compile, its weights frozen; on a GPU with all that its mode `max-autotune` does, CUDA graphs for one."""
    import torch

    gpu = workload.setting.device == "cuda"
    tuned = ("max_autotune", "triton.cudagraphs", "coordinate_descent_tuning") if gpu else ()
    options: Any = dict.fromkeys(("freezing", *tuned), True)
    compiled: Any = torch.compile(workload.network(channels_last=gpu), options=options)  # pyright: ignore[reportUnknownMemberType]
    return tensors(compiled)
