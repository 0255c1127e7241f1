"""A module on a CPU: frozen, and fused by oneDNN's graph compiler."""

from __future__ import annotations

import ctypes
import platform
from collections.abc import Callable
from typing import Any, TypeAlias

import torch
from torch import Tensor

Run: TypeAlias = Callable[[tuple[Tensor, ...]], Any]

_WARM = 3
"""TorchScript sees the sizes in the first call, and specialises in the second."""
_SIZES = 8
"""For how many sizes of input there are modules of their own at most."""
_MALLOPT = {"M_MMAP_THRESHOLD": (-3, 2**30), "M_TRIM_THRESHOLD": (-1, 2**31 - 1)}
"""Blocks of less than 1 GiB come from the heap, which gives nothing back before 2 GiB are free (mallopt(3))."""


def prepare(module: torch.jit.ScriptModule) -> Run:
    """A function that runs the module; for each size of input it prepares a module when it first comes."""
    torch.jit.enable_onednn_fusion(True)
    torch._C._jit_set_autocast_mode(False)  # pyright: ignore[reportPrivateUsage]
    _keep_memory()
    for one in module.modules():
        _unpack(one)
    module.eval()
    ready: dict[tuple[torch.Size, ...], torch.jit.ScriptModule] = {}

    def run(inputs: tuple[Tensor, ...]) -> Any:
        sizes = tuple([one.shape for one in inputs])
        if sizes not in ready:
            if len(ready) == _SIZES:
                return module(*inputs)
            ready[sizes] = torch.jit.freeze(module)  # pyright: ignore[reportUnknownMemberType]
            for _ in range(_WARM):
                ready[sizes](*inputs)
        return ready[sizes](*inputs)

    return run


def _unpack(module: Any) -> None:
    """Let a product that is packed when its file is loaded be made of operators that can be fused; not Winograd's."""
    if getattr(module, "pack", False) and module.original_name != "Winograd":
        if module.packed:
            module.weight = module.weight.to_dense()
        module.packed = module.pack = False


def _keep_memory() -> None:
    """Have what a call gives back kept for the next one: the system zeroes it page by page."""
    if platform.libc_ver()[0] == "glibc":
        libc = ctypes.CDLL(None)
        for option, value in _MALLOPT.values():
            libc.mallopt(option, value)
