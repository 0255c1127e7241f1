"""A process of its own for each contestant, which computes only while it is asked to.

    python -m netdsl.bench.worker FOLDER CONTESTANT

It reads a word a line from stdin (prepare, check, time; or make and measure, for the workload and the machine) and
answers each by a line of JSON. Whatever libraries print goes to stderr.
"""

from __future__ import annotations

import gc
import json
import os
import signal
import sys
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from time import perf_counter

from netdsl.bench import limit
from netdsl.bench.contestants import CONTESTANTS
from netdsl.bench.errors import errors
from netdsl.bench.machine import measured, switch, synchroniser
from netdsl.bench.run import Run, Unavailable, first_sentence
from netdsl.bench.workload import Workload, read
from netdsl.measure.summary import Summary

BLOCK = 0.05
"""Seconds that a block of calls takes at least."""
_WARM = 0.3
_WARM_CALLS = 4  # TorchScript specialises in the second, and compiles in the third


@dataclass
class Bench:
    """A contestant in its process, and how many of its calls make a block."""

    workload: Workload
    name: str
    run: Run | None = None
    calls: int = 1

    def work(self, word: str) -> Callable[[], Mapping[str, object]]:
        """What a word asks for."""
        works = (self.make, self.measure, self.prepare, self.check, self.time)
        return {work.__name__: work for work in works}[word]

    def make(self) -> Mapping[str, object]:
        """Make the workload."""
        self.workload.make()
        return {"threads": self.workload.threads, "float32": self.workload.float32}

    def measure(self) -> Mapping[str, object]:
        """Measure the machine."""
        setting = self.workload.setting
        footprint = limit.footprint(Summary(self.workload.shaped, setting.batch, setting.precision))
        return asdict(measured(setting.device, self.workload.threads, self.workload.dtype, footprint))

    def prepare(self) -> Mapping[str, object]:
        """Make the contestant ready and warm."""
        start = perf_counter()
        self.run = CONTESTANTS[self.name].prepare(self.workload)
        batch, calls, before = self.workload.batches()[0], 0, 0.0
        synchronise = synchroniser(self.workload.setting.device)
        warming = perf_counter()
        while calls < _WARM_CALLS or before - warming < _WARM:
            before = perf_counter()
            self.run(batch)
            synchronise()
            calls += 1
        ready = perf_counter()
        self.calls = max(1, round(BLOCK / (ready - before) + 0.5))
        gc.collect()
        gc.disable()
        return {"seconds": ready - start}

    def check(self) -> Mapping[str, object]:
        """Hold the outputs for all examples against float64's. Raises Unavailable where the shapes are others."""
        import torch

        assert self.run is not None
        found = [[one.to("cpu", copy=True) for one in self.run(batch)] for batch in self.workload.batches()]
        outputs = [torch.cat(parts) for parts in zip(*found, strict=True)]
        for one, exact in zip(outputs, self.workload.reference, strict=True):
            if one.shape != exact.shape:
                shapes = ["x".join(map(str, tensor.shape[1:])) for tensor in (one, exact)]
                raise Unavailable(f"gives another shape: {shapes[0]}, not {shapes[1]}")
        return asdict(errors(outputs, self.workload.reference))

    def time(self) -> Mapping[str, object]:
        """The seconds of a call, over a block of calls; one call before brings caches back."""
        assert self.run is not None
        run, batch, calls = self.run, self.workload.batches()[0], self.calls
        synchronise = synchroniser(self.workload.setting.device)
        run(batch)
        synchronise()
        start = perf_counter()
        for _ in range(calls):
            run(batch)
        synchronise()
        return {"seconds": (perf_counter() - start) / calls}


def answer(work: Callable[[], Mapping[str, object]]) -> Mapping[str, object]:
    """What some work gives, or why it failed, in a line."""
    try:
        return work()
    except Unavailable as error:
        return {"failed": str(error)}
    except Exception as error:  # a peer's own, of any kind
        import traceback

        traceback.print_exc()
        return {"failed": f"{type(error).__name__}: {first_sentence(error)}"}


def main(folder: Path, name: str) -> None:
    """Answer until stdin ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the process that started this one sees to its end
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    workload = read(folder)
    if workload.setting.threads is not None:
        import torch

        torch.set_num_threads(workload.setting.threads)
    switch(workload.setting.device, workload.setting.precision)
    bench = Bench(workload, name)
    for line in sys.stdin:
        print(json.dumps(answer(bench.work(line.strip()))), file=answers, flush=True)
    os._exit(0)  # else pools of threads are taken down one by one


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
