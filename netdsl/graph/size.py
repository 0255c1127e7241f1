"""How large an expansion would be, before it is made: runaway repeats are found at once."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from netdsl.graph.evaluate import UNKNOWN, Environment, Known, NodeRef, Unknown, compute, evaluate
from netdsl.graph.fault import Fault
from netdsl.graph.program import BlockOf, Module
from netdsl.graph.steps import Steps, run
from netdsl.text import tree

MAX_NODES = 1_000_000


@dataclass
class Sizes:
    """Counts the elements that chains expand to; a block's count is worked out once for the same arguments."""

    module: Module
    recursive: Collection[int]
    total: int = 0
    known: dict[object, int] = field(default_factory=dict[object, int])
    labelled: dict[str, int] = field(default_factory=dict[str, int])
    """The largest element met with each label, which may be applied again."""

    def excess(self, chain: tree.Chain, params: Environment) -> Fault | None:
        """A Fault where this chain, with those asked about before, expands to more than a million nodes."""
        for element in chain.elements:
            self.total += run(self._element(element, params, self.module))
            if self.total > MAX_NODES:
                message = f"this expands to {_about(self.total)} nodes, and the limit is {MAX_NODES:,}"
                self.total = 0
                return Fault("limit-exceeded", message, element.span, "is a repeat mistyped?")
        return None

    def _chain(self, chain: tree.Chain, environment: Environment, module: Module) -> Steps[int]:
        total = 0
        for element in chain.elements:
            total += yield self._element(element, environment, module)
        return total

    def _element(self, element: tree.Element, environment: Environment, module: Module) -> Steps[int]:
        times = 1
        if element.repeat is not None:
            try:
                value = compute(element.repeat.value, environment)
            except Fault:
                value = 1  # reported by the expansion
            times = max(0, value) if isinstance(value, int) else 1
        if not times:
            return 0
        match element.primary:
            case tree.Fork(branches):
                size = 0
                for branch in branches:
                    size += yield self._chain(branch, environment, module)
            case tree.Group(chain):
                size = yield self._chain(chain, environment, module)
            case tree.Call() as call:
                size = yield self._call(call, environment, module)
            case _:
                size = 1
        size = times * max(1, size)  # even what makes no nodes takes time
        if element.label is not None:
            name = element.label.text
            self.labelled[name] = max(size, self.labelled.get(name, 1))
        return size

    def _call(self, call: tree.Call, environment: Environment, module: Module) -> Steps[int]:
        of = module.blocks.get(call.name.text)
        if of is None:
            return self.labelled.get(call.name.text.rpartition(".")[2], 1)
        if id(of.block) in self.recursive:
            return 1
        inner = _bound(of, call, environment)
        key = (id(of.block), tuple(inner.values()))
        if key not in self.known:
            self.known[key] = yield self._chain(of.block.body, inner, of.module)
        return self.known[key]


def _bound(of: BlockOf, call: tree.Call, environment: Environment) -> Mapping[str, Known | Unknown]:
    """A block's parameters as far as they are known; the expansion reports what is wrong."""
    bound: dict[str, Known | Unknown] = dict(of.module.params)
    names = [parameter.name.text for parameter in of.block.parameters]
    given = {name: argument for name, argument in zip(names, call.arguments, strict=False) if argument.key is None}
    given |= {argument.key.text: argument for argument in call.arguments if argument.key is not None}
    for parameter in of.block.parameters:
        name = parameter.name.text
        expression = given[name].value if name in given else parameter.default
        try:
            value = UNKNOWN if expression is None else evaluate(expression, environment if name in given else bound)
        except Fault:
            value = UNKNOWN
        bound[name] = UNKNOWN if isinstance(value, NodeRef) else value
    return bound


def _about(count: int) -> str:
    return f"{count:,}" if count < 10**12 else f"about 1e{len(str(count)) - 1}"
