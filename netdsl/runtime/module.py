"""The module in a compiled file, whose code is checked before PyTorch has it, unless it is trusted."""

from __future__ import annotations

import gc
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import TypeAlias, cast

import torch

from netdsl.runtime import private
from netdsl.runtime.archive import ArchiveError
from netdsl.runtime.checked.code import CodeError
from netdsl.runtime.checked.module import Checked
from netdsl.runtime.checked.pickles import PickleError
from netdsl.runtime.file import Compiled, NotCompiledError, UntrustedError
from netdsl.runtime.quiet import quiet
from netdsl.runtime.switches import kept

Reader: TypeAlias = Callable[[str | None], torch.jit.ScriptModule]
"""Makes a module on a device, or on the file's own ones.

Raises NotCompiledError where PyTorch cannot make it of the file, and RuntimeError where it cannot on the device."""


def place(compiled: Compiled, device: str | None) -> str | None:
    """The device to map a file to; None for one with devices of its own, which stays on these.

    Raises RuntimeError where such a file is asked for elsewhere.
    """
    if compiled.card.devices:
        if device is not None:
            raise RuntimeError(f"{compiled.path} was compiled with --devices, and runs on these; ask for no other")
        return None
    if device is None:
        return "cuda" if compiled.card.target == "cuda" and torch.cuda.is_available() else "cpu"
    return device


def reader(compiled: Compiled, *, trust: bool) -> Reader:
    """What makes modules of a file while it is open: of what was checked, or with `trust` of whatever it holds.

    Raises UntrustedError for code that may do more than compute, NotCompiledError and OSError.
    """
    if trust:
        read = cast("Callable[..., torch.jit.ScriptModule]", torch.jit.load)  # pyright: ignore[reportUnknownMemberType]
        return lambda device: _made(compiled, device, lambda: read(compiled.path, map_location=device))
    try:
        with _uncollected():
            checked = Checked(compiled.archive)
    except ArchiveError as error:
        raise NotCompiledError(compiled.path, str(error)) from None
    except (CodeError, PickleError) as error:
        raise UntrustedError(compiled.path, str(error)) from None
    return lambda device: _made(compiled, device, lambda: checked.module(device))


def _made(compiled: Compiled, device: str | None, make: Callable[[], torch.jit.ScriptModule]) -> torch.jit.ScriptModule:
    """What PyTorch makes, or refuses: for a device or memory that is not there, else for what the file holds."""
    try:
        with quiet("torch.jit"), kept():
            return make()
    except OSError:
        raise
    except Exception as error:  # of a damaged file PyTorch tells by UnicodeDecodeError, IndexError and others
        reason = f"PyTorch cannot load it: {str(error).strip().partition(chr(10))[0]}"
        needed = private.TARGETS.get(compiled.card.target, ())
        lacking = private.lacking(needed, "compile the file again, with this PyTorch")
        devices = compiled.card.devices.values() if device is None else [device]
        if lacking or lacks_memory(error) or not all(map(_there, devices)):
            raise RuntimeError(lacking or reason) from error
        raise NotCompiledError(compiled.path, reason) from error


def _there(device: str) -> bool:
    """Whether there is a device, which holds numbers."""
    try:
        torch.zeros(1, device=device).cpu()
    except Exception:  # whatever a backend says that is not there
        return False
    return True


def lacks_memory(error: Exception) -> bool:
    """Whether PyTorch had no memory for something."""
    signs = ("alloc", "out of memory")
    return isinstance(error, MemoryError | torch.OutOfMemoryError) or any(sign in str(error) for sign in signs)


@contextmanager
def _uncollected() -> Generator[None]:
    """Have no garbage collected: what is made here is none, and looking through all of torch takes longer."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()
