"""Choosing among torch.nn's classes for one, two and three spatial axes, and the order of its paddings."""

from collections.abc import Sequence
from typing import Any

from torch import Tensor, nn

from netdsl.layers.base import Window


def pick(rank: int, one: type[nn.Module], two: type[nn.Module], three: type[nn.Module]) -> Any:
    """The class for `rank` spatial axes. Untyped, since sizes are tuples of as many, which no type can say."""
    return (one, two, three)[rank - 1]


def pads(windows: Sequence[Window]) -> list[int]:
    """Sizes before and after, the last axis first, as torch's paddings take them."""
    return [size for window in reversed(windows) for size in (window.before, window.after)]


def fixed(windows: Sequence[Window]) -> bool:
    """Whether padding for ceil(in/s) positions is alike on both sides for an input of any size."""
    return all(window.stride == 1 and window.before == window.after for window in windows)


def same(x: Tensor, reach: list[int], stride: list[int]) -> list[int]:
    """Padding that gives ceil(in/s) positions, the odd one at the far end, in the order of torch's paddings.

    It is worked out when the network runs, since weights may be applied again to an input of another size.
    """
    found: list[int] = []
    for turned in range(len(reach)):
        axis = len(reach) - 1 - turned
        size = x.size(axis + 2)
        positions = -(-size // stride[axis])
        total = max(0, (positions - 1) * stride[axis] + reach[axis] - size)
        found += [total // 2, total - total // 2]
    return found


def per_channel(values: Tensor, x: Tensor) -> Tensor:
    """A vector with one value for each channel (or one for all), shaped to meet N x channels x spatial."""
    return values.reshape([-1] + [1] * (x.dim() - 2))
