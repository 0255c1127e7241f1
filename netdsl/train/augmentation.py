"""What chance does to pictures, so that a network meets each of them in many ways.

All functions take pictures of a batch, N x height x width x channels, and chance that follows from the seed, the epoch
and each picture's number alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from netdsl.data import numbers

if TYPE_CHECKING:
    from numpy.typing import NDArray

STRENGTH = 0.4
"""By how much brightness, contrast and saturation change at most: factors from 0.6 to 1.4."""
LIGHTING = 0.1
"""Standard deviation of the light along each of the colours' axes (Krizhevsky et al. 2012, section 4.1)."""
LUMA = (0.299, 0.587, 0.114)
"""What red, green and blue add to how light a colour is (ITU-R BT.601)."""

_PURPOSES = ("down", "across", "flip", "brightness", "contrast", "saturation", "first", "second", "third", "fourth")


@dataclass(frozen=True)
class Chance:
    """Numbers for some examples of an epoch."""

    seed: int
    epoch: int
    examples: NDArray[np.int64]

    def uniform(self, purpose: str) -> NDArray[np.float64]:
        """A number from 0 to 1, 1 excluded, for each example."""
        drawn = numbers.mixed(self.seed, self.epoch, _PURPOSES.index(purpose), self.examples.astype(np.uint64))
        return numbers.uniform(drawn)

    def below(self, count: int, purpose: str) -> NDArray[np.int64]:
        """A whole number below `count` for each example."""
        return (self.uniform(purpose) * count).astype(np.int64)

    def normal(self, one: str, other: str) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Two numbers of the normal distribution for each example (Box and Muller 1958)."""
        radius, angle = np.sqrt(-2 * np.log(1 - self.uniform(one))), 2 * np.pi * self.uniform(other)
        return radius * np.cos(angle), radius * np.sin(angle)


def crop(pictures: NDArray[np.uint8], height: int, width: int, chance: Chance) -> NDArray[np.uint8]:
    """Cut a window of a size out of each picture, anywhere."""
    windows = np.lib.stride_tricks.sliding_window_view(pictures, (height, width), axis=(1, 2))
    down, across = chance.below(windows.shape[1], "down"), chance.below(windows.shape[2], "across")
    return windows[np.arange(len(pictures)), down, across].transpose(0, 2, 3, 1)


def bordered(pictures: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Pictures with a black border of an eighth of each side, as 32x32 with 4 (He et al. 2016, section 4.2)."""
    down, across = (side // 8 for side in pictures.shape[1:3])
    return np.pad(pictures, ((0, 0), (down, down), (across, across), (0, 0)))


def flip(pictures: NDArray[np.uint8], chance: Chance) -> NDArray[np.uint8]:
    """Mirror one half of the pictures, left to right."""
    mirrored, found = chance.uniform("flip") < 0.5, pictures.copy()
    found[mirrored] = pictures[mirrored, :, ::-1]
    return found


def colour(values: NDArray[np.float32], chance: Chance) -> NDArray[np.float32]:
    """Change the brightness of pictures of values from 0 to 1, then their contrast, then their saturation."""
    bright, contrast, saturation = (
        (1 + STRENGTH * (2 * chance.uniform(name) - 1)).astype(np.float32)[:, None, None, None]
        for name in ("brightness", "contrast", "saturation")
    )
    values = _clipped(values * bright)
    middle = _light(values).mean(axis=(1, 2, 3), keepdims=True, dtype=np.float64).astype(np.float32)
    values = _clipped(values * contrast + middle * (1 - contrast))
    if values.shape[-1] == 1:
        return values
    return _clipped(values * saturation + _light(values) * (1 - saturation))


def lighting(values: NDArray[np.float32], axes: NDArray[np.float64], chance: Chance) -> NDArray[np.float32]:
    """Add light to all of a picture along the axes of colours, a row each, as long as their standard deviation.

    The paper speaks of eigenvalues; its author's programs, of which the figures come, take standard deviations.
    """
    drawn = np.stack([*chance.normal("first", "second"), *chance.normal("third", "fourth")], axis=1)[:, : len(axes)]
    added = (LIGHTING * drawn @ axes).astype(np.float32)
    return values + added[:, None, None, :]


def axes(sums: NDArray[np.int64], products: NDArray[np.int64], count: int) -> NDArray[np.float64]:
    """The principal axes of colours, a row each, by the sums of the channels' bytes and of their products in pairs."""
    mean = sums / count / 255
    covariance = products / count / 255**2 - np.outer(mean, mean)
    variances, vectors = np.linalg.eigh(covariance)
    signs = np.sign(vectors[np.abs(vectors).argmax(axis=0), np.arange(len(vectors))])  # which way is all the same
    return (vectors * signs * np.sqrt(np.maximum(variances, 0))).T


def _light(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """How light each place is."""
    if values.shape[-1] == 1:
        return values
    light: NDArray[np.float32] = values @ np.array(LUMA, np.float32)
    return light[..., None]


def _clipped(values: NDArray[Any]) -> NDArray[np.float32]:
    return np.clip(values, 0, 1, out=values)
