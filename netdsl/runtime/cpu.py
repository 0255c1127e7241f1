"""A module on a CPU: as its file has it or fused by oneDNN's graph compiler, whichever is faster."""

from __future__ import annotations

from collections.abc import Collection
from threading import Lock
from time import perf_counter
from typing import Any

import torch

from netdsl.runtime import memory
from netdsl.runtime.quiet import quiet
from netdsl.runtime.switches import WARM, Inputs, Run, fusing, kept, steady

_TRIALS = 3
"""Timed calls of each way of running a module, of which the fastest counts."""
_SIZES = 8
"""For how many sizes of input there are modules of their own at most."""


def prepare(modules: list[torch.jit.ScriptModule], first: Inputs, unfused: Collection[str]) -> Run:
    """A function that runs the module of which there are two, made ready for inputs of the sizes of the first ones.

    Both ways are tried with these; the graph compiler refuses some networks, and is not always faster. What it fused is
    for one size of input, so that others are fused when they first come. Modules of the `unfused` classes stay packed.
    """
    memory.keep()
    packed, loose = modules.pop().eval(), modules.pop().eval()
    for one in loose.modules():
        _unpack(one, unfused)
    fused = _fused(loose, first)
    if fused is None or _faster(packed, fused, first):
        del loose, fused
        memory.settle()
        return steady(packed)
    del packed
    memory.settle()
    plain, ready, preparing = steady(loose), {_sizes(first): steady(fused)}, Lock()

    def run(inputs: Inputs) -> Any:
        sizes = _sizes(inputs)
        if sizes not in ready and len(ready) < _SIZES:
            with preparing:
                if sizes not in ready and len(ready) < _SIZES:
                    made = _fused(loose, inputs)
                    ready[sizes] = plain if made is None else steady(made)
        return ready.get(sizes, plain)(inputs)

    return run


def _sizes(inputs: Inputs) -> tuple[torch.Size, ...]:
    return tuple([one.shape for one in inputs])


def _unpack(module: Any, unfused: Collection[str]) -> None:
    """Let a product that is packed when its file is loaded be made of operators that can be fused."""
    if getattr(module, "pack", False) and module.original_name not in unfused:
        if module.packed:
            module.weight = module.weight.to_dense()
        module.packed = module.pack = False


def _fused(module: torch.jit.ScriptModule, inputs: Inputs) -> torch.jit.ScriptModule | None:
    """The module, frozen and fused for the sizes of some inputs; None where the graph compiler refuses it."""
    try:
        with quiet("torch.jit"), kept():
            frozen = torch.jit.freeze(module)  # pyright: ignore[reportUnknownMemberType]
        with fusing():
            for _ in range(WARM):
                frozen(*inputs)
        return frozen
    except RuntimeError:
        return None


@kept()
def _faster(one: torch.jit.ScriptModule, other: torch.jit.ScriptModule, inputs: Inputs) -> bool:
    """Whether one module runs faster than another one, which is warm."""
    for _ in range(WARM):
        one(*inputs)
    times: dict[bool, list[float]] = {True: [], False: []}
    for _ in range(_TRIALS):
        for first, module in ((True, one), (False, other)):
            module(*inputs)  # which brings its weights back into the caches
            start = perf_counter()
            module(*inputs)
            times[first].append(perf_counter() - start)
    return min(times[True]) < min(times[False])
