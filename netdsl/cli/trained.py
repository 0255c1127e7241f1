"""A network and its weights, as commands name them: the folder of a training, a compiled file, or a network's file."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from netdsl import resources
from netdsl.cli import common
from netdsl.cli.compiled import compiled_file, running
from netdsl.compile.origin import Origin
from netdsl.graph.build import OverrideError, Overrides, build
from netdsl.graph.node import ShapedGraph
from netdsl.runtime import NotCompiledError
from netdsl.runtime.file import Card, Compiled, card
from netdsl.runtime.preparation import Preparation
from netdsl.text.diagnostic import Report
from netdsl.text.source import Source
from netdsl.train import folder as folders
from netdsl.train.errors import NotATrainingError
from netdsl.train.folder import BEST, COMPILED


@dataclass(frozen=True)
class Trained:
    """A network, where its weights are, and what is known of its classes and of its pictures."""

    shaped: ShapedGraph
    origin: Origin | None
    classes: tuple[str, ...] = ()
    preparation: Preparation | None = None

    @property
    def source(self) -> str:
        """Its program."""
        return self.shaped.graph.source.text


def is_trained(file: str) -> bool:
    """Whether FILE is the folder of a training, of which there are weights."""
    return Path(file, COMPILED).is_file()


def stem(file: str) -> str:
    """What files that are made of FILE are called: as the folder of a training, or as the network."""
    return Path(file).resolve().name if Path(file).is_dir() else common.stem(file)


def trained(file: str, origin: Origin | None, asked: common.Options, command: str) -> Trained:
    """What FILE names, with other weights where some are given. Raises UsageError; errors of a network end with 1."""
    path = Path(file)
    if not path.is_dir() and path.suffix != ".pt":
        return Trained(common.network(file, asked), origin)
    if path.is_dir() and folders.is_training(path):
        try:
            return _of_folder(path, origin, asked)
        except NotATrainingError as error:
            if not (path / COMPILED).is_file():
                raise common.UsageError(str(error)) from None
            common.warn(f"{error}; {COMPILED} beside it is taken as it is")
    if path.is_dir() and not (path / COMPILED).is_file():
        raise common.UsageError(f"{file} holds no training: there is no {COMPILED} in it", "netdsl train makes one")
    with ExitStack() as held:
        compiled = compiled_file(file, held, command)
        made = compiled.card
        shaped = _network(file, made, asked.overrides)
        return Trained(shaped, origin or _weights(file, compiled), tuple(made.classes), made.preparation)


def _of_folder(path: Path, origin: Origin | None, asked: common.Options) -> Trained:
    """The best that there is of a training in its folder, which may still run. Raises UsageError, NotATrainingError."""
    shaped = folders.network(path)
    if asked.sets or asked.inputs:
        option = "--set" if asked.sets else "--input"
        raise common.UsageError(f"{path}: a training's network takes no {option}", "leave it out")
    if not (path / BEST).is_file():
        raise common.UsageError(f"{path}: there is no {BEST} in it yet", "wait for the first epoch to end")
    try:
        made = card(path / COMPILED) if (path / COMPILED).is_file() else None
    except NotCompiledError as error:
        raise common.UsageError(str(error)) from None
    weights = origin or Origin(path / BEST)
    if made is None:
        common.warn(
            f"there is no {COMPILED} in {path} yet, which says how pictures are prepared and what classes are called"
        )
        return Trained(shaped, weights)
    return Trained(shaped, weights, tuple(made.classes), made.preparation)


def _network(file: str, made: Card, changes: Overrides) -> ShapedGraph:
    """The network that a file was compiled from, by the program in it. Raises UsageError."""
    include = [*changes.include, Path(file).parent, resources.networks()]
    report = Report()
    try:
        shaped = build(
            Source(made.source, f"{made.title}.net"), None, report, Overrides(changes.params, changes.inputs, include)
        )
    except OverrideError as error:
        raise common.UsageError(str(error), error.mistake.help(), error.mistake.code) from None
    if shaped is None:
        common.say(report.diagnostics())
        raise common.UsageError(f"the program in {file} is no network here", "name its .net file, with --weights")
    graph = shaped.graph
    dims = [
        {graph.output_name(one): [*shaped.shapes[one].dims] for one in some} for some in (graph.inputs, graph.outputs)
    ]
    if dims != [{name: [*sizes] for name, sizes in some.items()} for some in (made.inputs, made.outputs)]:
        raise common.UsageError(
            f"{file} was compiled with other params or inputs than its program has", "write the same --set and --input"
        )
    return shaped


def _weights(file: str, compiled: Compiled) -> Origin:
    """The weights in a compiled file. Raises UsageError for one that has them in another form."""
    from netdsl.runtime.module import reader

    if compiled.card.target != "portable":
        raise common.UsageError(
            f"{file} is made for {compiled.card.target}, and has no weights by name",
            "name its .net file, with --weights",
        )
    with running(file):
        return Origin(dict(reader(compiled, trust=False)("cpu").state_dict()))
