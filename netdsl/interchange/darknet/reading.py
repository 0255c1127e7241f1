"""A network of Darknet as a flat one: its size, its layers in order, and what it gives."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from netdsl.interchange import mistakes
from netdsl.interchange.darknet.rules import RULES
from netdsl.interchange.darknet.sections import Section, sections
from netdsl.interchange.darknet.weights import Weights
from netdsl.interchange.darknet.work import PASSED, Work
from netdsl.interchange.flat import Flat
from netdsl.interchange.gathering import Dims, Fault, Gathering, Inputs, dims_of, make
from netdsl.text.diagnostic import Enough
from netdsl.text.fit import clipped, listed
from netdsl.text.source import Source, Span
from netdsl.text.suggest import bounded, did_you_mean

_ENDS = ("yolo", "region", "detection", "Gaussian_yolo", "iseg", "cost", "contrastive")
"""What ends a network: what flows into it is an output, and what it makes of that no part of a program."""


def reading(source: Source, *, inputs: Inputs | None = None, weights: Weights | None = None) -> Flat:
    """The network of a .cfg. Raises ForeignError with all that is wrong in it."""
    return _Reading(source, inputs or {}, weights).flat()


@dataclass
class _Reading:
    source: Source
    wanted: Inputs
    weights: Weights | None
    gathering: Gathering = field(init=False)
    outputs: dict[str, str] = field(default_factory=dict[str, str])
    """The items that are outputs, and what each is called."""
    unknown: dict[str, None] = field(default_factory=dict[str, None])
    """Keys that Darknet does not read, in order."""

    def __post_init__(self) -> None:
        self.gathering = Gathering(f"Darknet: {Path(self.source.name).name}")

    def flat(self) -> Flat:
        """The whole network."""
        with suppress(Enough), bounded():
            report, whole = self.gathering.report, Span(self.source, 0, 0)
            found = sections(self.source, report)
            if (not found or found[0].kind not in ("net", "network")) and not report.failed:
                report.error(mistakes.NoLayers("Darknet"), found[0].span if found else whole)
            elif found:
                self.layers(found)
            if self.gathering.report.failed and not self.outputs:
                self.outputs |= {item: item for item in self.gathering.ends()[-1:] if item != "data"}
        if self.unknown:
            self.gathering.notes.append(f"left out: {listed([*self.unknown][:8])}, which Darknet does not know either")
        outputs = [(name, item) for item, name in self.outputs.items()]
        return self.gathering.flat(Path(self.source.name).stem, outputs, ())

    def layers(self, found: list[Section]) -> None:
        """The input, and all layers."""
        net, *layers = found
        work = Work(self.gathering, self.weights)
        item = None
        with self.gathering.telling(net.span):
            size = self.size(net)
            item = self.gathering.add("data", make("INPUT", dims=(*size[1:], size[0])), (), size, net.span)
        if not layers and not self.gathering.report.failed:
            self.gathering.report.error(mistakes.NoLayers("Darknet"), net.span)
        for section in layers:
            made = None
            with self.gathering.telling(section.span):
                made = self.layer(work, section, item)
            work.made.append(made)
            item = made
        last = next((made for made in reversed(work.made) if made), None)
        if last and not (layers and layers[-1].kind in _ENDS):
            self.outputs.setdefault(last, last)
        if self.weights is not None and not self.gathering.report.failed and (wrong := self.weights.end()):
            self.gathering.report.error(wrong, net.span)

    def layer(self, work: Work, section: Section, item: str | None) -> str | None:
        """The item of a layer, "" of what ends the network. Raises Fault and Silent."""
        kind, work.section = section.kind, section
        if kind not in RULES and kind not in _ENDS:
            hint = did_you_mean(kind, [*RULES, *_ENDS])
            raise Fault(mistakes.UnknownKind("Darknet", f"[{clipped(kind, 40)}]", hint))
        work.before = "" if kind == "route" else work.made_of(item)
        if kind == "softmax" and section.text("tree"):
            self.gathering.notes.append("left out: [softmax], whose tree of classes is in a file of its own")
            return work.before
        if kind in _ENDS:
            heads = len(self.outputs) + 1
            name = work.before if kind == "cost" else kind if heads == 1 else f"{kind}{heads}"
            self.outputs.setdefault(work.before, name)
            return ""
        made = RULES[kind](work)
        self.unknown |= dict.fromkeys(section.rest(PASSED))
        return made

    def size(self, net: Section) -> Dims:
        """Channels and size of the input: those that are asked for, or what the file says. Raises Fault."""
        if unknown := next((name for name in self.wanted if name not in ("", "data")), None):
            raise Fault(mistakes.NoInput(unknown, ("data",)))
        for name in ("", "data"):
            if name in self.wanted:
                found = dims_of(self.wanted[name])
                if len(found) not in (1, 3):
                    given = "x".join(map(str, self.wanted[name]))
                    raise Fault(mistakes.Unlike(f"--input {given}", "Darknet takes pictures, 224x224x3, or a vector"))
                return found
        height, width, channels = (net.whole(key, 0) for key in ("height", "width", "channels"))
        inputs = net.whole("inputs", 0)
        if height and width and channels:
            return channels, height, width
        if inputs:
            return (inputs,)
        raise Fault(mistakes.NoSize("the input", "416x416x3"))
