"""How far compiled networks are from float64, beside PyTorch at the same precision; docs/performance.md reports it.

    python benchmarks/errors.py [-o FILE] [--networks A,B] [--precisions fp32,bf16] [--examples N] [--batch N]

Prints a table, anew after each network and precision, or writes it to FILE. Weights are fitted to the inputs as
`netdsl bench` does it. Most of the time goes into float64: ResNet-152 takes some two seconds an example on two cores.
"""

import argparse
import sys
from collections.abc import Mapping
from itertools import product
from pathlib import Path
from tempfile import TemporaryDirectory

import netdsl
from netdsl.bench.contestants import CONTESTANTS, OWN, PEERS
from netdsl.bench.errors import Errors
from netdsl.bench.process import started
from netdsl.bench.setting import Setting
from netdsl.bench.workload import Workload
from netdsl.graph.node import ShapedGraph

NETWORKS = "alexnet,vgg16,googlenet,resnet50,resnet152"
NAMES = (PEERS["eager"].name, PEERS["channels-last"].name, PEERS["file"].name, OWN.name)
HEAD = """\
| | | errors of | largest | mean | largest / eager's | mean / eager's | top-1 | where decided |
|---|---|---|--:|--:|--:|--:|--:|--:|
"""


def measured(shaped: ShapedGraph, setting: Setting) -> Mapping[str, Errors]:
    """The errors of each contestant, which has a process of its own."""
    found: dict[str, Errors] = {}
    with TemporaryDirectory(prefix="netdsl-errors-") as name:
        folder = Path(name)
        Workload(shaped, setting, folder).save()
        with started(folder, "workload", setting.threads) as maker:
            threads = maker.ask("make")["threads"]
        for name in NAMES:
            with started(folder, name, threads) as worker:
                worker.ask("prepare")
                found[name] = Errors(**worker.ask("check"))
    return found


def rows(title: str, precision: str, found: Mapping[str, Errors]) -> str:
    """A line of the table for each contestant."""
    eager = found["eager"]
    lines = [
        f"| {title} | {precision} | {CONTESTANTS[name].title} | {one.maximum:.2e} | {one.mean:.2e}"
        f" | {one.maximum / eager.maximum:.2f} | {one.mean / eager.mean:.2f}"
        f" | {one.agree} of {one.count} | {one.decided_agree} of {one.decided} |\n"
        for name, one in found.items()
    ]
    return "".join(lines)


def main() -> None:
    """Measure all, and show what was found after each."""
    parser = argparse.ArgumentParser()
    parser.add_argument("-o", "--output", type=Path)
    parser.add_argument("--networks", default=NETWORKS)
    parser.add_argument("--precisions", default="fp32,bf16")
    parser.add_argument("--examples", type=int, default=1000)
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--threads", type=int)
    asked = parser.parse_args()
    table = HEAD
    for name, precision in product(asked.networks.split(","), asked.precisions.split(",")):
        shaped = netdsl.load(name).shaped
        setting = Setting("cpu", asked.batch, precision, asked.threads, examples=asked.examples)
        found = measured(shaped, setting)
        table += rows(shaped.graph.title, precision, found)
        print(rows(shaped.graph.title, precision, found), end="", flush=True)
        if asked.output is not None:
            asked.output.write_text(table, encoding="utf-8")
        for one in (each for each in found.values() if each.decided_agree < each.decided):
            sys.exit(f"{name}, {precision}: {one.decided - one.decided_agree} answers are wrong where none may be")


if __name__ == "__main__":
    main()
