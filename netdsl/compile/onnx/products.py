"""Layers with weights for each pair of channels, in ONNX: convolutions, FC, RBF."""

from __future__ import annotations

from collections.abc import Sequence

from netdsl.compile.onnx.sheet import Value, Writer
from netdsl.layers.base import Window, per_axis
from netdsl.layers.conv import Convolving
from netdsl.layers.deconv import Deconv
from netdsl.layers.dense import FullyConnected, RadialBasis
from netdsl.layers.modules import conv


def pads(windows: Sequence[Window]) -> list[int]:
    """Padding as ONNX has it: before each axis, then after."""
    return [*(one.before for one in windows), *(one.after for one in windows)]


def convolution(layer: Convolving, write: Writer, x: Value) -> Value:
    """A Conv; a table's zeros are zeros among its weights."""
    tensors, windows = write.module.state_dict(), layer.windows(x.shape)
    return write(
        "Conv",
        x,
        write.weight("weight", conv.connected(tensors["weight"], tensors.get("mask"))),
        write.weight("bias"),
        kernel_shape=[one.size for one in windows],
        strides=[one.stride for one in windows],
        pads=pads(windows),
        dilations=[one.dilation for one in windows],
        group=layer.groups_of(x.shape),
    )


def deconvolution(layer: Deconv, write: Writer, x: Value) -> Value:
    """A ConvTranspose, which adds less than its stride: more comes of zeros behind its input, and is cut to size."""
    kernel, stride, padding, extra, dilation = (
        list(per_axis(getattr(layer, one), x.shape, one))
        for one in ("kernel", "stride", "padding", "output_pad", "dilation")
    )
    zeros, behind = [0] * len(kernel), list(padding)
    for axis, (more, step) in enumerate(zip(extra, stride, strict=True)):
        if more >= step:
            zeros[axis] = -(-more // step)
            behind[axis] += zeros[axis] * step - more
            extra[axis] = 0
    return write(
        "ConvTranspose",
        write("Pad", x, [*[0] * (len(zeros) + 4), *zeros]) if any(zeros) else x,
        write.weight("weight"),
        write.weight("bias"),
        kernel_shape=kernel,
        strides=stride,
        pads=padding + behind,
        dilations=dilation,
        output_padding=extra,
        group=layer.groups,
    )


def dense(layer: FullyConnected, write: Writer, x: Value) -> Value:
    """A Gemm, over what is flattened first."""
    return write("Gemm", flat(write, x), write.weight("weight"), write.weight("bias"), transB=1)


def flat(write: Writer, x: Value) -> Value:
    """What has spatial axes as a vector."""
    return write("Flatten", x, axis=1) if x.shape.spatial else x


def radial(layer: RadialBasis, write: Writer, x: Value) -> Value:
    """Squared distances to the codes."""
    apart = write("Sub", write("Unsqueeze", flat(write, x), [1]), write.weight("codes"))
    return write("ReduceSumSquare", apart, [2], keepdims=0)
