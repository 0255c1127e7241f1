"""How fast pictures are made: `netdsl draw NET -o x.svg` beside Graphviz alone on the DOT that netdsl wrote for it.

    python benchmarks/drawing.py [RUNS]

Alternating, medians, for all bundled networks, and ResNet-152 with all its copies: with the Graphviz that came with
netdsl, and with the `dot` on PATH where there is one. First whole processes, in processor seconds, each of which must
take under a second; what Python takes to start and to import netdsl is longer than three times the layout of a small
network. Then the drawing itself, `Network.draw()` of a network that is loaded, in seconds by the clock, beside a
process of Graphviz: at most three times as long.
"""

from __future__ import annotations

import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import netdsl
from netdsl import resources

NETDSL = [sys.executable, "-m", "netdsl"]
MOST = 3.0
"""How many times as long as Graphviz a drawing may take."""


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


def within(runs: int, environment: Mapping[str, str], program: str, network: str, expand: bool) -> tuple[float, float]:
    """The medians of drawing a loaded network, and of a process of Graphviz on its DOT, by the clock."""
    loaded = netdsl.load(network)
    text = loaded.draw(format="dot", expand=expand)
    found: tuple[list[float], list[float]] = ([], [])
    before = os.environ["PATH"]
    os.environ["PATH"] = environment["PATH"]
    try:
        for run in range(2 * runs + 1):
            start = time.perf_counter()
            loaded.draw(expand=expand)
            middle = time.perf_counter()
            subprocess.run([program, "-Tsvg"], input=text, capture_output=True, check=True)
            if run:
                found[0].append(middle - start)
                found[1].append(time.perf_counter() - middle)
    finally:
        os.environ["PATH"] = before
    return statistics.median(found[0]), statistics.median(found[1])


def main() -> None:
    """Measure all of it."""
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    drawn = [[path.stem] for path in resources.bundled()] + [["resnet152", "--expand"]]
    with tempfile.TemporaryDirectory() as name:
        picture, text = str(Path(name, "x.svg")), str(Path(name, "x.dot"))
        for engine, program, environment in engines(name):
            print(f"{'':<22} {'process':>9} {'Graphviz':>9} {'ratio':>6} {'drawing':>10} {'Graphviz':>9} {'ratio':>6}")
            slow: list[str] = []
            over: list[str] = []
            for options in drawn:
                draw = [*NETDSL, "draw", *options, "-o"]
                seconds([*draw, text], environment)
                whole, alone = alternate(runs, environment, [*draw, picture], [program, "-Tsvg", text, "-o", picture])
                inside, engine_alone = within(runs, environment, program, options[0], "--expand" in options)
                title = " ".join(options)
                slow += [title] * (whole >= 1)
                over += [title] * (inside > MOST * engine_alone)
                print(
                    f"{title:<22} {1000 * whole:6.0f} ms {1000 * alone:6.0f} ms {whole / alone:6.1f}"
                    f" {1000 * inside:7.0f} ms {1000 * engine_alone:6.0f} ms {inside / engine_alone:6.2f}"
                )
            print(f"{engine}: a process of a second or more: {', '.join(slow) or 'none'}")
            print(f"{engine}: drawing over {MOST:g} times Graphviz: {', '.join(over) or 'none'}\n")


if __name__ == "__main__":
    main()
