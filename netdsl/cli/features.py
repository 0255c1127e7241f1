"""`netdsl features`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from netdsl import files
from netdsl.cli import common, preparing, progress, stream, weights
from netdsl.cli.trained import Trained, trained
from netdsl.compile.errors import CompileError
from netdsl.compile.origin import Origin
from netdsl.text import safe, tabulate
from netdsl.text.tabulate import Column, Look
from netdsl.train import log

if TYPE_CHECKING:
    from netdsl.compile.progress import Progress
    from netdsl.data import Data
    from netdsl.see.features import Features, Reading
    from netdsl.see.subject import Subject
    from netdsl.train.evaluation import Evaluation


@dataclass(frozen=True)
class _Probe:
    """A linear probe on some features: what these are, how many numbers, the decay that it chose, and how it does."""

    features: str
    numbers: int
    decay: float
    found: Evaluation


@click.command("features")
@click.argument("file")
@click.option("--layer", required=True, metavar="PATH", help="The layer whose output is taken.")
@click.option("--data", required=True, metavar="DATA", help="Pictures and their classes, as netdsl train takes them.")
@click.option("-o", "--output", metavar="OUT.npz", help="Where the features go.  [default: features.npz]")
@click.option("--flat", is_flag=True, help="Keep each place of a map, and not their mean.")
@click.option("--probe", is_flag=True, help="Tell how well weighing the features alone tells classes apart.")
@click.option(
    "--seed", type=click.IntRange(0), default=0, show_default=True, help="Of splits, and of untrained weights."
)
@click.option("--batch", type=click.IntRange(1), metavar="N", help="Pictures that run at once.")
@common.threads
@weights.initial
@weights.loading("Load the weights from a safetensors or .pth file.")
@partial(preparing.options, name="prepare", inverts=False)
@common.formats("table", "json")
@common.overriding
def command(
    file: str,
    layer: str,
    data: str,
    output: str | None,
    flat: bool,
    probe: bool,
    seed: int,
    batch: int | None,
    threads: int | None,
    init: str,
    origin: Origin | None,
    prepare: preparing.Asked,
    form: str,
    asked: common.Options,
) -> None:
    """Take what a layer makes of pictures as features for other tasks. FILE is the folder of a training, a compiled
    .pt, or a network with --weights.

    Features of each part of the data go into a file. --probe fits a linear classifier to them, beside one on the pixels
    and one on the same layer untrained, and prints the errors of all three on the test part.
    """
    from netdsl.data import DataError
    from netdsl.see.errors import SeeError

    if form == "json" and not probe:
        raise common.UsageError("--format json is for what --probe tells", "write --probe too")
    target = Path(output or "features.npz") if output or not probe else None
    if target is not None:
        common.format_of(target, ["npz"], "features")
        files.check(target)
    common.use_threads(threads)
    network = trained(file, origin, asked, "features")
    try:
        with weights.telling(), progress.shown() as shown:
            taken = _Taken.of(network, data, layer, prepare, init, seed, batch, flat=flat, progress=shown)
            known = taken.own()
            if target is not None:
                _write(target, known, taken.data.classes)
            probes = list(taken.probes(known) if probe else ())
    except (SeeError, DataError) as error:
        raise common.UsageError(str(error), error.help) from None
    except CompileError as error:
        raise common.UsageError(str(error)) from None
    if form == "json":
        stream.data(_json(layer, probes))
        return
    title = network.shaped.graph.title
    if probe:
        count = probes[0].found.examples
        stream.line(f"{title}: linear probes of {data}, errors on its test part of {count:,}, {taken.words}")
        stream.page(lambda look: _table(probes, look))
    if target is not None:
        counts = ", ".join(f"{name} {len(one.labels):,}" for name, one in known.items())
        stream.line(f"{target}: {known['train'].values.shape[1]:,} numbers of {layer} for each picture: {counts}")


@dataclass(frozen=True)
class _Taken:
    """Features that are asked for: of which layer, of what network, on which data.

    `untrained` is the same network with fresh weights, where it has others.
    """

    subject: Subject
    untrained: Subject | None
    data: Data
    layer: str
    flat: bool
    words: str
    batch: int
    progress: Progress

    @classmethod
    def of(
        cls,
        network: Trained,
        path: str,
        layer: str,
        prepare: preparing.Asked,
        init: str,
        seed: int,
        batch: int | None,
        *,
        flat: bool,
        progress: Progress,
    ) -> _Taken:
        """What a command line asks for. Raises UsageError, SeeError, DataError and CompileError."""
        from netdsl import compile
        from netdsl.recipe import Recipe
        from netdsl.see.subject import Subject
        from netdsl.train import batches

        shaped, origin = network.shaped, network.origin
        data = _read(path, seed)
        preparation, words = prepare.prepared(network, shaped.shapes[shaped.graph.inputs[0]].channels)
        module = compile.module(shaped, train=False, init=init, seed=seed, weights=origin, progress=progress)
        subject = Subject(shaped, module, preparation, network.classes)
        dims, untrained = subject.dims, None
        if origin is not None:
            weights.tell(module.meta["weights"])
            untrained = replace(subject, module=compile.module(shaped, train=False, init=init, seed=seed))
        elif words == preparing.USUAL:
            subject = replace(subject, preparation=batches.preparation(data, dims, Recipe(seed=seed)))
            words = "normalised by the mean and deviation of the data"
        count = batch or subject.batch(subject.layer(layer))
        return cls(subject, untrained, data, layer, flat, words, count, progress)

    def own(self) -> Mapping[str, Features]:
        """The features of each part. Raises DataError."""
        return self._of_layer(self.subject)

    def _of_layer(self, subject: Subject) -> Mapping[str, Features]:
        from netdsl.see.features import of_layer

        return self._found(subject, *of_layer(subject, self.layer, flat=self.flat))

    def _found(self, subject: Subject, reading: Reading, numbers: int) -> Mapping[str, Features]:
        from netdsl.data import memory
        from netdsl.see import features

        parts = self.data.parts
        memory.held(self.data.path, 4 * numbers * sum(map(len, parts.values())))
        return {name: features.found(subject, part, reading, self.batch, self.progress) for name, part in parts.items()}

    def probes(self, known: Mapping[str, Features]) -> Sequence[_Probe]:
        """Linear probes on these features, on the same layer untrained, and on the pixels. Raises DataError."""
        from netdsl.see.features import of_pixels

        found = [self._probe(f"{self.layer}, {'trained' if self.untrained else 'untrained'}", known)]
        if self.untrained is not None:
            found.append(self._probe(f"{self.layer}, untrained", self._of_layer(self.untrained)))
        reading, numbers, name = of_pixels(self.subject.dims)
        return [*found, self._probe(name, self._found(self.subject, reading, numbers))]

    def _probe(self, name: str, known: Mapping[str, Features]) -> _Probe:
        from netdsl.see import linear

        self.progress(f"fitting {name}", 0, 1)
        made = linear.probe(known, len(self.data.classes))
        return _Probe(name, known["train"].values.shape[1], made.decay, made.tried(known["test"]))


def _read(path: str, seed: int) -> Data:
    """The data, all parts of them. Raises UsageError."""
    from netdsl.data import read

    with common.reading(path):
        found = read(path, seed=seed)
        found.part("test")
        return found


def _write(target: Path, known: Mapping[str, Features], classes: Sequence[str]) -> None:
    """Write features, whole or not at all. Raises UsageError."""
    from netdsl.see.features import write

    try:
        with files.replacing(target) as file:
            write(file, known, classes)
    except OSError as error:
        raise common.UsageError(f"{target}: {error.strerror or error}") from None


def _table(probes: Sequence[_Probe], look: Look) -> str:
    shown = [Column("features"), *(Column(head, right=True) for head in ("numbers", "error", "loss", "decay"))]
    rows = [
        (
            safe.line(one.features),
            f"{one.numbers:,}",
            log.percent(one.found.error),
            log.loss(one.found.loss),
            f"{one.decay:g}",
        )
        for one in probes
    ]
    return "\n".join(["", *tabulate.text(shown, rows, look), ""])


def _json(layer: str, probes: Sequence[_Probe]) -> str:
    found = [
        {"features": one.features, "numbers": one.numbers, "decay": one.decay}
        | {"error": one.found.error, "top5_error": one.found.top5_error, "loss": one.found.loss}
        for one in probes
    ]
    return safe.json_text({"layer": layer, "examples": probes[0].found.examples, "probes": found})
