"""A program to a network graph: blocks called, repeats written out, names resolved."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import InitVar, dataclass, field, replace
from types import MappingProxyType

from netdsl.graph import bind, call, mistakes, names, outline
from netdsl.graph.copies import Piece
from netdsl.graph.evaluate import IN, UNKNOWN, Local, Nested, Unknown
from netdsl.graph.fault import Fault
from netdsl.graph.made import Made
from netdsl.graph.maker import Maker, Numbering, Outcome, ScopeMaker, copies, layer, placement, repeats
from netdsl.graph.names import Names
from netdsl.graph.node import BROKEN, NOTHING, Calls, Flow, Node
from netdsl.graph.outline import Part, Placed
from netdsl.graph.program import BlockOf, Unit
from netdsl.graph.recursion import recursive
from netdsl.graph.scope import Entry, Scope
from netdsl.graph.size import LIMIT, Size, TooLarge
from netdsl.graph.steps import Steps, run
from netdsl.layers.base import Layer
from netdsl.text import tree
from netdsl.text.diagnostic import Report

MAX_CALLS = 200


@dataclass
class Expansion:
    """The nodes that a program's chains make, in topological order, and what its names stand for."""

    unit: Unit
    report: Report
    limit: int = LIMIT
    inputs: InitVar[Mapping[str, Layer]] = MappingProxyType({})
    """The layers of inputs that a caller asks for in place of those written, by path; by "" for all."""
    made: Made = field(init=False)
    chains: list[outline.Chain] = field(default_factory=list[outline.Chain])
    """What each chain of the file has become."""
    ends: list[int] = field(default_factory=list[int])
    """What each chain of the file ends with, in file order."""
    root: Scope = field(init=False)
    called: set[int] = field(default_factory=set[int])
    recursive: set[int] = field(default_factory=set[int])
    reading: bool = False
    """Whether chains and blocks are read for mistakes alone: calls are looked at, and not followed."""
    _at: tree.Element | None = None
    """The element of the file's own chains that is being expanded."""
    _pieces: dict[object, tuple[Piece, outline.Chain]] = field(
        default_factory=dict["object", "tuple[Piece, outline.Chain]"]
    )
    """What blocks made, by their arguments, the device and what kind of flow came in."""
    _applied: dict[object, tuple[Piece, Part]] = field(default_factory=dict["object", "tuple[Piece, Part]"])
    """What elements made that were applied again."""

    def __post_init__(self, inputs: Mapping[str, Layer]) -> None:
        chains = [one for one in self.unit.file.statements if isinstance(one, tree.Chain)]
        labels = names.assign(chains, self.report)
        self.made = Made(self.report, self.limit, inputs)
        self.root = Scope("", {}, labels, self.unit.params, self.unit, self.made, Names(self.report))

    @property
    def nodes(self) -> list[Node]:
        """The nodes, in topological order."""
        return self.made.nodes

    def run(self) -> None:
        """Expand every chain of the file; blocks that nothing calls are read for mistakes."""
        self.recursive = recursive(self.unit, self.report)
        for statement in self.unit.file.statements:
            if isinstance(statement, tree.Chain):
                nodes, ends = len(self.nodes), len(self.made.ends)
                try:
                    flow, chain = run(self._chain(statement, NOTHING, self.root, 0))
                    self.ends.append(flow)
                except TooLarge as large:
                    assert self._at is not None
                    self.report.error(large.mistake, self._at.span)
                    self.reading = True
                    self.made.size = Size(self.limit)
                    for element in names.in_scope([statement]):
                        self._name(element, BROKEN, self.root)
                    chain = outline.Chain.of([self.made.hole(self._at, nodes, ends)])
                self.chains.append(chain)
        self._read_uncalled()

    def _read_uncalled(self) -> None:
        self.reading, made, self.made = True, self.made, Made(Report(), self.limit)  # what is only read leaves no mark
        for of in self.unit.blocks.values():
            if of.unit is self.unit and id(of.block) not in self.called:
                self._read(of)
        self.made = made

    def _read(self, of: BlockOf) -> None:
        """Find the mistakes in a block that nothing calls: its parameters are unknown, and it makes no nodes."""
        unknown = dict.fromkeys([parameter.name.text for parameter in of.block.parameters], UNKNOWN)
        environment = Nested({**unknown, IN: Local(UNKNOWN)}, of.unit.params)
        run(self._chain(of.block.body, BROKEN, replace(self.root.block(of, "", {}, environment, None), path=""), 0))

    # Chains and elements. A flow comes in, and what comes out is returned, with what the outline says of it.

    def _chain(self, chain: tree.Chain, flow: Flow, scope: Scope, device: int) -> Steps[tuple[int, outline.Chain]]:
        fork: tree.Element | None = None
        faulty = -2
        parts: list[Part] = []
        for position, element in enumerate(chain.elements):
            primary = element.primary
            nodes, ends = len(self.nodes), len(self.made.ends)
            if not self.reading:
                self.made.size.reads(element)
            if scope is self.root:
                self._at = element
            if fork is not None and not isinstance(primary, tree.Layer):
                scope.tell(Fault(mistakes.Unmerged(fork.span), fork.span), self.report)
                flow = BROKEN
            if position - faulty == 1 and isinstance(primary, tree.Layer) and bind.merges(primary):
                self._name(element, BROKEN, scope)  # what it lacks was told with what stands before it
                parts.append(outline.Hole(element))
                continue
            try:
                placed = device if element.repeat and element.repeat.index else placement(element, scope, device)
                match primary:
                    case tree.Fork():
                        if len(chain.elements) == 1 and (section := mistakes.section(primary)):
                            scope.tell(Fault(section, primary.span), self.report)
                            return BROKEN, outline.Chain.of([self.made.hole(element, nodes, ends)])
                        flow, part = yield self._fork(element, primary, flow, scope, placed)
                    case tree.Name():
                        flow, part = self._reference(element, primary, position, scope)
                    case tree.Group(inner) if id(element) not in scope.labels:
                        flow, body = yield self._chain(inner, flow, scope, placed)
                        part = outline.Group.of(element, "", body)
                    case tree.Layer() if element.repeat is None:
                        flow, part = self._single(element, primary, flow, scope, placed, fork)
                    case _:
                        flow, part = yield self._element(element, flow, scope, placed, fork)
            except Fault as fault:
                scope.tell(fault, self.report)
                faulty = -2 if isinstance(primary, tree.Fork) else position
                flow = (BROKEN,) if isinstance(primary, tree.Fork) else BROKEN
                self._name(element, BROKEN, scope)
                part = self.made.hole(element, nodes, ends)
            parts.append(part)
            fork = element if isinstance(primary, tree.Fork) else None
        if isinstance(flow, tuple):
            span = (fork or chain.elements[-1]).span
            scope.tell(Fault(mistakes.Unmerged(span), span), self.report)
            flow = BROKEN
        return flow, outline.Chain.of(parts)

    def _name(self, element: tree.Element, output: int, scope: Scope) -> str:
        """Let the element's name, which is given, stand for an output."""
        name = scope.labels.get(id(element), "")
        if name:
            entry = scope.entries.setdefault(name, Entry(element, scope))
            entry.output, entry.open = output, False
            entry.placed = None
            if output >= 0:
                self.made.end(scope.path + name, output)
        return name

    def _alias(self, element: tree.Element, output: int, scope: Scope) -> Outcome:
        """SKIP, or a name: what flows on, perhaps with another name."""
        name = self._name(element, output, scope)
        return output, outline.Alias(element, name, 0, 1) if name and output >= 0 else outline.Alias(element)

    def _reference(self, element: tree.Element, name: tree.Name, position: int, scope: Scope) -> Outcome:
        if position and scope.unit.lacks(name.text) and name.text not in scope.entries:
            return BROKEN, outline.Alias(element)
        if position:
            raise Fault(mistakes.misplaced_name(name, scope), name.span)
        return self._alias(element, scope.node(name), scope)

    def _fork(
        self, element: tree.Element, fork: tree.Fork, flow: Flow, scope: Scope, device: int
    ) -> Steps[tuple[tuple[int, ...], Part]]:
        outputs: list[int] = []
        chains: list[outline.Chain] = []
        for branch in fork.branches:
            output, chain = yield self._chain(branch, flow, scope, device)
            outputs.append(output)
            chains.append(chain)
        return tuple(outputs), outline.Fork.of(element, chains)

    def _skip(self, element: tree.Element, written: tree.Layer, flow: Flow, scope: Scope) -> Outcome:
        if written.arguments:
            raise Fault(mistakes.BehindSkip(written.arguments[0].span.text), written.arguments[0].span)
        if flow == NOTHING:
            raise Fault(mistakes.NoInput(written.span, "SKIP"), written.span)
        if isinstance(flow, tuple):
            raise Fault(mistakes.SkipBehindFork(), element.span)
        return self._alias(element, flow, scope)

    # What has a name, once or repeated

    def _single(
        self,
        element: tree.Element,
        written: tree.Layer,
        flow: Flow,
        scope: Scope,
        device: int,
        fork: tree.Element | None,
    ) -> Outcome:
        """A layer without a repeat, which most elements are."""
        if written.keyword == "SKIP":
            return self._skip(element, written, flow, scope)
        name = scope.labels[id(element)]
        maker = layer(element, written, flow, scope, device, name, fork, self.made, self.report)
        entry, node = scope.open(element, name), len(self.nodes)
        output, part = maker.make(flow, scope.path + name, entry)
        entry.close(output, Placed(part, scope.path + name, node, len(self.made.ends)))
        return output, part

    def _element(
        self, element: tree.Element, flow: Flow, scope: Scope, device: int, fork: tree.Element | None
    ) -> Steps[Outcome]:
        """A layer, a call or a group with a name, once or repeated."""
        repeat, written = element.repeat, element.primary
        known = repeats(repeat, scope) if repeat else None
        if isinstance(written, tree.Layer) and written.keyword == "SKIP":
            return self._skip(element, written, flow, scope)
        if self.reading:
            known = None
        maker, numbering = self._numbering(element, flow, scope, device, fork, 1 if known else UNKNOWN)
        count = 1 if repeat and known is None else known
        if count == 0 and isinstance(flow, tuple):
            assert isinstance(written, tree.Layer)
            raise Fault(mistakes.MergeRepeatedNever(written.keyword), element.span)
        name = scope.labels[id(element)]
        entry = scope.open(element, name)
        node, end = len(self.nodes), len(self.made.ends)
        output, part = yield copies(maker, count, flow, scope.path + name, entry, name, self.made, numbering)
        entry.close(output, Placed(part, scope.path + name, node, end))
        return output, part

    def _numbering(
        self,
        element: tree.Element,
        flow: Flow,
        scope: Scope,
        device: int,
        fork: tree.Element | None,
        number: int | Unknown,
    ) -> tuple[Maker, Numbering | None]:
        """How an element is made, or its first copy; and how further ones are whose number has a name. Raises Fault."""
        if element.repeat is None or element.repeat.index is None:
            return self._maker(element, flow, scope, device, fork), None

        def of(number: Local) -> Maker:
            inner = scope.numbered(element, number)
            return self._maker(element, flow, inner, placement(element, inner, device), fork)

        numbering = Numbering(of, Local(number))
        return of(numbering.number), numbering

    def _maker(
        self, element: tree.Element, flow: Flow, scope: Scope, device: int, fork: tree.Element | None = None
    ) -> Maker:
        """How an element is made, once or for each copy. Raises Fault."""
        primary, name = element.primary, scope.labels[id(element)]
        match primary:
            case tree.Layer():
                return layer(element, primary, flow, scope, device, name, fork, self.made, self.report)
            case tree.Group():

                def group(flow: Flow, path: str, entry: Entry) -> Steps[Outcome]:
                    return self._group(primary, flow, path, entry, scope, device, name)

                return ScopeMaker(group, name, scope.calls)
            case tree.Call():
                return self._call(primary, scope, device, name)
            case _:
                raise AssertionError(primary)

    def _call(self, written: tree.Call, scope: Scope, device: int, name: str) -> Maker:
        """How a call is made: a block's, or that of an earlier element."""
        block = scope.unit.blocks.get(written.name.text)
        calls = scope.called(written)
        title = call.shown(written, scope.environment)

        def opened(flow: Flow, path: str, entry: Entry) -> Steps[Outcome]:
            if block is None:
                return self._again(written, flow, path, entry, scope, device, name)
            return self._block(written, block, flow, path, entry, scope, device, calls, name, title)

        return ScopeMaker(opened, title, calls)

    # Calls and groups, which open scopes

    def _group(
        self, group: tree.Group, flow: Flow, path: str, entry: Entry, scope: Scope, device: int, name: str
    ) -> Steps[Outcome]:
        """One copy of a group; its inner names go into `entry`."""
        end = self.made.end(path)
        output, chain = yield self._chain(group.chain, flow, scope.group(group, path, entry.inner), device)
        self.made.ends[end] = output
        return output, outline.Group.of(entry.element, name, chain)

    def _block(
        self,
        written: tree.Call,
        of: BlockOf,
        flow: Flow,
        path: str,
        entry: Entry,
        scope: Scope,
        device: int,
        calls: Calls | None,
        name: str,
        title: str,
    ) -> Steps[Outcome]:
        """One copy of a block's call; its inner names go into `entry`."""
        assert not isinstance(flow, tuple)
        nodes, end = len(self.nodes), self.made.end(path)
        self.made.size.calls(of.block)
        entering = self.made.entering(flow, path)
        environment = call.environment(of, written, scope, entering, lambda fault: scope.tell(fault, self.report))
        if self.reading or environment is None:
            return BROKEN, self.made.hole(entry.element, nodes, end)
        self.called.add(id(of.block))
        if id(of.block) in self.recursive:
            return BROKEN, self.made.hole(entry.element, nodes, end)
        if path.count(".") > MAX_CALLS:
            raise Fault(mistakes.DeepCalls(MAX_CALLS), written.span)
        given = tuple([environment[parameter.name.text] for parameter in of.block.parameters])
        key, shape = (id(of.block), given, device, min(flow, 0)), self.made.shape(flow)
        piece, chain = self._pieces.get(key, (None, None))
        if piece is not None and piece.entered:
            piece, chain = self._pieces.get((*key, shape), (None, None))
        fits = piece is not None and self.made.fits(piece, flow) and not (self.made.inputs and flow == NOTHING)
        if piece is not None and chain is not None and fits:
            if piece.empty:
                return BROKEN, self.made.hole(entry.element, nodes, end)
            output = self.made.stamp(piece, path, calls, flow)
            self.made.entered += entering.read
        else:
            inner = scope.block(of, path, entry.inner, environment, calls)
            start = self.made.start()
            output, chain = yield self._chain(of.block.body, flow, inner, device)
            self.made.entered += entering.read
            if not self.made.shared:
                made = self.made.piece(start, path, calls, flow, output), chain
                self._pieces[key] = self._pieces[(*key, shape)] = made
        self.made.ends[end] = output
        return output, outline.Call.of(entry.element, name, title, of, environment, chain)

    def _again(
        self, again: tree.Call, flow: Flow, path: str, entry: Entry, scope: Scope, device: int, name: str
    ) -> Steps[Outcome]:
        """Apply an earlier element again, with the same weights: its nodes come in the same order as then."""
        assert not isinstance(flow, tuple)
        hole = outline.Hole(entry.element)
        original = scope.find(again.name)
        if original is None:
            if scope.unit.lacks(again.name.text):
                return BROKEN, hole
            raise Fault(mistakes.unknown_block(again, scope), again.name.span)
        if again.arguments:
            raise Fault(mistakes.AppliedWithArguments(again.name.text), again.span)
        if original.open:
            raise Fault(mistakes.AppliedInItself(again.name.text), again.span)
        if self.reading or (original.placed is None and original.output == BROKEN):
            return BROKEN, hole
        element = original.element
        if original.placed is None or isinstance(original.placed.part, outline.Alias):
            raise Fault(mistakes.NotAnElement(again.name.text), again.span)
        around = scope.called(again)
        home = replace(original.home, calls=around)
        repeat = part if isinstance(part := original.placed.part, outline.Repeat) else None
        if repeat is None or element.repeat is None or element.repeat.index is None:
            device = placement(element, home, device)
        key = id(original.placed.part), original.placed.node, original.copy, again.span.text, device, min(flow, 0)
        piece, part = self._applied.get(key, (None, hole))
        if piece is not None and piece.fits(flow):
            return self.made.stamp(piece, path, around, flow), outline.Again.of(entry.element, name, part)
        self.made.size.reads(element)
        start = self.made.start()
        with self.made.sharing(original.placed, path):
            inner = Entry(element, home, BROKEN, entry.inner)
            own = home.labels[id(element)]
            if repeat is None:
                maker = self._maker(element, flow, home, device)
                output, part = yield copies(maker, None, flow, path, inner, own, self.made)
            else:
                maker, numbering = self._numbering(element, flow, home, device, None, 1)
                output, part = yield copies(maker, repeat.copies, flow, path, inner, own, self.made, numbering)
        if isinstance(part, outline.Hole):
            return output, part
        if not self.made.shared and original.placed.nodes:
            self._applied[key] = self.made.piece(start, path, around, flow, output), part
        return output, outline.Again.of(entry.element, name, part)
