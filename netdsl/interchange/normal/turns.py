"""Permutations of axes that no layer makes by itself, as SHUFFLE of values that are reshaped so that it does.

SHUFFLE g takes g rows of channels for columns: what is outermost, of g places, is put behind what comes next. All
other axes are positions there, and stay.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from functools import cache
from math import prod
from typing import TYPE_CHECKING

from netdsl.interchange.normal import axes
from netdsl.interchange.normal.axes import BATCH, Atom, Layout
from netdsl.layers.channels import Shuffle
from netdsl.layers.reshape import Flatten, Reshape
from netdsl.layers.resize import PixelShuffle, PixelUnshuffle
from netdsl.layers.shape import Shape

if TYPE_CHECKING:
    from netdsl.layers.base import Layer

_MOST = 6
"""Stretches of axes that are brought in another order: those of three axes, each cut in two."""


def turns(shape: Shape, wanted: Layout, batch: int) -> Sequence[Layer]:
    """The layers that bring an output of a shape into a layout; () where there are none."""
    own, ends = axes.natural(shape, batch)[0], [atom for atoms in wanted[1:] for atom in atoms]
    if wanted[0] != own or any(atom.axis == BATCH for atom in ends) or len(ends) > _MOST:
        return ()
    starts = sorted(ends, key=lambda atom: (atom.axis, -atom.step))
    if not _whole(starts, shape):
        return ()
    target = axes.shape_of(wanted)
    layers: list[Layer] = []
    sizes = [atom.size for atom in starts]
    for first, last in _exchanges(tuple([starts.index(atom) for atom in ends])):
        outer, inner = prod(sizes[:first]), prod(sizes[first:last])
        rest = prod(sizes[last:])
        if shape.channels != outer * inner:
            shape = Shape((rest,) if rest > 1 else (), outer * inner)
            layers.append(_as(shape))
        layers.append(Shuffle(outer))
        sizes = [*sizes[first:last], *sizes[:first], *sizes[last:]]
    return layers if shape == target else [*layers, _as(target)]


def patches(shape: Shape, wanted: Layout) -> Sequence[Layer]:
    """One layer with a RESHAPE behind or before it: patches of a map as positions in a row, or such as a map."""
    apart = (*wanted[:2], *[(atom,) for atoms in wanted[2:] for atom in atoms])
    layer = axes.moved(shape, apart) if apart != wanted else None
    if isinstance(layer, PixelShuffle | PixelUnshuffle):
        return layer, _as(axes.shape_of(wanted))
    starts = sorted([atom for atoms in wanted for atom in atoms], key=lambda atom: (atom.axis, -atom.step))
    rows = [atom for atom in starts if atom.axis > 1]
    if len(rows) == shape.rank:
        return ()
    places = {atom: Atom(axis, 1, atom.size) for axis, atom in enumerate(rows, 2)}
    laid = Shape(tuple([atom.size for atom in rows]), shape.channels)
    layer = axes.moved(laid, tuple([axes.joined([places.get(atom, atom) for atom in atoms]) for atoms in wanted]))
    return (_as(laid), layer) if isinstance(layer, PixelShuffle | PixelUnshuffle) else ()


def _as(shape: Shape) -> Layer:
    """The layer that gives the same values in a shape."""
    return Reshape(shape.dims) if shape.spatial else Flatten()


def _whole(atoms: Sequence[Atom], shape: Shape) -> bool:
    """Whether stretches, each in its place, are all of a shape."""
    last = (shape.channels, *shape.spatial)
    left = list(last)
    for atom in atoms:
        if left[atom.axis - 1] != atom.step * atom.size:
            return False
        left[atom.axis - 1] = atom.step
    return all(one == 1 for one in left)


@cache
def _exchanges(order: tuple[int, ...]) -> Sequence[tuple[int, int]]:
    """The fewest exchanges that bring 0, 1, 2 … into an order: of what is before `first` and what is up to `last`."""
    start = tuple(range(len(order)))
    found: dict[tuple[int, ...], tuple[tuple[int, int], ...]] = {start: ()}
    left = deque([start])
    while order not in found:
        now = left.popleft()
        for exchange in _possible(len(order)):
            first, last = exchange
            then = (*now[first:last], *now[:first], *now[last:])
            if then not in found:
                found[then] = (*found[now], exchange)
                left.append(then)
    return found[order]


def _possible(count: int) -> Iterator[tuple[int, int]]:
    return ((first, last) for last in range(2, count + 1) for first in range(1, last))
