"""What a network takes in memory, device by device, when it trains and when it infers; it prints as tables."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from textwrap import wrap

from netdsl.measure import units
from netdsl.measure.units import size
from netdsl.text import safe, tabulate
from netdsl.text.fit import clipped
from netdsl.text.shown import Line, Page
from netdsl.text.tabulate import PLAIN, Column, Look

OPTIMIZERS: Mapping[str, tuple[str, int, int]] = {
    "sgd": ("SGD", 0, 0),
    "momentum": ("SGD with momentum", 1, 0),
    "nesterov": ("SGD with Nesterov's momentum", 1, 1),
    "adagrad": ("Adagrad", 1, 1),
    "rmsprop": ("RMSprop", 1, 1),
    "adadelta": ("Adadelta", 2, 2),
    "adam": ("Adam", 2, 2),
    "adamw": ("AdamW", 2, 2),
}
"""By the names of torch.optim: what optimizers are called, how many numbers they store beside each weight, and how many
they need besides for each of one tensor, while it is its turn."""
_PARTS = ("weights", "gradients", "optimizer", "kept", "transient", "total")
_COLUMNS = (Column(least=18), *(Column(part, right=True, least=9) for part in _PARTS))
_MOST_LAYERS = 10


@dataclass(frozen=True, slots=True, repr=False)
class Training(Line):
    """The memory of a training step on one device, in bytes, at its peak: while `node` runs `backward` or forward.

    `gradients` are those of weights that are there by then, `kept` what autograd keeps of the forward pass, or what is
    left of it, and `transient` all else that is alive. Without a `node`, it is while the optimizer steps.
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
        return f"device {self.device}: {units.size(self.total)}, most at {self.node or 'the optimizer'}"

    @property
    def total(self) -> int:
        """All of it."""
        return self.weights + self.constants + self.gradients + self.optimizer + self.kept + self.transient


def _running(one: Training) -> str:
    return f"{one.node} runs{' backward' * one.backward}" if one.node else "the optimizer steps"


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
    ema: bool = False
    """Whether training has a moving average of the network beside it, which counts as the optimizer's."""

    def __str__(self) -> str:
        return "\n".join(self.text())

    @property
    def data(self) -> dict[str, object]:
        """All of it as plain data; sizes are bytes."""
        return {
            "name": self.title,
            "batch": self.batch,
            "optimizer": self.optimizer,
            "precision": self.precision,
            "keep": self.keep,
            "ema": self.ema,
            "training": [asdict(one) | {"total": one.total} for one in self.training],
            "inference": [asdict(one) | {"total": one.total} for one in self.inference],
            "layers": [asdict(one) for one in self.layers],
            "fit": None if self.fit is None else asdict(self.fit),
            "least": None if self.least is None else asdict(self.least),
        }

    def json(self) -> str:
        """The data as JSON."""
        return safe.json_text(self.data)

    def text(self, look: Look = PLAIN) -> Iterator[str]:
        """A row for each device, in training and in inference; the layers that keep most; what fits."""
        title = f"{self.title}: batch {self.batch:,}, {self.precision}, {OPTIMIZERS[self.optimizer][0]}"
        title += ", EMA" if self.ema else ""
        yield title + (", all activations and gradients kept" if self.keep == "all" else "")
        yield ""
        several = len(self.inference) > 1
        rows = [[part if several else part.partition(" ")[0], *cells] for part, *cells in self._rows()]
        yield from tabulate.text(_COLUMNS, rows, look, gap=1)
        yield from ("", *(part for line in self._peaks() for part in wrap(line, look.width)))
        if self.layers:
            yield from ("", *self._kept_most(look))
        if self.fit is not None:
            yield from ("", *(part for line in self._fitting(self.fit) for part in wrap(line, look.width)))

    def markdown(self) -> Iterator[str]:
        """The same as Markdown tables."""
        yield from tabulate.markdown(_COLUMNS, self._rows())
        if self.layers:
            columns = (Column("path"), Column("layer"), Column("output", right=True), Column("its own", right=True))
            cells = (
                (safe.code(one.path), safe.code(one.layer), size(one.output), size(one.own)) for one in self.layers
            )
            yield from ("", *tabulate.markdown(columns, cells))
        if self.least is not None:
            yield from ("", *self._peaks())
        if self.fit is not None:
            yield from ("", " ".join(self._fitting(self.fit)))

    def _rows(self) -> Iterator[Sequence[str]]:
        """A row for each device, in training and in inference."""
        for one in self.training:
            counts = (one.weights + one.constants, one.gradients, one.optimizer, one.kept, one.transient, one.total)
            yield [f"training @{one.device}", *map(size, counts)]
        for one in self.inference:
            stored, activations, total = map(size, (one.weights + one.constants, one.activations, one.total))
            yield [f"inference @{one.device}", stored, "", "", "", activations, total]

    def _peaks(self) -> list[str]:
        """When training takes most, in a sentence for each device, or why there is none."""
        if (least := self.least) is not None:
            return [
                f"Training takes {least.batch} examples at once or more: "
                f"at batch {self.batch:,}, {least.path} sees one value a channel."
            ]
        if self.keep == "all":
            return ["All activations and all their gradients (transient) stay for the whole step."]
        several = len(self.training) > 1
        return [f"Training peaks{f' on @{one.device}' * several} while {_running(one)}." for one in self.training]

    def _kept_most(self, look: Look) -> Iterator[str]:
        """The layers of which training keeps most, with their share."""
        whole = sum(one.total for one in self.layers)
        shown, rest = self.layers[:_MOST_LAYERS], sum(one.total for one in self.layers[_MOST_LAYERS:])
        rows: list[tuple[str, ...]] = []
        for one in shown:
            output, own = (size(count) if count else "" for count in (one.output, one.own))
            share = f"{100 * one.total / whole:.0f}%"
            rows.append((clipped(one.path, 30), clipped(one.layer, 22), output, own, share))
        if rest:
            more = f"{len(self.layers) - _MOST_LAYERS:,} more"
            rows.append((more, "", "", size(rest), f"{100 * rest / whole:.0f}%"))
        numbers = (Column(head, right=True, least=least) for head, least in (("output", 9), ("its own", 9), ("", 5)))
        columns = (Column("kept most", least=1 + max(len(row[0]) for row in rows)), Column(least=22), *numbers)
        return tabulate.text(columns, rows, look, gap=1, rule=False)

    def _fitting(self, fit: Fit) -> list[str]:
        """What fits, in sentences."""
        several = len(self.inference) > 1
        lines: list[str] = []
        if self.training:
            fullest = max(self.training, key=lambda one: one.total)
            verdict = "fits into" if fullest.total <= fit.bytes else "does not fit into"
            where, each = (f" on @{fullest.device}", " on each device") if several else ("", "")
            takes = f"Training at batch {self.batch:,} takes {size(fullest.total)}{where}"
            lines.append(f"{takes}, and {verdict} {size(fit.bytes)}{each}.")
        for title, batch, device in (
            ("training", fit.training, fit.training_limit),
            ("inference", fit.inference, fit.inference_limit),
        ):
            limit = f"; @{device} is the limit" if several else ""
            if batch:
                lines.append(f"The largest batch of {title} that fits is {batch:,}{limit}.")
            else:
                few = "one example" if title == "inference" or self.least is None else f"{self.least.batch} examples"
                lines.append(f"Not even {few} {'fits' if few == 'one example' else 'fit'} in {title}{limit}.")
        return lines
