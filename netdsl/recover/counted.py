"""The text as it stands: how often each form is in it, with which numbers, and what a block of a stretch would save."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from fractions import Fraction
from functools import cached_property
from itertools import accumulate
from typing import NamedTuple

from netdsl.recover.forms import Form, Forms, Ins, Item, Value, number
from netdsl.recover.solve import INFLOW, Solution, ratio, size, solve
from netdsl.recover.stretches import Place
from netdsl.text.tree import exact

_SAMPLE = 64  # rows by which parameters are reckoned, before there is a block
_FEW = 4  # parameters that are read at a glance; each further one counts twice
_CALL = 3  # a call in words: its name, its parentheses and an arrow
_BLOCK = 6  # the words around a block's chain
_NAMED = 3  # the words of a parameter: where it is declared, with its default, and in braces


class Starts(NamedTuple):
    """Where the elements of a chain begin, among the columns and among the nodes of its form."""

    columns: Sequence[int]
    nodes: Sequence[int]


class Counted:
    """What is known of a text that does not change: its forms, from one at the top that has one row of numbers."""

    def __init__(
        self, forms: Forms, top: int, row: Sequence[Value], nodes: Sequence[int], solutions: dict[int, Solution]
    ) -> None:
        self.forms, self.top, self.solutions = forms, top, solutions
        self._costs: dict[int, int] = {}
        self._starts: dict[int, Sequence[Starts]] = {}
        self.uses = dict.fromkeys(self.inside_first, 0)
        self.uses[top] = 1
        self.rows: dict[int, Sequence[Sequence[Value]]] = {}
        self.sites: dict[int, Sequence[int]] = {top: nodes}
        seen: dict[int, dict[Sequence[Value], None]] = {form: {} for form in self.uses}
        seen[top][row] = None
        for form in reversed(list(self.uses)):
            one = forms[form]
            times = 1 if one.kind == "call" else self.uses[form]
            rows = self.rows[form] = [copy for row in seen[form] for copy in _copies(one, row)]
            at, start = len(one.holes), 0
            for item in one.inside:
                inner = forms[item.form]
                self.sites.setdefault(item.form, self.sites[form][start : start + inner.width])
                start += inner.width
                self.uses[item.form] += times
                if inner.chains:
                    seen[item.form].update(dict.fromkeys([row[at : at + inner.arity] for row in rows]))
                at += inner.arity

    @cached_property
    def inside_first(self) -> Sequence[int]:
        """All forms of the text, each behind those that stand in it."""
        found: dict[int, None] = {}
        pending = [(self.top, False)]
        while pending:
            form, done = pending.pop()
            if done:
                found[form] = None
            elif form not in found:
                pending.append((form, True))
                inside = [item.form for item in self.forms[form].inside]
                pending += [(one, False) for one in reversed(inside) if one not in found]
        return list(found)

    # What it costs

    def saving(self, key: Sequence[int], count: int, solution: Solution | None) -> float:
        """How many words a block saves that stands in so many places; without its parameters as many as it may."""
        words = sum(map(self._cost, key))
        parameters = len(solution.parameters) if solution else 0
        told = solution.told + max(0, parameters - _FEW) if solution else 0
        return count * (words - _CALL - told) - words - _BLOCK - _NAMED * parameters

    def _cost(self, form: int) -> int:
        """About how many words a form takes."""
        if form not in self._costs:
            self._costs[form] = self._words(form)
        return self._costs[form]

    def _words(self, form: int) -> int:
        one = self.forms[form]
        inside = sum(self._cost(item.form) for item in one.inside)
        match one.kind:
            case "layer":
                assert one.layer is not None
                return 1 + len(one.layer.written.split())
            case "call":
                return _CALL + round(self.solution(form).told)
            case "fork":
                return inside + len(one.chains) + 1
            case "repeat":
                return inside + 1 + 2 * (len(one.chains[0]) > 1)
            case _:
                return 1

    # Parameters

    def _needed(self, form: int) -> Sequence[int]:
        """The columns of a form that stand in the text: of calls, only their parameters."""
        one = self.forms[form]
        if one.kind == "call":
            return self.solution(form).parameters
        inside = self._inside(one.chains, len(one.holes))
        if one.growing:
            grown = [len(one.holes) + column in inside for column in one.growing]
            return [0, *(1 + at for at, needed in enumerate(grown) if needed), *inside]
        return [*(at for at, hole in enumerate(one.holes) if hole != "in"), *inside]

    def _inside(self, chains: Sequence[Sequence[Item]], at: int) -> Sequence[int]:
        found: list[int] = []
        for chain in chains:
            for item in chain:
                found += [at + column for column in self._needed(item.form)]
                at += self.forms[item.form].arity
        return found

    def _output(self, chain: Sequence[Item], at: int = 0) -> int | None:
        """The column of how many channels come out; INFLOW where they are what flows in, None where none says it."""
        starts = [*accumulate([self.forms[item.form].arity for item in chain], initial=at)]
        for item, start in zip(reversed(chain), reversed(starts[:-1]), strict=True):
            one = self.forms[item.form]
            column: int | None = INFLOW
            if one.kind == "layer":
                sizes = [start + place for place, hole in enumerate(one.holes) if hole in ("filters", "units")]
                column = sizes[0] if sizes else INFLOW
            elif one.kind == "call":
                column, derived = self._output(one.chains[0]), self.solution(item.form).derived
                if column is not None and column != INFLOW:
                    base = derived[column].base if column in derived else column
                    column = base if base == INFLOW else start + base
            elif one.kind == "repeat":
                column = self._output(one.chains[0], start + len(one.holes))
            elif all(one.chains):
                merge = self.forms[one.chains[-1][0].form].layer if one.kind == "fork" else None
                added = merge is not None and merge.keyword == "ADD"
                column = self._output(one.chains[0], start + len(one.holes)) if added else None
            if column != INFLOW:
                return column
        return INFLOW

    def solution(self, form: int) -> Solution:
        """The parameters of a block."""
        if form not in self.solutions:
            one = self.forms[form]
            needed, output = self._inside(one.chains, 0), self._output(one.chains[0])
            self.solutions[form] = solve(self.rows[form], needed, one.fields, output)
        return self.solutions[form]

    def solved(self, key: Sequence[int], places: Sequence[Place]) -> Solution:
        """The parameters that a block of a stretch would have."""
        items, fields = self._key(key)
        rows = self.gathered(key, places, _SAMPLE)
        return solve(rows, self._inside([items], 0), fields, self._output(items))

    def alike(self, key: Sequence[int], places: Sequence[Place]) -> Sequence[Place]:
        """Those places of a stretch where numbers follow from what flows in as they do in most."""
        items, fields = self._key(key)
        output = self._output(items)
        rows = [self.gathered(key, [place], _SAMPLE) for place in places]
        kept = dict.fromkeys(places)
        for column in self._inside([items], 0):
            if size(fields[column]) and column != output:
                ratios = [{ratio(row, column, fields) for row in some} for some in rows]
                [(most, times)] = Counter([one for some in ratios for one in some]).most_common(1)
                if most and 3 * times > 2 * len(ratios):
                    for place, some in zip(places, ratios, strict=True):
                        if some != {most}:
                            kept.pop(place, None)
        return list(kept)

    def _key(self, key: Sequence[int]) -> tuple[Sequence[Item], Sequence[str]]:
        return [Item(form, 0) for form in key], [field for form in key for field in self.forms[form].fields]

    def gathered(self, key: Sequence[int], places: Sequence[Place], most: int) -> list[Sequence[Value]]:
        """The numbers of a stretch, wherever it stands; `most` rows of them."""
        width = sum(self.forms[form].arity for form in key)
        rows: dict[Sequence[Value], None] = {}
        for place in places:
            start = self.starts(place).columns[place.at]
            rows.update(dict.fromkeys([row[start : start + width] for row in self.rows[place.form]]))
            if len(rows) > most:
                break
        return list(rows)

    def starts(self, place: Place) -> Starts:
        """Where the elements of a chain begin."""
        if place.form not in self._starts:
            column, node = len(self.forms[place.form].holes), 0
            found = list[Starts]()
            for chain in self.forms[place.form].chains:
                inside = [self.forms[item.form] for item in chain]
                columns = [*accumulate([one.arity for one in inside], initial=column)]
                nodes = [*accumulate([one.width for one in inside], initial=node)]
                found.append(Starts(columns, nodes))
                column, node = columns[-1], nodes[-1]
            self._starts[place.form] = found
        return self._starts[place.form][place.chain]


def _copies(form: Form, row: Sequence[Value]) -> Sequence[Sequence[Value]]:
    """The row of a form; of a repeat one for each copy that differs, with what flows into that, and its numbers."""
    if form.kind != "repeat":
        return (row,)
    own = len(form.holes)
    ins = [(column, value) for column, value in enumerate(row) if isinstance(value, Ins)]
    found: list[Sequence[Value]] = []
    for copy in range(1, 1 + (len(ins[0][1].copies) if ins else 1)):
        values = list(row)
        for column, flows in ins:
            values[column] = flows.copies[copy - 1]
        for at, column in enumerate(form.growing):
            first, step = number(row[own + column]), number(row[1 + at])
            assert first is not None
            assert step is not None
            values[own + column] = exact(Fraction(first) + copy * step)
        found.append(tuple(values))
    return found
