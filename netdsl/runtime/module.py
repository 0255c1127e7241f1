"""The module in a compiled file, whose code is checked before PyTorch has it, unless it is trusted."""

from __future__ import annotations

import gc
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import TypeAlias, cast

import torch

from netdsl.runtime.archive import ArchiveError
from netdsl.runtime.checked.code import CodeError
from netdsl.runtime.checked.module import Checked
from netdsl.runtime.checked.pickles import PickleError
from netdsl.runtime.file import Compiled, NotCompiledError, UntrustedError
from netdsl.runtime.quiet import quiet
from netdsl.runtime.switches import kept

Reader: TypeAlias = Callable[[str | None], torch.jit.ScriptModule]
"""Makes a module on a device, or on the file's own ones. Raises RuntimeError where PyTorch cannot make it."""


def reader(compiled: Compiled, *, trust: bool) -> Reader:
    """What makes modules of a file while it is open: of what was checked, or with `trust` of whatever it holds.

    Raises UntrustedError for code that may do more than compute, NotCompiledError and OSError.
    """
    if trust:
        return lambda device: _made(lambda: _read(compiled, device))
    try:
        with _uncollected():
            checked = Checked(compiled.archive)
    except ArchiveError as error:
        raise NotCompiledError(compiled.path, str(error)) from None
    except (CodeError, PickleError) as error:
        raise UntrustedError(compiled.path, str(error)) from None
    return lambda device: _made(lambda: checked.module(device))


def _read(compiled: Compiled, device: str | None) -> torch.jit.ScriptModule:
    read = cast("Callable[..., torch.jit.ScriptModule]", torch.jit.load)  # pyright: ignore[reportUnknownMemberType]
    return read(compiled.path, map_location=device)


def _made(make: Callable[[], torch.jit.ScriptModule]) -> torch.jit.ScriptModule:
    try:
        with quiet("torch.jit"), kept():
            return make()
    except OSError:
        raise
    except Exception as error:  # of a damaged file PyTorch tells by UnicodeDecodeError, IndexError and others
        reason = str(error).strip().partition("\n")[0]
        raise RuntimeError(f"PyTorch cannot load it: {reason}") from error


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
