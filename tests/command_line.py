"""netdsl's command line as the tests run it: within their own process, where no second is spent on beginning."""

from __future__ import annotations

import io
import os
import shlex
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import NamedTuple
from unittest.mock import patch

from netdsl.cli.main import main

ROOT = Path(__file__).parent.parent


class Ended(NamedTuple):
    """How a command ended, and what it printed."""

    status: int
    out: str
    err: str


def run(*arguments: str, stdin: bytes = b"") -> Ended:
    """Run netdsl in the current folder. What it changes of the environment, PyTorch's threads too, is put back."""
    out, err = _stream(), _stream()
    threads = _threads()
    with (
        patch("sys.argv", ["netdsl", *arguments]),
        patch("sys.stdin", _stream(stdin)),
        patch.dict(os.environ),
        redirect_stdout(out),
        redirect_stderr(err),
    ):
        try:
            main()
            status = 0
        except SystemExit as end:
            status = end.code if isinstance(end.code, int) else 0 if end.code is None else 1
    if threads is not None and threads != _threads():
        sys.modules["torch"].set_num_threads(threads)
    return Ended(status, _written(out), _written(err))


def alone(*arguments: str, folder: Path | None = None, **environment: str) -> Ended:
    """Run netdsl in a process of its own, as the one of this tree, from any folder."""
    command = [sys.executable, "-W", "error", "-m", "netdsl", *arguments]
    done = subprocess.run(
        command,
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    return Ended(done.returncode, done.stdout, done.stderr)


def shell(script: str) -> Ended:
    """Run a script of the shell, in which `netdsl` is the one of this tree."""
    path, python = shlex.quote(str(ROOT)), shlex.quote(sys.executable)
    command = f'netdsl() {{ PYTHONPATH={path} {python} -W error -m netdsl "$@"; }}\n{script}'
    done = subprocess.run(["sh", "-c", command], capture_output=True, encoding="utf-8", check=False)
    return Ended(done.returncode, done.stdout, done.stderr)


def _stream(content: bytes = b"") -> io.TextIOWrapper:
    return io.TextIOWrapper(io.BytesIO(content), encoding="utf-8", write_through=True)


def _written(stream: io.TextIOWrapper) -> str:
    """What was written to a stream."""
    buffer = stream.buffer
    assert isinstance(buffer, io.BytesIO)
    return buffer.getvalue().decode("utf-8")


def _threads() -> int | None:
    """How many threads PyTorch computes with, where it is loaded."""
    torch = sys.modules.get("torch")
    return None if torch is None else torch.get_num_threads()
