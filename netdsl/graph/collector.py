"""Python's cyclic garbage collector, kept from looking through a large network again and again while it is made."""

from __future__ import annotations

import gc
from collections.abc import Generator
from contextlib import contextmanager


@contextmanager
def paused() -> Generator[None]:
    """Make many values of which none is garbage: they are counted, and looked through, afterwards alone."""
    collecting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if not gc.get_freeze_count():
            gc.freeze()  # with unfreeze, what was made counts as old, and is not looked through at once
            gc.unfreeze()
        if collecting:
            gc.enable()
