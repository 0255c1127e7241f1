"""What a network takes in memory, device by device, when it trains and when it infers, and the batch that fits."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from math import prod

from netdsl.graph.infer import ask
from netdsl.graph.node import ShapedGraph
from netdsl.measure import units
from netdsl.measure.figures import PRECISIONS as WIDTHS
from netdsl.measure.liveness import liveness
from netdsl.measure.placement import placed
from netdsl.measure.saves import least_batch
from netdsl.measure.training import Tape, activations, kept_by, own, record
from netdsl.text import safe
from netdsl.text.fit import clipped
from netdsl.text.shown import Line, Page

OPTIMIZERS: Mapping[str, int] = {
    "sgd": 0,
    "momentum": 1,
    "nesterov": 1,
    "adagrad": 1,
    "rmsprop": 1,
    "adadelta": 2,
    "adam": 2,
    "adamw": 2,
}
"""Numbers that an optimizer stores beside each weight, as torch.optim does: momentum, means of squares."""
PRECISIONS = ("fp32", "fp16", "bf16")
KEEPS = ("saved", "all")
"""What training keeps of activations: what autograd saves, or all values and all their gradients, as in 2012."""


@dataclass(frozen=True, slots=True, repr=False)
class Training(Line):
    """The memory of a training step on one device, in bytes.

    `transient` is what is alive besides all the rest at the peak, while `node` runs `backward` or forward.
    """

    device: int
    weights: int
    constants: int
    gradients: int
    optimizer: int
    kept: int
    transient: int
    node: str
    backward: bool

    @property
    def about(self) -> str:
        """Its line."""
        return f"device {self.device}: {units.size(self.total)}, most at {self.node}"

    @property
    def total(self) -> int:
        """All of it."""
        return self.weights + self.constants + self.gradients + self.optimizer + self.kept + self.transient


@dataclass(frozen=True, slots=True, repr=False)
class Inference(Line):
    """The memory of inference on one device, in bytes; `activations` at their peak, while `node` runs."""

    device: int
    weights: int
    constants: int
    activations: int
    node: str

    @property
    def about(self) -> str:
        """Its line."""
        return f"device {self.device}: {units.size(self.total)}, most at {self.node}"

    @property
    def total(self) -> int:
        """All of it."""
        return self.weights + self.constants + self.activations


@dataclass(frozen=True, slots=True, repr=False)
class Kept(Line):
    """What training keeps of a layer, in bytes: its output, and what is its own, as indices and masks."""

    path: str
    layer: str
    device: int
    output: int
    own: int

    @property
    def about(self) -> str:
        """Its line."""
        return f"{clipped(self.path, 60)}: {units.size(self.total)}"

    @property
    def total(self) -> int:
        """Both."""
        return self.output + self.own


@dataclass(frozen=True, slots=True)
class Fit:
    """The largest batch of training and of inference that fits into `bytes` on each device; 0 where none does.

    Each with the device that a larger one does not fit on.
    """

    bytes: int
    training: int
    training_limit: int
    inference: int
    inference_limit: int


@dataclass(frozen=True, slots=True, repr=False)
class Least(Line):
    """The fewest examples that training takes at once, and the layer that asks for so many."""

    batch: int
    path: str

    @property
    def about(self) -> str:
        """Its line."""
        return f"a batch of {self.batch}, for {self.path}"


@dataclass(frozen=True, repr=False)
class Memory(Page):
    """What a network takes in memory, for a batch of examples; it prints as a table.

    `training` and `inference` have an entry for each logical device, `layers` one for each layer of which training
    keeps something. Where training takes more examples at once than `batch`, `least` says so, and there is no entry.
    """

    title: str
    batch: int
    optimizer: str
    precision: str
    keep: str
    training: tuple[Training, ...]
    inference: tuple[Inference, ...]
    layers: tuple[Kept, ...]
    fit: Fit | None = None
    least: Least | None = None

    def __str__(self) -> str:
        from netdsl.measure import memory_table

        return memory_table.text(self)

    @property
    def data(self) -> dict[str, object]:
        """All of it as plain data; sizes are bytes."""
        return {
            "name": self.title,
            "batch": self.batch,
            "optimizer": self.optimizer,
            "precision": self.precision,
            "keep": self.keep,
            "training": [asdict(one) | {"total": one.total} for one in self.training],
            "inference": [asdict(one) | {"total": one.total} for one in self.inference],
            "layers": [asdict(one) for one in self.layers],
            "fit": None if self.fit is None else asdict(self.fit),
            "least": None if self.least is None else asdict(self.least),
        }

    def json(self) -> str:
        """The data as JSON."""
        return safe.json_text(self.data)


@dataclass(frozen=True)
class Meter:
    """Measures a network at any batch, with an optimizer of OPTIMIZERS, one of PRECISIONS and one of KEEPS."""

    network: ShapedGraph
    optimizer: str = "momentum"
    precision: str = "fp32"
    keep: str = "saved"

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

    def training(self, batch: int) -> tuple[Training, ...]:
        """The memory of a training step, device by device."""
        weights, constants = self.stored(training=True)
        stored = {
            device: (weights[device], constants[device], weights[device], OPTIMIZERS[self.optimizer] * weights[device])
            for device in self.devices
        }
        if self.keep == "all":
            values, gradients = self._all(batch)
            last = self.shaped.nodes[-1].path
            return tuple(
                Training(device, *stored[device], values[device], gradients[device], last, backward=True)
                for device in self.devices
            )
        found = activations(self.tapes[batch > 1], batch, self.width)
        return tuple(
            Training(
                device,
                *stored[device],
                found[device].kept,
                found[device].peak - found[device].kept,
                self.shaped.nodes[found[device].node].path,
                found[device].backward,
            )
            for device in self.devices
        )

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
    fit: int | None = None,
) -> Memory:
    """What a network takes in training and in inference.

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
    meter = Meter(shaped, optimizer, precision, keep)
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
    )
