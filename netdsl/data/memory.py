"""What of a file is held in memory."""

from __future__ import annotations

import gzip
import os
from pathlib import Path
from typing import IO, TYPE_CHECKING

from netdsl.data.part import DataError
from netdsl.measure import units

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

DEFLATED = 1032
"""How many bytes one byte of deflate's stands for at most."""
_GROUPS = (
    ("/sys/fs/cgroup", "memory.max", "memory.current"),
    ("/sys/fs/cgroup/memory", "memory.limit_in_bytes", "memory.usage_in_bytes"),
)
"""Where Linux says what a container may have, and has: by cgroups of version 2 and 1."""
_CHUNK = 2**20


def available() -> int:
    """Bytes of memory that a process may take, of the machine and of the container; many where no system says."""
    return min(_machine(), *(left for one in _GROUPS if (left := _left(*one)) is not None), 2**62)


def _machine() -> int:
    try:
        lines = Path("/proc/meminfo").read_text(encoding="utf-8").splitlines()
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable:"))
    except (OSError, StopIteration, ValueError):
        pass
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, OSError, ValueError):
        return 2**62


def _left(folder: str, limit: str, used: str) -> int | None:
    """What a container has left, but for pages of files, which make room; None where it has no limit."""
    try:
        most, now = (int(Path(folder, name).read_text(encoding="utf-8")) for name in (limit, used))
        lines = Path(folder, "memory.stat").read_text(encoding="utf-8").splitlines()
        kept = next((int(line.split()[1]) for line in lines if line.startswith("inactive_file ")), 0)
    except (OSError, ValueError):  # "max" is no number
        return None
    return max(0, most - now + kept)


def held(path: Path, size: int) -> None:
    """Raise DataError where so many bytes of a file are more than the memory here."""
    if size > (there := available()):
        reason = f"takes {units.size(size)} of memory, of which {units.size(there)} are free"
        raise DataError(path, reason, "a folder of pictures is read as it is needed")


def filled(file: IO[bytes] | gzip.GzipFile, values: NDArray[np.uint8]) -> int:
    """Read a file into an array, which takes memory as it is filled, and tell how much of it."""
    view, at = values.data, 0
    while at < len(values) and (chunk := file.read(min(_CHUNK, len(values) - at))):
        view[at : at + len(chunk)] = chunk
        at += len(chunk)
    return at
