"""The arguments of a block's call: which parameter each one is for, and its value."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Protocol

from netdsl.graph import slips
from netdsl.graph.evaluate import IN, UNKNOWN, Environment, Known, Local, Nested, NodeRef, Unknown, evaluate, suggested
from netdsl.graph.fault import Fault
from netdsl.graph.node import BROKEN
from netdsl.graph.program import BlockOf
from netdsl.layers.arguments import show
from netdsl.text import tree
from netdsl.text.finding import Related
from netdsl.text.fit import listed
from netdsl.text.mistake import Mistake
from netdsl.text.source import Span
from netdsl.text.suggest import did_you_mean


class TooFew(Mistake, code="missing-argument", example="block b(n) = FC n\nINPUT 8 -> b()"):
    block: str
    missing: str
    parameters: str
    words = "block {block} needs {missing}"
    advice = "write {block}({parameters})"


class ExtraArgument(Mistake, code="extra-argument", example="block b(n) = FC n\nINPUT 8 -> b(1, 2)"):
    argument: str
    block: str
    hint: str
    words = "{argument} is one argument too many for block {block}"


class NoParameter(Mistake, code="unknown-param", example="block b(n) = FC n\nINPUT 8 -> b(m=1)"):
    block: str
    name: str
    hint: str
    words = "block {block} has no parameter {name}"


class Named(Protocol):
    """A place where names are sought: values of parameters, and nodes."""

    @property
    def environment(self) -> Environment:
        """The values."""
        ...

    def node(self, name: tree.Name) -> int:
        """The node that a name stands for. Raises Fault."""
        ...


def environment(
    of: BlockOf, call: tree.Call, scope: Named, entering: Local, report: Callable[[Fault], None]
) -> Environment | None:
    """The values that a block's body sees; None where an argument is wrong, which goes to `report`.

    `entering` are the channels of what enters it.
    """
    block = of.block
    bound: dict[str, Known | Unknown | Local] = {IN: entering}
    parameters = {parameter.name.text: parameter for parameter in block.parameters}
    faults: list[Fault] = []
    places: dict[str, Span] = {}
    free = iter(parameters)
    for argument in call.arguments:
        try:
            name = _parameter(argument, parameters, free, places, block)
            places[name] = argument.span
            bound[name] = UNKNOWN
            bound[name] = _value(argument.value, scope)
        except Fault as fault:
            faults.append(fault)
    seen = Nested(bound, of.unit.params)
    missing: list[str] = []
    for name, parameter in parameters.items():
        if name in bound:
            continue
        if parameter.default is None:
            missing.append(name)
            continue
        try:
            bound[name] = evaluate(parameter.default, seen)
        except Fault as fault:
            faults.append(fault)
    if missing and not faults:
        mistake = TooFew(block.name.text, listed(missing, " and "), listed(list(parameters)))
        faults.append(Fault(mistake, call.span, _defined(block)))
    for fault in faults:
        report(fault)
    return None if faults else seen


def shown(call: tree.Call, environment: Environment) -> str:
    """A call as it is shown, with the values of its arguments: `unit(64, 2)` for `unit(w, {k // 2})`."""
    if "\n" not in call.span.text and all(isinstance(argument.value, tree.Literal) for argument in call.arguments):
        return call.span.text
    return f"{call.name.text}({', '.join([_shown(argument, environment) for argument in call.arguments])})"


def _shown(argument: tree.Argument, environment: Environment) -> str:
    """An argument's value; as it is written where that is a node, a copy's number, or a mistake."""
    try:
        value = evaluate(argument.value, environment)
    except Fault:
        return argument.span.text
    if isinstance(value, Unknown | NodeRef | str):
        return argument.span.text
    return f"{argument.key.text}={show(value)}" if argument.key else show(value)


def _defined(block: tree.Block) -> tuple[Related, ...]:
    return (Related(block.span, "it is defined here"),)


def _parameter(
    argument: tree.Argument,
    parameters: Mapping[str, tree.Parameter],
    free: Iterator[str],
    places: Mapping[str, Span],
    block: tree.Block,
) -> str:
    """The parameter that an argument is for; `free` are those that no argument by position had yet. Raises Fault."""
    takes = f"{block.name.text} takes {listed(list(parameters)) or 'no arguments'}"
    if argument.key is None:
        name = next((name for name in free if name not in places), None)
        if name is None:
            raise Fault(ExtraArgument(argument.span.text, block.name.text, takes), argument.span, _defined(block))
        return name
    name = argument.key.text
    if name not in parameters:
        mistake = NoParameter(block.name.text, name, did_you_mean(name, parameters) or takes)
        raise Fault(mistake, argument.key.span, _defined(block))
    if name in places:
        raise slips.twice(name, places[name], argument.span)
    return name


def _value(value: tree.Expression, scope: Named) -> Known | Unknown:
    """An argument: a value, or a node by its name."""
    if isinstance(value, tree.Name) and value.text not in scope.environment:
        try:
            flow = scope.node(value)
        except Fault as fault:
            if not fault.mistake.help():
                fault.mistake = fault.mistake.advised(suggested(value.text, scope.environment))
            raise
        return UNKNOWN if flow == BROKEN else NodeRef(flow)
    return evaluate(value, scope.environment)
