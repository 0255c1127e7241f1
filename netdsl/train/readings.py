"""Which loss an output is trained by, as its layers say."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

from netdsl.compile import heads, meaning
from netdsl.graph.node import ShapedGraph
from netdsl.layers.activation import Sigmoid, Softmax
from netdsl.layers.base import Layer
from netdsl.layers.merge import Mean
from netdsl.layers.pool import AveragePool
from netdsl.text.fit import listed
from netdsl.text.source import Span

Kind: TypeAlias = Literal["cross-entropy", "binary-cross-entropy", "rbf-map", "rbf-mse"]
KINDS: tuple[Kind, ...] = get_args(Kind)
ABOUT: dict[Kind, str] = {
    "cross-entropy": "for classes of which one is right",
    "binary-cross-entropy": "for classes that do not exclude one another",
    "rbf-map": "for distances, by equation 9 of LeCun 1998",
    "rbf-mse": "for distances, by equation 8 of LeCun 1998",
}
Given: TypeAlias = Literal["logits", "probabilities", "log-probabilities", "distances"]


@dataclass(frozen=True)
class Reading:
    """An output of a module that gives logits: what its values are, and the loss that it is trained by."""

    name: str
    kind: Kind
    given: Given
    classes: int
    """How many there are; two where one unit tells them apart."""
    watched: Literal["", "Softmax", "Sigmoid"] = ""
    """The function that its values have not gone through, where it would do harm that they have."""

    @property
    def single(self) -> bool:
        """Whether one unit tells two classes apart."""
        return self.kind == "binary-cross-entropy" and self.classes == 2


@dataclass(eq=False)
class LossError(Exception):
    """An output whose loss does not follow from its layers, or is another than was asked for."""

    output: str
    span: Span
    reason: str
    choices: Sequence[Kind]

    def __str__(self) -> str:
        return f"{self.reason}; {self.help}" if self.choices else self.reason

    @property
    def help(self) -> str:
        """What to choose from, and how."""
        told = [f'kind="{choice}" (--loss {choice}) {ABOUT[choice]}' for choice in self.choices]
        return f"choose {listed(told, ' or ')}" if told else ""


def of(shaped: ShapedGraph, kind: Kind | None = None) -> Sequence[Reading]:
    """What each output is trained by, those of training last; `kind` where layers leave it open, or for the others.

    Raises LossError.
    """
    graph = shaped.graph
    own = [_reading(shaped, index, kind) for index in graph.outputs]
    return [*own, *(_reading(shaped, index, kind, training=True) for index in graph.training_outputs)]


def _reading(shaped: ShapedGraph, index: int, kind: Kind | None, *, training: bool = False) -> Reading:
    node, name = shaped.nodes[index], shaped.graph.output_name(index)
    channels = shaped.shapes[index].channels
    head = heads.of(shaped, index)
    given, found = _said(shaped, index, head)

    def wrong(reason: str, *choices: Kind) -> LossError:
        return LossError(name, node.site.span, f"{name} ({node.layer.written}) {reason}", choices)

    asked = found if kind is None or (training and found) else kind
    if asked is None:
        open_: tuple[Kind, ...] = ("cross-entropy", "binary-cross-entropy")
        reason = "ends in no SOFTMAX, SIGMOID or RBF, which say how a network is trained"
        raise wrong(reason, *open_[channels == 1 :])
    if asked in ("rbf-map", "rbf-mse") and (head or given == "probabilities"):
        raise wrong(f"is no distance, which {asked} is for", "cross-entropy", "binary-cross-entropy")
    if asked == "binary-cross-entropy" and given == "distances":
        raise wrong("is a distance, which binary-cross-entropy is not for", "rbf-map", "rbf-mse", "cross-entropy")
    if asked != "binary-cross-entropy" and channels == 1:
        raise wrong(f"has one channel, which {asked} knows as one class, always right", "binary-cross-entropy")
    classes = 2 if channels == 1 else channels
    return Reading(name, asked, given, classes, _watched(shaped, head))


def _said(shaped: ShapedGraph, index: int, head: heads.Head | None) -> tuple[Given, Kind | None]:
    """What the values of an output are, and the loss that its layers say."""
    if head is not None:
        return "logits", "binary-cross-entropy" if isinstance(head.layer, Sigmoid) else "cross-entropy"
    match meaning.gives(shaped, index):
        case "probabilities":
            return "probabilities", "cross-entropy" if _averaged(shaped, index) else None
        case "log-probabilities":
            return "log-probabilities", None
        case "independent":
            return "probabilities", "binary-cross-entropy"
        case "distances":
            return "distances", "rbf-map"
        case _:
            mapped = meaning.of(shaped, index) == "map" and shaped.shapes[index].channels > 1
            return "logits", "cross-entropy" if mapped and _linear(shaped, index) else None


def _linear(shaped: ShapedGraph, index: int) -> bool:
    """Whether the values of an output are those of a convolution, which may have been enlarged, moved or dropped."""
    while shaped.nodes[index].layer.role in ("reshape", "dropout") and shaped.nodes[index].inputs:
        index = shaped.nodes[index].inputs[0]
    return shaped.nodes[index].layer.role == "convolution"


def _averaged(shaped: ShapedGraph, index: int) -> bool:
    """Whether probabilities still add up to one: those of one SOFTMAX, or means of them."""
    node, inputs = shaped.nodes[index], shaped.input_shapes(index)
    match node.layer:
        case Softmax():
            return True
        case Mean() | AveragePool() | Layer(role="dropout" | "reshape"):
            same = all(one.channels == shaped.shapes[index].channels for one in inputs)
            return same and all(_averaged(shaped, source) for source in node.inputs)
        case _:
            return False


def _watched(shaped: ShapedGraph, head: heads.Head | None) -> Literal["", "Softmax", "Sigmoid"]:
    """The function of a head that can be seen to have been applied; not where it was applied twice."""
    if head is None or isinstance(shaped.nodes[head.source].layer, type(head.layer)):
        return ""
    return "Softmax" if isinstance(head.layer, Softmax) else "Sigmoid" if isinstance(head.layer, Sigmoid) else ""
