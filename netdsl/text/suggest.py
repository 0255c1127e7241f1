"""Did you mean …? By edit distance."""

from __future__ import annotations

import math
from collections.abc import Generator, Iterable
from contextlib import contextmanager
from contextvars import ContextVar
from itertools import islice

from netdsl.text.advice import perhaps

_MOST = 2_000_000
"""How many letters are compared with letters for all words of a program, of which thousands may be unknown."""
_SHARE = 8
"""What part of those that are left one word may take."""
_LOOK = 5
"""What it counts, in letters, to look at a candidate that is not compared."""


class _Left:
    """How many comparisons are left."""

    def __init__(self) -> None:
        self.letters = _MOST


_left: ContextVar[_Left | None] = ContextVar("_left", default=None)


@contextmanager
def bounded() -> Generator[None]:
    """Let all questions within it take a bounded time together; others take what they need."""
    token = _left.set(_Left())
    try:
        yield
    finally:
        _left.reset(token)


def distance(a: str, b: str, enough: float = math.inf) -> int:
    """Edits from one word to another: insert, delete, replace, or swap two neighbours (optimal string alignment).

    Where there are more than `enough`, it may give a smaller number, but still more than `enough`.
    """
    before: list[int] = []
    last = list(range(len(b) + 1))
    for i, x in enumerate(a):
        row = [i + 1]
        for j, y in enumerate(b):
            cost = min(last[j + 1] + 1, row[j] + 1, last[j] + (x != y))
            if i and j and x == b[j - 1] and a[i - 1] == y:
                cost = min(cost, before[j - 1] + 1)
            row.append(cost)
        before, last = last, row
        if min(before) > enough and min(last) > enough:  # no later row goes below two in a row
            return min(last)
    return last[-1]


def closest(word: str, candidates: Iterable[str]) -> str:
    """The candidate that `word` most likely means, or "" where none is near. Letter case counts for little.

    Of equally near ones it is the first. Within `bounded`, it is the nearest of those that there was time for.
    """
    left = _left.get()
    share = _MOST if left is None else max(left.letters, 0) // _SHARE
    lower = word[:60].lower()
    letters = set(lower)
    limit = min(len(lower) // 3 + 1.5, max(len(lower) / 2, 1) + 0.2)  # half of it has to be right
    best: tuple[float, int, str] = limit, 0, ""
    near: list[list[tuple[int, str]]] = [[] for _ in range(math.ceil(limit))]
    seen = 0
    for seen, candidate in enumerate(islice(candidates, share // _LOOK), 1):
        # two lower bounds of the distance, which cost little: lengths, and letters that the candidate lacks
        bound = abs(len(candidate) - len(lower))
        if bound < limit and (bound := max(bound, len(letters.difference(candidate.lower())))) < limit:
            near[bound].append((seen, candidate))
    spent = seen * _LOOK
    for bound, there in enumerate(near):
        if bound > best[0]:
            break
        for index, candidate in there:
            if spent > share:
                break
            spent += len(lower) * len(candidate)
            far = distance(lower, candidate.lower(), best[0]) + (word != candidate) * 0.1
            if far < len(candidate):
                best = min(best, (far, index, candidate))
    if left is not None:
        left.letters -= spent
    return best[2]


def did_you_mean(word: str, candidates: Iterable[str]) -> str:
    """`did you mean CONV?`, or "" where nothing is near."""
    found = closest(word, candidates)
    return perhaps(f"did you mean {found}?", found) if found else ""
