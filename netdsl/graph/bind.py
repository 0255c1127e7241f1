"""Arguments as written to a layer of the table: which field each one fills, and with what value."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache

from netdsl.graph.evaluate import UNKNOWN, Environment, NodeRef, Unknown, evaluate
from netdsl.graph.fault import Fault
from netdsl.graph.node import Site
from netdsl.layers.arguments import Argument, LayerError, arguments_of
from netdsl.layers.base import Layer
from netdsl.text import tree
from netdsl.text.source import Span
from netdsl.text.suggest import closest, did_you_mean

_TAGS = {"s": "stride", "p": "padding", "d": "dilation", "g": "groups"}


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
            raise Fault("extra-argument", f"{what} is given twice", written.span, help="keep one of them")
        self.spans[argument.field] = written.span
        self.values[argument.field] = UNKNOWN
        if argument.kind.node:
            if not isinstance(written.value, tree.Name):
                raise Fault("invalid-argument", f"{argument.field} takes {argument.kind.noun}", written.span)
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
            takes = f"{self.layer.keyword}'s {argument.field} takes {argument.kind.noun}"
            raise Fault(error.code, f"{takes}: {error.message}", written.span, error.help) from None

    def value(self, argument: Argument, written: tree.Argument) -> object:
        """The value of an expression, with a better word for a name that is none of a few words."""
        try:
            value = evaluate(written.value, self.environment)
        except Fault as fault:
            if argument.kind.words and isinstance(written.value, tree.Name):
                raise Fault(
                    "invalid-argument",
                    f"{argument.field} is {argument.kind.noun}, not {written.value.text}",
                    written.value.span,
                    help=did_you_mean(written.value.text, argument.kind.words),
                ) from None
            raise fault
        if isinstance(value, NodeRef):
            raise Fault("invalid-argument", f"{written.value.span.text} is a node, not a value", written.span)
        return value


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
    before: tree.Argument | None = None
    for given in written.arguments:
        mistaken = before is not None and bool(faults) and faults[-1].span == before.span
        apart = mistaken and re.fullmatch("[A-Za-z]", faults[-1].span.text)
        last, before = before, given
        if apart and isinstance(given.value, tree.Literal):
            continue  # the 2 of `s 2`, whose mistake was found in `s`
        try:
            _check_apart(last, given)
            argument = _argument(binding, arguments, given)
            if argument is None:
                argument = next((slot for slot in slots if slot.field not in binding.values), None)
                if argument is None:
                    raise _too_many(table_row, arguments, given)
            if argument.form == "flag":
                if argument.field in binding.values:
                    raise Fault("extra-argument", f"{argument.field} is given twice", given.span)
                binding.values[argument.field] = True
                binding.spans[argument.field] = given.span
            else:
                binding.fill(argument, given)
        except Fault as fault:
            faults.append(fault)
    site = Site(written.span, binding.spans)
    if not faults:
        missing = [a.field for a in arguments if a.required and a.field not in binding.values]
        if missing:
            usage = " ".join(a.field for a in arguments if a.form == "positional")
            what = " and ".join(missing)
            message = f"{table_row.keyword} needs {what}"
            faults.append(Fault("missing-argument", message, written.span, f"write {table_row.keyword} {usage}"))
    for fault in faults:
        report(fault)
    if faults or UNKNOWN in binding.values.values():
        return None, site, ()
    try:
        attributes = _attributes(table_row)
        made = table_row(**{attributes[name]: value for name, value in binding.values.items()})
    except LayerError as error:
        span = binding.spans.get(error.argument, written.span)
        report(Fault(error.code, f"{table_row.keyword}: {error.message}", span, error.help))
        return None, site, ()
    return made, site, tuple(binding.nodes)


@cache
def _attributes(table_row: type[Layer]) -> Mapping[str, str]:
    """Arguments' Python names, which have a trailing `_` where the argument is called as a keyword of Python."""
    return {one.name.rstrip("_"): one.name for one in dataclasses.fields(table_row)}


def _argument(binding: _Binding, arguments: Sequence[Argument], given: tree.Argument) -> Argument | None:
    """The field that an argument names; None for one by position. Raises Fault for an unknown one."""
    keyword = binding.layer.keyword
    if given.tag:
        found = next((a for a in arguments if a.form == "tag" and a.letter == given.tag), None)
        if found is None:
            takes = [f"{a.letter} ({a.field})" for a in arguments if a.form == "tag"]
            help = f"{keyword} takes {', '.join(takes)}" if takes else f"{keyword} takes no tags"
            raise Fault("unknown-option", f"{keyword} has no {_TAGS[given.tag]}", given.span, help)
        return found
    if given.key is not None:
        key = given.key.text
        found = next((a for a in arguments if a.field == key), None)
        if found is None or found.form in {"tag", "flag"} or found.required:
            raise Fault(
                "unknown-option",
                f"{keyword} has no option {key}",
                given.key.span,
                _spelling(keyword, arguments, given, found),
            )
        return found
    if isinstance(given.value, tree.Name):
        return _word(binding, arguments, given.value)
    return None


def _spelling(keyword: str, arguments: Sequence[Argument], given: tree.Argument, found: Argument | None) -> str:
    """How to write what was written as an option."""
    assert given.key is not None
    value = given.value.span.text
    if any(value == a.field for a in arguments if a.form == "flag"):  # padding=same
        return f"write {value} alone"
    found = found or next((a for a in arguments if a.letter == given.key.text), None)  # s=2
    match found:
        case None:
            return did_you_mean(given.key.text, [a.field for a in arguments]) or _takes(keyword, arguments)
        case Argument(form="tag"):
            return f"write {found.letter}{value if value[:1].isdigit() or value[:1] == '{' else f'{{{value}}}'}"
        case Argument(form="flag"):
            return f"{found.field} is a flag: write it alone"
        case _:
            return f"{found.field} is written by position"


def _word(binding: _Binding, arguments: Sequence[Argument], word: tree.Name) -> Argument | None:
    """A bare word is a flag of the layer if it has one of that name, else a parameter in scope."""
    flags = [a.field for a in arguments if a.form == "flag"]
    if word.text in flags:
        return next(a for a in arguments if a.field == word.text and a.form == "flag")
    free = [a for a in arguments if a.form == "positional" and a.field not in binding.values]
    if word.text in binding.environment or (free and word.text in free[0].kind.words):
        return None
    if free and free[0].kind.node:
        return None
    options = [a.field for a in arguments if a.form != "positional"]
    near = closest(word.text, [*binding.environment, *options])
    if apart := _apart(arguments, word):
        raise Fault("unknown-option", f"{binding.layer.keyword} has no flag {word.text}", word.span, apart)
    if free and near not in options:
        message = f"there is no parameter {word.text} here, and {binding.layer.keyword} has no such flag"
        raise Fault("unknown-name", message, word.span, help=f"did you mean {near}?" if near else "")
    raise Fault(
        "unknown-option",
        f"{binding.layer.keyword} has no flag {word.text}",
        word.span,
        help=f"did you mean {near}?" if near else _takes(binding.layer.keyword, arguments),
    )


def _check_apart(before: tree.Argument | None, given: tree.Argument) -> None:
    """Raise Fault where an argument is the rest of what was meant as one: `n-1`."""
    glued = before is not None and before.span.end == given.span.start
    if before is not None and glued and given.span.text.startswith("-"):
        written = f"{before.span.text}{given.span.text}"
        help = f"what is computed stands in braces: {{{written}}}"
        raise Fault("invalid-argument", f"{written} is two arguments here", before.span.to(given.span), help)


def _apart(arguments: Sequence[Argument], word: tree.Name) -> str:
    """How to write a tag or a repeat that was taken for a word: `s 2`, `S2`, `x 3`."""
    letter, digits = word.text[:1].lower(), word.text[1:]
    if digits and not digits.isdecimal():
        return ""
    if letter in {a.letter for a in arguments if a.form == "tag"}:
        return f"write {letter}{digits}, in lower case" if digits else f"write {letter}2, without a space"
    if letter == "x":
        return f"write x{digits}, in lower case" if digits else "write 3x3 for dims or x3 for a repeat, without spaces"
    return ""


def _takes(keyword: str, arguments: Sequence[Argument]) -> str:
    words = [a.letter or (a.field if a.form in {"flag", "positional"} else f"{a.field}=") for a in arguments]
    return f"{keyword} takes {', '.join(words)}" if words else f"{keyword} takes no arguments"


def _too_many(table_row: type[Layer], arguments: Sequence[Argument], given: tree.Argument) -> Fault:
    slots = [a.field for a in arguments if a.form == "positional"]
    takes = f"{table_row.keyword} takes {', '.join(slots) or 'none'} by position"
    tags = [a for a in arguments if a.form == "tag"]
    help = f"{takes}; did you mean s{given.span.text}?" if tags and given.span.text.isdigit() else takes
    return Fault(
        "extra-argument", f"{given.span.text} is one argument too many for {table_row.keyword}", given.span, help
    )
