"""Running compiled files as fast as the machine runs them; `torch.jit.load` alone runs them too."""

from __future__ import annotations

from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING

from netdsl.runtime.file import NotCompiledError, UntrustedError, card

if TYPE_CHECKING:
    from netdsl.runtime.loaded import Loaded

__all__ = ["NotCompiledError", "UntrustedError", "card", "load"]


def load(
    path: str | PathLike[str], device: str | None = None, *, threads: int | None = None, trust: bool = False
) -> Loaded:
    """Load a file that `netdsl compile` wrote, ready to run: it is called as the file's module is.

    The device is by default the one that the file was made for: `cuda` for a file for it where there is one, else
    `cpu`. On a CPU it is fused by oneDNN's graph compiler where that is faster, and `threads` run it. On a GPU the
    calls of kernels are captured in a CUDA graph, one for each size of input.

    `threads` is for the thread that calls, and for those that begin later. cuDNN's search for the fastest algorithm,
    and what the allocator keeps between calls, are the whole process's. Many threads may load and call at once.

    A file that was compiled with devices of its own runs on these, and takes no `device`.

    The file's code is read first: what may do more than compute is refused, unless `trust` says that the file may do
    whatever its user may.

    Raises UntrustedError for such a file, NotCompiledError for another or a damaged one, OSError for one that cannot
    be read, and RuntimeError for a device that is not there, or not the file's own.
    """
    from netdsl.runtime.loaded import Loaded

    return Loaded(Path(path), device, threads, trust=trust)
