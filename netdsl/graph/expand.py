"""A program to a network graph: blocks called, repeats written out, names resolved."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from netdsl.graph import bind, call, mistakes, names
from netdsl.graph.copies import Mark, Piece, Run, Stamp
from netdsl.graph.evaluate import UNKNOWN, Nested, compute, whole
from netdsl.graph.fault import Fault
from netdsl.graph.made import Made
from netdsl.graph.node import Calls, Node, Site
from netdsl.graph.program import BlockOf, Module
from netdsl.graph.recursion import recursive
from netdsl.graph.scope import BROKEN, NOTHING, UNFINISHED, Entry, Flow, Scope
from netdsl.graph.size import LIMIT, Size, TooLarge
from netdsl.graph.steps import Steps, run
from netdsl.layers.base import Layer
from netdsl.text import tree
from netdsl.text.diagnostic import Diagnostic, Report

MAX_CALLS = 200
MAX_DEVICE = 1023


@dataclass
class Expansion:
    """The nodes that a program's chains make, in topological order, and what its names stand for."""

    module: Module
    report: Report
    limit: int = LIMIT
    made: Made = field(init=False)
    ends: list[int] = field(default_factory=list[int])
    """What each chain of the file ends with, in file order."""
    root: Scope = field(init=False)
    called: set[int] = field(default_factory=set[int])
    recursive: set[int] = field(default_factory=set[int])
    reading: bool = False
    """Whether chains and blocks are read for mistakes alone: calls are looked at, and not followed."""
    _at: tree.Element | None = None
    """The element of the file's own chains that is being expanded."""
    _pieces: dict[object, Piece] = field(default_factory=dict[object, Piece])
    """What blocks made, by their arguments, the device and what kind of flow came in."""
    _again_in: int = 0
    """How many elements are being applied again, so that what is made has the weights of others."""
    _labels: dict[int, Mapping[int, str]] = field(default_factory=dict[int, Mapping[int, str]])

    def __post_init__(self) -> None:
        chains = [one for one in self.module.file.statements if isinstance(one, tree.Chain)]
        labels = names.assign(chains, self.report)
        self.root = Scope("", {}, labels, self.module.params, self.module)
        self.made = Made(self.root.read, Size(self.limit))

    @property
    def nodes(self) -> list[Node]:
        """The nodes, in topological order."""
        return self.made.nodes

    def run(self) -> None:
        """Expand every chain of the file; blocks that nothing calls are read for mistakes."""
        self.recursive = recursive(self.module, self.report)
        for statement in self.module.file.statements:
            if isinstance(statement, tree.Chain):
                try:
                    self.ends.append(run(self._chain(statement, NOTHING, self.root, 0)))
                except TooLarge as large:
                    assert self._at is not None
                    self.report.error("limit-exceeded", str(large), self._at.span, large.help)
                    self.reading, self.made.size = True, Size(self.limit)
                    for element in names.in_scope([statement]):
                        self._name(element, BROKEN, self.root)
        self.reading, made, self.made = True, self.made, Made([], Size(self.limit))  # what is only read leaves no mark
        for of in self.module.blocks.values():
            if of.module is self.module and id(of.block) not in self.called:
                self._read(of)
        self.made = made

    def _read(self, of: BlockOf) -> None:
        """Find the mistakes in a block that nothing calls: its parameters are unknown, and it makes no nodes."""
        unknown = dict.fromkeys([parameter.name.text for parameter in of.block.parameters], UNKNOWN)
        environment = Nested(unknown, of.module.params)
        scope = Scope("", {}, self._named(of.block.body), environment, of.module)
        run(self._chain(of.block.body, BROKEN, scope, 0))

    # Chains and elements. A flow comes in, and what comes out is returned.

    def _chain(self, chain: tree.Chain, flow: Flow, scope: Scope, device: int) -> Steps[int]:
        fork: tree.Element | None = None
        faulty = -2
        for position, element in enumerate(chain.elements):
            primary = element.primary
            if not self.reading:
                self.made.size.reads(element)
            if scope is self.root:
                self._at = element
            if fork is not None and not isinstance(primary, tree.Layer):
                self._add(mistakes.unmerged(fork), scope)
                flow = BROKEN
            if position - faulty == 1 and isinstance(primary, tree.Layer) and bind.merges(primary):
                self._name(element, BROKEN, scope)  # what it lacks was told with what stands before it
                continue
            try:
                placed = self._device(element, scope, device)
                if isinstance(primary, tree.Layer):
                    flow = self._layers(element, primary, flow, scope, placed, fork)
                elif isinstance(primary, tree.Fork):
                    if len(chain.elements) == 1 and (section := mistakes.section(primary)):
                        self._add(section, scope)
                        return BROKEN
                    flow = yield self._fork(primary, flow, scope, placed)
                elif isinstance(primary, tree.Name):
                    flow = self._reference(element, primary, position, scope)
                else:
                    assert not isinstance(flow, tuple)
                    flow = yield self._scoped(element, flow, scope, placed)
            except Fault as fault:
                self._add(fault, scope)
                faulty = -2 if isinstance(primary, tree.Fork) else position
                flow = (BROKEN,) if isinstance(primary, tree.Fork) else BROKEN
                self._name(element, BROKEN, scope)
            fork = element if isinstance(primary, tree.Fork) else None
        if isinstance(flow, tuple):
            self._add(mistakes.unmerged(fork or chain.elements[-1]), scope)
            return BROKEN
        return flow

    def _device(self, element: tree.Element, scope: Scope, device: int) -> int:
        if element.device is None:
            return device
        value = element.device.value
        placed = whole(compute(value, scope.environment), value.span, "a device", MAX_DEVICE)
        return device if placed is None else placed

    def _name(self, element: tree.Element, output: int, scope: Scope) -> None:
        """Let the element's name stand for an output."""
        if name := scope.labels.get(id(element)):
            entry = scope.entries.setdefault(name, Entry(element, scope))
            entry.output, entry.last = output, max(entry.first, entry.last)
            if output >= 0:
                self.made.mark(Mark(scope.path + name, output))

    def _reference(self, element: tree.Element, name: tree.Name, position: int, scope: Scope) -> int:
        if position and scope.module.lacks(name.text) and name.text not in scope.entries:
            return BROKEN
        if position:
            raise mistakes.misplaced_name(name, scope)
        flow = scope.node(name)
        self._name(element, flow, scope)
        return flow

    def _fork(self, fork: tree.Fork, flow: Flow, scope: Scope, device: int) -> Steps[tuple[int, ...]]:
        outputs: list[int] = []
        for branch in fork.branches:
            outputs.append((yield self._chain(branch, flow, scope, device)))
        return tuple(outputs)

    def _count(self, element: tree.Element, scope: Scope) -> int | None:
        """How often an element is repeated; None where no repeat is written."""
        if element.repeat is None:
            return None
        value = element.repeat.value
        count = whole(compute(value, scope.environment), value.span, "a repeat")
        return 1 if count is None or self.reading else count

    def _layers(
        self,
        element: tree.Element,
        written: tree.Layer,
        flow: Flow,
        scope: Scope,
        device: int,
        fork: tree.Element | None = None,
    ) -> int:
        """A layer, once or repeated, perhaps behind a fork. SKIP makes no node."""
        count = self._count(element, scope)
        if written.keyword == "SKIP":
            return self._skip(element, written, flow, scope)
        row = bind.row(written, scope.module.blocks, fork is not None)
        if warning := mistakes.suspicious_repeat(element, written, row):
            self.report.add(warning)
        if row.merge and fork and flow != (BROKEN,) and (warning := mistakes.lone_branch(written, fork.primary)):
            self.report.add(warning)
        if row.keyword == "INPUT" and flow not in (NOTHING, BROKEN):
            raise mistakes.misplaced_input(written.span)
        if row.merge and (fault := mistakes.misused_merge(written, fork, flow != NOTHING)):
            raise fault
        made, site, further = bind.layer(
            row, written, scope.environment, scope.node, lambda fault: self._add(fault, scope)
        )
        if fork is not None and isinstance(fork.primary, tree.Fork):
            site = replace(site, branches=tuple(branch.span for branch in fork.primary.branches))
        name = scope.labels[id(element)]
        path = scope.path + name
        entry = scope.entries[name] = Entry(element, scope, first=len(self.nodes), last=UNFINISHED)
        if count is None:
            flow = self._layer(row, made, site, flow, further, path, scope, device)
        else:
            entry.copies = count
            mark = self.made.mark(Mark(path, BROKEN, written.span.text, count))
            for copy in range(1, count + 1):
                first, before, at = len(self.nodes), flow, f"{path}.{copy}"
                flow = self._layer(row, made, site, flow, further, at, scope, device)
                inner = entry.inner[str(copy)] = Entry(element, scope, flow, {}, first, len(self.nodes), copy=True)
                if isinstance(before, int) and (before == flow or (min(before, flow) >= 0 and before not in further)):
                    piece = Piece(inner, at, scope.calls, before, flow, first, len(self.nodes), inputs=1 + len(further))
                    flow = self.made.repeat(Run(piece, path, flow, 1, copy + 1, count + 1, marked=False), entry)
                    break
            if isinstance(flow, tuple):  # zero copies behind a fork
                raise Fault("fork-without-merge", f"x0 leaves no {written.keyword} to merge the fork", element.span)
            mark.output = flow
        entry.output, entry.last = flow, len(self.nodes)
        return flow

    def _skip(self, element: tree.Element, written: tree.Layer, flow: Flow, scope: Scope) -> int:
        if written.arguments:
            raise mistakes.behind_skip(written.arguments[0].span)
        if flow == NOTHING:
            raise mistakes.no_input(written.span, "SKIP")
        if isinstance(flow, tuple):
            raise Fault("fork-without-merge", "SKIP does not merge a fork's branches", element.span)
        self._name(element, flow, scope)
        return flow

    def _layer(
        self,
        row: type[Layer],
        made: Layer | None,
        site: Site,
        flow: Flow,
        further: Sequence[int],
        path: str,
        scope: Scope,
        device: int,
    ) -> int:
        """Add a node, unless something before it is broken. Raises Fault where the flow does not suit the layer."""
        if row.keyword == "INPUT":
            if flow not in (NOTHING, BROKEN):
                raise mistakes.misplaced_input(site.span)
            inputs: tuple[int, ...] = ()
            if flow == BROKEN:
                return BROKEN
        elif isinstance(flow, tuple):
            if not row.merge:
                raise mistakes.not_a_merge(row.keyword, len(flow), site.span)
            inputs = flow
        elif flow == NOTHING:
            raise mistakes.no_input(list(scope.calls)[-1] if scope.calls else site.span, row.keyword)
        elif row.merge:
            raise mistakes.merge_without_fork(row.keyword, site.span, True)
        else:
            inputs = (flow,)
        inputs = (*inputs, *further)
        if made is None or min(inputs, default=0) < 0:
            return BROKEN
        return self.made.node(Node(path, made, inputs, site, scope.calls, device, path))

    # Calls and groups, which open scopes

    def _scoped(self, element: tree.Element, flow: int, scope: Scope, device: int) -> Steps[int]:
        """A call or a group, once or repeated."""
        primary = element.primary
        assert isinstance(primary, tree.Call | tree.Group)
        name = scope.labels.get(id(element))
        if name is None:
            assert isinstance(primary, tree.Group)
            return (yield self._chain(primary.chain, flow, scope, device))
        path = scope.path + name
        count = self._count(element, scope)
        entry = scope.entries[name] = Entry(element, scope, first=len(self.nodes), last=UNFINISHED)
        title = call.shown(primary, scope.environment) if isinstance(primary, tree.Call) else name
        mark = self.made.mark(Mark(path, BROKEN, title, count))
        if count is None:
            flow = yield self._apply(primary, flow, path, entry, scope, device, scope.called(primary))
        else:
            flow = yield self._copies(element, count, flow, path, entry, scope, device)
        entry.output, entry.last, mark.output = flow, len(self.nodes), flow
        return flow

    def _copies(
        self, element: tree.Element, count: int, flow: int, path: str, entry: Entry, scope: Scope, device: int
    ) -> Steps[int]:
        """The copies of a call or group: one after another, until all that follow are alike."""
        primary = element.primary
        assert isinstance(primary, tree.Call | tree.Group)
        calls = scope.called(primary)
        entry.copies = count
        for copy in range(1, count + 1):
            before, at = flow, f"{path}.{copy}"
            mark = self.made.mark(Mark(at, BROKEN))
            start = self.made.start()
            inner = Entry(element, scope, first=len(self.nodes), copy=True)
            flow = yield self._apply(primary, flow, at, inner, scope, device, calls)
            inner.output, inner.last, mark.output = flow, len(self.nodes), flow
            entry.inner[str(copy)] = inner
            piece = self.made.piece(start, inner, at, calls, before, flow)
            if piece.fits(flow):
                later = Run(piece, path, flow, len(self.nodes) - piece.first, copy + 1, count + 1)
                return self.made.repeat(later, entry)
        return flow

    def _apply(
        self,
        primary: tree.Call | tree.Group,
        flow: int,
        path: str,
        entry: Entry,
        scope: Scope,
        device: int,
        calls: Calls | None,
    ) -> Steps[int]:
        """One copy of a call or group, at a path; its inner names go into `entry`."""
        if isinstance(primary, tree.Group):
            chain = primary.chain
            inner = replace(scope, path=f"{path}.", entries=entry.inner, labels=self._named(chain), outer=scope)
            return (yield self._chain(chain, flow, inner, device))
        of = scope.module.blocks.get(primary.name.text)
        if of is None:
            return (yield self._again(primary, flow, path, entry, scope, device))
        self.made.size.calls(len(of.block.parameters))
        environment = call.environment(of, primary, scope, lambda fault: self._add(fault, scope))
        if self.reading or environment is None:
            return BROKEN
        self.called.add(id(of.block))
        if id(of.block) in self.recursive:
            return BROKEN
        if path.count(".") > MAX_CALLS:
            raise Fault("limit-exceeded", f"blocks call each other more than {MAX_CALLS} deep", primary.span)
        given = tuple([environment[parameter.name.text] for parameter in of.block.parameters])
        key = id(of.block), given, device, min(flow, 0)
        piece = self._pieces.get(key)
        if piece is not None and piece.fits(flow):
            return self.made.stamp(Stamp(piece, path, calls, flow, len(self.nodes) - piece.first), entry)
        inner = Scope(
            f"{path}.", entry.inner, self._named(of.block.body), environment, of.module, None, calls, scope.read
        )
        start = self.made.start()
        output = yield self._chain(of.block.body, flow, inner, device)
        if not self._again_in:
            self._pieces[key] = self.made.piece(start, entry, path, calls, flow, output)
        return output

    def _again(self, again: tree.Call, flow: int, path: str, entry: Entry, scope: Scope, device: int) -> Steps[int]:
        """Apply an earlier element again, with the same weights: its nodes come in the same order as then."""
        original = scope.find(again.name)
        if original is None:
            if scope.module.lacks(again.name.text):
                return BROKEN
            raise mistakes.unknown_block(again, scope)
        if again.arguments:
            help = f"`{again.name.text}()` applies it again as it was"
            raise Fault("extra-argument", f"{again.name.text} is an element, and takes no arguments", again.span, help)
        if original.last == UNFINISHED:
            raise mistakes.applied_in_itself(again)
        if self.reading or (original.output == BROKEN and original.first == original.last):
            return BROKEN
        element = replace(original.element, repeat=None) if original.copy else original.element
        primary = element.primary
        if isinstance(primary, tree.Name | tree.Fork) or primary == tree.Layer("SKIP", ()):
            raise mistakes.not_an_element(again)
        self.made.size.reads(element)
        start = len(self.nodes)
        home = replace(original.scope, calls=scope.called(again))
        device = self._device(element, home, device)
        self._again_in += 1
        try:
            if isinstance(primary, tree.Layer):
                around, dot, name = path.rpartition(".")
                inner = replace(home, path=around + dot, entries={}, labels={id(element): name}, outer=original.scope)
                flow = self._layers(element, primary, flow, inner, device)
                made = inner.entries[name]
                entry.inner.update(made.inner)
                entry.copies, entry.like = made.copies, made.like
            elif element.repeat is None or original.copies is None:
                flow = yield self._apply(primary, flow, path, entry, home, device, home.called(primary))
            else:
                mark = self.made.mark(Mark(path, BROKEN, again.span.text, original.copies))
                flow = yield self._copies(element, original.copies, flow, path, entry, home, device)
                mark.output = flow
        finally:
            self._again_in -= 1
        self.made.share(start, original)
        return flow

    def _named(self, chain: tree.Chain) -> Mapping[int, str]:
        """The names of the elements of a block's body or a group, worked out once."""
        labels = self._labels.get(id(chain))
        if labels is None:
            labels = self._labels[id(chain)] = names.assign([chain], self.report)
        return labels

    def _add(self, fault: Fault, scope: Scope) -> None:
        if fault.code == "unknown-name" and scope.module.incomplete:
            return  # the file that is missing may have defined it
        path, calls = scope.path.rstrip("."), tuple(scope.calls or ())
        self.report.add(
            Diagnostic(fault.code, fault.message, fault.span, "", fault.related, fault.help, path=path, calls=calls)
        )
