"""The fuzzer: no program, valid or broken, breaks a law. `make fuzz ARGS='--count 1000000'` tries as many.

Every program is parsed, built, proved, rendered and summarised, and the formatter is held to its laws. Of some, all
stages are printed, and pictures and explanations made. What fails is made smaller and printed.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import resource
import signal
import sys
import time
import traceback
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from random import Random

import fuzz_programs
from fuzz_programs import LIBRARY

from netdsl.cli import emit
from netdsl.draw import PictureWarning, RenderError, Style, dot, draw
from netdsl.explain import explain
from netdsl.graph.build import build
from netdsl.graph.node import ShapedGraph
from netdsl.measure import expect
from netdsl.measure.summary import Summary
from netdsl.optimize import PASSES
from netdsl.text import render, tree
from netdsl.text.diagnostic import Diagnostic, NetError, Report
from netdsl.text.format import format
from netdsl.text.parse import parse
from netdsl.text.source import Source

SECONDS = 2.0
"""What `check` may take of a processor, whatever a text of 100 KB says."""
MEGABYTES = 500
SMALL = 5000  # nodes, up to which a network is summarised
TINY = 150  # up to which it is drawn
SAMPLE = 0.02


class Broken(Exception):
    """A law that does not hold; the text says which."""


@dataclass(frozen=True)
class Failure:
    """A program that broke a law: which one it is, what was broken, and the program made smaller."""

    number: str
    what: str
    text: str

    def __str__(self) -> str:
        return f"--- program {self.number}: {self.what}\n{self.text}\n--- as Python: {self.text!r}\n"


@contextmanager
def limited(seconds: float) -> Iterator[None]:
    """End what takes longer, in time of the processor."""

    def end(*_: object) -> None:
        raise Broken(f"takes more than {seconds} s")

    before = signal.signal(signal.SIGPROF, end)
    signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)


def check(text: str, random: Random) -> bool:
    """Hold a program to all laws; whether it is valid. Raises Broken, or whatever was raised."""
    source = Source(text, LIBRARY.name)
    before = _peak()
    with limited(5 * SECONDS):
        start = time.process_time()
        report = Report()
        shaped = build(source, LIBRARY, report)
        if shaped is not None:
            expect.prove(shaped, report)
        found = report.diagnostics()
        rendered = "".join(map(render.text, found)), render.as_json(found)
        taken = time.process_time() - start
    if taken > SECONDS:
        raise Broken(f"check takes {taken:.1f} s")
    if _peak() > max(MEGABYTES, before):
        raise Broken(f"check takes more than {MEGABYTES} MB")
    if shaped is None and not report.failed and any(isinstance(one, tree.Chain) for one in parsed(source, Report())):
        raise Broken("there is neither a network nor an error")
    for one in found:
        _check_diagnostic(one, rendered[0])
    with limited(10 * SECONDS):
        _check_format(source)
        if shaped is not None and len(shaped.nodes) <= SMALL:
            _check_network(shaped, random)
    return not report.failed


def _peak() -> int:
    """The most memory that the process has had, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


def parsed(source: Source, report: Report) -> tuple[tree.Statement, ...]:
    return parse(source, report).statements


def _check_diagnostic(found: Diagnostic, rendered: str) -> None:
    for span in (found.span, *(one.span for one in found.related), *found.calls):
        if not 0 <= span.start <= span.end <= len(span.source.text):
            raise Broken(f"{found.code} stands at {span.start} to {span.end}")
    if not found.message or f"[{found.code}]" not in rendered:
        raise Broken(f"{found.code} is not told")


def _check_format(source: Source) -> None:
    """The laws of the formatter: the same tree and comments, twice is once, and errors alone keep it from its work."""
    report = Report()
    before = parse(source, report)
    try:
        formatted = format(source)
    except NetError as error:
        if not report.failed or error.diagnostics != tuple(report.diagnostics()):
            raise Broken("fmt finds other errors than check") from None
        return
    if report.failed:
        raise Broken("fmt finds no errors")
    again = Report()
    after = parse(Source(formatted, source.name), again)
    if again.failed or after.statements != before.statements:
        raise Broken("fmt changes what is said")
    if [one.text for one in after.comments] != [one.text for one in before.comments]:
        raise Broken("fmt changes comments")
    if format(Source(formatted, source.name)) != formatted:
        raise Broken("fmt changes what it has written")


def _check_network(shaped: ShapedGraph, random: Random) -> None:
    json.dumps(Summary(shaped).data)
    if len(shaped.nodes) > TINY:
        return
    if random.random() < SAMPLE:
        for stage in ("tree", "graph", "shaped", *PASSES, "optimized"):
            emit.printed(stage, shaped)
    if random.random() < SAMPLE:
        for path in (None, *random.sample(list(shaped.graph.index), min(3, len(shaped.nodes)))):
            explain(shaped, path)
    if random.random() < SAMPLE:
        dot(shaped)
        _drawn(shaped, "columns")
        _drawn(shaped, "volumes")
    if random.random() < SAMPLE / 20:
        _drawn(shaped, "flow")


def _drawn(shaped: ShapedGraph, style: Style) -> None:
    with warnings.catch_warnings(), suppress(RenderError):
        warnings.simplefilter("ignore", PictureWarning)
        draw(shaped, "svg", style=style)


def what(text: str, number: str) -> str:
    """What a program breaks, "" for nothing: a law, or the error and where it was raised."""
    try:
        check(text, Random(number))
    except Broken as broken:
        return str(broken)
    except Exception as error:
        last = traceback.extract_tb(error.__traceback__)[-1]
        return f"{type(error).__name__} in {os.path.basename(last.filename)}, {last.name}: {error}"
    return ""


def _kind(what: str) -> str:
    """What two failures have in common that are of one kind."""
    return what.partition(":")[0].rstrip("0123456789. s")


def attempt(number: str) -> Failure | None:
    """Try the program of a number."""
    text = fuzz_programs.program(Random(number))
    if not (found := what(text, number)):
        return None
    until = time.monotonic() + 60

    def fails(shorter: str) -> bool:
        return time.monotonic() < until and _kind(what(shorter, number)) == _kind(found)

    return Failure(number, found, fuzz_programs.smaller(text, fails))


def _several(numbers: list[str]) -> tuple[int, list[Failure]]:
    found = [failure for number in numbers if (failure := attempt(number))]
    return len(numbers), found


def run(seed: str, first: int, count: int, jobs: int, most: int = 20) -> list[Failure]:
    """Try many programs on several processors, and tell how it goes; one failure of each kind is given."""
    numbers = [f"{seed}:{number}" for number in range(first, first + count)]
    parts = [numbers[at : at + 200] for at in range(0, count, 200)]
    kinds: dict[str, Failure] = {}
    done, start, told = 0, time.monotonic(), 0.0
    with multiprocessing.Pool(jobs, maxtasksperchild=100) as pool:
        for tried, failures in pool.imap_unordered(_several, parts):
            done += tried
            for failure in failures:
                if kinds.setdefault(_kind(failure.what), failure) is failure:
                    _tell(failure)
            seconds = time.monotonic() - start
            if seconds - told > 30 or done == count:
                told = seconds
                rate = done / seconds
                _tell(f"{done:,} programs in {seconds:.0f} s, {rate:.0f} a second, {len(kinds)} kinds of failure")
            if len(kinds) >= most:
                break
    return list(kinds.values())


def _tell(what: object) -> None:
    sys.stdout.write(f"{what}\n")
    sys.stdout.flush()


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description="Try many programs, and print those that break a law.")
    parser.add_argument("--seed", default="0", help="which programs; with a number behind it, as in 0:17, that one")
    parser.add_argument("--first", type=int, default=0, help="the number of the first program")
    parser.add_argument("--count", type=int, default=100_000, help="how many programs")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="how many processors")
    given = parser.parse_args()
    if ":" in given.seed:
        _tell(fuzz_programs.program(Random(given.seed)))
        _tell(attempt(given.seed) or "no law is broken")
        return 0
    return 1 if run(given.seed, given.first, given.count, given.jobs) else 0


if __name__ == "__main__":
    sys.exit(main())
