"""Positions that are moved about by no layer: windows that are cut, shifted and padded, until ATTENTION reads them.

A value whose last axis is the channels of an item has a position of that item for each of its places, or -1 for zeros.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from math import prod
from typing import TYPE_CHECKING

import numpy as np

from netdsl.interchange.flat import Item
from netdsl.interchange.normal import axes, fold
from netdsl.interchange.normal.axes import CHANNELS
from netdsl.interchange.normal.draft import Draft, Flow, Moves, Unsaid
from netdsl.layers.base import Layer, per_axis
from netdsl.layers.pool import MaxPool
from netdsl.layers.reshape import Crop, Pad
from netdsl.layers.resize import PixelUnshuffle
from netdsl.layers.shape import Shape
from netdsl.layers.source import Input

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from netdsl.interchange.normal.axes import Atom
    from netdsl.interchange.primitives import Operator

_MOVING = ("Reshape", "Transpose", "Slice", "Concat", "Pad", "Gather", "Squeeze", "Unsqueeze", "Identity")
_WHY = "it moves positions about, and is no part of an attention in windows"


def followed(draft: Draft, operator: Operator) -> Flow | None:
    """What an operator makes of positions that are moved about; None where it does no such thing."""
    names = [name for name in operator.inputs if name in draft.flows]
    if operator.kind == "Add" and len(names) == 1 and names[0] in draft.moves:
        return _biased(draft, operator, draft.moves[names[0]])
    if operator.kind not in _MOVING or draft.batch != 1 or not names:
        return None
    moved = [name for name in names if name in draft.moves]
    if not moved and not _begins(draft, operator, names):
        return None
    traced = [draft.moves[name] if name in draft.moves else _traced(draft, draft.flows[name]) for name in names]
    base = traced[0]
    if base is None or any(one is None or one.item != base.item for one in traced):
        return None
    given = [_tensor(draft, one) for one in traced if one is not None]
    found = _worked(draft, operator, given)
    channels = draft.shapes[base.item].channels
    if found is None or found.ndim < 2 or found.shape[-1] != channels or np.any(found != found[..., :1]):
        return None
    return give(draft, operator, operator.outputs[0], Moves(base.item, found[..., 0]))


def _biased(draft: Draft, operator: Operator, moves: Moves) -> Flow | None:
    """The bias of an attention's projection out, which is added before its positions are back."""
    name = next((one for one in operator.inputs if one in draft.constants), "")
    item = moves.item
    if item not in draft.unbiased or not name or draft.constants[name].size != draft.shapes[item].channels:
        return None
    draft.unbiased.discard(item)
    if not draft.replaced(item, draft.items[item].layer, {"out_proj.bias": draft.constants[name].reshape(-1)}, (name,)):
        return None
    return give(draft, operator, operator.outputs[0], moves)


def _begins(draft: Draft, operator: Operator, names: Sequence[str]) -> bool:
    """Whether an operator may begin to move positions about, as no layer does it."""
    match operator.kind:
        case "Concat":
            flows = [draft.flows[name] for name in names]
            axis = operator.whole("axis", 1)
            return len(names) > 1 and any(draft.axis(one, axis) != CHANNELS for one in flows)
        case "Gather":
            index = draft.constant(operator, 1)
            return index is not None and index.size > 1
        case "Pad":
            flow, pads = draft.flows[names[0]], draft.whole(operator, 1) or ()
            half = len(pads) // 2
            return half == len(flow.layout) and any(
                draft.axis(flow, at) is None for at in range(half) if pads[at] or pads[at + half]
            )
        case _:
            return False


def _tensor(draft: Draft, moves: Moves) -> NDArray[np.int64]:
    """The positions, for each channel."""
    wide = (*moves.index.shape, draft.shapes[moves.item].channels)
    return np.broadcast_to(moves.index[..., None], wide)


def _worked(draft: Draft, operator: Operator, given: Sequence[NDArray[np.int64]]) -> NDArray[np.int64] | None:
    """What an operator makes of numbers that stand for positions."""
    rest = [draft.constants.get(name) for name in operator.inputs if name not in draft.flows]
    if operator.kind == "Concat" and rest:
        return None
    if operator.kind == "Pad":
        pads = draft.whole(operator, 1) or ()
        if not pads or len(pads) != 2 * given[0].ndim or min(pads) < 0:
            return None
        if operator.text("mode", "constant") != "constant" or pads[-1]:
            return None
        rank = given[0].ndim
        wide = [size + pads[at] + pads[at + rank] for at, size in enumerate(given[0].shape)]
        if prod(wide) > 2**24 or pads[rank - 1]:
            return None
        return np.pad(given[0], [(pads[at], pads[at + rank]) for at in range(rank)], constant_values=-1)
    return fold.folded(operator, [*given, *rest])


def _traced(draft: Draft, flow: Flow) -> Moves | None:
    """The positions of a value of its item, or of what that was cropped or padded from."""
    if len(flow.layout) < 2:
        return None
    shape, item = draft.shapes[flow.item], draft.items[flow.item]
    if draft.axis(flow, -1) != CHANNELS or shape.positions > 2**20:
        return None
    index = positioned(flow.layout[:-1], shape)
    if index is None:
        return None
    while (grid := _kept(draft, item)) is not None:
        index = np.where(index < 0, -1, grid.reshape(-1)[index])
        item = draft.items[item.inputs[0]]
    return Moves(item.name, index)


def _kept(draft: Draft, item: Item) -> NDArray[np.int64] | None:
    """The positions that an item has of the one before it, -1 for zeros; None where it is no such part of it."""
    layer = item.layer
    if not isinstance(layer, Crop | Pad) and not _thins(layer):
        return None
    before = draft.shapes[item.inputs[0]]
    grid = np.arange(before.positions).reshape(before.spatial)
    if isinstance(layer, MaxPool):
        steps = per_axis(layer.stride or (1,), before, "stride")
        return grid[tuple([slice(None, None, one) for one in steps])]
    around = layer.windows(before)
    if isinstance(around, str) or (isinstance(layer, Pad) and layer.mode != "zero"):
        return None
    grid = np.pad(grid, [(max(one.before, 0), max(one.after, 0)) for one in around], constant_values=-1)
    sides = zip(around, grid.shape, strict=True)
    return grid[tuple([slice(max(-one.before, 0), size + min(one.after, 0)) for one, size in sides])]


def _thins(layer: Layer) -> bool:
    """Whether a layer takes every second position, or such."""
    return isinstance(layer, MaxPool) and set(layer.kernel or ()) == {1} and not any(layer.padding)


def unshuffled(draft: Draft, operator: Operator, flows: Sequence[Flow], channels: int) -> Flow | None:
    """PIXELUNSHUFFLE of values whose channels are joined, each of which has every second position of one map."""
    traced = [_traced(draft, _last(one, channels)) for one in flows]
    base = traced[0]
    if base is None or draft.batch != 1 or any(one is None or one.item != base.item for one in traced):
        return None
    shape = draft.shapes[base.item]
    factor = round(len(flows) ** (1 / max(shape.rank, 1)))
    if factor < 2 or factor**shape.rank != len(flows) or any(size % factor for size in shape.spatial):
        return None
    grid, found = np.arange(shape.positions).reshape(shape.spatial), [one.index.reshape(-1) for one in traced if one]
    starts = list(product(range(factor), repeat=shape.rank))
    for order, corners in (("dcr", starts), ("swin", [one[::-1] for one in starts])):
        wanted = [grid[tuple([slice(at, None, factor) for at in corner])].reshape(-1) for corner in corners]
        if all(np.array_equal(one, other) for one, other in zip(found, wanted, strict=True)):
            item = draft.add(operator, PixelUnshuffle(factor, order), [base.item])
            made = draft.natural(item, channels)
            return made if made.dims[1:] == _joined(flows, channels)[1:] else None
    return None


def _last(flow: Flow, channels: int) -> Flow:
    """A value with its channels last."""
    rest = [atoms for at, atoms in enumerate(flow.layout) if at != channels]
    return Flow(flow.item, (*rest, flow.layout[channels]))


def _joined(flows: Sequence[Flow], channels: int) -> tuple[int, ...]:
    """The sizes of values that are joined along an axis."""
    dims = list(flows[0].dims)
    dims[channels] = sum(one.dims[channels] for one in flows)
    return tuple(dims)


def positioned(layout: Sequence[Sequence[Atom]], shape: Shape) -> NDArray[np.int64] | None:
    """The position of an item for each place of a value's axes; None where one of them is no axis of positions."""
    index = np.zeros((), np.int64)
    for atoms in layout:
        along = np.zeros((), np.int64)
        for atom in atoms:
            if atom.axis < 2:
                return None
            stride = atom.step * prod(shape.spatial[atom.axis - 1 :])
            along = (along[..., None] + np.arange(atom.size) * stride).reshape(-1)
        index = index[..., None] + along.reshape(-1)
    return index


def give(draft: Draft, operator: Operator, name: str, moves: Moves) -> Flow:
    """A value of an item's positions: as the item is where they are all in order, else as something unsaid."""
    shape, index = draft.shapes[moves.item], moves.index
    dims = (*index.shape, shape.channels)
    if np.array_equal(index.reshape(-1), np.arange(shape.positions)):
        layout = axes.reshaped(axes.natural(shape, 1, shape.rank + 1), dims)
        if layout is not None:
            flow = Flow(moves.item, layout)
            draft.give(name, flow)
            return flow
    draft.moves[name] = moves
    item = draft.named(f"{name}_places")
    flat = Shape((index.size,), shape.channels)
    draft.items[item] = Item(item, Input(flat.dims), place=draft.source.place(operator))
    draft.shapes[item] = flat
    draft.unsaid[item] = (operator, _WHY)
    draft.cuts[item] = Moves(moves.item, index.reshape(-1))
    layout = axes.natural(flat, 1, 2)
    flow = Flow(item, axes.reshaped(layout, dims) or layout)
    draft.give(name, flow)
    return flow


@dataclass(frozen=True)
class Windows:
    """How positions are cut into windows."""

    sides: tuple[int, ...]
    shifts: tuple[int, ...]

    @property
    def shifted(self) -> bool:
        """Whether they are moved at all."""
        return any(self.shifts)


def windows(index: NDArray[np.int64], spatial: Sequence[int]) -> Windows:
    """The windows that positions, windows x places, are cut into. Raises Unsaid where they are none."""
    shifts = tuple([int(one) for one in np.unravel_index(max(int(index[0, 0]), 0), tuple(spatial))])
    for sides in _sides(index.shape[1], len(spatial)):
        if all(shift < side for shift, side in zip(shifts, sides, strict=True)):
            padded = [-(-size // side) * side for size, side in zip(spatial, sides, strict=True)]
            if prod(padded) == index.size and np.array_equal(cut(_grid(spatial, padded), sides, shifts), index):
                return Windows(sides, shifts)
    raise Unsaid("positions that see each other do not lie side by side, as in windows")


def _grid(spatial: Sequence[int], padded: Sequence[int]) -> NDArray[np.int64]:
    grid = np.arange(prod(spatial)).reshape(spatial)
    return np.pad(grid, [(0, wide - size) for wide, size in zip(padded, spatial, strict=True)], constant_values=-1)


def _sides(cells: int, rank: int) -> Sequence[tuple[int, ...]]:
    """The sides that a window of so many cells may have, the most even first."""
    if rank == 1:
        return [(cells,)]
    found = [
        (side, *rest) for side in range(1, cells + 1) if cells % side == 0 for rest in _sides(cells // side, rank - 1)
    ]
    return sorted(found, key=lambda one: max(one) - min(one))


def cut(grid: NDArray[np.int64], sides: Sequence[int], shifts: Sequence[int]) -> NDArray[np.int64]:
    """A map that is moved and cut into windows, windows x places."""
    rank = grid.ndim
    moved = np.roll(grid, [-shift for shift in shifts], tuple(range(rank)))
    split = [part for size, side in zip(grid.shape, sides, strict=True) for part in (size // side, side)]
    apart = moved.reshape(split).transpose(*range(0, 2 * rank, 2), *range(1, 2 * rank, 2))
    return apart.reshape(-1, prod(sides))


def barred(mask: NDArray[np.float32], how: Windows, spatial: Sequence[int]) -> bool:
    """Whether a mask, windows x places x places, keeps apart what a shift brought together, and nothing else."""
    padded = [-(-size // side) * side for size, side in zip(spatial, how.sides, strict=True)]
    part = np.zeros((), np.int64)
    for size, shift in zip(padded, how.shifts, strict=True):
        part = 2 * part[..., None] + (np.arange(size) >= size - shift if shift else np.zeros(size, bool))
        part = np.asarray(part, np.int64)
    # a map's places before the roll are numbered by where they stand after it, as the shift leaves them
    parts = cut(part, how.sides, [0] * len(padded))
    apart = parts[:, :, None] != parts[:, None, :]
    return mask.shape == apart.shape and np.array_equal(mask < -50, apart) and not np.any(mask[~apart])


def table(bias: NDArray[np.float32], sides: Sequence[int]) -> NDArray[np.float32] | None:
    """The learned numbers by way and head of what is added for heads x places x places; None where it has others."""
    where = np.stack(np.unravel_index(np.arange(prod(sides)), tuple(sides)))
    ways = where[:, :, None] - where[:, None, :] + (np.array(sides) - 1)[:, None, None]
    wide = [2 * side - 1 for side in sides]
    index = np.ravel_multi_index(tuple(ways), tuple(wide))
    found = np.zeros((prod(wide), len(bias)), np.float32)
    found[index.reshape(-1)] = bias.reshape(len(bias), -1).T
    return found if np.array_equal(found[index].transpose(2, 0, 1), bias) else None
