"""From a shaped graph to a drawing: repeats folded, what follows a layer in its box, blocks as clusters."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from netdsl.draw import words
from netdsl.draw.drawing import Box, Cluster, Drawing, Edge, Item, Row, boxes
from netdsl.draw.places import named, places
from netdsl.graph.node import ShapedGraph
from netdsl.graph.outline import Call, Layer, Placed
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
        return [first.setdefault(self._folded(around), index) for index, around in enumerate(self._around)]

    def _folded(self, around: Sequence[Placed]) -> tuple[str, ...]:
        """The path of a layer, without the numbers of copies that are alike."""
        names = [one.name for one in around]
        for at, one in enumerate(around):
            if one.number:
                names[at] = self._number(around[at - 1], one)
        return tuple(names)

    def _number(self, scope: Placed, copy: Placed) -> str:
        """What tells a copy from others: its number, or those of its like, `4–7`; "" where all are drawn as one."""
        if self.expand:
            return str(copy.number)
        runs = self.shaped.graph.runs(scope)
        if len(runs) == 1:
            return ""
        run = self.shaped.graph.run(scope, copy)
        return str(run.start) if len(run) == 1 else f"{run.start}–{run[-1]}"

    def _drawn(self, container: _Container) -> Sequence[Placed]:
        """The parts that a container stands for: the scope, the copy, or the copies that are alike it."""
        scope, copy = container.scope, container.part
        if scope.repeat is None or not self._number(scope, copy):
            return (scope,)
        return (copy,) if self.expand else [scope.copy(number) for number in self.shaped.graph.run(scope, copy)]

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
            name = named(around, self._number(*around[-2:]) if around[-1].number else "")
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
            number = self._number(container.scope, part) if part.number else ""
            label = f"{label}.{number}" if number else label
            only.names[0] = f"{label}.{only.names[0]}" if only.names[0] else label
        return only

    def _call(self, container: _Container) -> str:
        """The call that a container is, with the values of its arguments; of a copy where others have other values."""
        scope, copy = container.scope, container.part
        differs = self._drawn(container)[0] is not scope and isinstance(copy.own, Call)
        return words.call(copy if differs else scope)

    def _copies(self, container: _Container) -> int:
        """How many copies a container stands for."""
        drawn = self._drawn(container)
        return len(drawn) if self.expand or drawn[0] is not container.scope else container.scope.copies or 1

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
            Row(node.layer.keyword, words.dims(self._written(index).partition(" ")[2]), node.layer.role, name)
            for index, node, name in zip(stack.nodes, nodes, stack.names, strict=True)
        )
        kind = "input" if nodes[0].layer.role == "input" else "layer"
        tooltip = "\n".join(self._tooltip(index) for index in stack.nodes)
        first, numbers = nodes[0], tuple(stack.nodes)
        return Box(first.path, kind, rows, first.device, stack.copies, first.training, stack.note, tooltip, numbers)

    def _written(self, index: int) -> str:
        """A layer as it is written, in the program where it stands for others that differ in it."""
        varied = "" if self.expand else self.shaped.graph.varied(index, self._around[index])
        return words.plain(varied) or self.shaped.nodes[index].layer.written

    def _block(self, container: _Container) -> Box:
        """The one box of a folded block, which says what is in all the copies that it stands for."""
        scope, part, copies = container.scope, container.part, self._copies(container)
        drawn = [self.shaped.nodes[index] for index in container.nodes]
        stand = self._drawn(container)
        inner = range(stand[0].node, stand[-1].nodes.stop)
        sums = totals(self.shaped, self._costs, inner)
        facts = [f"{len(inner):,} layers", *[f"{sums.params:,} parameters"] * bool(sums.params)]
        output = stand[-1].output(self.shaped.graph.outline.ends)
        gives = [f"gives {words.dims(str(self.shaped.shapes[output]))}"] if output >= 0 else []
        name, call, path = scope.label, self._call(container), stand[0].path
        number = self._number(scope, part) if part.number and (scope.copies or 1) > 1 else ""
        told = (" · ".join(facts) + " in all" * (copies > 1), *gives)
        devices = sorted({node.device for node in drawn})
        notes = [self._note(container), *[f"on {len(devices)} devices"] * (len(devices) > 1)]
        return Box(
            part.path,
            "block",
            (
                Row(
                    name or call or "group",
                    call if name else "",
                    "input",
                    f"{number} of {scope.copies}" if number else "",
                ),
                *(Row("", fact, "input") for fact in told),
            ),
            devices[0],
            copies,
            all(node.training for node in drawn),
            ", ".join(filter(None, notes)),
            ", ".join([f"{path}: {call}" if call else path, *facts, f"{words.magnitude(sums.macs)} MACs", *gives]),
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
        copy = self._number(scope, part) if part.number else ""
        return Cluster(
            part.path,
            scope.label,
            self._call(container),
            tuple([self._item(item, depth + 1) for item in container.items]),
            nodes[0].device if len(devices) == 1 else None,
            self._copies(container),
            (int(copy) if copy.isdecimal() else copy, scope.copies or 1) if copy else None,
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
