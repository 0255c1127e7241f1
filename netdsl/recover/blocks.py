"""What recurs but for its numbers becomes a block, the best saving first, until nothing saves any more."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import accumulate, pairwise
from typing import NamedTuple

from netdsl.recover.forms import Form, Forms, Item, Value, number
from netdsl.recover.parts import Part, awkward
from netdsl.recover.solve import Solution, solve
from netdsl.text.tree import exact

ENLARGING = {"DECONV", "UPSAMPLE", "PIXELSHUFFLE"}
"""Layers that begin a stage, as pooling ends one."""
MOST = 200
"""How many blocks a program has at most."""
LONGEST = 16
"""How many elements the chain of a block has at most."""
TRIED = 8
"""Of how many candidates the parameters are reckoned, those first that would save the most without any."""
_SAMPLE = 64  # rows by which parameters are reckoned, before there is a block
_FEW = 4  # parameters that are read at a glance; each further one counts twice
_CALL = 3  # a call in words: its name, its parentheses and an arrow
_CUT = 0.15  # of a saving, for each end that parts what belongs together
_SCOPE = 0.5  # of a saving, for stretches that are modules of the source
_BLOCK = 6  # the words around a block's chain


class Place(NamedTuple):
    """A chain of a form, and where in it something begins."""

    form: int
    chain: int
    at: int


@dataclass
class Candidate:
    """A stretch of forms, where it stands, and in how many words of the whole text."""

    places: list[Place] = field(default_factory=list[Place])
    count: int = 0


@dataclass(frozen=True, slots=True)
class _Standing:
    """A place, the chain that it is in, what of that may stand in a block, and how often it stands in the text."""

    place: Place
    chain: Sequence[Item]
    able: Sequence[bool]
    times: int

    def following(self, length: int) -> int | None:
        """The form behind a stretch of a length, where the stretch may go on."""
        end = self.place.at + length
        if end == len(self.chain) or not self.able[end] or self.chain[end - 1].label is not None:
            return None
        return self.chain[end].form if self.chain[end].device == self.chain[self.place.at].device else None


class Blocks:
    """The blocks of a network. Its chains at the top are those of one form, `top`, which has one row of numbers."""

    def __init__(self, forms: Forms, chains: Sequence[Sequence[Part]], module: Callable[[Sequence[int]], bool]) -> None:
        self.forms, self.module = forms, module
        top = Form("fork", chains=[[part.item for part in chain] for chain in chains])
        self.top = forms.add(top)
        self.row = tuple([value for chain in chains for part in chain for value in part.holes])
        self.nodes = tuple([node for chain in chains for part in chain for node in part.nodes])
        self.solutions: dict[int, Solution] = {}
        self.rows: dict[int, list[Sequence[Value]]] = {}
        self.uses: dict[int, int] = {}
        self.sites: dict[int, Sequence[int]] = {}
        self.costs: dict[int, int] = {}
        self.starts: dict[int, Sequence[Sequence[int]]] = {}
        """The columns of a form where the elements of each of its chains begin, and `begins` their nodes."""
        self.begins: dict[int, Sequence[Sequence[int]]] = {}

    @property
    def called(self) -> Sequence[int]:
        """The blocks, those that others call first."""
        return [form for form in self.inside_first() if self.forms[form].kind == "call"]

    def instances(self) -> dict[int, list[Sequence[int]]]:
        """The nodes of each block, wherever it is called, in the first of equal copies."""
        found: dict[int, list[Sequence[int]]] = {form: [] for form in self.inside_first()}
        found[self.top] = [self.nodes]
        for form in reversed(list(found)):
            at = 0
            for item in [item for chain in self.forms[form].chains for item in chain]:
                end = at + self.forms[item.form].width
                found[item.form] += [nodes[at:end] for nodes in found[form]]
                at = end
        return found

    @property
    def elements(self) -> Sequence[Sequence[Sequence[int]]]:
        """The nodes of each element of the chains at the top."""
        found: list[Sequence[Sequence[int]]] = []
        at = 0
        for chain in self.forms[self.top].chains:
            ends = [at, *accumulate([self.forms[item.form].width for item in chain], initial=at)][1:]
            found.append([self.nodes[start:end] for start, end in pairwise(ends)])
            at = ends[-1]
        return found

    def label(self, called: Mapping[tuple[int, int], str], names: Mapping[int, str]) -> Mapping[int, str]:
        """Label elements at the top, but for one that is called so without; gives the names by node."""
        found: dict[int, str] = {}
        elements = self.elements
        for (line, at), name in called.items():
            chain = self.forms[self.top].chains[line]
            item = chain[at]
            if item.form in names and name.rstrip("0123456789_") == names[item.form].rstrip("0123456789_"):
                continue
            node = elements[line][at][-1] if item.label is None else item.label
            chain[at] = item._replace(label=node)
            found[node] = name
        return found

    def find(self, most: int = MOST) -> None:
        """Make blocks while one saves words, `most` of them, and find the parameters of all."""
        for _ in range(most):
            if not self._one():
                break
        self._count()
        self.solutions = {}
        for form in self.inside_first():
            if self.forms[form].kind == "call":
                self._solution(form)

    def _one(self) -> bool:
        """Make the best block; False where none saves."""
        self._count()
        best, gain = None, 0.0
        candidates = self._candidates()
        bound = {key: self._saving(key, one.count, 0) for key, one in candidates.items() if one.count > 1}
        for key in sorted(bound, key=bound.__getitem__, reverse=True)[:TRIED]:
            if bound[key] <= gain:
                break
            solution = self._solved(key, candidates[key].places)
            saving = self._saving(key, candidates[key].count, len(solution.parameters))
            saving *= 1 - _CUT * self._cuts(key, candidates[key].places)
            saving *= 1 + _SCOPE * self._modules(key, candidates[key].places)
            if saving > gain:
                best, gain = key, saving
        if best is None:
            return False
        self._replace(best, candidates[best].places)
        return True

    def _cuts(self, key: Sequence[int], places: Sequence[Place]) -> float:
        """Of the ends of a stretch, how many part what belongs together: a convolution and its activation.

        What enlarges a map begins what is made of it, and counts for one that does not; a repeat alone is better where
        its body is a block.
        """
        behind = 0
        for place in places:
            following = self.forms[place.form].chains[place.chain][place.at + len(key) :][:1]
            behind += any(awkward(self.forms, item) for item in following)
        first = self.forms[key[0]].layer
        begins = first is not None and first.keyword in ENLARGING
        copies = len(key) == 1 and self.forms[key[0]].kind == "repeat"
        return awkward(self.forms, Item(key[0], 0)) - begins + copies + behind / len(places)

    def _modules(self, key: Sequence[int], places: Sequence[Place]) -> float:
        """What share of a stretch's places are modules of the source, each where it stands first."""
        width, found = sum(self.forms[form].width for form in key), 0
        for place in places:
            if place.form not in self.begins:
                self.begins[place.form] = self._begun(place.form, 0, lambda one: one.width)
            start = self.begins[place.form][place.chain][place.at]
            found += self.module(self.sites[place.form][start : start + width])
        return found / len(places)

    def _saving(self, key: Sequence[int], count: int, parameters: int) -> int:
        words = sum(map(self._cost, key))
        told = parameters + max(0, parameters - _FEW)
        return count * (words - _CALL - told) - words - _BLOCK - parameters

    def _cost(self, form: int) -> int:
        """About how many words a form takes."""
        if form not in self.costs:
            self.costs[form] = self._words(form)
        return self.costs[form]

    def _words(self, form: int) -> int:
        one = self.forms[form]
        inside = sum(self._cost(item.form) for chain in one.chains for item in chain)
        match one.kind:
            case "layer":
                assert one.layer is not None
                return 1 + len(one.layer.written.split())
            case "call":
                return _CALL + min(len(self._solution(form).parameters), one.arity)
            case "fork":
                return inside + len(one.chains) + 1
            case "repeat":
                return inside + 1 + 2 * (len(one.chains[0]) > 1)
            case _:
                return 1

    # What there is

    def _count(self) -> None:
        """How often each form stands in the text, and with which numbers."""
        self.costs, self.starts, self.begins = {}, {}, {}
        self.uses = dict.fromkeys(self.inside_first(), 0)
        self.rows = {self.top: [self.row]}
        self.uses[self.top] = 1
        self.sites = {self.top: self.nodes}
        seen: dict[int, dict[Sequence[Value], None]] = {form: {} for form in self.uses}
        seen[self.top][self.row] = None
        for form in reversed(list(self.uses)):
            one = self.forms[form]
            times = 1 if one.kind == "call" else self.uses[form]
            rows = self.rows[form] = [copy for row in seen[form] for copy in _copies(one, row)]
            at, start = len(one.holes), 0
            for chain in one.chains:
                for item in chain:
                    width = self.forms[item.form].width
                    self.sites.setdefault(item.form, self.sites[form][start : start + width])
                    start += width
                    end = at + self.forms[item.form].arity
                    self.uses[item.form] += times
                    if item.form in seen and self.forms[item.form].chains:
                        seen[item.form].update(dict.fromkeys([row[at:end] for row in rows]))
                    at = end

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
                inside = [item.form for chain in self.forms[form].chains for item in chain]
                pending += [(one, False) for one in reversed(inside) if one not in found]
        return list(found)

    def _candidates(self) -> dict[tuple[int, ...], Candidate]:
        """The stretches that stand in the text twice or more: those of one element, and each longer one of these."""
        found: dict[tuple[int, ...], Candidate] = {}
        standing: dict[tuple[int, ...], list[_Standing]] = {}
        for form in self.uses:
            one = self.forms[form]
            times = 1 if one.kind == "call" else self.uses[form]
            for line, chain in enumerate(one.chains):
                able = [self._able(item) for item in chain]
                for at, item in enumerate(chain):
                    if able[at]:
                        place = _Standing(Place(form, line, at), chain, able, times)
                        standing.setdefault((item.form,), []).append(place)
        for length in range(1, LONGEST + 1):
            longer: dict[tuple[int, ...], list[_Standing]] = {}
            for key, places in standing.items():
                if sum(one.times for one in places) < 2:
                    continue
                if length > 1 or self.forms[key[0]].kind in ("fork", "repeat"):
                    found[key] = self._candidate(places, length)
                following: dict[int, list[_Standing]] = {}
                for one in places:
                    if (further := one.following(length)) is not None:
                        following.setdefault(further, []).append(one)
                longer |= {(*key, form): some for form, some in following.items()}
            standing = longer
        return found

    def _candidate(self, standing: Sequence[_Standing], length: int) -> Candidate:
        """A stretch at all places that do not overlap; a block's whole chain is no block again."""
        candidate = Candidate()
        end = Place(-1, -1, -1)
        for one in standing:
            place = one.place
            whole = self.forms[place.form].kind == "call" and len(one.chain) == length
            if not whole and (place[:2] != end[:2] or place.at >= end.at):
                candidate.places.append(place)
                candidate.count += one.times
                end = Place(place.form, place.chain, place.at + length)
        return candidate

    def _able(self, item: Item) -> bool:
        """Whether an element may stand in a block."""
        one = self.forms[item.form]
        inputs = one.layer is not None and one.layer.keyword == "INPUT"
        return not (one.fixed or one.inner or one.kind == "name" or item.device is None or inputs)

    # Parameters

    def _needed(self, form: int) -> Sequence[int]:
        """The columns of a form that stand in the text: of calls, only their parameters."""
        one = self.forms[form]
        if one.kind == "call":
            return self._solution(form).parameters
        inside = self._inside(one.chains, len(one.holes))
        if one.growing:
            grown = [len(one.holes) + column in inside for column in one.growing]
            return [0, *(1 + at for at, needed in enumerate(grown) if needed), *inside]
        return [*range(len(one.holes)), *inside]

    def _inside(self, chains: Sequence[Sequence[Item]], at: int) -> Sequence[int]:
        found: list[int] = []
        for chain in chains:
            for item in chain:
                found += [at + column for column in self._needed(item.form)]
                at += self.forms[item.form].arity
        return found

    def _solution(self, form: int) -> Solution:
        """The parameters of a block."""
        if form not in self.solutions:
            self.solutions[form] = solve(
                self.rows[form], self._inside(self.forms[form].chains, 0), self.forms[form].fields
            )
        return self.solutions[form]

    def _solved(self, key: Sequence[int], places: Sequence[Place]) -> Solution:
        """The parameters that a block of a stretch would have."""
        items = [Item(form, 0) for form in key]
        fields = [field for form in key for field in self.forms[form].fields]
        return solve(self._gathered(key, places, _SAMPLE), self._inside([items], 0), fields)

    def _gathered(self, key: Sequence[int], places: Sequence[Place], most: int) -> list[Sequence[Value]]:
        """The numbers of a stretch, wherever it stands; `most` rows of them."""
        width = sum(self.forms[form].arity for form in key)
        rows: dict[Sequence[Value], None] = {}
        for place in places:
            if place.form not in self.starts:
                holes = len(self.forms[place.form].holes)
                self.starts[place.form] = self._begun(place.form, holes, lambda one: one.arity)
            start = self.starts[place.form][place.chain][place.at]
            rows.update(dict.fromkeys([row[start : start + width] for row in self.rows[place.form]]))
            if len(rows) > most:
                break
        return list(rows)

    def _begun(self, form: int, start: int, size: Callable[[Form], int]) -> Sequence[Sequence[int]]:
        """Where the elements of each chain of a form begin, among its columns or its nodes."""
        found: list[Sequence[int]] = []
        for chain in self.forms[form].chains:
            found.append([*accumulate([size(self.forms[item.form]) for item in chain], initial=start)])
            start = found[-1][-1]
        return found

    def _replace(self, key: Sequence[int], places: Sequence[Place]) -> None:
        """Make a block of a stretch, and call it wherever that stands."""
        form = self.forms.add(Form("call", chains=[[Item(one, 0) for one in key]]))
        self.rows[form] = self._gathered(key, places, len(self.row))
        for place in reversed(places):
            chain = self.forms[place.form].chains[place.chain]
            first, last = chain[place.at], chain[place.at + len(key) - 1]
            chain[place.at : place.at + len(key)] = [Item(form, first.device, last.label)]


def _copies(form: Form, row: Sequence[Value]) -> Sequence[Sequence[Value]]:
    """The row of a form; of a repeat whose numbers grow, one for each copy, with the numbers of that."""
    if not form.growing:
        return (row,)
    own, count = len(form.holes), number(row[0])
    assert count is not None
    found: list[Sequence[Value]] = []
    for copy in range(1, int(count) + 1):
        values = list(row)
        for at, column in enumerate(form.growing):
            first, step = number(row[own + column]), number(row[1 + at])
            assert first is not None
            assert step is not None
            values[own + column] = exact(Fraction(first) + copy * step)
        found.append(tuple(values))
    return found
