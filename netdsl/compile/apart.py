"""PyTorch as it starts, for what compiles: whatever modes the caller has entered, and whatever other threads do."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import ExitStack, contextmanager
from threading import RLock
from typing import Any

import torch
from torch.overrides import TorchFunctionMode

from netdsl.runtime import switches

_ONE = RLock()
"""One thread compiles at a time: torch.jit.script, torch.fx and torch.export keep what they make for all together."""
_FLOATS = frozenset({"empty", "zeros", "ones", "rand", "randn", "eye", "linspace", "logspace", "scalar_tensor"})
_AS_GIVEN = frozenset({"tensor", "as_tensor", "arange", "full"})
"""What makes tensors of the default type: always, and where what it is given are Python's floats."""


class _Float32(TorchFunctionMode):
    """Tensors are float32 where nobody says otherwise; torch.set_default_dtype is the whole process's."""

    def __torch_function__(
        self, func: Callable[..., Any], types: object, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs, name = kwargs or {}, func.__name__
        if kwargs.get("dtype") is None:
            floats = name in _FLOATS
            if name in _AS_GIVEN and not hasattr(args[0] if args else None, "dtype"):
                floats = func(*args, **kwargs).is_floating_point()
            if floats:
                kwargs = {**kwargs, "dtype": torch.float32}
        return func(*args, **kwargs)


@contextmanager
def apart() -> Generator[None]:
    """Compile one at a time, on the CPU, in float32 and with gradients, as PyTorch does from the start."""
    with _ONE, switches.apart(), torch.enable_grad(), ExitStack() as stack:
        if torch.get_default_dtype() != torch.float32:
            stack.enter_context(_Float32())
        yield
