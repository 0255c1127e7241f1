"""A progress bar on stderr, for commands that take their time."""

from __future__ import annotations

import sys
from collections.abc import Generator
from contextlib import contextmanager

from netdsl.compile.progress import Progress, silent


@contextmanager
def shown() -> Generator[Progress]:
    """Show how far work has come, where stderr is a terminal."""
    if sys.stderr is None or not sys.stderr.isatty():
        yield silent
        return
    from rich.console import Console
    from rich.progress import Progress as Bars

    with Bars(console=Console(stderr=True), transient=True) as bars:
        task = bars.add_task("starting", total=None)

        def progress(what: str, done: int, total: int) -> None:
            bars.update(task, description=what, completed=done, total=total)

        yield progress
