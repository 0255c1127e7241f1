"""Normalisations in ONNX."""

from __future__ import annotations

import torch

from netdsl.compile.onnx.sheet import Value, Writer
from netdsl.layers.norm import BatchNorm, GroupNorm, InstanceNorm, LayerNorm, LocalResponse, Normalize, Scale


def response(layer: LocalResponse, write: Writer, x: Value) -> Value:
    """An LRN where a window has a middle, as ONNX wants it, over an image, as ONNX Runtime does; else its parts."""
    alpha, beta, k = float(layer.alpha), float(layer.beta), float(layer.k)
    if layer.size % 2 and x.shape.rank == 2:
        return write("LRN", x, size=layer.size, alpha=alpha, beta=beta, bias=k)
    size, channels = layer.size, x.shape.channels
    squares = write.reshape(write("Mul", x, x), 1, channels, -1)
    around = [size // 2, 0, (size - 1) // 2, 0]
    mean = write("AveragePool", squares, kernel_shape=[size, 1], pads=around, count_include_pad=1)
    sums = write("Add", write("Mul", write.reshape(mean, channels, *x.shape.spatial), alpha), k)
    return write("Div", x, write("Pow", sums, beta))


def batch(layer: BatchNorm, write: Writer, x: Value) -> Value:
    """A BatchNormalization by the running statistics."""
    one = torch.ones(x.shape.channels)
    scale, offset = write.weight("weight") or one, write.weight("bias") or one - one
    statistics = write.weight("running_mean"), write.weight("running_var")
    return write("BatchNormalization", x, scale, offset, *statistics, epsilon=float(layer.eps))


def group(layer: GroupNorm, write: Writer, x: Value) -> Value:
    """An InstanceNormalization of groups as channels, then factors and offsets."""
    one = torch.ones(layer.groups)
    parts = write.reshape(x, layer.groups, -1)
    normal = write("InstanceNormalization", parts, one, one - one, epsilon=float(layer.eps))
    return _affine(write, write.reshape(normal, x.shape.channels, *x.shape.spatial), x.shape.rank)


def layer(layer: LayerNorm, write: Writer, x: Value) -> Value:
    """A LayerNormalization, with channels last."""
    scale = write.weight("weight") or torch.ones(x.shape.channels)
    options = {"axis": -1, "epsilon": float(layer.eps)}
    return write.first(write("LayerNormalization", write.last(x), scale, write.weight("bias"), **options), x.shape.rank)


def instance(layer: InstanceNorm, write: Writer, x: Value) -> Value:
    """An InstanceNormalization."""
    one = torch.ones(x.shape.channels)
    scale, offset = write.weight("weight") or one, write.weight("bias") or one - one
    return write("InstanceNormalization", x, scale, offset, epsilon=float(layer.eps))


def scale(layer: Scale, write: Writer, x: Value) -> Value:
    """A factor, and an offset, for each channel."""
    return _affine(write, x, x.shape.rank)


def normalize(layer: Normalize, write: Writer, x: Value) -> Value:
    """Less the mean, over the deviation."""
    rank = x.shape.rank
    return write("Div", write("Sub", x, write.per_channel("mean", rank)), write.per_channel("std", rank))


def _affine(write: Writer, x: Value, rank: int) -> Value:
    """The factors and offsets that there are."""
    for kind, name in (("Mul", "weight"), ("Add", "bias")):
        if value := write.per_channel(name, rank):
            x = write(kind, x, value)
    return x
