"""How fast compiled networks run on a CPU, beside every peer that is installed; docs/performance.md reports it.

    python benchmarks/cpu.py [-o FOLDER] [--networks A,B] [--batches 1,8] [--precisions fp32,bf16] [--runs N]
        [--against A,B]

Writes FOLDER/cpu.json, each comparison as `netdsl bench --format json` gives it, and FOLDER/cpu.md, anew after each
comparison. All of them take an hour or so on two cores; nothing else should run meanwhile.
"""

import argparse
import sys
from itertools import product
from pathlib import Path

import suite

import netdsl
from netdsl.bench import bench, report
from netdsl.bench.contestants import PEERS
from netdsl.bench.results import Results
from netdsl.bench.run import Unavailable
from netdsl.bench.setting import Setting


def main() -> None:
    """Run all comparisons, and write what they found after each."""
    parser = argparse.ArgumentParser()
    parser.add_argument("-o", "--output", type=Path, default=Path("build/benchmarks"))
    parser.add_argument("--networks", default=",".join(suite.NETWORKS))
    parser.add_argument("--batches", default="1,8")
    parser.add_argument("--precisions", default="fp32,bf16")
    parser.add_argument("--runs", type=int, default=Setting.runs)
    parser.add_argument("--examples", type=int, default=Setting.examples)
    parser.add_argument("--against", default=",".join(PEERS))
    parser.add_argument("--threads", type=int)
    asked = parser.parse_args()
    found: list[Results] = []
    for precision, batch, name in product(
        asked.precisions.split(","), asked.batches.split(","), asked.networks.split(",")
    ):
        setting = Setting("cpu", int(batch), precision, asked.threads, asked.runs, asked.examples)
        try:
            results = bench(netdsl.load(name).shaped, setting, asked.against.split(","))
        except Unavailable as error:
            print(f"{name}, batch {batch}, {precision}: {error}", file=sys.stderr)
            continue
        found.append(results)
        print(report.text(results), end="\n\n", flush=True)
        suite.write(asked.output / "cpu", found)
    if not found:
        sys.exit("nothing was measured")


if __name__ == "__main__":
    main()
