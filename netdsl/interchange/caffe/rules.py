"""What each layer of Caffe is in netdsl: a rule for each kind."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from math import prod
from typing import TypeAlias

from netdsl.interchange import mistakes
from netdsl.interchange.caffe.merges import axpy, concat, crop, eltwise, slicing
from netdsl.interchange.caffe.moves import flatten, permute, reshape, shuffle, softmax, split, tile
from netdsl.interchange.caffe.norms import (
    batch_norm,
    bias,
    fork_norm,
    local_response,
    mean_variance,
    normalize,
    power_of,
    scale,
)
from netdsl.interchange.caffe.windows import convolution, deconvolution, pooling, pyramid
from netdsl.interchange.caffe.work import Work
from netdsl.interchange.gathering import Fault, make, shape_of

Rule: TypeAlias = Callable[[Work], Sequence[str]]
"""Adds the items of a layer, and gives the one of each of its tops."""


def inner_product(work: Work) -> Sequence[str]:
    """InnerProduct: everything behind the batch is one vector."""
    fields, dims = work.fields.inner("inner_product_param"), work.x.dims
    units, bias = fields.whole("num_output", least=1), fields.flag("bias_term", True)
    turned = fields.flag("transpose", False)
    if work.axis(fields) != 1:
        raise Fault(mistakes.Unsaid("its axis", "FC reads all that is behind the batch"))
    fields.rest("weight_filler bias_filler")
    macs = units * prod(dims)
    roles = ("weight", "bias") if bias else ("weight",)
    params = macs + units * bias
    return [
        work.give(
            make("FC", units=units, nobias=not bias), (units,), roles=roles, params=params, macs=macs, turned=turned
        )
    ]


def relu(work: Work) -> Sequence[str]:
    """ReLU, with a slope below 0 where it says one."""
    fields = work.fields.inner("relu_param")
    slope = fields.real("negative_slope", 0)
    fields.rest("engine")
    return [work.give(make("LEAKYRELU", slope=slope) if slope else make("RELU"), work.x.dims)]


def prelu(work: Work) -> Sequence[str]:
    """PReLU, with a slope for each channel by default."""
    fields = work.fields.inner("prelu_param")
    shared = fields.flag("channel_shared", False)
    filler = fields.inner("filler")
    slope = filler.real("value", 0) if filler.text("type") == "constant" else Fraction("0.25")
    fields.rest()
    count = 1 if shared else work.x.dims[0]
    return [work.give(make("PRELU", slope=slope, per_channel=not shared), work.x.dims, roles=("weight",), params=count)]


def elu(work: Work) -> Sequence[str]:
    """ELU."""
    fields = work.fields.inner("elu_param")
    alpha = fields.real("alpha", 1)
    fields.rest()
    return [work.give(make("ELU", slope=alpha), work.x.dims)]


def power(work: Work) -> Sequence[str]:
    """Power: (shift + scale · x) ^ power, but for the powers from 0 to 1."""
    fields = work.fields.inner("power_param")
    exponent, factor, shift = fields.real("power", 1), fields.real("scale", 1), fields.real("shift", 0)
    fields.rest()
    if 0 <= exponent < 1:
        why = f"no layer takes the power {float(exponent):g} of 0"
        raise Fault(mistakes.Unsaid("its power", why))
    item, dims = work.x.item, work.x.dims
    if factor != 1:
        item = work.give(make("TIMES", factor=factor), dims, inputs=[item], what="scale" if exponent != 1 else "")
    if shift != 0:
        item = work.give(make("PLUS", offset=shift), dims, inputs=[item], what="shift" if exponent != 1 else "")
    if exponent == 2:
        return [work.give(make("MUL"), dims, inputs=[item, item])]
    if exponent == 1:
        return [item]
    item = work.give(power_of(exponent), dims, inputs=[item], what="odd" if exponent % 2 == 0 else "")
    return [work.give(make("ABS"), dims, inputs=[item]) if exponent % 2 == 0 else item]


def exponential(work: Work) -> Sequence[str]:
    """Exp: base ^ (shift + scale · x); e^x is sigmoid(x) / sigmoid(-x)."""
    fields, item, dims = work.fields.inner("exp_param"), work.x.item, work.x.dims
    base, factor, shift = fields.real("base", -1), fields.real("scale", 1), fields.real("shift", 0)
    fields.rest()
    if base != -1 and base <= 0:
        raise Fault(mistakes.WrongValue("base", f"{float(base):g}", "-1, which is e, or more than 0"))
    natural = 1 if base == -1 else Fraction(math.log(base))
    if factor * natural != 1:
        item = work.give(make("TIMES", factor=factor * natural), dims, inputs=[item], what="scale")
    if shift:
        item = work.give(make("PLUS", offset=shift * natural), dims, inputs=[item], what="shift")
    over = work.give(make("SIGMOID"), dims, inputs=[item], what="over")
    item = work.give(make("TIMES", factor=-1), dims, inputs=[item], what="negative")
    item = work.give(make("SIGMOID"), dims, inputs=[item], what="under")
    item = work.give(power_of(-1), dims, inputs=[item], what="inverse")
    return [work.give(make("MUL"), dims, inputs=[over, item])]


def swish(work: Work) -> Sequence[str]:
    """Swish: x · sigmoid(β · x)."""
    fields = work.fields.inner("swish_param")
    beta = fields.real("beta", 1)
    fields.rest()
    if beta == 1:
        return [work.give(make("SILU"), work.x.dims)]
    item = work.give(make("TIMES", factor=beta), work.x.dims, what="scale")
    item = work.give(make("SIGMOID"), work.x.dims, inputs=[item], what="gate")
    return [work.give(make("MUL"), work.x.dims, inputs=[work.x.item, item])]


def clip(work: Work) -> Sequence[str]:
    """Clip: RELU6, of values that are taken to its bounds and back."""
    fields, item = work.fields.inner("clip_param"), work.x.item
    least, most = Fraction(fields.real("min")), Fraction(fields.real("max"))
    fields.rest()
    if least >= most:
        raise Fault(mistakes.Unlike("min", f"{float(least):g} is not less than max, {float(most):g}"))
    unit = (most - least) / 6
    steps = (("PLUS", "offset", -least), ("TIMES", "factor", 1 / unit), ("RELU6", "", 0))
    for keyword, name, value in (*steps, ("TIMES", "factor", unit), ("PLUS", "offset", least)):
        if value != (keyword == "TIMES") or not name:
            layer = make(keyword, **({name: value} if name else {}))
            item = work.give(layer, work.x.dims, inputs=[item])
    return [item]


def dropout(work: Work) -> Sequence[str]:
    """Dropout."""
    fields = work.fields.inner("dropout_param")
    rate = fields.real("dropout_ratio", Fraction("0.5"))
    fields.rest("scale_train engine")
    return [work.give(make("DROPOUT", rate=rate), work.x.dims)]


def interp(work: Work) -> Sequence[str]:
    """Interp of forks: bilinear, with the outermost values on each other."""
    fields, dims = work.fields.inner("interp_param"), work.x.dims
    height, width = fields.whole("height", 0), fields.whole("width", 0)
    shrink, zoom = fields.whole("shrink_factor", 1, 1), fields.whole("zoom_factor", 1, 1)
    for side in ("pad_beg", "pad_end"):
        if fields.real(side, 0):
            raise Fault(mistakes.Unsaid(side, "UPSAMPLE takes the whole map"))
    fields.rest()
    less = [(size - 1) // shrink + 1 for size in dims[1:]]
    sizes = (height, width) if height and width else tuple([size + (size - 1) * (zoom - 1) for size in less])
    layer = make("UPSAMPLE", to=sizes, mode="bilinear", aligned=True)
    return [work.give(layer, (dims[0], *sizes))]


def reorg(work: Work) -> Sequence[str]:
    """Reorg of forks, which is Darknet's."""
    fields, dims = work.fields.inner("reorg_param"), work.x.dims
    stride = fields.whole("stride", least=1)
    fields.rest()
    if len(dims) != 3 or dims[0] % stride**2 or any(size % stride for size in dims[1:]):
        raise Fault(mistakes.Unlike("stride", f"{shape_of(dims)} does not divide by {stride}"))
    out = (dims[0] * stride**2, *(size // stride for size in dims[1:]))
    return [work.give(make("PIXELUNSHUFFLE", factor=stride, order="darknet"), out)]


def upsample(work: Work) -> Sequence[str]:
    """Upsample of forks, by repeating values."""
    fields, dims = work.fields.inner("upsample_param"), work.x.dims
    factor = fields.whole("scale", 2, 1)
    fields.rest()
    return [work.give(make("UPSAMPLE", factor=factor), (dims[0], *(factor * size for size in dims[1:])))]


def plain(keyword: str, param: str = "") -> Rule:
    """The rule of a layer that has nothing to say."""

    def rule(work: Work) -> Sequence[str]:
        if param:
            work.fields.inner(param).rest("engine")
        return [work.give(make(keyword), work.x.dims)]

    return rule


_MERGES = {"Eltwise", "Concat", "Scale", "Bias", "Crop", "Axpy"}
"""Layers that read several blobs."""

RULES: Mapping[str, Rule] = {
    "AbsVal": plain("ABS"),
    "Axpy": axpy,
    "BatchNorm": batch_norm,
    "Bias": bias,
    "BN": fork_norm,
    "BNLL": plain("SOFTPLUS"),
    "Clip": clip,
    "Concat": concat,
    "Convolution": convolution,
    "ConvolutionDepthwise": convolution,
    "Crop": crop,
    "Deconvolution": deconvolution,
    "DepthwiseConvolution": convolution,
    "Dropout": dropout,
    "Eltwise": eltwise,
    "ELU": elu,
    "Exp": exponential,
    "Flatten": flatten,
    "Interp": interp,
    "InnerProduct": inner_product,
    "LogSoftmax": softmax,
    "LRN": local_response,
    "MVN": mean_variance,
    "Normalize": normalize,
    "Permute": permute,
    "Pooling": pooling,
    "Power": power,
    "PReLU": prelu,
    "ReLU": relu,
    "ReLU6": plain("RELU6"),
    "Reorg": reorg,
    "Reshape": reshape,
    "Scale": scale,
    "ShuffleChannel": shuffle,
    "Sigmoid": plain("SIGMOID", "sigmoid_param"),
    "Slice": slicing,
    "Softmax": softmax,
    "Split": split,
    "SPP": pyramid,
    "Swish": swish,
    "TanH": plain("TANH", "tanh_param"),
    "Tile": tile,
    "Upsample": upsample,
}
"""The rule of each kind of layer that is neither an input nor a loss."""


UNSAID: Mapping[str, str] = {
    "BatchReindex": "no layer picks examples of a batch",
    "Embed": "no layer looks vectors up",
    "Filter": "no layer picks examples of a batch",
    "Im2col": "no layer copies windows side by side",
    "Log": "no layer is a logarithm alone",
    "LSTM": "its sequences are batches with marks, and its gates others than LSTM's",
    "Parameter": "no layer is weights alone",
    "Python": "what its code computes is not in the file",
    "Reduction": "no layer sums over the last axes",
    "RNN": "its sequences are batches with marks",
    "ROIPooling": "no layer pools regions that flow in",
    "Threshold": "no layer compares with a threshold",
}
"""What no program can say, and why."""


def say(work: Work) -> Sequence[str]:
    """The items of a layer's tops. Raises Fault and LayerError."""
    if why := UNSAID.get(work.given.kind):
        raise Fault(mistakes.Unsaid(work.given.kind, why))
    if work.given.kind not in _MERGES:
        work.takes(1)
    return RULES[work.given.kind](work)
