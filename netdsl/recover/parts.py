"""Chains as forms and numbers, from the smallest parts up, with what stands in a row twice or more as a repeat."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import cast

from netdsl.graph.node import ShapedGraph
from netdsl.layers.arguments import references
from netdsl.layers.base import FOLLOWERS
from netdsl.recover.flow import FLOW, ROOT, Step, Strand
from netdsl.recover.forms import NODE, Form, Forms, In, Ins, Item, Ref, Value, number
from netdsl.recover.same import plain
from netdsl.recover.shared import owners, steps
from netdsl.text.tree import Number, exact

LONGEST = 24
"""How many elements a repeated group has at most."""


@dataclass(frozen=True, slots=True)
class Part:
    """An element of a chain: its form at its place, the numbers in it, and its nodes, of a repeat those of one copy."""

    item: Item
    holes: tuple[Value, ...]
    nodes: tuple[int, ...] = ()

    def equals(self, other: Part) -> bool:
        """Whether it says the same as another, whatever flows in."""
        if self.item[:2] != other.item[:2]:
            return False
        pairs = zip(self.holes, other.holes, strict=True)
        return all(one == two or isinstance(one, In | Ins) for one, two in pairs)


class Parts:
    """The parts of a network's chains, once it is known which nodes are named."""

    def __init__(
        self, shaped: ShapedGraph, forms: Forms, strands: Sequence[Strand], named: Set[int], *, growing: bool = True
    ) -> None:
        self.shaped, self.forms, self.growing = shaped, forms, growing
        self._name = forms.of(Form("name", ("name",)))
        self.owners = owners(shaped, strands)
        self.owning = set(self.owners.values())
        groups = {strand.steps[at].index for strand, at in steps(strands) if strand.steps[at].group}
        self.apart = {*named, *self.owning, *groups}
        for node in shaped.nodes:
            further = len(references(node.layer))
            self.apart.update(node.inputs[len(node.inputs) - further :])
        self.told = Counter(names(strands))
        self.labelled = {*self.apart, *self.told}

    def chain(self, strand: Strand, inflow: int = ROOT) -> list[Part]:
        """The parts of a chain that a node flows into, its tandem repeats as one part each."""
        found: list[Part] = []
        if strand.start not in (FLOW, ROOT):
            found.append(Part(Item(self._name, None), (Ref(strand.start),)))
        at = inflow if strand.start == FLOW else strand.start
        for step in strand.steps:
            found.append(self._part(step, at))
            at = step.index
        period = 1
        while period <= min(LONGEST, len(found) // 2):
            folded = self._folded(found, period)
            period = 1 if len(folded) < len(found) else period + 1  # repeats may be repeated, and are shorter then
            found = folded
        for period in range(1, min(LONGEST, len(found) // 3) + 1) if self.growing else ():
            found = self._grown(found, period)
        return found

    def _channels(self, index: int) -> In:
        return In(self.shaped.shapes[index].channels if index >= 0 else 0)

    def _part(self, step: Step, inflow: int) -> Part:
        index = step.index
        label = index if index in self.labelled else None
        if step.group:
            return self._group(step, index, inflow)
        if step.applied >= 0:
            form = self.forms.of(Form("apply", node=step.applied, fixed=True))
            return Part(Item(form, self.shaped.nodes[index].device, label), (), (index,))
        if step.branches is None:
            part = self._leaf(index, inflow)
            return replace(part, item=part.item._replace(label=label))
        branches = [*(self.chain(branch, inflow) for branch in step.branches), [self._leaf(index, inflow)]]
        known = self._local(branches)
        device, chains = self._placed([[part.item for part in branch] for branch in branches])
        form = Form("fork", ("in",), chains=chains, locals=known)
        inside = [value for branch in branches for part in branch for value in part.holes]
        holes = (self._channels(inflow), *inside)
        nodes = tuple([node for branch in branches for part in branch for node in part.nodes])
        return Part(Item(self.forms.of(form), device, label), holes, nodes)

    def _local(self, branches: Sequence[list[Part]]) -> tuple[int, ...]:
        """Make labels of a fork's own of those that only its branches read; gives them."""
        read = Counter(branch[0].holes[0] for branch in branches if branch and branch[0].item.form == self._name)
        inside = [label for branch in branches for part in branch for label in self._labels(part.item)]
        chosen = [one for one in inside if one >= 0 and read[Ref(one)] == self.told[one] > 0 and one not in self.apart]
        first = min([0, *inside]) - 1
        known = {label: first - 1 - number for number, label in enumerate(chosen)}
        for branch in branches if known else ():
            for at, part in enumerate(branch):
                own = known.get(cast("int", part.holes[0])) if part.item.form == self._name else None
                if own is not None:
                    branch[at] = Part(Item(self.forms.of(Form("name", node=own)), None), ())
                else:
                    branch[at] = replace(part, item=self._relabelled(part.item, known))
        self.labelled -= known.keys()
        return tuple(known.values())

    def _labels(self, item: Item) -> Sequence[int]:
        """The labels of an element, and in it."""
        chains = self.forms[item.form].chains
        inside = [label for chain in chains for one in chain for label in self._labels(one)]
        return inside if item.label is None else [*inside, item.label]

    def _relabelled(self, item: Item, known: Mapping[int, int]) -> Item:
        one = self.forms[item.form]
        label = None if item.label is None else known.get(item.label, item.label)
        if not one.inner:
            return item._replace(label=label)
        chains = [[self._relabelled(inner, known) for inner in chain] for chain in one.chains]
        made = Form(one.kind, one.holes, one.layer, one.node, one.growing, chains, locals=one.locals)
        return Item(self.forms.of(made), item.device, label)

    def _group(self, step: Step, label: int, inflow: int) -> Part:
        """What is applied again as one element."""
        inside = self.chain(Strand(FLOW, step.group), inflow)
        inside[-1] = replace(inside[-1], item=inside[-1].item._replace(label=None))
        device, chains = self._placed([[part.item for part in inside]])
        form = self.forms.of(Form("group", chains=chains, fixed=True))
        holes = tuple([value for part in inside for value in part.holes])
        return Part(Item(form, device, label), holes, tuple([node for part in inside for node in part.nodes]))

    def _leaf(self, index: int, inflow: int) -> Part:
        """A layer, or the call of one whose weights it uses."""
        node = self.shaped.nodes[index]
        if index in self.owners:
            form = self.forms.of(Form("apply", node=self.owners[index], fixed=True))
            return Part(Item(form, node.device), (), (index,))
        layer = plain(node.layer)
        if further := references(layer):
            read = node.inputs[len(node.inputs) - len(further) :]
            layer = replace(layer, **{name: f"{NODE}{source}" for name, source in zip(further, read, strict=True)})
        form, values = self.forms.layer(layer, self._channels(inflow), fixed=index in self.owning)
        return Part(Item(form, node.device), values, (index,))

    def _folded(self, chain: list[Part], period: int) -> list[Part]:
        """The chain with what recurs after as many elements in their place."""
        equal = [
            one.item.label is None and one.equals(other) for one, other in zip(chain, chain[period:], strict=False)
        ]
        found: list[Part] = []
        at = 0
        while at < len(chain):
            run = self._run(chain, equal, at, period)
            if run is None:
                found.append(chain[at])
                at += 1
                continue
            start, end = run
            found += chain[at:start]
            found.append(self._repeat([chain[one : one + period] for one in range(start, end, period)]))
            at = end
        return found

    def _run(self, chain: list[Part], equal: Sequence[bool], at: int, period: int) -> tuple[int, int] | None:
        """From where on and up to where copies stand in a row, the first of which may begin here; None for no two.

        Only the end of the last may be labelled, which from outside stands for that copy.
        """
        run = at
        while run < len(equal) and equal[run]:
            run += 1
        copies, left = divmod(run - at + period, period)
        shifts = range(left + 1) if copies > 1 else ()
        starts = [at + shift for shift in shifts if self._repeatable(chain[at + shift : at + shift + period])]
        if not starts:
            return None
        start = min(starts, key=lambda one: _rank(self.forms, chain[one].item))
        end = start + copies * period
        if any(part.item.label is not None for part in chain[end - period : end - 1]):
            copies, end = copies - 1, end - period
        return (start, end) if copies > 1 else None

    def _grown(self, chain: list[Part], period: int) -> list[Part]:
        """The chain with what recurs three times or more as a repeat, where numbers grow evenly from copy to copy."""
        found: list[Part] = []
        at = 0
        while at < len(chain):
            if not _even(chain, at, period):  # which most stretches show at once
                found.append(chain[at])
                at += 1
                continue
            step = self._step(chain[at : at + period], chain[at + period : at + 2 * period])
            end = at + 2 * period
            while step and self._step(chain[end - period : end], chain[end : end + period]) == step:
                end += period
            body = chain[at : at + period]
            if step is None or end - at < self._least(body, step) * period or not self._repeatable(body):
                found.append(chain[at])
                at += 1
                continue
            found.append(self._repeat([chain[one : one + period] for one in range(at, end, period)], step))
            at = end
        return found

    def _least(self, body: Sequence[Part], step: Sequence[Number]) -> int:
        """How many copies are worth a formula: few of what is long, or of rates that nobody would reckon by hand."""
        layers = all(self.forms[part.item.form].kind == "layer" for part in body)
        short = layers and len(body) <= 3 and all(isinstance(number, int) for number in step)
        return 5 if short else 3

    def _step(self, one: Sequence[Part], other: Sequence[Part]) -> tuple[Number, ...] | None:
        """By how much the numbers of a stretch are greater in another; None where these are no copies."""
        if len(one) != len(other) or any(
            first.item[:2] != second.item[:2] or first.item.label is not None
            for first, second in zip(one, other, strict=True)
        ):
            return None
        if any(part.item.label is not None for part in other[:-1]):
            return None
        found: list[Number] = []
        for first, second in zip(one, other, strict=True):
            for value, next_one in zip(first.holes, second.holes, strict=True):
                low, high = number(value), number(next_one)
                if value == next_one or isinstance(value, In | Ins):
                    found.append(0)
                elif low is None or high is None:
                    return None
                else:
                    found.append(exact(Fraction(high) - Fraction(low)))
        return tuple(found)

    def _repeatable(self, body: Sequence[Part]) -> bool:
        kinds = [self.forms[part.item.form].kind for part in body]
        return "name" not in kinds and not (len(kinds) == 1 and kinds[0] == "repeat")

    def _repeat(self, copies: Sequence[Sequence[Part]], step: Sequence[Number] = ()) -> Part:
        body, label = copies[0], copies[-1][-1].item.label
        device, chains = self._placed([[part.item._replace(label=None) for part in body]])
        growing = tuple([column for column, number in enumerate(step) if number])
        form = self.forms.of(Form("repeat", ("count", *("step" for _ in growing)), growing=growing, chains=chains))
        values = [value for part in body for value in part.holes]
        ins = [column for column, value in enumerate(values) if isinstance(value, In | Ins)]
        rows = [[value for part in copy for value in part.holes] for copy in copies]
        flows = [tuple([cast("In | Ins", row[column]) for column in ins]) for row in rows]
        for column, several in zip(ins, zip(*(flows if growing else dict.fromkeys(flows)), strict=True), strict=True):
            values[column] = Ins(several)
        for column in growing:
            first = number(values[column])
            assert first is not None
            values[column] = exact(Fraction(first) - step[column])
        holes = (len(copies), *(step[column] for column in growing), *values)
        nodes = tuple([node for part in body for node in part.nodes])
        return Part(Item(form, device, label), holes, nodes)

    def _placed(self, chains: list[list[Item]]) -> tuple[int | None, list[list[Item]]]:
        """The device that all of some chains are on, and the chains without it; None where they are on several."""
        placed = {item.device for chain in chains for item in chain if self.forms[item.form].kind != "name"}
        device = placed.pop() if len(placed) == 1 else None
        if not device:
            return device, chains
        return device, [[item._replace(device=item.device and 0) for item in chain] for chain in chains]


def _even(chain: Sequence[Part], at: int, period: int) -> bool:
    """Whether two stretches behind one are as it is, but for numbers that grow evenly."""
    if at + 3 * period > len(chain):
        return False
    for place in range(at, at + period):
        one, two, three = chain[place], chain[place + period], chain[place + 2 * period]
        if not one.item[:2] == two.item[:2] == three.item[:2]:
            return False
        for first, second, third in zip(one.holes, two.holes, three.holes, strict=True):
            if first == second == third or isinstance(first, In | Ins):
                continue
            low, middle, high = number(first), number(second), number(third)
            if low is None or middle is None or high is None or middle - low != high - middle:
                return False
    return True


def names(strands: Sequence[Strand]) -> Sequence[int]:
    """What chains start from by name."""
    found: list[int] = []
    for strand in strands:
        if strand.start >= 0:
            found.append(strand.start)
        for step in strand.steps:
            found += names(step.branches or ())
    return found


def awkward(forms: Forms, item: Item) -> bool:
    """Whether an element belongs to the one before it, so that nothing begins with it: an activation, or such."""
    one = forms[item.form]
    if one.layer is not None:
        return one.layer.role in FOLLOWERS
    return one.kind in ("call", "repeat") and awkward(forms, one.chains[0][0])


def _rank(forms: Forms, item: Item) -> int:
    """How well a repeat begins with an element: best with a depthwise convolution, which a pointwise one follows."""
    one = forms[item.form]
    if one.layer is not None and one.layer.keyword == "DWCONV":
        return 0
    if one.layer is not None and one.layer.role == "pooling":
        return 2
    return 3 if awkward(forms, item) else 1
