"""How an element is made: once, or for each of its copies."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

from netdsl.graph import bind, mistakes, outline
from netdsl.graph.evaluate import UNKNOWN, Local, compute, whole
from netdsl.graph.fault import Fault
from netdsl.graph.made import Made
from netdsl.graph.node import BROKEN, NOTHING, Calls, Flow, Node, Site
from netdsl.graph.outline import Part, Placed
from netdsl.graph.scope import Entry, Scope
from netdsl.graph.steps import Steps
from netdsl.layers.base import Layer
from netdsl.text import tree
from netdsl.text.diagnostic import Report

MAX_DEVICE = 1023
Outcome: TypeAlias = tuple[int, Part]
"""What an element gives, and what it has become."""


@dataclass(slots=True)
class LayerMaker:
    """A layer with its arguments; `layer` is None where they have a mistake."""

    row: type[Layer]
    layer: Layer | None
    site: Site
    calls: Calls | None
    read: Sequence[int]
    """The nodes that it reads by name."""
    device: int
    name: str
    made: Made

    @property
    def title(self) -> str:
        """It as it is written, on one line."""
        text = self.site.span.text
        return self.layer.written if self.layer is not None and "\n" in text else text

    def make(self, flow: Flow, path: str, entry: Entry) -> Outcome:
        """Add its node, unless something before it is broken. Raises Fault where what flows in does not suit it."""
        inputs = (*_inputs(self.row, flow, self.site, self.calls), *self.read)
        layer = self.layer
        if layer is None or flow == BROKEN or min(inputs, default=0) < 0:
            return BROKEN, outline.Hole(entry.element)
        if self.made.inputs and layer.keyword == "INPUT":
            layer = self.made.inputs.get(path) or self.made.inputs.get("", layer)
        node = Node(path, layer, inputs, self.site, self.calls, self.device, path)
        return self.made.node(node), outline.Layer(entry.element, self.name)


@dataclass(frozen=True, slots=True)
class ScopeMaker:
    """A call or a group, whose inner names go into an entry."""

    expand: Callable[[Flow, str, Entry], Steps[Outcome]]
    title: str
    """It as it is shown."""
    calls: Calls | None
    """The calls around what is in it."""
    read: Sequence[int] = ()


Maker: TypeAlias = LayerMaker | ScopeMaker


@dataclass(slots=True)
class Numbering:
    """How copies are made whose number has a name: `number` is that of the one at hand."""

    of: Callable[[Local], Maker]
    number: Local

    def next(self, copy: int) -> Maker:
        """How a further copy is made. Raises Fault."""
        self.number = Local(copy)
        return self.of(self.number)


def _inputs(row: type[Layer], flow: Flow, site: Site, calls: Calls | None) -> tuple[int, ...]:
    """What a layer reads of what flows in. Raises Fault where that does not suit it."""
    if row.keyword == "INPUT":
        if flow not in (NOTHING, BROKEN):
            raise Fault(mistakes.MisplacedInput(site.span), site.span)
        return ()
    if isinstance(flow, tuple):
        if not row.merge:
            raise Fault(mistakes.NoMergeBehindFork(row.keyword, len(flow)), site.span)
        return flow
    if flow == NOTHING:
        span = list(calls)[-1] if calls else site.span
        raise Fault(mistakes.NoInput(span, row.keyword), span)
    if row.merge:
        raise Fault(mistakes.MergeWithoutFork(row.keyword, True), site.span)
    return (flow,)


def layer(
    element: tree.Element,
    written: tree.Layer,
    flow: Flow,
    scope: Scope,
    device: int,
    name: str,
    fork: tree.Element | None,
    made: Made,
    report: Report,
) -> LayerMaker:
    """How a layer is made, perhaps behind a fork. Raises Fault."""
    row = bind.row(written, scope.unit.blocks, fork is not None)
    if warning := mistakes.suspicious_repeat(element, written, row):
        report.error(*warning)
    if row.merge and fork and flow != (BROKEN,) and (lone := mistakes.lone_branch(written, fork.primary)):
        report.error(lone, fork.primary.span)
    if row.keyword == "INPUT" and flow not in (NOTHING, BROKEN):
        raise Fault(mistakes.MisplacedInput(written.span), written.span)
    if row.merge and (misused := mistakes.misused_merge(written, fork, flow != NOTHING)):
        raise Fault(*misused)
    bound, site, further = bind.layer(
        row, written, scope.environment, scope.node, lambda fault: scope.tell(fault, report)
    )
    if fork is not None and isinstance(fork.primary, tree.Fork):
        site = replace(site, branches=tuple(branch.span for branch in fork.primary.branches))

    return LayerMaker(row, bound, site, scope.calls, further, device, name, made)


def placement(element: tree.Element, scope: Scope, around: int) -> int:
    """The device of an element, or of one copy of it, which is by default that of what is around it."""
    if element.device is None:
        return around
    value = element.device.value
    placed = whole(compute(value, scope.environment), value.span, "a device", MAX_DEVICE)
    return around if placed is None else placed


def repeats(repeat: tree.Count, scope: Scope) -> int | None:
    """How often an element is repeated; None where that is unknown."""
    value = repeat.value
    return whole(compute(value, scope.environment), value.span, "a repeat")


def copies(
    maker: Maker,
    count: int | None,
    flow: Flow,
    path: str,
    entry: Entry,
    name: str,
    made: Made,
    numbering: Numbering | None = None,
) -> Steps[Outcome]:
    """An element as it is, or with a count its copies: one after another, until all that follow are alike."""
    if count is None:
        return (yield from _one(maker, flow, path, entry))
    parts: list[Part] = []
    title, varied = maker.title, False
    nodes, end = len(made.nodes), made.end(path)
    for copy in range(1, count + 1):
        if numbering is not None and copy > 1:
            made.size.reads(entry.element)
            maker = numbering.next(copy)
        at, start = f"{path}.{copy}", made.start()
        inner = entry.inner[str(copy)] = Entry(entry.element, entry.scope, open=True, copy=True)
        output, part = yield from _one(maker, flow, at, inner)
        inner.close(output, Placed(part, at, start[0], start[1], copy))
        parts.append(part)
        if numbering is not None and maker.title != title and not varied:
            title, varied = " ".join(numbering.of(Local(UNKNOWN)).title.split()), True
        if isinstance(flow, int):
            piece = made.piece(start, at, maker.calls, flow, output, maker.read)
            if piece.empty:
                return BROKEN, made.hole(entry.element, nodes, end)
            if made.fits(piece, output) and not (numbering and numbering.number.read):
                flow = made.repeat(piece, path, output, range(copy + 1, count + 1))
                parts += [part] * (count - copy)
                break
        flow = output
    assert not isinstance(flow, tuple)
    made.ends[end] = flow
    return flow, outline.Repeat.of(entry.element, name, title, parts)


def _one(maker: Maker, flow: Flow, path: str, entry: Entry) -> Steps[Outcome]:
    if isinstance(maker, LayerMaker):
        return maker.make(flow, path, entry)
    return (yield maker.expand(flow, path, entry))
