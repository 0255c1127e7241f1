"""What moves values about: labels of axes where it can be, else CROP, SLICE, PICK, PAD, UPSAMPLE, PIXELSHUFFLE."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from math import prod
from typing import TYPE_CHECKING

import numpy as np

from netdsl.interchange.normal import axes, joins, pointwise, reasons, recurrent, reordering
from netdsl.interchange.normal.axes import CHANNELS, Atom
from netdsl.interchange.normal.draft import Draft, Flow, Unsaid, exact
from netdsl.layers.channels import Shuffle, Slice
from netdsl.layers.merge import Concat
from netdsl.layers.norm import Plus
from netdsl.layers.pool import MaxPool
from netdsl.layers.reshape import Crop, Pad, Reshape
from netdsl.layers.resize import PixelShuffle, PixelUnshuffle, Upsample
from netdsl.layers.sequence import Pick

if TYPE_CHECKING:
    from netdsl.interchange.primitives import Operator


def same(draft: Draft, operator: Operator) -> Flow:
    """Identity, and Cast from float to float."""
    x = draft.flow(operator)
    return replace(x, curves=pointwise.seen(operator.inputs[0], x))


def transpose(draft: Draft, operator: Operator) -> Flow:
    """Transpose: the same values."""
    x = draft.flow(operator)
    order = operator.sizes("perm") or tuple(range(len(x.layout)))[::-1]
    if sorted(order) != [*range(len(x.layout))]:
        raise Unsaid(f"it permutes {len(x.layout)} axes by {order}")
    return Flow(x.item, axes.transposed(x.layout, order))


def reshape(draft: Draft, operator: Operator) -> Flow:
    """Reshape, Flatten, Squeeze, Unsqueeze, Expand to what it is: the same values."""
    x = _settled(draft, operator, draft.flow(operator))
    dims = _dims(draft, operator, x)
    layout = axes.reshaped(x.layout, dims)
    if operator.kind == "Expand" and prod(dims) != prod(x.dims):
        return _expanded(draft, operator, x, dims)
    if layout is None and prod(dims) == prod(x.dims) and len(dims) > 1 and dims[0] == draft.batch:
        item = draft.map(operator, x)
        return draft.natural(draft.add(operator, Reshape((*dims[2:], dims[1])), [item]))
    if layout is None:
        raise Unsaid(f"it reads {'x'.join(map(str, x.dims))} as {'x'.join(map(str, dims))}")
    return Flow(x.item, layout)


def _expanded(draft: Draft, operator: Operator, x: Flow, dims: tuple[int, ...]) -> Flow:
    """One position that is repeated: UPSAMPLE to a size."""
    if len(dims) != len(x.dims) or dims[:2] != x.dims[:2] or set(x.dims[2:]) != {1}:
        raise Unsaid(f"it repeats {'x'.join(map(str, x.dims))} as {'x'.join(map(str, dims))}")
    item = draft.map(operator, x)
    return draft.natural(draft.add(operator, Upsample(to=dims[2:]), [item]))


def _settled(draft: Draft, operator: Operator, x: Flow) -> Flow:
    """A value of which a whole SHUFFLE, PIXELSHUFFLE or PIXELUNSHUFFLE has been read, after that layer."""
    shape = draft.shapes[x.item]
    if len(x.layout) == shape.rank + 2 and x.layout != axes.natural(shape, draft.batch):
        layer = axes.moved(shape, x.layout)
        if isinstance(layer, Shuffle | PixelShuffle | PixelUnshuffle):
            return draft.natural(draft.map(operator, x))
    return x


def _dims(draft: Draft, operator: Operator, x: Flow) -> tuple[int, ...]:
    """The sizes that it gives: those that follow from what it says, else the source's."""
    sizes = x.dims
    match operator.kind:
        case "Flatten":
            axis = operator.whole("axis", 1)
            axis += len(sizes) if axis < 0 else 0
            return prod(sizes[:axis]), prod(sizes[axis:])
        case "Reshape" if (said := draft.constant(operator, 1)) is not None:
            wanted = [int(one) for one in said.flat]
            if not operator.whole("allowzero", 0):
                wanted = [sizes[at] if one == 0 and at < len(sizes) else one for at, one in enumerate(wanted)]
            if wanted.count(-1) == 1 and (rest := -prod(wanted)) > 0:
                wanted[wanted.index(-1)] = prod(sizes) // rest
            return tuple(wanted)
        case "Squeeze":
            said_axes = draft.whole(operator, 1)
            gone = (
                {at % len(sizes) for at in said_axes} if said_axes else {at for at, one in enumerate(sizes) if one == 1}
            )
            return tuple([one for at, one in enumerate(sizes) if at not in gone])
        case "Unsqueeze":
            found = list(sizes)
            places = draft.whole(operator, 1) or ()
            for at in sorted([at % (len(sizes) + len(places)) for at in places]):
                found.insert(at, 1)
            return tuple(found)
        case "Expand" if (wanted := draft.whole(operator, 1)) is not None:
            return tuple(np.broadcast_shapes(sizes, wanted))
        case _:
            found = draft.dims(operator)
    if found is None:
        raise Unsaid("the sizes that it gives are not known")
    return found


def sliced(draft: Draft, operator: Operator) -> Flow:
    """Slice: CROP of positions, SLICE of channels."""
    x = draft.flow(operator)
    starts, ends = draft.whole(operator, 1) or (), draft.whole(operator, 2) or ()
    places = draft.whole(operator, 3) or tuple(range(len(starts)))
    steps = draft.whole(operator, 4) or (1,) * len(starts)
    if not len(starts) == len(ends) == len(places) == len(steps):
        raise Unsaid("its starts and ends are not as many as its axes")
    parts: dict[int, tuple[int, int]] = {}
    several: dict[int, int] = {}
    for start, end, position, step in zip(starts, ends, places, steps, strict=True):
        taken = range(*slice(start, end, step or 1).indices(x.dims[position]))
        axis = draft.axis(x, position)
        if step < 1 or (step > 1 and (axis is None or axis < 2)):
            x = chosen(draft, operator, x, position, taken)
            continue
        first, last, _ = slice(start, end).indices(x.dims[position])
        parts[position % len(x.layout)] = first, last
        several[position] = step
    if len(parts) > 1 and (cropped := _cropped(draft, operator, x, parts)) is not None:
        x = cropped
    else:
        for position, (first, last) in parts.items():
            x = cut(draft, operator, x, position, first, last)
    return _thinned(draft, operator, x, several)


def _thinned(draft: Draft, operator: Operator, x: Flow, steps: Mapping[int, int]) -> Flow:
    """Every second position, or such: a window of one that steps."""
    stride = [1] * draft.shapes[x.item].rank
    for position, step in steps.items():
        axis = draft.axis(x, position)
        if step > 1 and axis is not None:
            stride[axis - 2] = step
    if max(stride, default=1) == 1:
        return x
    item = draft.add(operator, MaxPool((1,), tuple(stride)), [x.item])
    return Flow(item, _grown(draft, x, item))


def _cropped(draft: Draft, operator: Operator, x: Flow, parts: Mapping[int, tuple[int, int]]) -> Flow | None:
    """Stretches of several axes of positions as one CROP; None where other axes are cut too."""
    spatial = draft.shapes[x.item].spatial
    size, at = list(spatial), [0] * len(spatial)
    for position, (first, last) in parts.items():
        axis = draft.axis(x, position)
        if axis is None or axis < 2 or not first < last:
            return None
        size[axis - 2], at[axis - 2] = last - first, first
    if tuple(size) == spatial:
        return x
    item = draft.add(operator, Crop(tuple(size), tuple(at)), [x.item])
    return Flow(item, _grown(draft, x, item))


def cut(draft: Draft, operator: Operator, x: Flow, position: int, first: int, last: int) -> Flow:
    """A stretch of one axis of a value."""
    size = x.dims[position]
    if (first, last) == (0, size):
        return x
    if not 0 <= first < last <= size:
        raise Unsaid("nothing is left of it")
    position %= len(x.layout)
    axis = draft.axis(x, position)
    if axis is None:
        return _part(draft, operator, x, position, first, last)
    if axis == axes.BATCH:
        raise Unsaid("it cuts the batch")
    if axis == CHANNELS and (joined := _joined(draft, x.item, first, last)):
        layout = list(x.layout)
        layout[position] = axes.natural(draft.shapes[joined], draft.batch)[CHANNELS]
        return Flow(joined, tuple(layout))
    layer = Slice(first, last) if axis == CHANNELS else Crop((last - first,), (first,), axis=axis - 2)
    if axis != CHANNELS and draft.shapes[x.item].rank == 1:
        layer = Crop((last - first,), (first,))
    item = draft.add(operator, layer, [x.item])
    layout = list(x.layout)
    layout[position] = axes.natural(draft.shapes[item], draft.batch)[axis]
    return Flow(item, tuple(layout))


def _joined(draft: Draft, item: str, first: int, last: int) -> str:
    """The item whose channels are a stretch of those of a CONCAT; "" where none is."""
    at = 0
    for name in draft.items[item].inputs if isinstance(draft.items[item].layer, Concat) else ():
        if (at, at + draft.shapes[name].channels) == (first, last):
            return name
        at += draft.shapes[name].channels
    return ""


def _part(draft: Draft, operator: Operator, x: Flow, position: int, first: int, last: int) -> Flow:
    """A stretch of an axis that is the outermost part of the channels: of queries, keys and values in one tensor."""
    x = reordering.outermost(draft, x, position, last - first if first % (last - first) == 0 else 0) or x
    shape, atoms = draft.shapes[x.item], x.layout[position]
    inner = prod(atom.size for atom in atoms[1:])
    whole = atoms and atoms[0].axis == CHANNELS and atoms[0].step * atoms[0].size == shape.channels
    if not whole or first % inner or last % inner:
        item = draft.map(operator, x)
        return cut(draft, operator, draft.natural(item), position, first, last)
    step, start, end = atoms[0].step, first // inner, last // inner
    item = draft.add(operator, Slice(start * step, end * step), [x.item])
    layout = list(x.layout)
    layout[position] = (Atom(CHANNELS, step, end - start), *atoms[1:]) if end - start > 1 else atoms[1:]
    return Flow(item, tuple(layout))


def split(draft: Draft, operator: Operator) -> list[Flow]:
    """Split: a stretch for each output."""
    x, axis = draft.flow(operator), operator.whole("axis", 0)
    count, size = len(operator.outputs), x.dims[axis]
    each = -(-size // count)
    parts = draft.whole(operator, 1) or tuple([min(each, size - at * each) for at in range(count)])
    ends = [sum(parts[: at + 1]) for at in range(len(parts))]
    if len(parts) != count or ends[-1] != size:
        raise Unsaid(f"it cuts {size} into {parts}")
    pairs = zip(parts, ends, strict=True)
    return [cut(draft, operator, draft.flow(operator), axis, end - part, end) for part, end in pairs]


def gather(draft: Draft, operator: Operator) -> Flow:
    """Gather of one position: PICK of a sequence."""
    if operator.inputs[1] in draft.flows:
        looked = operator.inputs[0] in draft.constants
        raise Unsaid(reasons.LOOKED_UP if looked else reasons.TAKEN)
    x, index = draft.flow(operator), draft.needed(operator, 1, "index")
    axis = operator.whole("axis", 0) % len(x.layout)
    if index.size != 1:
        numbers = [int(one) for one in index.flat]
        found = chosen(draft, operator, x, axis, [one % x.dims[axis] for one in numbers])
        dims = found.dims
        layout = axes.reshaped(found.layout, (*dims[:axis], *index.shape, *dims[axis + 1 :]))
        if layout is None:
            raise Unsaid("it takes places of an axis as a table")
        return Flow(found.item, layout)
    at, place = int(index.flat[0]), draft.axis(x, axis)
    left = [atoms for other, atoms in enumerate(x.layout) if other != axis]
    if index.ndim:
        left.insert(axis, ())
    if place == 2 and draft.shapes[x.item].rank == 1:
        if at in (-1, x.dims[axis] - 1) and recurrent.ending(draft, x.item):
            return Flow(x.item, tuple(left))
        return Flow(draft.add(operator, Pick(at), [x.item]), tuple(left))
    part = cut(draft, operator, x, axis, at % x.dims[axis], at % x.dims[axis] + 1)
    return Flow(part.item, tuple(left))


_RUNS = 64
"""Stretches of an axis that may be joined in an order of their own."""


def chosen(draft: Draft, operator: Operator, x: Flow, position: int, numbers: Sequence[int]) -> Flow:
    """Some places of an axis in an order of their own: CONCAT of its stretches."""
    runs: list[list[int]] = []
    for one in numbers:
        if runs and runs[-1][1] == one:
            runs[-1][1] += 1
        else:
            runs.append([one, one + 1])
        if len(runs) > _RUNS:
            raise Unsaid("it takes many places of an axis in an order of its own")
    if not runs:
        raise Unsaid("nothing is left of it")
    return joins.joined(
        draft, operator, [cut(draft, operator, x, position, *run) for run in runs], position % len(x.layout)
    )


def pad(draft: Draft, operator: Operator) -> Flow:
    """Pad of positions, by less than nothing CROP; of channels by zeros, as positions of a map that has one channel."""
    x, pads = draft.flow(operator), draft.whole(operator, 1) or ()
    rank: int = len(x.layout)
    places = draft.whole(operator, 3) or tuple(range(rank))
    mode, value = operator.text("mode", "constant"), draft.constant(operator, 2)
    if len(pads) != 2 * len(places) or not all(-rank <= at < rank for at in places):
        raise Unsaid(f"it has {len(pads)} pads for {len(places)} axes")
    if not any(pads):
        return x
    words = {"constant": "zero", "reflect": "reflect", "edge": "edge"}
    number = 0.0 if mode != "constant" or value is None or not value.size else float(value.flat[0])
    if mode not in words or not abs(number) < _LARGE:
        raise Unsaid("it pads with other values than a number, the edge or what is reflected at it")
    starts, ends = [0] * rank, [0] * rank
    for position, start, end in zip(places, pads, pads[len(places) :], strict=False):
        starts[position], ends[position] = start, end
    for position, (start, end) in enumerate(zip(starts, ends, strict=True)):
        if min(start, end) < 0:
            size = x.dims[position]
            x = cut(draft, operator, x, position, max(-start, 0), size - max(-end, 0))
    sides = [[max(one, 0) for one in several] for several in (starts, ends)]
    if number:
        x = Flow(draft.add(operator, Plus(exact(-number)), [x.item], before=True), x.layout)
    x = _padded(draft, operator, x, sides, words[mode])
    return Flow(draft.add(operator, Plus(exact(number)), [x.item]), x.layout) if number else x


_LARGE = 1e30
"""From here on a number is meant as an endless one."""


def _padded(draft: Draft, operator: Operator, x: Flow, sides: Sequence[Sequence[int]], mode: str) -> Flow:
    """A value with so many positions before and behind each axis."""
    shape, dims = draft.shapes[x.item], x.dims
    wide = [at for at, pair in enumerate(zip(*sides, strict=True)) if any(pair)]
    along = {at: draft.axis(x, at) for at in wide}
    if not wide:
        return x
    before: list[int] = [0] * shape.rank
    after = before.copy()
    if all(axis is not None and axis > 1 for axis in along.values()):
        for at, axis in along.items():
            if axis is not None:
                before[axis - 2], after[axis - 2] = sides[0][at], sides[1][at]
        item = draft.add(operator, _pad(before, after, mode), [x.item])
        return Flow(item, _grown(draft, x, item))
    if 0 in along or dims[0] != draft.batch:
        raise Unsaid("it pads the batch")
    sizes: list[int] = []
    places: list[int] = []
    for at, size in enumerate(dims[1:], 1):
        if at in along or not places or places[-1] in along:
            places.append(at)
            sizes.append(size)
        else:
            sizes[-1] *= size
    apart = axes.reshaped(x.layout, (dims[0], 1, *sizes))
    if len(sizes) > 3 or apart is None:
        raise Unsaid("it pads several axes that are none of positions")
    item = draft.map(operator, Flow(x.item, apart))
    before, after = ([side[at] for at in places] for side in sides)
    item = draft.add(operator, _pad(before, after, mode), [item])
    wide = [size + sides[0][at] + sides[1][at] for at, size in enumerate(dims)]
    layout = axes.reshaped(draft.natural(item).layout, wide)
    return draft.natural(draft.map(operator, Flow(item, layout or ()))) if len(wide) < 6 else Flow(item, layout or ())


def _pad(before: Sequence[int], after: Sequence[int], mode: str) -> Pad:
    same = tuple(before) == tuple(after)
    return Pad(tuple(before), None if same else tuple(after), mode)


def _grown(draft: Draft, x: Flow, item: str) -> axes.Layout:
    """The layout of a value after its item has become another of other sizes, axis by axis."""
    before, after = (axes.natural(draft.shapes[one], draft.batch) for one in (x.item, item))
    if x.layout == before:
        return after
    places = [draft.axis(x, at) for at in range(len(x.layout))]
    if None in places:
        raise Unsaid("it changes an axis that no layer's output has")
    return tuple([after[at] for at in places if at is not None])


def depth(draft: Draft, operator: Operator) -> Flow:
    """DepthToSpace and SpaceToDepth."""
    item, size = draft.map(operator, draft.flow(operator)), operator.whole("blocksize", 1)
    if operator.kind == "DepthToSpace":
        layer = PixelShuffle(size, operator.text("mode", "DCR").lower())
    else:
        layer = PixelUnshuffle(size, "dcr")
    return draft.natural(draft.add(operator, layer, [item]))


RULES: Mapping[str, Callable[[Draft, Operator], Flow | Sequence[Flow]]] = {
    **dict.fromkeys(("Identity", "Cast"), same),
    **dict.fromkeys(("Reshape", "Flatten", "Squeeze", "Unsqueeze", "Expand"), reshape),
    "Transpose": transpose,
    "Slice": sliced,
    "Split": split,
    "Gather": gather,
    "Pad": pad,
    "DepthToSpace": depth,
    "SpaceToDepth": depth,
}
