"""What keeps a network from learning, as data: found by running it once, and not by reading its program."""

from __future__ import annotations

from math import floor, log10

from netdsl.text.diagnostic import Diagnostic
from netdsl.text.mistake import Mistake

CODES = (
    "not-finite",
    "dead-layer",
    "vanishing-signal",
    "exploding-signal",
    "vanishing-gradient",
    "exploding-gradient",
)


class Warned(Diagnostic):
    """A warning of a network as it starts, at the layer where its cause is; denied, it counts as an error."""

    @property
    def severity(self) -> str:
        return "error" if self.denied else "warning"


class BrokenInputs(Mistake, code="not-finite"):
    path: str
    words = "the examples for {path} hold NaN or infinity"
    advice = "look for them in the data"


class BrokenWeights(Mistake, code="not-finite"):
    path: str
    words = "the weights of {path} hold NaN or infinity"


class BrokenOutputs(Mistake, code="not-finite"):
    path: str
    words = "the outputs of {path} are NaN or infinite, though all that it takes is finite"


class BrokenLoss(Mistake, code="not-finite"):
    path: str
    loss: float
    words = "the loss is {loss}, though the outputs, which end here, are finite"


class BrokenGradient(Mistake, code="not-finite"):
    path: str
    words = "the gradient of the weights of {path} is NaN or infinite, though the loss is finite"


class DeadLayer(Mistake, code="dead-layer"):
    """All of its units are the same for all examples."""

    path: str
    units: int
    value: str
    source: str
    """What it reads."""

    def message(self) -> str:
        units = "its only unit gives" if self.units == 1 else f"all {self.units:,} units of it give"
        return f"{self.path} is dead: {units} {self.value} for every example, whatever {self.source} gives it"


class IdleWeights(Mistake, code="dead-layer"):
    """A layer with weights whose outputs are the same for all examples, and that no other way leads around."""

    path: str
    weights: str
    words = "{path} is dead: its weights are {weights}, so that every example has the same outputs from here on"


class VanishingSignal(Mistake, code="vanishing-signal"):
    path: str
    here: float
    end: str
    there: float
    """What examples differ by, as a share of the outputs."""
    signal: float

    def message(self) -> str:
        told = f"the outputs of {self.path} for different examples are {_alike(self.here)}"
        if self.path == self.end:
            return f"the signal vanishes: {told}, with a deviation of {self.signal:.2g}"
        there = f"those of {self.end} {_alike(self.there)}, with a deviation of {self.signal:.2g}"
        return f"the signal vanishes: {told}, and {there}"


class FaintSignal(Mistake, code="vanishing-signal"):
    """Outputs that differ by little more than nothing, and are as small themselves."""

    path: str
    here: float
    end: str
    there: float

    def message(self) -> str:
        told = f"the signal vanishes: the outputs of {self.path} have a deviation of {self.here:.2g} between examples"
        return told if self.path == self.end else f"{told}, and those of {self.end} one of {self.there:.2g}"


class ExplodingSignal(Mistake, code="exploding-signal"):
    path: str
    here: float
    end: str
    there: float

    def message(self) -> str:
        told = f"the signal explodes: outputs of {self.path} have a deviation of {self.here:,.3g} between examples"
        return told if self.path == self.end else f"{told}, and those of {self.end} one of {self.there:,.3g}"


class VanishingGradient(Mistake, code="vanishing-gradient"):
    path: str
    """The last of the layers that hardly any reaches."""
    count: int
    ratio: float

    def message(self) -> str:
        which = f"{self.path}" if self.count == 1 else f"{self.path} and the {self.count - 1:,} before it"
        told = "none" if not self.ratio else f"at most {self.ratio:.2g} of their size"
        return f"the gradient vanishes: {told} reaches the weights of {which}, which a step would leave as they are"


class ExplodingGradient(Mistake, code="exploding-gradient"):
    path: str
    ratio: float
    words = "the gradient explodes: that of the weights of {path} is {times} times as large as they are"

    @property
    def times(self) -> str:
        return f"{self.ratio:,.3g}"


def _alike(share: float) -> str:
    return f"the same to {floor(-log10(share))} digits" if share else "the same"
