"""What each layer of Caffe is in netdsl: a rule for each kind."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from math import prod
from typing import TYPE_CHECKING, TypeAlias

from netdsl.interchange import mistakes
from netdsl.interchange.caffe.merges import axpy, concat, crop, eltwise, slicing
from netdsl.interchange.caffe.windows import convolution, deconvolution, pooling
from netdsl.interchange.caffe.work import Work
from netdsl.interchange.gathering import MOST_AXES, Dims, Fault, make
from netdsl.layers.norm import BatchNorm

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Rule: TypeAlias = Callable[[Work], Sequence[str]]
"""Adds the items of a layer, and gives the one of each of its tops."""

_REGIONS = {"ACROSS_CHANNELS": "across", "0": "across", "WITHIN_CHANNEL": "within", "1": "within"}


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


def local_response(work: Work) -> Sequence[str]:
    """LRN, across channels."""
    fields = work.fields.inner("lrn_param")
    region = fields.word("norm_region", _REGIONS, "across")
    size, alpha = fields.whole("local_size", 5, 1), fields.real("alpha", 1)
    beta, k = fields.real("beta", Fraction("0.75")), fields.real("k", 1)
    fields.rest("engine")
    if region == "within":
        why = "its sums are over a window of each channel, and LRN's over neighbouring channels"
        raise Fault(mistakes.Unsaid("WITHIN_CHANNEL", why))
    if size % 2 == 0:
        raise Fault(mistakes.WrongValue("local_size", str(size), "odd"))
    return [work.give(make("LRN", size=size, alpha=alpha, beta=beta, k=k), work.x.dims)]


def batch_norm(work: Work) -> Sequence[str]:
    """BatchNorm, which normalises alone; a Scale behind it makes it affine."""
    fields = work.fields.inner("batch_norm_param")
    eps, affine = fields.real("eps", Fraction("1e-5")), fields.flag("scale_bias", False)
    kept = fields.real("moving_average_fraction") if fields.has("moving_average_fraction") else None
    fields.rest("use_global_stats engine moving_average_fraction scale_filler bias_filler")
    momentum = None if kept is None else 1 - kept
    layer = make("BN", eps=eps, momentum=momentum, noaffine=not affine)
    dims = work.x.dims
    return [work.give(layer, dims, params=2 * dims[0] * affine, weights=_statistics(work, affine))]


def fork_norm(work: Work) -> Sequence[str]:
    """BN of forks, which scales and shifts too: its blobs are factor, offset, mean and variance."""
    fields, dims = work.fields.inner("bn_param"), work.x.dims
    eps = fields.real("eps", Fraction("1e-5"))
    fields.rest("slope_filler bias_filler scale_filler shift_filler momentum frozen engine")
    weights: dict[str, NDArray[np.float32]] = {}
    if work.there():
        blobs = [blob.reshape(-1) for blob in work.blobs]
        if [blob.size for blob in blobs] != [dims[0]] * 4:
            raise work.unfit(f"the blobs of {work.given.name}, which normalises {dims[0]} channels")
        weights = dict(zip(("weight", "bias", "running_mean", "running_var"), blobs, strict=True))
    return [work.give(make("BN", eps=eps), dims, params=2 * dims[0], weights=weights)]


def _statistics(work: Work, affine: bool) -> Mapping[str, NDArray[np.float32]]:
    """Running statistics: Caffe keeps sums, and in a third blob what they are divided by."""
    channels, blobs = work.x.dims[0], [blob.reshape(-1) for blob in work.blobs]
    if not work.there():
        return {}
    if [blob.size for blob in blobs] != [channels, channels, 1, channels, channels][: 5 if affine else 3]:
        raise work.unfit(f"the blobs of {work.given.name}, which normalises {channels} channels")
    mean, variance, total = blobs[:3]
    factor = 0 if total[0] == 0 else 1 / total[0]
    further = dict(zip(("weight", "bias"), blobs[3:], strict=False))
    return {"running_mean": mean * factor, "running_var": variance * factor, **further}


def scale(work: Work) -> Sequence[str]:
    """Scale: learned factors and offsets, or with two inputs a product."""
    fields, x = work.fields.inner("scale_param"), work.x
    axis = work.axis(fields)
    bias, axes = fields.flag("bias_term", False), fields.whole("num_axes", 1) if fields.has("num_axes") else 1
    fields.rest("filler bias_filler engine")
    if len(work.inputs) > 1:
        work.takes(2)
        other = work.inputs[1]
        if bias or not (other.dims == x.dims or (axis == 0 and other.dims == x.dims[: len(other.dims)] == x.dims[:1])):
            raise Fault(mistakes.Unsaid("its product", "MUL stretches channels alone, and adds nothing"))
        return [work.give(make("MUL"), x.dims, inputs=[x.item, other.item])]
    if axis != 1 or axes != 1:
        raise Fault(mistakes.Unsaid("its axis", "SCALE has a factor for each channel"))
    roles = ("weight", "bias") if bias else ("weight",)
    before = work.gathering.items[x.item]
    if bias and work.alone and isinstance(before.layer, BatchNorm) and before.layer.noaffine:
        affine = replace(before.layer, noaffine=False)
        work.gathering.change(x.item, affine, {} if before.shares else work.weights(affine, [x.item], roles, False))
        work.gathering.count(x.item, 0 if before.shares else 2 * x.dims[0])
        return [x.item]
    return [work.give(make("SCALE", bias=bias), x.dims, roles=roles, params=x.dims[0] * (1 + bias))]


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
    """Power: (shift + scale · x) ^ power, of which netdsl has the powers 1 and 2."""
    fields = work.fields.inner("power_param")
    exponent, factor, shift = fields.real("power", 1), fields.real("scale", 1), fields.real("shift", 0)
    fields.rest()
    if exponent not in (1, 2):
        raise Fault(mistakes.Unsaid("its power", f"{float(exponent):g} is neither 1 nor 2, and no layer takes powers"))
    item, dims = work.x.item, work.x.dims
    if factor != 1:
        item = work.give(make("TIMES", factor=factor), dims, inputs=[item])
    if shift != 0:
        item = work.give(make("PLUS", offset=shift), dims, inputs=[item])
    return [work.give(make("MUL"), dims, inputs=[item, item]) if exponent == 2 else item]


def swish(work: Work) -> Sequence[str]:
    """Swish, with β of 1 alone."""
    fields = work.fields.inner("swish_param")
    if (beta := fields.real("beta", 1)) != 1:
        raise Fault(mistakes.Unsaid("its beta", f"SILU has 1, and not {float(beta):g}"))
    fields.rest()
    return [work.give(make("SILU"), work.x.dims)]


def clip(work: Work) -> Sequence[str]:
    """Clip, from 0 to 6 alone."""
    fields = work.fields.inner("clip_param")
    least, most = fields.real("min"), fields.real("max")
    fields.rest()
    if (least, most) != (0, 6):
        raise Fault(mistakes.Unsaid("its bounds", f"RELU6 has 0 and 6, not {float(least):g} and {float(most):g}"))
    return [work.give(make("RELU6"), work.x.dims)]


def softmax(work: Work) -> Sequence[str]:
    """Softmax, over channels."""
    fields = work.fields.inner("softmax_param")
    axis = work.axis(fields)
    fields.rest("engine")
    if axis != 1:
        raise Fault(mistakes.Unsaid("its axis", "SOFTMAX is over channels, which are axis 1"))
    return [work.give(make("LOGSOFTMAX" if work.given.kind == "LogSoftmax" else "SOFTMAX"), work.x.dims)]


def dropout(work: Work) -> Sequence[str]:
    """Dropout."""
    fields = work.fields.inner("dropout_param")
    rate = fields.real("dropout_ratio", Fraction("0.5"))
    fields.rest("scale_train engine")
    return [work.give(make("DROPOUT", rate=rate), work.x.dims)]


def flatten(work: Work) -> Sequence[str]:
    """Flatten, of all that is behind the batch."""
    fields = work.fields.inner("flatten_param")
    axis, end = work.axis(fields), work.axis(fields, "end_axis", -1)
    fields.rest()
    if axis > end:
        raise Fault(mistakes.Unlike("end_axis", f"{end} is before axis {axis}"))
    if axis == 0:
        raise Fault(mistakes.Unsaid("its axis", "a batch stays apart"))
    dims = work.x.dims
    joined = (*dims[: axis - 1], prod(dims[axis - 1 : end]), *dims[end:])
    return [_reshaped(work, joined)]


def reshape(work: Work) -> Sequence[str]:
    """Reshape, within an example: 0 keeps a size, and -1 follows from the others."""
    fields, x = work.fields.inner("reshape_param"), work.x
    shape = fields.inner("shape")
    given = [int(one) for one in shape.reals("dim")]
    if len(given) > MOST_AXES:
        raise Fault(mistakes.TooMuch("axes of a shape", len(given), MOST_AXES), shape.span)
    axis = work.axis(fields, default=0)
    axes = int(fields.real("num_axes", -1))
    shape.rest()
    fields.rest()
    whole = (x.batch, *x.dims)
    stop = len(whole) if axes == -1 else axis + axes
    if given.count(-1) > 1 or min(given, default=0) < -1 or not axis <= stop <= len(whole):
        raise Fault(mistakes.WrongValue("dim", " ".join(map(str, given)), "a shape with at most one -1"))
    if any(size == 0 and axis + at >= len(whole) for at, size in enumerate(given)):
        raise Fault(mistakes.Unlike("dim", f"there is no axis {len(whole)} whose size a 0 could keep"))
    new = [whole[axis + at] if size == 0 else size for at, size in enumerate(given)]
    new = [*whole[:axis], *new, *whole[stop:]]
    rest = prod([size for size in new if size != -1])
    if -1 in new and (not rest or prod(whole) % rest):
        raise Fault(mistakes.Unlike("dim", f"{prod(whole):,} values are no multiple of {rest:,}"))
    new = [prod(whole) // rest if size == -1 else size for size in new]
    if prod(new) != prod(whole):
        raise Fault(mistakes.Unlike("dim", f"{prod(whole):,} values do not make {'x'.join(map(str, new))}"))
    if len(new) < 2 or new[0] != x.batch:
        raise Fault(mistakes.Unsaid("its shape", "examples of a batch stay apart"))
    return [_reshaped(work, tuple(new[1:]))]


def _reshaped(work: Work, dims: Dims) -> str:
    if dims == work.x.dims:
        return work.x.item
    if len(dims) == 1:
        return work.give(make("FLATTEN"), dims)
    return work.give(make("RESHAPE", dims=(*dims[1:], dims[0])), dims)


def shuffle(work: Work) -> Sequence[str]:
    """ShuffleChannel."""
    fields = work.fields.inner("shuffle_channel_param")
    groups = fields.whole("group", 1, 1)
    fields.rest()
    return [work.give(make("SHUFFLE", groups=groups), work.x.dims)]


def interp(work: Work) -> Sequence[str]:
    """Interp of forks: bilinear, with the outermost values on each other."""
    fields, dims = work.fields.inner("interp_param"), work.x.dims
    height, width = fields.whole("height", 0), fields.whole("width", 0)
    shrink, zoom = fields.whole("shrink_factor", 1, 1), fields.whole("zoom_factor", 1, 1)
    fields.rest()
    less = [(size - 1) // shrink + 1 for size in dims[1:]]
    sizes = (height, width) if height and width else tuple([size + (size - 1) * (zoom - 1) for size in less])
    layer = make("UPSAMPLE", to=sizes, mode="bilinear", aligned=True)
    return [work.give(layer, (dims[0], *sizes))]


def upsample(work: Work) -> Sequence[str]:
    """Upsample of forks, by repeating values."""
    fields, dims = work.fields.inner("upsample_param"), work.x.dims
    factor = fields.whole("scale", 2, 1)
    fields.rest()
    return [work.give(make("UPSAMPLE", factor=factor), (dims[0], *(factor * size for size in dims[1:])))]


def split(work: Work) -> Sequence[str]:
    """Split: all tops are what it reads."""
    return [work.x.item] * len(work.given.tops)


def plain(keyword: str, param: str = "") -> Rule:
    """The rule of a layer that has nothing to say."""

    def rule(work: Work) -> Sequence[str]:
        if param:
            work.fields.inner(param).rest("engine")
        return [work.give(make(keyword), work.x.dims)]

    return rule


def unsaid(why: str) -> Rule:
    """The rule of a layer that no program can say."""

    def rule(work: Work) -> Sequence[str]:
        raise Fault(mistakes.Unsaid(work.given.kind, why))

    return rule


_MERGES = {"Eltwise", "Concat", "Scale", "Crop", "Axpy"}
"""Layers that read several blobs."""

RULES: Mapping[str, Rule] = {
    "AbsVal": plain("ABS"),
    "ArgMax": unsaid("no layer gives the number of a class; what it reads can be an output"),
    "Axpy": axpy,
    "BatchNorm": batch_norm,
    "BatchReindex": unsaid("no layer picks examples of a batch"),
    "Bias": unsaid("no layer learns an offset alone; SCALE bias has a factor too"),
    "BN": fork_norm,
    "BNLL": plain("SOFTPLUS"),
    "Clip": clip,
    "Concat": concat,
    "Convolution": convolution,
    "ConvolutionDepthwise": convolution,
    "Crop": crop,
    "Deconvolution": deconvolution,
    "DepthwiseConvolution": convolution,
    "DetectionOutput": unsaid("it picks boxes, which no layer does; what it reads can be an output"),
    "Dropout": dropout,
    "Eltwise": eltwise,
    "ELU": elu,
    "Embed": unsaid("no layer looks vectors up"),
    "Exp": unsaid("no layer is an exponential alone"),
    "Filter": unsaid("no layer picks examples of a batch"),
    "Flatten": flatten,
    "Im2col": unsaid("no layer copies windows side by side"),
    "Interp": interp,
    "InnerProduct": inner_product,
    "Log": unsaid("no layer is a logarithm alone"),
    "LogSoftmax": softmax,
    "LRN": local_response,
    "LSTM": unsaid("its sequences are batches with marks, and its gates others than LSTM's"),
    "MVN": unsaid("it adds eps to the deviation, and IN to the variance"),
    "Normalize": unsaid("no layer divides by the length of a vector"),
    "Permute": unsaid("no layer exchanges axes"),
    "Parameter": unsaid("no layer is weights alone"),
    "Pooling": pooling,
    "Power": power,
    "PReLU": prelu,
    "PriorBox": unsaid("its boxes follow from sizes, and no layer gives constants"),
    "Python": unsaid("what its code computes is not in the file"),
    "Reduction": unsaid("no layer sums over the last axes"),
    "ReLU": relu,
    "ReLU6": plain("RELU6"),
    "Reshape": reshape,
    "RNN": unsaid("its sequences are batches with marks"),
    "ROIPooling": unsaid("no layer pools regions that flow in"),
    "Scale": scale,
    "ShuffleChannel": shuffle,
    "Sigmoid": plain("SIGMOID", "sigmoid_param"),
    "Slice": slicing,
    "Softmax": softmax,
    "Split": split,
    "SPP": unsaid("its pools of several sizes are rounded as no layer rounds"),
    "Swish": swish,
    "TanH": plain("TANH", "tanh_param"),
    "Threshold": unsaid("no layer compares with a threshold"),
    "Tile": unsaid("no layer repeats a map along an axis"),
    "Upsample": upsample,
}
"""The rule of each kind of layer that is neither an input nor a loss."""


def say(work: Work) -> Sequence[str]:
    """The items of a layer's tops. Raises Fault and LayerError."""
    if work.given.kind not in _MERGES:
        work.takes(1)
    return RULES[work.given.kind](work)
