"""What the pictures of a part are like on the whole."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from netdsl.data import numbers
from netdsl.data.part import Part, Rows, Stored

if TYPE_CHECKING:
    from numpy.typing import NDArray

SAMPLE = 2048
"""Pictures of a folder that are read for it; of one file all are."""
_ROWS = 2**16
"""Places that are summed at once."""
_WIDTH = 1024
"""Numbers of a row that have each a mean of its own, at most."""
_LEAST = 1e-9
"""A deviation of less is that of numbers that are all the same."""
_SAMPLED = 3
"""What the order of the sample follows from, beside nothing."""


@dataclass(frozen=True)
class Statistics:
    """Sums of whole numbers, which are the same in any order."""

    count: int
    """Places of all pictures."""
    sums: NDArray[np.int64]
    """Of each channel's bytes."""
    products: NDArray[np.int64]
    """Of each two channels' bytes."""

    @property
    def mean(self) -> tuple[float, ...]:
        """Of each channel, of values from 0 to 1."""
        return tuple(round(float(total) / self.count / 255, 6) for total in self.sums)

    @property
    def std(self) -> tuple[float, ...]:
        """Of each channel; 1 where all values are the same."""
        mean = self.sums / self.count
        variances = np.diag(self.products) / self.count - mean**2
        return tuple(round(float(one) ** 0.5 / 255, 6) or 1.0 for one in np.maximum(variances, 0))


def sample(part: Part) -> NDArray[np.int64]:
    """Which examples tell what a part is like: all that one file has, or some of a folder."""
    if isinstance(part, Stored) or len(part) <= SAMPLE:
        return np.arange(len(part))
    return np.sort(numbers.order(len(part), _SAMPLED)[:SAMPLE])


def of(batches: Iterator[NDArray[np.uint8]], channels: int) -> Statistics:
    """The statistics of pictures, N x height x width x channels."""
    count, sums, products = 0, np.zeros(channels, np.int64), np.zeros((channels, channels), np.int64)
    for pictures in batches:
        rows = pictures.reshape(-1, channels)
        count += len(rows)
        if channels == 1:
            there = np.bincount(rows[:, 0], minlength=256)
            sums += there @ np.arange(256)
            products += there @ np.arange(256) ** 2
        else:
            for start in range(0, len(rows), _ROWS):
                wide = rows[start : start + _ROWS].T.astype(np.float64)  # in which all of these sums are exact
                sums += wide.sum(axis=1).astype(np.int64)
                products += (wide @ wide.T).astype(np.int64)
    return Statistics(count, sums, products)


def of_rows(part: Rows) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Mean and deviation of each number of some rows, or of all together where a preparation cannot have so many."""
    rows = part.values[part.at].astype(np.float64)
    axis = 0 if part.width <= _WIDTH else None
    found = np.atleast_1d(rows.mean(axis)), np.atleast_1d(rows.std(axis))
    mean, std = (tuple([float(f"{one:.6g}") for one in numbers.tolist()]) for numbers in found)
    return mean, tuple([one if one > _LEAST else 1.0 for one in std])
