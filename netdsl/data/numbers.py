"""Numbers that follow from where they are wanted alone, so that they are the same on every machine, in any order."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

_STEP = 0x9E3779B97F4A7C15
_MASK = 2**64 - 1


def mixed(*keys: int | NDArray[np.uint64]) -> NDArray[np.uint64]:
    """A number of 64 bits for some keys, or for each of an array of them, which tells nothing of those beside it.

    SplitMix64's output function (Steele, Lea and Flood 2014), one key after another.
    """
    state = np.zeros((), np.uint64)
    for key in keys:
        added = np.asarray(key & _MASK, np.uint64) if isinstance(key, int) else key
        state = _mix(state ^ _mix(added + np.uint64(_STEP)))
    return state


def uniform(numbers: NDArray[np.uint64]) -> NDArray[np.float64]:
    """Numbers of 64 bits as numbers from 0 to 1, 1 excluded."""
    return (numbers >> np.uint64(11)).astype(np.float64) * 2.0**-53


def order(count: int, *keys: int) -> NDArray[np.int64]:
    """The numbers below `count` in an order that follows from some keys."""
    return np.argsort(mixed(*keys, np.arange(count, dtype=np.uint64)), kind="stable")


def _mix(z: NDArray[np.uint64]) -> NDArray[np.uint64]:
    with np.errstate(over="ignore"):
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return z ^ (z >> np.uint64(31))
