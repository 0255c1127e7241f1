"""What moves values about, and computes next to nothing: FLATTEN, RESHAPE, PAD, CROP."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from netdsl.layers import mistakes
from netdsl.layers.arguments import (
    LayerError,
    Sizes,
    choice,
    node,
    option,
    positional,
    reshaped,
    show,
    sizes,
    whole,
)
from netdsl.layers.base import Algebra, Layer, Window, per_axis, require_axes
from netdsl.layers.formula import known, times
from netdsl.layers.shape import Shape

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from torch import nn


class Moving(Layer):
    """What these share: where the shape stays, so do the values."""

    role = "reshape"

    def algebra(self, *inputs: Shape) -> Algebra:
        return Algebra(identity=self.shape(*inputs) == inputs[0])


class Viewing(Moving):
    """What FLATTEN and RESHAPE share: each value may come from anywhere, and stays where it lies in memory."""

    inplace = True
    view = True

    def windows(self, *inputs: Shape) -> tuple[Window, ...] | Literal["all"]:
        return "all" if inputs[0].spatial else ()


@dataclass(frozen=True)
class Flatten(Viewing):
    """A vector of all values, channel-major as in PyTorch: all of channel 0, row by row, then channel 1.

    `FLATTEN`

    FLOPs: none.
    """

    keyword = "FLATTEN"

    def shape(self, *inputs: Shape) -> Shape:
        (x,) = inputs
        return Shape((), times(x.dims))

    def algebra(self, *inputs: Shape) -> Algebra:
        return Algebra(identity=self.shape(*inputs) == inputs[0], flattens=True)

    def lower(self, *inputs: Shape) -> nn.Module:
        from torch import nn

        return nn.Flatten()


@dataclass(frozen=True)
class Reshape(Viewing):
    """The same values in another shape, channel-major as in PyTorch: channels, then rows, then columns.

    `RESHAPE 7x7x128`, or `RESHAPE {-1, 128}`, where one size is what the others leave

    FLOPs: none.
    """

    keyword = "RESHAPE"

    dims: Sizes = positional(reshaped(), "the new shape, spatial sizes first, channels last; -1 for one that follows")

    def shape(self, *inputs: Shape) -> Shape:
        (x,) = inputs
        known = times([size for size in self.dims if size != -1])
        if len(self.dims) > 1 and -1 in self.dims and x.elements % known:
            raise LayerError(mistakes.Undivided(self.written, known, x), argument="dims", inputs=True)
        left = times(x.dims) // known if len(self.dims) > 1 else times(x.dims)
        shape = Shape.of([left if size == -1 else size for size in self.dims])
        if shape.elements != x.elements:
            raise LayerError(mistakes.OtherCount(shape, x), argument="dims", inputs=True)
        return shape

    def lower(self, *inputs: Shape) -> nn.Module:
        from netdsl.layers.modules import reshape

        *spatial, channels = self.shape(*inputs).dims
        return reshape.Reshape([channels, *spatial])


@dataclass(frozen=True)
class Pad(Moving):
    """Adds positions around the map: zeros, the map reflected about its edge, or its edge repeated.

    `PAD 1x0 after=2x3 mode=reflect`

    FLOPs: none.
    """

    keyword = "PAD"

    before: Sizes = positional(sizes(0), "positions added on each side: one size, or one for each axis")
    after: Sizes | None = option(sizes(0), "positions added at the far side, where they differ")
    mode: str = option(choice("zero", "reflect", "edge"), "what is added", "zero")

    def windows(self, *inputs: Shape) -> tuple[Window, ...]:
        (x,) = inputs
        before = per_axis(self.before, x, "before")
        after = before if self.after is None else per_axis(self.after, x, "after")
        return tuple([Window(1, before=b, after=a) for b, a in zip(before, after, strict=True)])

    def shape(self, *inputs: Shape) -> Shape:
        (x,) = inputs
        require_axes("PAD", x)
        windows = self.windows(x)
        axes = list(zip(x.spatial, windows, strict=True))
        for size, window in axes:
            most = max(window.before, window.after)
            if self.mode == "reflect" and most >= size:
                raise LayerError(mistakes.FewPositions(size, most), argument="mode", inputs=True)
        return Shape(tuple([size + window.before + window.after for size, window in axes]), x.channels)

    def reads(self, axis: int, position: int, *inputs: Shape) -> Iterable[int] | None:
        (x,) = inputs
        last = x.spatial[axis] - 1
        at = position - self.windows(x)[axis].before
        match self.mode:
            case "reflect":
                return (-at if at < 0 else 2 * last - at if at > last else at,)
            case "edge":
                return (min(max(at, 0), last),)
            case _:
                return None

    def lower(self, *inputs: Shape) -> nn.Module:
        from netdsl.layers.modules import axes, reshape

        mode = {"zero": "constant", "edge": "replicate"}.get(self.mode, self.mode)
        return reshape.Pad(axes.pads(self.windows(*inputs)), mode)


@dataclass(frozen=True)
class Crop(Moving):
    """Cuts a part out of the map: centred, the offset rounded down, or from `at=` on; along all axes or one alone.

    `CROP 24x24 at=4x0`, `CROP 24 axis=0` or `CROP like=e2`, which takes the spatial size of another node

    FLOPs: none.
    """

    keyword = "CROP"
    view = True

    size: Sizes | None = positional(sizes(), "spatial size of the part", None)
    at: Sizes | None = option(sizes(0), "where it starts, counted from 0; without it in the middle")
    like: str | None = option(node(), "the node whose spatial size it takes")
    axis: int | None = option(whole(0), "the one axis that it cuts, 0 for the first; without it all")

    def __post_init__(self) -> None:
        one_of("CROP 24x24 or CROP like=NAME", {"size": self.size, "like": self.like})
        if self.axis is None:
            return
        if self.like is not None:
            raise LayerError(mistakes.Exclusive("like and axis"), argument="axis")
        for name, given in (("size", self.size), ("at", self.at)):
            if given is not None and len(given) > 1:
                raise LayerError(mistakes.OneAxis(name, show(given), len(given)), argument=name)

    def _along(self, sizes: Sizes, x: Shape, argument: str, rest: Sizes) -> Sizes:
        """Sizes along all axes of an input, where one that is not cut has what the rest says."""
        if self.axis is None:
            return per_axis(sizes, x, argument)
        return tuple([sizes[0] if at == self.axis else other for at, other in enumerate(rest)])

    def _offsets(self, x: Shape, spatial: Sizes) -> Sizes:
        if self.at is not None:
            return self._along(self.at, x, "at", (0,) * x.rank)
        return tuple([(size - part) // 2 for size, part in zip(x.spatial, spatial, strict=True)])

    def windows(self, *inputs: Shape) -> tuple[Window, ...]:
        x = inputs[0]
        spatial = self.shape(*inputs).spatial
        axes = zip(x.spatial, spatial, self._offsets(x, spatial), strict=True)
        return tuple([Window(1, before=-offset, after=offset + part - size) for size, part, offset in axes])

    def shape(self, *inputs: Shape) -> Shape:
        x = inputs[0]
        require_axes("CROP", x)
        if self.axis is not None and self.axis >= x.rank:
            raise LayerError(mistakes.NoSuchAxis(self.axis, x), argument="axis", inputs=True)
        spatial = size_of("CROP", *inputs) if self.size is None else self._along(self.size, x, "size", x.spatial)
        offsets = self._offsets(x, spatial)
        for size, part, offset in zip(x.spatial, spatial, offsets, strict=True):
            if offset < 0 or offset + part > size:
                argument = "at" if self.at else "size" if self.size else "like"
                where = f"out of {show(x.spatial)}, which is too small"
                if self.at is not None:
                    where = f"at {show(self.at)}, which ends beyond {show(x.spatial)}"
                raise LayerError(mistakes.LargeCrop(show(spatial), where), argument=argument, inputs=True)
        places = zip(x.spatial, map(known, offsets), spatial, strict=True)
        return Shape(tuple([size if part is size else known(at + part) - at for size, at, part in places]), x.channels)

    def lower(self, *inputs: Shape) -> nn.Module:
        from netdsl.layers.modules import reshape

        x = inputs[0]
        if self.size is not None and self.axis is not None:
            return reshape.Crop(list(self.size), None if self.at is None else list(self.at), self.axis)
        at = None if self.at is None else list(per_axis(self.at, x, "at"))
        return reshape.CropLike(at) if self.size is None else reshape.Crop(list(per_axis(self.size, x, "size")), at)


def one_of(usage: str, given: Mapping[str, object]) -> None:
    """Raise where not exactly one of some arguments is given."""
    there = [word for word, value in given.items() if value is not None]
    if not there:
        raise LayerError(mistakes.NoneOf(f"one of {', '.join(given)}", usage))
    if len(there) > 1:
        raise LayerError(mistakes.Exclusive(" and ".join(there)), argument=there[-1])


def size_of(keyword: str, x: Shape, like: Shape) -> Sizes:
    """The spatial size of the second input, which has as many axes as the first."""
    if like.rank != x.rank:
        raise LayerError(mistakes.OtherRank(keyword, like, x), argument="like", inputs=True)
    return like.spatial
