"""The fuzzer of importers: no file of a stranger, however damaged, ends in anything but diagnostics or a program.

    python tests/fuzz_imports.py --count 10000

Each file is read, made a graph, recovered as a program and its weights taken, in a process of its own that is ended
where it takes too long. What breaks a law is kept with `--keep FOLDER`, with as little damage as breaks it.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import re
import sys
import time
import traceback
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from foreign_mutants import mutant
from foreign_seeds import Seed, seeds
from fuzz import Broken, limited

from netdsl.interchange import entry
from netdsl.interchange.flat import Flat, ForeignError
from netdsl.text import render

SUFFIXES = (".prototxt", ".cfg", ".onnx", ".pt2")
SECONDS = 2.0
"""What a file under 1 MB may take of a processor."""
MEGABYTES = 400
"""What it may take of memory, beyond what Python and its libraries take, which are some 100."""
_HANGS = 60.0
_SAID = re.compile(r"[^\S\n ]|[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")
"""What neither a diagnostic nor a program may bring to a terminal."""


@dataclass(frozen=True)
class Outcome:
    """What became of a file: `network`, `diagnostic`, or the law that it broke."""

    number: str
    seed: str
    what: str
    seconds: float = 0.0
    megabytes: float = 0.0

    @property
    def broken(self) -> bool:
        return self.what not in ("network", "diagnostic")

    @property
    def kind(self) -> str:
        """What two failures have in common that are of one kind."""
        return self.what.partition(":")[0].rstrip("0123456789. s")


def taken(path: Path, inputs: Mapping[str, tuple[int, ...]]) -> str:
    """Take a file in, and hold what comes of it against the laws. Raises Broken, or whatever was raised."""
    try:
        flat = entry.read(path, inputs=inputs)
    except ForeignError as error:
        _told(error)
        if error.partial is not None:
            _network(error.partial)
        return "diagnostic"
    return _network(flat)


def _told(error: ForeignError) -> None:
    if not error.diagnostics:
        raise Broken("an error without a diagnostic")
    for one in error.diagnostics:
        text = render.text(one)
        if not one.message or f"[{one.code}]" not in text:
            raise Broken(f"{one.code} is not told")
        if found := _SAID.search(text):
            raise Broken(f"a diagnostic holds {found.group()!r}: {text!r}")
    render.as_json(error.diagnostics)


def _network(flat: Flat) -> str:
    """A network that was read has a program, which is its own, and weights that fit."""
    try:
        found = entry.imported(flat)
    except ForeignError as error:
        _told(error)
        if any(one.code == "expectation-failed" or one.span.source.name == "network.net" for one in error.diagnostics):
            raise Broken(f"there is no program of what was read: {error.diagnostics[0].message}") from None
        return "diagnostic"
    if said := _SAID.search(found.text):
        raise Broken(f"a program holds {said.group()!r}")
    if any(_SAID.search(note) or "\n" in note for note in flat.notes):
        raise Broken("a note holds signs that are none")
    inputs = {node.path: [found.shaped.shapes[one] for one in node.inputs] for node in found.shaped.nodes}
    if left := [item.name for item in flat.items if item.weights and item.name not in found.paths]:
        raise Broken(f"weights of no layer: {left[0]}")
    for item in flat.items:
        shapes = inputs[found.paths[item.name]] if item.weights else []
        wanted = {one.name: one.dims for one in item.layer.weights(*shapes)} if item.weights else {}
        for role, value in item.weights.items():
            if value.dtype != np.float32 or value.shape != wanted.get(role, value.shape):
                raise Broken(f"{item.layer.keyword} has a {role} of {value.shape}, not {wanted[role]}")
    return "network"


def what(path: Path, inputs: Mapping[str, tuple[int, ...]]) -> tuple[str, float, float]:
    """The outcome of a file, and what it took."""
    before = _memory("VmRSS")
    _forget()
    start = time.process_time()
    try:
        with limited(10 * SECONDS):
            found = taken(path, inputs)
    except Broken as broken:
        found = str(broken)
    except Exception as error:
        frames = traceback.extract_tb(error.__traceback__)
        last = next((one for one in reversed(frames) if f"{os.sep}netdsl{os.sep}" in one.filename), frames[-1])
        name = "/".join(Path(last.filename).parts[-2:])
        found = f"{type(error).__name__} in {name}, {last.name}: {error}"
    seconds, megabytes = time.process_time() - start, _memory("VmHWM") - before
    if not _is_broken(found):
        if seconds > SECONDS:
            found = f"takes too long: {seconds:.1f} s"
        elif megabytes > MEGABYTES:
            found = f"takes too much: {megabytes:.0f} MB"
    return found, seconds, megabytes


def tried(seed: Seed, files: Mapping[str, bytes], folder: Path) -> tuple[str, float, float]:
    """The outcome of the files of a network, which are written into a folder of their own, and what they took."""
    written(files, folder)
    return what(folder / f"net{seed.suffix}", seed.inputs)


def _is_broken(found: str) -> bool:
    return found not in ("network", "diagnostic")


def _memory(key: str) -> float:
    """What the process has in memory, or has had at most, in MB; 0 where nothing says so."""
    try:
        text = Path("/proc/self/status").read_text()
    except OSError:
        return 0.0
    found = re.search(rf"^{key}:\s+(\d+) kB", text, re.MULTILINE)
    return int(found[1]) / 1024 if found else 0.0


def _forget() -> None:
    """Let the most that the process has had in memory be what it has now, where the system can."""
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        return


def written(files: Mapping[str, bytes], folder: Path) -> None:
    """The files of a network in a folder of their own."""
    for old in folder.iterdir():
        old.unlink()
    for suffix, data in files.items():
        (folder / f"net{suffix}").write_bytes(data)


def _work(pipe: Any, given: list[Seed]) -> None:
    """Try what is asked for, in a process of its own."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        for seed in given:  # so that imports and tables count for none
            tried(seed, seed.files, folder)
        pipe.send("ready")
        while (number := pipe.recv()) is not None:
            pipe.send(tried(*attempt(number, given), folder))


def attempt(number: str, given: list[Seed]) -> tuple[Seed, dict[str, bytes]]:
    """The mutant of a number: of which network, and its files."""
    seed = chosen(number, given)
    return seed, mutant(seed, Random(number))


def chosen(number: str, given: list[Seed]) -> Seed:
    """The network of a number."""
    random = Random(f"{number} of")
    suffix = random.choice(sorted({one.suffix for one in given}))
    return random.choice([one for one in given if one.suffix == suffix])


class _Worker:
    """A process that tries one file after another; a new one where it ended."""

    def __init__(self, given: list[Seed]) -> None:
        self.given = given
        self.process: Any = None

    def tried(self, number: str) -> tuple[str, float, float]:
        if self.process is None:
            context = multiprocessing.get_context("spawn")
            self.pipe, other = context.Pipe()
            self.process = context.Process(target=_work, args=(other, self.given), daemon=True)
            self.process.start()
            other.close()
            self.pipe.recv()
        self.pipe.send(number)
        try:
            if self.pipe.poll(_HANGS):
                return self.pipe.recv()
            found = "hangs"
        except EOFError:
            self.process.join()
            found = f"ends the process: {self.process.exitcode}"
        self.process.kill()
        self.process = None
        return found, _HANGS, 0.0

    def end(self) -> None:
        if self.process is not None:
            self.pipe.send(None)
            self.process.join()


def run(numbers: list[str], given: list[Seed]) -> Iterator[Outcome]:
    """Try many mutants."""
    worker = _Worker(given)
    try:
        for number in numbers:
            found, seconds, megabytes = worker.tried(number)
            seed = chosen(number, given)
            yield Outcome(number, f"{seed.name}{seed.suffix}", found, seconds, megabytes)
    finally:
        worker.end()


def _tell(what: object) -> None:
    sys.stdout.write(f"{what}\n")
    sys.stdout.flush()


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description="Damage files of other formats, and print those that break a law.")
    parser.add_argument("--seed", default="0", help="which mutants; with a number behind it, as in 0:17, that one")
    parser.add_argument("--first", type=int, default=0, help="the number of the first")
    parser.add_argument("--count", type=int, default=1000, help="how many")
    parser.add_argument("--only", choices=SUFFIXES, action="append", help="files of this kind alone")
    parser.add_argument("--keep", type=Path, help="a folder for the files that break a law")
    given = parser.parse_args()
    found = seeds(*(given.only or SUFFIXES))
    numbers = [f"{given.seed}:{number}" for number in range(given.first, given.first + given.count)]
    kinds: dict[str, Outcome] = {}
    counts: Counter[tuple[str, str]] = Counter()
    slowest = largest = Outcome("", "", "")
    start = time.monotonic()
    for done, one in enumerate(run([given.seed] if ":" in given.seed else numbers, found), 1):
        counts[os.path.splitext(one.seed)[1], "broken" if one.broken else one.what] += 1
        slowest, largest = max(slowest, one, key=_seconds), max(largest, one, key=_megabytes)
        if one.broken and kinds.setdefault(one.kind, one) is one:
            _tell(f"--- {one.number} of {one.seed}: {one.what}")
            if given.keep:
                (folder := given.keep / one.number.replace(":", "_")).mkdir(parents=True, exist_ok=True)
                written(attempt(one.number, found)[1], folder)
        if done % 500 == 0:
            _tell(f"{done:,} files in {time.monotonic() - start:.0f} s, {len(kinds)} kinds of failure")
    for (suffix, what), count in sorted(counts.items()):
        _tell(f"{suffix:10} {what:10} {count:6,}")
    _tell(f"slowest: {slowest.seconds:.2f} s, {slowest.number} of {slowest.seed}")
    _tell(f"largest: {largest.megabytes:.0f} MB, {largest.number} of {largest.seed}")
    return 1 if kinds else 0


def _seconds(one: Outcome) -> float:
    return one.seconds


def _megabytes(one: Outcome) -> float:
    return one.megabytes


if __name__ == "__main__":
    sys.exit(main())
