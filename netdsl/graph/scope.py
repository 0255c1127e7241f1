"""What names mean while a program is expanded."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from netdsl.graph import call
from netdsl.graph.evaluate import IN, IN_BLOCKS, Environment, Local, Nested, NodeRef, Unknown, UnknownName, entered
from netdsl.graph.fault import Fault
from netdsl.graph.made import Made
from netdsl.graph.names import Names
from netdsl.graph.node import BROKEN, Calls
from netdsl.graph.outline import Call, Hole, Placed
from netdsl.graph.program import BlockOf, Unit
from netdsl.layers import table
from netdsl.text import elsewhere, tree
from netdsl.text.advice import perhaps
from netdsl.text.diagnostic import Report
from netdsl.text.mistake import Mistake
from netdsl.text.source import Span
from netdsl.text.suggest import did_you_mean

WHAT_FLOWS = "SKIP stands for what flows in"
_WHAT_FLOWS = frozenset({"x", "identity", "input", "inputs", "shortcut", "residual", "skip"})
"""What people call what flows into a fork."""


class Nothing(Mistake, code="unknown-name", example="INPUT 8 -> stem: FC 6\nstme -> RELU"):
    name: str
    hint: str
    words = "there is nothing called {name} here"


class NotYet(Mistake, code="unknown-name", example="INPUT 8 -> [ a | SKIP ] -> ADD\nINPUT 8 -> a: RELU"):
    name: str
    words = "{name} is not there yet: a chain reads what comes before it"
    advice = "move this behind {name}"


class NoNode(Mistake, code="unknown-name", example="block b(n) = [ n | SKIP ] -> ADD\nINPUT 8 -> b(2)"):
    name: str
    hint: str = ""
    words = "{name} is a parameter, not a node"


def as_layer(word: str, arguments: Sequence[str]) -> str:
    """What a word in lower case means if it is the name of a layer, here or in another tool; or ""."""
    if elsewhere.find(word) and (here := elsewhere.called(word, arguments)):
        return here
    return " ".join((word.upper(), *arguments)) if word.upper() in table.keywords() else ""


def _is_output(span: Span) -> bool:
    """Whether a name stands in a line of outputs, where no layer can."""
    return span.source.text[: span.start].rpartition("\n")[2].lstrip().startswith("output ")


@dataclass(slots=True)
class Entry:
    """What a name stands for: an output, the names below it, and how to apply the element again."""

    element: tree.Element
    scope: Scope
    """Where the element stands."""
    output: int = BROKEN
    inner: dict[str, Entry] = field(default_factory=dict[str, "Entry"])
    """The names below it that there are while it is expanded, and those that were asked for since."""
    placed: Placed | None = None
    """What it has become. None while it is expanded, or where nothing came of it."""
    open: bool = False
    """Whether it is being expanded."""
    copy: bool = False
    """Whether it is one copy of a repeated element."""
    _opened: Scope | None = None

    def close(self, output: int, placed: Placed) -> None:
        """Say what it has become."""
        self.output, self.open = output, False
        self.placed = None if isinstance(placed.part, Hole) else placed

    def child(self, name: str) -> Entry | None:
        """What a name below it stands for."""
        found = self.inner.get(name)
        if found is None and self.placed is not None and (below := self.placed.child(name)) is not None:
            copy = self.placed.repeat is not None
            scope = self.scope if copy else self._inside(self.placed)
            found = Entry(below.part.element, scope, below.output(self.scope.made.ends), {}, below, copy=copy)
            self.inner[name] = found
        return found

    def names(self) -> Iterator[str]:
        """The names below it."""
        if self.placed is None:
            yield from self.inner
        else:
            yield from (one.name for one in self.placed.named())

    @property
    def home(self) -> Scope:
        """Where the element stands, with the number of the copy that it is."""
        number = self.placed.number if self.placed and self.copy else 0
        return self.scope.numbered(self.element, Local(number)) if number else self.scope

    def _inside(self, placed: Placed) -> Scope:
        """The scope that it opens."""
        if self._opened is None:
            part, scope = placed.own, self.home
            primary = part.element.primary
            if isinstance(part, Call):
                assert isinstance(primary, tree.Call)
                environment = (
                    call.environment(part.block, primary, scope, entered(part.environment), lambda _: None) or {}
                )
                opened = scope.block(part.block, placed.path, self.inner, environment, scope.called(primary))
            else:
                assert isinstance(primary, tree.Group)
                opened = scope.group(primary, placed.path, self.inner)
            self._opened = replace(opened, of=self)
        return self._opened


@dataclass(slots=True)
class Scope:
    """A place where names are sought: a file's chains, a block's body, or a group with a name.

    `path` ends with a dot unless it is empty; `outer` is the scope around a group, and None for a block or file.
    """

    path: str
    entries: dict[str, Entry]
    labels: Mapping[int, str]
    environment: Environment
    unit: Unit
    made: Made
    names: Names
    outer: Scope | None = None
    calls: Calls | None = None
    of: Entry | None = None
    """The entry that opened it, where it is finished."""

    def entry(self, name: str) -> Entry | None:
        """What a name in this very scope stands for."""
        return self.entries.get(name) or (self.of.child(name) if self.of else None)

    def open(self, element: tree.Element, name: str) -> Entry:
        """Let a name stand for an element that is being expanded."""
        entry = self.entries[name] = Entry(element, self, open=True)
        return entry

    def called(self, primary: tree.Call | tree.Group) -> Calls | None:
        """The calls around what a call or group here makes."""
        return Calls(primary.span, self.calls) if isinstance(primary, tree.Call) else self.calls

    def group(self, of: tree.Group, path: str, entries: dict[str, Entry]) -> Scope:
        """The scope of a group here."""
        return replace(self, path=f"{path}.", entries=entries, labels=self.names.of(of.chain), outer=self)

    def numbered(self, element: tree.Element, number: Local) -> Scope:
        """The scope of one copy of an element here, which its number has a name in."""
        index = element.repeat and element.repeat.index
        if index is None:
            return self
        return replace(self, environment=Nested.of(index.text, number, self.environment))

    def block(
        self, of: BlockOf, path: str, entries: dict[str, Entry], environment: Environment, calls: Calls | None
    ) -> Scope:
        """The scope of a block's body where it is called from here."""
        labels = self.names.of(of.block.body)
        return Scope(f"{path}.", entries, labels, environment, of.unit, self.made, self.names, None, calls)

    def tell(self, fault: Fault, report: Report) -> None:
        """Report a fault of something here, unless its cause was told: that a file is missing, or nothing flows in."""
        if fault.mistake.code == "unknown-name" and self.unit.incomplete:
            return
        entering = self.environment.get(IN)
        if fault.mistake.code == "no-input" and isinstance(entering, Local) and entering.value is None:
            if entering.told:
                return
            entering.told = True
        report.add(fault.found(self.path.rstrip("."), tuple(self.calls or ())))

    def outward(self) -> Iterator[Scope]:
        """This scope and those around it, from the inside."""
        scope: Scope | None = self
        while scope:
            yield scope
            scope = scope.outer

    def find(self, name: tree.Name) -> Entry | None:
        """The entry that a name means, sought outward and then down along its dots; or None."""
        first, *rest = name.text.split(".")
        entry = next((found for scope in self.outward() if (found := scope.entry(first))), None)
        for part in rest:
            entry = entry and entry.child(part)
        return entry

    def _unknown(self, name: tree.Name) -> Fault:
        """What to say of a name that has no entry."""
        first, *rest = name.text.split(".")
        entry = next((found for scope in self.outward() if (found := scope.entry(first))), None)
        for position, part in enumerate(rest):
            if entry is None:
                break
            if (below := entry.child(part)) is None:
                at = ".".join((first, *rest[:position]))
                return Fault(UnknownName(f"{part} in {at}", did_you_mean(part, entry.names())), name.span)
            entry = below
        later = [scope for scope in self.outward() if first in scope.labels.values()]
        if later:
            return Fault(NotYet(first), name.span)
        if first in self.environment:
            return Fault(NoNode(first, WHAT_FLOWS if first == IN else ""), name.span)
        if first == IN:
            return Fault(Nothing(first, IN_BLOCKS), name.span)
        known = (known for scope in self.outward() for known in scope.entries)
        help = did_you_mean(first, known)
        if first in _WHAT_FLOWS:
            before = name.span.source.text[max(0, name.span.start - 80) : name.span.start].rstrip()
            help = perhaps(WHAT_FLOWS, "SKIP") if before[-1:] in {"[", "|"} else WHAT_FLOWS
        elif not help and not _is_output(name.span) and (layer := as_layer(first, ())):
            help = f"layers are written in capitals: did you mean {layer}?"
        return Fault(Nothing(first, help), name.span)

    def node(self, name: tree.Name) -> int:
        """The output that a name means: a parameter that was given a node, or an element."""
        bound = self.environment.get(name.text)
        if isinstance(bound, NodeRef):
            found = bound.flow
        elif entry := self.find(name):
            found = entry.output
        elif isinstance(bound, Unknown) or self.unit.lacks(name.text):
            return BROKEN
        else:
            raise self._unknown(name)
        self.made.read.append(found)
        return found
