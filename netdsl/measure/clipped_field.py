"""The receptive field of one position, clipped to the image and without its holes: the pixels that really reach it.

It is found by walking back from the position to the inputs, with the set of positions that are read of each map on the
way. Padding inside the network ends a walk as padding of the input does, and a dilated window leaves out what lies
between its cells. A set is an int, whose bits stand for coordinates along one axis.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from fractions import Fraction
from functools import reduce
from typing import TypeAlias

from netdsl.graph.node import ShapedGraph
from netdsl.layers.arguments import Number
from netdsl.layers.base import Layer, Window
from netdsl.layers.shape import Shape

_Block: TypeAlias = "tuple[int, ...]"
"""A set of coordinates for each axis, which stands for all positions that they make: rows 1 and 3, columns 2 to 5."""
_MOST_BLOCKS = 64
"""The most blocks of one map that are kept apart; more are joined into one, which may hold pixels too many."""


def clipped(shaped: ShapedGraph, node: int, position: Sequence[int]) -> dict[int, tuple[tuple[int, int], ...]]:
    """The input pixels that reach a position of a node's output: the first and the last along each axis.

    They are given for the index of each INPUT that reaches it at all. Channels are not told apart.
    """
    return {
        index: tuple((_lowest(axis), axis.bit_length() - 1) for axis in sets)
        for index, sets in clipped_sets(shaped, node, position).items()
    }


def clipped_sets(shaped: ShapedGraph, node: int, position: Sequence[int]) -> dict[int, tuple[int, ...]]:
    """The same with holes: per axis the coordinates of all pixels that reach it, as the bits of an int."""
    walks: dict[int, list[_Block]] = {node: [tuple([1 << at for at in position])]}
    found: dict[int, tuple[int, ...]] = {}
    for index in range(node, -1, -1):
        blocks = walks.pop(index, [])
        here, inputs, out = shaped.nodes[index], shaped.input_shapes(index), shaped.shapes[index]
        if blocks and not here.inputs:
            found[index] = _joined(blocks)
        elif blocks and here.layer.merge:
            for source, shape in zip(here.inputs, inputs, strict=True):
                _add(walks.setdefault(source, []), [_stretched(block, shape, out) for block in blocks])
        elif blocks:  # the second input of `like=` gives no values
            _add(walks.setdefault(here.inputs[0], []), _through(here.layer, inputs, out, blocks))
    return found


def _add(known: list[_Block], blocks: Iterable[_Block]) -> None:
    """Add to blocks that are known what they do not hold yet."""
    for block in blocks:
        if not all(block) or any(_within(block, other) for other in known):
            continue
        known[:] = [other for other in known if not _within(other, block)]
        known.append(block)
        if len(known) > _MOST_BLOCKS:
            known[:] = [_joined(known)]


def _within(a: _Block, b: _Block) -> bool:
    return all(not x & ~y for x, y in zip(a, b, strict=True))


def _joined(blocks: Iterable[_Block]) -> _Block:
    """The smallest block that holds all of some."""
    return tuple(reduce(int.__or__, axis) for axis in zip(*blocks, strict=True))


def _stretched(block: _Block, shape: Shape, out: Shape) -> _Block:
    """What a merge reads of an input whose axes of 1 are stretched, or which is a vector."""
    axes = zip(block, shape.spatial, out.spatial, strict=True) if shape.spatial else ()
    return tuple([1 if size < wide else axis for axis, size, wide in axes])


def _through(layer: Layer, inputs: Sequence[Shape], out: Shape, blocks: Sequence[_Block]) -> Iterator[_Block]:
    """What a layer reads for some positions of its output."""
    sizes, windows, scales = inputs[0].spatial, layer.windows(*inputs), layer.enlargement(*inputs)
    told = [len(sizes) == out.rank and layer.reads(axis, 0, *inputs) is not None for axis in range(out.rank)]
    if windows and windows != "all" and not out.rank:  # one position of a map, as a vector
        blocks, told = [(1,) * len(sizes)], [False] * len(sizes)
    elif len(sizes) != out.rank or (windows == "all" and not any(told)):
        yield tuple([(1 << size) - 1 for size in sizes])
        return
    for block in blocks:
        sets: list[int] = []
        for axis, (positions, size) in enumerate(zip(block, sizes, strict=True)):
            if told[axis]:
                read = 0
                for at in _bits(positions):
                    read |= _set(layer.reads(axis, at, *inputs) or ())
            elif windows == "all":
                read = -1
            elif windows:
                read = _slid(positions, windows[axis], scales[axis] if scales else 1)
            else:
                read = positions
            sets.append(read & (1 << size) - 1)
        yield tuple(sets)


def _slid(positions: int, window: Window, scale: Number) -> int:
    """What a window reads at some positions of a map that was enlarged with zeros between its values."""
    spread = _spread(positions, window.stride)
    read = 0
    for cell in range(window.size):
        by = cell * window.dilation - window.before
        read |= spread << by if by >= 0 else spread >> -by
    return read if scale == 1 else _thinned(read, scale)


def _spread(positions: int, stride: int) -> int:
    """Positions times a stride, through the binary digits, which is quick for long ones."""
    return positions if stride == 1 else int(("0" * (stride - 1)).join(f"{positions:b}"), 2)


def _thinned(positions: int, scale: Number) -> int:
    """Those of some positions that are multiples of a scale, divided by it."""
    read = 0
    for at in _bits(positions):
        inner = at / Fraction(scale)
        if inner.denominator == 1:
            read |= 1 << inner.numerator
    return read


def _set(positions: Iterable[int]) -> int:
    """Positions as the bits of an int."""
    if isinstance(positions, range) and positions.step == 1:
        return (1 << len(positions)) - 1 << positions.start if positions else 0
    return sum(1 << one for one in set(positions))


def _bits(positions: int) -> Iterator[int]:
    while positions:
        low = positions & -positions
        yield low.bit_length() - 1
        positions ^= low


def _lowest(positions: int) -> int:
    return (positions & -positions).bit_length() - 1
