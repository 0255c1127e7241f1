"""What slides in Caffe: Convolution, Deconvolution, Pooling."""

from __future__ import annotations

from collections.abc import Callable
from math import prod

from netdsl.interchange import mistakes
from netdsl.interchange.caffe.fields import Fields
from netdsl.interchange.caffe.work import Work
from netdsl.interchange.gathering import Dims, Fault, make, shape_of
from netdsl.layers.arguments import once

_PASSED = "weight_filler bias_filler engine force_nd_im2col"
_POOLS = {"MAX": "MAX", "0": "MAX", "AVE": "AVE", "1": "AVE", "STOCHASTIC": "STOCHASTIC", "2": "STOCHASTIC"}
_ROUNDS = {"CEIL": "CEIL", "0": "CEIL", "FLOOR": "FLOOR", "1": "FLOOR"}


def convolution(work: Work) -> list[str]:
    """Convolution, and what forks call it where each channel is by itself."""

    def size(x: int, k: int, s: int, p: int, d: int) -> int:
        return (x + 2 * p - d * (k - 1) - 1) // s + 1

    return _convolving(work, size, transposed=False)


def deconvolution(work: Work) -> list[str]:
    """Deconvolution."""

    def size(x: int, k: int, s: int, p: int, d: int) -> int:
        return s * (x - 1) + d * (k - 1) + 1 - 2 * p

    return _convolving(work, size, transposed=True)


def _convolving(work: Work, size: Callable[[int, int, int, int, int], int], *, transposed: bool) -> list[str]:
    fields, dims = work.fields.inner("convolution_param"), work.x.dims
    if work.axis(fields) != 1:
        raise Fault(mistakes.Unsaid("its axis", "channels are counted along the first behind the batch"))
    filters, groups = fields.whole("num_output", least=1), fields.whole("group", 1, 1)
    if "Depthwise" in work.given.kind:
        groups = dims[0]
    bias = fields.flag("bias_term", True)
    kernel = _sizes(fields, "kernel_size", "kernel", dims, None)
    stride, pad = _sizes(fields, "stride", "stride", dims, 1), _sizes(fields, "pad", "pad", dims, 0)
    dilation = _sizes(fields, "hole" if fields.has("hole") or fields.has("hole_h") else "dilation", "hole", dims, 1)
    fields.rest(_PASSED)
    if dims[0] % groups or filters % groups:
        raise Fault(
            mistakes.Unlike("group", f"{dims[0]} channels and {filters} filters are not {groups} times a number")
        )
    axes = zip(dims[1:], kernel, stride, pad, dilation, strict=True)
    out = (filters, *(size(*axis) for axis in axes))
    _positive(out, work)
    count = dims[0] * filters // groups * prod(kernel)
    named: dict[str, object] = {"kernel": once(kernel), "stride": once(stride), "padding": once(pad)}
    named |= {"dilation": once(dilation), "nobias": not bias}
    if not transposed and groups == dims[0] > 1:
        named |= {"multiplier": filters // groups}
        keyword = "DWCONV"
    else:
        named |= {"filters": filters, "groups": groups}
        keyword = "DECONV" if transposed else "CONV"
    item = work.give(
        make(keyword, **named),
        out,
        roles=("weight", "bias") if bias else ("weight",),
        params=count + filters * bias,
        macs=count * prod(dims[1:] if transposed else out[1:]),
    )
    return [item]


def pooling(work: Work) -> list[str]:
    """Pooling, whose sizes Caffe rounds up; with padding it drops a last window that would start beyond the map."""
    fields, dims = work.fields.inner("pooling_param"), work.x.dims
    if len(dims) != 3:
        raise Fault(mistakes.Unlike("Pooling", f"it wants maps of two axes, not of {len(dims) - 1}"))
    pool = fields.word("pool", _POOLS, "MAX")
    whole = fields.flag("global_pooling", False)
    up = fields.word("round_mode", _ROUNDS, "CEIL") == "CEIL" and fields.flag("ceil_mode", True)
    if pool == "STOCHASTIC":
        raise Fault(mistakes.Unsaid("STOCHASTIC pooling", "no layer draws a value of its window"))
    if len(work.given.tops) > 1:
        raise Fault(mistakes.Unsaid("its second output", "no layer gives the places of the largest values"))
    keyword = "MAXPOOL" if pool == "MAX" else "AVGPOOL"
    if whole:
        fields.taken |= {"kernel_size", "kernel_h", "kernel_w", "stride", "stride_h", "stride_w"}
        if any(_sizes(fields, "pad", "pad", dims, 0)):
            raise Fault(mistakes.Unlike("global_pooling", "it goes with no pad"))
        fields.rest("engine")
        return [work.give(make(keyword, **{"global": True}), (dims[0], 1, 1))]
    kernel = _sizes(fields, "kernel_size", "kernel", dims, None)
    stride, pad = _sizes(fields, "stride", "stride", dims, 1), _sizes(fields, "pad", "pad", dims, 0)
    fields.rest("engine")
    return [_pooled(work, keyword, kernel, stride, pad, up=up)]


def _pooled(
    work: Work,
    keyword: str,
    kernel: tuple[int, ...],
    stride: tuple[int, ...],
    pad: tuple[int, ...],
    *,
    up: bool = True,
    what: str = "",
) -> str:
    dims = work.x.dims
    sizes: list[int] = []
    rounds = False
    for x, k, s, p in zip(dims[1:], kernel, stride, pad, strict=True):
        if p >= k:
            raise Fault(mistakes.Unlike("pad", f"{p} is not less than the kernel, {k}"))
        room = x + 2 * p - k
        count = (-(-room // s) if up else room // s) + 1
        clipped = (count - 1) * s >= x + p
        if clipped and any(pad):
            count -= 1
        elif clipped:
            raise Fault(mistakes.Unsaid("its last window", "it starts beyond the map, where there is nothing to pool"))
        rounds |= count != room // s + 1
        sizes.append(count)
    out = (dims[0], *sizes)
    _positive(out, work)
    given: dict[str, object] = {"kernel": once(kernel), "padding": once(pad), "ceil": rounds}
    if stride != kernel:
        given["stride"] = once(stride)
    return work.give(make(keyword, **given), out, what=what)


def pyramid(work: Work) -> list[str]:
    """SPP: the whole map in 1, 2x2, 4x4, … windows, whose values stand behind each other."""
    fields, dims = work.fields.inner("spp_param"), work.x.dims
    levels = fields.whole("pyramid_height", least=1)
    pool = fields.word("pool", _POOLS, "MAX")
    fields.rest("engine")
    if len(dims) != 3 or pool == "STOCHASTIC" or 2 ** (levels - 1) > min(dims[1:]):
        raise Fault(mistakes.Unsaid("its pools", f"no layer makes {levels} levels of {shape_of(dims)} by them"))
    parts: list[str] = []
    for level in range(levels):
        count = 2**level
        kernel = tuple([-(-size // count) for size in dims[1:]])
        pad = tuple([(k * count - size + 1) // 2 for k, size in zip(kernel, dims[1:], strict=True)])
        part = _pooled(work, "MAXPOOL" if pool == "MAX" else "AVGPOOL", kernel, kernel, pad, what=f"pool{level}")
        values = prod(work.gathering.dims[part])
        parts.append(work.give(make("FLATTEN"), (values,), inputs=[part], what=f"flat{level}"))
    total = sum(work.gathering.dims[part][0] for part in parts)
    return [work.give(make("CONCAT"), (total,), inputs=parts)] if len(parts) > 1 else parts


def _positive(dims: Dims, work: Work) -> None:
    if min(dims) < 1:
        raise Fault(
            mistakes.Unlike(
                work.given.kind, f"its window is larger than the map, {'x'.join(map(str, work.x.dims[1:]))}"
            )
        )


def _sizes(fields: Fields, name: str, stem: str, dims: Dims, default: int | None) -> tuple[int, ...]:
    """A size for each spatial axis: of one number, of one for each, or of _h and _w. Raises Fault."""
    least = 0 if stem == "pad" else 1
    given = fields.wholes(name, least)
    named = [f"{stem}_{axis}" for axis in "hw"]
    if any(map(fields.has, named)):
        if given:
            raise Fault(mistakes.Unlike(name, f"it is given beside {' and '.join(named)}"))
        if len(dims) != 3:
            raise Fault(mistakes.Unlike(named[0], f"the map has {len(dims) - 1} axes, not two"))
        return tuple([fields.whole(one, default, least) for one in named])
    fields.taken |= set(named)
    found = _per_axis(given, name, dims)
    if not found and default is None:
        raise Fault(mistakes.Missing(fields.where, name), fields.span)
    return found or (default or 0,) * (len(dims) - 1)


def _per_axis(given: list[int], name: str, dims: Dims) -> tuple[int, ...]:
    axes = len(dims) - 1
    if not axes:
        raise Fault(mistakes.Unlike(name, "what it reads is a vector, without a map"))
    if len(given) not in (0, 1, axes):
        raise Fault(mistakes.Unlike(name, f"it has {len(given)} sizes for {axes} axes"))
    return tuple(given * axes if len(given) == 1 else given)
