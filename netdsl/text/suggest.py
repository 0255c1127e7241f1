"""Did you mean …? By edit distance."""

from __future__ import annotations

import math
from collections.abc import Iterable
from itertools import islice

_MOST_SEEN = 1000
_MOST_COMPARED = 3000
"""Letters that are compared with letters, since a file may have thousands of unknown names."""
ALL = 1_000_000
"""As many as there are, for a word that is asked for once."""


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


def closest(word: str, candidates: Iterable[str], most: int = _MOST_COMPARED) -> str:
    """The candidate that `word` most likely means, or "" where none is near. Letter case counts for little.

    Of equally near ones it is the first. Only so many are looked at, and so many letters compared, since a file may
    have thousands of unknown names.
    """
    lower = word[:60].lower()
    letters = set(lower)
    best, least = "", min(len(lower) // 3 + 1.5, max(len(lower) / 2, 1) + 0.2)  # half of it has to be right
    compared = 0
    for candidate in islice(candidates, _MOST_SEEN):
        # two lower bounds of the distance, which cost little: lengths, and letters that the candidate lacks
        if abs(len(candidate) - len(lower)) < least and len(letters.difference(candidate.lower())) < least:
            if compared > most:
                break
            compared += len(lower) * len(candidate)
            far = distance(lower, candidate.lower(), least) + (word != candidate) * 0.1
            if far < least and far < len(candidate):
                best, least = candidate, far
    return best


def did_you_mean(word: str, candidates: Iterable[str], most: int = _MOST_COMPARED) -> str:
    """`did you mean CONV?`, or "" where nothing is near."""
    found = closest(word, candidates, most)
    return f"did you mean {found}?" if found else ""
