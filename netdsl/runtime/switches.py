"""TorchScript's switches, which are the whole process's, turned while nothing of netdsl's depends on them.

TorchScript optimises a module in the first calls with inputs of some sizes, by whatever is switched on just then. These
calls keep the switches as they are, side by side in many threads, and fusing waits until there are none.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import ExitStack, contextmanager
from threading import Condition, Lock
from typing import Any, TypeAlias

import torch
from torch import Tensor

from netdsl.runtime import private

Inputs: TypeAlias = tuple[Tensor, ...]
Run: TypeAlias = Callable[[Inputs], Any]

WARM = 3
"""TorchScript sees the sizes in the first call, and specialises in the second."""
_MET = 64
"""Of how many sizes of input it is noted how often they have come."""


@contextmanager
def apart() -> Generator[None]:
    """Infer in this thread as PyTorch does from the start, whatever modes the caller has entered."""
    with torch.inference_mode(mode=False), torch.no_grad(), torch.device("cpu"), ExitStack() as stack:
        for device in ("cpu", "cuda"):
            if torch.is_autocast_enabled(device):
                stack.enter_context(torch.autocast(device, enabled=False))
        yield


class _Turns:
    """Many threads keep something as it is, or one turns it."""

    def __init__(self) -> None:
        self._one, self._changed = Lock(), Condition()
        self._keeping, self._turning = 0, False

    @contextmanager
    def kept(self) -> Generator[None]:
        with self._changed:
            self._changed.wait_for(lambda: not self._turning)
            self._keeping += 1
        try:
            yield
        finally:
            with self._changed:
                self._keeping -= 1
                self._changed.notify_all()

    @contextmanager
    def turned(self) -> Generator[None]:
        with self._one:
            try:
                with self._changed:
                    self._turning = True  # so that no more threads begin to keep it
                    self._changed.wait_for(lambda: not self._keeping)
                yield
            finally:
                with self._changed:
                    self._turning = False
                    self._changed.notify_all()


_turns = _Turns()
kept = _turns.kept
"""Keep the switches as they are, while TorchScript may optimise. No thread may fuse within it."""


@contextmanager
def fusing() -> Generator[None]:
    """Have oneDNN's graph compiler fuse what is run for the first times; autocast would keep bfloat16 from it."""
    with _turns.turned():
        fuses = torch.jit.onednn_fusion_enabled()
        casts = private.set_autocast(False)
        torch.jit.enable_onednn_fusion(True)
        try:
            yield
        finally:
            torch.jit.enable_onednn_fusion(fuses)
            private.set_autocast(casts)


def steady(module: Callable[..., Any]) -> Run:
    """A function that calls a module, and keeps the switches until it has been optimised for what it is called with."""
    met: dict[object, int] = {}

    def run(inputs: Inputs) -> Any:
        form = tuple([(one.shape, one.stride()) for one in inputs])
        times = met.get(form, 0)
        if times == WARM:
            return module(*inputs)
        with kept():
            found = module(*inputs)
        if met.get(form, 0) == times and (times or len(met) < _MET):  # calls side by side count as one
            met[form] = times + 1
        return found

    return run
