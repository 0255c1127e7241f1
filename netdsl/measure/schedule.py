"""The order of execution whose activations need the least memory at once."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import NamedTuple

from netdsl.graph.node import ShapedGraph
from netdsl.measure.liveness import Buffers, Liveness, State, run

_MOST_STEPS = 200_000
"""Nodes that the search tries in all, before it takes a greedy order."""
_MOST_READY = 64
"""Nodes among which a greedy order chooses at each step."""


def schedule(shaped: ShapedGraph, *, inplace: bool = True, bytes_of: Callable[[int], int] | None = None) -> Liveness:
    """The order of inference with the least peak: the graph's own, unless that needs more than another.

    Every order passes the nodes that all others lie before or behind, so that the stretches between them are put in
    order one by one. Within one, the sets of nodes that may have run are searched, those with the least peak first.
    Where they are too many, a greedy order is taken, and `exact` is false if a better one may exist.
    """
    buffers = Buffers(shaped, inplace=inplace, bytes_of=bytes_of)
    own = run(buffers, buffers.nodes)
    usage = dict(zip(own.order, own.usage, strict=True))
    stretches = list(_stretches(buffers))
    highest = [max(usage[index] for index in stretch) for stretch in stretches]
    surely = peak = _least(buffers)
    alive = _alive_before(buffers, stretches)
    budget = _MOST_STEPS
    for number in sorted(range(len(stretches)), key=lambda one: -highest[one]):
        if highest[number] <= peak:
            break
        search = _Search(buffers, stretches[number], alive[number])
        found = search.run(peak, budget)
        budget -= search.steps
        if search.reached > peak:
            surely = max(surely, search.reached)
        if found is None:
            found = _greedy(buffers, stretches, number)
        if found.peak < highest[number]:
            stretches[number] = found.order
        peak = max(peak, min(found.peak, highest[number]))
    if peak >= own.peak:
        return replace(own, exact=surely == own.peak)
    order = [*buffers.inputs, *(index for stretch in stretches for index in stretch)]
    return run(buffers, tuple(order), exact=surely == peak)


def _least(buffers: Buffers) -> int:
    """What every order needs: all inputs at the start, and what each node reads and makes."""
    return max(
        sum(buffers.sizes[index] for index in buffers.inputs),
        *(
            sum(buffers.sizes[root] for root in buffers.reads[index])
            + (0 if index in buffers.takes else buffers.made_by(index))
            for index in buffers.nodes
        ),
    )


def _alive_before(buffers: Buffers, stretches: Sequence[Sequence[int]]) -> list[int]:
    """The bytes alive before each stretch, which no order changes."""
    state = State(buffers)
    found: list[int] = []
    for stretch in stretches:
        found.append(state.alive)
        for index in stretch:
            state.run(index)
    return found


def _stretches(buffers: Buffers) -> Iterator[list[int]]:
    """The nodes but inputs, in parts that every order runs one after another.

    A part ends with a node that all others lie before or behind: the only one that none of those up to it reads, and
    the only one that reads none of those from it on.
    """
    nodes = [index for index in buffers.nodes if buffers.sources[index]]
    place = {index: at for at, index in enumerate(nodes)}
    ends = [0] * (len(nodes) + 1)  # how many more, or fewer, ends the part up to here has
    starts = [0] * (len(nodes) + 1)  # how many more, or fewer, starts the part from here on has
    first: dict[int, int] = {}
    for at, index in enumerate(nodes):
        latest = -1
        for source in buffers.sources[index]:
            if source in place:
                first.setdefault(source, at)
                latest = max(latest, place[source])
        starts[latest + 1] += 1
        starts[at + 1] -= 1
    for at, index in enumerate(nodes):
        ends[at] += 1
        ends[first.get(index, len(nodes))] -= 1
    stretch: list[int] = []
    open_ends = open_starts = 0
    for at, index in enumerate(nodes):
        stretch.append(index)
        open_ends += ends[at]
        open_starts += starts[at]
        if (open_ends, open_starts) == (1, 1):
            yield stretch
            stretch = []
    if stretch:
        yield stretch


class _Found(NamedTuple):
    order: list[int]
    peak: int


class _Front(NamedTuple):
    """How far an order has come: the peak so far, what has run, the bytes alive, and what may run next."""

    peak: int
    done: int
    alive: int
    ready: list[int]
    path: _Path | None


class _Path(NamedTuple):
    """The nodes of an order, from the last to the first."""

    at: int
    before: _Path | None


class _Search:
    """The search of one stretch, over sets of its nodes as bits of an int."""

    def __init__(self, buffers: Buffers, stretch: Sequence[int], alive: int) -> None:
        self.stretch, self.alive = stretch, alive
        self.steps = 0
        self.reached = 0
        """What every order of the stretch needs, as far as the search came."""
        place = {index: at for at, index in enumerate(stretch)}
        self.needs = [sum({1 << place[one] for one in buffers.sources[index] if one in place}) for index in stretch]
        self.readers: list[list[int]] = [[] for _ in stretch]
        for at, index in enumerate(stretch):
            for source in set(buffers.sources[index]) & place.keys():
                self.readers[place[source]].append(at)
        self.made = [buffers.made_by(index) for index in stretch]
        last = max(stretch)
        never = 1 << len(stretch)  # the bit of a reader that does not run in this stretch
        waits = {
            root: sum(1 << place[one] for one in buffers.readers[root] if one in place)
            | (never if root in buffers.kept or buffers.readers[root][-1] > last else 0)
            for root in {root for index in stretch for root in buffers.reads[index]}
        }
        self.frees = [[(waits[root], buffers.sizes[root]) for root in buffers.reads[index]] for index in stretch]
        self.takes = [waits[buffers.takes[index]] if index in buffers.takes else never for index in stretch]

    def cost(self, done: int, alive: int, at: int) -> tuple[int, int]:
        """The bytes alive while a node runs where others have run, and after it."""
        self.steps += 1
        waiting = ~(done | 1 << at)
        running = alive + (self.made[at] if self.takes[at] & waiting else 0)
        return running, alive + self.made[at] - sum(size for readers, size in self.frees[at] if not readers & waiting)

    def run(self, peak: int, budget: int) -> _Found | None:
        """An order with the least peak, where all that stay below `peak` are alike; None where it takes too long."""
        everything = (1 << len(self.stretch)) - 1
        ready = [at for at, needs in enumerate(self.needs) if not needs]
        front = self._freed(_Front(peak, 0, self.alive, ready, None))
        seen: set[int] = set()
        # Next nodes, sorted by the peak that they reach; then those whose order is longer; then as they were found.
        heap: list[tuple[int, int, int, int, int, _Front]] = []
        while self.steps < budget:
            self.reached = front.peak
            if front.done == everything:
                return _Found([self.stretch[at] for at in _walked(front.path)], front.peak)
            if front.done not in seen:
                seen.add(front.done)
                left = len(self.stretch) - front.done.bit_count()
                for at in front.ready:
                    running, alive = self.cost(front.done, front.alive, at)
                    heapq.heappush(heap, (max(front.peak, running), left, self.steps, at, alive, front))
            peak, _, _, at, alive, front = heapq.heappop(heap)
            front = self._freed(self._after(front, at, peak, alive))
        return None

    def _freed(self, front: _Front) -> _Front:
        """Run at once what frees as much as it makes without a higher peak.

        No order is the worse for it: what else may run before such a node may run after it too, with no more memory.
        """
        going = True
        while going:
            going = False
            for at in front.ready:
                running, alive = self.cost(front.done, front.alive, at)
                if running <= front.peak and alive <= front.alive:
                    front = self._after(front, at, front.peak, alive)
                    going = True
                    break
        return front

    def _after(self, front: _Front, at: int, peak: int, alive: int) -> _Front:
        done = front.done | 1 << at
        ready = [one for one in front.ready if one != at]
        ready += [one for one in self.readers[at] if not self.needs[one] & ~done]
        return _Front(peak, done, alive, ready, _Path(at, front.path))


def _walked(path: _Path | None) -> list[int]:
    """The nodes of a path, first to last."""
    order: list[int] = []
    while path:
        order.append(path.at)
        path = path.before
    return order[::-1]


def _greedy(buffers: Buffers, stretches: Sequence[Sequence[int]], number: int) -> _Found:
    """An order of a stretch that takes at each step, of what is ready, what raises the peak least and frees most."""
    state = State(buffers)
    for stretch in stretches[:number]:
        for index in stretch:
            state.run(index)
    stretch = stretches[number]
    inside = set(stretch)
    waits = {index: len(set(buffers.sources[index]) & inside) for index in stretch}
    readers: dict[int, list[int]] = {index: [] for index in stretch}
    for index in stretch:
        for source in set(buffers.sources[index]) & inside:
            readers[source].append(index)
    ready = [index for index in reversed(stretch) if not waits[index]]
    order: list[int] = []
    peak = 0
    while ready:
        costs = [
            (max(peak, running), alive, index)
            for index in ready[-_MOST_READY:]
            for running, alive in [state.cost(index)]
        ]
        _, _, index = min(costs)
        ready.remove(index)
        peak = max(peak, state.run(index)[0])
        order.append(index)
        for reader in readers[index]:
            waits[reader] -= 1
            if not waits[reader]:
                ready.append(reader)
    return _Found(order, peak)
