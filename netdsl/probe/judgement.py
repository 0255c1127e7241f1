"""Whether a network can start to learn, by what was read of it: each cause once, at the layer where it begins."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence, Set
from dataclasses import dataclass
from functools import cached_property
from itertools import takewhile

from netdsl.graph.node import ShapedGraph
from netdsl.layers.activation import Sigmoid, Tanh
from netdsl.layers.dense import RadialBasis
from netdsl.probe import mistakes
from netdsl.probe.mistakes import Warned
from netdsl.probe.readings import Pull, Readings
from netdsl.text.mistake import Mistake

ALIKE = 1e-4
"""The share of outputs below which what examples differ by is lost: float32 has seven digits, of which sums of
thousands of products lose one or two, so that one or two are left."""
EQUAL = 1e-6
"""The deviation of logits below which probabilities of them are the same in float32."""
LOUD = 100.0
"""The deviation of logits above which softmax gives 0 and 1 alone: it does so where they differ by 88."""
LOUDER = 10.0
"""How many times the signal of the inputs a layer has where an explosion begins."""
STILL = 6e-6
"""The gradient over the weight below which a step of rate 0.01 changes no float32: 2^-24 / 0.01."""
WILD = 1e4
"""The gradient over the weight above which even a step of rate 0.0001 changes weights by more than they are.

Before a normalisation gradients of hundreds do no harm: the larger weights that a step makes have smaller ones."""


@dataclass(frozen=True)
class Start:
    """What a network starts from, for the help: the name of an init, or what holds its weights."""

    init: str = ""
    weights: str = ""


def judged(shaped: ShapedGraph, readings: Readings, start: Start) -> list[Warned]:
    """What keeps a network from learning, in the order of its layers."""
    case = _Case(shaped, readings, start)
    found = list(case.broken())
    if not found:
        found = list(case.dead())
        found += [*case.vanishing(), *case.exploding()]
        found += case.gradients(explained=bool(found))
    return [case.warned(index, mistake) for index, mistake in sorted(found, key=lambda one: one[0])]


Found = tuple[int, Mistake]


@dataclass(frozen=True)
class _Case:
    shaped: ShapedGraph
    readings: Readings
    start: Start

    @cached_property
    def order(self) -> Sequence[int]:
        """The nodes that were read."""
        return sorted(self.readings.signals)

    @cached_property
    def ends(self) -> Sequence[int]:
        """The nodes that no other that was read reads: what the loss takes."""
        used = {one for index in self.order for one in self.inputs(index)}
        return [index for index in self.order if index not in used]

    @cached_property
    def weighted(self) -> Sequence[int]:
        """The owners of weights with gradients."""
        return sorted(self.readings.pulls)

    @cached_property
    def products(self) -> Sequence[int]:
        """Those that are no factors of a normalisation, which may begin as small as they like."""
        return [index for index in self.weighted if self.shaped.nodes[index].layer.role != "normalization"]

    def path(self, index: int) -> str:
        return self.shaped.nodes[index].path

    def inputs(self, index: int) -> Sequence[int]:
        """The nodes before one that were read."""
        read, found = self.readings.signals, list[int]()
        left = list(self.shaped.nodes[index].inputs)
        while left:
            one = left.pop()
            if one in read:
                found.append(one)
            else:
                left += self.shaped.nodes[one].inputs
        return found

    def pull(self, index: int) -> Pull | None:
        """That of the weights that a node has or shares."""
        owner = self.shaped.graph.index.get(self.shaped.nodes[index].owner, index)
        return self.readings.pulls.get(owner)

    def still(self, index: int) -> bool:
        """Whether a node gives the same for all examples."""
        one = self.readings.signals[index]
        return one.dead == one.units

    def alike(self, index: int) -> bool:
        """Whether what a node gives for different examples is the same to so many digits that nothing is left."""
        return self.readings.signals[index].relative < ALIKE

    def warned(self, index: int, mistake: Mistake) -> Warned:
        node = self.shaped.nodes[index]
        calls = tuple(node.calls or ())
        return Warned(mistake.advised(mistake.help() or self.remedy(index)), node.site.span, (), node.path, calls)

    # What is no number

    def broken(self) -> Iterator[Found]:
        signals, pulls = self.readings.signals, self.readings.pulls
        whole = True
        for index in self.order:
            if signals[index].finite or any(not signals[one].finite for one in self.inputs(index)):
                continue
            whole = False
            if not self.inputs(index):
                yield index, mistakes.BrokenInputs(self.path(index))
            elif self._owner(index) in self.readings.broken:
                yield index, mistakes.BrokenWeights(self.path(index))
            else:
                yield index, mistakes.BrokenOutputs(self.path(index))
        if not whole:
            return
        for index in sorted(self.readings.broken):
            whole = False
            yield index, mistakes.BrokenWeights(self.path(index))
        loss = self.readings.loss
        if whole and loss is not None and not abs(loss) < float("inf"):
            yield self.ends[0], mistakes.BrokenLoss(self.path(self.ends[0]), loss)
        elif whole and (wrong := [index for index in self.weighted if not pulls[index].finite]):
            yield wrong[-1], mistakes.BrokenGradient(self.path(wrong[-1]))

    def _owner(self, index: int) -> int:
        return self.shaped.graph.index.get(self.shaped.nodes[index].owner, index)

    # What is the same for all examples

    @cached_property
    def stilled(self) -> Sequence[int]:
        """The nodes that give the same for all examples, though what they read differs by more than rounding."""
        return [
            index
            for index in self.order
            if self.inputs(index) and self.still(index) and not any(map(self.alike, self.inputs(index)))
        ]

    def dead(self) -> Iterator[Found]:
        silent = all(map(self.still, self.ends))
        for index in self.stilled:
            node, pull = self.shaped.nodes[index], self.pull(index)
            if pull is None and not node.layer.weights(*self.shaped.input_shapes(index)):
                size, units = self.readings.signals[index].size, self.readings.signals[index].units
                sources = " and ".join(self.path(one) for one in node.inputs)
                yield index, mistakes.DeadLayer(node.path, units, "0" if not size else "the same", sources)
            elif not self._wakes(index, pull, silent=silent):
                told = "0" if pull is None or not pull.weight else f"of {pull.weight:.2g}"
                yield index, mistakes.IdleWeights(node.path, told)

    def _wakes(self, index: int, pull: Pull | None, *, silent: bool) -> bool:
        """Whether a layer that is still will move: it may begin at zero where the signal has a way around, or last."""
        if not silent:
            return pull is None or pull.gradient > 0
        last = not any(self.pull(one) for one in self._after(index))
        return last and (pull is None or pull.gradient > 0)

    def _after(self, index: int) -> Iterator[int]:
        """The nodes that a node's signal reaches."""
        reached = {index}
        for one in self.order:
            if one not in reached and not reached.isdisjoint(self.inputs(one)):
                reached.add(one)
                yield one

    # How signals grow

    @cached_property
    def entering(self) -> float:
        """The signal of the inputs."""
        signals = [self.readings.signals[index].signal for index in self.order if not self.inputs(index)]
        return max(signals, default=1.0) or 1.0

    def vanishing(self) -> Iterator[Found]:
        signals = self.readings.signals

        def faint(index: int) -> bool:
            return signals[index].signal < ALIKE * self.entering

        told: set[int] = set()
        for end in self.ends:
            one = signals[end]
            if not self.alike(end) and not (self.readings.loss is not None and one.signal < EQUAL):
                continue
            region = self._region(end, self.alike if self.alike(end) else faint)
            start = min(region)
            if start in told or not region.isdisjoint(self.stilled):
                continue
            told.add(start)
            here, paths = signals[start], (self.path(start), self.path(end))
            if self.alike(end):
                yield start, mistakes.VanishingSignal(paths[0], here.relative, paths[1], one.relative, one.signal)
            else:
                yield start, mistakes.FaintSignal(paths[0], here.signal, paths[1], one.signal)

    def exploding(self) -> Iterator[Found]:
        signals, told = self.readings.signals, set[int]()
        for end in self.ends:
            if signals[end].signal < LOUD or isinstance(self.shaped.nodes[end].layer, RadialBasis):
                continue
            start = min(self._region(end, lambda index: signals[index].signal > LOUDER * self.entering))
            if start not in told:
                told.add(start)
                yield (
                    start,
                    mistakes.ExplodingSignal(
                        self.path(start), signals[start].signal, self.path(end), signals[end].signal
                    ),
                )

    def _region(self, end: int, has: Callable[[int], bool]) -> Set[int]:
        """An end, and the nodes before it that have something, without a break."""
        found, left = {end}, [end]
        while left:
            more = [one for one in self.inputs(left.pop()) if one not in found and self.inputs(one) and has(one)]
            found.update(more)
            left += more
        return found

    # Gradients

    def gradients(self, *, explained: bool) -> Iterable[Found]:
        pulls = self.readings.pulls
        if explained or not self.products:
            return
        first = list(takewhile(lambda index: pulls[index].gradient <= STILL * pulls[index].weight, self.products))
        waking = any(not one.weight and one.gradient for one in pulls.values())
        if first and not waking:
            most = max(pulls[index].ratio or 0.0 for index in first)
            yield first[-1], mistakes.VanishingGradient(self.path(first[-1]), len(first), most)
        wildest = max(self.products, key=lambda index: pulls[index].ratio or 0.0)
        if (ratio := pulls[wildest].ratio or 0.0) > WILD:
            yield wildest, mistakes.ExplodingGradient(self.path(wildest), ratio)

    # What to do

    def remedy(self, index: int) -> str:
        """What to do about something that begins at a node."""
        if self.start.weights:
            return (
                f"these are the weights of {self.start.weights}: take others, or leave them out and begin with a seed"
            )
        if self.start.init and self.start.init != "default":
            return f"--init default is made for what follows each layer, and {self.start.init} is not"
        before = [self.shaped.nodes[one].layer for one in self.order if one <= index]
        squashing = next((one.keyword for one in before if isinstance(one, Sigmoid | Tanh)), "")
        if squashing:
            return f"write RELU in place of {squashing}, which makes signals smaller, or BN before it"
        if not any(one.role == "normalization" for one in before):
            return "put a normalisation, such as BN, behind the layers before it"
        return ""
