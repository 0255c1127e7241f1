"""How fast pictures are made: `netdsl draw NET -o x.svg` beside Graphviz alone on the DOT that netdsl wrote for it.

    python benchmarks/drawing.py [RUNS]

Whole processes, alternating, medians of processor seconds, for all bundled networks, and ResNet-152 with all its
copies: with the Graphviz that came with netdsl, and with the `dot` on PATH where there is one. Each must take under a
second, and is to take at most three times as long as Graphviz. What Python takes to start and to import netdsl is told
too: it is longer than three times the layout of a small network, and the last column leaves it out.
"""

from __future__ import annotations

import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from netdsl import resources

NETDSL = [sys.executable, "-m", "netdsl"]
START = [sys.executable, "-c", "import netdsl.cli.main, netdsl.cli.draw, netdsl.draw"]


def seconds(command: Sequence[str], environment: Mapping[str, str]) -> float:
    """Processor seconds of a command, and of what it started. Raises where it fails."""
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=dict(environment))
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"{' '.join(command)} failed")
    return usage.ru_utime + usage.ru_stime


def alternate(runs: int, environment: Mapping[str, str], *commands: Sequence[str]) -> list[float]:
    """The medians of several runs of each command, in turn, after one to warm up."""
    found: list[list[float]] = [[] for _ in commands]
    for run in range(runs + 1):
        for times, command in zip(found, commands, strict=True):
            taken = seconds(command, environment)
            if run:
                times.append(taken)
    return [statistics.median(times) for times in found]


def engines(nowhere: str) -> list[tuple[str, str, Mapping[str, str]]]:
    """Each Graphviz there is: what it is, its program, and an environment in which netdsl takes it."""
    usual = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    carried = shutil.which("graphviz-pure", path=str(Path(sys.executable).parent)) or shutil.which("graphviz-pure")
    found: list[tuple[str, str, Mapping[str, str]]] = []
    if carried:
        found.append(("graphviz-pure", carried, usual | {"PATH": nowhere}))
    installed = shutil.which("dot")
    if installed:
        found.append(("dot on PATH", installed, usual))
    return found


def main() -> None:
    """Measure all of it."""
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    drawn = [[path.stem] for path in resources.bundled()] + [["resnet152", "--expand"]]
    with tempfile.TemporaryDirectory() as name:
        picture, text = str(Path(name, "x.svg")), str(Path(name, "x.dot"))
        for engine, program, environment in engines(name):
            print(f"{engine:<24} {'netdsl':>10} {'Graphviz':>9} {'ratio':>7} {'without start':>14}")
            over: list[str] = []
            for options in drawn:
                draw = [*NETDSL, "draw", *options, "-o"]
                seconds([*draw, text], environment)
                start, whole, alone = alternate(
                    runs, environment, START, [*draw, picture], [program, "-Tsvg", text, "-o", picture]
                )
                ratio = whole / alone
                over += [" ".join(options)] * (whole >= 1 and "--expand" not in options)
                print(
                    f"{' '.join(options):<24} {1000 * whole:7.0f} ms {1000 * alone:6.0f} ms {ratio:7.1f}"
                    f" {(whole - start) / alone:14.1f}"
                )
            print(f"start: {1000 * start:.0f} ms; a second or more: {', '.join(over) or 'none'}\n")


if __name__ == "__main__":
    main()
