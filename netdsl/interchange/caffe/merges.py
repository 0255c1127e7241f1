"""What joins blobs in Caffe, and what takes parts of them: Eltwise, Axpy, Concat, Slice, Crop."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from netdsl.interchange import mistakes
from netdsl.interchange.caffe.moves import along
from netdsl.interchange.caffe.work import Work
from netdsl.interchange.gathering import Fault, make, shape_of
from netdsl.text.fit import clipped

_OPERATIONS = {"PROD": "MUL", "0": "MUL", "SUM": "ADD", "1": "ADD", "MAX": "MAX", "2": "MAX"}


def eltwise(work: Work) -> Sequence[str]:
    """Eltwise: a sum with coefficients, a product or a maximum."""
    work.takes(2, more=True)
    fields = work.fields.inner("eltwise_param")
    keyword = fields.word("operation", _OPERATIONS, "ADD")
    factors = fields.reals("coeff")
    fields.rest("stable_prod_grad")
    if len({one.dims for one in work.inputs}) > 1:
        raise Fault(mistakes.Unlike("Eltwise", f"it wants equal shapes, not {_shapes(work)}"))
    read = [one.item for one in work.inputs]
    if keyword != "ADD" or not factors or set(factors) == {1}:
        return [work.give(make(keyword), work.x.dims, inputs=read)]
    if len(factors) != len(read):
        raise Fault(mistakes.Unlike("coeff", f"it has {len(factors)} numbers for {len(read)} inputs"))
    if factors[0] == 1 and set(factors[1:]) == {-1}:
        return [work.give(make("SUB"), work.x.dims, inputs=read)]
    parts = [
        one if factor == 1 else work.give(make("TIMES", factor=factor), work.x.dims, inputs=[one])
        for one, factor in zip(read, factors, strict=True)
    ]
    return [work.give(make("ADD"), work.x.dims, inputs=parts)]


def axpy(work: Work) -> Sequence[str]:
    """Axpy, as squeeze-and-excitation networks have it: a factor for each channel times a map, and another map."""
    work.takes(3)
    factor, x, y = work.inputs
    product = work.give(make("MUL"), x.dims, inputs=[factor.item, x.item])
    return [work.give(make("ADD"), y.dims, inputs=[product, y.item])]


def concat(work: Work) -> Sequence[str]:
    """Concat, along channels, or along another axis, which stands in their place for it."""
    fields = work.fields.inner("concat_param")
    axis = work.axis(fields, "concat_dim" if fields.has("concat_dim") else "axis")
    fields.rest("concat_dim axis")
    if axis == 0:
        raise Fault(mistakes.Unsaid("its axis", "CONCAT joins values of one example"))
    if len({(*one.dims[: axis - 1], 0, *one.dims[axis:]) for one in work.inputs}) > 1:
        raise Fault(mistakes.Unlike("Concat", f"it wants equal maps, not {_shapes(work)}"))
    if len(work.inputs) == 1:
        return [work.x.item]
    size = sum(one.dims[axis - 1] for one in work.inputs)
    return [along(work, axis - 1, [one.item for one in work.inputs], make("CONCAT"), size)]


def slicing(work: Work) -> Sequence[str]:
    """Slice: parts of the channels, or of one axis of the map."""
    fields, dims, count = work.fields.inner("slice_param"), work.x.dims, len(work.given.tops)
    axis = work.axis(fields, "slice_dim" if fields.has("slice_dim") else "axis")
    points = fields.wholes("slice_point", 1)
    fields.rest("slice_dim axis")
    if axis == 0:
        raise Fault(mistakes.Unsaid("its axis", "no layer cuts a batch"))
    size = dims[axis - 1]
    if not points and size % count:
        raise Fault(mistakes.Unlike("Slice", f"{size} are not {count} equal parts"))
    ends = [0, *(points or [size // count * part for part in range(1, count)]), size]
    if len(ends) != count + 1 or any(one >= other for one, other in pairwise(ends)):
        raise Fault(mistakes.Unlike("slice_point", f"{count} parts of {size} have {count - 1} points in order between"))
    found: list[str] = []
    for top, (start, end) in zip(work.given.tops, pairwise(ends), strict=True):
        part = (*dims[: axis - 1], end - start, *dims[axis:])
        if axis == 1:
            found.append(work.give(make("SLICE", **{"from": start, "to": end}), part, name=top))
        else:
            found.append(work.give(make("CROP", size=end - start, at=start, axis=axis - 2), part, name=top))
    return found


def crop(work: Work) -> Sequence[str]:
    """Crop: as large as another map, from an offset on."""
    work.takes(2)
    fields, x, like = work.fields.inner("crop_param"), work.x, work.inputs[1]
    axis, offsets = work.axis(fields, default=2), fields.wholes("offset")
    fields.rest()
    if axis < 2 and x.dims[: 2 - axis] != like.dims[: 2 - axis]:
        raise Fault(mistakes.Unsaid("its axis", "CROP cuts maps, and neither batch nor channels"))
    if x.rank != like.rank or len(offsets) not in (0, 1, x.rank - axis):
        raise Fault(mistakes.Unlike("offset", f"it has {len(offsets)} numbers for {x.rank - axis} axes"))
    at = (offsets * (x.rank - axis) if len(offsets) < 2 else offsets) or [0] * (x.rank - axis)
    at = [0] * (axis - 2) + at[max(2 - axis, 0) :]
    dims = (*x.dims[: max(axis - 1, 1)], *like.dims[max(axis - 1, 1) :])
    if any(one + size > whole for one, size, whole in zip(at, dims[1:], x.dims[1:], strict=True)):
        raise Fault(mistakes.Unlike("Crop", f"the part ends beyond {'x'.join(map(str, x.dims[1:]))}"))
    if dims[1:] != like.dims[1:]:
        return [work.give(make("CROP", size=dims[1:], at=tuple(at)), dims)]
    return [work.give(make("CROP", like=like.item, at=tuple(at)), dims, inputs=[x.item, like.item])]


def _shapes(work: Work) -> str:
    """The shapes that flow in, each with what gives it."""
    named = zip(work.given.bottoms, work.inputs, strict=False)
    return ", ".join(f"{shape_of(one.dims)} of {clipped(name, 40)}" for name, one in named)
