"""Compiled files, as commands name them: opened, asked what they take, and run."""

from __future__ import annotations

import math
import sys
from collections.abc import Generator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import click

from netdsl import resources
from netdsl.cli import common
from netdsl.compile.formats import FORMATS, SUFFIXES
from netdsl.runtime import NotCompiledError, UntrustedError
from netdsl.runtime.file import Card, Compiled, opened
from netdsl.train.folder import COMPILED

_WEIGHTS = (".safetensors", ".pth")
_LARGEST = 2**27
"""Numbers of a picture at most, 13,000 x 3,400 x 3: half a gigabyte."""


def compiled_file(file: str, held: ExitStack, command: str, instead: str = "") -> Compiled:
    """A compiled file, or the best of a training in its folder, open as long as it is held, for a command.

    Raises UsageError, which may say what to do with a network `instead` of compiling it.
    """
    path = Path(file)
    trained = path.joinpath(COMPILED).is_file()
    if trained:
        path = path / COMPILED
    found = None if file == "-" or trained else resources.find(file)
    if found is not None and (found != path or path.suffix == ".net"):
        help = instead or f"netdsl compile {file}, and then netdsl {command} {found.stem}.pt"
        if (folder := Path("runs", found.stem)).joinpath(COMPILED).is_file():
            help = f"what was trained of it is in {folder}: netdsl {command} {folder}"
        raise common.UsageError(f"{file} is a network that is not compiled yet", help)
    if (format := SUFFIXES.get(path.suffix, FORMATS["torchscript"])) is not FORMATS["torchscript"]:
        what = f"{file} is for {format.reader}, and not TorchScript"
        raise common.UsageError(what, f"compile it without --format {format.name}")
    try:
        if file == "-":  # it is read from its end, as a pipe cannot be
            path = Path(held.enter_context(TemporaryDirectory()), "stdin.pt")
            path.write_bytes(sys.stdin.buffer.read())
        return held.enter_context(opened(path))
    except NotCompiledError as error:
        error.path = Path(common.STDIN) if file == "-" else path
        help = "netdsl compile makes one: netdsl compile vgg16"
        if path.suffix in _WEIGHTS:
            help = f"weights alone go into their network: netdsl compile FILE --weights {file}"
        if trained:
            help = f"netdsl train --resume {file} makes it anew"
        raise common.UsageError(str(error), help) from None
    except OSError as error:
        network = resources.find(f"{path.stem}.net") if isinstance(error, FileNotFoundError) else None
        help = f"netdsl compile {path.stem} makes one" if network else ""
        if isinstance(error, IsADirectoryError):
            help = f"a folder of a training holds {COMPILED}, which netdsl train writes"
        raise common.UsageError(f"{file}: {error.strerror or error}", help) from None


def picture_dims(file: str, made: Card) -> Sequence[int]:
    """The dims of the only input, height x width x channels. Raises UsageError where no picture fits it."""
    if len(made.inputs) != 1:
        found = f"takes {len(made.inputs)} inputs: {', '.join(made.inputs)}"
    else:
        (dims,) = made.inputs.values()
        if len(dims) == 3 and dims[-1] in (1, 3):
            if math.prod(dims) > _LARGEST:
                raise common.UsageError(f"{file} takes {'x'.join(map(str, dims))}, which is too large for a picture")
            return dims
        found = f"takes {'x'.join(map(str, dims))}"
    help = (
        "one input of height x width and 3 channels, or 1, takes pictures; call others from Python: netdsl.runtime.load"
    )
    raise common.UsageError(f"{file} {found}, and not a picture", help)


def runs(command: common.Command) -> common.Command:
    """Give a command the options that say where and how a compiled file runs: --device, --threads and --trust."""
    for option in (
        click.option(
            "--trust", is_flag=True, help="Run a file whose code may do more than compute: whatever you may do."
        ),
        common.threads,
        click.option("--device", metavar="NAME", help="cpu, cuda or cuda:1; by default what the file is made for."),
    ):
        command = option(command)
    return command


@contextmanager
def running(file: str) -> Generator[None]:
    """What goes wrong where a compiled file, or a network, runs ends in UsageError."""
    try:
        yield
    except UntrustedError as error:
        raise common.UsageError(str(error), "--trust runs it, and lets it do whatever you may") from None
    except NotCompiledError as error:
        raise common.UsageError(str(error)) from None
    except (MemoryError, RuntimeError) as error:
        reason = str(error).strip().splitlines()
        raise common.UsageError(f"{file} does not run: {reason[-1] if reason else 'out of memory'}") from None
