"""`netdsl train`."""

from __future__ import annotations

import os
import warnings
from collections.abc import Generator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from netdsl import recipe as recipes
from netdsl import resources
from netdsl.cli import common, stream, weights
from netdsl.compile.origin import Origin, WeightsWarning
from netdsl.graph.node import ShapedGraph
from netdsl.graph.program import UnreadableFile
from netdsl.recipe import Recipe
from netdsl.text import safe
from netdsl.text.diagnostic import NetError, Report
from netdsl.text.source import Source
from netdsl.text.suggest import did_you_mean
from netdsl.train.folder import RECIPE
from netdsl.train.readings import KINDS, Kind

if TYPE_CHECKING:
    from netdsl.data import Data
    from netdsl.train.folder import About
    from netdsl.train.outcome import Outcome
    from netdsl.train.setting import Setting
    from netdsl.train.watch import Watch


_AS_IT_IS: dict[str, Any] = {"sets": (), "inputs": (), "include": ()}
"""The options that change a network, where none is given."""


@dataclass(frozen=True)
class _Asked:
    """What the command line asks for."""

    file: str | None
    data: str | None
    recipe: str | None
    changes: tuple[str, ...]
    output: str | None
    resume: str | None
    overwrite: bool
    epochs: int | None
    seed: int | None
    seeds: int | None
    device: str
    threads: int | None
    init: str
    origin: Origin | None
    freeze: tuple[str, ...]
    loss: Kind | None
    aux_weight: float | None
    tensorboard: bool
    accumulate: int | None
    options: common.Options

    @property
    def begins(self) -> bool:
        """Whether --init was written."""
        return click.get_current_context().get_parameter_source("init") is ParameterSource.COMMANDLINE


@click.command("train")
@click.argument("file", required=False)
@click.option("--data", metavar="DATA", help="Idx files, class folders of pictures, or an .npz file.")
@click.option("--recipe", metavar="FILE", help="How to train, as TOML; by default the network's own.")
@click.option("--recipe-set", "changes", multiple=True, metavar="KEY=VALUE", help="Another value for a key of it.")
@click.option("-o", "--output", metavar="DIR", help="The folder to write to.  [default: runs/ and FILE's stem]")
@click.option("--resume", metavar="DIR", help="Go on with the training in a folder.")
@click.option("--overwrite", is_flag=True, help="Begin anew in a folder that holds a training.")
@click.option("--epochs", type=click.IntRange(1), metavar="N", help="How often all examples are seen.")
@click.option("--seed", type=click.IntRange(0), metavar="N", help="What all chance follows from.")
@click.option("--seeds", type=click.IntRange(1), metavar="N", help="Train so many networks, into DIR/1, DIR/2 and on.")
@click.option("--device", metavar="NAME", default="auto", show_default=True, help="cpu, cuda or cuda:1.")
@common.threads
@weights.initial
@click.option("--freeze", multiple=True, metavar="PATHS", help="Layers that stay as they are: conv1, or 'stage1.*'.")
@click.option("--loss", type=click.Choice(KINDS), help="The loss, where the network's last layer does not say it.")
@click.option("--aux-weight", type=float, metavar="W", help="What the loss of training outputs counts.")
@click.option("--tensorboard", is_flag=True, help="Write what TensorBoard shows into the folder too.")
@click.option(
    "--accumulate",
    type=click.IntRange(1),
    metavar="N",
    help="Take each batch in so many parts; by default as memory asks.",
)
@weights.loading("Begin with the weights of a safetensors or .pth file, but for a last layer of other size.", anew=True)
@common.overriding
def command(asked: common.Options, **options: Any) -> None:
    """Train a network, and write what comes of it into a folder: weights, a compiled file, a log, and curves.

    The best weights are chosen by a validation part of the data; the test part is read once, in the end. Ctrl-C saves,
    and `netdsl train --resume DIR` goes on to the same weights as if it had never stopped.
    """
    wanted = _Asked(options=asked, **options)
    if wanted.resume is None and (wanted.file is None or wanted.data is None):
        missing = "FILE" if wanted.file is None else "--data DATA"
        raise common.UsageError(f"{missing} is missing", "write netdsl train FILE --data DATA, or --resume DIR")
    if wanted.resume is not None and wanted.overwrite:
        raise common.UsageError("--resume goes on, and --overwrite begins anew", "leave one of them out")
    if wanted.resume is not None and wanted.output is not None and Path(wanted.output) != Path(wanted.resume):
        raise common.UsageError(f"--resume goes on in its folder, and not in {wanted.output}", "leave -o out")
    if wanted.resume is not None and wanted.file is None and wanted.options != replace(wanted.options, **_AS_IT_IS):
        raise common.UsageError(
            f"--resume goes on with the network in {wanted.resume}, as it is", "leave --set, --input and --include out"
        )
    common.share_cores()
    common.use_threads(wanted.threads)
    root = Path(wanted.resume or wanted.output or Path("runs", common.stem(wanted.file or "")))
    if wanted.resume is not None and wanted.file is not None and wanted.data is not None and not _begun(wanted, root):
        stream.note(safe.line(f"note: {root} holds no training yet, which begins now"))
        wanted = replace(wanted, resume=None)
    again = str(root) if wanted.seeds is None else f"{root} --seeds {wanted.seeds}"
    help = f"begin with --accumulate 4, or go on with --resume {again} where more is free"
    spared = common.sparing(lambda: "a step takes more memory than is free", help)
    with spared, _telling(again), _together(), common.placing(), weights.telling():
        if wanted.seeds is None:
            for line in _one(wanted, root, root).lines():
                stream.line(line)
        else:
            _several(wanted, root, wanted.seeds)


def _begun(wanted: _Asked, root: Path) -> bool:
    """Whether there is something to go on with."""
    from netdsl.train import folder as folders

    return folders.is_training(root if wanted.seeds is None else root / "1")


def _several(wanted: _Asked, root: Path, seeds: int) -> None:
    """Train several networks, which differ by their seeds alone, or go on with them."""
    from netdsl.train import folder as folders
    from netdsl.train import log

    found: list[Outcome] = []
    for number in range(seeds):
        folder = root / str(number + 1)
        stream.note(safe.line(f"network {number + 1} of {seeds}: {folder}"))
        found.append(_one(wanted, folder, folder if folders.is_training(folder) else root / "1", number))
    for one in found:
        stream.line(f"{one.folder}: {one.told}")
    tests = [one.test.error for one in found if one.test is not None]
    if tests:
        stream.line(f"test error {log.percent(sum(tests) / len(tests))} on average of {len(tests)} networks")


def _one(wanted: _Asked, folder: Path, like: Path, number: int = 0) -> Outcome:
    """Train one network of several, or go on with one, or train one like that in another folder."""
    from netdsl import probe
    from netdsl.train import folder as folders
    from netdsl.train import loop

    known = folders.state(like) if wanted.resume else None
    about, shaped = _network(wanted, like, known)
    resumed = known is not None and folder == like
    if known is not None:
        _check_weights(wanted, known["facts"]["weights"], folder, resumed=resumed)
    recipe = _recipe(wanted, shaped, like if known else None)
    if not resumed or wanted.seed is not None:
        recipe = replace(recipe, seed=recipe.seed + number)
    setting = _setting(wanted, shaped, _data(wanted.data or about.data, shaped, recipe), recipe, known)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", WeightsWarning)  # which are told
        return loop.train(
            setting,
            folder,
            about,
            device=wanted.device,
            resume=resumed,
            overwrite=wanted.overwrite,
            watch=_watch(wanted, folder),
            before=lambda training, x, y: common.say(probe.beginning(training, x, y)),
        )


def _check_weights(wanted: _Asked, began: str, folder: Path, *, resumed: bool) -> None:
    """Raise UsageError where a training would go on, or others of its kind begin, with other weights than it began."""
    given = None if wanted.origin is None else wanted.origin.name
    if given != began and (given is not None or not (resumed or began == "none")):
        help = "leave --weights out" if began == "none" or resumed else f"write --weights {began} too"
        raise common.UsageError(
            f"{folder}: the training began with {began if began != 'none' else 'no weights of others'}", help
        )


def _watch(wanted: _Asked, folder: Path) -> Watch:
    """What shows how far a training has come. Raises UsageError."""
    from netdsl.train.watch import Board, shown

    found = shown(lambda line: stream.note(safe.line(line)))
    try:
        return Board(found, folder) if wanted.tensorboard else found
    except ImportError:
        raise common.UsageError("--tensorboard: there is no TensorBoard here", "pip install tensorboard") from None


def _network(wanted: _Asked, folder: Path, state: dict[str, Any] | None) -> tuple[About, ShapedGraph]:
    """What is trained, as the command line or the folder that it goes on in says."""
    from netdsl.train import folder as folders
    from netdsl.train.folder import About

    if wanted.file is None:
        assert state is not None, "there is a file, or a folder"
        about = About(**state["about"])
        shaped = folders.network(folder, about)
        return replace(about, data=wanted.data or about.data), shaped
    shaped = common.network(wanted.file, wanted.options)
    data = wanted.data or (About(**state["about"]).data if state else "")
    return About.of(common.locate(wanted.file), wanted.options.overrides, Path(data)), shaped


def _recipe(wanted: _Asked, shaped: ShapedGraph, resumed: Path | None) -> Recipe:
    """The recipe: of a file, of the folder that it goes on in, or the network's own, with what is asked to differ."""
    report, told = Report(), ""
    try:
        if wanted.recipe is not None or resumed is not None:
            recipe = recipes.read(_recipe_file(wanted.recipe, resumed), report)
        else:
            path = common.locate(wanted.file or "")
            recipe, told = recipes.of(shaped, path)
            stream.note(safe.line(f"recipe: {told}"))
    except NetError as error:
        common.say(error.diagnostics)
        raise SystemExit(1) from None
    except UnreadableFile as error:
        raise common.UsageError(str(error)) from None
    except OSError as error:
        raise common.UsageError(f"{error.filename}: {error.strerror}") from None
    given = {"epochs": wanted.epochs, "seed": wanted.seed, "aux_weight": wanted.aux_weight}
    changes: dict[str, Any] = {key: value for key, value in given.items() if value is not None}
    for word in wanted.changes:
        changes.update(_changed(word, report))
    if report.failed:
        common.say(report.diagnostics())
        raise SystemExit(1)
    try:
        recipe = replace(recipe, **changes)
    except ValueError as error:
        raise common.UsageError(str(error)) from None
    if told.startswith("the default"):
        stream.note(recipes.text(recipe).rstrip())
    return recipe


def _recipe_file(name: str | None, resumed: Path | None) -> Path:
    """The file of a recipe that is named, by its path or as a bundled one, or of the folder that is gone on in."""
    if name is None:
        assert resumed is not None, "a recipe is named, or a folder"
        return resumed / RECIPE
    if (path := resources.find_recipe(name)) is None:
        near = did_you_mean(Path(name).stem, [one.stem for one in resources.recipes()])
        raise common.UsageError(f"{name}: there is no such file, and no bundled recipe of that name", near)
    return path


def _changed(word: str, report: Report) -> dict[str, object]:
    """A key and its value of `--recipe-set key=value`, where words need no quotes. What is wrong is reported."""
    key, equals, text = (part.strip() for part in word.partition("="))
    if not equals:
        raise common.UsageError(f"--recipe-set {word}: not a key and a value", "write --recipe-set rate=0.1")
    words = [one.strip() for one in text.split(",")]
    if all(one.isidentifier() for one in words) and text not in ("true", "false"):
        quoted = ", ".join(f'"{one}"' for one in words)
        text = f"[{quoted}]" if len(words) > 1 else quoted
    found = recipes.reads(Source(f"{key} = {text}", "--recipe-set"), report)
    return {one.name: getattr(found, one.name) for one in fields(Recipe) if one.name == key}


def _data(path: str, shaped: ShapedGraph, recipe: Recipe) -> Data:
    from netdsl import data

    found = data.read(path, seed=recipe.seed, validation=recipe.validation)
    data.check(found, shaped)
    parts = ", ".join(f"{len(part):,} {name}" for name, part in found.parts.items())
    stream.note(safe.line(f"data: {path}: {parts} examples of {len(found.classes)} classes"))
    for sentence in found.notes:
        stream.note(safe.line(f"note: {sentence}"))
    return found


def _setting(wanted: _Asked, shaped: ShapedGraph, data: Data, recipe: Recipe, state: dict[str, Any] | None) -> Setting:
    """All that the weights follow from; what a training began with where it goes on, unless it is asked otherwise."""
    from netdsl.train.setting import Setting

    known: dict[str, Any] = state["facts"] if state else {}
    return Setting(
        shaped,
        data,
        recipe,
        init=wanted.init if wanted.begins else known.get("init", wanted.init),
        weights=wanted.origin,
        freeze=wanted.freeze or tuple(known.get("freeze", ())),
        loss=wanted.loss or known.get("loss"),
        accumulate=wanted.accumulate or known.get("accumulate", 0),
    )


@contextmanager
def _together() -> Generator[None]:
    """Of processes that train together, the first speaks for all; others say what they alone have met."""
    from netdsl.compile.errors import CompileError
    from netdsl.data import DataError
    from netdsl.train import distributed
    from netdsl.train.errors import Interrupted, LostError, TrainError
    from netdsl.train.freezing import FreezeError
    from netdsl.train.loss import LossError

    if distributed.started().first:
        yield
        distributed.leave()
        return
    with open(os.devnull, "w", encoding="utf-8") as nothing, redirect_stdout(nothing), redirect_stderr(nothing):
        try:
            yield
            distributed.leave()
        except (DataError, LostError):
            if distributed.begun():
                raise
            raise SystemExit(2) from None
        except Interrupted:
            raise SystemExit(130) from None
        except (TrainError, FreezeError, LossError, CompileError, common.UsageError):
            raise SystemExit(2) from None


@contextmanager
def _telling(again: str) -> Generator[None]:
    """What is wrong with a training is told, with what to do; one that was interrupted goes on by `again`."""
    from netdsl.compile.errors import CompileError
    from netdsl.data import DataError
    from netdsl.train.errors import Interrupted, NotFiniteError, TrainError
    from netdsl.train.freezing import FreezeError
    from netdsl.train.loss import LossError

    try:
        yield
    except Interrupted as end:
        stream.note(safe.line(f"interrupted in epoch {end.epoch}: netdsl train --resume {again} goes on"))
        raise SystemExit(130) from None
    except NotFiniteError as error:
        common.fail(common.UsageError(str(error), error.help), status=1)
    except (TrainError, DataError) as error:
        raise common.UsageError(str(error), error.help) from None
    except FreezeError as error:
        raise common.UsageError(f"--freeze: {error}", error.mistake.help(), error.mistake.code) from None
    except LossError as error:
        raise common.UsageError(error.reason, error.help) from None
    except CompileError as error:
        raise common.UsageError(str(error), getattr(error, "help", "")) from None
