"""Measures the memory that a network takes, at any batch, and the batch that fits."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from math import prod

from netdsl.graph.infer import ask
from netdsl.graph.node import ShapedGraph
from netdsl.measure import units
from netdsl.measure.costs import PRECISIONS as WIDTHS
from netdsl.measure.liveness import liveness
from netdsl.measure.memory import OPTIMIZERS, Fit, Inference, Kept, Least, Memory, Training
from netdsl.measure.placement import placed
from netdsl.measure.saves import least_batch
from netdsl.measure.training import Activations, Tape, activations, kept_by, own, record

PRECISIONS = ("fp32", "fp16", "bf16")
KEEPS = ("saved", "all")
"""What training keeps of activations: what autograd saves, or all values and all their gradients, as in 2012."""


@dataclass(frozen=True)
class Meter:
    """Measures a network at any batch, with an optimizer of OPTIMIZERS, one of PRECISIONS and one of KEEPS.

    With `ema` training has a moving average of the network beside it.
    """

    network: ShapedGraph
    optimizer: str = "momentum"
    precision: str = "fp32"
    keep: str = "saved"
    ema: bool = False

    @cached_property
    def shaped(self) -> ShapedGraph:
        """The network on its devices."""
        return placed(self.network)

    @cached_property
    def devices(self) -> list[int]:
        """The logical devices that it uses."""
        return sorted({node.device for node in self.shaped.nodes})

    @cached_property
    def tapes(self) -> tuple[Tape, Tape]:
        """What autograd records of one example, and of several."""
        return record(self.shaped, single=True), record(self.shaped)

    @cached_property
    def least(self) -> Least:
        """The fewest examples that training takes at once."""
        nodes = enumerate(self.shaped.nodes)
        asked = (Least(ask(least_batch, self.shaped, at), node.path) for at, node in nodes)
        return max(asked, key=lambda one: one.batch)

    @property
    def width(self) -> int:
        """Bytes of a number."""
        return WIDTHS[self.precision]

    def stored(self, *, training: bool) -> tuple[Counter[int], Counter[int]]:
        """Bytes of weights, and of constants, on each device. Weights count whole, the zeros of a table too."""
        weights: Counter[int] = Counter()
        constants: Counter[int] = Counter()
        owners: set[str] = set()
        for index, node in enumerate(self.shaped.nodes):
            if node.owner in owners or (node.training and not training):
                continue
            owners.add(node.owner)
            inputs = self.shaped.input_shapes(index)
            weights[node.device] += self.width * sum(prod(one.dims) for one in node.layer.weights(*inputs))
            constants[node.device] += self.width * sum(prod(one.dims) for one in node.layer.constants(*inputs))
        return weights, constants

    @cached_property
    def largest(self) -> Counter[int]:
        """Bytes of the largest tensor of weights on each device."""
        found: Counter[int] = Counter()
        for index, node in enumerate(self.shaped.nodes):
            for one in node.layer.weights(*self.shaped.input_shapes(index)):
                found[node.device] = max(found[node.device], self.width * prod(one.dims))
        return found

    def training(self, batch: int) -> tuple[Training, ...]:
        """The memory of a training step, device by device."""
        weights, constants = self.stored(training=True)
        held = OPTIMIZERS[self.optimizer][1]
        stored = {
            device: (
                weights[device],
                constants[device],
                weights[device],
                held * weights[device] + self.ema * (weights[device] + constants[device]),
            )
            for device in self.devices
        }
        if self.keep == "all":
            values, gradients = self._all(batch)
            last = self.shaped.nodes[-1].path
            return tuple(
                Training(device, *stored[device], values[device], gradients[device], last, backward=True)
                for device in self.devices
            )
        found = activations(self.tapes[batch > 1], batch, self.width, gradients=True)
        return tuple(self._peak(device, found[device], *stored[device]) for device in self.devices)

    def _peak(self, device: int, found: Activations, weights: int, constants: int, whole: int, held: int) -> Training:
        """What there is when most is: while a layer runs, or while the optimizer steps, one tensor after the other."""
        scratch = OPTIMIZERS[self.optimizer][2] * self.largest[device]
        if whole + scratch + found.held > found.gradients + found.peak:
            return Training(device, weights, constants, whole, held, 0, scratch + found.held, "", backward=False)
        kept = min(found.kept, found.peak)
        node = self.shaped.nodes[found.node].path
        more = found.peak - kept
        return Training(device, weights, constants, found.gradients, held, kept, more, node, found.backward)

    def _all(self, batch: int) -> tuple[Counter[int], Counter[int]]:
        """Bytes of all values, and of all their gradients, on each device; layers that may work in place do."""
        values: Counter[int] = Counter()
        gradients: Counter[int] = Counter()
        for index, (node, gradient) in enumerate(zip(self.shaped.nodes, self.tapes[1].gradient, strict=True)):
            size = self._output(index, batch)
            values[node.device] += size
            gradients[node.device] += size if gradient else 0
        return values, gradients

    def _output(self, index: int, batch: int) -> int:
        node, shape = self.shaped.nodes[index], self.shaped.shapes[index]
        return 0 if node.layer.inplace else shape.elements * batch * self.width

    def inference(self, batch: int) -> tuple[Inference, ...]:
        """The memory of inference in the graph's order, device by device, as compiled modules do it: not in place."""
        weights, constants = self.stored(training=False)
        nodes, shapes = self.shaped.nodes, self.shaped.shapes
        found: list[Inference] = []
        for device in self.devices:
            sizes = [
                shape.elements * batch * self.width * (node.device == device)
                for node, shape in zip(nodes, shapes, strict=True)
            ]
            alive = liveness(self.shaped, inplace=False, bytes_of=sizes.__getitem__)
            found.append(Inference(device, weights[device], constants[device], alive.peak, nodes[alive.node].path))
        return tuple(found)

    def layers(self, batch: int) -> tuple[Kept, ...]:
        """What training keeps of each layer, the most first."""
        nodes = self.shaped.nodes
        tape = self.tapes[batch > 1]
        kept = kept_by(tape, batch, self.width)
        found: list[Kept] = []
        for index, node in enumerate(nodes):
            if self.keep == "all":
                output, extra = self._output(index, batch), 0
            else:
                extra = own(tape.saved[index], batch, self.width) if tape.gradient[index] else 0
                output = kept[index] - extra
            found.append(Kept(node.path, node.layer.written, node.device, output, extra))
        return tuple(sorted([one for one in found if one.total], key=lambda one: -one.total))

    def fit(self, size: int) -> Fit:
        """The largest batches that fit into a number of bytes on each device."""
        training = _largest(lambda batch: max(one.total for one in self.training(batch)) <= size)
        inference = _largest(lambda batch: max(one.total for one in self.inference(batch)) <= size)
        over = max(self.training(training + 1), key=lambda one: one.total)
        training = training if training >= self.least.batch else 0
        last = max(self.inference(inference + 1), key=lambda one: one.total)
        return Fit(size, training, over.device, inference, last.device)


def _largest(fits: Callable[[int], bool]) -> int:
    """The largest batch that fits, where every smaller one does too; 0 where none does."""
    over = 1
    while fits(over):
        over *= 2
    fit = over // 2
    while over - fit > 1:
        middle = (fit + over) // 2
        fit, over = (middle, over) if fits(middle) else (fit, middle)
    return fit


def memory(
    shaped: ShapedGraph,
    batch: int | None = None,
    *,
    optimizer: str = "momentum",
    precision: str = "fp32",
    keep: str = "saved",
    ema: bool = False,
    fit: int | None = None,
) -> Memory:
    """What a network takes in training, with a moving average of it if `ema`, and in inference.

    `fit` is the memory of each device in bytes. The batch is by default the largest whose training fits there, else 1.
    Raises ValueError for what is not among OPTIMIZERS, PRECISIONS or KEEPS, and for a batch or a memory of nothing.
    """
    for option, word, choices in (
        ("optimizer", optimizer, OPTIMIZERS),
        ("precision", precision, PRECISIONS),
        ("keep", keep, KEEPS),
    ):
        if word not in choices:
            raise ValueError(f"{option} is one of {', '.join(choices)}, not {word!r}")
    batch = None if batch is None else units.whole("batch", batch)
    fit = None if fit is None else units.whole("fit, a number of bytes,", fit)
    meter = Meter(shaped, optimizer, precision, keep, ema)
    largest = None if fit is None else meter.fit(fit)
    count = batch or max(1, largest.training if largest else 1)
    trains = count >= meter.least.batch
    return Memory(
        shaped.graph.title,
        count,
        optimizer,
        precision,
        keep,
        meter.training(count) if trains else (),
        meter.inference(count),
        meter.layers(count) if trains else (),
        largest,
        None if trains else meter.least,
        ema,
    )
