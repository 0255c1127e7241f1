"""What names mean while a program is expanded."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Protocol, TypeAlias

from netdsl.graph.evaluate import Environment, NodeRef, Unknown
from netdsl.graph.fault import Fault
from netdsl.graph.node import Calls
from netdsl.graph.program import Module
from netdsl.text import tree
from netdsl.text.suggest import did_you_mean

Flow: TypeAlias = int | tuple[int, ...]
"""What flows along a chain: the index of a node, NOTHING, BROKEN, or what the branches of a fork gave."""

NOTHING = -1
"""The start of a chain."""
BROKEN = -2
"""The output of something with an error, which was reported, or of a block that is read without being called."""

_WHAT_FLOWS = frozenset({"x", "identity", "input", "inputs", "shortcut", "residual", "skip"})
"""What people call what flows into a fork."""


class Below(Protocol):
    """Names below an entry that are worked out when they are asked for: those of copies."""

    def child(self, name: str) -> Entry | None:
        """What a name stands for, or None where there is none."""
        ...

    def names(self) -> Iterator[str]:
        """All of them."""
        ...


UNFINISHED = -1


@dataclass(slots=True)
class Entry:
    """What a name stands for: an output, the names below it, and how to apply the element again."""

    element: tree.Element
    scope: Scope
    output: int = BROKEN
    inner: dict[str, Entry] = field(default_factory=dict[str, "Entry"])
    first: int = 0
    last: int = 0
    """The nodes that it made: indices from `first` up to `last`, which is UNFINISHED while it is making them."""
    copy: bool = False
    """Whether it is one copy of a repeated element."""
    copies: int | None = None
    """How many copies stand under it, where a repeat is written."""
    like: Below | None = None
    """Further names below it."""

    def child(self, name: str) -> Entry | None:
        """What a name below it stands for."""
        found = self.inner.get(name)
        if found is None and self.like is not None and (found := self.like.child(name)) is not None:
            self.inner[name] = found
        return found

    def names(self) -> Iterator[str]:
        """The names below it."""
        yield from self.inner
        if self.like is not None:
            yield from (name for name in self.like.names() if name not in self.inner)


@dataclass(slots=True)
class Scope:
    """A place where names are sought: a file's chains, a block's body, or a group with a name.

    `path` ends with a dot unless it is empty; `outer` is the scope around a group, and None for a block or file.
    """

    path: str
    entries: dict[str, Entry]
    labels: Mapping[int, str]
    environment: Environment
    module: Module
    outer: Scope | None = None
    calls: Calls | None = None
    read: list[int] = field(default_factory=list[int])
    """The nodes that were read by name, in all scopes of an expansion."""

    def called(self, primary: tree.Call | tree.Group) -> Calls | None:
        """The calls around what a call or group here makes."""
        return Calls(primary.span, self.calls) if isinstance(primary, tree.Call) else self.calls

    def outward(self) -> Iterator[Scope]:
        """This scope and those around it, from the inside."""
        scope: Scope | None = self
        while scope:
            yield scope
            scope = scope.outer

    def find(self, name: tree.Name) -> Entry | None:
        """The entry that a name means, sought outward and then down along its dots; or None."""
        first, *rest = name.text.split(".")
        entry = next((scope.entries[first] for scope in self.outward() if first in scope.entries), None)
        for part in rest:
            entry = entry and entry.child(part)
        return entry

    def _unknown(self, name: tree.Name) -> Fault:
        """What to say of a name that has no entry."""
        first, *rest = name.text.split(".")
        entry = next((scope.entries[first] for scope in self.outward() if first in scope.entries), None)
        for position, part in enumerate(rest):
            if entry is None:
                break
            if (below := entry.child(part)) is None:
                at = ".".join((first, *rest[:position]))
                return Fault(
                    "unknown-name", f"there is no {part} in {at}", name.span, did_you_mean(part, entry.names())
                )
            entry = below
        later = [scope for scope in self.outward() if first in scope.labels.values()]
        if later:
            message = f"{first} is not there yet: a chain reads what comes before it"
            return Fault("unknown-name", message, name.span, f"move this behind {first}")
        if first in self.environment:
            return Fault("unknown-name", f"{first} is a parameter, not a node", name.span)
        known = (known for scope in self.outward() for known in scope.entries)
        help = did_you_mean(first, known) if first not in _WHAT_FLOWS else "SKIP stands for what flows in"
        return Fault("unknown-name", f"there is nothing called {first} here", name.span, help)

    def node(self, name: tree.Name) -> int:
        """The output that a name means: a parameter that was given a node, or an element."""
        bound = self.environment.get(name.text)
        if isinstance(bound, NodeRef):
            found = bound.flow
        elif entry := self.find(name):
            found = entry.output
        elif isinstance(bound, Unknown) or self.module.lacks(name.text):
            return BROKEN
        else:
            raise self._unknown(name)
        self.read.append(found)
        return found
