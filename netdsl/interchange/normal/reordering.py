"""Filters of a product in another order, so that parts of an axis are stretches of the channels one after the other.

Queries, keys and values that a product gives head by head are of filters that can as well stand in the order in which
ATTENTION has them: what was read of it before is the same, with other labels.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from netdsl.interchange.normal import axes
from netdsl.interchange.normal.axes import CHANNELS, Atom
from netdsl.layers.conv import Conv
from netdsl.layers.dense import FullyConnected

if TYPE_CHECKING:
    from netdsl.interchange.normal.draft import Draft, Flow


def outermost(draft: Draft, x: Flow, position: int, size: int) -> Flow | None:
    """The same value, of which an axis has its parts of a size outermost in the channels; None where it cannot be."""
    item, atoms = draft.items[x.item], x.layout[position]
    if len(atoms) != 1 or atoms[0].axis != CHANNELS or not size or atoms[0].size % size:
        return None
    channels, inner = draft.shapes[x.item].channels, atoms[0].step
    parts, outer = atoms[0].size // size, channels // (inner * atoms[0].size)
    if outer == 1 or not isinstance(item.layer, Conv | FullyConnected) or item.shares or draft.sharers[x.item]:
        return None
    if (isinstance(item.layer, Conv) and item.layer.groups > 1) or any(
        x.item in one.inputs for one in draft.items.values()
    ):
        return None
    steps = ((parts * size * inner, size * inner, outer), (size * inner, outer * size * inner, parts))
    digits = (*steps, (inner, inner, size), (1, 1, inner))
    layouts = {name: _labelled(flow.layout, digits) for name, flow in draft.flows.items() if flow.item == x.item}
    found = _labelled(x.layout, digits)
    if found is None or None in layouts.values():
        return None
    order = np.arange(channels).reshape(outer, parts, size, inner).transpose(1, 0, 2, 3).reshape(-1)
    draft.items[x.item] = replace(item, weights={name: value[order] for name, value in item.weights.items()})
    draft.owners.leave(x.item)
    for name, layout in layouts.items():
        draft.flows[name] = replace(draft.flows[name], layout=layout or ())
    return replace(x, layout=found)


def _labelled(layout: axes.Layout, digits: tuple[tuple[int, int, int], ...]) -> axes.Layout | None:
    """A layout of channels that stand in another order: of each digit its step before, its step after, and its size."""
    found: list[tuple[Atom, ...]] = []
    for atoms in layout:
        pieces: list[Atom] = []
        for atom in atoms:
            if atom.axis != CHANNELS:
                pieces.append(atom)
                continue
            for before, after, size in digits:
                low, high = max(before, atom.step), min(before * size, atom.step * atom.size)
                if low < high:
                    if high % low or low % before:
                        return None
                    pieces.append(Atom(CHANNELS, after * (low // before), high // low))
        found.append(axes.joined(pieces))
    return tuple(found)
