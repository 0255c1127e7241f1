"""How fast compiled networks run on a GPU, beside PyTorch's own ways; docs/performance.md says what it reports.

    python benchmarks/gpu.py [-o FOLDER] [--minutes 5] [--networks A,B] [--batches 1,64] [--precisions fp16] [--runs N]

Writes FOLDER/gpu.json, each comparison as `netdsl bench --format json` gives it, and FOLDER/gpu.md, anew after each
comparison; with AlexNet on two devices, `cuda:0` and `cpu`, held to one. All contestants run in this process, unless
--processes gives each its own, which takes longer. What does not fit into the minutes is left out and named:
torch.compile first, whose search for the fastest kernels may take a minute for a network.
"""

import argparse
import gc
import signal
import sys
import tempfile
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from itertools import product
from math import inf, isfinite
from pathlib import Path
from time import monotonic
from types import FrameType
from typing import Any

import suite

import netdsl
from netdsl.bench import bench, report
from netdsl.bench.machine import switch
from netdsl.bench.process import started
from netdsl.bench.results import Results
from netdsl.bench.run import Unavailable
from netdsl.bench.setting import Setting
from netdsl.bench.worker import Bench, answer
from netdsl.bench.workload import read

PEERS = "file,channels-last,freeze,compile"
SLOW = "compile"
USUAL = 15.0
"""The seconds to expect of a comparison without torch.compile before one has been made."""
LEAST = 10.0
"""The seconds below which torch.compile is not begun."""


@dataclass
class Budget:
    """What is left of `whole` seconds for so many comparisons; `usual` is the longest one without torch.compile."""

    whole: float
    comparisons: int
    usual: float = USUAL
    notes: list[str] = field(default_factory=list)
    begun: float = field(default_factory=monotonic)

    @property
    def left(self) -> float:
        """The seconds until the end."""
        return self.begun + self.whole - monotonic()

    @property
    def spare(self) -> float:
        """The seconds that torch.compile may take for the next comparison: a fifth of the whole at most."""
        return min(self.left - self.comparisons * self.usual, self.whole / 5)


@contextmanager
def ended(seconds: float) -> Generator[None]:
    """Raise Unavailable in what takes longer, again and again where that is caught."""

    def end(number: int, frame: FrameType | None) -> None:
        raise Unavailable(f"not ready within {seconds:.0f} s; more --minutes give it more")

    before = signal.signal(signal.SIGALRM, end)
    if isfinite(seconds):
        signal.setitimer(signal.ITIMER_REAL, max(seconds, 0.1), 5)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


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
    """A contestant for the workload in a folder, in this process; the memory that it took is given back afterwards.

    For where starting a process takes longer than what is measured. Contestants are alike but for what a process has
    once; on a GPU, PyTorch's own have those switches alike anyway.
    """
    import torch

    workload = read(folder)
    if threads is not None:
        torch.set_num_threads(threads)
    switch(workload.setting.device, workload.setting.precision)
    one = Inside(Bench(workload, name))
    try:
        yield one
    finally:
        one.bench.run = None
        gc.enable()
        gc.collect()
        if workload.setting.device == "cuda":
            torch.cuda.empty_cache()


class Hurried(Inside):
    """A contestant that has to be ready within some seconds."""

    seconds = inf

    def ask(self, word: str) -> dict[str, Any]:
        with ended(self.seconds if word == "prepare" else inf):
            return super().ask(word)


def compared(name: str, setting: Setting, peers: Sequence[str], budget: Budget, processes: bool) -> Results:
    """One comparison, without torch.compile where there is no time for it. Raises Unavailable."""
    shaped, seconds, begun = netdsl.load(name).shaped, budget.spare, monotonic()
    budget.comparisons -= 1
    left_out = {SLOW: "no time was left for it"} if SLOW in peers and seconds < LEAST else {}

    @contextmanager
    def start(folder: Path, contestant: str, threads: int | None) -> Generator[Inside]:
        with inside(folder, contestant, threads) as one:
            if contestant == SLOW:
                one = Hurried(one.bench)
                one.seconds = seconds
            yield one

    found = bench(
        shaped, setting, [peer for peer in peers if peer not in left_out], start=started if processes else start
    )
    took = monotonic() - begun
    if SLOW not in peers or left_out:
        budget.usual = max(budget.usual, took)
    return replace(found, left_out={**found.left_out, **left_out})


def two_devices(first: str, second: str) -> dict[str, object]:
    """AlexNet on two devices against itself on one, with the same weights and inputs: the largest relative error."""
    import torch

    from netdsl import compile, runtime

    shaped = netdsl.load("alexnet_two_gpus").shaped
    x = torch.randn(2, 3, *next(iter(shaped.input_shapes(1))).spatial, generator=torch.Generator().manual_seed(0))
    outputs: list[torch.Tensor] = []
    with tempfile.TemporaryDirectory() as folder:
        for devices in ((first, second), (first, first)):
            path = Path(folder, "network.pt")
            compile.compile(shaped, path, devices=devices)
            outputs.append(runtime.load(path)(x).cpu())
    two, one = outputs
    return {"devices": [first, second], "error": float((two - one).abs().max() / one.abs().max())}


def comparisons(asked: argparse.Namespace, budget: Budget) -> Iterator[Results]:
    """All of them that there is time for."""
    peers = asked.against.split(",")
    for precision, name, batch in product(
        asked.precisions.split(","), asked.networks.split(","), map(int, asked.batches.split(","))
    ):
        title = f"{name}, batch {batch}, {precision}"
        if budget.left < budget.usual:
            budget.comparisons -= 1
            budget.notes.append(f"{title}: left out, no time was left for it.")
            continue
        setting = Setting(asked.device, batch, precision, None, asked.runs, asked.examples)
        try:
            yield compared(name, setting, peers, budget, asked.processes)
        except Unavailable as error:
            budget.notes.append(f"{title}: {error}")


def main(arguments: Sequence[str] | None = None) -> None:
    """Run all comparisons, and write what they found after each."""
    parser = argparse.ArgumentParser()
    parser.add_argument("-o", "--output", type=Path, default=Path("build/benchmarks"))
    parser.add_argument("--minutes", type=float, default=5, help="of all; inf for as long as it takes")
    parser.add_argument("--networks", default=",".join(suite.NETWORKS))
    parser.add_argument("--batches", default="1,64")
    parser.add_argument("--precisions", default="fp16")
    parser.add_argument("--against", default=PEERS)
    parser.add_argument("--runs", type=int, default=7)
    parser.add_argument("--examples", type=int, default=Setting.examples)
    parser.add_argument("--processes", action="store_true", help="give each contestant a process of its own")
    parser.add_argument("--device", default="cuda", choices=["cuda", "cpu"], help="cpu to try this script without one")
    asked = parser.parse_args(arguments)
    import torch

    if asked.device == "cuda" and not torch.cuda.is_available():
        print("gpu.py: PyTorch finds no CUDA device here, so nothing was measured", file=sys.stderr)
        sys.exit(2)
    count = len(list(product(*(getattr(asked, one).split(",") for one in ("precisions", "networks", "batches")))))
    budget = Budget(60 * asked.minutes, count)
    first = "cuda:0" if asked.device == "cuda" else "cpu"
    try:
        two = two_devices(first, "cpu")
        budget.notes.append(f"AlexNet on {first} and cpu differs from itself on {first} by {two['error']:.1e} at most.")
    except (RuntimeError, OSError) as error:
        two = {"devices": [first, "cpu"], "failed": str(error).partition("\n")[0]}
        budget.notes.append(f"AlexNet on {first} and cpu failed: {two['failed']}")
    print(budget.notes[0], flush=True)
    found: list[Results] = []
    path = asked.output / "gpu"
    for results in comparisons(asked, budget):
        found.append(results)
        print(report.text(results), end="\n\n", flush=True)
        suite.write(path, found, budget.notes, two_devices=two)
    for note in budget.notes[1:]:
        print(note, file=sys.stderr)
    if not found:
        sys.exit("nothing was measured")
    suite.write(path, found, budget.notes, two_devices=two)


if __name__ == "__main__":
    main()
