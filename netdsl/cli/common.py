"""What the commands share: naming a network, overriding it, and saying what is wrong with it."""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Callable, Generator, Iterable, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import cached_property, wraps
from pathlib import Path
from typing import Any, NoReturn, TypeVar, cast

import click

from netdsl import files, resources
from netdsl.cli import stream
from netdsl.graph.build import OverrideError, Overrides, build, dims
from netdsl.graph.node import ShapedGraph
from netdsl.graph.program import MAX_BYTES, UnreadableFile, decode, read
from netdsl.graph.size import LIMIT
from netdsl.layers.arguments import Value
from netdsl.text import render, safe
from netdsl.text.diagnostic import Diagnostic, Report
from netdsl.text.fit import wrapped
from netdsl.text.parse import literal
from netdsl.text.source import Source
from netdsl.text.source import stem as stem_of
from netdsl.text.suggest import did_you_mean

STDIN = "<stdin>"
"""What messages call stdin, which `-` names."""

Command = TypeVar("Command", bound=Callable[..., Any])


class UsageError(Exception):
    """A mistake on the command line, or a file that cannot be read or written: exit status 2."""

    def __init__(self, message: str, help: str = "", code: str = "") -> None:
        super().__init__(message)
        self.help, self.code = help, code


def say(diagnostics: Iterable[Diagnostic]) -> None:
    """Print diagnostics to stderr."""
    colour = stream.colours(sys.stderr)
    for found in diagnostics:
        told = render.text(found, colour=colour, width=stream.width(sys.stderr), spell=stream.speller(sys.stderr))
        stream.note(told, styled=colour)


@contextmanager
def telling(kind: type[Warning] | None = None) -> Generator[None]:
    """Warnings of a kind that come within go to stderr: by default what pictures do not show, or not as asked."""
    if kind is None:
        from netdsl.draw.notice import PictureWarning as kind  # noqa: N813

    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always", kind)
        yield
    for one in found:
        if issubclass(one.category, kind):
            warn(str(one.message))
        else:
            warnings.showwarning(one.message, one.category, one.filename, one.lineno)


_TAKEN = f"{__name__}.taken"
"""Where click's context keeps whether stdin was read."""


def formats(*known: str) -> Callable[[Command], Command]:
    """Gives a command the option --format, whose first choice is the default."""
    return click.option("--format", "form", type=click.Choice(known), default=known[0], show_default=True)


@dataclass(frozen=True)
class Options:
    """The options that change a network, as they were written."""

    sets: tuple[str, ...]
    inputs: tuple[str, ...]
    include: tuple[str, ...]
    limit: int

    @cached_property
    def overrides(self) -> Overrides:
        """What they ask for. Raises UsageError."""
        params: dict[str, Value] = {}
        for word in self.sets:
            name, equals, text = word.partition("=")
            value = literal(text.strip())
            if not equals or not name.strip() or value is None:
                raise UsageError(
                    f"--set {word}: not a parameter and a value", "write --set name=value: a number, dims or a word"
                )
            params[name.strip()] = value
        given: dict[str, tuple[int, ...]] = {}
        for word in self.inputs:
            name, _, text = word.rpartition("=")
            if name.strip() in given:
                raise UsageError(f"--input {word}: given twice", "keep one of them")
            try:
                given[name.strip()] = dims(text.strip())
            except ValueError:
                raise UsageError(
                    f"--input {word}: not dims", "write --input 64x64x3, or --input name=64x64x3"
                ) from None
        for folder in self.include:
            if not Path(folder).is_dir():
                raise UsageError(f"--include {folder}: there is no such folder")
        return Overrides(params, given, [Path(folder) for folder in self.include], self.limit)


def overriding(command: Command) -> Command:
    """Give a command the options that change a network, --set, --input, --include and --limit, as `asked`."""

    @wraps(command)
    def asking(
        *, sets: tuple[str, ...], inputs: tuple[str, ...], include: tuple[str, ...], limit: int, **options: object
    ) -> object:
        return command(asked=Options(sets, inputs, include, limit), **options)

    for option in (
        click.option(
            "--limit",
            type=click.IntRange(1),
            default=LIMIT,
            show_default=True,
            metavar="N",
            help="How many nodes a network may have.",
        ),
        click.option("--include", "include", multiple=True, metavar="DIR", help="A further folder for `use`."),
        click.option("--input", "inputs", multiple=True, metavar="[NAME=]DIMS", help="Other dims for an INPUT."),
        click.option("--set", "sets", multiple=True, metavar="NAME=VALUE", help="Another value for a param."),
    ):
        asking = option(asking)
    return cast("Command", asking)


def share_cores() -> None:
    """Let PyTorch's threads fall asleep soon where they wait for each other, before it is imported; as the user says.

    They else turn in circles for milliseconds, and where others want the cores too, a step of a LeNet-5 takes 20 times
    as long.
    """
    if "OMP_WAIT_POLICY" not in os.environ:
        os.environ.setdefault("GOMP_SPINCOUNT", "1000")


threads = click.option(
    "--threads", type=click.IntRange(1), metavar="N", help="Of the CPU; by default as PyTorch takes."
)
"""Gives a command the option --threads, for `use_threads` or what it calls."""


def use_threads(count: int | None) -> None:
    """Let PyTorch compute in so many threads of the CPU, where a number is given."""
    if count is not None:
        import torch

        torch.set_num_threads(count)


@contextmanager
def placing() -> Generator[None]:
    """A device that is not there is told as a mistake of --device."""
    from netdsl.compile.errors import UnknownDeviceError

    try:
        yield
    except UnknownDeviceError as error:
        raise UsageError(f"--device {error.name}: {error.reason}", "cpu, cuda or cuda:1; cpu is there always") from None


@contextmanager
def sparing(words: Callable[[], str], help: str = "") -> Generator[None]:
    """A lack of memory within is told as a mistake on the command line, in such words."""
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        from netdsl.runtime.module import lacks_memory

        if not lacks_memory(error):
            raise
        raise UsageError(words(), help, "limit-exceeded") from None


def holding(shaped: ShapedGraph) -> AbstractContextManager[None]:
    """The same where the weights of a network are more than the memory holds."""

    def words() -> str:
        from netdsl.measure import units
        from netdsl.measure.summary import Summary

        return f"the weights take {units.size(Summary(shaped).totals.weight_bytes)}, more than the memory here"

    return sparing(words)


@contextmanager
def reading(data: str) -> Generator[None]:
    """What is wrong with data, or cannot be read of it, is told as a mistake on the command line."""
    from netdsl.data import DataError

    try:
        yield
    except DataError as error:
        raise UsageError(str(error), error.help) from None
    except OSError as error:
        raise UsageError(f"{error.filename or data}: {error.strerror or error}") from None


def check_device(name: str | None) -> None:
    """Raise UsageError for a device that is not there."""
    if name is not None:
        from netdsl.compile.plan import device_named

        with placing():
            device_named(name)


def locate(name: str) -> Path | None:
    """The file of a network by path or bundled name; None for `-`, which is stdin. Raises UsageError."""
    if name == "-":
        return None
    path = resources.find(name)
    if path is None:
        known = [one.stem for one in resources.bundled()]
        help = did_you_mean(Path(name).stem, known) or "`netdsl list` shows the bundled networks"
        raise UsageError(f"{name}: there is no such file, and no bundled network of that name", help)
    return path


def stem(name: str) -> str:
    """What files that are made of a network are called, but for their suffix. Raises UsageError."""
    path = locate(name)
    return stem_of(STDIN if path is None else str(path))


@dataclass(frozen=True)
class Loaded:
    """A network read from a file: its shaped graph, unless it has errors or is a library, and what was found."""

    name: str
    shaped: ShapedGraph | None
    report: Report

    @property
    def network(self) -> ShapedGraph:
        """The shaped graph of a file without errors. Raises UsageError for a library of blocks, which has none."""
        if self.shaped is None:
            raise UsageError(f"{self.name} holds blocks alone, and no network", "`use` it from a file with a chain")
        return self.shaped


def shown(path: Path) -> str:
    """A path as messages show it: relative where it lies below the current folder."""
    try:
        return str(path.resolve().relative_to(Path.cwd())) if path.is_absolute() else str(path)
    except (ValueError, FileNotFoundError):  # it lies elsewhere, or the current folder was taken away
        return str(path)


def load(name: str, changes: Overrides) -> Loaded:
    """Read a network and check its shapes. Raises UsageError for a file that cannot be read, or a useless override."""
    path = locate(name)
    return built(path, STDIN if path is None else shown(path), changes)


def source_of(path: Path | None, name: str, report: Report) -> Source | None:
    """What stands in a file, or in stdin; what makes no text is reported, and gives None. Raises UsageError."""
    try:
        return decode(_stdin(), name, report) if path is None else read(path, name, report)
    except UnreadableFile as error:
        raise UsageError(str(error), _instead(path) if isinstance(error.__cause__, IsADirectoryError) else "") from None
    except OSError as error:
        raise UsageError(f"{name}: {error.strerror or error}") from None


def _instead(path: Path | None) -> str:
    """What to name in place of a folder: of a training's its program, or ""."""
    from netdsl.train import folder

    return f"the program of this training is {path / folder.NETWORK}" if path and folder.is_training(path) else ""


def _stdin() -> bytes:
    """What stands in stdin, which a second network would find empty. Raises UsageError, OSError."""
    meta = click.get_current_context().meta
    if meta.setdefault(_TAKEN, False):
        raise UsageError("- names stdin, and is given twice: it can be read once", "write one of them to a file")
    meta[_TAKEN] = True
    return sys.stdin.buffer.read(MAX_BYTES + 1)


def built(path: Path | None, name: str, changes: Overrides) -> Loaded:
    """What stands in a file, or in stdin, which messages call by a name. Raises UsageError as load does."""
    report = Report()
    source = source_of(path, name, report)
    try:
        shaped = None if source is None else build(source, path, report, changes)
    except OverrideError as error:
        raise UsageError(str(error), error.mistake.help(), error.mistake.code) from None
    return Loaded(name, shaped, report)


def network(name: str, asked: Options) -> ShapedGraph:
    """The shaped graph of a network, for a command that needs one; errors are said, and end the command with 1."""
    loaded = load(name, asked.overrides)
    found = loaded.report.diagnostics()
    if loaded.report.failed:
        say(found)
        raise SystemExit(1)
    shaped = loaded.network
    say(one for one in found if one.severity == "warning")
    return shaped


def format_of(target: Path, known: Sequence[str], what: str) -> str:
    """The format that a file's suffix asks for, of those that are known. Raises UsageError; `what` is in the file."""
    if (format := target.suffix[1:].lower()) in known:
        return format
    if str(target) == "-":
        raise UsageError(f"-o -: {what} goes to a file, and not to stdout", f"name one, such as -o network.{known[0]}")
    found = f"{target.suffix} is no format of {what}" if target.suffix else "its name has no suffix"
    raise UsageError(f"{target}: {found}", f"choose one of {', '.join(f'.{one}' for one in known)}")


def write(target: Path, data: bytes) -> None:
    """Write a file, whole or not at all. Raises UsageError."""
    try:
        files.replace(target, data)
    except OSError as error:
        raise UsageError(f"{target}: {error.strerror or error}") from None


def warn(message: str) -> None:
    """Say what is likely not meant, where it has no place in a program."""
    _mark("warning", "yellow", message)


def _mark(mark: str, colour: str, message: str) -> None:
    styled = stream.colours(sys.stderr)
    lines = safe.lines(f"{mark}: {message}").rstrip().split("\n")  # what torch says has several
    told = "\n  ".join("\n".join(wrapped(line, stream.width(sys.stderr), "  ")) for line in lines)
    painted = click.style(mark, fg=colour, bold=True) if styled else mark
    stream.note(f"{painted}{told[len(mark) :]}", styled=styled)


def fail(error: UsageError, status: int = 2) -> NoReturn:
    """Say what is wrong with the command line, and end."""
    _mark(f"error[{error.code}]" if error.code else "error", "red", str(error))
    if error.help:
        help = wrapped(safe.line(f"  = help: {error.help}"), stream.width(sys.stderr), "    ")
        stream.note("\n".join(help))
    raise SystemExit(status)
