"""`netdsl import`."""

from __future__ import annotations

import json
import sys
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

import click

from netdsl import files
from netdsl.cli import common, progress, stream
from netdsl.graph.size import LIMIT
from netdsl.interchange import entry, weights
from netdsl.interchange.entry import FormatError, Imported
from netdsl.interchange.flat import Flat, ForeignError, ForeignMistake
from netdsl.interchange.mistakes import NoLayers
from netdsl.text import safe
from netdsl.text.diagnostic import Diagnostic
from netdsl.text.fit import listed, wrapped

_FEW, _MANY = 2, 5
"""Of so many diagnostics that are alike, so few are shown."""
_COLOURS, _WIDE = (1, 3), 16
"""Sizes that begin and go on so are likely of a picture with its channels first."""


@click.command("import")
@click.argument("file", metavar="FILE")
@click.option("-o", "--output", metavar="OUT", help="The program to write, OUT.net; without it, it is printed.")
@click.option("--weights", "weights_output", metavar="OUT", help="Where its weights go, OUT.safetensors.")
@click.option("--from-weights", metavar="FILE", help="Where its weights are, if not beside it under its name.")
@click.option(
    "--input", "inputs", multiple=True, metavar="[NAME=]DIMS", help="A size that the file leaves open: 224x224x3."
)
@click.option("--flat", "flat_form", is_flag=True, help="One layer a line, as the file has them.")
@click.option("--partial", is_flag=True, help="Write the program up to what cannot be said.")
def command(
    file: str,
    output: str | None,
    weights_output: str | None,
    from_weights: str | None,
    inputs: tuple[str, ...],
    flat_form: bool,
    partial: bool,
) -> None:
    """Write a network of another format as a program: .onnx, .prototxt of Caffe, .cfg of Darknet, .pt2 of torch.export.

    In Python, netdsl.from_torch(module, (224, 224, 3)) takes a PyTorch module. Sizes have channels last.

    Blocks and repeats are recovered, and named as the file names them; its figures become `expect` lines. The program
    is held against what was read before it is written. With --weights its outputs are held against the file's too,
    where something here runs it: onnxruntime, if it is installed, or PyTorch.
    """
    for option, target, suffix in (("-o", output, ".net"), ("--weights", weights_output, ".safetensors")):
        if target is not None and Path(target).suffix != suffix:
            help = f"write {option} OUT{suffix}" + (", or leave it out to print the program" if option == "-o" else "")
            raise common.UsageError(f"{option} {target}: this is a {suffix} file", help)
    if file == "-":
        raise common.UsageError("-: a file of another format is read by its name, and not from stdin")
    sizes = common.Options((), inputs, (), LIMIT).overrides.inputs
    if wrong := next((word for word, dims in zip(inputs, sizes.values(), strict=True) if min(dims) < 1), ""):
        raise common.UsageError(f"--input {wrong}: a size is 1 or more", "write --input 64x64x3")
    for one, dims in zip(inputs, sizes.values(), strict=True):
        if len(dims) == 3 and dims[0] in _COLOURS and min(dims[1:]) >= _WIDE:
            meant = "x".join(map(str, [*dims[1:], dims[0]]))
            common.warn(
                f"--input {one} has {dims[2]} channels, which come last: write {meant} for a picture of {dims[0]}"
            )
    try:
        with progress.shown() as shown:
            shown(f"reading {file}", 0, 3)
            flat = _read(file, from_weights, sizes, partial)
            shown("recovering its program", 1, 3)
            found = entry.imported(flat, flat_form=flat_form, partial=partial)
            told = ""
            if weights_output is not None:
                shown("comparing its outputs", 2, 3)
                told = _proof(Path(file), found)
    except ForeignError as error:
        _refuse(file, error)
    except FormatError as error:
        raise common.UsageError(str(error), error.help) from None
    except OSError as error:
        raise common.UsageError(f"{error.filename or file}: {error.strerror or error}") from None
    with _weights(weights_output, found):
        if output is not None:
            common.write(Path(output), found.text.encode())
    if output is None:
        stream.program(found.text)
    _tell(file, output, found)
    if weights_output is not None:
        count = len(found.weights)
        stream.note(safe.line(f"{weights_output}: {count} tensor{'s' * (count != 1)}, {told}"))


def _read(file: str, weights: str | None, inputs: entry.Inputs, partial: bool) -> Flat:
    """What stands in a file; a part of it, where that will do, with what cannot be said told."""
    try:
        return entry.read(file, weights=weights, inputs=inputs)
    except ForeignError as error:
        if not partial or error.partial is None:
            raise
        _say(error.diagnostics)
        return entry.part(error)


def _proof(file: Path, found: Imported) -> str:
    """How near outputs with the file's weights are to the file's own. Raises UsageError where it has none."""
    if found.lacking:
        _note(found)
        some = listed([*found.lacking[:3], *["others"] * (len(found.lacking) > 3)], " and ")
        what = f"has no weights for {some}" if found.weights else "has no weights"
        format = entry.READERS.get(file.suffix.lower())
        beside = format.weights if format else ""
        help = f"write --from-weights FILE{beside}, or leave --weights out" if beside else "leave --weights out"
        raise common.UsageError(f"{file}: it {what}", help)
    common.share_cores()
    from netdsl.compile.origin import WeightsWarning
    from netdsl.interchange.torch import proof

    try:
        with common.telling(WeightsWarning):
            return proof.prove(found, proof.tensors(found), proof.of_file(file, found))
    except proof.NotCompared as error:
        return f"outputs were not compared: {error}"


@contextmanager
def _weights(target: str | None, found: Imported) -> Generator[None]:
    """Write weights to a file that takes its place once all else is done. Raises UsageError."""
    if target is None:
        yield
        return
    names = {item.name: found.paths[item.name] for item in found.flat.items if item.weights}
    facts = {"source": found.flat.source, "names": json.dumps(names)}
    try:
        with files.replacing(Path(target)) as file:
            weights.write(file, found.weights, facts)
            yield
    except OSError as error:
        raise common.UsageError(f"{target}: {error.strerror or error}") from None


def _refuse(file: str, error: ForeignError) -> NoReturn:
    """Say what cannot be said, and end."""
    _say(error.diagnostics)
    errors = len(error.errors)
    unsaid = error.partial is not None and any(one.code == "unknown-layer" for one in error.errors)
    more = "; --partial writes it up to there" if unsaid else ""
    stream.note(safe.line(f"{file}: {errors} error{'s' * (errors > 1)}, and nothing is written{more}"))
    raise SystemExit(2 if _unreadable(error.diagnostics) else 1)


def _say(found: Sequence[Diagnostic]) -> None:
    """Say what cannot be said: of what is alike the first few, and where there is more of it."""
    groups: dict[str, list[Diagnostic]] = {}
    for one in found:
        groups.setdefault(one.mistake.alike if isinstance(one.mistake, ForeignMistake) else one.message, []).append(one)
    shown = {id(one) for group in groups.values() for one in group[: len(group) if len(group) < _MANY else _FEW]}
    common.say(one for one in found if id(one) in shown)
    for alike, group in groups.items():
        if left := [one.span for one in group if id(one) not in shown]:
            names = [span.source.name.partition(": ")[2] or f"line {span.line}" for span in left]
            told = f"and {len(left):,} more of {alike}: at {listed(names, ' and ')}"
            stream.note("\n".join([*wrapped(safe.line(told), stream.width(sys.stderr), "  "), ""]))


def _unreadable(found: Sequence[Diagnostic]) -> bool:
    """Whether a file is none of its format."""
    return all(one.code == "syntax-error" or isinstance(one.mistake, NoLayers) for one in found)


def _note(found: Imported) -> None:
    """Say what was passed over."""
    for sentence in found.flat.notes:
        stream.note(safe.line(f"note: {sentence}"))


def _tell(file: str, output: str | None, found: Imported) -> None:
    """Say what was taken, and what was passed over."""
    _note(found)
    totals = found.totals
    what = f"{len(found.flat.items)} layers, {totals.params:,} parameters, {totals.macs:,} multiply-adds"
    stream.note(safe.line(f"{output or file}: ok, {what}"))
