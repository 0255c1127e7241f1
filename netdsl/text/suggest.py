"""Did you mean …? By edit distance."""

from __future__ import annotations

from collections.abc import Iterable


def distance(a: str, b: str) -> int:
    """Edits from one word to another: insert, delete, replace, or swap two neighbours (optimal string alignment)."""
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
    return last[-1]


def closest(word: str, candidates: Iterable[str]) -> str:
    """The candidate that `word` most likely means, or "" where none is near. Letter case counts for little."""
    lower = word[:60].lower()
    best, least = "", len(lower) // 3 + 1.5
    for candidate in candidates:
        if abs(len(candidate) - len(lower)) < least:
            far = distance(lower, candidate.lower()) + (word != candidate) * 0.1
            if far < least and far < len(candidate):
                best, least = candidate, far
    return best


def did_you_mean(word: str, candidates: Iterable[str]) -> str:
    """`did you mean CONV?`, or "" where nothing is near."""
    found = closest(word, candidates)
    return f"did you mean {found}?" if found else ""
