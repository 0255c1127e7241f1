"""`netdsl evaluate`."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import asdict
from functools import partial
from itertools import compress
from pathlib import Path
from typing import TYPE_CHECKING

import click

from netdsl.cli import common, preparing, progress, stream
from netdsl.cli.compiled import compiled_file, picture_dims, running, runs
from netdsl.cli.preparing import Asked
from netdsl.draw import plot
from netdsl.draw.palette import THEMES
from netdsl.runtime.file import Card, Compiled
from netdsl.text import safe, tabulate
from netdsl.text.fit import listed
from netdsl.text.tabulate import Column, Look
from netdsl.train import log
from netdsl.train.folder import COMPILED, RECIPE

if TYPE_CHECKING:
    from netdsl.data import Data
    from netdsl.train.ensemble import Member, Trial
    from netdsl.train.evaluation import Evaluation

_FEW = 5
"""Classes of which the five likeliest are all."""
_NUMBERS, _BATCH = 2**22, 256
"""Numbers, and pictures, of a batch at most."""


@click.command("evaluate")
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@click.option("--data", required=True, metavar="DATA", help="Pictures and their classes, as netdsl train takes them.")
@click.option(
    "--split",
    type=click.Choice(["test", "validation", "train", "all"]),
    default="test",
    show_default=True,
    help="Which part; all: of data that no training has seen.",
)
@click.option("-o", "--output", metavar="PICTURE", help="Draw what is taken for what, as svg, png or pdf.")
@click.option("--theme", type=click.Choice([*THEMES]), default="light", show_default=True)
@partial(preparing.options, inverts=False)
@click.option("--batch", type=click.IntRange(1), metavar="N", help="Pictures that run at once.")
@runs
@common.formats("table", "json")
def command(
    files: tuple[str, ...],
    data: str,
    split: str,
    output: str | None,
    theme: str,
    asked: Asked,
    batch: int | None,
    device: str | None,
    threads: int | None,
    trust: bool,
    form: str,
) -> None:
    """Try trained networks on data: errors, loss, and which classes are taken for which.

    FILE is a folder that `netdsl train` wrote, or a compiled file. Several are tried each by itself and all together,
    by the mean of the probabilities that they give.
    """
    target = None if output is None else Path(output)
    if target is not None:
        common.format_of(target, plot.FORMATS, "a confusion")
    common.check_device(device)
    with ExitStack() as opened:
        files = tuple(one for file in files for one in _trainings(file))
        compiled = [compiled_file(file, opened, "evaluate", _instead(file, data)) for file in files]
        examples = _read(data, files, split)
        dims = [_dims(file, one.card, examples) for file, one in zip(files, compiled, strict=True)]
        members: list[Member] = []
        told: list[str] = []
        for file, one, sizes in zip(files, compiled, dims, strict=True):
            member, words = _member(file, one, sizes, asked, examples, device, threads, trust)
            members.append(member)
            told.append(words)
        found = _tried(files, members, examples, split, batch)
    classes = members[0].classes
    if target is not None:
        _draw(target, found.together, classes, theme, _titles(compiled), _about(found.together, examples, split))
    if form == "json":
        stream.data(_json(files, found))
        return
    told = list(dict.fromkeys(told))
    stream.line(f"{_titles(compiled)}: {_about(found.together, examples, split)}, {', '.join(told)}")
    stream.page(lambda look: _table(files, found, classes, look))
    if target is not None:
        stream.out("")
        stream.line(f"{target}: what is taken for what")


def _instead(file: str, data: str) -> str:
    """What to do with a network that is no file to evaluate yet."""
    return f"netdsl train {file} --data {data} trains it, into a folder to evaluate"


def _trainings(file: str) -> Sequence[str]:
    """A file, or the folders of the trainings by several seeds that one folder holds."""
    folder = Path(file)
    if not folder.is_dir() or folder.joinpath(COMPILED).is_file():
        return [file]
    inner = [one for one in folder.iterdir() if one.name.isdecimal() and one.joinpath(COMPILED).is_file()]
    return [str(one) for one in sorted(inner, key=lambda one: int(one.name))] or [file]


def _dims(file: str, made: Card, data: Data) -> Sequence[int]:
    """The dims of the only input, which takes what the data have. Raises UsageError."""
    from netdsl.data import Rows

    (dims, *others) = made.inputs.values()
    if isinstance(data.train, Rows) and len(dims) == 1 and not others:
        return dims
    return picture_dims(file, made)


def _read(data: str, files: Sequence[str], split: str) -> Data:
    """The data, split as in training where that says it. Raises UsageError."""
    from netdsl.data import read

    splits = {file: found for file in files if (found := _split(Path(file))) is not None}
    seed, validation = next(iter(splits.values()), (0, 0.1))
    if split != "test" and len({*splits.values()}) > 1:
        first, other = next((a, b) for a in splits for b in splits if splits[a] != splits[b])
        common.warn(f"{first} and {other} split their data otherwise: each has trained on some of what is tried here")
    with common.reading(data):
        found = read(data, seed=seed, validation=validation)
        found.part(split)
        return found


def _split(folder: Path) -> tuple[int, float] | None:
    """By which seed, and into what share for validation, a training has split its data, if its folder says so."""
    from netdsl import recipe
    from netdsl.graph.program import UnreadableFile
    from netdsl.text.diagnostic import Report

    path = (folder if folder.is_dir() else folder.parent) / RECIPE
    report = Report()
    try:
        found = recipe.read(path, report)
    except (UnreadableFile, OSError):
        return None
    return None if report.failed else (found.seed, found.validation)


def _member(
    file: str,
    compiled: Compiled,
    dims: Sequence[int],
    asked: Asked,
    data: Data,
    device: str | None,
    threads: int | None,
    trust: bool,
) -> tuple[Member, str]:
    """A compiled file as one that is tried, and how its pictures are prepared. Raises UsageError."""
    from netdsl.runtime import once
    from netdsl.train.ensemble import ClassesError, Member, named

    made = compiled.card
    preparation, words = asked.prepared(made, dims[-1])
    name, sizes = next(iter(made.outputs.items()))
    meaning = made.meanings.get(name, "")
    if meaning == "map":
        raise common.UsageError(
            f"{file} gives a map, {'x'.join(map(str, sizes))}, and not a class for each picture",
            "AVGPOOL global at its end makes one place of it",
        )
    try:
        classes = named(made.classes, max(2, sizes[-1]), data, file)
    except ClassesError as error:
        raise common.UsageError(str(error), error.help) from None
    if made.preparation is None and words == preparing.USUAL:
        common.warn(f"{file} does not say how its pictures were prepared; --mean, --std and --crop do")
    elif made.preparation is None and asked.crop is None and preparation.crop < 1:
        common.warn(f"of each picture {preparation.crop:g} is taken, which {file} does not say; --crop 1 takes all")
    with running(file):
        answer = once.answering(compiled, device=device, threads=threads, trust=trust)
    return Member(file, classes, dims, preparation, lambda batch: once.probabilities(answer(batch), meaning)), words


def _tried(files: Sequence[str], members: Sequence[Member], data: Data, split: str, batch: int | None) -> Trial:
    """What comes of trying networks. Raises UsageError."""
    from netdsl.data import DataError
    from netdsl.train.ensemble import ClassesError, trial

    shown = files[0] if len(files) == 1 else "one of them"
    count = batch or max(1, min(_BATCH, _NUMBERS // max(math.prod(one.dims) for one in members)))
    try:
        with progress.shown() as telling, running(shown):
            return trial(members, data, data.part(split), batch=count, progress=telling)
    except (ClassesError, DataError) as error:
        raise common.UsageError(str(error), error.help) from None
    except FloatingPointError:
        raise common.UsageError(f"{shown} gives values that are no numbers: inf or nan") from None


def _titles(compiled: Sequence[Compiled]) -> str:
    """What was tried."""
    titles = list(dict.fromkeys(one.card.title for one in compiled))
    return titles[0] if len(compiled) == 1 else f"{len(compiled)} networks ({listed(titles)})"


def _about(found: Evaluation, data: Data, split: str) -> str:
    """What it was tried on."""
    part = {"test": ", its test part", "validation": ", its validation part", "train": ", its training part"}
    return f"{found.examples:,} examples of {data.path}{part.get(split, '')}"


def _table(files: Sequence[str], found: Trial, classes: Sequence[str], look: Look) -> str:
    """Errors and losses, and what is taken for what. Of five classes the true one is always among five."""
    from netdsl.train import confusion

    rows = [(file, one.error, one.top5_error, one.loss) for file, one in zip(files, found.members, strict=True)]
    if len(files) > 1:
        errors, fives, losses = (statistics.mean(one) for one in zip(*[row[1:] for row in rows], strict=True))
        rows.append(("their mean", errors, fives, losses))
        rows.append(("ensemble", found.together.error, found.together.top5_error, found.together.loss))
    kept = (True, True, len(classes) > _FEW, True)
    shown = [Column("network"), *(Column(head, right=True) for head in ("error", "top-5 error", "loss"))]
    cells = [
        [safe.line(name), log.percent(error), log.percent(five), log.loss(loss)] for name, error, five, loss in rows
    ]
    table = tabulate.text([*compress(shown, kept)], [[*compress(row, kept)] for row in cells], look)
    return "\n".join(["", *table, "", *confusion.text(found.together, classes, look)])


def _draw(target: Path, found: Evaluation, classes: Sequence[str], theme: str, title: str, about: str) -> None:
    from netdsl.train import confusion

    with common.telling():
        format, about = target.suffix[1:].lower(), f"{about}: error {log.percent(found.error)}"
        drawn = confusion.draw(found, classes, format, THEMES[theme], safe.line(title), safe.line(about))
    common.write(target, drawn)


def _json(files: Sequence[str], found: Trial) -> str:
    data = asdict(found.together)
    if len(files) > 1:
        data["members"] = [{"file": file, **asdict(one)} for file, one in zip(files, found.members, strict=True)]
    return safe.json_text(data, indent=None)
