"""A program to a network graph: blocks called, repeats written out, names resolved."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from netdsl.graph import bind, names
from netdsl.graph.evaluate import UNKNOWN, Environment, Known, NodeRef, Unknown, compute, evaluate, whole
from netdsl.graph.fault import Fault
from netdsl.graph.node import Calls, Node, Scope as ScopeInfo, Site
from netdsl.graph.program import BlockOf, Module
from netdsl.graph.scope import BROKEN, NOTHING, Entry, Flow, Scope
from netdsl.graph.size import MAX_NODES, Sizes
from netdsl.graph.steps import Steps, run
from netdsl.layers import table
from netdsl.layers.base import Layer
from netdsl.text import tree
from netdsl.text.diagnostic import Diagnostic, Related, Report
from netdsl.text.source import Span
from netdsl.text.suggest import closest, did_you_mean

MAX_CALLS = 200
MAX_DEVICE = 1023


@dataclass
class Expansion:
    """The nodes that a program's chains make, in topological order, and what its names stand for."""

    module: Module
    report: Report
    nodes: list[Node] = field(default_factory=list[Node])
    scopes: dict[str, ScopeInfo] = field(default_factory=dict[str, ScopeInfo])
    ends: list[int] = field(default_factory=list[int])
    """What each chain of the file ends with, in file order."""
    root: Scope = field(init=False)
    called: set[int] = field(default_factory=set[int])
    recursive: set[int] = field(default_factory=set[int])
    reading: bool = False
    """Whether blocks that nothing calls are being read, each by itself: calls are looked at, and not followed."""
    _labels: dict[int, Mapping[int, str]] = field(default_factory=dict[int, Mapping[int, str]])

    def __post_init__(self) -> None:
        chains = [one for one in self.module.file.statements if isinstance(one, tree.Chain)]
        labels = names.assign(chains, self.report)
        self.root = Scope("", {}, labels, self.module.params, self.module)

    def run(self) -> None:
        """Expand every chain of the file; blocks that nothing calls are read for mistakes."""
        self.recursive = _recursive(self.module, self.report)
        sizes = Sizes(self.module, self.recursive)
        for statement in self.module.file.statements:
            if isinstance(statement, tree.Chain):
                if excess := sizes.excess(statement, self.module.params):
                    self._add(excess, self.root)
                    continue
                flow = run(self._chain(statement, NOTHING, self.root, 0))
                self.ends.append(flow)
        self.reading = True
        for of in self.module.blocks.values():
            if of.module is self.module and id(of.block) not in self.called:
                self._read(of)

    def _read(self, of: BlockOf) -> None:
        """Find the mistakes in a block that nothing calls: its parameters are unknown, and it makes no nodes."""
        unknown = dict.fromkeys([parameter.name.text for parameter in of.block.parameters], UNKNOWN)
        scope = Scope("", {}, self._named(of.block.body), {**of.module.params, **unknown}, of.module)
        run(self._chain(of.block.body, BROKEN, scope, 0))

    # Chains and elements. A flow comes in, and what comes out is returned.

    def _chain(self, chain: tree.Chain, flow: Flow, scope: Scope, device: int) -> Steps[int]:
        fork: tree.Element | None = None
        for position, element in enumerate(chain.elements):
            primary = element.primary
            if fork is not None and not isinstance(primary, tree.Layer):
                flow = self._unmerged(fork, scope)
            try:
                placed = self._device(element, scope, device)
                if isinstance(primary, tree.Layer):
                    flow = self._layers(element, primary, flow, scope, placed, fork)
                elif isinstance(primary, tree.Fork):
                    flow = yield self._fork(primary, flow, scope, placed)
                elif isinstance(primary, tree.Name):
                    flow = self._reference(element, primary, position, scope)
                else:
                    assert not isinstance(flow, tuple)
                    flow = yield self._scoped(element, flow, scope, placed)
            except Fault as fault:
                self._add(fault, scope)
                flow = (BROKEN,) if isinstance(primary, tree.Fork) else BROKEN
                self._name(element, BROKEN, scope)
            fork = element if isinstance(primary, tree.Fork) else None
        if isinstance(flow, tuple):
            return self._unmerged(fork or chain.elements[-1], scope)
        return flow

    def _unmerged(self, fork: tree.Element, scope: Scope) -> int:
        help = "put CONCAT, ADD, SUB, MUL, MEAN or MAX behind it"
        self._add(Fault("fork-without-merge", "nothing merges this fork's branches", fork.span, help), scope)
        return BROKEN

    def _device(self, element: tree.Element, scope: Scope, device: int) -> int:
        if element.device is None:
            return device
        value = element.device.value
        placed = whole(compute(value, scope.environment), value.span, "a device", MAX_DEVICE)
        return device if placed is None else placed

    def _name(self, element: tree.Element, output: int, scope: Scope) -> None:
        """Let the element's name stand for an output."""
        if name := scope.labels.get(id(element)):
            scope.entries.setdefault(name, Entry(element, scope)).output = output

    def _reference(self, element: tree.Element, name: tree.Name, position: int, scope: Scope) -> int:
        if position:
            raise _misplaced_name(name, scope)
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
        _warn_of_repeat(element, written, self.report)
        count = self._count(element, scope)
        if written.keyword == "SKIP":
            return self._skip(element, written, flow, scope)
        row = self._row(written)
        made, site, further = bind.layer(
            row, written, scope.environment, scope.node, lambda fault: self._add(fault, scope)
        )
        if fork is not None and isinstance(fork.primary, tree.Fork):
            site = replace(site, branches=tuple(branch.span for branch in fork.primary.branches))
        name = scope.labels[id(element)]
        path = scope.path + name
        entry = scope.entries[name] = Entry(element, scope, first=len(self.nodes))
        if count is None:
            flow = self._layer(row, made, site, flow, further, path, scope, device)
        else:
            self.scopes[path] = ScopeInfo(path, written.span.text, count)
            for copy in range(1, count + 1):
                start = len(self.nodes)
                flow = self._layer(row, made, site, flow, further, f"{path}.{copy}", scope, device)
                entry.inner[str(copy)] = Entry(element, scope, flow, first=start, last=len(self.nodes))
            if isinstance(flow, tuple):  # zero copies behind a fork
                raise Fault("fork-without-merge", f"x0 leaves no {written.keyword} to merge the fork", element.span)
        entry.output, entry.last = flow, len(self.nodes)
        return flow

    def _skip(self, element: tree.Element, written: tree.Layer, flow: Flow, scope: Scope) -> int:
        if written.arguments:
            raise Fault("extra-argument", "SKIP takes no arguments", written.arguments[0].span)
        if flow == NOTHING:
            raise _no_input(written.span, "SKIP")
        if isinstance(flow, tuple):
            raise Fault("fork-without-merge", "SKIP does not merge a fork's branches", element.span)
        self._name(element, flow, scope)
        return flow

    def _row(self, written: tree.Layer) -> type[Layer]:
        try:
            row = table.find(written.keyword)
        except table.BrokenPackage as error:
            raise Fault("unknown-layer", str(error), written.keyword_span) from None
        if row is None:
            help = did_you_mean(written.keyword, table.keywords()) or "`netdsl layers` lists the layers"
            raise Fault("unknown-layer", f"there is no layer {written.keyword}", written.keyword_span, help)
        return row

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
                help = "start a chain of its own with it; a fork `[ a | b ] -> CONCAT` merges two"
                raise Fault("misplaced-input", "INPUT starts a chain, but something flows in here", site.span, help)
            inputs: tuple[int, ...] = ()
            if flow == BROKEN:
                return BROKEN
        elif isinstance(flow, tuple):
            if not row.merge:
                help = f"put CONCAT, ADD, SUB, MUL, MEAN or MAX between the fork and {row.keyword}"
                message = f"{row.keyword} takes one input, but a fork gives {len(flow)}"
                raise Fault("fork-without-merge", message, site.span, help)
            inputs = flow
        elif flow == NOTHING:
            raise _no_input(list(scope.calls)[-1] if scope.calls else site.span, row.keyword)
        elif row.merge:
            help = f"put a fork before it: [ a | b ] -> {row.keyword}"
            raise Fault("merge-without-fork", f"{row.keyword} has no fork to merge", site.span, help)
        else:
            inputs = (flow,)
        inputs = (*inputs, *further)
        if made is None or min(inputs, default=0) < 0:
            return BROKEN
        if len(self.nodes) >= MAX_NODES:
            raise Fault("limit-exceeded", f"the network has more than {MAX_NODES:,} nodes", site.span)
        self.nodes.append(Node(path, made, inputs, site, scope.calls, device, path))
        return len(self.nodes) - 1

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
        entry = scope.entries[name] = Entry(element, scope, first=len(self.nodes))
        title = primary.span.text if isinstance(primary, tree.Call) else ""
        self.scopes[path] = ScopeInfo(path, title or name, count)
        if count is None:
            flow = yield self._apply(primary, flow, path, entry, scope, device)
        else:
            for copy in range(1, count + 1):
                inner = Entry(element, scope, first=len(self.nodes))
                flow = yield self._apply(primary, flow, f"{path}.{copy}", inner, scope, device)
                inner.output, inner.last = flow, len(self.nodes)
                entry.inner[str(copy)] = inner
        entry.output, entry.last = flow, len(self.nodes)
        return flow

    def _apply(
        self, primary: tree.Call | tree.Group, flow: int, path: str, entry: Entry, scope: Scope, device: int
    ) -> Steps[int]:
        """One copy of a call or group, at a path; its inner names go into `entry`."""
        if isinstance(primary, tree.Group):
            chain = primary.chain
            inner = replace(scope, path=f"{path}.", entries=entry.inner, labels=self._named(chain), outer=scope)
            return self._chain(chain, flow, inner, device)
        calls = Calls(primary.span, scope.calls)
        of = scope.module.blocks.get(primary.name.text)
        if of is None:
            return self._again(primary, flow, path, entry, scope, device, calls)
        environment = self._arguments(of, primary, scope)
        if self.reading:
            return _broken()
        self.called.add(id(of.block))
        if id(of.block) in self.recursive or environment is None:
            return _broken()
        if path.count(".") > MAX_CALLS:
            raise Fault("limit-exceeded", f"blocks call each other more than {MAX_CALLS} deep", primary.span)
        inner = Scope(f"{path}.", entry.inner, self._named(of.block.body), environment, of.module, None, calls)
        return self._chain(of.block.body, flow, inner, device)

    def _again(
        self, call: tree.Call, flow: int, path: str, entry: Entry, scope: Scope, device: int, calls: Calls
    ) -> Steps[int]:
        """Apply an earlier element again, with the same weights: its nodes come in the same order as then."""
        try:
            original = scope.find(call.name)
        except Fault:
            if scope.module.lacks(call.name.text):
                return BROKEN
            raise _unknown_block(call, scope) from None
        if original.output == BROKEN and original.first == original.last:
            return BROKEN
        if call.arguments:
            help = f"`{call.name.text}()` applies it again as it was"
            raise Fault("extra-argument", f"{call.name.text} is an element, and takes no arguments", call.span, help)
        primary = original.element.primary
        if isinstance(primary, tree.Name | tree.Fork) or primary == tree.Layer("SKIP", ()):
            raise Fault("unknown-block", f"{call.name.text} is another name of a node, not an element", call.span)
        start = len(self.nodes)
        home = original.scope
        device = self._device(original.element, home, device)
        if isinstance(primary, tree.Layer):
            name = path.removeprefix(scope.path)
            labels = {id(original.element): name}
            again = replace(home, path=scope.path, entries={}, labels=labels, calls=calls, outer=home)
            flow = self._layers(original.element, primary, flow, again, device)
            entry.inner.update(again.entries[name].inner)
        else:
            flow = yield self._copies(original, flow, path, entry, replace(home, calls=calls), device)
        made, source = len(self.nodes) - start, original.first
        if made == original.last - original.first:
            for index in range(start, start + made):
                node = self.nodes[index]
                self.nodes[index] = replace(node, owner=self.nodes[source + index - start].owner)
        return flow

    def _copies(
        self, original: Entry, flow: int, path: str, entry: Entry, scope: Scope, device: int
    ) -> Steps[int]:
        """The call or group of an earlier element, and its repeats, at a new path."""
        element = original.element
        primary = element.primary
        assert isinstance(primary, tree.Call | tree.Group)
        copies = [key for key in original.inner if key.isdigit()] if element.repeat is not None else []
        if not copies:
            return (yield self._apply(primary, flow, path, entry, scope, device))
        for copy in copies:
            inner = entry.inner[copy] = Entry(element, scope)
            flow = yield self._apply(primary, flow, f"{path}.{copy}", inner, scope, device)
            inner.output = flow
        return flow

    def _named(self, chain: tree.Chain) -> Mapping[int, str]:
        """The names of the elements of a block's body or a group, worked out once."""
        labels = self._labels.get(id(chain))
        if labels is None:
            labels = self._labels[id(chain)] = names.assign([chain], self.report)
        return labels

    def _arguments(self, of: BlockOf, call: tree.Call, scope: Scope) -> Environment | None:
        """The values of a block's parameters; None where an argument is wrong, which is reported."""
        block = of.block
        bound: dict[str, Known | Unknown] = {}
        parameters = {parameter.name.text: parameter for parameter in block.parameters}
        well = True
        for argument in call.arguments:
            try:
                name = _parameter_of(argument, parameters, bound, block)
                bound[name] = UNKNOWN
                bound[name] = self._argument(argument.value, scope)
            except Fault as fault:
                self._add(fault, scope)
                well = False
        environment = {**of.module.params, **bound}
        missing: list[str] = []
        for name, parameter in parameters.items():
            if name in bound:
                continue
            if parameter.default is None:
                missing.append(name)
                continue
            try:
                environment[name] = evaluate(parameter.default, environment)
            except Fault as fault:
                self._add(fault, scope)
                well = False
        if missing and well:
            usage = f"{block.name.text}({', '.join(parameters)})"
            message = f"block {block.name.text} needs {' and '.join(missing)}"
            related = (Related(block.span, "it is defined here"),)
            self._add(Fault("missing-argument", message, call.span, f"write {usage}", related), scope)
            well = False
        return environment if well else None

    def _argument(self, value: tree.Expression, scope: Scope) -> Known | Unknown:
        """An argument of a call: a value, or a node by its name."""
        if isinstance(value, tree.Name) and value.text not in scope.environment:
            try:
                flow = scope.node(value)
                return UNKNOWN if flow == BROKEN else NodeRef(flow)
            except Fault as fault:
                if not fault.help:
                    fault.help = did_you_mean(value.text, scope.environment)
                raise
        return evaluate(value, scope.environment)

    def _add(self, fault: Fault, scope: Scope) -> None:
        if fault.code == "unknown-name" and scope.module.incomplete:
            return  # the file that is missing may have defined it
        self.report.add(
            Diagnostic(
                fault.code,
                fault.message,
                fault.span,
                related=fault.related,
                help=fault.help,
                path=scope.path.rstrip("."),
                calls=tuple(scope.calls or ()),
            )
        )


def _broken() -> Steps[int]:
    return BROKEN
    yield  # makes it a step


def _parameter_of(
    argument: tree.Argument,
    parameters: Mapping[str, tree.Parameter],
    bound: Mapping[str, object],
    block: tree.Block,
) -> str:
    """The parameter that an argument of a call is for. Raises Fault."""
    takes = f"{block.name.text} takes {', '.join(parameters) or 'no arguments'}"
    related = (Related(block.span, "it is defined here"),)
    if argument.key is None:
        name = next((name for name in parameters if name not in bound), None)
        if name is None:
            message = f"{argument.span.text} is one argument too many for block {block.name.text}"
            raise Fault("extra-argument", message, argument.span, takes, related)
        return name
    name = argument.key.text
    if name not in parameters:
        message = f"block {block.name.text} has no parameter {name}"
        raise Fault("unknown-param", message, argument.key.span, did_you_mean(name, parameters) or takes, related)
    if name in bound:
        raise Fault("extra-argument", f"{name} is given twice", argument.span, "keep one of them")
    return name


def _no_input(span: Span, keyword: str) -> Fault:
    help = "start the chain with INPUT and its dims, such as INPUT 224x224x3, or with the name of something earlier"
    return Fault("no-input", f"nothing flows into {keyword}", span, help)


def _misplaced_name(name: tree.Name, scope: Scope) -> Fault:
    if name.text in scope.module.blocks:
        help = f"to call the block, write {name.text}()"
    elif layer := closest(name.text, table.keywords()):
        help = f"layers are written in capitals: did you mean {layer}?"
    else:
        help = "a name starts a chain or a branch; to apply its element again, write it with ()"
    return Fault("syntax-error", f"the name {name.text} stands in the middle of a chain", name.span, help)


def _unknown_block(call: tree.Call, scope: Scope) -> Fault:
    known = [*scope.module.blocks, *scope.labels.values()]
    message = f"there is no block {call.name.text}, and no earlier element of that name"
    return Fault("unknown-block", message, call.name.span, did_you_mean(call.name.text, known))


def _warn_of_repeat(element: tree.Element, written: tree.Layer, report: Report) -> None:
    """`CONV 64 3 x3` reads like a 3x3 kernel, and is three convolutions."""
    repeat = element.repeat
    if repeat is None or repeat.computed or not written.arguments:
        return
    last = written.arguments[-1]
    if last.tag or last.key or not (isinstance(last.value, tree.Literal) and isinstance(last.value.value, int)):
        return
    number, count = last.value.text, repeat.value.span.text
    report.add(
        Diagnostic(
            "suspicious-repeat",
            f"`{number} x{count}` makes {count} layers, each with {number}",
            last.span.to(repeat.span),
            help=f"write {number}x{count} for dims, or x{{{count}}} for a repeat",
        )
    )


def _recursive(module: Module, report: Report) -> set[int]:
    """The blocks that call themselves, directly or through others; each circle is reported once."""
    state: dict[int, int] = {}
    found: set[int] = set()
    for start in module.blocks.values():
        stack = [(start, iter(_calls(start)))]
        if state.setdefault(id(start.block), 1) == 2:
            continue
        while stack:
            of, calls = stack[-1]
            step = next(calls, None)
            if step is None:
                state[id(of.block)] = 2
                stack.pop()
                continue
            call, target = step
            if state.get(id(target.block)) == 1:
                circle = list(itertools.dropwhile(lambda one: one[0].block is not target.block, stack))
                around = " calls ".join([*(one[0].block.name.text for one in circle), target.block.name.text])
                found.update(id(one[0].block) for one in circle)
                report.error("recursive-block", around, call.span, help="use a repeat: x{n}")
            elif id(target.block) not in state:
                state[id(target.block)] = 1
                stack.append((target, iter(_calls(target))))
    return found


def _calls(of: BlockOf) -> list[tuple[tree.Call, BlockOf]]:
    calls = [one.primary for one in tree.elements(of.block.body) if isinstance(one.primary, tree.Call)]
    blocks = of.module.blocks
    return [(call, blocks[call.name.text]) for call in calls if call.name.text in blocks]
