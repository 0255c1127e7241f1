"""Poolings in ONNX, whose windows are rounded and padded there by other rules than PyTorch's."""

from __future__ import annotations

from typing import Any

import torch

from netdsl.compile.onnx.sheet import Value, Writer
from netdsl.layers.base import Window
from netdsl.layers.pool import AveragePool, MaxPool


def pool(layer: MaxPool | AveragePool, write: Writer, x: Value) -> Value:
    """A MaxPool or an AveragePool, over the whole map where all of it is one window."""
    if layer.to is not None and layer.algebra(x.shape).windowed is None:
        return _adaptive(layer, write, x)
    name = "MaxPool" if isinstance(layer, MaxPool) else "AveragePool"
    out = layer.shape(x.shape).spatial
    windows = layer.windows(x.shape)
    if windows == "all" or (layer.to is not None and max(out) == 1):
        return write(f"Global{name}", x)
    return _sliding(layer, write, x, windows, name)


def _sliding(layer: MaxPool | AveragePool, write: Writer, x: Value, windows: tuple[Window, ...], name: str) -> Value:
    """Windows that slide, padded to where the last one ends, so that no size is rounded.

    What lies beyond the padding, where sizes are rounded up, is never counted.
    """
    out = layer.shape(x.shape).spatial
    axes = zip(x.shape.spatial, out, windows, strict=True)
    before = [one.before for one in windows]
    after = [max(0, (count - 1) * one.stride + one.size - size - one.before) for size, count, one in axes]
    sizes: dict[str, Any] = {
        "kernel_shape": [one.size for one in windows],
        "strides": [one.stride for one in windows],
    }
    if isinstance(layer, MaxPool):
        return write(name, x, pads=before + after, **sizes)
    beyond = [max(0, end - one.after) for end, one in zip(after, windows, strict=True)]
    if layer.exclude_pad or not any(beyond):
        return write(name, x, pads=before + after, count_include_pad=int(not layer.exclude_pad), **sizes)
    real = [end - more for end, more in zip(after, beyond, strict=True)]
    padded = write("Pad", x, [0, 0, *before, 0, 0, *real]) if any(before + real) else x
    return write(name, padded, pads=[0] * len(out) + beyond, **sizes)


def _adaptive(layer: MaxPool | AveragePool, write: Writer, x: Value) -> Value:
    """Windows of several sizes, an axis at a time: each is gathered, then reduced.

    What is shorter than the longest repeats its last position, which a mean does not count.
    """
    given, out = x.shape, layer.shape(x.shape)
    for axis, count in enumerate(out.spatial):
        if count == given.spatial[axis]:
            continue
        windows = [list(layer.reads(axis, place, given) or ()) for place in range(count)]
        longest = max(map(len, windows))
        cells = [one + one[-1:] * (longest - len(one)) for one in windows]
        gathered = write("Gather", x, torch.tensor(cells), axis=axis + 2)
        if isinstance(layer, MaxPool):
            x = write("ReduceMax", gathered, [axis + 3], keepdims=0)
        else:
            shares = [[1 / len(one)] * len(one) + [0.0] * (longest - len(one)) for one in windows]
            shaped = torch.tensor(shares).reshape(count, longest, *[1] * (out.rank - axis - 1))
            x = write("ReduceSum", write("Mul", gathered, shaped), [axis + 3], keepdims=0)
    return x
