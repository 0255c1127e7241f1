"""The programs that lay graphs out: the `dot` on PATH, and graphviz-pure, which pip brought along.

Neither is trusted to end, to write what it was asked for, or to write it in bounds: what does not is stopped.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import xml.etree.ElementTree as ElementTree
from io import BufferedReader
from pathlib import Path
from typing import Any, cast

from netdsl.text import safe
from netdsl.text.fit import clipped

CARRIED = "graphviz-pure"

PATIENCE = 30.0
"""Seconds for the `dot` on PATH, after which the other lays the graph out."""

LONGEST = 300.0
"""Seconds for that."""

LARGEST = 1 << 28
"""Bytes that a picture may have."""

_LATE = 5.0
"""Seconds in which what a program wrote has been read, once it has ended."""

_HEARD = 1 << 16
"""Bytes of complaints that are kept."""

_SVG = "{http://www.w3.org/2000/svg}"


class RenderError(Exception):
    """Why there is no picture, and what to do about it, in words for the user."""


def installed(dot: str) -> bytes | None:
    """The SVG that the `dot` on PATH makes of a graph; None where there is no such program."""
    if shutil.which("dot") is None:
        return None  # before the library is loaded, which takes half as long as a small graph's layout
    from graphviz.backend import dot_command  # pyright: ignore[reportMissingTypeStubs] - whose own run has no limits

    words = cast("list[object]", cast(Any, dot_command).command("dot", "svg"))
    return _made("dot", [str(word) for word in words], dot, PATIENCE)


def carried(dot: str) -> bytes | None:
    """The SVG that graphviz-pure makes of a graph; None where it is not installed."""
    program = _program()
    return None if program is None else _made(CARRIED, [program, "-Tsvg"], dot, LONGEST)


def _program() -> str | None:
    """Where pip put graphviz-pure: beside python, mostly, and that folder need not be on PATH."""
    beside = shutil.which(CARRIED, path=str(Path(sys.executable).parent))
    if beside is not None:
        return beside
    from importlib import metadata

    try:
        files = metadata.files(CARRIED) or []
    except metadata.PackageNotFoundError:
        files = []
    for file in files:
        path = Path(str(file.locate()))
        if file.stem == CARRIED and path.is_file():
            return str(path)
    return shutil.which(CARRIED)


def _made(name: str, command: list[str], dot: str, seconds: float) -> bytes:
    """What a program makes of a graph. Raises RenderError where that is no SVG."""
    if not dot.strip():
        raise RenderError("Graphviz drew nothing: the graph's text is empty")
    try:
        status, data, said = _run(command, dot.encode(), seconds)
    except TimeoutError:
        raise RenderError(f"{name} did not draw the graph within {seconds:g} s, and was stopped") from None
    except OSError as error:
        raise RenderError(f"{name} cannot be run: {error}") from None
    if len(data) > LARGEST:
        raise RenderError(f"{name} wrote more than {LARGEST >> 20} MiB for the graph, and was stopped")
    if status < 0:
        raise RenderError(f"{name} could not draw the graph: it was ended by {_signal(-status)}")
    if status:
        raise RenderError(_reason(name, said))
    if not _drawn(data):
        raise RenderError(f"{name} could not draw the graph: what it wrote is no svg")
    return data


def _run(command: list[str], given: bytes, seconds: float) -> tuple[int, bytes, bytes]:
    """A program's exit status, output and complaints. It is ended, and what it has started, where it goes on too long.

    Raises TimeoutError where it does, OSError where it cannot be started.
    """
    with tempfile.TemporaryFile() as text:
        text.write(given)
        text.seek(0)
        process = subprocess.Popen(
            command, stdin=text, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True
        )
    data, said = bytearray(), bytearray()

    def gather(pipe: BufferedReader, into: bytearray, most: int) -> None:
        with pipe:
            while piece := pipe.read1(_HEARD):
                into.extend(piece[: most - len(into)])
                if len(into) > LARGEST:
                    _end(process)

    pipes = [(process.stdout, data, LARGEST + 1), (process.stderr, said, _HEARD)]
    ears = [threading.Thread(target=gather, args=each, daemon=True) for each in pipes]
    for ear in ears:
        ear.start()
    try:
        status = process.wait(seconds)
    except subprocess.TimeoutExpired:
        raise TimeoutError from None
    finally:
        _end(process)
        process.wait()
    for ear in ears:
        ear.join(_LATE)
    if ears[0].is_alive():  # what it started goes on, where it cannot be ended with it, and may write
        raise TimeoutError
    return status, bytes(data), bytes(said)


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a program that goes on, and what it has started."""
    if process.returncode is not None:
        return
    try:
        if sys.platform == "win32":
            process.kill()
        else:
            os.killpg(process.pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):  # it has just ended
        pass


def _signal(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def _reason(program: str, stderr: bytes) -> str:
    """The line of a program's complaints that says what went wrong, warnings being many."""
    lines = [line.strip() for line in stderr.decode("utf-8", "replace").splitlines() if line.strip()]
    errors = [line for line in lines if "error" in line.lower()]
    said = (errors or lines or ["it gave no reason"])[0]
    return f"{program} could not draw the graph: {clipped(safe.line(said), 200)}"


def _drawn(data: bytes) -> bool:
    """Whether data are an SVG as Graphviz writes it."""
    try:
        root = ElementTree.fromstring(data.decode())
    except (ElementTree.ParseError, ValueError):
        return False
    graph = root.find(f"{_SVG}g[@class='graph']")
    return root.tag == f"{_SVG}svg" and graph is not None and graph.find(f"{_SVG}polygon") is not None
