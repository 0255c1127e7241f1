"""What each name of a file stands for: where it is defined, and where it is used, across the files that it uses.

This follows from what is written alone. So it is known of a file with mistakes too, for whatever they leave whole.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

from netdsl.graph import names
from netdsl.graph.evaluate import IN
from netdsl.graph.program import Unit
from netdsl.layers import table
from netdsl.layers.arguments import arguments_of
from netdsl.text import tree
from netdsl.text.diagnostic import Report
from netdsl.text.source import Span

NameKind: TypeAlias = Literal["block", "param", "parameter", "element"]


@dataclass(frozen=True, slots=True)
class Reference:
    """A name where it is used, and what defines it there: a label, the name of a block or param, or an element."""

    kind: NameKind
    use: Span
    definition: Span


@dataclass(frozen=True, slots=True)
class _Body:
    """A file's chains, a block's body or a group: the elements in it, and the parameters that are seen there."""

    elements: Mapping[str, tree.Element]
    parameters: Mapping[str, Span]
    unit: Unit
    outer: _Body | None = None
    of_block: bool = False
    """Whether it is that of a block, or a group in one, where something enters."""


def references(unit: Unit) -> Iterator[Reference]:
    """Every use of a name in a file that has a definition, in no order."""
    return _Reading(unit).references()


class _Reading:
    """One file while its names are looked up; the elements of each chain are named once."""

    def __init__(self, unit: Unit) -> None:
        self._unit = unit
        self._named: dict[int, Mapping[str, tree.Element]] = {}

    def references(self) -> Iterator[Reference]:
        chains = [one for one in self._unit.file.statements if isinstance(one, tree.Chain)]
        root = _Body(_elements(chains), {}, self._unit)
        for statement in self._unit.file.statements:
            match statement:
                case tree.Chain():
                    yield from self._chain(statement, root)
                case tree.Block(_, parameters, body):
                    inner = self._body(statement, self._unit)
                    defaults = [one.default for one in parameters if one.default is not None]
                    yield from self._values(defaults, inner)
                    yield from self._chain(body, inner)
                case tree.Param(_, value) | tree.Meta(_, value):
                    yield from self._values([value], root)
                case tree.Output(names=outputs):
                    for name in outputs:
                        yield from self._path(name, root)
                case tree.Expect(_, of, _, value):
                    yield from self._values([value], root)
                    yield from self._path(of, root) if of is not None else ()
                case tree.Title() | tree.Use():
                    pass

    def _body(self, block: tree.Block, unit: Unit) -> _Body:
        parameters = {one.name.text: one.name.span for one in block.parameters}
        return _Body(self._elements(block.body), parameters, unit, of_block=True)

    def _elements(self, chain: tree.Chain) -> Mapping[str, tree.Element]:
        found = self._named.get(id(chain))
        if found is None:
            found = self._named[id(chain)] = _elements([chain])
        return found

    def _chain(self, chain: tree.Chain, scope: _Body) -> Iterator[Reference]:
        """The uses in a chain, and in the groups and forks in it."""
        pending = [(chain, scope)]
        while pending:
            chain, scope = pending.pop()
            for element in chain.elements:
                inside = scope
                if element.repeat is not None:
                    yield from self._values([element.repeat.value], scope)
                    if (index := element.repeat.index) is not None:
                        inside = replace(scope, parameters={**scope.parameters, index.text: index.span})
                yield from self._values([element.device.value] if element.device else [], inside)
                match element.primary:
                    case tree.Layer() as layer:
                        yield from self._values(_given(layer), inside)
                    case tree.Call(name, arguments):
                        block = scope.unit.blocks.get(name.text)
                        if block is None:
                            yield from self._path(name, scope)
                        else:
                            yield Reference("block", name.span, block.block.name.span)
                        yield from self._values([one.value for one in arguments], inside)
                    case tree.Name() as name:
                        yield from self._path(name, scope) if name.text == IN else self._values([name], scope)
                    case tree.Fork(branches):
                        pending += [(branch, scope) for branch in branches]
                    case tree.Group(inner):
                        bare = element.label is None and element.repeat is None
                        pending.append((inner, inside if bare else self._inside(element, inside) or inside))

    def _values(self, expressions: Iterable[tree.Expression], scope: _Body) -> Iterator[Reference]:
        """The uses in expressions: of parameters, params, and elements where a node may be given."""
        for name in tree.names(expressions):
            if name.text == IN and scope.of_block:
                continue
            if (span := scope.parameters.get(name.text)) is not None:
                yield Reference("parameter", name.span, span)
            elif (span := scope.unit.origins.get(name.text)) is not None:
                yield Reference("param", name.span, span)
            else:
                yield from self._path(name, scope)

    def _path(self, name: tree.Name, scope: _Body) -> Iterator[Reference]:
        """The use of an element by its path, sought outward and then down along its dots."""
        first, *rest = name.text.split(".")
        at: _Body | None = scope
        while at is not None and first not in at.elements:
            at = at.outer
        if at is None:
            return
        element = at.elements[first]
        for part in rest:
            if part.isdigit() and element.repeat is not None:
                continue
            at = self._inside(element, at)
            if at is None or part not in at.elements:
                return
            element = at.elements[part]
        yield Reference("element", name.span, (element.label or element.primary).span)

    def _inside(self, element: tree.Element, scope: _Body) -> _Body | None:
        """The scope that an element opens."""
        match element.primary:
            case tree.Group(chain):
                return _Body(self._elements(chain), scope.parameters, scope.unit, scope, scope.of_block)
            case tree.Call(name) if (block := scope.unit.blocks.get(name.text)) is not None:
                return self._body(block.block, block.unit)
            case _:
                return None


def _elements(chains: Sequence[tree.Chain]) -> Mapping[str, tree.Element]:
    """The elements of a scope by their names."""
    found = names.assign(chains, Report())
    return {found[id(one)]: one for one in names.in_scope(chains) if id(one) in found}


def _given(layer: tree.Layer) -> list[tree.Expression]:
    """The values of a layer's arguments, without the words that are its own: flags, modes."""
    try:
        row = table.find(layer.keyword)
    except table.BrokenPackage:
        row = None
    arguments = arguments_of(row) if row is not None else ()
    own = {one.field for one in arguments if one.word}.union(*(one.kind.words for one in arguments))
    values = [one.value for one in layer.arguments]
    return [one for one in values if not (isinstance(one, tree.Name) and one.text in own)]
