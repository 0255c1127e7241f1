"""Parts of examples, the same share of each class, by a seed: the same on every machine."""

from __future__ import annotations

import numpy as np

from netdsl.data import numbers
from netdsl.data.part import Part

TEST, VALIDATION = 1, 2
"""What a part is taken for, so that one seed gives each its own."""


def split(part: Part, share: float, seed: int, purpose: int) -> tuple[Part, Part]:
    """What is left of a part, and a share of it, of which each class has as large a share as can be.

    A class of two or more has at least one on either side, where the share is more than nothing.
    """
    labels = part.labels
    drawn = numbers.mixed(seed, purpose, np.arange(len(labels), dtype=np.uint64))
    by_class = np.lexsort((drawn, labels))
    _, firsts, counts = np.unique(labels[by_class], return_index=True, return_counts=True)
    wanted = np.minimum(np.maximum(np.floor(counts * share + 0.5), share > 0), counts - 1)
    place = np.arange(len(labels)) - np.repeat(firsts, counts)
    taken = np.empty(len(labels), bool)
    taken[by_class] = place < np.repeat(wanted, counts)
    return part.some(np.flatnonzero(~taken)), part.some(np.flatnonzero(taken))
