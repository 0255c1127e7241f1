"""A compiled network beside other ways of running it: times in alternation, errors, share of the machine's limit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from tempfile import TemporaryDirectory

from netdsl.bench import limit
from netdsl.bench.contestants import OWN, PEERS
from netdsl.bench.errors import Errors
from netdsl.bench.machine import Machine, faster
from netdsl.bench.process import Asked, Start, started
from netdsl.bench.results import Results, Score
from netdsl.bench.run import Unavailable
from netdsl.bench.setting import Setting
from netdsl.bench.workload import Workload
from netdsl.compile.progress import Progress, silent
from netdsl.graph.node import ShapedGraph
from netdsl.measure.summary import Summary

_PACKAGES = ("netdsl", "torch", "onnxruntime", "openvino")


def bench(
    shaped: ShapedGraph,
    setting: Setting,
    against: Sequence[str] = tuple(PEERS),
    *,
    start: Start = started,
    progress: Progress = silent,
) -> Results:
    """Run a network by netdsl's file and by peers, which are named as in PEERS.

    Each has a process of its own, unless `start` is another way, and only one of them computes at a time. Raises
    Unavailable where netdsl's own file, or the device, cannot be had; a peer that cannot is left out, and the results
    say why.
    """
    contestants = [OWN, *(PEERS[name] for name in against)]
    left_out: dict[str, str] = {}
    with TemporaryDirectory(prefix="netdsl-bench-", ignore_cleanup_errors=True) as name, ExitStack() as stack:
        folder = Path(name)
        Workload(shaped, setting, folder).save()
        progress("weights, inputs, float64", 0, len(contestants) + 1)
        maker = stack.enter_context(start(folder, "workload", setting.threads))
        made = maker.ask("make")
        workers: dict[str, Asked] = {}
        ready: dict[str, tuple[float, Errors]] = {}
        for done, one in enumerate(contestants):
            progress(f"preparing {one.name}", done + 1, len(contestants) + 1)
            reason = one.hindrance(setting.device, setting.precision)
            try:
                if reason is not None:
                    raise Unavailable(reason)
                process = stack.enter_context(start(folder, one.name, made["threads"]))
                seconds = float(process.ask("prepare")["seconds"])
                ready[one.name] = seconds, Errors(**process.ask("check"))
                workers[one.name] = process
            except Unavailable as error:
                if one is OWN:
                    raise
                left_out[one.name] = str(error)
        times, machine = alternated(workers, maker, setting.runs, left_out, progress)
    scores = [Score(one.name, one.title, times[one.name], *ready[one.name]) for one in contestants if one.name in times]
    return Results(
        shaped.graph.title,
        shaped.graph.source.name,
        setting,
        machine,
        limit.seconds(Summary(shaped, setting.batch, setting.precision), machine),
        scores,
        left_out,
        made["float32"],
        _versions(),
        datetime.now(UTC).strftime("%Y-%m-%d"),
    )


def alternated(
    workers: Mapping[str, Asked],
    maker: Asked,
    rounds: int,
    left_out: dict[str, str],
    progress: Progress = silent,
) -> tuple[dict[str, list[float]], Machine]:
    """The seconds of a call of each worker, in each round, and the best rates of the machine in any round.

    Each round begins with the next worker, and every second turn of them goes backwards, so that none is always
    first, or always after the same one. A worker that fails goes, and `left_out` gets the reason.
    """
    times: dict[str, list[float]] = {name: [] for name in workers}
    machine = Machine(**maker.ask("measure"))
    for number in range(rounds):
        progress("timing", number, rounds)
        for name in _order(list(times), number):
            try:
                times[name].append(float(workers[name].ask("time")["seconds"]))
            except Unavailable as error:
                if name == OWN.name:
                    raise
                left_out[name] = str(error)
                del times[name]
        machine = faster(machine, Machine(**maker.ask("measure")))
    return times, machine


def _order(names: list[str], number: int) -> list[str]:
    turn, first = divmod(number, max(1, len(names)))
    order = names[first:] + names[:first]
    return order[::-1] if turn % 2 else order


def _versions() -> dict[str, str]:
    found: dict[str, str] = {}
    for package in _PACKAGES:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return found
