"""The arithmetic of windows that slide: output sizes, padding, and what is left unread.

Sizes after Dumoulin and Visin, A guide to convolution arithmetic for deep learning (2016), as PyTorch rounds them.
"""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING

from netdsl.layers import mistakes
from netdsl.layers.arguments import LayerError, Sizes, show
from netdsl.layers.base import Window
from netdsl.layers.formula import group, rounded_up

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from netdsl.layers.shape import Shape


def out_size(size: int, window: Window, *, ceil: bool = False) -> int:
    """Positions of a window over `size` inputs: floor((in + 2p − d(k − 1) − 1)/s) + 1.

    With `ceil` it rounds up, and drops a last window that would start beyond input and left padding.
    """
    padding = 2 * window.before if window.before == window.after else window.before + window.after
    if window.dilation == 1:
        room = size - window.size + padding
    else:
        room = size + padding - window.dilation * group(window.size - 1) - 1
    count = (rounded_up(room, window.stride) if ceil else room // window.stride) + 1
    if ceil and (count - 1) * window.stride >= size + window.before:
        count -= 1
    return count


def out_sizes(shape: Shape, windows: Sequence[Window], *, same: bool = False, ceil: bool = False) -> Sizes:
    """Those of all axes; with `same` there is one for each stride that is begun."""
    axes = zip(shape.spatial, windows, strict=True)
    if same:
        return tuple([rounded_up(size, window.stride) for size, window in axes])
    return tuple([out_size(size, window, ceil=ceil) for size, window in axes])


def same(size: int, kernel: int, stride: int, dilation: int) -> Window:
    """The window whose padding gives ceil(in/s) positions, the odd pixel at the far end."""
    reach = dilation * (kernel - 1) + 1
    total = max(0, (-(-size // stride) - 1) * stride + reach - size)
    return Window(kernel, stride, total // 2, total - total // 2, dilation)


def uneven(windows: Sequence[Window]) -> bool:
    """Whether `same` has to make a padded copy: not where a kernel itself can pad, alike on both sides for any size."""
    return any(window.stride > 1 or window.before != window.after for window in windows)


def further(windows: Sequence[Window]) -> list[Window]:
    """Windows with what their padding has on one side more than on both, where a kernel can pad alike on both alone."""
    least = [min(one.before, one.after) for one in windows]
    return [
        Window(one.size, one.stride, one.before - both, one.after - both)
        for one, both in zip(windows, least, strict=True)
    ]


def padded(shape: Shape, windows: Sequence[Window]) -> int:
    """How many values a map has with its padding."""
    sizes = [size + one.before + one.after for size, one in zip(shape.spatial, windows, strict=True)]
    return shape.channels * prod(sizes)


def check(keyword: str, shape: Shape, windows: Sequence[Window]) -> None:
    """Raise `window-too-large` where a window does not fit into the padded input."""
    for size, window in zip(shape.spatial, windows, strict=True):
        padded = size + window.before + window.after
        if window.reach > padded:
            wide = f"{window.reach}" + (f" ({window.size} dilated by {window.dilation})" if window.dilation > 1 else "")
            more = -(-(window.reach - size) // 2)
            into = f"{padded}: the input is {shape}"
            into += f", padded by {window.before} and {window.after}" * (padded > size)
            most = (padded - 1) // window.dilation + 1
            raise LayerError(mistakes.LargeWindow(keyword, wide, into, most, more), argument="kernel", inputs=True)


def inexact(
    keyword: str, kernel: Sizes, stride: Sizes, shape: Shape, windows: Sequence[Window]
) -> Iterator[LayerError]:
    """Warn where real input, not padding, lies beyond the last window of one at least as wide as its stride."""
    nouns = ("row", "column") if shape.rank == 2 else ("position",) * shape.rank
    for noun, size, window in reversed(list(zip(nouns, shape.spatial, windows, strict=True))):
        room = size + window.before + window.after - window.reach
        unread = room % window.stride - window.after
        if window.reach >= window.stride and unread > 0:
            layer = f"{keyword} {show(kernel)}" + (f" s{show(stride)}" if max(stride) > 1 else "")
            yield _inexact(layer, noun, size, window, unread)
            return


def _inexact(layer: str, noun: str, size: int, window: Window, unread: int) -> LayerError:
    pads = window.before + window.after
    room = size + pads - window.reach
    padded = f"{size} + {pads}" if pads else f"{size}"
    less, more = size - room % window.stride, size - room % window.stride + window.stride
    nearest = more if more - size <= 4 * (size - less) else less
    gives = (nearest + pads - window.reach) // window.stride + 1
    left = f"{unread} {noun}{'s' * (unread > 1)}"
    outputs = f"({padded} − {window.reach})/{window.stride} + 1 = {room / window.stride + 1:g}"
    return LayerError(mistakes.InexactWindow(f"{layer} over {size}", left, outputs, nearest, gives), inputs=True)
