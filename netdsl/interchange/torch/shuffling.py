"""Rules for what lays values apart and puts them together in another order: shuffles, and windows side by side."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from netdsl.interchange.torch.writing import Given, Unsaid

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from netdsl.interchange.primitives import Dims


def pixel_shuffle(given: Given) -> None:
    """pixel_shuffle."""
    given.last("DepthToSpace", given.ref("self"), blocksize=given.int("upscale_factor"), mode="CRD")


def pixel_unshuffle(given: Given) -> None:
    """pixel_unshuffle: a reshape, a transpose and a reshape, since ONNX's own has another order."""
    x, factor = given.ref("self"), given.int("downscale_factor")
    batch, channels, height, width = given.dims(x)
    _turned(given, x, (batch, channels, height // factor, factor, width // factor, factor), (0, 1, 3, 5, 2, 4))


def channel_shuffle(given: Given) -> None:
    """channel_shuffle: a reshape, a transpose and a reshape."""
    x, groups = given.ref("self"), given.int("groups")
    batch, channels, *rest = given.dims(x)
    parts = (batch, groups, channels // groups, *rest)
    _turned(given, x, parts, (0, 2, 1, *range(3, len(parts))))


def unfold(given: Given) -> None:
    """im2col of windows side by side: what pixel_unshuffle gives, with positions in a row."""
    x, kernel = given.ref("self"), given.ints("kernel_size", 2)
    batch, channels, *size = given.dims(x)
    rows, columns = _windows(given, kernel, size)
    _turned(given, x, (batch, channels, rows, kernel[0], columns, kernel[1]), (0, 1, 3, 5, 2, 4))


def fold(given: Given) -> None:
    """col2im of windows side by side: what pixel_shuffle gives of positions in a row."""
    x, kernel, size = given.ref("self"), given.ints("kernel_size", 2), given.ints("output_size", 2)
    parts = (given.gives[0], given.gives[1], *kernel, *_windows(given, kernel, size))
    _turned(given, x, parts, (0, 1, 4, 2, 5, 3))


def _windows(given: Given, kernel: Dims, size: Sequence[int]) -> tuple[int, int]:
    """How many windows of a kernel lie side by side in a map, in rows and in columns."""
    plain = given.ints("stride", 2) == kernel and not any(given.ints("padding")) and set(given.ints("dilation")) <= {1}
    if len(size) != 2 or not plain or any(a % b for a, b in zip(size, kernel, strict=True)):
        raise Unsaid("its windows overlap, or do not cover the map")
    return size[0] // kernel[0], size[1] // kernel[1]


def _turned(given: Given, x: str, parts: Dims, order: Dims) -> None:
    """A value laid apart, with these axes in another order, in the sizes that the call gives."""
    split = given.step("Reshape", parts, x, given.writing.whole(*parts))
    moved = given.step("Transpose", tuple([parts[at] for at in order]), split, perm=order)
    given.last("Reshape", moved, given.writing.whole(*given.gives))


RULES: Mapping[str, Callable[[Given], None]] = {
    "pixel_shuffle": pixel_shuffle,
    "pixel_unshuffle": pixel_unshuffle,
    "channel_shuffle": channel_shuffle,
    "native_channel_shuffle": channel_shuffle,
    "im2col": unfold,
    "col2im": fold,
}
