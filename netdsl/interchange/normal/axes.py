"""Which axes of a layer's output those of a foreign tensor are: permutations and reshapes move labels, and no values.

A tensor is the output of a layer, N x channels x spatial axes, in some layout: each of its axes is a list of atoms, and
an atom a stretch of one of the layer's axes. A Transpose permutes the axes, a Reshape cuts and joins atoms. Only where
a layer reads the tensor is there something to be done, and mostly there is nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING, TypeAlias

from netdsl.layers.channels import Shuffle
from netdsl.layers.reshape import Flatten, Reshape
from netdsl.layers.resize import PixelShuffle, PixelUnshuffle
from netdsl.layers.shape import Shape

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from netdsl.layers.base import Layer

BATCH, CHANNELS = 0, 1


@dataclass(frozen=True, slots=True)
class Atom:
    """A stretch of an axis of a layer's output: `size` places, `step` apart; spatial axes are counted from 2."""

    axis: int
    step: int
    size: int


Layout: TypeAlias = tuple[tuple[Atom, ...], ...]


def natural(shape: Shape, batch: int, channels: int = CHANNELS) -> Layout:
    """The layout of a layer's output as it is, or with its channels as another axis than behind the batch.

    An axis of 1 has no atoms.
    """
    sizes = (batch, shape.channels, *shape.spatial)
    first, own, *rest = [(Atom(axis, 1, size),) if size > 1 else () for axis, size in enumerate(sizes)]
    return (first, *rest[: channels - 1], own, *rest[channels - 1 :])


def sizes(layout: Layout) -> tuple[int, ...]:
    """The sizes of a tensor of a layout."""
    return tuple([prod(atom.size for atom in atoms) for atoms in layout])


def joined(atoms: Sequence[Atom]) -> tuple[Atom, ...]:
    """The same with neighbours that are one stretch as one."""
    found: list[Atom] = []
    for atom in atoms:
        last = found[-1] if found else None
        if last and last.axis == atom.axis and last.step == atom.step * atom.size:
            found[-1] = Atom(atom.axis, atom.step, last.size * atom.size)
        else:
            found.append(atom)
    return tuple(found)


def reshaped(layout: Layout, dims: Sequence[int]) -> Layout | None:
    """The layout after a Reshape; None where it cuts an axis unevenly."""
    rest = [atom for atoms in layout for atom in atoms][::-1]
    found: list[list[Atom]] = []
    for left in dims:
        taken: list[Atom] = []
        while left > 1:
            if not rest:
                return None
            atom = rest.pop()
            if atom.size > left:
                if atom.size % left:
                    return None
                inner = atom.size // left
                rest.append(Atom(atom.axis, atom.step, inner))
                atom = Atom(atom.axis, atom.step * inner, left)
            if left % atom.size:
                return None
            taken.append(atom)
            left //= atom.size
        found.append(taken)
    return None if rest else tuple(map(joined, found))


def transposed(layout: Layout, order: Sequence[int]) -> Layout:
    """The layout after a Transpose."""
    return tuple([layout[axis] for axis in order])


def channels_first(layout: Layout, channels: int) -> Layout:
    """The layout with the batch first, then the axis that is the channels, then the others."""
    rest = [axis for axis in range(1, len(layout)) if axis != channels]
    return transposed(layout, (0, channels, *rest))


def shape_of(layout: Layout) -> Shape:
    """The shape that a tensor has, read as N x channels x spatial axes."""
    found = sizes(layout)
    return Shape(found[2:], found[1])


def moved(shape: Shape, wanted: Layout) -> Layer | None:
    """The layer that brings an output of a shape into a layout; None where the language has none."""
    batch = next((atom.size for atoms in wanted for atom in atoms if atom.axis == BATCH), 1)
    for layer, layout in _moves(shape, wanted, batch):
        if layout == wanted:
            return layer
    return None


def _moves(shape: Shape, wanted: Layout, batch: int) -> Iterator[tuple[Layer, Layout | None]]:
    """The layers that might do so, each with the layout that it gives."""
    start, target = natural(shape, batch), shape_of(wanted)
    if target.elements != shape.elements:
        return
    flat = reshaped(start, (batch, target.channels, *target.spatial))
    yield (Reshape(target.dims) if target.spatial else Flatten()), flat
    if target == shape:
        for atom in wanted[CHANNELS][1:]:
            groups = atom.size
            parts = (Atom(CHANNELS, 1, shape.channels // groups), Atom(CHANNELS, shape.channels // groups, groups))
            yield Shuffle(groups), (start[0], joined(parts), *start[2:])
    if not 0 < shape.rank == target.rank or shape.channels == target.channels:
        return
    if target.channels < shape.channels:
        factor = target.spatial[0] // shape.spatial[0] or 1
        yield from ((PixelShuffle(factor, order), _shuffled(shape, factor, order, batch)) for order in ("crd", "dcr"))
    else:
        factor = shape.spatial[0] // target.spatial[0] or 1
        for order in ("crd", "dcr", "swin"):
            yield PixelUnshuffle(factor, order), _unshuffled(shape, factor, order, batch)


def _shuffled(shape: Shape, factor: int, order: str, batch: int) -> Layout | None:
    """The layout that PIXELSHUFFLE gives."""
    rank = shape.rank
    count = factor**rank
    if shape.channels % count:
        return None
    kept = shape.channels // count
    inner, outer = (1, count) if order == "crd" else (kept, 1)
    start = natural(shape, batch)
    space = [
        joined((*start[axis + 2], Atom(CHANNELS, inner * factor ** (rank - 1 - axis), factor))) for axis in range(rank)
    ]
    return (start[0], (Atom(CHANNELS, outer, kept),) if kept > 1 else (), *space)


def _unshuffled(shape: Shape, factor: int, order: str, batch: int) -> Layout | None:
    """The layout that PIXELUNSHUFFLE gives."""
    if any(size % factor for size in shape.spatial):
        return None
    parts = [Atom(axis, 1, factor) for axis in range(2, shape.rank + 2)]
    start = natural(shape, batch)
    channels = {"crd": [*start[1], *parts], "dcr": [*parts, *start[1]], "swin": [*reversed(parts), *start[1]]}[order]
    small = [size // factor for size in shape.spatial]
    space = [(Atom(axis, factor, size),) if size > 1 else () for axis, size in enumerate(small, 2)]
    return (start[0], joined(channels), *space)


def columns(layout: Layout, weight: NDArray[np.float32], shape: Shape) -> NDArray[np.float32] | None:
    """The weight of an FC, units x values, whose columns are in the order of the one axis that it reads.

    It reads all of a layer's output; the columns that come are in the order that FC flattens by: channels, then rows,
    then columns.
    """
    atoms = [atom for atoms in layout for atom in atoms if atom.axis != BATCH]
    order = sorted(range(len(atoms)), key=lambda index: (atoms[index].axis, -atoms[index].step))
    if order == [*range(len(atoms))] or not any(weight.strides):
        return weight
    if prod(atom.size for atom in atoms) != shape.elements:
        return None
    apart = weight.reshape(len(weight), *[atom.size for atom in atoms])
    return apart.transpose(0, *[one + 1 for one in order]).reshape(len(weight), -1)
