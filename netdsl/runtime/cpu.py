"""A module on a CPU: as its file has it or fused by oneDNN's graph compiler, whichever is faster."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager
from threading import Lock
from time import perf_counter
from typing import Any, TypeAlias

import torch
from torch import Tensor

from netdsl.runtime import memory
from netdsl.runtime.quiet import quiet

Inputs: TypeAlias = tuple[Tensor, ...]
Run: TypeAlias = Callable[[Inputs], Any]

_WARM = 3
"""TorchScript sees the sizes in the first call, and specialises in the second."""
_TRIALS = 3
"""Timed calls of each way of running a module, of which the fastest counts."""
_SIZES = 8
"""For how many sizes of input there are modules of their own at most."""
_OWN = ("WinogradTiles", "WinogradRows", "Pixels")
"""The products of netdsl.compile.targets that oneDNN's graph compiler has no equal for."""
_SWITCHES = Lock()


def prepare(modules: list[torch.jit.ScriptModule], first: Inputs) -> Run:
    """A function that runs the module of which there are two, made ready for inputs of the sizes of the first ones.

    Both ways are tried with these; the graph compiler refuses some networks, and is not always faster. What it fused is
    for one size of input, so that others are fused when they first come.
    """
    memory.keep()
    packed, loose = modules.pop().eval(), modules.pop().eval()
    for one in loose.modules():
        _unpack(one)
    fused = _fused(loose, first)
    if fused is None or _faster(packed, fused, first):
        del loose, fused
        memory.settle()
        return _called(packed)
    del packed
    memory.settle()
    ready = {_sizes(first): fused}

    def run(inputs: Inputs) -> Any:
        sizes = _sizes(inputs)
        if sizes not in ready:
            made = _fused(loose, inputs) if len(ready) < _SIZES else None
            if made is None:
                return loose(*inputs)
            ready[sizes] = made
        return ready[sizes](*inputs)

    return run


def _called(module: torch.jit.ScriptModule) -> Run:
    return lambda inputs: module(*inputs)


def _sizes(inputs: Inputs) -> tuple[torch.Size, ...]:
    return tuple([one.shape for one in inputs])


def _unpack(module: Any) -> None:
    """Let a product that is packed when its file is loaded be made of operators that can be fused; not its own ways."""
    if getattr(module, "pack", False) and module.original_name not in _OWN:
        if module.packed:
            module.weight = module.weight.to_dense()
        module.packed = module.pack = False


def _fused(module: torch.jit.ScriptModule, inputs: Inputs) -> torch.jit.ScriptModule | None:
    """The module, frozen and fused for the sizes of some inputs; None where the graph compiler refuses it."""
    try:
        with _fusing(), quiet("torch.jit"):
            frozen = torch.jit.freeze(module)  # pyright: ignore[reportUnknownMemberType]
            for _ in range(_WARM):
                frozen(*inputs)
            return frozen
    except RuntimeError:
        return None


@contextmanager
def _fusing() -> Generator[None]:
    """Have oneDNN's graph compiler fuse what is run for the first times; autocast would keep bfloat16 from it.

    One thread at a time: another would take the switches as this one has set them for what they were.
    """
    with _SWITCHES:
        fusing = torch.jit.onednn_fusion_enabled()
        casting = torch._C._jit_set_autocast_mode(False)  # pyright: ignore[reportPrivateUsage]
        torch.jit.enable_onednn_fusion(True)
        try:
            yield
        finally:
            torch.jit.enable_onednn_fusion(fusing)
            torch._C._jit_set_autocast_mode(casting)  # pyright: ignore[reportPrivateUsage]


def _faster(one: torch.jit.ScriptModule, other: torch.jit.ScriptModule, inputs: Inputs) -> bool:
    """Whether one module runs faster than another one, which is warm."""
    for _ in range(_WARM):
        one(*inputs)
    times: dict[bool, list[float]] = {True: [], False: []}
    for _ in range(_TRIALS):
        for first, module in ((True, one), (False, other)):
            module(*inputs)  # which brings its weights back into the caches
            start = perf_counter()
            module(*inputs)
            times[first].append(perf_counter() - start)
    return min(times[True]) < min(times[False])
