"""A network of Darknet while it is read: its layers by number, and the items that each becomes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import TYPE_CHECKING

from netdsl.interchange import mistakes
from netdsl.interchange.darknet.sections import Section
from netdsl.interchange.darknet.weights import Weights
from netdsl.interchange.gathering import Dims, Fault, Gathering, Silent, make
from netdsl.layers.base import Layer

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

PASSED = """stopbackward dontload dontloadscales onlyforward dontsave dont_update learning_rate learning_scale_scale
    learning_scale train_only_bn burnin_update dynamic_minibatch keep_delta_gpu clip max_delta name truth delta cost
    type cache trainable stream wait_stream grad_centr reverse angle dot bin_output assisted_excitation"""
"""Keys of any layer that say nothing of what it computes."""

ACTIVATIONS: Mapping[str, Layer | None] = {
    "linear": None,
    "elu": make("ELU"),
    "leaky": make("LEAKYRELU", slope=Fraction("0.1")),
    "logistic": make("SIGMOID"),
    "loggy": make("TANH", slope=Fraction("0.5")),
    "mish": make("MISH"),
    "relie": make("LEAKYRELU", slope=Fraction("0.01")),
    "relu": make("RELU"),
    "relu6": make("RELU6"),
    "selu": make("SELU"),
    "silu": make("SILU"),
    "swish": make("SILU"),
    "tanh": make("TANH"),
}
"""What each activation is in netdsl."""
_SUMS = ("ramp", "hardtan", "hard_mish")
"""Those that several layers make."""
UNSAID = ("plse", "stair", "lhtan", "gelu", "normalize_channels")
"""Activations that no layer of netdsl is: Darknet's gelu is an approximation by tanh."""


@dataclass
class Work:
    """The layers so far; `made` has the item of each by its number, None where it could not be said, "" of a head."""

    gathering: Gathering
    weights: Weights | None
    made: list[str | None] = field(default_factory=list[str | None])
    section: Section = field(init=False)
    before: str = ""
    """The item that flows into the layer at hand."""

    @property
    def dims(self) -> Dims:
        """Those of what flows in."""
        return self.gathering.dims[self.before]

    @property
    def map(self) -> Dims:
        """The same as a map, which a vector becomes: Darknet has none but maps of 1x1."""
        if len(self.dims) == 1:
            self.before = self.give(make("RESHAPE", dims=(1, 1, self.dims[0])), (self.dims[0], 1, 1), "map")
        return self.dims

    def give(
        self,
        layer: Layer,
        dims: Dims,
        what: str = "",
        *,
        inputs: tuple[str, ...] | None = None,
        weights: Mapping[str, NDArray[np.float32]] | None = None,
    ) -> str:
        """Add an item, which reads what flows in where nothing else is said. It is called by the layer's number."""
        name = f"layer{len(self.made)}" + (f"_{what}" if what else "")
        read = (self.before,) if inputs is None else inputs
        there = weights if all(one.size for one in (weights or {}).values()) else None  # of a file that is short
        return self.gathering.add(name, layer, read, dims, self.section.span, weights=there)

    def of(self, number: int, key: str) -> str:
        """The item of a layer before this one, by its number or counted back from this. Raises Fault and Silent."""
        at = number + len(self.made) if number < 0 else number
        if not 0 <= at < len(self.made):
            noun = f"the number of a layer before this one, which is {len(self.made)}"
            raise Fault(mistakes.WrongValue(key, str(number), noun), self.section.at(key))
        return self.made_of(self.made[at], key)

    def made_of(self, item: str | None, key: str = "") -> str:
        """An item that can be read. Raises Fault for a head, and Silent for what could not be said."""
        if item is None:
            raise Silent
        if not item:
            raise Fault(mistakes.Unsaid("what it reads", "a head ends the network"), self.section.at(key))
        return item

    def activated(self, item: str, default: str) -> str:
        """An item with the activation of the layer behind it."""
        name = self.section.word(
            "activation", {**ACTIVATIONS, **dict.fromkeys(_SUMS), **dict.fromkeys(UNSAID)}, default
        )
        if name in UNSAID:
            raise Fault(mistakes.Unsaid(name, "no layer is this activation"), self.section.at("activation"))
        dims = self.gathering.dims[item]
        if name == "ramp":  # max(x, 0) + x/10
            positive = self.give(make("RELU"), dims, "relu", inputs=(item,))
            slope = self.give(make("TIMES", factor=Fraction("0.1")), dims, "slope", inputs=(item,))
            return self.give(make("ADD"), dims, inputs=(positive, slope))
        if name in ("hardtan", "hard_mish"):  # by h(x) = min(max(x + 3, 0), 6) / 6: 2 h(3x) - 1, x h(3x + 3)
            steps = [("TIMES", "factor", 3), *[("PLUS", "offset", 3)] * (name == "hard_mish"), ("HARDSIGMOID", "", 0)]
            steps += [("TIMES", "factor", 2), ("PLUS", "offset", -1)] * (name == "hardtan")
            found = item
            for keyword, key, value in steps:
                found = self.give(make(keyword, **({key: value} if key else {})), dims, name, inputs=(found,))
            return self.give(make("MUL"), dims, inputs=(item, found)) if name == "hard_mish" else found
        layer = ACTIVATIONS[name]
        return item if layer is None else self.give(layer, dims, inputs=(item,))

    def only(self, keys: str) -> None:
        """Refuse what changes a layer into one that no program says, unless it is switched off. Raises Fault."""
        for key in keys.split():
            if self.section.text(key, "0") not in ("0", "none"):
                why = f"no layer is a [{self.section.kind}] with it"
                raise Fault(mistakes.Unsaid(key, why), self.section.at(key))
