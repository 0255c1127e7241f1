"""Proves the claims of `expect` lines."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cached_property
from pathlib import Path

from netdsl.graph import collector
from netdsl.graph.build import Overrides, build
from netdsl.graph.evaluate import Unknown, UnknownName, compute
from netdsl.graph.fault import Fault
from netdsl.graph.node import ShapedGraph
from netdsl.layers.arguments import Number, show
from netdsl.measure.costs import Costs, Totals, costs, totals
from netdsl.measure.field import Axis, fields
from netdsl.measure.liveness import liveness
from netdsl.text import tree
from netdsl.text.advice import perhaps
from netdsl.text.diagnostic import Enough, Report
from netdsl.text.mistake import Mistake
from netdsl.text.source import Source
from netdsl.text.suggest import bounded, did_you_mean

_SUMS = {
    "params": "params",
    "macs": "macs",
    "flops": "flops",
    "connections": "connections",
    "memory": "activation_bytes",
    "weights": "weight_bytes",
    "depth": "depth",
}
_OF_A_NODE = ("shape", "field", "stride")
QUANTITIES = (*_OF_A_NODE, *_SUMS, "peak")
_MOST = 2_000_000
"""How many nodes claims may count in all."""
_IN_BYTES = ("memory", "weights", "peak")

_RELATIONS: dict[str, Callable[[Number, Number], bool]] = {
    "=": lambda a, b: a == b,
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
}


def near(figure: Number, value: Number, written: str) -> bool:
    """Whether a figure agrees with a value at the precision written: `62378344 ~ 60M`.

    The difference is at most half a unit of the last digit written, zeros at the end of a whole number not counted,
    and at most a tenth of the value written.
    """
    match = re.fullmatch(r"-?(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?([KMGT]?)B?", written)
    if match is None:  # computed, and no decimal
        return figure == value
    whole, decimals, exponent, scale = match.groups()
    power = int(exponent or 0) + {"": 0, "K": 3, "M": 6, "G": 9, "T": 12}[scale]
    zeros = len(whole) - len(whole.rstrip("0")) if whole.strip("0") else 0
    power += zeros if decimals is None else -len(decimals)
    off = abs(figure - value)
    return off * 2 <= Fraction(10) ** power and off * 10 <= abs(value)


class Nonsense(Mistake, code="invalid-argument", example="INPUT 8 -> FC 4\nexpect params = 40B"):
    """A claim that nothing could fulfil; the text says why."""

    why: str
    hint: str = ""
    words = "{why}"


class ManyCounted(Mistake, code="limit-exceeded"):
    most: int
    words = "claims count more than {most:,} nodes in all"
    advice = "claim the totals of fewer blocks"


class Failed(Mistake, code="expectation-failed", example="INPUT 8 -> FC 4\nexpect params = 150"):
    """A claim that does not hold."""

    what: str
    claim: tree.Expect
    has: str

    def message(self) -> str:
        claim = self.claim
        verb = "are" if claim.quantity.text.endswith("s") else "is"
        relation = f"{claim.relation} " * (claim.relation != "=")
        return " ".join(f"{self.what} {verb} {self.has}, not {relation}{claim.value.span.text}".split())

    def help(self) -> str:
        of = f" of {self.claim.of.text}" if self.claim.of else ""
        text = f"{self.claim.quantity.text}{of} = {self.has.replace(',', '')}"
        return perhaps(f"correct the network, or the claim: expect {text}", text, self.claim.span)


@dataclass
class _Prover:
    shaped: ShapedGraph
    counted: dict[tuple[bool, str], Totals | int] = field(default_factory=dict[tuple[bool, str], Totals | int])
    """The totals, or the peak where that is asked for, under each path that was claimed something of."""
    looked: int = 0
    """How many nodes were counted for that."""

    @cached_property
    def paths(self) -> list[tuple[str, int]]:
        """Every node by its path, in the order of these, so that those in a scope follow each other."""
        return sorted([(node.path, index) for index, node in enumerate(self.shaped.nodes)])

    @cached_property
    def each(self) -> list[Costs]:
        """The costs of every node."""
        return costs(self.shaped)

    @cached_property
    def fields(self) -> list[tuple[Axis, ...]]:
        """What every node sees."""
        return fields(self.shaped)

    @cached_property
    def alive(self) -> dict[int, int]:
        """The bytes of activations alive while each node of inference runs."""
        found = liveness(self.shaped)
        return dict(zip(found.order, found.usage, strict=True))

    def check(self, claim: tree.Expect) -> None:
        """Raise Fault where a claim fails, or makes no sense."""
        quantity, span = claim.quantity.text, claim.quantity.span
        if quantity not in QUANTITIES:
            help = did_you_mean(quantity, QUANTITIES) or f"one of {', '.join(QUANTITIES)}"
            raise Fault(UnknownName(f"quantity {quantity}", help), span)
        value = compute(claim.value, self.shaped.graph.params)  # pyright: ignore[reportArgumentType]
        if isinstance(value, Unknown):
            return
        written = claim.value.text if isinstance(claim.value, tree.Literal) else ""
        if isinstance(value, str):
            raise Fault(Nonsense(f"{quantity} is a number"), claim.value.span)
        if written.endswith("B") and quantity not in _IN_BYTES:
            help = "memory, weights and peak alone are counted in bytes"
            raise Fault(Nonsense(f"{quantity} is not counted in bytes", help), claim.value.span)
        has = self._has(quantity, claim.of)
        what = f"the {quantity} of {claim.of.text}" if claim.of else f"the network's {quantity}"
        if quantity == "shape":
            if claim.relation != "=":
                raise Fault(Nonsense("a shape is claimed with = alone"), claim.span)
            wanted = value if isinstance(value, tuple) else (value,)
            if has != wanted:
                raise Fault(Failed(what, claim, show(has)), claim.span)
            return
        if isinstance(value, tuple) and not (isinstance(has, tuple) and len(value) == len(has)):
            count = len(has) if isinstance(has, tuple) else 1
            raise Fault(Nonsense(f"{what} has {count} numbers, not {len(value)}"), claim.value.span)
        having = has if isinstance(has, tuple) else (has,)
        if not having:
            raise Fault(Nonsense(f"{what} has no axis to count along: the input is a vector"), claim.span)
        wanted = value if isinstance(value, tuple) else (value,) * len(having)
        texts = written.split("x") if isinstance(value, tuple) and written else [written] * len(wanted)
        pairs = zip(having, wanted, texts, strict=True)
        holds = all(_holds(a, claim.relation, b, text or show(b)) for a, b, text in pairs)
        if not holds:
            raise Fault(Failed(what, claim, _figure(having)), claim.span)

    def _has(self, quantity: str, of: tree.Name | None) -> Number | tuple[Number, ...]:
        """What the network has: per axis for field and stride, dims for a shape."""
        if quantity in _OF_A_NODE:
            index = self.shaped.graph.outputs[0] if of is None else self._node(of)
            if quantity == "shape":
                return self.shaped.shapes[index].dims
            axes = self.fields[index]
            return tuple(axis.size if quantity == "field" else axis.stride for axis in axes)
        key = quantity == "peak", "" if of is None else of.text
        if key not in self.counted:
            nodes = None if of is None else self._under(of)
            if quantity == "peak":
                self.counted[key] = self._peak(nodes)
            else:
                self.counted[key] = totals(self.shaped, self.each, nodes)
        counted = self.counted[key]
        return counted if isinstance(counted, int) else int(getattr(counted, _SUMS[quantity]))

    def _peak(self, nodes: Sequence[int] | None) -> int:
        alive = self.alive
        return max(alive.values() if nodes is None else [alive[one] for one in nodes if one in alive], default=0)

    def _node(self, of: tree.Name) -> int:
        graph = self.shaped.graph
        index = graph.find(of.text)
        if index is None:
            help = did_you_mean(of.text, graph.names)
            raise Fault(UnknownName(f"node {of.text}", help), of.span)
        return index

    def _under(self, of: tree.Name) -> list[int]:
        """All nodes that stand under a path; training's own only where there are no others. Raises Fault."""
        self._node(of)
        start = bisect_left(self.paths, (f"{of.text}.", 0))
        stop = bisect_left(self.paths, (f"{of.text}/", 0))  # `/` is what follows `.`
        self.looked += stop - start
        if self.looked > _MOST:
            raise Fault(ManyCounted(_MOST), of.span)
        own = self.shaped.graph.index.get(of.text)
        nodes = sorted([index for _, index in self.paths[start:stop]] + ([] if own is None else [own]))
        inference = [index for index in nodes if not self.shaped.nodes[index].training]
        return inference or nodes


def _holds(has: Number, relation: str, value: Number, written: str) -> bool:
    return near(has, value, written) if relation == "~" else _RELATIONS[relation](has, value)


def _figure(having: tuple[Number, ...]) -> str:
    """A figure as messages show it: one number where all axes agree."""
    if len(set(having)) > 1:
        return show(having)
    return f"{having[0]:,}" if isinstance(having[0], int) else show(having[0])


@collector.paused()
def prove(shaped: ShapedGraph, report: Report) -> int:
    """Check every claim of the network's file. What fails is reported; gives the number of claims skipped.

    Claims are about the file's own params and inputs: under an override all of them are skipped.
    """
    graph = shaped.graph
    if graph.overridden or not graph.expectations:
        return len(graph.expectations)
    prover = _Prover(shaped)
    with suppress(Enough), bounded():
        for claim in graph.expectations:
            try:
                prover.check(claim)
            except Fault as fault:
                report.add(fault.found())
    return 0


def check(source: Source, path: Path | None, report: Report, overrides: Overrides | None = None) -> None:
    """Report all that is wrong with a program: what `build` finds, and claims that fail. Raises as `build` does."""
    shaped = build(source, path, report, overrides)
    if shaped is not None:
        prove(shaped, report)
