"""Arguments as written to a layer of the table: which field each one fills, and with what value."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache

from netdsl.graph import mistakes, slips
from netdsl.graph.argument_mistakes import Computed
from netdsl.graph.evaluate import IN, UNKNOWN, Environment, NodeRef, NoNumber, Unknown, evaluate
from netdsl.graph.fault import Fault
from netdsl.graph.node import Site
from netdsl.layers import table
from netdsl.layers.arguments import Argument, LayerError, arguments_of
from netdsl.layers.base import Layer
from netdsl.text import tree
from netdsl.text.advice import write
from netdsl.text.mistake import Mistake, Reworded
from netdsl.text.source import Span
from netdsl.text.suggest import did_you_mean


class Broken(Mistake, code="unknown-layer"):
    why: str
    words = "{why}"


class NoName(Mistake, code="invalid-argument", example="INPUT 8x8x3 -> UPSAMPLE like=2"):
    field: str
    takes: str
    words = "{field} takes {takes}"


class NoSuchWord(Mistake, code="invalid-argument", example="INPUT 8x8x3 -> UPSAMPLE 2 mode=nearst"):
    field: str
    words_are: str
    word: str
    hint: str
    words = "{field} is {words_are}, not {word}"


@dataclass
class _Binding:
    """The fields of one layer while its arguments are read."""

    layer: type[Layer]
    written: tree.Layer
    environment: Environment
    node: Callable[[tree.Name], int]
    values: dict[str, object] = field(default_factory=dict[str, object])
    spans: dict[str, Span] = field(default_factory=dict[str, Span])
    nodes: list[int] = field(default_factory=list[int])

    def fill(self, argument: Argument, written: tree.Argument) -> None:
        """Read a value into a field. Raises Fault."""
        if argument.field in self.values:
            what = f"the {argument.field} of {self.layer.keyword}"
            raise slips.twice(what, self.spans.get(argument.field), written.span)
        self.spans[argument.field] = written.span
        self.values[argument.field] = UNKNOWN
        if argument.kind.node:
            if not isinstance(written.value, tree.Name):
                raise Fault(NoName(argument.field, argument.kind.noun), written.span)
            self.nodes.append(self.node(written.value))
            self.values[argument.field] = written.value.text
            return
        value: object
        if isinstance(written.value, tree.Name) and written.value.text in argument.kind.words:
            value = written.value.text
        else:
            value = self.value(argument, written)
        if isinstance(value, Unknown):
            return
        try:
            self.values[argument.field] = argument.kind.read(value)  # pyright: ignore[reportArgumentType]
        except LayerError as error:
            whose = "" if argument.kind.noun.startswith(argument.field) else f"'s {argument.field}"
            takes = f"{self.layer.keyword}{whose} takes {argument.kind.noun}"
            from netdsl.graph import surplus  # a program without mistakes needs no words for them

            help = ""
            if isinstance(value, str) and re.fullmatch(r"\d+(\.\d+)?", value):
                help = write(value, written.value.span, "numbers stand without quotes: ")
            elif not error.mistake.help():
                help = surplus.turned(self.layer, argument, self.written)
            raise Fault(Reworded(error.mistake, f"{takes}: ", help), written.span) from None

    def value(self, argument: Argument, written: tree.Argument) -> object:
        """The value of an expression. Raises Fault, which lists the words where one belongs."""
        try:
            value = evaluate(written.value, self.environment)
        except Fault as fault:
            if argument.kind.words and isinstance(written.value, tree.Name):
                word = written.value.text
                mistake = NoSuchWord(argument.field, argument.kind.noun, word, did_you_mean(word, argument.kind.words))
                raise Fault(mistake, written.value.span) from None
            raise fault
        if isinstance(value, NodeRef):
            raise Fault(NoNumber(written.value.span.text, "a node, not a value"), written.span)
        return value


def row(written: tree.Layer, blocks: Container[str], behind_fork: bool) -> type[Layer]:
    """The layer that a keyword names. Raises Fault."""
    try:
        row = table.find(written.keyword)
    except table.BrokenPackage as error:
        raise Fault(Broken(str(error)), written.keyword_span) from None
    if row is None:
        mistake = mistakes.UnknownLayer(written, written.keyword.lower() in blocks, behind_fork)
        raise Fault(mistake, written.keyword_span)
    return row


def merges(written: tree.Layer) -> bool:
    """Whether a layer merges what a fork gives."""
    try:
        row = table.find(written.keyword)
    except table.BrokenPackage:
        return False
    return row is not None and row.merge


def layer(
    table_row: type[Layer],
    written: tree.Layer,
    environment: Environment,
    node: Callable[[tree.Name], int],
    report: Callable[[Fault], None],
) -> tuple[Layer | None, Site, tuple[int, ...]]:
    """The layer that was written, where its arguments stand, and the further nodes that it reads (`like=e2`).

    Mistakes go to `report`; with one, or with an unknown value, there is no layer.
    """
    arguments = arguments_of(table_row)
    faults: list[Fault] = []
    binding = _Binding(table_row, written, environment, node)
    slots = iter([argument for argument in arguments if argument.form == "positional"])
    apart = False
    for position, given in enumerate(written.arguments):
        if faults and given.span.end <= faults[-1].span.end:
            continue  # it was told with those before it
        if apart and slips.is_value(given):
            apart = False
            continue  # the 2 of `s 2`, whose mistake was found in `s`
        apart = False
        try:
            _check_split(written, position)
            if unsized := slips.unsized(table_row, written, position):
                raise unsized
            argument = _argument(binding, arguments, position)
            if argument is None:
                argument = next((slot for slot in slots if slot.field not in binding.values), None)
                if argument is None:
                    from netdsl.graph import surplus

                    raise surplus.too_many(table_row, written, given)
            if argument.word and given.key is None:
                if argument.field in binding.values:
                    raise slips.twice(argument.field, binding.spans.get(argument.field), given.span)
                binding.values[argument.field] = True
                binding.spans[argument.field] = given.span
            else:
                binding.fill(argument, given)
        except _MissingArrow:
            faults.append(slips.missing_arrow(table_row, written, position))
            break  # all that follows belongs to other layers
        except Fault as fault:
            apart = isinstance(given.value, tree.Name) and given.key is None and fault.span == given.span
            faults.append(fault)
    site = Site(written.span, binding.spans)
    if not faults and any(a.required and a.field not in binding.values for a in arguments):
        faults.append(slips.missing(table_row, written, list(binding.values)))
    for fault in faults:
        report(fault)
    if faults or UNKNOWN in binding.values.values():
        return None, site, ()
    try:
        attributes = _attributes(table_row)
        made = table_row(**{attributes[name]: value for name, value in binding.values.items()})
    except LayerError as error:
        span = binding.spans.get(error.argument, written.span)
        report(Fault(Reworded(error.mistake, f"{table_row.keyword}: "), span))
        return None, site, ()
    return made, site, tuple(binding.nodes)


@cache
def _attributes(table_row: type[Layer]) -> Mapping[str, str]:
    """Arguments' Python names, which have a trailing `_` where the argument is called as a keyword of Python."""
    return {one.name.rstrip("_"): one.name for one in dataclasses.fields(table_row)}


class _MissingArrow(Exception):
    """Another layer stands among the arguments."""


def _argument(binding: _Binding, arguments: Sequence[Argument], position: int) -> Argument | None:
    """The field that an argument names; None for one by position. Raises Fault for an unknown one."""
    given = binding.written.arguments[position]
    if given.tag:
        found = next((a for a in arguments if a.form == "tag" and a.letter == given.tag), None)
        if found is None:
            raise slips.no_tag(binding.layer, given)
        return found
    if given.key is not None:
        found = next((a for a in arguments if a.field == given.key.text), None)
        if found is None or found.form in {"tag", "flag"} or found.required:
            raise slips.no_option(binding.layer, binding.written, given)
        return found
    if isinstance(given.value, tree.Name):
        return _word(binding, arguments, given.value, position)
    return None


def _word(binding: _Binding, arguments: Sequence[Argument], word: tree.Name, position: int) -> Argument | None:
    """A bare word is a flag of the layer if it has one of that name, else a parameter in scope."""
    flag = next((a for a in arguments if a.word and a.field == word.text), None)
    if flag is not None:
        return flag
    free = [a for a in arguments if a.form == "positional" and a.field not in binding.values]
    if word.text in binding.environment or (free and word.text in free[0].kind.words):
        return None
    if free and free[0].kind.node:
        return None
    if word.text != IN and slips.is_layer(word.text) and slips.named(binding.layer, word.text) is None:
        raise _MissingArrow
    written = binding.written
    raise slips.unknown_word(binding.layer, written, position, list(binding.environment), bool(free))


def _check_split(written: tree.Layer, position: int) -> None:
    """Raise Fault where an argument is the rest of what was meant as one: `n-1`."""
    before, given = (written.arguments[position - 1] if position else None), written.arguments[position]
    if before is not None and before.span.end == given.span.start and given.span.text.startswith("-"):
        raise Fault(Computed(f"{before.span.text}{given.span.text}"), before.span.to(given.span))
