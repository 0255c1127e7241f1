"""The machine: what it is called, and how fast it multiplies and copies."""

from __future__ import annotations

import platform
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

_SECONDS = 0.1
"""How long each rate is measured at a time; the best repetition counts."""
_SIDES = {"cpu": (256, 2048), "cuda": (2048, 8192)}
"""The smallest and the largest matrices that are multiplied."""
_LONG = 0.05
"""The seconds of a product at which larger matrices would gain no more."""
_LEAST_BYTES = 2**20


@dataclass(frozen=True)
class Machine:
    """A device as it was measured: `macs` are multiply-adds a second, `bytes` those read and written a second."""

    name: str
    threads: int
    macs: float
    bytes: float


def measured(device: str, threads: int, dtype: torch.dtype, footprint: int) -> Machine:
    """The rates of a device at a precision, for a network that works on `footprint` bytes.

    Matrices are multiplied by torch.mm and by a convolution of 1x1, which may be of another library; the faster counts.
    Bytes are those of a copy within as much memory, so that a network that fits into a cache is held against the
    cache.
    """
    import torch

    side, largest = _SIDES[device]
    while True:
        matrix = torch.randn(side, side, device=device).to(dtype)
        product = _best(lambda matrix=matrix: torch.mm(matrix, matrix), device)
        if product > _LONG or side == largest:
            break
        side *= 2
    channels = side // 4  # so that the kernel, which may be packed at each call, is small beside the image
    image = torch.randn(1, channels, 16, side, device=device).to(dtype).contiguous(memory_format=torch.channels_last)
    kernel = torch.randn(channels, channels, 1, 1, device=device).to(dtype)
    convolution = _best(lambda: torch.conv2d(image, kernel), device)
    macs = max(side**3 / product, 16 * side * channels**2 / convolution)
    half = max(footprint, _LEAST_BYTES) // 2
    source = torch.ones(half, dtype=torch.uint8, device=device)
    target = torch.zeros_like(source)
    rate = 2 * half / _best(lambda: target.copy_(source), device)
    return Machine(_name(device), threads, macs, rate)


def faster(one: Machine, other: Machine) -> Machine:
    """The better rates of two measurements of a machine."""
    return replace(one, macs=max(one.macs, other.macs), bytes=max(one.bytes, other.bytes))


def _best(work: Callable[[], object], device: str) -> float:
    """The seconds of the fastest repetition."""
    synchronise = synchroniser(device)
    best, start = float("inf"), perf_counter()
    work()
    while perf_counter() - start < _SECONDS or best == float("inf"):
        synchronise()
        before = perf_counter()
        work()
        synchronise()
        best = min(best, perf_counter() - before)
    return best


def synchroniser(device: str) -> Callable[[], None]:
    """A function that waits until the device has done what it was given."""
    import torch

    return torch.cuda.synchronize if device == "cuda" else lambda: None


def switch(device: str, precision: str) -> None:
    """Set PyTorch's switches for all that a GPU does: TF32 for that precision alone, and the fastest algorithms."""
    import torch

    if device == "cuda":
        torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = precision == "tf32"
        torch.backends.cudnn.benchmark = True


def _name(device: str) -> str:
    import torch

    if device == "cuda":
        return torch.cuda.get_device_name()
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = list[str]()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()
