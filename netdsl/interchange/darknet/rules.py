"""What each layer of Darknet is in netdsl: a rule for each kind, with Darknet's sizes and counts."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from fractions import Fraction
from math import prod
from typing import TypeAlias

from netdsl.interchange import mistakes
from netdsl.interchange.darknet.local import local
from netdsl.interchange.darknet.pools import avgpool, local_avgpool, maxpool
from netdsl.interchange.darknet.work import Work
from netdsl.interchange.gathering import Dims, Fault, make, shape_of
from netdsl.layers.arguments import once

Rule: TypeAlias = Callable[[Work], str]
"""Adds the items of a layer, and gives the last."""


def convolutional(work: Work) -> str:
    """[convolutional]: with batch normalization its bias stands behind that."""
    section, dims = work.section, work.map
    filters, size, groups = (section.whole(key, 1, 1) for key in ("filters", "size", "groups"))
    stride = section.whole("stride", 1, 1)
    strides = section.whole("stride_y", stride, 1), section.whole("stride_x", stride, 1)
    dilation = section.whole("dilation", 1, 1) if size > 1 else 1
    pad = size // 2 if section.whole("pad", 0) else section.whole("padding", 0)
    section.taken |= {"padding", "dilation"}
    work.only("binary xnor flipped antialiasing share_index deform tree sway rotate stretch stretch_sway coordconv")
    if dims[0] % groups or filters % groups:
        why = f"{dims[0]} channels and {filters} filters are not {groups} times a number"
        raise Fault(mistakes.Unlike("groups", why), section.at("groups"))
    out = (filters, *((x + 2 * pad - size) // s + 1 for x, s in zip(dims[1:], strides, strict=True)))
    if min(out) < 1:
        raise Fault(mistakes.Unlike("size", f"{size} is larger than the map, {shape_of(dims)}"), section.at("size"))
    count = dims[0] // groups * filters * size * size
    window = {"kernel": size, "stride": once(strides), "padding": dilation * pad, "dilation": dilation}
    if groups == dims[0] > 1:
        keyword, named = "DWCONV", {"multiplier": filters // groups, **window}
    else:
        keyword, named = "CONV", {"filters": filters, "groups": groups, **window}
    return _normalized(work, keyword, named, out, (filters, dims[0] // groups, size, size), count * prod(out[1:]))


def deconvolutional(work: Work) -> str:
    """[deconvolutional]."""
    section, dims = work.section, work.map
    filters, size, stride = (section.whole(key, 1, 1) for key in ("filters", "size", "stride"))
    pad = size // 2 if section.whole("pad", 0) else section.whole("padding", 0)
    section.taken.add("padding")
    out = (filters, *((x - 1) * stride + size - 2 * pad for x in dims[1:]))
    if min(out) < 1:
        raise Fault(mistakes.Unlike("padding", "nothing is left of the map"), section.at("padding"))
    named = {"filters": filters, "kernel": size, "stride": stride, "padding": pad}
    macs = dims[0] * filters * size * size * prod(dims[1:])
    return _normalized(work, "DECONV", named, out, (dims[0], filters, size, size), macs)


def connected(work: Work) -> str:
    """[connected]: everything that flows in is one vector, and statistics lie behind the weights."""
    units, inputs = work.section.whole("output", 1, 1), prod(work.dims)
    return _normalized(work, "FC", {"units": units}, (units,), (units, inputs), units * inputs)


def _normalized(
    work: Work, keyword: str, named: Mapping[str, object], out: Dims, dims: tuple[int, ...], macs: int
) -> str:
    """A product with its bias, or without and with a BN behind it that has it; then its activation."""
    normalizes = any(work.section.whole(key, 0) for key in ("batch_normalize", "cbn"))
    layer = make(keyword, nobias=normalizes, **named)
    count = out[0]
    weights, statistics = {}, {}
    if (file := work.weights) is not None:
        bias = file.take(count)
        names = ("weight", "running_mean", "running_var")
        if normalizes and keyword != "FC":
            statistics = {name: file.take(count) for name in names}
        turned = keyword == "FC" and file.turned
        weight = file.take(*dims[::-1]) if turned else file.take(*dims)
        if normalizes and keyword == "FC":
            statistics = {name: file.take(count) for name in names}
        weights = {"weight": weight.T if turned else weight}
        (statistics if normalizes else weights)["bias"] = bias
    active = work.section.text("activation", "logistic") != "linear"
    item = work.give(layer, out, "product" * (normalizes or active), weights=weights)
    work.gathering.count(item, prod(dims) + count * (not normalizes), macs)
    if normalizes:
        item = work.give(make("BN"), out, "bn" * active, inputs=(item,), weights=statistics)
        work.gathering.count(item, 2 * count)
    return work.activated(item, "logistic")


def batchnorm(work: Work) -> str:
    """[batchnorm], of which files hold no bias."""
    channels, file = work.dims[0], work.weights
    names = ("weight", "running_mean", "running_var")
    statistics = {} if file is None else {name: file.take(channels) for name in names}
    if file is not None:
        import numpy as np

        statistics["bias"] = np.zeros(channels, np.float32)
    item = work.give(make("BN"), work.dims, weights=statistics)
    work.gathering.count(item, 2 * channels)
    return item


def route(work: Work) -> str:
    """[route]: layers before this one side by side, or of each the same group of channels."""
    section = work.section
    numbers = section.wholes("layers")
    groups, group = section.whole("groups", 1, 1), section.whole("group_id", 0)
    if not numbers:
        raise Fault(mistakes.Missing("[route]", "layers"))
    read = [work.of(number, "layers") for number in numbers]
    if group >= groups:
        raise section.wrong("group_id", f"less than groups, {groups}")
    if len({work.gathering.dims[one][1:] for one in read}) > 1:
        shapes = ", ".join(str(shape_of(work.gathering.dims[one])) for one in read)
        raise Fault(mistakes.Unlike("layers", f"maps of equal size are set side by side, and not {shapes}"))
    if groups > 1:
        read = [_part(work, one, groups, group) for one in read]
    if len(read) == 1:
        return read[0]
    dims = [work.gathering.dims[one] for one in read]
    return work.give(make("CONCAT"), (sum(one[0] for one in dims), *dims[0][1:]), inputs=tuple(read))


def _part(work: Work, item: str, groups: int, group: int) -> str:
    dims = work.gathering.dims[item]
    if dims[0] % groups:
        raise Fault(mistakes.Unlike("groups", f"{dims[0]} channels are not {groups} equal parts"))
    size = dims[0] // groups
    return _channels(work, item, size * group, size * (group + 1))


def _channels(work: Work, item: str, start: int, end: int) -> str:
    """Some channels of an item; all of them are itself."""
    dims = work.gathering.dims[item]
    if (start, end) == (0, dims[0]):
        return item
    return work.give(make("SLICE", **{"from": start, "to": end}), (end - start, *dims[1:]), "part", inputs=(item,))


def shortcut(work: Work) -> str:
    """[shortcut]: what flows in and layers before, added where they both have values."""
    section = work.section
    numbers = section.wholes("from")
    if not numbers:
        raise Fault(mistakes.Missing("[shortcut]", "from"))
    for key in ("alpha", "beta"):
        if section.real(key, 1) != 1:
            raise Fault(mistakes.Unsaid(key, "a sum of weighted parts is no [shortcut] that is known"), section.at(key))
    if section.text("weights_type", "none") != "none":
        raise Fault(mistakes.Unsaid("weights_type", "no layer learns what parts weigh"), section.at("weights_type"))
    section.taken.add("weights_normalization")
    item = work.before
    others = [work.of(number, "from") for number in numbers]
    equal = all(work.gathering.dims[one] == work.dims for one in others)
    if equal:
        item = work.give(make("ADD"), work.dims, inputs=(item, *others))
    else:
        for one in others:
            item = _added(work, item, one)
    return work.activated(item, "linear")


def _added(work: Work, item: str, other: str) -> str:
    """A sum of unequal maps: of the larger one every so many positions, and of both the channels that they share."""
    here, there = work.gathering.dims[item], work.gathering.dims[other]
    if len(here) != len(there):
        raise Fault(mistakes.Unlike("from", f"{shape_of(there)} and {shape_of(here)} are not both maps"))
    if here[1:] != there[1:]:
        step = max(there[1] // here[1], 1)
        sizes = tuple([-(-size // step) for size in there[1:]])
        if sizes != here[1:] or there[1] // here[1] != there[2] // here[2]:
            why = f"{shape_of(there)} is added to some places of {shape_of(here)} alone"
            raise Fault(mistakes.Unsaid("its sum", why), work.section.at("from"))
        there = (there[0], *sizes)
        other = work.give(make("MAXPOOL", kernel=1, stride=step), there, "step", inputs=(other,))
    channels = min(here[0], there[0])
    parts = _channels(work, item, 0, channels), _channels(work, other, 0, channels)
    total = work.give(make("ADD"), (channels, *here[1:]), inputs=parts)
    if channels == here[0]:
        return total
    return work.give(make("CONCAT"), here, inputs=(total, _channels(work, item, channels, here[0])))


def scale_channels(work: Work) -> str:
    """[scale_channels]: a layer before this one times a factor for each channel; [sam] of each value."""
    numbers = work.section.wholes("from")
    if len(numbers) != 1:
        raise Fault(mistakes.Missing(f"[{work.section.kind}]", "from"))
    other = work.of(numbers[0], "from")
    dims = work.gathering.dims[other]
    wide = [(1, *dims[1:])] if work.section.whole("scale_wh", 0) else []
    if work.dims not in (dims, (dims[0],), (dims[0], 1, 1), *wide):
        why = f"{shape_of(work.dims)} are no factors of {shape_of(dims)}"
        raise Fault(mistakes.Unlike("from", why), work.section.at("from"))
    return work.activated(work.give(make("MUL"), dims, inputs=(other, work.before)), "linear")


def reorg(work: Work) -> str:
    """[reorg], as it lies in memory; with reverse=1 it is the usual depth to space."""
    section, dims = work.section, work.map
    stride, back = section.whole("stride", 1, 1), section.whole("reverse", 0)
    if extra := section.whole("extra", 0):
        return _extended(work, extra)
    work.only("flatten")
    cells = stride * stride
    if dims[0] % cells or (not back and any(size % stride for size in dims[1:])):
        raise Fault(mistakes.Unlike("stride", f"{shape_of(dims)} does not divide by {stride}"), section.at("stride"))
    if back:
        out = (dims[0] // cells, *(stride * size for size in dims[1:]))
        return work.give(make("PIXELSHUFFLE", factor=stride, order="dcr"), out)
    out = (dims[0] * cells, *(size // stride for size in dims[1:]))
    return work.give(make("PIXELUNSHUFFLE", factor=stride, order="darknet"), out)


def reorg3d(work: Work) -> str:
    """[reorg3d], the usual space to depth."""
    section, dims = work.section, work.map
    stride = section.whole("stride", 1, 1)
    work.only("reverse flatten extra")
    if any(size % stride for size in dims[1:]):
        raise Fault(mistakes.Unlike("stride", f"{shape_of(dims)} does not divide by {stride}"), section.at("stride"))
    out = (dims[0] * stride * stride, *(size // stride for size in dims[1:]))
    return work.give(make("PIXELUNSHUFFLE", factor=stride, order="dcr"), out)


def _extended(work: Work, count: int) -> str:
    """All values as a vector with so many zeros behind it."""
    values = prod(work.dims)
    item = work.give(make("RESHAPE", dims=(values, 1)), (1, values), "values")
    item = work.give(make("PAD", before=0, after=count), (1, values + count), "zeros", inputs=(item,))
    return work.give(make("FLATTEN"), (values + count,), inputs=(item,))


def upsample(work: Work) -> str:
    """[upsample], by repeating values."""
    section, dims = work.section, work.map
    stride, factor = section.whole("stride", 2, 1), section.real("scale", 1)
    out = (dims[0], *(stride * size for size in dims[1:]))
    item = work.give(make("UPSAMPLE", factor=stride), out)
    return item if factor == 1 else work.give(make("TIMES", factor=factor), out, "scale", inputs=(item,))


def dropout(work: Work) -> str:
    """[dropout]."""
    rate = work.section.real("probability", Fraction("0.2"))
    if work.section.whole("dropblock", 0):
        note = "dropblock is said as DROPOUT, which drops values in training, and no blocks of them"
        work.gathering.notes += [note] * (note not in work.gathering.notes)
    work.section.taken |= {"dropblock_size_rel", "dropblock_size_abs"}
    return work.give(make("DROPOUT", rate=rate), work.dims)


def softmax(work: Work) -> str:
    """[softmax], over all that flows in, or with spatial=1 over channels."""
    section = work.section
    groups, spatial = section.whole("groups", 1, 1), section.whole("spatial", 0)
    temperature = section.real("temperature", 1)
    section.taken.add("noloss")
    if groups > 1 or temperature <= 0:
        key = "groups" if groups > 1 else "temperature"
        raise Fault(mistakes.Unsaid(key, "SOFTMAX is over all channels"), section.at(key))
    item, dims = work.before, work.dims
    if prod(dims[1:]) > 1 and not spatial:
        dims = (prod(dims),)
        item = work.give(make("FLATTEN"), dims, "flat")
    if temperature != 1:
        item = work.give(make("TIMES", factor=1 / Fraction(temperature)), dims, "scale", inputs=(item,))
    return work.give(make("SOFTMAX"), dims, inputs=(item,))


def crop(work: Work) -> str:
    """[crop]: the middle of the map, and its values from 0 to 1 taken to -1 to 1."""
    section, dims = work.section, work.map
    size = section.whole("crop_height", 1, 1), section.whole("crop_width", 1, 1)
    adjusts = not section.whole("noadjust", 0)
    section.taken |= {"flip", "angle", "saturation", "exposure", "shift"}
    if size[0] > dims[1] or size[1] > dims[2]:
        raise Fault(mistakes.Unlike("crop_height", f"the part is larger than {shape_of(dims)}"))
    out = (dims[0], *size)
    item = work.before if out == dims else work.give(make("CROP", size=once(size)), out)
    if adjusts:
        item = work.give(make("TIMES", factor=2), out, "scale", inputs=(item,))
        item = work.give(make("PLUS", offset=-1), out, "shift", inputs=(item,))
    return item


def normalization(work: Work) -> str:
    """[normalization]: LRN, whose alpha is no share of the size here."""
    section = work.section
    size = section.whole("size", 5, 1)
    alpha, beta = section.real("alpha", Fraction("1e-4")), section.real("beta", Fraction("0.75"))
    kappa = section.real("kappa", 1)
    if size % 2 == 0:
        raise section.wrong("size", "odd")
    return work.give(make("LRN", size=size, alpha=alpha * size, beta=beta, k=kappa), work.dims)


def l2norm(work: Work) -> str:
    """[l2norm]: channels divided by their length; an LRN in which each of them sees all."""
    size = 2 * work.dims[0] - 1
    return work.give(make("LRN", size=size, alpha=size, beta=Fraction(1, 2), k=0), work.dims)


def empty(work: Work) -> str:
    """[empty]: what flows in."""
    return work.before


def activation(work: Work) -> str:
    """[activation]."""
    return work.activated(work.before, "linear")


def logistic(work: Work) -> str:
    """[logistic]."""
    return work.give(make("SIGMOID"), work.dims)


def unsaid(why: str) -> Rule:
    """The rule of a layer that no program can say."""

    def rule(work: Work) -> str:
        raise Fault(mistakes.Unsaid(f"[{work.section.kind}]", why))

    return rule


_BATCHES = "its sequences lie in the batch, and its state goes on from one to the next"
RULES: Mapping[str, Rule] = {
    "activation": activation,
    "avg": avgpool,
    "avgpool": avgpool,
    "batchnorm": batchnorm,
    "conn": connected,
    "connected": connected,
    "conv": convolutional,
    "convolutional": convolutional,
    "conv_lstm": unsaid(_BATCHES),
    "crnn": unsaid(_BATCHES),
    "crop": crop,
    "deconv": deconvolutional,
    "deconvolutional": deconvolutional,
    "dropout": dropout,
    "empty": empty,
    "gru": unsaid(_BATCHES),
    "l2norm": l2norm,
    "local": local,
    "local_avgpool": local_avgpool,
    "logistic": logistic,
    "lrn": normalization,
    "lstm": unsaid(_BATCHES),
    "max": maxpool,
    "maxpool": maxpool,
    "normalization": normalization,
    "reorg": reorg,
    "reorg3d": reorg3d,
    "rnn": unsaid(_BATCHES),
    "route": route,
    "sam": scale_channels,
    "scale_channels": scale_channels,
    "shortcut": shortcut,
    "silence": empty,
    "soft": softmax,
    "softmax": softmax,
    "upsample": upsample,
}
"""The rule of each kind of section."""
