"""Resize and Upsample: UPSAMPLE, whichever way the source says where values are from."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from fractions import Fraction
from math import ceil, floor
from typing import TYPE_CHECKING

from netdsl.interchange.flat import most
from netdsl.interchange.normal import axes
from netdsl.interchange.normal.draft import Draft, Flow, Unsaid
from netdsl.layers.reshape import Crop, Pad
from netdsl.layers.resize import Upsample

if TYPE_CHECKING:
    from netdsl.interchange.primitives import Operator

_WORDS = {"linear": "bilinear", "cubic": "bicubic", "nearest": "nearest"}
_CENTRED = ("half_pixel", "pytorch_half_pixel", "half_pixel_symmetric")
_LONGEST = 2**16
"""Positions of an axis of which it is worked out where each is from."""


def resize(draft: Draft, operator: Operator) -> Flow:
    """Resize, and Upsample: UPSAMPLE."""
    x = draft.flow(operator)
    known = _resized(draft, operator, x)
    to, scales = known or (draft.dims(operator), ())
    if to is None or len(to) != len(x.layout):
        raise Unsaid("the size that it gives is not known")
    if to == x.dims and all(one == 1 for one in scales):
        return x
    mode, places = operator.text("mode", "nearest"), operator.text("coordinate_transformation_mode", "half_pixel")
    channels = next((at for at in range(len(to)) if draft.axis(x, at) == axes.CHANNELS), 1)
    item = draft.map(operator, x, channels)
    if to[0] != x.dims[0] or to[channels] != x.dims[channels] or operator.whole("antialias", 0):
        raise Unsaid("it is no enlargement of a map that UPSAMPLE is")
    if mode not in _WORDS:
        raise Unsaid(f"its values are found by {mode}")
    if mode == "cubic" and (
        abs(operator.real("cubic_coeff_a", -0.75) + 0.75) > 1e-6 or operator.whole("exclude_outside", 0)
    ):
        raise Unsaid("its cubic has another a than -0.75, or leaves out what is outside")
    before = draft.shapes[item].spatial
    size = tuple([one for at, one in enumerate(to) if at not in (0, channels)])
    steps = [one for at, one in enumerate(scales) if at not in (0, channels)] or [
        Fraction(wide, narrow) for wide, narrow in zip(size, before, strict=True)
    ]
    exact = all(step * narrow == wide for step, narrow, wide in zip(steps, before, size, strict=True))
    if mode == "nearest":
        _nearest(operator, places, before, size, steps)
    elif not exact and places != "align_corners":
        raise Unsaid("its factor is not by how much it enlarges")
    elif mode == "linear" and places == "asymmetric":
        return draft.natural(_from_the_corner(draft, operator, item, size), channels)
    elif places not in (*_CENTRED, "align_corners"):
        raise Unsaid(f"its values are found by {mode} and {places}")
    aligned = places == "align_corners" and mode != "nearest"
    whole = all(wide % narrow == 0 for wide, narrow in zip(size, before, strict=True))
    factors = tuple([wide // narrow for wide, narrow in zip(size, before, strict=True)])
    layer = Upsample(factors if whole else None, None if whole else size, mode=_WORDS[mode], aligned=aligned)
    return draft.natural(draft.add(operator, layer, [item]), channels)


def _resized(draft: Draft, operator: Operator, x: Flow) -> tuple[tuple[int, ...], list[Fraction]] | None:
    """The sizes that it gives, stated or by its factors, and the factors; Upsample has them as its second input."""
    sizes = draft.constant(operator, 3)
    scales = draft.constant(operator, 2 if len(operator.inputs) > 2 else 1)
    rank, stated = len(x.dims), operator.sizes("axes")
    places = [axis % rank for axis in stated] if stated else list(range(rank))
    found, factors = list(x.dims), [Fraction(1)] * rank
    if sizes is not None and sizes.size == len(places):
        if operator.text("keep_aspect_ratio_policy", "stretch") != "stretch":
            raise Unsaid("its size follows from a ratio that it keeps")
        for axis, size in zip(places, sizes.flat, strict=True):
            factors[axis] = Fraction(int(size), found[axis] or 1)
            found[axis] = int(size)
    elif scales is not None and scales.size == len(places):
        for axis, scale in zip(places, scales.flat, strict=True):
            wide = int(found[axis] * float(scale))
            near = Fraction(wide, found[axis] or 1)  # 1.3333334 of 3 positions are 4/3 of them
            factors[axis] = near if abs(float(near) - float(scale)) < 1e-6 else Fraction(float(scale))
            found[axis] = wide
    else:
        return None
    return None if min(found) < 1 or most(found) else (tuple(found), factors)


def _nearest(
    operator: Operator, places: str, before: tuple[int, ...], size: tuple[int, ...], steps: list[Fraction]
) -> None:
    """Raise Unsaid where its nearest values are not those of UPSAMPLE, which are nearest from the first corner."""
    how = operator.text("nearest_mode", "round_prefer_floor")
    if max(size) > _LONGEST or places not in _FROM or how not in _ROUND:
        raise Unsaid(f"its nearest values are found by {places} and {how}")
    for narrow, wide, step in zip(before, size, steps, strict=True):
        for at in range(wide):
            found = min(max(_ROUND[how](_FROM[places](at, step, narrow, wide)), 0), narrow - 1)
            if found != at * narrow // wide:
                raise Unsaid(f"its nearest values are found by {places} and {how}")


_HALF = Fraction(1, 2)
_FROM: Mapping[str, Callable[[int, Fraction, int, int], Fraction]] = {
    "asymmetric": lambda at, step, narrow, wide: at / step,
    "align_corners": lambda at, step, narrow, wide: Fraction(at * (narrow - 1), max(wide - 1, 1)),
    "tf_half_pixel_for_nn": lambda at, step, narrow, wide: (at + _HALF) / step,
    "pytorch_half_pixel": lambda at, step, narrow, wide: (at + _HALF) / step - _HALF if wide > 1 else Fraction(0),
    **dict.fromkeys(("half_pixel", "half_pixel_symmetric"), lambda at, step, narrow, wide: (at + _HALF) / step - _HALF),
}
"""Where a position is from, by what ONNX calls the transformation of coordinates."""
_ROUND: Mapping[str, Callable[[Fraction], int]] = {
    "floor": floor,
    "ceil": ceil,
    "round_prefer_floor": lambda at: ceil(at - _HALF),
    "round_prefer_ceil": lambda at: floor(at + _HALF),
}


def _from_the_corner(draft: Draft, operator: Operator, item: str, size: tuple[int, ...]) -> str:
    """Linear from the first corner on: with one position more, whose corners lie on each other, and without the last.

    Positions of the output are in/out apart then, as they are to be, and what is behind the last is the last.
    """
    rank = len(size)
    item = draft.add(operator, Pad((0,) * rank, (1,) * rank, "edge"), [item], before=True)
    wide = tuple([one + 1 for one in size])
    item = draft.add(operator, Upsample(to=wide, mode="bilinear", aligned=True), [item])
    return draft.add(operator, Crop(size, (0,) * rank), [item])


RULES: Mapping[str, Callable[[Draft, Operator], Flow]] = {"Resize": resize}
