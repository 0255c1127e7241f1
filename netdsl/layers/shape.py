"""Shapes of one example: spatial sizes first, channels last, as the slides write them."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True, slots=True)
class Shape:
    """`55x55x96`: spatial sizes (55, 55) and 96 channels. A vector has no spatial sizes.

    In torch it is a tensor of N x channels x spatial sizes.
    """

    spatial: tuple[int, ...]
    channels: int

    @staticmethod
    def of(dims: Sequence[int]) -> Shape:
        """The shape that dims such as (55, 55, 96) write."""
        return Shape(tuple(dims[:-1]), dims[-1])

    @property
    def rank(self) -> int:
        """The number of spatial axes."""
        return len(self.spatial)

    @property
    def positions(self) -> int:
        """The number of places in its map; 1 for a vector."""
        return prod(self.spatial)

    @property
    def elements(self) -> int:
        """The number of values in it."""
        return self.positions * self.channels

    @property
    def dims(self) -> tuple[int, ...]:
        """Spatial sizes, then channels."""
        return (*self.spatial, self.channels)

    def __str__(self) -> str:
        return "x".join(map(str, self.dims))
