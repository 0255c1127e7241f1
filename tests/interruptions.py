"""Run by test_files.py, with interrupt.c preloaded: ends commands at calls that write, and looks at what is left.

Each run is a fork of this process. What is wrong goes to stdout, a line each, and then how many runs there were.
"""

from __future__ import annotations

import ctypes
import errno
import os
import shutil
import signal
import sys
import traceback
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch  # noqa: F401 - once for all forks

from netdsl.cli import compile, draw, fmt, main, transform  # noqa: F401

NET = 'network   "x"\nINPUT 4x4x1 ->   CONV 2 3 -> FC 3\n'
WAYS = (signal.SIGKILL, signal.SIGINT, -errno.ENOSPC, -errno.EIO)


@dataclass(frozen=True, eq=False)
class Case:
    """A command, and the files that it writes in a folder that holds `net.net` and some of before."""

    command: Sequence[str]
    written: Sequence[str]
    before: Mapping[str, str]
    ends: Sequence[int] = ()
    """How it may end besides where a call fails."""


TORCH = (-signal.SIGABRT,)  # whose writer ends the process; a disk that is merely full is met before it begins
CASES = (
    Case(("draw", "net.net", "-o", "new.svg"), ("new.svg",), {}),
    Case(("draw", "net.net", "-o", "old.svg"), ("old.svg",), {"old.svg": "old"}),
    Case(("fmt", "net.net"), ("net.net",), {}),
    Case(("transform", "--convolutional", "net.net", "-o", "out.net"), ("out.net",), {"out.net": "old"}),
    Case(("compile", "net.net", "-o", "new.pt"), ("new.pt",), {}, TORCH),
    Case(("compile", "net.net", "-o", "old.pt"), ("old.pt",), {"old.pt": "old"}, TORCH),
)


def run(case: Case, folder: Path, at: int, way: int) -> tuple[int, int]:
    """Run a command in a fork whose `at`-th call that writes is interrupted; gives how it ended, and the calls made."""
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        library = ctypes.CDLL(None)
        os.chdir(folder)
        handle = os.open(os.devnull if at == 0 else folder.parent / "stderr", os.O_RDWR | os.O_CREAT | os.O_TRUNC)
        for stream in (1, 2):
            os.dup2(handle, stream)
        sys.argv = ["netdsl", *case.command]
        library.interrupt_at(ctypes.c_long(at or 2**31), way)
        status = 0
        try:
            main.main()
        except SystemExit as end:
            status = end.code if isinstance(end.code, int) else 0
        except BaseException:
            traceback.print_exc()
            sys.stderr.flush()
            status = 99
        finally:
            calls = library.interrupted()
            library.interrupt_at(ctypes.c_long(0), way)
            os.write(writing, str(calls).encode())
            os._exit(status)
    os.close(writing)
    with os.fdopen(reading) as file:
        told = file.read()
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), int(told or 0)


def lay(case: Case, folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    for name, text in {"net.net": NET, **case.before}.items():
        (folder / name).write_text(text)


def contents(folder: Path) -> dict[str, bytes]:
    return {one.name: one.read_bytes() for one in folder.iterdir()}


def complaints(case: Case, folder: Path, at: int, way: int) -> list[str]:
    """What is wrong after an interruption."""
    lay(case, folder)
    old = contents(folder)
    status, _ = run(case, folder, at, way)
    left = contents(folder)
    whole = [left.get(name) in (old.get(name), WHOLE[case][name]) for name in case.written]
    found: list[str] = [] if all(whole) else ["a file is neither old nor new"]
    if any(left.get(name) != data for name, data in old.items() if name not in case.written):
        found.append("another file has changed")
    further = left.keys() - old.keys() - set(case.written)
    if further and way == signal.SIGKILL:  # the moment in which a file without a name takes another's place
        run(case, folder, 0, way)
        if contents(folder).keys() != old.keys() | set(case.written):
            found.append(f"left behind for ever: {further}")
    elif further:
        found.append(f"left behind: {further}")
    expected = {int(signal.SIGKILL): {-9}, int(signal.SIGINT): {130, 0}}
    if status not in expected.get(way, {0, 2, *case.ends}):
        found.append(f"ended with {status}: {(folder.parent / 'stderr').read_text()[-600:]}")
    return found


WHOLE: dict[Case, dict[str, bytes]] = {}


def campaign(place: Path, step: int) -> int:
    """Interrupt each case at every `step`-th call, in every way; gives the number of interruptions."""
    runs = 0
    for number, case in enumerate(CASES):
        folder = place / f"case{number}"
        lay(case, folder)
        _, calls = run(case, folder, 0, 0)
        WHOLE[case] = {name: data for name, data in contents(folder).items() if name in case.written}
        assert calls, "nothing is counted"
        few = 1 if calls < 20 else step
        for turn, way in enumerate(WAYS):
            for at in range(1 + turn % few, calls + 1, few):
                runs += 1
                for complaint in complaints(case, folder, at, way):
                    sys.stdout.write(f"{' '.join(case.command)}, call {at} of {calls}, {way}: {complaint}\n")
    return runs


if __name__ == "__main__":
    sys.stdout.write(f"{campaign(Path(sys.argv[1]), int(sys.argv[2]))}\n")
