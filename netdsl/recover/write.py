"""Forms, numbers and names to text."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from math import lcm

from netdsl.graph.node import ShapedGraph
from netdsl.layers.arguments import arguments_of, show
from netdsl.layers.base import write
from netdsl.recover.blocks import Blocks
from netdsl.recover.forms import Form, In, Ins, Item, Ref, Value
from netdsl.recover.lines import Element, lines
from netdsl.recover.roles import Parameter, parameters
from netdsl.recover.solve import INFLOW, Derived, halved
from netdsl.text.tokens import NAMES

_OWN = "trunk"
"""What is read by several branches of a fork is called, within it."""


@dataclass(frozen=True, slots=True)
class Said:
    """A number as it is written here: a value, or a formula of parameters."""

    words: str
    value: Value | None = None

    @property
    def braces(self) -> str:
        """It as an argument of a layer that is no number."""
        return f"{{{self.words}}}"


@dataclass
class Writer:
    """The text of a network's chains and blocks."""

    shaped: ShapedGraph
    blocks: Blocks
    names: Mapping[int, str]
    """Of the blocks, by form."""
    labels: Mapping[int, str]
    """Of the nodes that have one."""
    own: dict[int, str] = field(default_factory=dict[int, str])
    """Of the labels that the forks around know alone."""
    told: int = 0
    """How many of these are in the scope."""
    signatures: dict[int, Sequence[Parameter]] = field(default_factory=dict[int, "Sequence[Parameter]"])
    around: set[int] = field(default_factory=set[int])
    """The nodes whose label is of what ends in them, a call or a group, and not their own."""

    def text(self) -> Sequence[str]:
        """The statements: blocks, those that others call first, and chains."""
        forms = self.blocks.forms
        called = self.blocks.called
        for form in called:
            self.signatures[form] = parameters(self.blocks, form)
        found = [self._block(form) for form in called]
        found += [""] * bool(found)
        self.told = 0
        top, values = forms[self.blocks.top], [self._literal(value) for value in self.blocks.row]
        at = 0
        for chain, nodes in zip(top.chains, self.blocks.elements, strict=True):
            end = at + sum(forms[item.form].arity for item in chain)
            written = self._elements(chain, values[at:end], 0)
            found += lines(self.shaped, [Element(*one) for one in zip(written, nodes, strict=True)])
            at = end
        return found

    def _block(self, form: int) -> str:
        """`block unit(n, k=1) = …`."""
        block, solution = self.blocks.forms[form], self.blocks.solutions[form]
        self.told = 0
        signature = self.signatures[form]
        words = {parameter.column: parameter.words for parameter in signature}
        values: list[Said] = []
        for column in range(block.arity):
            if column in solution.constants:
                values.append(self._literal(solution.constants[column]))
            elif column in solution.derived:
                derived = solution.derived[column]
                values.append(Said(derived.words.format("in" if derived.base == INFLOW else words[derived.base])))
            else:
                values.append(Said(words.get(column, "?").strip("()")))
        given = ", ".join(self._signed(one, words) for one in signature)
        body = self._chain(block.chains[0], values, 0)
        return f"block {self.names[form]}({given}) = {body}"

    def _signed(self, one: Parameter, words: Mapping[int, str]) -> str:
        """A parameter and its default."""
        if one.usual is not None:
            return f"{one.name}={one.usual.words.format(words[one.usual.base])}"
        return one.name if one.default is None else f"{one.name}={self._literal(one.default).words}"

    def _literal(self, value: Value) -> Said:
        if isinstance(value, Ref):
            return Said(self.labels[value], value)
        if isinstance(value, In | Ins):
            return Said("in")
        if isinstance(value, tuple) and any(number < 0 for number in value):
            return Said(f"{{{', '.join(map(show, value))}}}", value)
        return Said(show(value), value)

    def _chain(self, items: Sequence[Item], values: Sequence[Said], device: int) -> str:
        return " -> ".join(self._elements(items, values, device)) or "SKIP"

    def _elements(self, items: Sequence[Item], values: Sequence[Said], device: int) -> list[str]:
        found: list[str] = []
        at = 0
        for item in items:
            end = at + self.blocks.forms[item.form].arity
            found.append(self._element(item, values[at:end], device))
            at = end
        return found

    def _element(self, item: Item, values: Sequence[Said], device: int) -> str:
        one = self.blocks.forms[item.form]
        for known in one.locals:
            self.told += 1
            self.own[known] = f"{_OWN}{self.told if self.told > 1 else ''}"
        called = "" if item.label is None else self.labels.get(item.label) or self.own.get(item.label)
        label = f"{called}: " if called else ""
        if item.label is not None and one.kind in ("call", "repeat", "group", "apply"):
            self.around.add(item.label)
        placed = f" @{item.device}" if item.device not in (None, device) else ""
        inside = device if item.device is None else 0  # what is placed as a whole does not say it inside
        match one.kind:
            case "fork":
                *chains, [merge] = one.chains
                return self._fork(chains, merge, values, inside, label, placed)
            case "repeat":
                return label + self._repeat(one, values, inside) + placed
            case "group":
                body = f"( {self._chain(one.chains[0], values, inside)} )"
                return f"( {label}{body} ){placed}" if placed else f"{label}{body}"
            case "call":
                return f"{label}{self.names[item.form]}({self._arguments(item.form, values)}){placed}"
            case "name":
                return values[0].words if values else self.own[one.node]
            case "apply":
                return f"{label}{self.labels[one.node]}(){placed}"
            case "layer":
                written = self._layer(one, values)
                # What is placed from outside may be applied again elsewhere.
                return f"( {label}{written} ){placed}" if label and placed else f"{label}{written}{placed}"

    def _fork(
        self,
        chains: Sequence[Sequence[Item]],
        merge: Item,
        values: Sequence[Said],
        device: int,
        label: str,
        placed: str,
    ) -> str:
        forms = self.blocks.forms
        branches: list[str] = []
        at = 1
        for chain in chains:
            end = at + sum(forms[item.form].arity for item in chain)
            branches.append(self._chain(chain, values[at:end], device))
            at = end
        fork, merged = f"[ {' | '.join(branches)} ]", self._element(merge, values[at:], device)
        if placed:
            return f"{label}( {fork} -> {merged} ){placed}"  # a fork is placed with its merge
        return f"{fork} -> {label}{merged}"

    def _repeat(self, one: Form, values: Sequence[Said], device: int) -> str:
        chain, own = one.chains[0], len(one.holes)
        inside = list(values[own:])
        index = next(name for name in "ijklmn" if not any(f"{name}" in _words(said) for said in values))
        for column, step in zip(one.growing, values[1:own], strict=True):
            inside[column] = Said(_grown(inside[column], step, index))
        body = self._chain(chain, inside, device)
        kind = self.blocks.forms[chain[0].form].kind
        if len(chain) > 1 or kind in ("fork", "repeat") or chain[0].device not in (None, device):
            body = f"( {body} )"
        counted = f" as {index}" if one.growing else ""
        plain = values[0].value is not None and (counted or not _ends_in_size(self.blocks.forms[chain[0].form], body))
        return f"{body} x{values[0].words if plain else values[0].braces}{counted}"

    def _arguments(self, form: int, values: Sequence[Said]) -> str:
        """The arguments of a call, those at their default left out where none follows."""
        found: list[str] = []
        left = False
        for parameter in self.signatures[form]:
            said = values[parameter.column]
            if parameter.more and isinstance(said.value, int):
                said = self._literal(said.value + parameter.more)
            if parameter.default is not None and said.value == parameter.default:
                left = True
                continue
            if parameter.usual is not None and follows(parameter.usual, values[parameter.usual.base], said):
                left = True
                continue
            found.append(f"{parameter.name}={said.words}" if left else said.words)
        return ", ".join(found)

    def _layer(self, one: Form, values: Sequence[Said]) -> str:
        """A layer with its numbers."""
        assert one.layer is not None
        layer = one.layer
        given = dict(zip(one.holes, values, strict=True))
        texts: dict[str, str] = {}
        further = False
        for argument in reversed(arguments_of(type(layer))):
            value = getattr(layer, argument.attribute)
            if argument.field not in given:
                further = further or (argument.form == "positional" and value not in (None, argument.default))
                continue
            said = given[argument.field]
            if argument.kind.node:
                texts[argument.field] = f"{argument.field}={said.words}"
                continue
            if said.value is None:
                words = said.braces
                if argument.field in _BARE and said.words.isidentifier() and said.words != "in":
                    words = said.words
            else:
                exact = said.value
                assert not isinstance(exact, Ins)  # what flows in stands in no text
                if isinstance(value, tuple) and not isinstance(exact, tuple):
                    exact = (exact,)
                default = exact == argument.default
                if default and not (argument.form == "positional" and further):
                    texts[argument.field] = ""
                    continue
                words = show(exact) if argument.form == "tag" else argument.kind.written(exact)
            if argument.form == "positional":
                further = True
                texts[argument.field] = words
            elif argument.form == "tag":
                texts[argument.field] = argument.letter + words
            else:
                texts[argument.field] = f"{argument.field}={words}"
        return " ".join(write(layer, texts).split())


def _ends_in_size(one: Form, words: str) -> bool:
    """Whether a layer ends with one number where dims could stand: `CONV 64 3 x3` would read like a slip."""
    *given, last = re.sub(r"{[^}]*}", "n", words).split()
    if one.layer is None or not last.isdecimal():
        return False
    slots = [argument for argument in arguments_of(type(one.layer)) if argument.form == "positional"]
    return any(slot.kind.many for slot in slots[len(given) - 1 : len(given)])


def follows(usual: Derived, base: Said, said: Said) -> bool:
    """Whether an argument is what its default would be."""
    if base.value is None or said.value is None:
        return said.words == usual.words.format(base.words)
    return halved(base.value) == said.value


_BARE = {"filters", "units"}
"""The fields that authors write as a bare name: `CONV n {k}`."""


def _words(said: Said) -> Sequence[str]:
    """The names in a formula."""
    return NAMES.findall(said.words)


def _grown(start: Said, step: Said, index: str) -> str:
    """A number that grows from copy to copy: `(2 + i)/170`, or `rate + i/170`."""
    if not (isinstance(start.value, int | Fraction) and isinstance(step.value, int | Fraction)):
        return f"{_operand(start)} + {_times(step, index)}"
    low, by = Fraction(start.value), Fraction(step.value)
    if not low:
        return _times(step, index)
    whole = lcm(low.denominator, by.denominator)
    first, each = int(low * whole), int(by * whole)
    factor = index if abs(each) == 1 else f"{abs(each)}*{index}"
    words = f"{first} + {factor}" if each > 0 else f"{first} - {factor}"
    if first < 0 < each:
        words = f"{factor} - {-first}"
    return words if whole == 1 else f"({words})/{whole}"


def _times(step: Said, index: str) -> str:
    """So many times the number of the copy."""
    if not isinstance(step.value, int | Fraction):
        return f"{_operand(step)}*{index}"
    by = Fraction(step.value)
    words = index if by.numerator == 1 else f"{by.numerator}*{index}"
    return words if by.denominator == 1 else f"{words}/{by.denominator}"


def _operand(said: Said) -> str:
    return f"({said.words})" if " " in said.words else said.words
