"""What callers ask for: the signal and the gradients of a network, and whether it can start to learn."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor, nn

from netdsl import compile
from netdsl.compile.origin import Origin, Remarks
from netdsl.compile.plan import device_named
from netdsl.graph.node import ShapedGraph
from netdsl.measure.meter import Meter
from netdsl.measure.units import size
from netdsl.probe import pictures
from netdsl.probe.judgement import Start, judged
from netdsl.probe.mistakes import Warned
from netdsl.probe.readings import read
from netdsl.probe.report import Probe
from netdsl.probe.run import Run
from netdsl.train import room
from netdsl.train.errors import RoomError
from netdsl.train.loss import Loss, LossError, loss
from netdsl.train.readings import Kind
from netdsl.train.training import Training

BATCH = 8
"""Examples where no other number is asked for: enough to differ, and few enough for the largest networks."""
_SOME = 32
"""Examples of a batch that are enough."""


def probe(
    shaped: ShapedGraph,
    *,
    inits: str | Sequence[str] = "default",
    seed: int = 0,
    batch: int = BATCH,
    weights: Origin | None = None,
    data: Path | None = None,
    kind: Kind | None = None,
    device: str = "cpu",
) -> Probe:
    """Run a step of a network under each init, and tell what each layer makes of it.

    The examples are random, and so are their classes, or some of the training part of `data`; the loss is of a `kind`
    where layers do not say it. Raises CompileError, DataError, OSError for what cannot be read, LossError for a kind
    that does not fit, RoomError for a batch that memory has no room for, and ValueError for fewer than two examples,
    which differ in nothing.
    """
    if batch < 2:
        raise ValueError(f"a signal is what examples differ by: batch is 2 or more, not {batch}")
    where = device_named(device)
    _fits(shaped, batch, where)
    generator = torch.Generator().manual_seed(seed)
    if data is None:
        examples = pictures.inputs(shaped, batch, generator)
        classes = pictures.targets(shaped, batch, generator)
    else:
        x, y = pictures.of_data(shaped, data, batch, seed)
        examples, classes = [x], [y] * len(shaped.graph.outputs)
    examples, classes = ([one.to(where) for one in some] for some in (examples, classes))
    lossless, of = "", None
    try:
        of = loss(shaped, kind).to(where)
    except LossError as error:
        if kind is not None:
            raise
        lossless = f"{error.reason}; {error.help}" if error.help else error.reason
    runs: list[Run] = []
    remarks = Remarks()
    for init in [inits] if isinstance(inits, str) else inits:
        network = compile.module(shaped, seed=seed, init=init, weights=weights, logits=True).to(where)
        remarks = network.meta.get("weights", remarks)
        found = read(shaped, network, examples, of, classes)
        start = Start(init, "" if weights is None else weights.name)
        runs.append(Run(start, found, tuple(judged(shaped, found, start))))
    return Probe(shaped, tuple(runs), len(examples[0]), seed, "" if data is None else str(data), lossless, remarks)


def _fits(shaped: ShapedGraph, batch: int, device: torch.device) -> None:
    """Raise RoomError for a step that takes more memory than there is, with what reducing an output takes."""
    largest = 4 * batch * max(shape.elements for shape in shaped.shapes)
    parts = Meter(shaped, "sgd").training(batch)
    taken = 2 * largest + sum(one.weights + one.constants + one.gradients + one.kept + one.transient for one in parts)
    there = room.available(device)
    if there is not None and taken > there:
        raise RoomError(batch, size(taken), size(there), 0)


def alive(
    shaped: ShapedGraph, network: nn.Module, loss: Loss, x: Tensor, y: Tensor, *, init: str = "", weights: str = ""
) -> list[Warned]:
    """What keeps a network from learning from a batch, by one step that leaves it as it was; nothing, if all is well.

    The network is `compile.module` of the graph, with logits, on the device of the batch, of which a few examples are
    enough, and one tells nothing. What it began with, an init or a file of weights, is for the help.
    """
    if len(x) < 2:
        return []
    targets = [y[:_SOME]] * len(shaped.graph.outputs)
    return judged(shaped, read(shaped, network, [x[:_SOME]], loss, targets), Start(init, weights))


def beginning(training: Training, x: Tensor, y: Tensor) -> list[Warned]:
    """The same of a training before its first step, for what calls it with the first batch."""
    setting = training.setting
    origin = "" if setting.weights is None else setting.weights.name
    return alive(setting.shaped, training.module, training.loss, x, y, init=setting.init, weights=origin)


class SignalWarning(UserWarning):
    """What keeps a network from learning, for callers in Python."""


def warn(training: Training, x: Tensor, y: Tensor) -> None:
    """Warn of what keeps a training from its first step."""
    for one in beginning(training, x, y):
        warnings.warn("; ".join(filter(None, (one.message, one.help))), SignalWarning, stacklevel=2)
