"""What names mean while a program is expanded."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

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


@dataclass(slots=True)
class Entry:
    """What a name stands for: an output, the names below it, and how to apply the element again."""

    element: tree.Element
    scope: Scope
    output: int = BROKEN
    inner: dict[str, Entry] = field(default_factory=dict[str, "Entry"])
    first: int = 0
    last: int = 0
    """The nodes that it made: indices from `first` up to `last`."""
    copy: bool = False
    """Whether it is one copy of a repeated element."""


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

    def outward(self) -> Iterator[Scope]:
        """This scope and those around it, from the inside."""
        scope: Scope | None = self
        while scope:
            yield scope
            scope = scope.outer

    def find(self, name: tree.Name) -> Entry:
        """The entry that a name means, sought outward and then down along its dots. Raises Fault `unknown-name`."""
        first, *rest = name.text.split(".")
        entries = next((scope.entries for scope in self.outward() if first in scope.entries), None)
        if entries is None:
            raise self._unknown(name, first)
        entry = entries[first]
        at = first
        for part in rest:
            if part not in entry.inner:
                help = did_you_mean(part, entry.inner)
                raise Fault("unknown-name", f"there is no {part} in {at}", name.span, help)
            entry = entry.inner[part]
            at += f".{part}"
        return entry

    def _unknown(self, name: tree.Name, first: str) -> Fault:
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
            return bound.flow
        try:
            return self.find(name).output
        except Fault:
            if isinstance(bound, Unknown) or self.module.lacks(name.text):
                return BROKEN
            raise
