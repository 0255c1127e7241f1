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
        if collecting:
            gc.enable()
