"""A network scope by scope, as the modules of its source stand in each other.

A call, a group or a repeat is a module that can be called where nothing else reaches into it. Where something does, as
where only training needs a part of it, its layers are called one by one by what is around it, and it only holds them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import cast

from netdsl.compile.plan import Plan
from netdsl.compile.source import constructors
from netdsl.compile.source.constructors import Constructor
from netdsl.compile.source.formulas import CHANNELS, Values, known
from netdsl.graph import outline
from netdsl.graph.evaluate import Environment
from netdsl.graph.nested import nested
from netdsl.graph.node import Node
from netdsl.graph.outline import Placed
from netdsl.layers.base import Layer
from netdsl.layers.shape import Shape
from netdsl.text import tree


@dataclass(eq=False)
class Item:
    """A layer, a scope or a repeat: its path among the modules, that of the modules it calls, its nodes and values."""

    path: str
    owner: str
    element: tree.Element | None
    nodes: range
    inputs: tuple[int, ...]
    """The nodes outside of it that it reads, and the inputs of the network, each once."""
    exports: tuple[int, ...]
    """Its nodes that others read, or the network returns."""
    values: Values
    """The parameters that may be seen where it stands."""

    @property
    def name(self) -> str:
        """The last component of its path."""
        return self.path.rpartition(".")[2]


@dataclass(eq=False)
class Single(Item):
    """A layer; `made` where the module that it calls is made here, and not where it was applied first."""

    node: Node
    shapes: tuple[Shape, ...]
    shape: Shape
    constructor: Constructor | None
    """How its module is made; None of a merge, which is an expression."""
    made: bool

    @property
    def written(self) -> tree.Layer | None:
        """The layer as the program has it."""
        primary = self.element and self.element.primary
        return primary if isinstance(primary, tree.Layer) else None


@dataclass(eq=False)
class Scope(Item):
    """The root, a call or a group, with what stands in it."""

    items: tuple[Item, ...]
    part: outline.Call | outline.Group | None
    called: bool
    """Whether it is called as a whole."""
    steps: list[Step] = field(default_factory=list["Step"])
    form: int = -1
    """Equal for scopes whose layers flow in the same way."""
    key: int = -1
    """Equal for scopes that one class can be for."""

    @cached_property
    def chain(self) -> bool:
        """Whether its modules are called one after the other, each once."""
        flow, inside = self.inputs, f"{self.path}." if self.path else ""
        for step in self.steps:
            merge = isinstance(step.item, Single) and step.item.constructor is None
            if merge or not step.made or len(flow) != 1 or step.inputs != flow:
                return False
            if step.path != f"{inside}{step.item.name}":
                return False
            flow = step.item.exports
        return len(flow) == 1 and flow == self.exports

    @property
    def inline(self) -> bool:
        """Whether it needs no class: a group that is a chain."""
        return isinstance(self.part, outline.Group) and self.chain


@dataclass(eq=False)
class Repeat(Item):
    """Copies of an element, called one after the other where `called`."""

    copies: tuple[Item, ...]
    called: bool


@dataclass(frozen=True)
class Step:
    """A call within a scope, of the module at a path; `made` where that module is this item's own."""

    item: Item
    path: str
    made: bool

    @property
    def inputs(self) -> tuple[int, ...]:
        """The nodes that it reads, in order."""
        return self.item.node.inputs if isinstance(self.item, Single) else self.item.inputs


class Builder:
    """Makes the scopes of a plan."""

    def __init__(self, plan: Plan) -> None:
        self.plan, self.shaped = plan, plan.shaped
        graph = plan.shaped.graph
        last = [max(readers, default=-1) for readers in graph.readers]
        for index in (*graph.outputs, *graph.training_outputs):
            last[index] = len(last)
        self._last = last
        self._constructors: dict[tuple[Layer, tuple[Shape, ...]], Constructor] = {}
        self._values: dict[int, Values] = {}
        self._keys: dict[object, int] = {}
        self.containers: dict[str, str] = {}
        """What holds modules without calling them, by its path, or calls copies one after the other: its class."""
        self._called: dict[str, Item] = {}
        self._foreign = {scope for path, index in plan.owners.items() for scope in self._reached(path, index)}

    def _reached(self, path: str, index: int) -> Iterator[str]:
        """The scopes of a module that something outside of them makes."""
        own = self.plan.modules[self.shaped.nodes[index].path]
        if own != path:
            components = path.split(".")
            yield from (".".join(components[:depth]) for depth in range(1, len(components)))

    def root(self) -> Scope:
        """The scope of the whole network."""
        graph = self.shaped.graph
        whole = graph.outline if graph.outline.chains else nested(graph.nodes)
        values = known(cast(Environment, graph.params))
        nodes = range(len(graph.nodes))
        items = tuple(self._items(whole.named(), values))
        inputs, outputs = graph.inputs, (*graph.outputs, *graph.training_outputs)
        scope = Scope("", "", None, nodes, tuple(inputs), outputs, values, items, None, True)
        self._finish(scope)
        return scope

    def _items(self, parts: Iterable[Placed], values: Values) -> Iterator[Item]:
        for placed in parts:
            if any(self.shaped.nodes[index].inputs for index in placed.nodes):
                yield self._item(placed, values)

    def _item(self, placed: Placed, values: Values) -> Item:
        depth = placed.path.count(".") + 1
        modules, nodes = self.plan.modules, self.shaped.nodes
        first = next(index for index in placed.nodes if nodes[index].inputs)
        path = ".".join(modules[nodes[first].path].split(".")[:depth])
        suffix = modules[nodes[first].path][len(path) :]
        owner = modules[nodes[first].owner]
        owner = owner[: len(owner) - len(suffix)] if owner.endswith(suffix) else path
        own = placed.own
        if isinstance(own, outline.Layer):
            return self._single(placed, first, path, modules[nodes[first].owner], values)
        within = self._bounds(placed.nodes)
        if isinstance(own, outline.Repeat):
            copies = tuple(self._items(placed.inside(), values))
            called = self._in_turn(copies, within[1]) and self._whole(placed.nodes, path, owner)
            return self._registered(Repeat(path, owner, own.element, placed.nodes, *within, values, copies, called))
        assert isinstance(own, outline.Call | outline.Group)
        if isinstance(own, outline.Call):
            values = self._environment(own)
        if within[0]:
            values = {**values, CHANNELS: self.shaped.shapes[within[0][0]].channels}
        items = tuple(self._items(placed.named(), values))
        called = self._whole(placed.nodes, path, owner)
        scope = Scope(path, owner, own.element, placed.nodes, *within, values, items, own, called)
        self._finish(scope)
        return self._registered(scope)

    def _environment(self, call: outline.Call) -> Values:
        environment = call.environment
        if id(environment) not in self._values:
            self._values[id(environment)] = known(environment)
        return self._values[id(environment)]

    def _single(self, placed: Placed, index: int, path: str, owner: str, values: Values) -> Single:
        node, shapes = self.shaped.nodes[index], self.shaped.input_shapes(index)
        constructor = None if node.layer.merge else self._constructor(node.layer, shapes)
        made = constructor is not None and self.plan.owners[owner] == index
        inputs, exports = self._bounds(placed.nodes)
        shape = self.shaped.shapes[index]
        element = placed.own.element
        return Single(
            path, owner, element, placed.nodes, inputs, exports, values, node, shapes, shape, constructor, made
        )

    def _constructor(self, layer: Layer, shapes: tuple[Shape, ...]) -> Constructor:
        if (layer, shapes) not in self._constructors:
            self._constructors[layer, shapes] = constructors.of(layer.lower(*shapes))
        return self._constructors[layer, shapes]

    @property
    def constructors(self) -> Iterable[Constructor]:
        """How all modules are made."""
        return self._constructors.values()

    def _bounds(self, nodes: range) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """What nodes read of others, and which of them others read."""
        all_nodes, inputs = self.shaped.nodes, dict[int, None]()
        exports: list[int] = []
        for index in nodes:
            for source in all_nodes[index].inputs:
                if source < nodes.start or not all_nodes[source].inputs:
                    inputs[source] = None
            if self._last[index] >= nodes.stop and all_nodes[index].inputs:
                exports.append(index)
        return tuple(inputs), tuple(exports)

    def _whole(self, nodes: range, path: str, owner: str) -> bool:
        """Whether what makes some nodes can be called as a whole."""
        if path in self._foreign or owner in self._foreign:
            return False
        modules, all_nodes = self.plan.modules, self.shaped.nodes
        layers = [all_nodes[index] for index in nodes if all_nodes[index].inputs]
        if len({node.training for node in layers}) > 1:
            return False
        return all(modules[node.owner].startswith(f"{owner}.") for node in layers if not node.layer.merge)

    def _in_turn(self, copies: Sequence[Item], exports: Sequence[int]) -> bool:
        """Whether each copy is called, and reads what the one before it gives alone."""
        flow = copies[0].inputs
        for copy in copies:
            called = copy.constructor is not None if isinstance(copy, Single) else _called(copy)
            if not called or len(flow) != 1 or copy.inputs != flow:
                return False
            flow = copy.exports
        return len(flow) == 1 and flow == exports

    def _registered(self, item: Repeat | Scope) -> Item:
        if item.path == item.owner:
            if item.called:
                self._called[item.path] = item
            if isinstance(item, Repeat):
                self.containers[item.path] = "nn.Sequential" if item.called else "nn.ModuleDict"
        elif item.called:
            first = self._called.get(item.owner)
            item.called = first is not None and self._form(first) == self._form(item)
        return item

    def _finish(self, scope: Scope) -> None:
        scope.steps = list(self._steps(scope.items))
        places = {index: f"in {number}" for number, index in enumerate(scope.inputs)}
        for number, step in enumerate(scope.steps):
            places |= {index: f"{number}.{place}" for place, index in enumerate(step.item.exports)}
        cut = len(scope.owner) + bool(scope.owner)
        flows = [(step.path[cut:], *[places[one] for one in step.inputs]) for step in scope.steps]
        part = scope.part
        origin = id(part.block) if isinstance(part, outline.Call) else id(scope.element)
        exports = tuple(places[index] for index in scope.exports)
        forms = tuple(self._form(step.item) for step in scope.steps)
        scope.form = self._number((origin, len(scope.inputs), *flows, forms, exports))
        made = tuple((step.made, self._key(step.item)) for step in scope.steps)
        scope.key = self._number((scope.form, made))

    def _steps(self, items: Iterable[Item]) -> Iterator[Step]:
        for item in items:
            match item:
                case Single(owner=owner, made=made):
                    yield Step(item, owner, made)
                case Scope() | Repeat() if item.called:
                    yield Step(item, item.owner, item.path == item.owner)
                case Scope(steps=steps):
                    yield from steps
                case Repeat(copies=copies):
                    yield from self._steps(copies)
                case _:
                    raise AssertionError(item)

    def _form(self, item: Item) -> int:
        match item:
            case Scope(form=form):
                return form
            case Repeat(copies=copies):
                return self._number(("repeat", *sorted({self._form(copy) for copy in copies})))
            case Single(node=node, shapes=shapes, constructor=None):
                ranks = {shape.rank for shape in shapes}
                return self._number(("merge", node.layer.keyword, *(shape.rank for shape in shapes if len(ranks) > 1)))
            case Single(constructor=constructor):
                assert constructor is not None
                return self._number(("layer", constructor.title))
            case _:
                raise AssertionError(item)

    def _key(self, item: Item) -> int:
        match item:
            case Scope(key=key):
                return key
            case Repeat(copies=copies):
                return self._number(("repeat", *sorted({self._key(copy) for copy in copies})))
            case _:
                return self._form(item)

    def _number(self, key: object) -> int:
        return self._keys.setdefault(key, len(self._keys))


def _called(item: Item) -> bool:
    return isinstance(item, Scope | Repeat) and item.called
