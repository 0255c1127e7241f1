"""What callers in Python ask of a training, in the words that they have."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from os import PathLike
from pathlib import Path

from torch import Tensor

from netdsl import data as examples
from netdsl import recipe as recipes
from netdsl.compile.origin import Origin
from netdsl.graph.build import Overrides
from netdsl.graph.node import ShapedGraph
from netdsl.recipe import Recipe
from netdsl.text.diagnostic import NetError, Report
from netdsl.text.source import stem
from netdsl.train import loop, watch
from netdsl.train.folder import RECIPE, About
from netdsl.train.outcome import Outcome
from netdsl.train.readings import Kind
from netdsl.train.setting import Setting
from netdsl.train.training import Training


def train(
    shaped: ShapedGraph,
    path: Path | None,
    overrides: Overrides,
    data: str | PathLike[str],
    folder: str | PathLike[str] | None,
    *,
    recipe: str | PathLike[str] | Recipe | None,
    changes: Mapping[str, object],
    init: str,
    weights: Origin | None,
    freeze: Sequence[str],
    loss: Kind | None,
    accumulate: int,
    device: str,
    resume: bool,
    overwrite: bool,
    show: bool,
    before: Callable[[Training, Tensor, Tensor], None] | None = None,
) -> Outcome:
    """Train a network as `Network.train` says; `before` sees it and a first batch before the first step."""
    place = Path("runs", stem(shaped.graph.source.name)) if folder is None else Path(folder)
    chosen = _recipe(shaped, path, place / RECIPE if resume and recipe is None else recipe, changes)
    found = examples.read(data, seed=chosen.seed, validation=chosen.validation)
    examples.check(found, shaped)
    asked = (freeze,) if isinstance(freeze, str) else tuple(freeze)
    begun = None if weights is None else replace(weights, anew=True)
    setting = Setting(shaped, found, chosen, init, begun, asked, loss, accumulate)
    return loop.train(
        setting,
        place,
        About.of(path, overrides, Path(data)),
        device=device,
        resume=resume,
        overwrite=overwrite,
        watch=watch.shown() if show else None,
        before=before,
    )


def _recipe(
    shaped: ShapedGraph, path: Path | None, asked: str | PathLike[str] | Recipe | None, changes: Mapping[str, object]
) -> Recipe:
    """A recipe, or that of a file, or the network's own, with some keys changed. Raises NetError and ValueError."""
    for name in changes:
        if name not in {key.name for key in recipes.KEYS}:
            slip = recipes.other_key(name)
            raise TypeError(f"{slip.message()}: {slip.help()}")
    match asked:
        case None:
            found, _ = recipes.of(shaped, path)
        case Recipe():
            found = asked
        case _:
            report = Report()
            found = recipes.read(Path(asked), report)
            if report.failed:
                raise NetError(report.diagnostics())
    return replace(found, **changes)  # pyright: ignore[reportArgumentType]
