"""A module on a GPU: the kernels that it starts are captured in a CUDA graph, which starts them all at once."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from contextlib import suppress
from threading import Lock
from typing import Any, cast

import torch
from torch import Tensor

from netdsl.runtime.quiet import quiet
from netdsl.runtime.switches import Inputs, Run, kept, steady

_WARM = 4
"""TorchScript sees the sizes in the first call, specialises in the second, and compiles in the third."""
_SIZES = 8
"""For how many sizes of input there are graphs at most: each keeps the memory that it works in."""


def devices(module: torch.jit.ScriptModule) -> set[torch.device]:
    """The devices that a module has tensors on."""
    return {tensor.device for tensors in (module.parameters(), module.buffers()) for tensor in tensors}


def prepare(module: torch.jit.ScriptModule) -> Run:
    """A function that runs the module by a graph for each size of input, or directly where that cannot be.

    A module on several devices, more sizes than eight, and what CUDA refuses to capture run directly. What it gives is
    the caller's to keep. Calls come one at a time, on the stream that is current. cuDNN searches for the fastest
    algorithm from then on, in the whole process.
    """
    torch.backends.cudnn.benchmark = True
    module.eval()
    if len(devices(module)) > 1:
        return steady(module)
    graphs: dict[tuple[torch.Size, ...], Run | None] = {}
    ready: list[torch.jit.ScriptModule] = []
    direct: list[Run] = []
    lock = Lock()

    def run(inputs: Inputs) -> Any:
        with lock:
            if not ready:
                ready.append(_frozen(module, inputs))
                direct.append(steady(ready[0]))
            sizes = tuple([one.shape for one in inputs])
            if sizes not in graphs and len(graphs) < _SIZES:
                graphs[sizes] = _captured(ready[0], inputs)
            graph = graphs.get(sizes)
            return direct[0](inputs) if graph is None else graph(inputs)

    return run


@kept()
def _frozen(module: torch.jit.ScriptModule, inputs: Inputs) -> torch.jit.ScriptModule:
    """The module, frozen; by PyTorch's plain operators where cuDNN has no fused kernel for one of its convolutions."""
    try:
        module(*inputs)
    except RuntimeError as error:
        if not _unfuse(module):
            raise
        warnings.warn(f"convolutions are not fused: {str(error).strip().partition(chr(10))[0]}", stacklevel=2)
    with quiet("torch.jit"):
        return torch.jit.freeze(module)  # pyright: ignore[reportUnknownMemberType]


def _unfuse(module: torch.jit.ScriptModule) -> bool:
    """Have convolutions done without fused operators; whether any had been done with one."""
    found = False
    for one in cast("list[Any]", list(module.modules())):
        if getattr(one, "fused", False):
            with suppress(RuntimeError):  # a constant, of what is no convolution
                one.fused, found = False, True
    return found


@kept()
def _captured(module: Callable[..., Any], inputs: Inputs) -> Run | None:
    """A function that runs the module by a graph for inputs of these sizes; None where CUDA refuses to capture it.

    Capture follows PyTorch's notes on CUDA graphs: warm on a stream aside, memory that stays for inputs and outputs.
    """
    with torch.cuda.device(inputs[0].device):
        held = tuple([torch.empty_like(one, memory_format=torch.contiguous_format).copy_(one) for one in inputs])
        aside, graph = torch.cuda.Stream(), torch.cuda.CUDAGraph()
        aside.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(aside):
            for _ in range(_WARM):
                module(*held)
        torch.cuda.current_stream().wait_stream(aside)
        try:
            with torch.cuda.graph(graph, capture_error_mode="thread_local"):
                outputs = module(*held)
        except RuntimeError:
            with suppress(RuntimeError):
                torch.cuda.synchronize()
            return None

    def run(inputs: Inputs) -> Any:
        with torch.cuda.device(held[0].device):
            for one, given in zip(held, inputs, strict=True):
                one.copy_(given)
            graph.replay()
            return _copied(outputs)

    return run


def _copied(outputs: Any) -> Any:
    """Outputs in memory of their own: a tensor, or a NamedTuple of several."""
    return outputs.clone() if isinstance(outputs, Tensor) else type(outputs)(*[one.clone() for one in outputs])
