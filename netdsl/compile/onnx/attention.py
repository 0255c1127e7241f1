"""Attention in ONNX, with channels last: products, and gathers that bring positions into windows and back."""

from __future__ import annotations

from math import prod
from typing import cast

import torch
from torch import Tensor
from torch.nn import functional

from netdsl.compile.onnx.sheet import Value, Writer
from netdsl.layers.attention import Attention
from netdsl.layers.modules.attention import WindowAttention
from netdsl.layers.shape import Shape


def attention(layer: Attention, write: Writer, x: Value) -> Value:
    """Projections, products of queries and keys, a Softmax, and products with values."""
    shape, (heads, width) = x.shape, (layer.heads, layer.inner(x.shape) // layer.heads)
    rows = write.last(x)
    places = None if layer.window is None else _places(layer, cast("WindowAttention", write.module), shape)
    if places is None:
        around, count = [-1], shape.positions
    else:
        around, count = [-1, places.size(0)], places.size(1)
        rows = write("Reshape", rows, [0, shape.positions, shape.channels])
        if prod(layer.padded(shape)) > shape.positions:
            rows = write("Pad", rows, [0, 0, 0, 0, 1, 0])  # the one position of zeros that stands for all
        rows = write("Gather", rows, places, axis=1)
    rows = write("Reshape", rows, [-1, shape.channels])
    projected = write("Gemm", rows, write.weight("in_proj_weight"), write.weight("in_proj_bias"), transB=1)
    axes = len(around)
    order, turned = ([*range(axes), *(axes + one for one in last)] for last in ((1, 0, 2), (1, 2, 0)))
    split = [
        write("Reshape", one, [*around, count, heads, width])
        for one in write.several("Split", [projected], {"axis": 1, "num_outputs": 3}, 3)
    ]
    query, value = (write("Transpose", one, perm=order) for one in (split[0], split[2]))
    products = write("MatMul", write("Mul", query, width**-0.5), write("Transpose", split[1], perm=turned))
    if (mask := _mask(layer, write, shape, count)) is not None:
        products = write("Add", products, mask)
    found = write("Transpose", write("MatMul", write("Softmax", products, axis=-1), value), perm=order)
    found = write("Reshape", found, [-1, heads * width])
    found = write("Gemm", found, write.weight("out_proj.weight"), write.weight("out_proj.bias"), transB=1)
    if places is not None:
        found = write("Reshape", found, [-1, places.numel(), shape.channels])
        found = write("Gather", found, places.flatten().argsort()[: shape.positions], axis=1)
    return write.first(write("Reshape", found, [-1, *shape.spatial, shape.channels]), shape.rank)


def _places(layer: Attention, module: WindowAttention, x: Shape) -> Tensor:
    """The positions of each window, row by row; one more than all for what is padded."""
    padded, axes = layer.padded(x), range(1, x.rank + 1)
    rows = torch.arange(x.positions).reshape(1, *x.spatial, 1)
    more = [size for pair in zip(reversed(padded), reversed(x.spatial), strict=True) for size in (0, pair[0] - pair[1])]
    rows = functional.pad(rows, (0, 0, *more), value=x.positions)
    return module.cut(rows.roll([-shift for shift in layer.shifts(x)], [*axes])).squeeze(-1)


def _mask(layer: Attention, write: Writer, x: Shape, count: int) -> Value | Tensor | None:
    """What is added to the products of queries and keys."""
    if layer.causal:
        return torch.full((count, count), -torch.inf).triu(1)
    mask: Value | Tensor | None = None
    if layer.relative:
        index = torch.arange(prod(2 * side - 1 for side in layer.sides(x))).reshape(-1, 1)
        ways = cast("WindowAttention", write.module).relation(index)[0, 0]
        mask = write("Transpose", write("Gather", write.weight("relative_position_bias_table"), ways), perm=[2, 0, 1])
    if any(layer.shifts(x)):
        module = cast("WindowAttention", write.module)
        barrier = module.barrier(torch.zeros(1, *layer.padded(x), 1), [*layer.shifts(x)])
        mask = barrier if mask is None else write("Add", mask, barrier)
    return mask
