"""What joins the branches of a fork: CONCAT, ADD, SUB, MUL, MEAN, MAX."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from netdsl.layers import mistakes
from netdsl.layers.arguments import LayerError
from netdsl.layers.base import Algebra, Layer
from netdsl.layers.formula import alike, group, known, most
from netdsl.layers.shape import Shape
from netdsl.text.fit import listed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import nn


class Merging(Layer):
    """What merges share: any number of inputs, in the order of the branches."""

    role = "merge"
    merge = True
    operation: ClassVar[str]
    """The class of `modules.merge` that computes it."""

    def algebra(self, *inputs: Shape) -> Algebra:
        return Algebra(identity=len(inputs) == 1)

    def lower(self, *inputs: Shape) -> nn.Module:
        from netdsl.layers.modules import merge

        return merge.of(self.operation, len(inputs))()


class Elementwise(Merging):
    """What ADD, SUB, MEAN and MAX share: shapes that are equal, n - 1 operations for each value."""

    def shape(self, *inputs: Shape) -> Shape:
        first = inputs[0]
        for other in inputs:
            if other != first:
                raise _mismatch(f"{self.keyword} wants equal shapes", inputs, _advice(first, other))
        return first

    def flops(self, *inputs: Shape) -> int:
        return _between(inputs, inputs[0])


def _between(inputs: Sequence[Shape], out: Shape) -> int:
    """An operation between one input and the next, for each value of what comes out."""
    return group(alike(len(inputs), out.channels) - 1) * known(out.elements)


def _mismatch(wants: str, inputs: tuple[Shape, ...], help: str) -> LayerError:
    shapes = list(dict.fromkeys(map(str, inputs)))
    return LayerError(mistakes.UnequalBranches(wants, listed(shapes, " and "), help), inputs=True)


_LOST = 10
"""How many positions windows without padding take at most, among shapes that differ by nothing else."""


def _advice(a: Shape, b: Shape) -> str:
    """What would make two branches alike."""
    if a.rank != b.rank:
        if a.spatial and b.spatial:
            return ""
        if a.channels == b.channels and max(a.positions, b.positions) > 1:
            return f"FC reads the whole map: CONV {a.channels} 1 works on each position"
        return "FLATTEN the map, or RESHAPE the vector"
    if a.spatial == b.spatial:
        return f"project one branch to the other's channels, as the shortcut of a residual block: CONV {a.channels} 1"
    pairs = list(zip(a.spatial, b.spatial, strict=True))
    if all(-(-max(pair) // 2) == min(pair) for pair in pairs) and any(x != y for x, y in pairs):
        return f"the strides differ: the branch of {max(a, b, key=lambda one: one.positions)} needs s2 as well"
    if all(abs(x - y) <= _LOST for x, y in pairs):
        less = min(a, b, key=lambda one: one.positions)
        return f"windows without padding take their margin; `same` or p in the branch of {less} keeps the size"
    return "the strides or paddings differ; UPSAMPLE like= and CROP like= give a branch the size of another"


@dataclass(frozen=True)
class Concat(Merging):
    """The channels of all branches, in their order; spatial sizes are equal.

    `[ CONV 64 1 | CONV 64 3 p1 ] -> CONCAT`

    FLOPs: none.
    """

    keyword = "CONCAT"
    operation = "Concat"

    def shape(self, *inputs: Shape) -> Shape:
        first = inputs[0]
        for other in inputs:
            if other.spatial != first.spatial:
                raise _mismatch("CONCAT wants equal spatial sizes", inputs, _advice(first, other))
        return Shape(first.spatial, sum([x.channels for x in inputs]))


@dataclass(frozen=True)
class Add(Elementwise):
    """The sum of branches of equal shape.

    `[ CONV 64 3 p1 | SKIP ] -> ADD`

    FLOPs: n - 1 for each value of n branches.
    """

    keyword = "ADD"
    operation = "Add"
    commutative = True


@dataclass(frozen=True)
class Subtract(Elementwise):
    """The first branch less all others, of equal shape.

    `[ left | right ] -> SUB`

    FLOPs: n - 1 for each value of n branches.
    """

    keyword = "SUB"
    operation = "Subtract"


@dataclass(frozen=True)
class Multiply(Merging):
    """The product of branches; axes and channels of 1 stretch, and a vector of C counts as 1x1xC.

    `[ SKIP | AVGPOOL global -> FC 64 -> SIGMOID ] -> MUL`

    FLOPs: n - 1 for each value of n branches.
    """

    keyword = "MUL"
    operation = "Multiply"
    commutative = True

    def shape(self, *inputs: Shape) -> Shape:
        rank = max([x.rank for x in inputs])
        dims = [x.dims if x.spatial else (1,) * rank + (x.channels,) for x in inputs]
        if any(len(one) != rank + 1 for one in dims):
            raise self._mismatch(inputs)
        out: list[int] = []
        for sizes in zip(*dims, strict=True):
            size = max(sizes)
            if any(one not in (1, size) for one in sizes):
                raise self._mismatch(inputs)
            out.append(most(sizes))
        kept = all(x.spatial == tuple(out[:-1]) for x in inputs)
        return Shape(inputs[0].spatial if kept else tuple(out[:-1]), most([x.channels for x in inputs]))

    def _mismatch(self, inputs: tuple[Shape, ...]) -> LayerError:
        help = "only axes of 1 are stretched, and a vector of C counts as 1x1xC"
        return _mismatch("MUL wants shapes that stretch to each other", inputs, help)

    def flops(self, *inputs: Shape) -> int:
        return _between(inputs, self.shape(*inputs))


@dataclass(frozen=True)
class Mean(Elementwise):
    """The mean of branches of equal shape.

    `[ a | b | c ] -> MEAN`

    FLOPs: n for each value of n branches: n - 1 sums and a division.
    """

    keyword = "MEAN"
    operation = "Mean"
    commutative = True

    def flops(self, *inputs: Shape) -> int:
        return len(inputs) * known(inputs[0].elements)


@dataclass(frozen=True)
class Maximum(Elementwise):
    """The largest value among branches of equal shape (maxout).

    `[ CONV 64 3 p1 | CONV 64 3 p1 ] -> MAX`

    FLOPs: n - 1 for each value of n branches.
    """

    keyword = "MAX"
    operation = "Maximum"
    commutative = True
