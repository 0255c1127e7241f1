"""Values one after the other: CONCAT, and TOKEN where they are learned positions."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from netdsl.interchange.normal import axes, places
from netdsl.interchange.normal.axes import CHANNELS
from netdsl.interchange.normal.draft import Draft, Flow, Unsaid
from netdsl.layers.channels import Slice
from netdsl.layers.merge import Concat
from netdsl.layers.sequence import Token

if TYPE_CHECKING:
    from netdsl.interchange.primitives import Operator, Tensor

MOST_JOINED = 2**24
"""Values of constants that are joined before a sequence, as learned positions are."""


def joined(draft: Draft, operator: Operator, flows: Sequence[Flow], axis: int) -> Flow:
    """Values one after the other along an axis: CONCAT, along the channels as they are or as they are laid for it."""
    rests = {tuple([atoms for at, atoms in enumerate(one.layout) if at != axis]) for one in flows}
    if len(flows) == 1:
        return flows[0]
    plain = len(rests) == 1 == len({draft.shapes[one.item].spatial for one in flows})
    if plain and all(draft.axis(one, axis) == CHANNELS for one in flows):
        item = draft.add(operator, Concat(), [one.item for one in flows])
        layout = list(flows[0].layout)
        layout[axis] = axes.natural(draft.shapes[item], draft.batch)[CHANNELS]
        return Flow(item, tuple(layout))
    if axis == 0 and min(len(one.layout) for one in flows) > 1 and all(one.dims[1] == draft.batch for one in flows):
        turned = [Flow(one.item, _exchanged(one.layout)) for one in flows]  # the batch is the second axis
        found = joined(draft, operator, turned, 1)
        return Flow(found.item, _exchanged(found.layout))
    if axis == 0 or len(flows[0].layout) < 2:
        raise Unsaid("it joins examples of a batch")
    return draft.natural(draft.add(operator, Concat(), [draft.map(operator, one, axis) for one in flows]), axis)


def _exchanged(layout: axes.Layout) -> axes.Layout:
    """A layout whose first two axes have changed places."""
    return (layout[1], layout[0], *layout[2:])


def concat(draft: Draft, operator: Operator) -> Flow:
    """Concat along the channels; of learned positions and a sequence, TOKEN."""
    given = [draft.constant(operator, at) for at in range(len(operator.inputs))]
    first = [one for one in given[:-1] if one is not None]
    if sum(one.size for one in first) > MOST_JOINED:
        raise Unsaid(f"it joins constants of more than {MOST_JOINED:,} values")
    if first and len(first) == len(given) - 1:
        axis = operator.whole("axis", 1)
        return token(draft, operator, first[0] if len(first) == 1 else np.concatenate(first, axis), len(first))
    flows = [draft.flow(operator, at) for at in range(len(operator.inputs))]
    if len(flows) == 1:
        return flows[0]
    rank = len(flows[0].layout)
    axis = operator.whole("axis", 1) % max(rank, 1)
    plain = all(draft.axis(one, axis) == CHANNELS for one in flows)
    if plain and (whole := _together(draft, flows)) is not None:
        return whole
    if plain and len(flows) in (4, 8, 9) and (found := places.unshuffled(draft, operator, flows, axis)) is not None:
        return found
    return joined(draft, operator, flows, axis)


def _together(draft: Draft, flows: Sequence[Flow]) -> Flow | None:
    """The value that all of its channels make, cut into stretches before; None where they do not."""
    at, sources = 0, set[tuple[str, ...]]()
    for flow in flows:
        cut = draft.items[flow.item]
        if not isinstance(cut.layer, Slice) or cut.layer.from_ != at or flow.layout != draft.natural(flow.item).layout:
            return None
        at = cut.layer.to
        sources.add(cut.inputs)
    (source,) = sources.pop()
    return draft.natural(source) if not sources and at == draft.shapes[source].channels else None


def token(draft: Draft, operator: Operator, value: Tensor, at: int) -> Flow:
    """TOKEN: positions that are the same for each example before those of a sequence, which is the input `at`."""
    x = draft.flow(operator, at)
    if len(x.layout) != 3 or value.ndim != 3 or not value.size:
        raise Unsaid("its input 1 is a constant")
    axis = operator.whole("axis", 1) % 3
    channels = 3 - axis
    if axis == 0 or draft.axis(x, channels) != CHANNELS:
        raise Unsaid("its input 1 is a constant")
    item = draft.map(operator, x, channels)
    rows = value[0] if axis == 1 else value[0].T
    made = draft.add(operator, Token(len(rows)), [item], {"weight": rows}, operator.inputs[:at])
    return draft.natural(made, channels)


RULES: Mapping[str, Callable[[Draft, Operator], Flow]] = {"Concat": concat}
