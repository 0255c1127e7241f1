"""Which layers of two networks are the same: by structure, with names as evidence and not as proof."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterable, Sequence

from netdsl.diff import wiring
from netdsl.diff.align import GAP, align
from netdsl.diff.likeness import Traits, pricing, traits
from netdsl.diff.wiring import Rewiring
from netdsl.graph.node import ShapedGraph

REWIRED = GAP * 3 // 10
"""What it costs that a paired layer reads something else."""

TAKEN = GAP // 5
"""What it costs that a layer's name is another's now, which would get a checkpoint's weights; a GAP at most in all."""

Price = Callable[[int, int], int | None]


def match(first: ShapedGraph, second: ShapedGraph) -> tuple[dict[int, int], dict[int, Rewiring]]:
    """Which layers of two networks are the same, and which of these read something else, all by their indices.

    The second are those of the second network. It is the same the other way round: where ways cost alike, and in what
    is tried first, the order of the two networks makes no difference.
    """
    if _rank(first) > _rank(second):
        pairs, rewired = match(second, first)
        return {j: i for i, j in pairs.items()}, {i: rewired[j] for i, j in pairs.items() if j in rewired}
    pairs = _matched(first, second)
    return pairs, wiring.rewired(first.nodes, second.nodes, pairs)


def _rank(shaped: ShapedGraph) -> tuple[int, list[tuple[object, ...]]]:
    """What puts networks in an order: their size first."""
    nodes = shaped.nodes
    return len(nodes), [(node.path, node.layer.written, node.inputs) for node in nodes]


def _matched(first: ShapedGraph, second: ShapedGraph) -> dict[int, int]:
    """The layers of a network that are in another one too, by their indices; which ones, so that least has changed.

    Two ways are tried: pairs by their paths, which nothing beats where no more layers differ than their numbers do, and
    an alignment of the two networks in reading order, which renamed and shifted names do not lead astray.
    """
    ours, theirs = traits(first), traits(second)
    price = pricing(ours, theirs)
    orders = reading_order(first), reading_order(second)
    named = _moves(_by_path(ours, theirs, orders, price), first, second, ours, theirs)
    if _edits(named, ours, theirs) == _fewest(ours, theirs) and not wiring.differing(first.nodes, second.nodes, named):
        return named
    aligned = {orders[0][i]: orders[1][j] for i, j in align(*orders, price)}
    aligned = _moves(aligned, first, second, ours, theirs)

    def expense(pairs: dict[int, int]) -> int:
        gaps = len(ours) + len(theirs) - 2 * len(pairs)
        rewired = wiring.differing(first.nodes, second.nodes, pairs)
        renamed = [ours[i] for i, j in pairs.items() if ours[i].weights and ours[i].path != theirs[j].path]
        taken = sum(one.path in second.graph.index for one in renamed)
        priced = sum(price(i, j) or 0 for i, j in pairs.items())
        return priced + gaps * GAP + len(rewired) * REWIRED + min(taken * TAKEN, GAP)

    return min(named, aligned, key=expense)


def reading_order(shaped: ShapedGraph) -> list[int]:
    """The nodes, each behind all that it reads, as one comes upon them from the outputs back.

    It does not depend on the order of statements, and the layers of a branch stand together.
    """
    nodes = shaped.nodes
    order: dict[int, None] = {}
    pending = [*reversed((*shaped.graph.outputs, *shaped.graph.training_outputs))]
    while pending:
        index = pending[-1]
        missing = [] if index in order else [source for source in nodes[index].inputs if source not in order]
        if missing:
            pending.extend(reversed(missing))
        else:
            order[pending.pop()] = None
    return list(order)


def _edits(pairs: dict[int, int], ours: Sequence[Traits], theirs: Sequence[Traits]) -> int:
    """How many layers are added, removed or others."""
    changed = sum(ours[i].act != theirs[j].act for i, j in pairs.items())
    return len(ours) + len(theirs) - 2 * len(pairs) + changed


def _fewest(ours: Sequence[Traits], theirs: Sequence[Traits]) -> int:
    """As few edits as any pairing has: of what one network has more of, each layer is added, removed or another."""
    had, has = Counter(one.act for one in ours), Counter(one.act for one in theirs)
    return max((had - has).total(), (has - had).total())


def _by_path(
    ours: Sequence[Traits], theirs: Sequence[Traits], orders: tuple[list[int], list[int]], price: Price
) -> dict[int, int]:
    """Pairs of one path, and between them what aligns."""
    paths = {one.path: j for j, one in enumerate(theirs)}
    pairs: dict[int, int] = {}
    for i in orders[0]:
        j = paths.get(ours[i].path)
        if j is not None and price(i, j) is not None:
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


def _moves(
    pairs: dict[int, int],
    first: ShapedGraph,
    second: ShapedGraph,
    ours: Sequence[Traits],
    theirs: Sequence[Traits],
) -> dict[int, int]:
    """The pairs, and further ones of what stands in another order: of one path, or the same beside what is paired."""
    pairs = dict(pairs)
    left = [i for i in range(len(ours)) if i not in pairs]
    taken = set(pairs.values())
    free = {j for j in range(len(theirs)) if j not in taken}
    if not left or not free:
        return pairs

    def pair(i: int, candidates: Iterable[int]) -> None:
        for j in candidates:
            if j in free and i not in pairs and ours[i].act == theirs[j].act:
                pairs[i] = j
                free.remove(j)

    paths = {theirs[j].path: j for j in free}
    for i in left:
        if ours[i].path in paths:
            pair(i, [paths[ours[i].path]])
    for i in left:
        for source in first.nodes[i].inputs[:1]:
            if source in pairs:
                pair(i, second.graph.readers[pairs[source]])
    for i in reversed(left):
        for reader in first.graph.readers[i]:
            if reader in pairs:
                pair(i, second.nodes[pairs[reader]].inputs)
    return pairs
