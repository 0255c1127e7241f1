"""Ctrl-C and SIGTERM during a training: noticed between two steps, so that what is saved is whole."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from types import FrameType

PATIENCE = 2.0
"""Seconds after which who has asked is told that it takes a while."""
_ASK = tuple(one for name in ("SIGINT", "SIGTERM") if (one := getattr(signal, name, None)) is not None)


@contextmanager
def noticed(say: Callable[[], None], *, patient: bool = False) -> Generator[Callable[[], int]]:
    """A function that gives the signal that has asked this process to end, or 0.

    A second one ends it at once, as any; `say` tells so where a step takes long. One that is `patient` waits for its
    step however often it is asked: torchrun passes on to all what a terminal has sent to all. Threads other than the
    main one notice none.
    """
    asked = 0
    later = threading.Timer(PATIENCE, say)
    later.daemon = True

    def note(number: int, frame: FrameType | None) -> None:
        nonlocal asked
        if asked and not patient:
            raise KeyboardInterrupt
        if not asked:
            later.start()
        asked = number

    if threading.current_thread() is not threading.main_thread():
        yield lambda: 0
        return
    before = {one: signal.signal(one, note) for one in _ASK}
    try:
        yield lambda: asked
    finally:
        later.cancel()
        for one, handler in before.items():
            signal.signal(one, handler)
