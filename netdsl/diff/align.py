"""Two sequences aligned: the pairs, in order, that cost least in all (Needleman and Wunsch, 1970)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

T = TypeVar("T")

Cost = Callable[[T, T], int | None]
"""What it costs to pair two elements: 0 where they are the same, None where they cannot be one pair."""

GAP = 10_000_000
"""What an element costs that has no partner."""

MOST_CELLS = 2_000_000
"""Beyond this, a table of costs takes seconds to fill."""

_WINDOW = 24
_AGREEMENT = 4


def align(a: Sequence[T], b: Sequence[T], cost: Cost[T]) -> list[tuple[int, int]]:
    """Pairs of positions, ascending in both, whose costs and gaps add up to the least.

    What is the same at both ends is set aside first. The rest is searched in a band about the diagonal, widened until
    no path outside of it can be cheaper; where that is too large, a narrower band or a greedy walk takes its place.
    """
    start = 0
    while start < min(len(a), len(b)) and cost(a[start], b[start]) == 0:
        start += 1
    end = 0
    while end < min(len(a), len(b)) - start and cost(a[-1 - end], b[-1 - end]) == 0:
        end += 1
    inner = _search(a[start : len(a) - end], b[start : len(b) - end], cost)
    pairs = [(at, at) for at in range(start)]
    pairs += [(i + start, j + start) for i, j in inner]
    pairs += [(len(a) - at, len(b) - at) for at in range(end, 0, -1)]
    return pairs


def _search(a: Sequence[T], b: Sequence[T], cost: Cost[T]) -> list[tuple[int, int]]:
    if not a or not b:
        return []
    apart = abs(len(b) - len(a))
    width, found = 8, None
    while found is None or (apart + 2 * (width + 1)) * GAP < found[0]:
        width = width * 2 if found else width
        if len(a) * (apart + 2 * width + 1) > MOST_CELLS:
            break
        found = _banded(a, b, cost, width)
        if width >= max(len(a), len(b)):
            break
    return _greedy(a, b, cost) if found is None else found[1]


def _banded(a: Sequence[T], b: Sequence[T], cost: Cost[T], width: int) -> tuple[int, list[tuple[int, int]]]:
    """The least cost by a path at most `width` beside the diagonals between the corners, and its pairs.

    Costs are those of what is left from a cell on; walking forward, pairs come first, so that gaps come late.
    """
    rows, columns = len(a), len(b)
    left, right = min(0, columns - rows) - width, max(0, columns - rows) + width
    never = (rows + columns + 1) * GAP
    below = [never] * (columns + 2)
    for j in range(max(0, rows + left), columns + 1):
        below[j] = (columns - j) * GAP
    steps: list[tuple[int, bytearray]] = []
    for i in range(rows - 1, -1, -1):
        first, last = max(0, i + left), min(columns, i + right)
        here = [never] * (columns + 2)
        taken = bytearray(last - first + 1)
        one = a[i]
        after = never
        for j in range(last, first - 1, -1):
            best, step = below[j] + GAP, 1
            if after + GAP < best:
                best, step = after + GAP, 2
            if j < columns:
                diagonal = below[j + 1]
                if diagonal <= best:
                    price = cost(one, b[j])
                    if price is not None and diagonal + price <= best:
                        best, step = diagonal + price, 0
            here[j] = after = best
            taken[j - first] = step
        steps.append((first, taken))
        below = here
    steps.reverse()
    pairs: list[tuple[int, int]] = []
    i = j = 0
    while i < rows and j <= columns:
        first, taken = steps[i]
        step = taken[j - first]
        if step == 0:
            pairs.append((i, j))
        i, j = i + (step != 2), j + (step != 1)
    return below[0], pairs


def _greedy(a: Sequence[T], b: Sequence[T], cost: Cost[T]) -> list[tuple[int, int]]:
    """Pairs by walking along both and skipping to where they agree again: linear, and not always the least."""
    pairs: list[tuple[int, int]] = []
    i = j = 0
    while i < len(a) and j < len(b):
        price = cost(a[i], b[j])
        if price is None or price >= GAP:
            skip = _next(a, b, i, j, cost)
            if skip is not None:
                i, j = i + skip[0], j + skip[1]
                continue
        if price is not None:
            pairs.append((i, j))
        i, j = i + 1, j + 1
    return pairs


def _next(a: Sequence[T], b: Sequence[T], i: int, j: int, cost: Cost[T]) -> tuple[int, int] | None:
    """How many to skip in both until some in a row agree; None where nothing agrees nearby."""
    for total in range(1, _WINDOW):
        for skipped in range(total + 1):
            at, to = i + skipped, j + total - skipped
            if at + _AGREEMENT > len(a) or to + _AGREEMENT > len(b):
                continue
            prices = (cost(a[at + k], b[to + k]) for k in range(_AGREEMENT))
            if all(price is not None and price < GAP for price in prices):
                return skipped, total - skipped
    return None
