"""`netdsl run`."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from netdsl.cli import common, preparing, stream
from netdsl.cli.compiled import compiled_file, picture_dims, running, runs
from netdsl.cli.preparing import Asked
from netdsl.runtime.file import Card, Compiled, fits_classes
from netdsl.runtime.picture import UnreadablePictureError, pixels
from netdsl.runtime.preparation import Preparation
from netdsl.text import safe, tabulate
from netdsl.text.suggest import did_you_mean
from netdsl.text.tabulate import Column, Look

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_BATCH = 32
"""Pictures that run at once at most, lest many of them take more memory than there is."""

_NUMBERS = 2**26
"""Numbers of pictures that run at once at most, unless one has more."""

_LABELS = 4_000_000
"""Bytes of labels at most."""

_HEADINGS = {"distances": "distance", "log-probabilities": "log", "map": "share"}
"""What the values of an output are called, by what it means."""

_DARK = 0.25
"""The mean of pictures, from 0 to 1, below which they are things on black, as the digits of MNIST."""


@dataclass(frozen=True)
class Class:
    """A class that a picture may be of: the file's value for it, and its probability, where there are several."""

    number: int
    value: float
    probability: float | None


@click.command("run")
@click.argument("file")
@click.argument("pictures", nargs=-1, required=True, metavar="PICTURE...")
@click.option("--labels", metavar="FILE", help="What the classes are called, one a line; by default as in training.")
@click.option("--top", type=click.IntRange(1), default=5, show_default=True, help="Classes to show of each picture.")
@click.option("--output", metavar="NAME", help="The output to show, by default the first.")
@preparing.options
@runs
@common.formats("table", "json")
def command(
    file: str,
    pictures: tuple[str, ...],
    labels: str | None,
    top: int,
    output: str | None,
    asked: Asked,
    device: str | None,
    threads: int | None,
    trust: bool,
    form: str,
) -> None:
    """Classify pictures with a compiled network: FILE is what `netdsl compile` wrote, or the folder of a training.

    A picture is prepared as in training, which a trained file says; else it is resized, cropped in the centre and
    normalised, as networks for ImageNet take them. Classes are ranked by what the output means: probabilities,
    scores, distances, or shares of a map.
    """
    with ExitStack() as opened:
        compiled = compiled_file(file, opened, "run")
        made = compiled.card
        dims = picture_dims(file, made)
        name = _output(file, made, output)
        count = made.outputs[name][-1]
        words = _classes(made, name) if labels is None else _labels(labels, count)
        preparation, told = asked.prepared(made, dims[-1])
        common.check_device(device)
        levels: list[float] = []
        batches = _levelled(_batches(pictures, dims, preparation, invert=asked.invert), levels)
        values = _values(compiled, file, batches, list(made.outputs).index(name), device, threads, trust)
    if made.preparation is not None:
        light = _level(levels) * _level(preparation.std) + _level(preparation.mean)
        if what := _unlike(light, _level(made.preparation.mean)):
            stream.note(f"note: the pictures are much {what} than those of training; --invert takes their negatives")
    meaning = made.meanings.get(name, "")
    meaning = "scores" if meaning == "map" and count == 1 else meaning  # one value has no share
    if words is not None and len(words) > count:
        values, meaning, count = [_likely(row, meaning) for row in values], "probabilities", 2
    ranked = [_ranked(row, meaning)[:top] for row in values]
    if form == "json":
        stream.data(_json(made, file, name, pictures, ranked, words))
    else:
        places = "x".join(map(str, made.outputs[name][:-1])) if math.prod(made.outputs[name][:-1]) > 1 else ""
        stream.line(f"{made.title}: {name}{_about(meaning, places, count)}, {told}")
        stream.page(lambda look: f"\n{_table(pictures, ranked, words, meaning, look)}")


def _output(file: str, made: Card, name: str | None) -> str:
    """The name of the output to show. Raises UsageError."""
    if name is None:
        return next(iter(made.outputs))
    if name not in made.outputs:
        help = did_you_mean(name, made.outputs) or f"it has {', '.join(made.outputs)}"
        raise common.UsageError(f"--output {name}: {file} has no such output", help)
    return name


def _classes(made: Card, output: str) -> Sequence[str] | None:
    """What a file calls the classes of an output: those of the first alone."""
    return made.classes or None if output == next(iter(made.outputs)) else None


def _likely(values: Sequence[float], meaning: str) -> Sequence[float]:
    """The probability of each class; of two where one value tells them apart."""
    import torch

    from netdsl.runtime import once

    (found,) = once.probabilities(torch.tensor([values], dtype=torch.float64), meaning).numpy().tolist()
    return found


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
    if not fits_classes(len(lines), classes):
        raise common.UsageError(f"{file}: {len(lines):,} labels for {classes:,} classes", "write one a line")
    return [line.strip() for line in lines]


def _batches(
    files: Sequence[str], dims: Sequence[int], preparation: Preparation, *, invert: bool
) -> Iterator[NDArray[np.float32]]:
    """The pictures as a network takes them, as many at once as it may have in memory. Raises UsageError."""
    import numpy as np

    most = max(1, min(_BATCH, _NUMBERS // math.prod(dims)))
    for start in range(0, len(files), most):
        yield np.stack([_pixels(file, dims, preparation, invert=invert) for file in files[start : start + most]])


def _levelled(batches: Iterable[NDArray[np.float32]], levels: list[float]) -> Iterator[NDArray[np.float32]]:
    """Batches as they are, while the mean of each is noted."""
    for batch in batches:
        levels.append(float(batch.mean()))
        yield batch


def _level(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def _unlike(light: float, known: float) -> str:
    """How pictures are unlike those of training that were the negative of such; 0 is no mean that was measured."""
    if 0 < known < _DARK and light > 1 - 2 * _DARK:
        return "lighter"
    return "darker" if 1 - _DARK < known < 1 and light < 2 * _DARK else ""


def _pixels(file: str, dims: Sequence[int], preparation: Preparation, *, invert: bool) -> NDArray[np.float32]:
    """A picture as the network takes it. Raises UsageError."""
    try:
        return pixels(file, dims, preparation, invert=invert)
    except UnreadablePictureError as error:
        raise common.UsageError(str(error)) from None
    except IsADirectoryError as error:
        raise common.UsageError(f"{file}: {error.strerror}", f"name the pictures in it: {Path(file, '*')}") from None
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
    from netdsl.runtime import once

    with running(file):
        values = once.answers(compiled, batches, output, device=device, threads=threads, trust=trust)
    rows: list[list[float]] = values.tolist()
    if not all(map(math.isfinite, itertools.chain(*rows))):
        raise common.UsageError(f"{file} gives values that are no numbers: inf or nan")
    return rows


def _ranked(values: Sequence[float], meaning: str) -> Sequence[Class]:
    """The classes, likeliest first; how likely they are follows from what the output means, if the file says that.

    Of distances the least is the likeliest.
    """
    order = sorted(range(len(values)), key=lambda index: values[index] * (1 if meaning == "distances" else -1))
    told = meaning in ("probabilities", "independent")
    if meaning == "map" or (len(values) == 1 and not told):
        return [Class(index, values[index], None) for index in order]
    likely = values if told else _likely(values, meaning)
    return [Class(index, values[index], likely[index]) for index in order]


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
