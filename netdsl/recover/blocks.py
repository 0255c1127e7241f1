"""What recurs but for its numbers becomes a block, the best saving first, until nothing saves any more."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import accumulate, pairwise

from netdsl.recover.counted import Counted
from netdsl.recover.forms import Form, Forms, Item, Value
from netdsl.recover.parts import Part, awkward
from netdsl.recover.solve import Solution
from netdsl.recover.stretches import Place, stretches

PRODUCTS = {"CONV", "DWCONV", "DECONV", "FC", "ATTENTION", "LSTM", "GRU"}
ENLARGING = {"DECONV", "UPSAMPLE", "PIXELSHUFFLE"}
"""Layers that begin a stage, as pooling ends one."""
MOST = 40
"""How many blocks of a kind a program has at most."""
TRIED = 32
"""Of how many candidates the parameters are reckoned, those first that would save the most without any."""
_CUT = 0.15  # of a saving, for each end that parts what belongs together
_SCOPE = 0.5  # of a saving, for stretches that are modules of the source
_CLEAR = 10  # words that a block may cost which is clearer than what is in it
_UNIT = -15  # words that a layer with its norm and activation may save less, where they recur
_KEPT = -10  # words that a block may cost, once others are made of it


class Blocks:
    """The blocks of a network. Its chains at the top are those of one form, `top`, which has one row of numbers."""

    def __init__(self, forms: Forms, chains: Sequence[Sequence[Part]], fit: Callable[[Sequence[int]], float]) -> None:
        self.forms, self.fit = forms, fit
        top = Form("fork", chains=[[part.item for part in chain] for chain in chains])
        self.top = forms.add(top)
        self.row = tuple([value for chain in chains for part in chain for value in part.holes])
        self.nodes = tuple([node for chain in chains for part in chain for node in part.nodes])
        self.solutions: dict[int, Solution] = {}
        self.text = self._counted()

    def _counted(self) -> Counted:
        return Counted(self.forms, self.top, self.row, self.nodes, self.solutions)

    @property
    def rows(self) -> Mapping[int, Sequence[Sequence[Value]]]:
        """The numbers of each form."""
        return self.text.rows

    @property
    def called(self) -> Sequence[int]:
        """The blocks, those that others call first."""
        return [form for form in self.text.inside_first if self.forms[form].kind == "call"]

    def instances(self) -> dict[int, list[Sequence[int]]]:
        """The nodes of each block, wherever it is called, in the first of equal copies."""
        found: dict[int, list[Sequence[int]]] = {form: [] for form in self.text.inside_first}
        found[self.top] = [self.nodes]
        for form in reversed(list(found)):
            at = 0
            for item in self.forms[form].inside:
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
        for able in (self._unit, self._any):
            for _ in range(most):
                if not self._one(able):
                    break
        for form in reversed(self.called):
            if not self._worth(form):
                self._inline(form)
                self.text = self._counted()
        self.solutions.clear()
        for form in self.called:
            self.text.solution(form)

    def _worth(self, form: int) -> bool:
        """Whether a block still says more than what is in it, once others are made of it."""
        inside, uses = [item.form for item in self.forms[form].chains[0]], self.text.uses[form]
        saving = self.text.saving(inside, uses, self.text.solution(form))
        return uses > 1 and saving > (_UNIT if self._unit(inside) and uses > 2 else _KEPT)

    def _any(self, key: Sequence[int]) -> bool:
        return True

    def _unit(self, key: Sequence[int]) -> bool:
        """Whether a stretch is a layer with what belongs to it: a convolution, its norm and its activation."""
        first = self.forms[key[0]].layer
        products = first is not None and first.keyword in PRODUCTS
        return products and len(key) > 1 and all(awkward(self.forms, Item(form, 0)) for form in key[1:])

    def _one(self, able: Callable[[Sequence[int]], bool]) -> bool:
        """Make the best block that may be one; False where none saves."""
        best, gain, text = None, 0.0, self.text
        standing = stretches(self.forms, text.uses, able)
        bound = {key: text.saving(key, sum(times.values()), None) for key, times in standing.items()}
        for key in sorted(bound, key=bound.__getitem__, reverse=True)[:TRIED]:
            if bound[key] + _CLEAR <= gain:
                break
            whole = tuple(standing[key])
            for places in {whole: None, tuple(text.alike(key, whole)): None}:
                count = sum(standing[key][place] for place in places)
                if count < 2:
                    continue
                fit = self._fit(key, places)
                saving = text.saving(key, count, text.solved(key, places)) + self._clearer(key, places, fit)
                saving *= max(0, 1 - _CUT * self._cuts(key, places)) * (1 + _SCOPE * fit)
                if saving > gain:
                    best, gain = (key, places), saving
        if best is None:
            return False
        self._replace(*best)
        self.text = self._counted()
        return True

    def _cuts(self, key: Sequence[int], places: Sequence[Place]) -> float:
        """Of the ends of a stretch, how many part what belongs together: a convolution and its activation.

        What enlarges a map begins what is made of it, and counts for one that does not.
        """
        cuts = 0
        first = self.forms[key[0]].layer
        for place in places:
            chain = self.forms[place.form].chains[place.chain]
            end = place.at + len(key)
            before, following = chain[max(0, place.at - 1) : place.at], chain[end : end + 1]
            cuts += any(awkward(self.forms, item) for item in following) + 4 * self._ahead(key, following)
            if awkward(self.forms, chain[place.at]):
                cuts += 7 if before and self._product(before[0].form) else 1
        begins = first is not None and first.keyword in ENLARGING
        return cuts / len(places) - begins

    def _ahead(self, key: Sequence[int], following: Sequence[Item]) -> bool:
        """Whether a stretch ends with a norm and activations that are of the product behind it."""
        heads = [form for form in key if not awkward(self.forms, Item(form, 0))]
        if not following or not heads or heads[-1] == key[-1]:
            return False
        return self._product(following[0].form) and not self._product(heads[-1])

    def _product(self, form: int) -> bool:
        """Whether an element begins with a layer that has weights."""
        one = self.forms[form]
        if one.kind == "call":
            return self._product(one.chains[0][0].form)
        return one.layer is not None and one.layer.keyword in PRODUCTS

    def _clearer(self, key: Sequence[int], places: Sequence[Place], fit: float) -> float:
        """The words that a stretch is worth which its reader takes as one: a branch of several layers, a module."""
        products = sum(map(self._product, key))
        whole = sum(len(self.forms[place.form].chains[place.chain]) == len(key) for place in places)
        return _CLEAR * (products > 2) * max(fit, whole / len(places))

    def _fit(self, key: Sequence[int], places: Sequence[Place]) -> float:
        """How many of a stretch's places are modules of the source, of all, each where it stands first."""
        width, found = sum(self.forms[form].width for form in key), 0
        for place in places:
            start = self.text.starts(place).nodes[place.at]
            found += self.fit(self.text.sites[place.form][start : start + width])
        return found / len(places)

    def _replace(self, key: Sequence[int], places: Sequence[Place]) -> None:
        """Make a block of a stretch, and call it wherever that stands."""
        form = self.forms.add(Form("call", chains=[[Item(one, 0) for one in key]]))
        for place in reversed(places):
            chain = self.forms[place.form].chains[place.chain]
            first, last = chain[place.at], chain[place.at + len(key) - 1]
            chain[place.at : place.at + len(key)] = [Item(form, first.device, last.label)]

    def _inline(self, block: int) -> None:
        """Put what is in a block where it is called."""
        [inside] = self.forms[block].chains
        for form in self.text.uses:
            for chain in self.forms[form].chains:
                for at in reversed([at for at, item in enumerate(chain) if item.form == block]):
                    _, device, label = chain[at]
                    chain[at : at + 1] = [item._replace(device=device) for item in inside]
                    chain[at + len(inside) - 1] = chain[at + len(inside) - 1]._replace(label=label)
