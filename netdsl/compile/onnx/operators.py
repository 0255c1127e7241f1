"""Which operators of ONNX a layer is: a rule by class, and PyTorch's exporter for all others."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from netdsl.compile.onnx import attention, exporter, moving, norms, pointwise, pools, products, recurrent, sequences
from netdsl.compile.onnx.sheet import Value, Writer
from netdsl.layers import activation, channels, conv, deconv, dense, guard, merge, norm, pool, reshape, resize, sequence
from netdsl.layers.attention import Attention
from netdsl.layers.base import Layer
from netdsl.layers.recurrent import Recurrent
from netdsl.layers.rules import rule


@rule(guard.instance(Value))
def onnx(layer: Layer, write: Writer, *inputs: Value) -> Value:
    """What it gives of the values that it takes; by default what PyTorch's exporter makes of its module."""
    return exporter.inlined(write, inputs)


_RULES: Mapping[type[Layer] | tuple[type[Layer], ...], Callable[..., Value]] = {
    conv.Convolving: products.convolution,
    deconv.Deconv: products.deconvolution,
    dense.FullyConnected: products.dense,
    dense.RadialBasis: products.radial,
    Attention: attention.attention,
    (pool.MaxPool, pool.AveragePool): pools.pool,
    norm.LocalResponse: norms.response,
    norm.BatchNorm: norms.batch,
    norm.GroupNorm: norms.group,
    norm.LayerNorm: norms.layer,
    norm.InstanceNorm: norms.instance,
    norm.Scale: norms.scale,
    norm.Normalize: norms.normalize,
    norm.Times: pointwise.times,
    norm.Plus: pointwise.plus,
    pointwise.PLAIN: pointwise.plain,
    activation.Relu6: pointwise.relu6,
    (activation.LeakyRelu, activation.Elu): pointwise.sloping,
    activation.ParametricRelu: pointwise.prelu,
    activation.Silu: pointwise.silu,
    activation.Tanh: pointwise.tanh,
    reshape.Flatten: moving.flatten,
    reshape.Reshape: moving.reshape,
    reshape.Pad: moving.pad,
    reshape.Crop: moving.crop,
    resize.Upsample: moving.upsample,
    resize.PixelShuffle: moving.pixel_shuffle,
    resize.PixelUnshuffle: moving.pixel_unshuffle,
    channels.Slice: moving.channels,
    channels.Shuffle: moving.shuffle,
    sequence.Token: sequences.token,
    sequence.Positions: sequences.positions,
    sequence.Pick: sequences.pick,
    Recurrent: recurrent.recurrent,
    merge.Concat: pointwise.concat,
    merge.Add: pointwise.merging("Sum", "Add"),
    merge.Subtract: pointwise.merging("", "Sub"),
    merge.Multiply: pointwise.merging("", "Mul"),
    merge.Mean: pointwise.merging("Mean"),
    merge.Maximum: pointwise.merging("Max"),
}
for _kinds, _rule in _RULES.items():
    onnx.of(*(_kinds if isinstance(_kinds, tuple) else (_kinds,)))(_rule)
