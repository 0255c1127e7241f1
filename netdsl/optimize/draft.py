"""A graph while a pass changes it."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import replace

from netdsl.graph.nested import nested
from netdsl.graph.node import Node, ShapedGraph
from netdsl.layers.shape import Shape


class Draft:
    """The nodes of a shaped graph by number, which keep their numbers while others go or join them.

    A pass makes one, changes it, and ends with its `graph`. `inputs` of its nodes are numbers of the draft.
    """

    def __init__(self, shaped: ShapedGraph) -> None:
        self.shaped = shaped
        self.nodes = dict(enumerate(shaped.nodes))
        self.shapes = dict(enumerate(shaped.shapes))
        self.places = {number: (number, 1, number) for number in self.nodes}
        """What sorts the numbers in the order in which the nodes run."""
        self.outputs = {index: index for index in (*shaped.graph.outputs, *shaped.graph.training_outputs)}
        """The node that gives each output now, by the index of the one that gave it."""
        self.readers: defaultdict[int, list[int]] = defaultdict(list)
        for number, node in self.nodes.items():
            self._read(number, node)
        self._owners = Counter(node.owner for node in self.nodes.values())
        self._paths = {node.path for node in self.nodes.values()}
        self._changed = False

    def _read(self, number: int, node: Node) -> None:
        for source in node.inputs:
            self.readers[source].append(number)

    @property
    def order(self) -> list[int]:
        """The numbers of the nodes that there are now, in the order in which these run."""
        return sorted(self.nodes, key=self.places.__getitem__)

    def input_shapes(self, number: int) -> tuple[Shape, ...]:
        """The shapes that a node takes."""
        return tuple([self.shapes[source] for source in self.nodes[number].inputs])

    def returned(self, number: int) -> bool:
        """Whether a node is an output."""
        return number in self.outputs.values()

    def alone(self, source: int, reader: int) -> bool:
        """Whether nothing but `reader` needs the value of `source`, and both run on one device."""
        lone = self.readers[source] == [reader] and not self.returned(source)
        return lone and self.nodes[source].device == self.nodes[reader].device

    def shared(self, number: int) -> bool:
        """Whether other nodes use the same weights."""
        return self._owners[self.nodes[number].owner] > 1

    def put(self, number: int, node: Node) -> None:
        """Let a node take the place of another."""
        self._forget(number)
        self._set(number, node)

    def absorb(self, source: int, number: int, node: Node) -> None:
        """Let a node take the place of another, and of the one whose value that read alone."""
        self.put(number, node)
        self.drop(source)

    def drop(self, number: int) -> None:
        """Take a node away that nothing reads."""
        self._forget(number)
        del self.nodes[number]
        self._changed = True

    def _forget(self, number: int) -> None:
        for source in self.nodes[number].inputs:
            self.readers[source].remove(number)

    def insert(self, before: int, node: Node) -> int:
        """Let a node run right before one that was there from the start; gives its number."""
        number = len(self.places)
        self.places[number] = (before, 0, number)
        self._set(number, node)
        return number

    def _set(self, number: int, node: Node) -> None:
        self.nodes[number] = node
        self._read(number, node)
        self.shapes[number] = node.layer.shape(*self.input_shapes(number)) if node.inputs else self.shapes[number]
        self._paths.add(node.path)
        self._changed = True

    def bypass(self, number: int, source: int) -> None:
        """Take a node away: what reads it, and the output that it is, take the value of another."""
        for reader in self.readers.pop(number, []):
            node = self.nodes[reader]
            inputs = tuple([source if one == number else one for one in node.inputs])
            self.nodes[reader] = replace(node, inputs=inputs)
            self.readers[source].append(reader)
        self.outputs = {index: source if now == number else now for index, now in self.outputs.items()}
        self.drop(number)

    def leave_training(self) -> None:
        """Take away what training alone needs."""
        training = set(self.shaped.graph.training_outputs)
        self.outputs = {index: now for index, now in self.outputs.items() if index not in training}
        for number in reversed(self.order):
            if self.nodes[number].training:
                self.drop(number)

    def free(self, path: str) -> str:
        """A path that no node has: the one given, or with `_` behind it."""
        while path in self._paths:
            path += "_"
        return path

    def graph(self) -> ShapedGraph:
        """The graph that it has become, whose outputs have the names that they had."""
        if not self._changed:
            return self.shaped
        graph = self.shaped.graph
        order = self.order
        index = {number: position for position, number in enumerate(order)}
        nodes = [self.nodes[number] for number in order]
        changed = replace(
            graph,
            nodes=tuple([replace(node, inputs=tuple([index[source] for source in node.inputs])) for node in nodes]),
            outputs=tuple([index[self.outputs[one]] for one in graph.outputs]),
            training_outputs=tuple([index[self.outputs[one]] for one in graph.training_outputs if one in self.outputs]),
            outline=nested(nodes),
            further={},
            expectations=(),  # which claim figures of the network as it was written
            output_names={index[now]: graph.output_name(one) for one, now in self.outputs.items()},
        )
        return ShapedGraph(changed, tuple([self.shapes[number] for number in order]))
