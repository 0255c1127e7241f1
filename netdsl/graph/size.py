"""How large an expansion may become: what is counted while it is made, so that runaway repeats end at once."""

from __future__ import annotations

from dataclasses import dataclass, field

from netdsl.text import tree
from netdsl.text.mistake import Mistake, Wrong

LIMIT = 200_000
"""How many nodes a network has at most, unless more are asked for."""
_CHARACTERS = 100
"""How long paths may be, for each node of the limit."""
_READ = 4
"""How many characters may be read again, for each node of the limit."""
_INPUTS = 5
"""How many inputs layers may read, for each node of the limit."""
_ELEMENT = 16
"""How many characters an element counts for beside its own."""


class Runaway(Mistake, code="limit-exceeded", example="INPUT 28x28x1 -> CONV 6 3 p1 x2000000"):
    said: str
    words = "{said}"
    advice = "is a repeat mistyped? `--limit` allows more"


class TooLarge(Wrong):
    """An expansion that grows beyond its limit."""

    def __init__(self, said: str) -> None:
        super().__init__(Runaway(said))


@dataclass(slots=True)
class Size:
    """What has been expanded: nodes, ends (the names of calls, groups and copies), and the characters of all paths.

    What blocks make is copied where they are called with equal arguments; where they are read once more, since the
    arguments differ, what enters them or the number of a copy, that counts by the length of what is written there.
    """

    limit: int
    nodes: int = 0
    ends: int = 0
    characters: int = 0
    inputs: int = 0
    again: int = 0
    seen: set[int] = field(default_factory=set[int])

    def grows(self, nodes: int = 0, ends: int = 0, characters: int = 0, inputs: int = 0) -> None:
        """Count what is to be made. Raises TooLarge."""
        self.nodes += nodes
        self.ends += ends
        self.characters += characters
        self.inputs += inputs
        if self.nodes > self.limit:
            raise TooLarge(f"this expands to {about(self.nodes)} nodes or more, and the limit is {self.limit:,}")
        if self.ends > self.limit:
            what = "calls, groups and copies"
            raise TooLarge(f"this expands to {about(self.ends)} {what} or more, and the limit is {self.limit:,}")
        if self.characters > self.limit * _CHARACTERS:
            most = self.limit * _CHARACTERS
            message = f"the paths in this have {about(self.characters)} characters or more, and the limit is {most:,}"
            raise TooLarge(message)

        if self.inputs > self.limit * _INPUTS:
            most = self.limit * _INPUTS
            raise TooLarge(f"the layers in this read {about(self.inputs)} inputs or more, and the limit is {most:,}")

    def calls(self, block: tree.Block) -> None:
        """Count a call of a block, each of whose parameters has a value, perhaps a long default. Raises TooLarge."""
        self._rereads(len(block.parameters) + (block.span.end - block.span.start) // _ELEMENT)

    def reads(self, element: tree.Element) -> None:
        """Count an element that is expanded by itself. Raises TooLarge."""
        if id(element) not in self.seen:
            self.seen.add(id(element))
            return
        own = isinstance(element.primary, tree.Layer | tree.Call)
        spans = [element.span] if own else [one.span for one in (element.repeat, element.device) if one is not None]
        self._rereads(_ELEMENT + sum([span.end - span.start for span in spans]))

    def _rereads(self, characters: int) -> None:
        self.again += characters
        if self.again > self.limit * _READ:
            most = self.limit * _READ
            raise TooLarge(f"this is expanded with other values each time, and reads {most:,} characters again or more")


def about(count: int) -> str:
    """A number as messages write it: `200,000`, and `about 1e15` where it is very large."""
    return f"{count:,}" if count < 10**15 else f"about 1e{int(count.bit_length() * 0.30103)}"
