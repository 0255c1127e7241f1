"""What moves values in Caffe: Permute, Reshape, Flatten, Tile, and softmax along any axis."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import prod

from netdsl.interchange import mistakes
from netdsl.interchange.caffe.work import Work
from netdsl.interchange.gathering import MOST_AXES, Dims, Fault, make
from netdsl.layers.base import Layer
from netdsl.layers.reshape import Viewing

MOST_TILES = 16
"""Times that an axis is repeated, each of which is an input of a CONCAT."""


def permute(work: Work) -> Sequence[str]:
    """Permute of forks; the batch stays in front."""
    fields, rank = work.fields.inner("permute_param"), work.x.rank
    given = fields.wholes("order")
    fields.rest()
    if len(set(given)) < len(given) or any(axis >= rank for axis in given):
        raise Fault(mistakes.WrongValue("order", " ".join(map(str, given)), f"axes of {rank}, each once"))
    order = [*given, *(axis for axis in range(rank) if axis not in given)]
    if order[0] != 0:
        raise Fault(mistakes.Unsaid("its order", "examples of a batch stay apart"))
    return [moved(work, work.x.item, [axis - 1 for axis in order[1:]])]


def moved(work: Work, item: str, order: Sequence[int]) -> str:
    """An item with its axes in another order, counted from 0 behind the batch.

    SHUFFLE exchanges two stretches of axes, of which the channels are for once made, and leaves those behind them.
    """
    dims = work.gathering.dims[item]
    axes = tuple([axis for axis in range(len(dims)) if dims[axis] > 1])
    for before, end in _exchanges(axes, tuple([axis for axis in order if axis in axes])):
        sizes = [dims[axis] for axis in axes]
        made = (prod(sizes[:end]), *sizes[end:])
        item = reshaped(work, made, item, "view")
        item = work.give(make("SHUFFLE", groups=prod(sizes[:before])), made, inputs=[item], what="moved")
        axes = (*axes[before:end], *axes[:before], *axes[end:])
    return reshaped(work, tuple([dims[axis] for axis in order]), item)


def _exchanges(axes: Sequence[int], wanted: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Exchanges of the first axes with those behind them, up to an end, that give an order: its last axis first."""
    for end in range(len(wanted), 1, -1):
        before = axes.index(wanted[end - 1]) + 1
        if before < end:
            yield before, end
            axes = (*axes[before:end], *axes[:before])


def along(work: Work, axis: int, items: Sequence[str], layer: Layer, size: int) -> str:
    """What a layer that works along channels gives of items along another axis, counted from 0 behind the batch.

    The axis, which has that size then, stands in the place of channels for it.
    """
    order = [axis, *(one for one in range(len(work.gathering.dims[items[0]])) if one != axis)]
    if axis:
        fronts = {one: moved(work, one, order) for one in dict.fromkeys(items)}
        items = [fronts[one] for one in items]
    dims = (size, *work.gathering.dims[items[0]][1:])
    item = work.give(layer, dims, inputs=items, what="first" if axis else "")
    return moved(work, item, [order.index(one) for one in range(len(order))]) if axis else item


def softmax(work: Work) -> Sequence[str]:
    """Softmax, over channels, or over another axis, which stands in their place for it."""
    fields, x = work.fields.inner("softmax_param"), work.x
    axis = work.axis(fields)
    fields.rest("engine")
    if axis == 0:
        raise Fault(mistakes.Unsaid("its axis", "SOFTMAX is over values of one example"))
    layer = make("LOGSOFTMAX" if work.given.kind == "LogSoftmax" else "SOFTMAX")
    return [along(work, axis - 1, [x.item], layer, x.dims[axis - 1])]


def tile(work: Work) -> Sequence[str]:
    """Tile: an axis several times, one behind the other."""
    fields, x = work.fields.inner("tile_param"), work.x
    axis, tiles = work.axis(fields), fields.whole("tiles", least=1)
    fields.rest()
    if axis == 0:
        raise Fault(mistakes.Unsaid("its axis", "no layer repeats examples"))
    if tiles > MOST_TILES:
        raise Fault(mistakes.TooMuch("tiles", tiles, MOST_TILES))
    if tiles == 1:
        return [x.item]
    return [along(work, axis - 1, [x.item] * tiles, make("CONCAT"), tiles * x.dims[axis - 1])]


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
    return [reshaped(work, joined)]


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
    if (axis, axes) == (0, -1) and min(given, default=0) > 0 and prod(given[1:]) == prod(x.dims):
        return [reshaped(work, tuple(given[1:]))]  # whose batch is written out
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
    return [reshaped(work, tuple(new[1:]))]


def reshaped(work: Work, dims: Dims, item: str = "", what: str = "") -> str:
    """The same values in other dims, of what a view shows itself."""
    item = item or work.x.item
    while isinstance(work.gathering.items[item].layer, Viewing):
        (item,) = work.gathering.items[item].inputs
    if dims == work.gathering.dims[item]:
        return item
    layer = make("FLATTEN") if len(dims) == 1 else make("RESHAPE", dims=(*dims[1:], dims[0]))
    return work.give(layer, dims, inputs=[item], what=what)


def shuffle(work: Work) -> Sequence[str]:
    """ShuffleChannel."""
    fields = work.fields.inner("shuffle_channel_param")
    groups = fields.whole("group", 1, 1)
    fields.rest()
    return [work.give(make("SHUFFLE", groups=groups), work.x.dims)]


def split(work: Work) -> Sequence[str]:
    """Split: all tops are what it reads."""
    return [work.x.item] * len(work.given.tops)
