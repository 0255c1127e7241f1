"""An outline of which some nodes are dropped: those that no output needs."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from netdsl.graph.outline import Again, Alias, Call, Chain, Fork, Group, Hole, Layer, Outline, Part, Repeat
from netdsl.graph.steps import Steps, run


def pruned(outline: Outline, kept: Sequence[int]) -> Outline:
    """The outline of some of the nodes alone, given in order; what is whole in it stays the same value."""
    moved = {old: new for new, old in enumerate(kept)}
    chains = run(_Pruning(kept).chains(outline.chains, 0))
    return Outline(chains, [moved.get(end, -1) for end in outline.ends])


@dataclass(frozen=True, slots=True)
class _Pruning:
    kept: Sequence[int]

    def whole(self, part: Chain | Part, node: int) -> bool:
        """Whether all nodes of what begins with one are kept."""
        end = bisect_left(self.kept, node) + part.size - 1
        return not part.size or (end < len(self.kept) and self.kept[end] == node + part.size - 1)

    def chains(self, chains: Sequence[Chain], node: int) -> Steps[tuple[Chain, ...]]:
        """Chains one after the other, from a node on."""
        found: list[Chain] = []
        for chain in chains:
            if self.whole(chain, node):
                found.append(chain)
            else:
                found.append(Chain.of((yield self.parts(chain.parts, node))))
            node += chain.size
        return tuple(found)

    def parts(self, parts: Iterable[Part], node: int) -> Steps[list[Part]]:
        """Parts one after the other, from a node on."""
        found: list[Part] = []
        for part in parts:
            found.append(part if self.whole(part, node) else (yield self.part(part, node)))
            node += part.size
        return found

    def part(self, part: Part, node: int) -> Steps[Part]:
        """A part of which some nodes go."""
        match part:
            case Fork(element=element, branches=branches):
                return Fork.of(element, (yield self.chains(branches, node)))
            case Group(element=element, name=name, body=body):
                return Group.of(element, name, *(yield self.chains([body], node)))
            case Call(body=body):
                (body,) = yield self.chains([body], node)
                return replace(part, body=body, size=body.size)
            case Repeat(element=element, name=name, title=title):
                each = part.bodies * part.copies if len(part.bodies) == 1 else part.bodies
                return Repeat.of(element, name, title, (yield self.parts(each, node)))
            case Again(element=element, name=name, part=again):
                (again,) = yield self.parts([again], node)
                return Again.of(element, name, again)
            case Layer() | Hole() | Alias():
                return Hole(part.element)
