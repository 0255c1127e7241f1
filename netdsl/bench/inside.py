"""Contestants within this process, where starting one for each would take longer than what is measured.

They are alike but for what a process has once: on a GPU, PyTorch's own contestants have those switches alike anyway.
"""

from __future__ import annotations

import gc
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from netdsl.bench.contestant import Unavailable
from netdsl.bench.machine import switch
from netdsl.bench.material import read
from netdsl.bench.worker import Bench, answer


@dataclass(frozen=True)
class Inside:
    """A contestant that answers as a worker does."""

    bench: Bench

    def ask(self, word: str) -> dict[str, Any]:
        """Its answer. Raises Unavailable where it failed."""
        found = dict(answer(self.bench.work(word)))
        if "failed" in found:
            raise Unavailable(str(found["failed"]))
        return found


@contextmanager
def inside(folder: Path, name: str, threads: int | None) -> Generator[Inside]:
    """A contestant for the material in a folder, here; the memory that it took is given back afterwards."""
    import torch

    material = read(folder)
    if threads is not None:
        torch.set_num_threads(threads)
    switch(material.setting.device, material.setting.precision)
    one = Inside(Bench(material, name))
    try:
        yield one
    finally:
        one.bench.run = None
        gc.enable()
        gc.collect()
        if material.setting.device == "cuda":
            torch.cuda.empty_cache()
