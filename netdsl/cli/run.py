"""`netdsl run`."""

from __future__ import annotations

import itertools
import math
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import click

from netdsl import resources
from netdsl.cli import common, stream
from netdsl.compile.formats import FORMATS, SUFFIXES
from netdsl.runtime import NotCompiledError, UntrustedError
from netdsl.runtime.file import Card, Compiled, opened
from netdsl.runtime.picture import UnreadablePictureError, pixels
from netdsl.runtime.preparation import CROP, MEAN, STD, Preparation
from netdsl.text import safe, tabulate
from netdsl.text.suggest import did_you_mean
from netdsl.text.tabulate import Column, Look

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from netdsl.layers.arguments import Number

_BATCH = 32
"""Pictures that run at once at most, lest many of them take more memory than there is."""

_NUMBERS = 2**26
"""Numbers of pictures that run at once at most, unless one has more."""
_LARGEST = 2**27
"""Numbers of a picture at most, 13,000 x 3,400 x 3: half a gigabyte."""

_LABELS = 4_000_000
"""Bytes of labels at most."""

_HEADINGS = {"distances": "distance", "log-probabilities": "log", "map": "share"}
"""What the values of an output are called, by what it means."""

_ROUNDING = 1e-3
"""By how much the sum of probabilities may differ from 1."""


@dataclass(frozen=True)
class Scaling:
    """What becomes of a picture's values from 0 to 1, and how to say it."""

    mean: tuple[float, ...]
    std: tuple[float, ...]
    words: str


@dataclass(frozen=True)
class Class:
    """A class that a picture may be of: the file's value for it, and its probability, where there are several."""

    number: int
    value: float
    probability: float | None


@click.command("run")
@click.argument("file")
@click.argument("pictures", nargs=-1, required=True, metavar="PICTURE...")
@click.option("--labels", metavar="FILE", help="What the classes are called, one a line.")
@click.option("--top", type=click.IntRange(1), default=5, show_default=True, help="Classes to show of each picture.")
@click.option("--output", metavar="NAME", help="The output to show, by default the first.")
@click.option("--mean", metavar="R,G,B", help="Of values from 0 to 1; by default ImageNet's.")
@click.option("--std", metavar="R,G,B", help="Standard deviation; by default ImageNet's.")
@click.option("--raw", type=click.Choice(["1", "255"]), help="Give values from 0 to 1, or to 255, as they are.")
@click.option(
    "--crop", type=click.FloatRange(0, 1, min_open=True), default=CROP, show_default=True, help="What is kept."
)
@click.option("--device", metavar="NAME", help="cpu, cuda or cuda:1; by default what the file is made for.")
@click.option("--threads", type=click.IntRange(1), metavar="N", help="Of the CPU; by default as PyTorch takes.")
@click.option("--trust", is_flag=True, help="Run a file whose code may do more than compute: whatever you may do.")
@common.formats("table", "json")
def command(
    file: str,
    pictures: tuple[str, ...],
    labels: str | None,
    top: int,
    output: str | None,
    mean: str | None,
    std: str | None,
    raw: str | None,
    crop: float,
    device: str | None,
    threads: int | None,
    trust: bool,
    form: str,
) -> None:
    """Classify pictures with a compiled network: FILE is what `netdsl compile` wrote.

    A picture is resized, cropped in the centre and normalised, as networks for ImageNet take them. Classes are
    ranked by what the output means: probabilities, scores, distances, or shares of a map.
    """
    with ExitStack() as held:
        compiled = _opened(file, held)
        made = compiled.card
        dims = _picture_dims(file, made)
        name = _output(file, made, output)
        classes = made.outputs[name][-1]
        words = None if labels is None else _labels(labels, classes)
        scaling = _scaling(made, dims[-1], mean, std, raw)
        batches = _batches(pictures, dims, Preparation(scaling.mean, scaling.std, crop=crop))
        values = _values(compiled, file, batches, list(made.outputs).index(name), device, threads, trust)
    meaning = made.meanings.get(name, "")
    meaning = "scores" if meaning == "map" and classes == 1 else meaning  # one value has no share
    ranked = [_ranked(row, meaning)[:top] for row in values]
    if form == "json":
        stream.data(_json(made, file, name, pictures, ranked, words))
    else:
        places = "x".join(map(str, made.outputs[name][:-1])) if math.prod(made.outputs[name][:-1]) > 1 else ""
        stream.line(f"{made.title}: {name}{_about(meaning, places, classes)}, {scaling.words}")
        stream.page(lambda look: f"\n{_table(pictures, ranked, words, meaning, look)}")


def _opened(file: str, held: ExitStack) -> Compiled:
    """A compiled file, open as long as it is held. Raises UsageError."""
    path = Path(file)
    found = None if file == "-" else resources.find(file)
    if found is not None and (found != path or path.suffix == ".net"):
        help = f"netdsl compile {file}, and then netdsl run {found.stem}.pt"
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
        raise common.UsageError(str(error), "netdsl compile makes one: netdsl compile vgg16") from None
    except OSError as error:
        network = resources.find(f"{path.stem}.net") if isinstance(error, FileNotFoundError) else None
        help = f"netdsl compile {path.stem} makes one" if network else ""
        raise common.UsageError(f"{file}: {error.strerror or error}", help) from None


def _picture_dims(file: str, made: Card) -> Sequence[int]:
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


def _output(file: str, made: Card, name: str | None) -> str:
    """The name of the output to show. Raises UsageError."""
    if name is None:
        return next(iter(made.outputs))
    if name not in made.outputs:
        help = did_you_mean(name, made.outputs) or f"it has {', '.join(made.outputs)}"
        raise common.UsageError(f"--output {name}: {file} has no such output", help)
    return name


def _labels(file: str, classes: int) -> Sequence[str]:
    """What the classes are called. Raises UsageError."""
    try:
        with Path(file).open("rb") as read:
            data = read.read(_LABELS + 1)
        lines = data.decode("utf-8-sig").rstrip().splitlines()
    except OSError as error:
        raise common.UsageError(f"{file}: {error.strerror or error}") from None
    except UnicodeDecodeError:
        raise common.UsageError(f"{file}: is no text in UTF-8") from None
    if len(data) > _LABELS:
        raise common.UsageError(f"{file}: labels take at most {_LABELS:,} bytes")
    if len(lines) != classes:
        raise common.UsageError(f"{file}: {len(lines):,} labels for {classes:,} classes", "write one a line")
    return [line.strip() for line in lines]


def _scaling(made: Card, channels: int, mean: str | None, std: str | None, raw: str | None) -> Scaling:
    """How a picture's values are given: as options say, as constants behind INPUT take them, or as ImageNet's."""
    if raw is not None:
        if mean is not None or std is not None:
            raise common.UsageError("--raw goes with neither --mean nor --std", "leave one out")
        return Scaling((0,), (1 / int(raw),), f"values from 0 to {raw}")
    if mean is not None or std is not None:
        means = MEAN if mean is None else _numbers("--mean", mean, channels)
        deviations = STD if std is None else _numbers("--std", std, channels)
        if min(deviations) <= 0:
            raise common.UsageError(f"--std {std}: is more than 0")
        return Scaling(means, deviations, "normalised as --mean and --std say")
    if scaled := _scaled_by(made.source):
        keyword, largest = scaled
        most = 255 if largest > 1 else 1
        return Scaling((0,), (1 / most,), f"values from 0 to {most}, which {keyword} takes")
    return Scaling(MEAN, STD, "normalised by ImageNet's mean and deviation")


def _numbers(option: str, text: str, channels: int) -> tuple[float, ...]:
    """One number, or one for each channel. Raises UsageError."""
    try:
        numbers = [float(word) for word in text.split(",")]
    except ValueError:
        numbers = []
    if len(numbers) not in (1, channels) or not all(map(math.isfinite, numbers)):
        wanted = "a number" if channels == 1 else f"a number, or {channels} with commas between"
        raise common.UsageError(f"{option} {text}: not {wanted}")
    return tuple(numbers)


def _scaled_by(program: str) -> tuple[str, Number] | None:
    """The keyword of a layer with constants, and the largest mean or deviation that they stand for; else None.

    Such layers are all that reads what the program is given: NORMALIZE, TIMES, PLUS. A program that uses files which
    are not there tells nothing.
    """
    from netdsl.graph.build import Overrides, build
    from netdsl.layers.norm import Normalize, Plus, Times
    from netdsl.text.diagnostic import Report
    from netdsl.text.source import Source

    shaped = build(Source(program, "source.net"), None, Report(), Overrides(include=[resources.networks()]))
    if shaped is None:
        return None
    graph = shaped.graph
    constants: list[Number] = []
    keyword = ""
    for layer in [graph.nodes[reader].layer for index in graph.inputs for reader in graph.readers[index]]:
        match layer:
            case Normalize():
                constants += (*layer.mean, *layer.std)
            case Times() if layer.factor:
                constants.append(abs(1 / Fraction(layer.factor)))
            case Plus():
                constants.append(abs(layer.offset))
            case _:
                return None
        keyword = layer.keyword
    return (keyword, max(constants)) if keyword else None


def _batches(files: Sequence[str], dims: Sequence[int], preparation: Preparation) -> Iterator[NDArray[np.float32]]:
    """The pictures as a network takes them, as many at once as it may have in memory. Raises UsageError."""
    import numpy as np

    most = max(1, min(_BATCH, _NUMBERS // math.prod(dims)))
    for start in range(0, len(files), most):
        yield np.stack([_pixels(file, dims, preparation) for file in files[start : start + most]])


def _pixels(file: str, dims: Sequence[int], preparation: Preparation) -> NDArray[np.float32]:
    """A picture as the network takes it. Raises UsageError."""
    try:
        return pixels(file, dims, preparation)
    except UnreadablePictureError as error:
        raise common.UsageError(str(error)) from None
    except OSError as error:
        raise common.UsageError(f"{file}: {error.strerror or error}") from None
    except MemoryError:
        raise common.UsageError(f"{file}: is larger than the memory here") from None


def _values(
    compiled: Compiled,
    file: str,
    batches: Iterable[NDArray[np.float32]],
    output: int,
    device: str | None,
    threads: int | None,
    trust: bool,
) -> Sequence[Sequence[float]]:
    """What an output gives for each class, for each picture; the mean over a map. Raises UsageError."""
    import torch

    from netdsl.runtime import once

    if device is not None:
        try:
            kind = torch.device(device).type
        except RuntimeError:
            raise common.UsageError(f"--device {device}: there is no such device", "cpu, cuda or cuda:1") from None
        if kind == "cuda" and not torch.cuda.is_available():
            raise common.UsageError(f"--device {device}: there is no GPU that PyTorch can use", "write --device cpu")
    try:
        values = once.answers(compiled, batches, output, device=device, threads=threads, trust=trust)
    except UntrustedError as error:
        raise common.UsageError(str(error), "--trust runs it, and lets it do whatever you may") from None
    except NotCompiledError as error:
        raise common.UsageError(str(error)) from None
    except (MemoryError, RuntimeError) as error:
        reason = str(error).strip().splitlines()
        raise common.UsageError(f"{file} does not run: {reason[-1] if reason else 'out of memory'}") from None
    rows: list[list[float]] = values.tolist()
    if not all(map(math.isfinite, itertools.chain(*rows))):
        raise common.UsageError(f"{file} gives values that are no numbers: inf or nan")
    return rows


def _ranked(values: Sequence[float], meaning: str) -> Sequence[Class]:
    """The classes, likeliest first; how likely they are follows from what the output means, if the file says that.

    Of distances the least is the likeliest. Probabilities are the values, or softmax of values that are none.
    """
    import numpy as np

    found = np.asarray(values)
    likely = -found if meaning == "distances" else found
    order: list[int] = np.argsort(-likely, kind="stable").tolist()
    told = meaning in ("probabilities", "independent")
    if meaning == "map" or (len(values) == 1 and not told):
        return [Class(index, values[index], None) for index in order]
    if not told and (meaning or min(values) < 0 or abs(sum(values) - 1) > _ROUNDING):
        likely = np.exp(likely - likely.max())
        likely /= likely.sum()
    return [Class(index, values[index], float(likely[index])) for index in order]


def _about(meaning: str, places: str, classes: int) -> str:
    """What the values of an output are, where that is not plain."""
    if meaning == "map":
        return f", share of {places} places"
    words = f", mean of {places} places" if places else ""
    if meaning == "distances":
        words += ", distances, of which the least is likeliest"
    return words + (", each class by itself" if meaning == "independent" and classes > 1 else "")


def _table(
    pictures: Sequence[str],
    ranked: Sequence[Sequence[Class]],
    labels: Sequence[str] | None,
    meaning: str,
    look: Look,
) -> str:
    """A row for each class that is shown; values apart from probabilities where they are none."""
    shown = [one for classes in ranked for one in classes]
    apart = any(one.value != one.probability for one in shown)
    columns = [Column("picture"), Column("class", right=True)]
    if labels is not None:
        columns.append(Column("label"))
    if apart:
        columns.append(Column(_HEADINGS.get(meaning, "value"), right=True))
    if any(one.probability is not None for one in shown):
        softmax = apart and meaning != "log-probabilities"
        columns.append(Column("softmax" if softmax else "probability", right=True))
    rows: list[list[str]] = []
    for picture, classes in zip(pictures, ranked, strict=True):
        rows += [[]] * bool(rows)
        for place, one in enumerate(classes):
            cells = [picture if not place else "", str(one.number)]
            cells += [labels[one.number]] if labels is not None else []
            cells += [f"{one.value:.5g}"] if apart else []
            cells += [f"{one.probability:.6f}"] if one.probability is not None else []
            rows.append([safe.line(cell) for cell in cells])
    return "\n".join(tabulate.text(columns, [row + [""] * (len(columns) - len(row)) for row in rows], look))


def _json(
    made: Card,
    file: str,
    output: str,
    pictures: Sequence[str],
    ranked: Sequence[Sequence[Class]],
    labels: Sequence[str] | None,
) -> str:
    def row(one: Class) -> dict[str, object]:
        label = None if labels is None else labels[one.number]
        return {"class": one.number, "label": label, "value": one.value, "probability": one.probability}

    found = [
        {"picture": picture, "classes": [row(one) for one in classes]}
        for picture, classes in zip(pictures, ranked, strict=True)
    ]
    meaning = made.meanings.get(output)
    data = {"name": made.title, "file": file, "output": output, "meaning": meaning, "pictures": found}
    return safe.json_text(data)
