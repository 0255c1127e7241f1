"""The other end of a worker: starting it, asking it, ending it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Generator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, TypeAlias

from netdsl.bench.run import Unavailable


class Asked(Protocol):
    """What answers the words of netdsl.bench.worker."""

    def ask(self, word: str) -> dict[str, Any]:
        """Its answer. Raises Unavailable where it has none."""
        ...


Start: TypeAlias = Callable[[Path, str, int | None], AbstractContextManager[Asked]]
"""Starts what answers for a contestant, by the workload's folder, its name and its threads."""


@dataclass(frozen=True)
class Worker:
    """A running worker; `log` is what it and its libraries say on stderr."""

    process: subprocess.Popen[str]
    log: Path

    def ask(self, word: str) -> dict[str, Any]:
        """Its answer. Raises Unavailable with its reason where it failed, or ended."""
        stdin, stdout = self.process.stdin, self.process.stdout
        assert stdin is not None
        assert stdout is not None
        try:
            stdin.write(f"{word}\n")
            stdin.flush()
            line = stdout.readline()
        except BrokenPipeError:
            line = ""
        if not line:
            raise Unavailable(self._ending())
        answer = json.loads(line)
        if "failed" in answer:
            raise Unavailable(answer["failed"])
        return answer

    def _ending(self) -> str:
        code = self.process.wait()
        if code == -signal.SIGKILL:
            return "its process was killed, as where memory runs out"
        if code < 0:
            return f"its process was ended by {signal.Signals(-code).name}"
        lines = self.log.read_text(encoding="utf-8", errors="replace").split("\n")
        last = next((line.strip() for line in reversed(lines) if line.strip()), "")
        return f"its process ended with {code}" + f": {last}" * bool(last)


@contextmanager
def started(folder: Path, name: str, threads: int | None) -> Generator[Worker]:
    """A worker for the workload in a folder, ended afterwards."""
    log = folder / f"{name}.log"
    environment = dict(os.environ)
    if threads is not None:
        environment["OMP_NUM_THREADS"] = str(threads)
    command = [sys.executable, "-P", "-m", "netdsl.bench.worker", str(folder), name]
    with log.open("w") as stderr:
        process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=stderr, text=True, env=environment
        )
    try:
        yield Worker(process, log)
    finally:
        process.kill()
        process.communicate()
