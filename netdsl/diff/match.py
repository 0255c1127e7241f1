"""Which layers of two networks are the same: by structure, with names as evidence and not as proof."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterable, Sequence

from netdsl.diff import wiring
from netdsl.diff.align import GAP, align
from netdsl.diff.likeness import Traits, pricing
from netdsl.diff.wiring import Rewiring
from netdsl.graph.node import ShapedGraph

REWIRED = GAP * 3 // 10
"""What it costs that a paired layer reads something else."""

TAKEN = GAP // 5
"""What it costs that a layer's name is another's now, which would get a checkpoint's weights; a GAP at most in all."""

Price = Callable[[int, int], int | None]


def match(first: Traits, second: Traits) -> tuple[dict[int, int], dict[int, Rewiring]]:
    """Which layers of two networks are the same, and which of these read something else, all by their indices.

    The second are those of the second network. It is the same the other way round: where ways cost alike, and in what
    is tried first, the order of the two networks makes no difference.
    """
    if _behind(first, second):
        pairs, rewired = match(second, first)
        return {j: i for i, j in pairs.items()}, {i: rewired[j] for i, j in pairs.items() if j in rewired}
    pairs = _matched(first, second)
    return pairs, wiring.rewired(first.nodes, second.nodes, pairs)


def _behind(first: Traits, second: Traits) -> bool:
    """Whether a network comes after another one, in an order of all: that of their sizes, then of their layers."""
    if len(first.nodes) != len(second.nodes):
        return len(first.nodes) > len(second.nodes)
    one, other = (
        ((node.path, words, node.inputs) for node, words in zip(each.nodes, each.words, strict=True))
        for each in (first, second)
    )
    return next((a > b for a, b in zip(one, other, strict=True) if a != b), False)


def _matched(first: Traits, second: Traits) -> dict[int, int]:
    """The layers of a network that are in another one too, by their indices; which ones, so that least has changed.

    Two ways are tried: pairs by their paths, which nothing beats where no more layers differ than their numbers do, and
    an alignment of the two networks in reading order, which renamed and shifted names do not lead astray.
    """
    price = pricing(first, second)
    orders = reading_order(first.shaped), reading_order(second.shaped)
    named = _moves(_by_path(first, second, orders, price), first, second)
    rewired = wiring.differing(first.nodes, second.nodes, named)
    if not rewired and _edits(named, first, second) == _fewest(first, second):
        return named
    aligned = _moves({orders[0][i]: orders[1][j] for i, j in align(*orders, price)}, first, second)

    def expense(pairs: dict[int, int]) -> int:
        gaps = len(first.nodes) + len(second.nodes) - 2 * len(pairs)
        rewired = wiring.differing(first.nodes, second.nodes, pairs)
        paths = [(first.nodes[i].path, second.nodes[j].path) for i, j in pairs.items() if first.weights[i]]
        taken = sum(one != other and one in second.graph.index for one, other in paths)
        priced = sum(price(i, j) or 0 for i, j in pairs.items())
        return priced + gaps * GAP + len(rewired) * REWIRED + min(taken * TAKEN, GAP)

    return min(named, aligned, key=expense)


def reading_order(shaped: ShapedGraph) -> list[int]:
    """The nodes, each behind all that it reads, as one comes upon them from the outputs back.

    It does not depend on the order of statements, nor of branches where that makes no difference: those that are longer
    come first. The layers of a branch stand together.
    """
    nodes = shaped.nodes
    depths: list[int] = []
    for node in nodes:
        depths.append(1 + max((depths[source] for source in node.inputs), default=0))

    def read(index: int) -> Sequence[int]:
        node = nodes[index]
        return sorted(node.inputs, key=lambda source: -depths[source]) if node.layer.commutative else node.inputs

    order: dict[int, None] = {}
    pending = [*reversed((*shaped.graph.outputs, *shaped.graph.training_outputs))]
    while pending:
        index = pending[-1]
        missing = [] if index in order else [source for source in read(index) if source not in order]
        if missing:
            pending.extend(reversed(missing))
        else:
            order[pending.pop()] = None
    return list(order)


def _edits(pairs: dict[int, int], first: Traits, second: Traits) -> int:
    """How many layers are added, removed or others."""
    changed = sum(first.acts[i] != second.acts[j] for i, j in pairs.items())
    return len(first.nodes) + len(second.nodes) - 2 * len(pairs) + changed


def _fewest(first: Traits, second: Traits) -> int:
    """As few edits as any pairing has: of what one network has more of, each layer is added, removed or another."""
    had, has = Counter(first.acts), Counter(second.acts)
    return max((had - has).total(), (has - had).total())


def _by_path(first: Traits, second: Traits, orders: tuple[list[int], list[int]], price: Price) -> dict[int, int]:
    """Pairs of one path, and between them what aligns."""
    paths = second.graph.index
    pairs: dict[int, int] = {}
    for i in orders[0]:
        j = paths.get(first.nodes[i].path)
        if j is not None and (first.acts[i] == second.acts[j] or price(i, j) is not None):
            pairs[i] = j
    taken = set(pairs.values())
    places = {j: place for place, j in enumerate(orders[1])}
    at = to = 0
    for i, j in (*_ascending(pairs.items(), places), (-1, -1)):
        end, stop = (orders[0].index(i, at), places[j]) if i >= 0 else (len(orders[0]), len(orders[1]))
        left = [one for one in orders[0][at:end] if one not in pairs]
        right = [one for one in orders[1][to:stop] if one not in taken]
        if left and right:
            pairs.update((left[one], right[other]) for one, other in align(left, right, price))
        at, to = end + 1, stop + 1
    return pairs


def _ascending(pairs: Iterable[tuple[int, int]], places: dict[int, int]) -> list[tuple[int, int]]:
    """The most pairs whose second parts stand in order, by patience sorting."""
    ends: list[int] = []
    piles: list[tuple[int, int]] = []
    before: dict[tuple[int, int], tuple[int, int] | None] = {}
    for pair in pairs:
        pile = bisect_left(ends, places[pair[1]])
        before[pair] = piles[pile - 1] if pile else None
        ends[pile : pile + 1] = [places[pair[1]]]
        piles[pile : pile + 1] = [pair]
    found: list[tuple[int, int]] = []
    last = piles[-1] if piles else None
    while last is not None:
        found.append(last)
        last = before[last]
    return found[::-1]


def _moves(pairs: dict[int, int], first: Traits, second: Traits) -> dict[int, int]:
    """The pairs, and further ones of what stands in another order: of one path, or the same beside what is paired."""
    pairs = dict(pairs)
    left = [i for i in range(len(first.nodes)) if i not in pairs]
    free = set(range(len(second.nodes))).difference(pairs.values())

    def pair(i: int, candidates: Iterable[int]) -> None:
        for j in candidates:
            if j in free and i not in pairs and first.acts[i] == second.acts[j]:
                pairs[i] = j
                free.remove(j)

    for i in left:
        pair(i, [second.graph.index.get(first.nodes[i].path, -1)])
    for i in left:
        for source in first.nodes[i].inputs[:1]:
            if source in pairs:
                pair(i, second.graph.readers[pairs[source]])
    for i in reversed(left):
        for reader in first.graph.readers[i]:
            if reader in pairs:
                pair(i, second.nodes[pairs[reader]].inputs)
    return pairs
