"""Fully connected layers as convolutions: the same network, which takes larger images and gives a map of scores.

"In Convolutional Nets, there is no such thing as 'fully-connected layers'. There are only convolution layers with 1x1
convolution kernels and a full connection table" (LeCun 2015). A layer that reads a whole map of 6x6x256 is a
convolution with a window of 6x6; one that reads a vector behind it, a convolution of 1x1. The weights are the same
numbers in the same order. Poolings over the whole map become windows of its size, so that they slide over a larger one.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import count
from pathlib import PurePath

from netdsl.graph.build import Overrides
from netdsl.graph.node import Node, ShapedGraph
from netdsl.layers.arguments import Sizes, arguments_of, show
from netdsl.layers.base import Layer, write
from netdsl.text import format as formatter
from netdsl.text import tree
from netdsl.text.advice import Edit
from netdsl.text.diagnostic import NetError
from netdsl.text.shown import Line
from netdsl.text.source import Source, Span
from netdsl.text.tokens import NAMES
from netdsl.transform import claims, overriding, repeats, uses
from netdsl.transform.plan import Plan, TransformError, plan
from netdsl.transform.program import Program, without

_MOST_STEPS = 100


@dataclass(frozen=True, repr=False)
class Rewritten(Line):
    """A rewritten program, well formatted, and which of its nodes each node of the one before has become."""

    before: ShapedGraph
    program: Program
    nodes: Mapping[int, int]
    """By the index of a node before; flattenings have become nothing."""
    windows: int
    """How many layers became windows that slide."""
    lost: int
    """How many claims (`expect`) no longer hold, and were left out."""

    @property
    def about(self) -> str:
        """Its line."""
        return f"{self.program.about}: {self.windows:,} windows that slide, {self.lost:,} claims lost"

    @property
    def after(self) -> ShapedGraph:
        """The graph of the rewritten program."""
        return self.program.shaped


def convolutional(program: Program, overrides: Overrides | None = None) -> Rewritten:
    """The program with windows that slide in place of layers over whole maps; overrides are written into it.

    Raises TransformError where it cannot be had; NetError and OverrideError where the program has errors itself.
    """
    overrides = overrides or Overrides(include=program.include)
    program.built(overrides)
    program = overriding.overridden(program, overrides)
    before = program.shaped
    for _ in range(_MOST_STEPS):
        shaped = program.shaped
        planned = plan(shaped)
        step = _made_simple(program, shaped, planned)
        if step is None:
            break
        program = step
    else:
        raise TransformError("its repeats and blocks differ in too many ways")
    program = program.edited(_Rewriting(program, shaped, planned).edits())
    try:
        program.built()
    except NetError as error:
        wrong = error.errors[0]
        raise TransformError(f"the rewritten network is wrong: {wrong.message}", help=_entering(program)) from None
    program, lost = claims.mended(program, rewrite=not (overrides.params or overrides.inputs))
    if program.text != before.graph.source.text:
        program = replace(program, text=formatter.format(Source(_titled(program), program.name)))
    return Rewritten(before, program, _followed(before, program, planned), len(planned.layers), lost)


def _entering(program: Program) -> str:
    """What may help where a block reads the channels of what enters it, which are others without a flattening."""
    reads = "in" in NAMES.findall(program.text)
    return "where a block reads `in`, give it the number as an argument" if reads else ""


def _titled(program: Program) -> str:
    """The text under a comment that says where it comes from, with a title that says what it is."""
    text = program.text
    title = next((one for one in program.file.statements if isinstance(one, tree.Title)), None)
    if title is not None:
        text = f'{text[: title.span.end - 1]}, convolutional"{text[title.span.end :]}'
    name = PurePath(program.name).name
    said = f"# {name} with fully connected layers as convolutions: what `netdsl transform` makes of it.\n"
    return said + "#\n" * text.startswith("#") + text


# Making room: what has to be changed stands in the program's own file, and no two copies of a repeat differ


def _made_simple(program: Program, shaped: ShapedGraph, planned: Plan) -> Program | None:
    """The program after one step toward that; None where there is none to take."""
    written: dict[tuple[Span, ...], int] = {}
    for index in sorted((*planned.layers, *planned.dropped)):
        node = shaped.nodes[index]
        spans = (node.site.span, *(node.calls or ()))
        for span in spans:
            if span.source.name != program.name:
                return _brought_in(program, spans, span)
        other = written.setdefault(spans, index)
        if _kernel(planned, other) != _kernel(planned, index):
            return repeats.parted(program, _repeated(program, spans, shaped.nodes[other], node))
    return None


def _brought_in(program: Program, spans: Sequence[Span], span: Span) -> Program:
    for one in (span, *spans):
        found = uses.brought_in(program, one.source)
        if found is not None:
            return found
    raise TransformError(f"{span.source.name} has to be changed, and is used by a file that is used", span)


def _repeated(program: Program, spans: Sequence[Span], one: Node, other: Node) -> tree.Element:
    """The repeated element whose copies two nodes are in, which are written in the same places."""
    places = [program.place(span) for span in reversed(spans)]
    around = [element for place in places if place is not None for element in place.repeats]
    copies = [[part for part in node.path.split(".") if part.isdigit()] for node in (one, other)]
    if len(copies[0]) == len(copies[1]) == len(around):
        return next(element for element, a, b in zip(around, *copies, strict=True) if a != b)
    raise TransformError(f"{one.path} and {other.path} share a place and differ in their input", other.site.span)


def _kernel(planned: Plan, index: int) -> Sizes | None:
    """The kernel that a layer gets; None for what is left out."""
    return None if index not in planned.layers else getattr(planned.layers[index], "kernel", None)


# Rewriting


@dataclass
class _Rewriting:
    """The edits of one program. A block that is called over maps of several sizes gets their size as a parameter."""

    program: Program
    shaped: ShapedGraph
    planned: Plan
    listed: dict[int, list[str]] = field(default_factory=dict[int, "list[str]"])
    """What is put at the end of lists of parameters and arguments, by where these close."""

    def edits(self) -> list[Edit]:
        """All of them."""
        sites: dict[Span, list[int]] = defaultdict(list)
        for index, node in enumerate(self.shaped.nodes):
            sites[node.site.span].append(index)
        found: list[Edit] = []
        for span, indices in sites.items():
            if any(index in self.planned.layers or index in self.planned.dropped for index in indices):
                found += self._site(span, indices)
        for close, words in self.listed.items():
            empty = self.program.text[:close].rstrip().endswith("(")
            found.append(Edit(Span(self.program.source, close, close), ("" if empty else ", ") + ", ".join(words)))
        return found

    def _site(self, span: Span, indices: Sequence[int]) -> list[Edit]:
        """The edits where a layer is written that became another, or nothing."""
        place, node = self.program.place(span), self.shaped.nodes[indices[0]]
        fates = {(index in self.planned.layers, index in self.planned.dropped) for index in indices}
        if place is None or len(fates) > 1:
            message = f"{node.layer.keyword} reads a map in one place and a vector in another"
            raise TransformError(message, span, "write it once for maps and once for vectors")
        if indices[0] in self.planned.dropped:
            return [without(place.element, place.chain, self.program.text)]
        window = self.planned.layers[indices[0]]
        kernels = [
            _Use(tuple(self.shaped.nodes[at].calls or ()), show(_kernel(self.planned, at) or ())) for at in indices
        ]
        kernel = self._kernel(place.block, kernels)
        text = write(window, _texts(node, window) | {"kernel": kernel})
        if place.element.label is None and window.keyword != node.layer.keyword:
            text = f"{place.name}: {text}"
        return [Edit(span, text)]

    def _kernel(self, block: tree.Block | None, uses: Sequence[_Use]) -> str:
        """A kernel as it is written in a block: dims, or where these differ, a parameter that the calls fill."""
        kernels = Counter(use.kernel for use in uses)
        usual = kernels.most_common(1)[0][0]
        if len(kernels) == 1:
            return usual
        assert block is not None, "what is written at the top differs in its copies alone, and these were parted"
        parameters = self.listed.setdefault(_close(block), [])
        name = _free_name(block, parameters)
        first = not block.parameters and not parameters
        parameters.append(f"{name}={usual}")
        calls: dict[Span, list[_Use]] = defaultdict(list)
        for use in uses:
            calls[use.calls[0]].append(_Use(use.calls[1:], use.kernel))
        for call, inner in calls.items():
            place = self.program.place(call)
            assert place is not None, "all that has to be changed was brought into the program"
            kernel = self._kernel(place.block, inner)
            if kernel != usual:
                self.listed.setdefault(call.end - 1, []).append(kernel if first else f"{name}={kernel}")
        return name


@dataclass(frozen=True, slots=True)
class _Use:
    """The calls around a layer, from the inside out, and the kernel that it has there."""

    calls: tuple[Span, ...]
    kernel: str


def _close(block: tree.Block) -> int:
    """Where the list of a block's parameters closes."""
    behind = block.parameters[-1].span.end if block.parameters else block.name.span.end
    return block.span.source.text.index(")", behind)


def _free_name(block: tree.Block, put: Sequence[str]) -> str:
    """A name for a further parameter that the block does not use yet."""
    taken = {*re.findall(r"\w+", block.span.to(block.body.span).text), *(word.partition("=")[0] for word in put)}
    return next(name for number in count(1) if (name := f"kernel{number if number > 1 else ''}") not in taken)


def _texts(node: Node, window: Layer) -> dict[str, str]:
    """The source's own words for the arguments that a layer and its window have in common: `classes`."""
    texts: dict[str, str] = {}
    positional = [
        [one for one in arguments_of(type(layer)) if one.form == "positional"] for layer in (node.layer, window)
    ]
    for old, new in zip(*positional, strict=False):
        span = node.site.arguments.get(old.field)
        if span is not None and getattr(node.layer, old.attribute) == getattr(window, new.attribute):
            texts[new.field] = span.text
    return texts


def _followed(before: ShapedGraph, program: Program, planned: Plan) -> Mapping[int, int]:
    """Which node each one has become. Raises TransformError where the rewritten program makes another network."""
    after = program.shaped
    kept = [index for index in range(len(before.nodes)) if index not in planned.dropped]
    now = {old: new for new, old in enumerate(kept)}

    def moved(index: int) -> int:
        while index in planned.dropped:
            (index,) = before.nodes[index].inputs
        return now[index]

    if len(kept) != len(after.nodes):
        raise TransformError(f"the rewritten network has {len(after.nodes)} layers, not {len(kept)}")
    for old in kept:
        node, other = before.nodes[old], after.nodes[now[old]]
        same = planned.layers.get(old, node.layer) == other.layer
        same &= tuple(map(moved, node.inputs)) == other.inputs and planned.shapes[old] == after.shapes[now[old]]
        if not same or (node.device, node.training) != (other.device, other.training):
            message = f"{node.path} did not become what it should: {other.layer.written}"
            raise TransformError(message, help=_entering(program))
    return now
