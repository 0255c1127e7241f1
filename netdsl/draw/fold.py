"""From a shaped graph to a drawing: repeats folded, what follows a layer in its box, blocks as clusters."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from netdsl.draw import words
from netdsl.draw.drawing import Box, Cluster, Drawing, Edge, Item, Row, boxes
from netdsl.draw.places import named, places
from netdsl.graph.node import ShapedGraph
from netdsl.graph.outline import Layer, Placed
from netdsl.layers.base import FOLLOWERS
from netdsl.measure.costs import Costs, costs, totals

"""The roles of layers that share the box of what they follow, where nothing else reads that."""


def fold(shaped: ShapedGraph, *, expand: bool = False, depth: int | None = None) -> Drawing:
    """The drawing of a network. A repeat is one cluster with its number of copies, or with `expand` all of them.

    Blocks are clusters so many deep as `depth` says, and those in them one box each.
    """
    return _Folding(shaped, expand, depth).drawing()


@dataclass
class _Stack:
    """A box while it grows: its nodes, from the layer to what follows it, and the names that the program gives them."""

    nodes: list[int]
    names: list[str]
    copies: int = 1
    note: str = ""


@dataclass
class _Container:
    """A scope while it is filled, or where it is repeated, a copy of it."""

    scope: Placed
    part: Placed
    """What is in it: the scope itself, or the copy."""
    items: list[_Container | _Stack] = field(default_factory=list["_Container | _Stack"])
    nodes: list[int] = field(default_factory=list[int])


@dataclass
class _Folding:
    """One run of fold(). Nodes are indices; those that are drawn stand for themselves."""

    shaped: ShapedGraph
    expand: bool
    depth: int | None

    def drawing(self) -> Drawing:
        """The whole picture."""
        graph = self.shaped.graph
        items = [self._item(item, 0) for item in self._closed(self._filled())]
        drawn = list(boxes(items))
        box_of = {index: box.id for box in drawn for index in box.nodes}
        outputs = [self._output(index, number, box_of) for number, index in enumerate(self._returned, 1)]
        sums = totals(self.shaped, self._costs)
        facts = [f"{sums.params:,} parameters", f"{words.magnitude(sums.macs)} MACs"]
        return Drawing(
            graph.title,
            (*facts, *(str(graph.meta[key]) for key in ("year",) if key in graph.meta)),
            str(graph.meta.get("paper", "")),
            (*items, *(box for box, _ in outputs)),
            (*self._edges(drawn, box_of), *(edge for _, edge in outputs)),
            tuple(sorted({node.device for node in graph.nodes})),
        )

    @cached_property
    def _costs(self) -> list[Costs]:
        return costs(self.shaped)

    @cached_property
    def _returned(self) -> tuple[int, ...]:
        return (*self.shaped.graph.outputs, *self.shaped.graph.training_outputs)

    # Which node stands for which

    @cached_property
    def _around(self) -> Sequence[tuple[Placed, ...]]:
        """For each node the parts of the program that it stands in."""
        return list(self.shaped.graph.outline.around())

    @cached_property
    def _stands(self) -> Sequence[int]:
        """For each node the one that is drawn: the first of those whose paths differ in numbers of copies alone."""
        if self.expand:
            return range(len(self._around))
        first: dict[tuple[str, ...], int] = {}
        paths = (tuple(["" if one.number else one.name for one in around]) for around in self._around)
        return [first.setdefault(path, index) for index, path in enumerate(paths)]

    @cached_property
    def _readers(self) -> dict[int, set[int]]:
        """What reads each drawn node, in any of its copies; an output counts as a reader of its own."""
        readers: dict[int, set[int]] = {}
        for index, node in enumerate(self.shaped.nodes):
            for source in node.inputs:
                readers.setdefault(self._stands[source], set()).add(self._stands[index])
        for number, index in enumerate(self._returned, 1):
            readers.setdefault(self._stands[index], set()).add(-number)
        return readers

    # Containers: filled, then closed from the innermost outward

    def _filled(self) -> list[_Container | _Stack]:
        """The tree of scopes, with a stack for every drawn node."""
        items: list[_Container | _Stack] = []
        known: dict[str, _Container] = {}
        for index, around in enumerate(self._around):
            if self._stands[index] != index:
                continue
            inner = items
            for scope, part in places(around):
                if part.path not in known:
                    known[part.path] = _Container(scope, part)
                    inner.append(known[part.path])
                known[part.path].nodes.append(index)
                inner = known[part.path].items
            name = named(around, numbered=self.expand)
            inner.append(_Stack([index], [name], note=self._borrowed.get(around[-1].path, "")))
        return items

    @cached_property
    def _borrowed(self) -> dict[str, str]:
        """By the path of a layer or scope that is applied again, whose weights it uses."""
        found: dict[str, str] = {}
        for index, node in enumerate(self.shaped.nodes):
            if node.shared and node.layer.weights(*self.shaped.input_shapes(index)):
                path, owner = words.application(node.path, node.owner)
                found[path] = f"weights of {owner}"
        return found

    def _note(self, container: _Container) -> str:
        """Whose weights are used in a scope, or in what is repeated there."""
        return self._borrowed.get(container.scope.path, self._borrowed.get(container.part.path, ""))

    def _closed(self, items: Sequence[_Container | _Stack]) -> list[_Container | _Stack]:
        """Items with those scopes dissolved that hold a single box, and boxes that take in what follows them."""
        found: list[_Container | _Stack] = []
        last: dict[int, _Stack] = {}
        for item in items:
            if isinstance(item, _Container):
                item.items = self._closed(item.items)
                item = self._dissolved(item)
            if isinstance(item, _Stack):
                head = self.shaped.nodes[item.nodes[0]]
                before = last.get(self._stands[head.inputs[0]]) if len(head.inputs) == 1 else None
                if before is not None and self._follows(item, before):
                    before.nodes += item.nodes
                    before.names += item.names
                    last[item.nodes[-1]] = before
                    continue
                last[item.nodes[-1]] = item
            found.append(item)
        return found

    def _dissolved(self, container: _Container) -> _Container | _Stack:
        """The one box in a scope, which takes its name and copies; or the scope."""
        only = container.items[0]
        copies = self._copies(container)
        if len(container.items) > 1 or isinstance(only, _Container) or min(copies, only.copies) > 1:
            return container
        only.copies *= copies
        only.note = only.note or self._note(container)
        label, part = container.scope.label, container.part
        if label and not isinstance(part.own, Layer):
            label = f"{label}.{part.number}" if part.number and self.expand else label
            only.names[0] = f"{label}.{only.names[0]}" if only.names[0] else label
        return only

    def _copies(self, container: _Container) -> int:
        """How many copies a container stands for."""
        return 1 if self.expand else container.scope.copies or 1

    def _follows(self, item: _Stack, before: _Stack) -> bool:
        """Whether a stack belongs into the box before it."""
        nodes = self.shaped.nodes
        head, end = nodes[item.nodes[0]], nodes[before.nodes[-1]]
        return (
            all(nodes[index].layer.role in FOLLOWERS for index in item.nodes)
            and end.layer.role != "input"
            and self._readers[before.nodes[-1]] == {item.nodes[0]}
            and item.copies == before.copies == 1
            and (head.device, head.training) == (end.device, end.training)
            and not item.note
            and not (before.note and any(self._costs[index].params for index in item.nodes))
        )

    # Frozen values

    def _item(self, item: _Container | _Stack, depth: int) -> Item:
        if isinstance(item, _Stack):
            return self._box(item)
        return self._cluster(item, depth) if self.depth is None or depth < self.depth else self._block(item)

    def _box(self, stack: _Stack) -> Box:
        nodes = [self.shaped.nodes[index] for index in stack.nodes]
        rows = tuple(
            Row(node.layer.keyword, words.dims(node.layer.written.partition(" ")[2]), node.layer.role, name)
            for node, name in zip(nodes, stack.names, strict=True)
        )
        kind = "input" if nodes[0].layer.role == "input" else "layer"
        tooltip = "\n".join(self._tooltip(index) for index in stack.nodes)
        first, numbers = nodes[0], tuple(stack.nodes)
        return Box(first.path, kind, rows, first.device, stack.copies, first.training, stack.note, tooltip, numbers)

    def _block(self, container: _Container) -> Box:
        """The one box of a folded block, which says what is in all the copies that it stands for."""
        scope, part, copies = container.scope, container.part, self._copies(container)
        drawn = [self.shaped.nodes[index] for index in container.nodes]
        whole = part if self.expand else scope
        inner = whole.nodes
        sums = totals(self.shaped, self._costs, inner)
        facts = [f"{len(inner):,} layers", *[f"{sums.params:,} parameters"] * bool(sums.params)]
        output = whole.output(self.shaped.graph.outline.ends)
        gives = [f"gives {words.dims(str(self.shaped.shapes[output]))}"] if output >= 0 else []
        name, call = scope.label, words.call(scope)
        number = f"{part.number} of {scope.copies}" if self.expand and (scope.copies or 1) > 1 else ""
        told = (" · ".join(facts) + " in all" * (copies > 1), *gives)
        devices = sorted({node.device for node in drawn})
        notes = [self._note(container), *[f"on {len(devices)} devices"] * (len(devices) > 1)]
        return Box(
            part.path,
            "block",
            (
                Row(name or call or "group", call if name else "", "input", number),
                *(Row("", fact, "input") for fact in told),
            ),
            devices[0],
            copies,
            all(node.training for node in drawn),
            ", ".join(filter(None, notes)),
            ", ".join(
                [f"{whole.path}: {call}" if call else whole.path, *facts, f"{words.magnitude(sums.macs)} MACs", *gives]
            ),
            tuple(container.nodes),
        )

    def _tooltip(self, index: int) -> str:
        node, cost = self.shaped.nodes[index], self._costs[index]
        told = [f"{node.path}: {node.layer.written}", f"gives {self.shaped.shapes[index]}"]
        if cost.params:
            told.append(f"{cost.params:,} parameters")
        if cost.macs:
            told.append(f"{words.magnitude(cost.macs)} MACs")
        return ", ".join(told)

    def _cluster(self, container: _Container, depth: int) -> Cluster:
        scope, part = container.scope, container.part
        nodes = [self.shaped.nodes[index] for index in container.nodes]
        devices = {node.device for node in nodes}
        copy = part.number if self.expand else 0
        return Cluster(
            part.path,
            scope.label,
            words.call(scope),
            tuple([self._item(item, depth + 1) for item in container.items]),
            nodes[0].device if len(devices) == 1 else None,
            self._copies(container),
            (copy, scope.copies or 1) if copy else None,
            scope.path * bool(copy),
            all(node.training for node in nodes),
            self._note(container),
        )

    def _edges(self, drawn: Iterable[Box], box_of: Mapping[int, str]) -> Iterator[Edge]:
        """What flows between boxes, those into a box in the order in which its layer takes them.

        A folded block takes the same from the same box but once.
        """
        for target in drawn:
            taken: set[Edge] = set()
            for index in target.nodes:
                node = self.shaped.nodes[index]
                for source in node.inputs:
                    box = box_of[self._stands[source]]
                    edge = Edge(box, target.id, self.shaped.shapes[source], node.training)
                    if box != target.id and not (target.kind == "block" and edge in taken):
                        taken.add(edge)
                        yield edge

    def _output(self, index: int, number: int, box_of: Mapping[int, str]) -> tuple[Box, Edge]:
        """The box of an output, and the edge into it."""
        graph = self.shaped.graph
        training = number > len(graph.outputs)
        row = Row("OUTPUT", "", "input", self._name(index))
        device = graph.nodes[index].device
        box = Box(f"output {number}", "output", (row,), device, training=training)
        return box, Edge(box_of[self._stands[index]], box.id, self.shaped.shapes[index], training)

    def _name(self, index: int) -> str:
        """What the program calls an output: the outermost label that stands for it, if there is one."""
        ends = self.shaped.graph.outline.ends
        for one in self._around[index]:
            if one.label and one.output(ends) == index:
                return one.path
        return ""
