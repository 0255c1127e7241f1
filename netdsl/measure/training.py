"""How much memory activations take in training: what autograd keeps, and how forward and backward pass run over it.

It is what PyTorch does with the module that netdsl lowers to, operation by operation: a layer's output is alive until
its last reader has run, and longer where a layer keeps it for its gradient. The backward pass runs through the layers
from the last to the first. A layer that runs needs the gradient of its output and those of its inputs together, and
then lets go of what it kept. The network's inputs and outputs are alive throughout, as a training loop holds them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from math import prod

from netdsl.graph.infer import ask
from netdsl.graph.node import ShapedGraph
from netdsl.layers.shape import Shape
from netdsl.measure.autograd import Layout, Operand, Saved
from netdsl.measure.saves import saves


@dataclass(frozen=True)
class Tape:
    """What autograd records of a network, whose values have been placed on their devices.

    `saved` has for each node what is kept of it, `gradient` whether the loss has a gradient with respect to its
    output, and `root` the node in whose memory its output lies: its own, unless it is a view.
    """

    shaped: ShapedGraph
    saved: tuple[Saved, ...]
    gradient: tuple[bool, ...]
    root: tuple[int, ...]

    @cached_property
    def kept(self) -> Sequence[tuple[int, ...]]:
        """For each node, the roots of the values that it keeps for its backward pass."""
        found: list[tuple[int, ...]] = []
        for index, (node, saved) in enumerate(zip(self.shaped.nodes, self.saved, strict=True)):
            values = [node.inputs[position] for position in saved.inputs] + [index] * saved.output
            roots = dict.fromkeys(self.root[value] for value in values)
            found.append(tuple(roots) if self.gradient[index] else ())
        return found


def record(shaped: ShapedGraph, *, single: bool = False) -> Tape:
    """What autograd records of a network; `single` for a batch of one example, which has no gaps between examples."""
    nodes, shapes = shaped.nodes, shaped.shapes
    saved: list[Saved] = []
    gradient: list[bool] = []
    root: list[int] = []
    layouts: list[Layout] = []
    for index, node in enumerate(nodes):
        if not node.inputs:
            saved.append(Saved())
            gradient.append(False)
            root.append(index)
            layouts.append("dense")
            continue
        operands = [Operand(shapes[source], gradient[source], layouts[source]) for source in node.inputs]
        found = ask(saves, shaped, index, operands)
        trained = [one.gradient for position, one in enumerate(operands) if position not in found.constant]
        saved.append(found)
        gradient.append(any(trained) or bool(node.layer.weights(*shaped.input_shapes(index))))
        root.append(root[node.inputs[0]] if found.shares else index)
        layouts.append(_layout(found.layout, shapes[index], single))
    return Tape(shaped, tuple(saved), tuple(gradient), tuple(root))


_SIMPLER: Mapping[Layout, Layout] = {"scattered": "sliced", "permuted": "dense"}


def _layout(layout: Layout, shape: Shape, single: bool) -> Layout:
    """A layout, as a simpler one where that is the same: channels last with one channel or one position."""
    if 1 in (shape.positions, shape.channels):
        layout = _SIMPLER.get(layout, layout)
    return "dense" if layout == "sliced" and single else layout


@dataclass(frozen=True, slots=True)
class Activations:
    """The activation memory of training on one device, in bytes.

    `kept` is what autograd keeps, `peak` the activations that are alive when most is, while `node` runs, `backward` or
    forward, and `gradients` those of weights that are there by then; `held` is what is alive when the step ends.
    """

    kept: int
    peak: int
    node: int
    backward: bool
    gradients: int = 0
    held: int = 0


def kept_by(tape: Tape, batch: int, width: int) -> list[int]:
    """For each node, the bytes kept of what it made: its output, where any layer keeps that, and what is its own."""
    shapes = tape.shaped.shapes
    roots = {root for kept in tape.kept for root in kept}
    found: list[int] = []
    for index in range(len(shapes)):
        output = shapes[index].elements * batch * width if index in roots else 0
        found.append(output + (own(tape.saved[index], batch, width) if tape.gradient[index] else 0))
    return found


def own(saved: Saved, batch: int, width: int) -> int:
    """The bytes that a layer keeps of its own, for numbers of `width` bytes."""
    return width * (saved.values * batch + saved.batch_values) + saved.bytes * batch + saved.batch_bytes


@dataclass
class _Gradient:
    """The gradient of a value, and how many places hold it."""

    device: int
    bytes: int
    holders: int = 0


@dataclass
class _Memory:
    """What is alive on each device, and the most so far."""

    alive: Counter[int] = field(default_factory=Counter[int])
    gradients: Counter[int] = field(default_factory=Counter[int])
    """Those of weights, where they are counted."""
    peak: dict[int, tuple[int, int, bool, int]] = field(default_factory=dict[int, tuple[int, int, bool, int]])

    def see(self, node: int, backward: bool) -> None:
        """Take note of what is alive while a node runs."""
        for device, count in self.alive.items():
            weights = self.gradients[device]
            if device not in self.peak or count + weights > self.peak[device][0] + self.peak[device][3]:
                self.peak[device] = count, node, backward, weights


def activations(tape: Tape, batch: int, width: int, *, gradients: bool = False) -> Mapping[int, Activations]:
    """The activation memory of a training step on each device, for numbers of `width` bytes.

    With `gradients`, those of weights count too, which are made one by one on the way back.
    """
    memory = _Memory()
    nodes = tape.shaped.nodes
    kept: Counter[int] = Counter()
    for node, count in zip(nodes, kept_by(tape, batch, width), strict=True):
        kept[node.device] += count
    sizes = [shape.elements * batch * width for shape in tape.shaped.shapes]
    holders = _forward(tape, memory, sizes, lambda index: own(tape.saved[index], batch, width))
    _backward(tape, memory, sizes, holders, batch, width, gradients)
    return {
        device: Activations(kept[device], *found, memory.alive[device]) for device, found in sorted(memory.peak.items())
    }


def _forward(tape: Tape, memory: _Memory, sizes: Sequence[int], own: Callable[[int], int]) -> Counter[int]:
    """Run the forward pass; gives by how many layers, and the training loop, each value is held after it."""
    graph, nodes, root = tape.shaped.graph, tape.shaped.nodes, tape.root
    holders: Counter[int] = Counter()
    for node in nodes:
        holders.update({root[source] for source in node.inputs})
    for roots in tape.kept:
        holders.update(roots)
    holders.update(graph.inputs)
    holders.update({root[index] for index in (*graph.outputs, *graph.training_outputs)})
    for index in graph.inputs:
        memory.alive[nodes[index].device] += sizes[index]
    for index, node in enumerate(nodes):
        if node.inputs:
            memory.alive[node.device] += own(index) + (sizes[index] if root[index] == index else 0)
        memory.see(index, backward=False)
        if not tape.gradient[index]:
            memory.alive[node.device] -= own(index)
        for source in {root[source] for source in node.inputs}:
            _release(memory, tape, sizes, holders, source)
    return holders


def _release(memory: _Memory, tape: Tape, sizes: Sequence[int], holders: Counter[int], root: int) -> None:
    holders[root] -= 1
    if not holders[root]:
        memory.alive[tape.shaped.nodes[root].device] -= sizes[root]


def _backward(
    tape: Tape,
    memory: _Memory,
    sizes: Sequence[int],
    holders: Counter[int],
    batch: int,
    width: int,
    weighted: bool,
) -> None:
    """Run the backward pass; `weighted` counts gradients of weights too."""
    graph, nodes = tape.shaped.graph, tape.shaped.nodes
    gradients: dict[int, _Gradient] = {}

    def made(index: int) -> _Gradient:
        """A new gradient of a value, beside it."""
        gradient = _Gradient(nodes[index].device, sizes[index])
        memory.alive[gradient.device] += gradient.bytes
        return gradient

    def let_go(gradient: _Gradient) -> None:
        gradient.holders -= 1
        if gradient.holders <= 0:
            memory.alive[gradient.device] -= gradient.bytes

    for index in {*graph.outputs, *graph.training_outputs}:
        if tape.gradient[index]:
            gradients[index] = made(index)
            gradients[index].holders = 1
    trained: set[str] = set()
    for index in range(len(nodes) - 1, -1, -1):
        gradient = gradients.pop(index, None)
        if gradient is None:
            continue
        node, saved = nodes[index], tape.saved[index]
        given: list[tuple[int, _Gradient]] = []
        for position, source in enumerate(node.inputs):
            if tape.gradient[source] and position not in saved.constant:
                one = gradient if position in saved.passes else made(source)
                one.holders += 1
                given.append((source, one))
        scratch = saved.scratch * batch * width
        weights = width * sum(prod(one.dims) for one in node.layer.weights(*tape.shaped.input_shapes(index)))
        if node.owner in trained:  # gradients of weights that have some already: beside these, and beside their sum
            scratch += 2 * weights
        elif weighted:
            memory.gradients[node.device] += weights
        trained.add(node.owner)
        memory.alive[node.device] += scratch
        memory.see(index, backward=True)
        memory.alive[node.device] -= scratch + own(saved, batch, width)
        for root in tape.kept[index]:
            _release(memory, tape, sizes, holders, root)
        let_go(gradient)
        for source, one in given:
            first = gradients.get(source)
            if first is None:
                gradients[source] = one
            elif first.holders == 1 and first.bytes == sizes[source]:  # added in place; not so into a part of another
                let_go(one)
            else:
                total = made(source)
                total.holders = 1
                memory.see(index, backward=True)
                let_go(first)
                let_go(one)
                gradients[source] = total
