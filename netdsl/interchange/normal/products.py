"""Convolutions and products with weights: CONV, DWCONV, DECONV, FC."""

from __future__ import annotations

from dataclasses import replace
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np

from netdsl.interchange.flat import MOST_VALUES
from netdsl.interchange.normal import attention, axes
from netdsl.interchange.normal.axes import CHANNELS, Atom
from netdsl.interchange.normal.draft import Draft, Flow, Unsaid
from netdsl.layers.base import Window
from netdsl.layers.conv import Conv, DepthwiseConv
from netdsl.layers.deconv import Deconv
from netdsl.layers.dense import FullyConnected, RadialBasis
from netdsl.layers.reshape import Crop, Pad
from netdsl.layers.window import out_size, same

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from netdsl.interchange.primitives import Operator, Tensor
    from netdsl.layers.shape import Shape


def padding(
    operator: Operator, x: Shape, kernel: Sequence[int], stride: Sequence[int], dilation: Sequence[int]
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """What is put before and behind the map along each axis, as much on both sides where that reads the same."""
    before, after = stated(operator, x, kernel, stride, dilation)
    return (before, after) if operator.whole("ceil_mode", 0) else _evened(x, kernel, stride, dilation, before, after)


def stated(
    operator: Operator, x: Shape, kernel: Sequence[int], stride: Sequence[int], dilation: Sequence[int]
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The padding before and behind the map that an operator states."""
    auto = operator.text("auto_pad", "NOTSET")
    rank = x.rank
    if auto in ("SAME_UPPER", "SAME_LOWER"):
        found = [same(*one) for one in zip(x.spatial, kernel, stride, dilation, strict=True)]
        before, after = tuple([one.before for one in found]), tuple([one.after for one in found])
        return (before, after) if auto == "SAME_UPPER" else (after, before)
    pads = operator.sizes("pads") if auto != "VALID" else None
    if pads is None:
        return (0,) * rank, (0,) * rank
    if len(pads) != 2 * rank:
        raise Unsaid(f"it has {len(pads)} pads for {rank} axes")
    if min(pads) < 0:
        raise Unsaid("it pads by less than nothing")
    return pads[:rank], pads[rank:]


def _evened(
    x: Shape,
    kernel: Sequence[int],
    stride: Sequence[int],
    dilation: Sequence[int],
    before: tuple[int, ...],
    after: Sequence[int],
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    along = zip(x.spatial, kernel, stride, dilation, before, after, strict=True)
    return before, tuple([p if a < p and _alike(size, Window(k, s, p, a, d)) else a for size, k, s, d, p, a in along])


def _alike(size: int, window: Window) -> bool:
    """Whether a window reads the same where as much is put behind the map as before it."""
    more = replace(window, after=window.before)
    return out_size(size, window) == out_size(size, more)


def is_same(x: Shape, kernel: Sequence[int], stride: Sequence[int], dilation: Sequence[int], pads: object) -> bool:
    """Whether paddings are those of `same`."""
    found = [same(*one) for one in zip(x.spatial, kernel, stride, dilation, strict=True)]
    return (tuple([one.before for one in found]), tuple([one.after for one in found])) == pads


def per_axis(operator: Operator, name: str, rank: int) -> tuple[int, ...]:
    """An attribute with a size for each axis, 1 by default."""
    found = operator.sizes(name) or (1,) * rank
    if len(found) != rank or min(found) < 1:
        raise Unsaid(f"its {name} are {found} for {rank} axes")
    return found


def _padded(
    draft: Draft, operator: Operator, x: str, kernel: Sequence[int], stride: Sequence[int], dilation: Sequence[int]
) -> tuple[str, Mapping[str, Any]]:
    """The map that a convolution reads and its padding: that of a PAD before it too, where one argument says both."""
    shape, made = draft.shapes[x], draft.items[x]
    found = [(x, *padding(operator, shape, kernel, stride, dilation))]
    if isinstance(made.layer, Pad) and made.layer.mode == "zero":
        inner = draft.shapes[made.inputs[0]]
        sides = zip(made.layer.windows(inner), *stated(operator, shape, kernel, stride, dilation), strict=True)
        before, after = zip(*[(one.before + b, one.after + a) for one, b, a in sides], strict=True)
        found.insert(0, (made.inputs[0], *_evened(inner, kernel, stride, dilation, before, after)))
    for item, before, after in found:
        if before == after:
            return item, {"padding": before}
        if is_same(draft.shapes[item], kernel, stride, dilation, (before, after)):
            return item, {"same": True}
    _, before, after = found[-1]
    return draft.add(operator, Pad(before, after), [x], before=True), {}


def convolution(draft: Draft, operator: Operator) -> Flow:
    """Conv: CONV, or DWCONV where each channel is by itself."""
    weight = draft.needed(operator, 1, "weight", most=MOST_VALUES)
    flow = draft.flow(operator)
    if flow.item in draft.attended and _plain(operator, weight) and weight.ndim == len(flow.layout):
        first, channels, *rest = flow.layout
        rows = weight.reshape(weight.shape[:2])
        last = Flow(flow.item, (first, *rest, channels))
        found = product(draft, operator, last, rows, draft.constant(operator, 2), operator.inputs[1:3])
        first, *rest, channels = found.layout
        return Flow(found.item, (first, channels, *rest))
    x = draft.map(operator, flow)
    shape = draft.shapes[x]
    if weight.ndim != shape.rank + 2 or not weight.size:
        raise Unsaid(f"its weight has {weight.ndim} axes, and {shape} flows in")
    kernel, rank = weight.shape[2:], shape.rank
    stride, dilation = per_axis(operator, "strides", rank), per_axis(operator, "dilations", rank)
    groups, bias = operator.whole("group", 1), draft.constant(operator, 2)
    if groups < 1 or weight.shape[1] * groups != shape.channels:
        grouped = f" in {groups} groups" if groups != 1 else ""
        raise Unsaid(f"its weight is for {weight.shape[1] * groups} channels{grouped}, and {shape} flows in")
    x, around = _padded(draft, operator, x, kernel, stride, dilation)
    how: dict[str, Any] = {"stride": stride, "dilation": dilation, "nobias": bias is None, **around}
    filters = weight.shape[0]
    if groups == shape.channels > 1 and filters % groups == 0:
        layer = DepthwiseConv(kernel, **how, multiplier=filters // groups)
    else:
        layer = Conv(filters, kernel, **how, groups=groups, table=table(weight) if groups == 1 else None)
    return draft.natural(draft.add(operator, layer, [x], _weights(weight, bias), operator.inputs[1:3]))


_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"


def table(weight: Tensor) -> str | None:
    """The maps that each filter reads, as LeNet-5 has them: those whose weights are not all 0; None where all are read.

    An eighth of them has to be left out: fewer may be 0 by chance.
    """
    filters, channels = weight.shape[:2]
    if not 1 < channels <= len(_DIGITS) or filters > 2 * len(_DIGITS) or not any(weight.strides):
        return None
    read: NDArray[np.bool_] = np.any(weight.reshape(filters, channels, -1), axis=2)
    if 8 * np.count_nonzero(~read) < read.size or not read.any(1).all() or not read.any(0).all():
        return None
    return " ".join("".join(_DIGITS[at] for at in np.flatnonzero(row)) for row in read)


def connected(weight: Tensor, groups: int) -> int:
    """The weights of a convolution, but for those that its table leaves out."""
    words = table(weight) if groups == 1 else None
    return weight.size if words is None else len(words.replace(" ", "")) * prod(weight.shape[2:])


def _plain(operator: Operator, weight: Tensor) -> bool:
    """Whether a convolution multiplies each position by itself."""
    once = all(set(operator.sizes(name) or (1,)) == {1} for name in ("strides", "dilations"))
    return (
        once
        and set(weight.shape[2:]) <= {1}
        and operator.whole("group", 1) == 1
        and not any(operator.sizes("pads") or ())
    )


def transposed(draft: Draft, operator: Operator) -> Flow:
    """ConvTranspose: DECONV."""
    weight = draft.needed(operator, 1, "weight", most=MOST_VALUES)
    x = draft.map(operator, draft.flow(operator))
    shape = draft.shapes[x]
    rank, groups, bias = shape.rank, operator.whole("group", 1), draft.constant(operator, 2)
    if weight.ndim != rank + 2 or not weight.size:
        raise Unsaid(f"its weight has {weight.ndim} axes, and {shape} flows in")
    stride, dilation = per_axis(operator, "strides", rank), per_axis(operator, "dilations", rank)
    kernel, extra = weight.shape[2:], operator.sizes("output_padding") or (0,) * rank
    bare = [
        (size - 1) * s + (k - 1) * d + 1 + e
        for size, s, k, d, e in zip(shape.spatial, stride, kernel, dilation, extra, strict=True)
    ]
    before, after = _cut(operator, shape, stride, kernel, dilation, bare)
    far = tuple([e + b - a for e, b, a in zip(extra, before, after, strict=True)])
    filters = weight.shape[1] * groups
    out = tuple([size - b - a for size, b, a in zip(bare, before, after, strict=True)])
    how: dict[str, Any] = {"groups": groups, "nobias": bias is None}
    if min(far) >= 0 and all(e < max(s, d) for e, s, d in zip(far, stride, dilation, strict=True)):
        layer, cut = Deconv(filters, kernel, stride, before, dilation, **how, output_pad=far), None
    else:  # what is cut from the two sides differs by more than the layer says
        pads = tuple(map(min, before, after))
        layer = Deconv(filters, kernel, stride, pads, dilation, **how, output_pad=extra)
        cut = Crop(out, tuple([b - p for b, p in zip(before, pads, strict=True)]))
    made = draft.add(operator, layer, [x], _weights(weight, bias), operator.inputs[1:3])
    return draft.natural(draft.add(operator, cut, [made]) if cut else made)


def _cut(
    operator: Operator,
    x: Shape,
    stride: Sequence[int],
    kernel: Sequence[int],
    dilation: Sequence[int],
    bare: Sequence[int],
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """What a ConvTranspose cuts from each side of so many positions: what it states, or so that a size is left."""
    auto, wanted = operator.text("auto_pad", "NOTSET"), operator.sizes("output_shape")
    if wanted is None and auto.startswith("SAME"):
        wanted = tuple([size * step for size, step in zip(x.spatial, stride, strict=True)])
    if wanted is None:
        return stated(operator, x, kernel, stride, dilation)
    left = [size - out for size, out in zip(bare, wanted[-len(bare) :], strict=True)]
    if min(left) < 0:
        raise Unsaid("it gives more positions than its windows reach")
    half, rest = tuple([one // 2 for one in left]), tuple([one - one // 2 for one in left])
    return (half, rest) if auto == "SAME_UPPER" else (rest, half)


def _weights(weight: Tensor, bias: Tensor | None) -> Mapping[str, Tensor]:
    return {"weight": weight} if bias is None else {"weight": weight, "bias": bias}


def gemm(draft: Draft, operator: Operator) -> Flow:
    """Gemm: αAB + βC with B and C constants."""
    weight = draft.needed(operator, 1, "weight", most=MOST_VALUES)
    if operator.whole("transA", 0) or weight.ndim != 2:
        raise Unsaid("it transposes what flows in")
    bias = draft.constant(operator, 2)
    if bias is None and len(operator.inputs) > 2 and operator.inputs[2]:
        raise Unsaid("what it adds is computed by the network")
    rows = weight if operator.whole("transB", 0) else weight.T
    alpha, beta = operator.real("alpha", 1), operator.real("beta", 1)
    rows = rows if alpha == 1 else _scaled(rows, alpha)
    if bias is not None:
        if bias.size not in (1, len(rows)) or (bias.ndim > 1 and bias.shape[-1] != bias.size):
            raise Unsaid(f"it adds {bias.size} values to {len(rows)} units")
        bias = np.broadcast_to(bias.reshape(-1), (len(rows),))
        bias = bias if beta == 1 else _scaled(bias, beta)
    return product(draft, operator, draft.flow(operator), rows, bias, operator.inputs[1:3])


def _scaled(value: Tensor, factor: float) -> Tensor:
    """A tensor times a number; one that takes no memory stays so."""
    if value.size and not any(value.strides):
        return np.broadcast_to(value.flat[0] * np.float32(factor), value.shape)
    return value * np.float32(factor)


def matmul(draft: Draft, operator: Operator) -> Flow:
    """MatMul with a constant: on the right, or on the left of a value whose last two axes change places."""
    at = 1 if operator.inputs[0] in draft.flows else 0
    weight = draft.needed(operator, at, "weight", most=MOST_VALUES)
    while weight.ndim > 2 and weight.shape[0] == 1:
        weight = weight[0]
    if weight.ndim != 2:
        raise Unsaid(f"its weight has {weight.ndim} axes")
    x, tied = draft.flow(operator, 1 - at), operator.inputs[at : at + 1]
    if at:
        return product(draft, operator, x, weight.T, None, tied)
    order = (*range(len(x.layout) - 2), len(x.layout) - 1, len(x.layout) - 2)
    made = product(draft, operator, Flow(x.item, axes.transposed(x.layout, order)), weight, None, tied)
    return Flow(made.item, axes.transposed(made.layout, order))


def product(
    draft: Draft, operator: Operator, x: Flow, rows: Tensor, bias: Tensor | None, tied: tuple[str, ...]
) -> Flow:
    """FC, or CONV 1 where each position is multiplied by itself; `rows` are units x what the last axis has."""
    shape, units = draft.shapes[x.item], len(rows)
    if not rows.size or rows.shape[1] != x.dims[-1]:
        raise Unsaid(f"its weight has {rows.shape[1]} columns, and {x.dims[-1]} values meet it")
    rest = [atom for atoms in x.layout[:-1] for atom in atoms]
    channels = (Atom(CHANNELS, 1, units),) if units > 1 else ()
    try:
        attending = attention.projected(draft, operator, x, rows, bias, tied)
    except Unsaid as error:
        attention.tell(draft, draft.attended[x.item].asking, str(error))
        raise
    if attending is not None:
        return attending
    if all(atom.axis == axes.BATCH for atom in rest):  # it reads all that there is of an example
        turned = axes.columns(x.layout, rows, shape)
        if turned is not None:
            layer = FullyConnected(units, bias is None)
            item = draft.add(operator, layer, [x.item], _weights(turned, bias), tied)
            return Flow(item, (*x.layout[:-1], channels))
    if draft.axis(x, -1) == CHANNELS and shape.rank <= 3:
        kernel = (1,) * shape.rank
        layer = Conv(units, kernel, nobias=bias is None)
        weight = rows.reshape(*rows.shape, *kernel)
        item = draft.add(operator, layer, [x.item], _weights(weight, bias), tied)
        return Flow(item, (*x.layout[:-1], channels))
    rank = len(x.layout)
    if rank > 5:  # of more axes than a CONV has, whose positions are as well one after the other
        inner = axes.reshaped(x.layout, (x.dims[0], prod(x.dims[1:-1]), x.dims[-1]))
        made = product(draft, operator, Flow(x.item, inner or ()), rows, bias, tied)
        return Flow(made.item, axes.reshaped(made.layout, (*x.dims[:-1], units)) or made.layout)
    return product(draft, operator, draft.natural(draft.map(operator, x, rank - 1), rank - 1), rows, bias, tied)


def radial(draft: Draft, operator: Operator) -> Flow:
    """ReduceSumSquare of a vector less each of some codes: RBF."""
    apart = draft.makers.get(operator.inputs[0])
    if apart is None or apart.kind != "Sub" or apart.inputs[0] not in draft.flows or draft.whole(operator, 1) != (2,):
        raise Unsaid("it is no distance of a vector to codes")
    x, codes = draft.flow(apart), draft.needed(apart, 1, "code")
    dims = x.dims
    if codes.ndim != 2 or len(dims) != 3 or dims[1:] != (1, codes.shape[1]) or operator.whole("keepdims", 1):
        raise Unsaid("it is no distance of a vector to codes")
    turned = axes.columns(x.layout, codes, draft.shapes[x.item])
    if turned is None:
        raise Unsaid("it is no distance of a vector to codes")
    layer = RadialBasis(len(codes))
    return draft.natural(draft.add(operator, layer, [x.item], {"codes": turned}, apart.inputs[1:2]))


def biased(draft: Draft, item: str, offset: Tensor, name: str) -> bool:
    """Let a product without a bias have one, of an offset for each of its channels; whether it is such a product."""
    made = draft.items[item]
    layer = made.layer
    if item in draft.unbiased:
        draft.unbiased.discard(item)
        return draft.replaced(item, layer, {"out_proj.bias": offset}, (name,))
    if not isinstance(layer, Conv | DepthwiseConv | Deconv | FullyConnected) or not layer.nobias:
        return False
    return draft.replaced(item, replace(layer, nobias=False), {"bias": offset}, (name,))
