"""What changed between two networks: layers matched by structure, and told as data, text, Markdown or a picture."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from fractions import Fraction
from pathlib import Path
from typing import cast

from netdsl.diff.change import Change, Difference, Fact, Kind, Side, Tensors
from netdsl.diff.likeness import act
from netdsl.diff.match import match
from netdsl.diff.wiring import Rewiring
from netdsl.graph.node import Graph, ShapedGraph
from netdsl.layers.arguments import Value, show
from netdsl.measure import expect
from netdsl.measure.figures import figures, totals
from netdsl.text.diagnostic import Report
from netdsl.text.source import Source

__all__ = ["NOTHING", "Change", "Difference", "diff"]

NOTHING = ShapedGraph(Graph("", Source("", ""), {}, (), (), (), {}, {}), ())
"""What a network is compared with that is new, or gone."""


def diff(first: ShapedGraph, second: ShapedGraph) -> Difference:
    """What changed from a first network to a second."""
    pairs, rewired = match(first, second)
    costs = figures(first), figures(second)
    compared = _Comparison(first, second, pairs, rewired)
    before, after = (
        [
            Side(
                index,
                node.path,
                node.layer.keyword,
                node.layer.written.partition(" ")[2],
                shape,
                0 if node.training else cost.params,
                0 if node.training else cost.macs,
            )
            for index, (node, shape, cost) in enumerate(zip(shaped.nodes, shaped.shapes, each, strict=True))
        ]
        for shaped, each in zip((first, second), costs, strict=True)
    )
    layers: list[Change] = []
    for i, j in compared.in_order():
        if i is None or j is None:
            kind: Kind = "added" if i is None else "removed"
            layers.append(Change(kind, None if i is None else before[i], None if j is None else after[j]))
        else:
            layers.append(compared.change(before[i], after[j]))
    return Difference(
        first,
        second,
        tuple(layers),
        tuple(compared.facts()),
        totals(first, costs[0]),
        totals(second, costs[1]),
        compared.tensors(),
    )


class _Comparison:
    """Two networks, and which layer of the one is which of the other."""

    def __init__(
        self, first: ShapedGraph, second: ShapedGraph, pairs: Mapping[int, int], rewired: Mapping[int, Rewiring]
    ) -> None:
        self.first, self.second, self.pairs, self.rewired = first, second, pairs, rewired
        self.back = {j: i for i, j in pairs.items()}

    def in_order(self) -> Iterator[tuple[int | None, int | None]]:
        """The layers of both in the order of the second; those removed follow what they stood behind."""
        behind: dict[int, list[int]] = {}
        last = -1
        for i in range(len(self.first.nodes)):
            if i in self.pairs:
                last = self.pairs[i]
            else:
                behind.setdefault(last, []).append(i)
        for i in behind.get(-1, ()):
            yield i, None
        for j in range(len(self.second.nodes)):
            yield self.back.get(j), j
            for i in behind.get(j, ()):
                yield i, None

    def change(self, before: Side, after: Side) -> Change:
        """What became of a layer."""
        one, other = self.first.nodes[before.index], self.second.nodes[after.index]
        notes = tuple(self._notes(before.index, after.index))
        if notes or act(one.layer) != act(other.layer):
            return Change("changed", before, after, notes)
        costs = before.params, before.macs, before.shape
        return Change("same" if costs == (after.params, after.macs, after.shape) else "follows", before, after)

    def _notes(self, i: int, j: int) -> Iterator[str]:
        one, other = self.first.nodes[i], self.second.nodes[j]
        if j in self.rewired:
            was = ", ".join(self.first.nodes[source].path for source in one.inputs)
            now = ", ".join(self.second.nodes[source].path for source in other.inputs)
            how = self.rewired[j]
            verb = "moved: reads" if how.moved else "in another order: reads" if how.reordered else "reads"
            yield f"{verb} {now}, not {was}"
        if one.device != other.device:
            yield f"on device {other.device}, not {one.device}"
        if one.training != other.training:
            yield "in training alone" if other.training else "in inference too"
        owner, owns = (shaped.graph.index.get(node.owner) for shaped, node in ((self.first, one), (self.second, other)))
        if (None if owner is None else self.pairs.get(owner)) != owns and (one.shared or other.shared):
            yield f"with the weights of {other.owner}" if other.shared else "with weights of its own"

    # Beside the layers

    def facts(self) -> Iterator[Fact]:
        """The title, facts, params and outputs that differ."""
        one, other = self.first.graph, self.second.graph
        if not one.nodes or not other.nodes:
            return
        untitled = all(graph.title == Path(graph.source.name).stem for graph in (one, other))
        if one.title != other.title and not untitled:
            yield Fact("title", one.title, other.title)
        for name, was, now in (("meta", one.meta, other.meta), ("param", one.params, other.params)):
            for key in dict.fromkeys((*was, *now)):
                if key not in was or key not in now or was[key] != now[key]:
                    yield Fact(f"{name} {key}", _shown(was, key), _shown(now, key))
        yield from self._outputs("outputs", one.outputs, other.outputs)
        yield from self._outputs("training outputs", one.training_outputs, other.training_outputs)
        had, has = _claims(self.first), _claims(self.second)
        for claim in dict.fromkeys((*had, *has)):
            verdicts = had.get(claim, ""), has.get(claim, "")
            if "fails" in verdicts and verdicts[0] != verdicts[1]:
                yield Fact(claim, *verdicts)

    def _outputs(self, name: str, was: tuple[int, ...], now: tuple[int, ...]) -> Iterator[Fact]:
        one, other = self.first.graph, self.second.graph
        had, has = [one.output_name(i) for i in was], [other.output_name(j) for j in now]
        if had != has or [self.pairs.get(i) for i in was] != list(now):
            yield Fact(name, ", ".join(had), ", ".join(has))

    def tensors(self) -> Tensors:
        """What becomes of the weights of a checkpoint."""
        had, has = _tensors(self.first), _tensors(self.second)
        names = {name for some in has.values() for name in some}
        kept = resized = removed = 0
        renamed: dict[str, str] = {}
        sizes = {name: dims for some in has.values() for name, dims in some.items()}
        taken: list[str] = []
        found: Counter[str] = Counter()
        for i, some in had.items():
            j = self.pairs.get(i)
            theirs = {name.rpartition(".")[2]: name for name in has.get(-1 if j is None else j, {})}
            for name, dims in some.items():
                now = theirs.get(name.rpartition(".")[2])
                if now is None:
                    removed += 1
                else:
                    found[now] += 1
                    if sizes[now] != dims:
                        resized += 1
                    elif now != name:
                        renamed[name] = now
                    else:
                        kept += 1
                if now != name and sizes.get(name) == dims:
                    taken.append(name)
        return Tensors(kept, renamed, resized, len(names) - len(found), removed, tuple(taken))


def _tensors(shaped: ShapedGraph) -> dict[int, dict[str, tuple[int, ...]]]:
    """The tensors that training changes, by the node that owns them, each with its dims."""
    found: dict[int, dict[str, tuple[int, ...]]] = {}
    for index, node in enumerate(shaped.nodes):
        if not node.shared and (weights := node.layer.weights(*shaped.input_shapes(index))):
            found[index] = {f"{node.path}.{weight.name}": weight.dims for weight in weights}
    return found


def _claims(shaped: ShapedGraph) -> dict[str, str]:
    """The expectations of a network's file, and whether each `holds` or `fails`; none where they are not about it."""
    if shaped.graph.overridden:
        return {}
    report = Report()
    expect.prove(shaped, report)
    failed = {found.span for found in report.diagnostics()}
    found: dict[str, str] = {}
    for claim in shaped.graph.expectations:
        found[" ".join(f"expect {claim.span.text.removeprefix('expect')}".split())] = (
            "fails" if claim.span in failed else "holds"
        )
    return found


def _shown(facts: Mapping[str, object], key: str) -> str:
    value = facts.get(key, "")
    return show(cast(Value, value)) if isinstance(value, tuple | Fraction) else str(value)
