"""What changed between two networks: layers matched by structure, and told as data, text, Markdown or a picture."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import cast

from netdsl.diff import report
from netdsl.diff.change import Change, Compared, Fact, Side, Tensors, guest
from netdsl.diff.likeness import Traits
from netdsl.diff.match import match
from netdsl.diff.wiring import Rewiring
from netdsl.graph.node import Graph, ShapedGraph
from netdsl.layers.arguments import Value, show
from netdsl.layers.base import Weight
from netdsl.measure import expect
from netdsl.measure.costs import Costs, costs, totals
from netdsl.text.diagnostic import Report
from netdsl.text.shown import Page
from netdsl.text.source import Source, stem

__all__ = ["NOTHING", "Change", "Difference", "diff"]

NOTHING = ShapedGraph(Graph("", Source("", ""), {}, (), (), ()), ())
"""What a network is compared with that is new, or gone."""


@dataclass(frozen=True, repr=False)
class Difference(Compared, Page):
    """What changed between two networks, which prints as text."""

    @property
    def data(self) -> dict[str, object]:
        """All of it as plain data, for JSON."""
        return report.data(self)

    def __str__(self) -> str:
        return report.text(self)


def diff(first: ShapedGraph, second: ShapedGraph) -> Difference:
    """What changed from a first network to a second."""
    traits = Traits(first), Traits(second)
    each = costs(first), costs(second)
    compared = _Comparison(*traits, *match(*traits))
    layers = tuple(compared.layers(*map(_sides, traits, each)))
    sums = totals(first, each[0]), totals(second, each[1])
    return Difference(first, second, layers, tuple(compared.facts()), *sums, compared.tensors())


def _sides(traits: Traits, costs: Sequence[Costs]) -> list[Side]:
    """The layers of a network."""
    each = zip(traits.nodes, traits.words, traits.shaped.shapes, costs, strict=True)
    return [
        Side(index, node.path, *words, shape, *((0, 0) if node.training else (cost.params, cost.macs)))
        for index, (node, words, shape, cost) in enumerate(each)
    ]


class _Comparison:
    """Two networks, and which layer of the one is which of the other."""

    def __init__(
        self, first: Traits, second: Traits, pairs: Mapping[int, int], rewired: Mapping[int, Rewiring]
    ) -> None:
        self.first, self.second, self.pairs, self.rewired = first, second, pairs, rewired
        self.guest = guest(first.graph, second.graph)
        self.host = 0 if self.guest == 1 else 1
        self.names = [node.path for node in first.nodes], [node.path for node in second.nodes]
        for i, j in pairs.items() if self.guest is not None else ():
            self.names[0][i] = self.names[1][j] = (self.names[0][i], self.names[1][j])[self.host]

    def layers(self, before: Sequence[Side], after: Sequence[Side]) -> Iterator[Change]:
        """The layers of both in the order of the second; those removed follow what they stood behind."""
        back = {j: i for i, j in self.pairs.items()}
        behind: dict[int, list[Side]] = {}
        last = -1
        for side in before:
            if side.index in self.pairs:
                last = self.pairs[side.index]
            else:
                behind.setdefault(last, []).append(side)
        yield from (Change("removed", side, None) for side in behind.get(-1, ()))
        for j, side in enumerate(after):
            yield self._change(before[back[j]], side) if j in back else Change("added", None, side)
            yield from (Change("removed", gone, None) for gone in behind.get(j, ()))

    def _change(self, before: Side, after: Side) -> Change:
        """What became of a layer."""
        notes = tuple(self._notes(before.index, after.index))
        if notes or self.first.acts[before.index] != self.second.acts[after.index]:
            return Change("changed", before, after, notes)
        costs = before.params, before.macs, before.shape
        return Change("same" if costs == (after.params, after.macs, after.shape) else "follows", before, after)

    def _notes(self, i: int, j: int) -> Iterator[str]:
        one, other = self.first.nodes[i], self.second.nodes[j]
        if j in self.rewired:
            was = ", ".join(self.names[0][source] for source in one.inputs)
            now = ", ".join(self.names[1][source] for source in other.inputs)
            how = self.rewired[j]
            verb = "moved: reads" if how.moved else "in another order: reads" if how.reordered else "reads"
            yield f"{verb} {now}, not {was}"
        if one.device != other.device:
            yield f"on device {other.device}, not {one.device}"
        if one.training != other.training:
            yield "in training alone" if other.training else "in inference too"
        if one.shared or other.shared:
            owner, owns = self.first.graph.index.get(one.owner), self.second.graph.index.get(other.owner)
            if (None if owner is None else self.pairs.get(owner)) != owns:
                owned = "" if owns is None else self.names[1][owns]
                yield f"with the weights of {owned}" if other.shared else "with weights of its own"

    # Beside the layers

    def facts(self) -> Iterator[Fact]:
        """The title, facts, params and outputs that differ; of a guest neither its title nor what it does not say."""
        one, other = self.first.graph, self.second.graph
        if not one.nodes or not other.nodes:
            return
        untitled = all(graph.title == stem(graph.source.name) for graph in (one, other))
        if one.title != other.title and not untitled and self.guest is None:
            yield Fact("title", one.title, other.title)
        for name, *both in (("meta", one.meta, other.meta), ("param", one.params, other.params)):
            was, now = both
            for key in dict.fromkeys((*was, *now)):
                untold = self.guest is not None and key not in both[self.guest]
                if not untold and (key not in was or key not in now or was[key] != now[key]):
                    yield Fact(f"{name} {key}", _shown(was, key), _shown(now, key))
        yield from self._outputs("outputs", one.outputs, other.outputs)
        yield from self._outputs("training outputs", one.training_outputs, other.training_outputs)
        had, has = _claims(self.first.shaped), _claims(self.second.shaped)
        for claim in dict.fromkeys((*had, *has)):
            verdicts = had.get(claim, ""), has.get(claim, "")
            if "fails" in verdicts and verdicts[0] != verdicts[1]:
                yield Fact(claim, *verdicts)

    def _outputs(self, name: str, was: tuple[int, ...], now: tuple[int, ...]) -> Iterator[Fact]:
        one, other = self.first.graph, self.second.graph
        had, has = [one.output_name(i) for i in was], [other.output_name(j) for j in now]
        for at, i in enumerate(was) if self.guest is not None else ():
            if (j := self.pairs.get(i)) in now:
                had[at] = has[now.index(j)] = (had[at], has[now.index(j)])[self.host]
        if had != has or [self.pairs.get(i) for i in was] != list(now):
            yield Fact(name, ", ".join(had), ", ".join(has))

    def tensors(self) -> Tensors:
        """What becomes of the weights of a checkpoint."""
        index = self.second.graph.index
        kept = resized = removed = 0
        renamed: dict[str, str] = {}
        taken: list[str] = []
        for i, node in enumerate(self.first.nodes):
            path, had = node.path, _owned(self.first, i)
            j = self.pairs.get(i, -1)
            now, has = self.second.nodes[j].path if j >= 0 else "", _owned(self.second, j)
            if path == now and had == has:
                kept += len(had)
                continue
            sizes, others = (
                {one.name: one.dims for one in some} for some in (has, _owned(self.second, index.get(path, -1)))
            )
            for name, dims in ((one.name, one.dims) for one in had):
                there = sizes.get(name)
                if there is None:
                    removed += 1
                elif there != dims:
                    resized += 1
                elif path == now:
                    kept += 1
                else:
                    renamed[f"{path}.{name}"] = f"{now}.{name}"
                if (path != now or there is None) and others.get(name) == dims:
                    taken.append(f"{path}.{name}")
        found = kept + resized + len(renamed)
        added = sum(len(_owned(self.second, j)) for j in range(len(self.second.nodes))) - found
        return Tensors(kept, renamed, resized, added, removed, tuple(taken))


def _owned(traits: Traits, index: int) -> tuple[Weight, ...]:
    """The tensors of a node that training changes, unless they are another node's."""
    return () if index < 0 or traits.nodes[index].shared else traits.weights[index]


def _claims(shaped: ShapedGraph) -> dict[str, str]:
    """The expectations of a network's file, and whether each `holds` or `fails`; none where they are not about it."""
    if shaped.graph.overridden:
        return {}
    proof = Report()
    expect.prove(shaped, proof)
    failed = {found.span for found in proof.diagnostics()}
    found: dict[str, str] = {}
    for claim in shaped.graph.expectations:
        found[" ".join(f"expect {claim.span.text.removeprefix('expect')}".split())] = (
            "fails" if claim.span in failed else "holds"
        )
    return found


def _shown(facts: Mapping[str, object], key: str) -> str:
    value = facts.get(key, "")
    return show(cast(Value, value)) if isinstance(value, tuple | Fraction) else str(value)
