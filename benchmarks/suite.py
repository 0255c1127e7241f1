"""Several comparisons as one page of Markdown and one text of JSON."""

from __future__ import annotations

import json
import os
import platform
import statistics
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from netdsl.bench import report
from netdsl.bench.contestants import PEERS
from netdsl.bench.results import Results

NETWORKS = ("alexnet", "vgg16", "googlenet", "resnet50", "resnet152")
"""Those that docs/performance.md reports."""


def write(path: Path, found: Sequence[Results], notes: Sequence[str] = (), **data: object) -> None:
    """Write comparisons to `path` with .json and .md, with sentences and data beside them."""
    path.parent.mkdir(parents=True, exist_ok=True)
    whole: Mapping[str, object] = {
        "cores": os.cpu_count(),
        "platform": platform.platform(),
        "comparisons": [one.data for one in found],
        "notes": list(notes),
        **data,
    }
    text = json.dumps(whole, indent=2, ensure_ascii=False)
    path.with_suffix(".json").write_text(text, encoding="utf-8")
    path.with_suffix(".md").write_text(markdown(found, notes), encoding="utf-8")


def markdown(found: Sequence[Results], notes: Sequence[str] = ()) -> str:
    """The machine, a table of milliseconds, ratios to the fastest peer, sentences, and each comparison in full."""
    first = found[0]
    versions = ", ".join(f"{name} {version}" for name, version in first.versions.items())
    threads = f", {first.machine.threads} threads" if first.setting.device == "cpu" else ""
    peers = [name for name in PEERS if any(score.name == name for one in found for score in one.scores)]
    lines = [
        f"{first.machine.name}{threads}, {platform.platform()}, {first.date}; {versions}.",
        "",
        f"| ms | batch | | {' | '.join(['netdsl', *peers])} | fastest peer / netdsl | share |",
        f"|---|--:|---|{'--:|' * (len(peers) + 3)}",
        *(_row(one, peers) for one in found),
        "",
    ]
    for precision in dict.fromkeys(one.setting.precision for one in found):
        ratios = [ratio for one in found if one.setting.precision == precision for ratio in fastest(one)]
        if ratios:
            mean = statistics.geometric_mean(ratios)
            lines.append(f"{precision}: {mean:.2f} in the geometric mean, {min(ratios):.2f} at least.\n")
    lines += [f"{note}\n" for note in notes]
    return "\n".join([*lines, *(f"{report.markdown(one)}\n" for one in found)])


def fastest(results: Results) -> Iterator[float]:
    """The ratio of the fastest peer, if there is one; netdsl's own file by torch.jit.load is none."""
    peers = [results.ratio(score) for score in results.scores[1:] if score.name != "file"]
    if peers:
        yield min(peers)


def _row(results: Results, peers: Sequence[str]) -> str:
    times = {score.name: report.milliseconds(score.median) for score in results.scores}
    cells = [times.get(name, "–") for name in ("netdsl", *peers)]
    ratio = "".join(f"{ratio:.2f}" for ratio in fastest(results)) or "–"
    share, setting = results.share(results.scores[0]), results.setting
    cells += [ratio, "–" if share is None else f"{share:.0%}"]
    return f"| {results.title} | {setting.batch} | {setting.precision} | {' | '.join(cells)} |"
