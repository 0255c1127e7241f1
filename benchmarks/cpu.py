"""How fast compiled networks run on a CPU, beside every peer that is installed; docs/performance.md reports it.

    python benchmarks/cpu.py [-o FOLDER] [--networks A,B] [--batches 1,8] [--precisions fp32,bf16] [--runs N]

Writes FOLDER/cpu.json, each comparison as `netdsl bench --format json` gives it, and FOLDER/cpu.md, anew after each
comparison. All of them take an hour or so on two cores; nothing else should run meanwhile.
"""

import argparse
import json
import os
import platform
import statistics
import sys
from collections.abc import Iterator, Sequence
from itertools import product
from pathlib import Path

import netdsl
from netdsl.bench import bench, report
from netdsl.bench.contestant import Unavailable
from netdsl.bench.contestants import PEERS
from netdsl.bench.results import Results
from netdsl.bench.setting import Setting

NETWORKS = "alexnet,vgg16,googlenet,resnet50,resnet152"


def markdown(found: Sequence[Results]) -> str:
    """The machine, a table of milliseconds, ratios to the fastest peer, and each comparison in full."""
    first = found[0]
    versions = ", ".join(f"{name} {version}" for name, version in first.versions.items())
    lines = [
        f"{first.machine.name}, {first.machine.threads} threads, {platform.platform()}, {first.date}; {versions}.",
        "",
        f"| ms | batch | | netdsl | {' | '.join(PEERS)} | fastest peer / netdsl |",
        f"|---|--:|---|{'--:|' * (len(PEERS) + 2)}",
        *map(_row, found),
        "",
    ]
    for precision in dict.fromkeys(one.setting.precision for one in found):
        ratios = [ratio for one in found if one.setting.precision == precision for ratio in _fastest(one)]
        if ratios:
            mean = statistics.geometric_mean(ratios)
            lines.append(f"{precision}: {mean:.2f} in the geometric mean, {min(ratios):.2f} at least.\n")
    return "\n".join([*lines, *(f"{report.markdown(one)}\n" for one in found)])


def _row(results: Results) -> str:
    times = {score.name: report.milliseconds(score.median) for score in results.scores}
    cells = [times.get(name, "–") for name in ("netdsl", *PEERS)]
    ratio = "".join(f"{ratio:.2f}" for ratio in _fastest(results)) or "–"
    setting = results.setting
    return f"| {results.title} | {setting.batch} | {setting.precision} | {' | '.join(cells)} | {ratio} |"


def _fastest(results: Results) -> Iterator[float]:
    """The ratio of the fastest peer, if there is one."""
    peers = [results.ratio(score) for score in results.scores[1:]]
    if peers:
        yield min(peers)


def main() -> None:
    """Run all comparisons, and write what they found after each."""
    parser = argparse.ArgumentParser()
    parser.add_argument("-o", "--output", type=Path, default=Path("build/benchmarks"))
    parser.add_argument("--networks", default=NETWORKS)
    parser.add_argument("--batches", default="1,8")
    parser.add_argument("--precisions", default="fp32,bf16")
    parser.add_argument("--runs", type=int, default=Setting.runs)
    parser.add_argument("--examples", type=int, default=Setting.examples)
    parser.add_argument("--threads", type=int)
    asked = parser.parse_args()
    asked.output.mkdir(parents=True, exist_ok=True)
    found: list[Results] = []
    for precision, batch, name in product(
        asked.precisions.split(","), asked.batches.split(","), asked.networks.split(",")
    ):
        setting = Setting("cpu", int(batch), precision, asked.threads, asked.runs, asked.examples)
        try:
            results = bench(netdsl.load(name).shaped, setting)
        except Unavailable as error:
            print(f"{name}, batch {batch}, {precision}: {error}", file=sys.stderr)
            continue
        found.append(results)
        print(report.text(results), end="\n\n", flush=True)
        data = {"cores": os.cpu_count(), "platform": platform.platform(), "comparisons": [one.data for one in found]}
        (asked.output / "cpu.json").write_text(json.dumps(data, indent=2, ensure_ascii=False), encoding="utf-8")
        (asked.output / "cpu.md").write_text(markdown(found), encoding="utf-8")
    if not found:
        sys.exit("nothing was measured")


if __name__ == "__main__":
    main()
