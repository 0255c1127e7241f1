"""How fast the front end is, as whole processes, alternating with what it is compared to.

    python benchmarks/front_end.py [RUNS]

- `check` of ResNet-152 against `python -c "import torch"`: at most a quarter;
- `summary` of it against torchinfo's of torchvision's model: at most a tenth (needs torchinfo and torchvision);
- `check` of a chain of 100,000 layers against one of 10,000: ten times the time and memory, give or take a fifth,
  after the process' own start is taken off.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

TORCHINFO = """
import sys; sys.path.insert(0, "tests")
import torch, torchinfo, torchvision_models
torchinfo.summary(torchvision_models.load().resnet152(), (1, 3, 224, 224))
"""
NETDSL = [sys.executable, "-m", "netdsl"]


@dataclass(frozen=True)
class Cost:
    """Processor seconds, and the largest memory in megabytes."""

    seconds: float
    megabytes: float


def measure(command: Sequence[str]) -> Cost:
    """Run a command to its end. Raises where it fails."""
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"{' '.join(command)} failed")
    return Cost(usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)


def alternate(runs: int, *commands: Sequence[str]) -> list[Cost]:
    """The medians of several runs of each command, in turn, after one to warm up."""
    found: list[list[Cost]] = [[] for _ in commands]
    for run in range(runs + 1):
        for costs, command in zip(found, commands, strict=True):
            cost = measure(command)
            if run:
                costs.append(cost)
    return [
        Cost(statistics.median(one.seconds for one in costs), statistics.median(one.megabytes for one in costs))
        for costs in found
    ]


def ratio(name: str, cost: Cost, other: Cost, limit: float) -> None:
    """Print a ratio beside its limit."""
    times = f"{cost.seconds:6.2f} s  {other.seconds:6.2f} s"
    print(f"{name:<46} {times}  ratio {cost.seconds / other.seconds:.3f}, at most {limit}")


def chain(folder: Path, layers: int) -> str:
    """A file with a chain of layers, each written out."""
    path = folder / f"chain{layers}.net"
    path.write_text("INPUT 32x32x8\n" + "-> CONV 8 3x3 p1 -> RELU\n" * (layers // 2))
    return str(path)


def main() -> None:
    """Measure all of it."""
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    check, torch = alternate(runs, [*NETDSL, "check", "resnet152"], [sys.executable, "-c", "import torch"])
    ratio("check resnet152 against import torch", check, torch, 0.25)
    try:
        summary, info = alternate(runs, [*NETDSL, "summary", "resnet152"], [sys.executable, "-c", TORCHINFO])
        ratio("summary resnet152 against torchinfo", summary, info, 0.1)
    except SystemExit:
        print("summary against torchinfo: not measured, install torchinfo and torchvision")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        files = [chain(folder, layers) for layers in (2, 10_000, 100_000)]
        start, small, large = alternate(max(runs // 2, 1), *([*NETDSL, "check", file] for file in files))
    time = (large.seconds - start.seconds) / (small.seconds - start.seconds)
    memory = (large.megabytes - start.megabytes) / (small.megabytes - start.megabytes)
    print(f"check of 100,000 layers: {large.seconds:.1f} s, {large.megabytes:.0f} MB; of 10,000: {small.seconds:.1f} s")
    print(f"100,000 layers against 10,000: time x {time:.2f}, memory x {memory:.2f}, each 8 to 12")


if __name__ == "__main__":
    main()
