"""What normalises in Caffe: LRN, BatchNorm with its Scale, and what forks add to them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from math import prod
from typing import TYPE_CHECKING

from netdsl.interchange import mistakes
from netdsl.interchange.caffe.work import Work
from netdsl.interchange.gathering import Fault, make
from netdsl.layers.arguments import Number
from netdsl.layers.base import Layer
from netdsl.layers.norm import BatchNorm

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_REGIONS = {"ACROSS_CHANNELS": "across", "0": "across", "WITHIN_CHANNEL": "within", "1": "within"}


def local_response(work: Work) -> Sequence[str]:
    """LRN, across channels or over a window of each."""
    fields, dims = work.fields.inner("lrn_param"), work.x.dims
    region = fields.word("norm_region", _REGIONS, "across")
    size, alpha = fields.whole("local_size", 5, 1), fields.real("alpha", 1)
    beta, k = fields.real("beta", Fraction("0.75")), fields.real("k", 1)
    fields.rest("engine")
    if size % 2 == 0:
        raise Fault(mistakes.WrongValue("local_size", str(size), "odd"))
    if region == "across":
        return [work.give(make("LRN", size=size, alpha=alpha, beta=beta, k=k), dims)]
    item = work.give(make("MUL"), dims, inputs=[work.x.item] * 2, what="squares")
    pool = make("AVGPOOL", kernel=size, stride=1, padding=size // 2) if size > 1 else None
    for what, layer in (("mean", pool), ("alpha", make("TIMES", factor=alpha)), ("sum", make("PLUS", offset=1))):
        if layer:
            item = work.give(layer, dims, inputs=[item], what=what)
    item = work.give(power_of(-beta), dims, inputs=[item], what="power")
    return [work.give(make("MUL"), dims, inputs=[work.x.item, item])]


def power_of(exponent: Number) -> Layer:
    """The layer that takes powers of what is positive: an LRN that looks at one channel is x / (x²)^beta."""
    return make("LRN", size=1, alpha=1, beta=(1 - Fraction(exponent)) / 2, k=0)


def normalize(work: Work) -> Sequence[str]:
    """Normalize of forks: channels divided by their length, and with norm_param times a factor for each."""
    dims, scales = work.x.dims, work.fields.has("norm_param")
    fields = work.fields.inner("norm_param")
    across, shared = fields.flag("across_spatial", scales), fields.flag("channel_shared", scales)
    filler, eps = fields.inner("scale_filler"), fields.real("eps", Fraction("1e-10"))
    fields.rest()
    if across and prod(dims[1:]) > 1:
        raise Fault(mistakes.Unsaid("across_spatial", "no layer divides a map by the length of all its values"))
    if shared and dims[0] > 1:
        raise Fault(mistakes.Unsaid("channel_shared", "SCALE has a factor for each channel, and not one for all"))
    size = 2 * dims[0] - 1  # each channel sees all
    length = make("LRN", size=size, alpha=size, beta=Fraction(1, 2), k=eps)
    item = work.give(length, dims, what="length" if scales else "")
    if not scales:
        return [item]
    start = filler.real("value", 0) if filler.text("type") == "constant" else 1
    return [work.give(make("SCALE", init=start), dims, inputs=[item], roles=("weight",), params=dims[0])]


def mean_variance(work: Work) -> Sequence[str]:
    """MVN: each channel, or all of an example, to mean 0 and deviation 1."""
    fields, x = work.fields.inner("mvn_param"), work.x
    divides, across = fields.flag("normalize_variance", True), fields.flag("across_channels", False)
    eps = fields.real("eps", Fraction("1e-9"))
    fields.rest()
    if divides:
        squared = Fraction(eps) ** 2  # which IN adds to the variance, as MVN adds eps to its root
        layer = make("GN", groups=1, eps=squared, noaffine=True) if across else make("IN", eps=squared)
        return [work.give(layer, x.dims)]
    if across:
        raise Fault(mistakes.Unsaid("across_channels", "no layer subtracts the mean of all channels"))
    item = work.give(make("AVGPOOL", **{"global": True}), (x.dims[0], *(1 for _ in x.dims[1:])), what="mean")
    item = work.give(make("UPSAMPLE", to=x.dims[1:]), x.dims, inputs=[item], what="means")
    return [work.give(make("SUB"), x.dims, inputs=[x.item, item])]


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


def bias(work: Work) -> Sequence[str]:
    """Bias: a learned offset for each channel, or with two inputs a sum."""
    fields, x = work.fields.inner("bias_param"), work.x
    axis, axes = work.axis(fields), fields.whole("num_axes", 1) if fields.has("num_axes") else 1
    fields.rest("filler")
    if len(work.inputs) > 1:
        work.takes(2)
        if work.inputs[1].dims != x.dims:
            raise Fault(mistakes.Unsaid("its sum", "ADD wants equal shapes"))
        return [work.give(make("ADD"), x.dims, inputs=[one.item for one in work.inputs])]
    if axis != 1 or axes != 1:
        raise Fault(mistakes.Unsaid("its axis", "an offset is learned for each channel"))
    once = (x.dims[0], *(1 for _ in x.dims[1:]))
    item = x.item
    if once != x.dims:  # POSITIONS learns a vector for each position: here for one, which holds zeros
        item = work.give(make("AVGPOOL", **{"global": True}), once, what="mean")
        item = work.give(make("TIMES", factor=0), once, inputs=[item], what="zero")
    what = "offset" * (once != x.dims)
    item = work.give(make("POSITIONS"), once, inputs=[item], roles=("weight",), params=x.dims[0], what=what)
    if once == x.dims:
        return [item]
    item = work.give(make("UPSAMPLE", to=x.dims[1:]), x.dims, inputs=[item], what="offsets")
    return [work.give(make("ADD"), x.dims, inputs=[x.item, item])]
