"""Python's cyclic garbage collector, kept from looking through a large network again and again while it is made."""

from __future__ import annotations

import gc
from collections.abc import Generator
from contextlib import contextmanager

_FEW = 20_000
"""So many values are looked through in a millisecond."""


@contextmanager
def paused() -> Generator[None]:
    """Make many values of which none is garbage: they are counted, and looked through, afterwards alone."""
    collecting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if gc.get_count()[0] > _FEW and not gc.get_freeze_count():  # which counts one by one what a process froze
            gc.freeze()  # with unfreeze, what was made counts as old, and is not looked through at once
            gc.unfreeze()
        if collecting:
            gc.enable()
