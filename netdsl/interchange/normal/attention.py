"""softmax(QKᵀ/√d)V with its projections as ATTENTION: layouts say which axis is which, whatever is between."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import prod, sqrt
from typing import TYPE_CHECKING

import numpy as np

from netdsl.interchange.normal import axes, places
from netdsl.interchange.normal.axes import BATCH, CHANNELS
from netdsl.interchange.normal.draft import Asking, Attended, Draft, Flow, Moves, Unsaid
from netdsl.interchange.primitives import ABSENT
from netdsl.layers.attention import Attention
from netdsl.layers.channels import Slice
from netdsl.layers.conv import Conv
from netdsl.layers.dense import FullyConnected
from netdsl.layers.norm import Times
from netdsl.layers.shape import Shape

if TYPE_CHECKING:
    from netdsl.interchange.primitives import Operator, Tensor

_WHY = "it multiplies two values that are computed, and is no part of an attention that ATTENTION is"


def followed(draft: Draft, operator: Operator) -> Flow | None:
    """What an operator makes of products of queries and keys; None where it reads none and makes none."""
    names = [name for name in operator.inputs if name]
    asked = [name for name in names if name in draft.asking]
    if operator.kind == "MatMul" and len(names) == 2 and all(name in draft.flows for name in names):
        if asked == names[:1]:
            return _told(draft, operator, draft.asking[names[0]], draft.flows[names[1]])
        if not asked:
            return _kept(draft, operator, Asking(draft.flows[names[0]], draft.flows[names[1]]))
    if len(asked) != 1:
        return None
    asking = draft.asking[asked[0]]
    other = next((draft.constants[name] for name in names if name in draft.constants), None)
    if other is not None and operator.kind in ("Mul", "Div", "Add", "Where") and draft.missing.intersection(names):
        tell(draft, asking, ABSENT)
        raise Unsaid(ABSENT)
    match operator.kind:
        case "Mul" if other is not None and other.size == 1 and not asking.ranked:
            return _kept(draft, operator, replace(asking, scale=asking.scale * float(other.flat[0])))
        case "Div" if other is not None and other.size == 1 and not asking.ranked and other.flat[0]:
            return _kept(draft, operator, replace(asking, scale=asking.scale / float(other.flat[0])))
        case "Add" if other is not None and not asking.ranked:
            for name in draft.source.learned.keys() & names if not np.any(other) else ():
                called = draft.source.learned[name]
                draft.notes[
                    f"{called}, which is learned and 0, adds nothing to what positions see, and is left out"
                ] = None
            return _kept(draft, operator, _masked(asking, other))
        case "Where" if not asking.ranked and (mask := _hiding(draft, operator)) is not None:
            return _kept(draft, operator, _masked(asking, mask))
        case "Softmax" if not asking.ranked:
            return _kept(draft, operator, replace(asking, ranked=True))
        case "Reshape" | "Identity" | "Cast" | "Dropout" | "Unsqueeze" | "Squeeze":
            return _kept(draft, operator, asking)
        case _:
            return None


def _kept(draft: Draft, operator: Operator, asking: Asking) -> Flow:
    name, sizes = operator.outputs[0], draft.dims(operator)
    draft.placeholder(operator, name, _WHY, sizes or (*asking.query.dims[:-1], asking.keys.dims[-1]))
    draft.asking[name] = asking if asking.item else replace(asking, item=draft.flows[name].item)
    return draft.flows[name]


def tell(draft: Draft, asking: Asking, why: str) -> None:
    """Say at the product of queries and keys why it is no attention that ATTENTION is."""
    draft.unsaid[asking.item] = draft.unsaid[asking.item][0], why


def _masked(asking: Asking, added: Tensor) -> Asking:
    """Products of queries and keys with a mask, or with other numbers that are added."""
    causal = _causal(added)
    if causal is None:
        return replace(asking, added=(*asking.added, added))
    return replace(asking, causal=asking.causal or causal)


def _hiding(draft: Draft, operator: Operator) -> Tensor | None:
    """The mask that a Where adds, of places that are hidden by a number far below 0; None where it does otherwise."""
    where, *branches = [draft.constants.get(name) for name in operator.inputs]
    hides = branches[0] is not None
    low = branches[0] if hides else branches[1]
    if where is None or low is None or low.size != 1 or float(low.flat[0]) > -1e4 or where.size > 2**24:
        return None
    return np.where(where if hides else np.logical_not(where), np.float32(-np.inf), np.float32(0))


def _causal(mask: Tensor) -> bool | None:
    """Whether a mask lets no position see a later one; None for other masks, False for none at all."""
    if mask.ndim < 2 or mask.shape[-1] != mask.shape[-2] or prod(mask.shape[:-2]) != 1:
        return None if np.any(mask) else False
    hidden = mask.reshape(mask.shape[-2:]) < -1e4
    if np.any(mask.reshape(hidden.shape)[~hidden]):
        return None
    if not np.any(hidden):
        return False
    return True if np.array_equal(hidden, np.triu(np.ones_like(hidden), 1)) else None


def _told(draft: Draft, operator: Operator, asking: Asking, values: Flow) -> Flow:
    """The values that heads tell, in the layout of the queries: windows, then heads or the other way round, places."""
    query, keys = asking.query, asking.keys
    *front, seen, last = query.layout
    before = [atom for atoms in front for atom in atoms if atom.axis != BATCH]
    outer = [atom for atom in before if atom.axis != CHANNELS]
    heads = [atom for atom in before if atom.axis == CHANNELS]
    shape, width = draft.shapes[query.item], prod(atom.size for atom in last)
    count = prod(atom.size for atom in heads)
    why = ""
    if not asking.ranked:
        why = "what it multiplies by is no softmax over keys"
    elif keys.dims[-1] != query.dims[-2]:
        why = f"its queries are {query.dims[-2]} and its keys {keys.dims[-1]}, and in ATTENTION each position has both"
    elif values.dims != query.dims:
        why = f"its values have {values.dims[-1]} numbers and its queries {query.dims[-1]}, and ATTENTION as many"
    elif (keys.layout, values.layout) != ((*front, last, seen), query.layout):
        why = "its queries, keys and values are not laid out alike"
    elif len(last) > 1 or any((atom.axis, atom.step) != (CHANNELS, 1) for atom in last):
        why = "its heads compare no stretch of the channels"
    elif [atom.step for atom in heads] not in ([], [width]) or count * width != shape.channels:
        why = "its heads are not all of the channels, one after the other"
    index = None if why else places.positioned([outer, seen], shape)
    if index is None or index.size != shape.positions:
        tell(draft, asking, why or "the positions that see each other are not all of a map's")
        return _kept(draft, operator, asking)
    source = _projection(draft, query).source
    whole = len(index) == 1 and np.array_equal(index[0], np.arange(shape.positions))
    if source in draft.cuts:
        index = draft.cuts[source].index[index]
    elif whole and not asking.added:
        index = None
    name = operator.outputs[0]
    draft.placeholder(operator, name, _WHY)
    flow = Flow(draft.flows[name].item, query.layout)
    draft.shapes[flow.item] = Shape(shape.spatial, count * width)
    draft.attended[flow.item] = Attended(asking, values, count, index)
    return flow


def projected(
    draft: Draft, operator: Operator, x: Flow, rows: Tensor, bias: Tensor | None, tied: tuple[str, ...]
) -> Flow | None:
    """An attention whose values are projected out by a product; None where they are no attention's."""
    told = draft.attended.get(x.item)
    if told is None or draft.axis(x, -1) != CHANNELS:
        return None
    parts = [_projection(draft, one) for one in (told.asking.query, told.asking.keys, told.values)]
    sources = {part.source for part in parts}
    inner = draft.shapes[x.item].channels
    width = inner // told.heads
    scale = told.asking.scale * parts[0].factor * parts[1].factor * sqrt(width)
    if len(sources) > 1:
        raise Unsaid("its queries, keys and values are projections of different values")
    if abs(scale - 1) > 1e-3:  # ATTENTION divides by √width
        draft.notes[f"weights of queries are {scale:.4g} times the source's, since ATTENTION divides by √{width}"] = (
            None
        )
        parts[0] = parts[0].times(scale)
    parts[2] = parts[2].times(parts[2].factor)
    (source,) = sources
    moves = draft.cuts.get(source)
    base = source if moves is None else moves.item
    outside = draft.shapes[base].channels
    if len(rows) != outside:
        raise Unsaid(f"it projects {outside} channels out to {len(rows)}")
    if 3 * inner * outside > 2**24 and not any(any(part.weight.strides) for part in parts):
        raise Unsaid(f"its projections have {inner * outside:,} equal values")
    none = all(part.bias is None for part in parts)
    how, table = _windows(told, draft.shapes[base])
    layer = Attention(
        told.heads,
        None if inner == outside else width,
        None if how is None else how.sides,
        how.shifts if how is not None and how.shifted else None,
        table is not None,
        told.asking.causal,
        none,
    )
    weights = {} if table is None else {"relative_position_bias_table": table}
    weights["in_proj_weight"] = np.concatenate([part.weight for part in parts])
    if not none:
        zeros = np.zeros(inner, np.float32)
        weights["in_proj_bias"] = np.concatenate([zeros if part.bias is None else part.bias for part in parts])
    weights["out_proj.weight"] = rows
    weights["out_proj.bias"] = np.zeros(outside, np.float32) if bias is None else bias
    known = tuple(dict.fromkeys(name for part in parts for name in part.tied))
    item = draft.add(operator, layer, [base], weights, (*known, *tied))
    if bias is None:
        draft.unbiased.add(item)
    if moves is None:
        return Flow(item, (*x.layout[:-1], axes.natural(draft.shapes[item], 1)[CHANNELS]))
    index = places.positioned(x.layout[:-1], draft.shapes[x.item])
    if index is None:
        raise Unsaid("its positions do not come back")
    return places.give(draft, operator, operator.outputs[0], Moves(item, moves.index[index]))


def _windows(told: Attended, shape: Shape) -> tuple[places.Windows | None, Tensor | None]:
    """The windows that positions see each other in, and the learned numbers that are added by their ways."""
    added = told.asking.added
    if told.index is None:
        if added:
            raise Unsaid("what it adds to its products is no mask that ATTENTION has")
        return None, None
    how = places.windows(told.index, shape.spatial)
    if not added:
        if how.shifted:
            raise Unsaid("what a shift brings together is not kept apart")
        return how, None
    count, cells = told.index.shape
    wide = (count, told.heads, cells, cells)
    total = np.zeros(wide, np.float32)
    for one in added:
        total = total + one.reshape(one.shape[-min(one.ndim, 4) :])
    bias = total[0]
    hidden = total[:, 0] < -50
    mask = np.where(hidden, np.float32(-100), np.float32(0))
    alike = np.all((total == bias) | hidden[:, None])
    if not alike or np.any(hidden) != how.shifted or (how.shifted and not places.barred(mask, how, shape.spatial)):
        raise Unsaid("what it adds to its products is no mask that ATTENTION has")
    if not np.any(bias):
        return how, None
    table = places.table(bias, how.sides)
    if table is None:
        raise Unsaid("what it adds to its products does not follow from the ways between positions")
    return how, table


@dataclass(frozen=True, eq=False)
class _Projection:
    """Rows of a product over each position, and the item that it is of."""

    source: str
    weight: Tensor
    bias: Tensor | None
    factor: float
    tied: tuple[str, ...]

    def times(self, factor: float) -> _Projection:
        """The same, of which each number is so many times what it was."""
        if factor == 1:
            return self
        bias = None if self.bias is None else self.bias * np.float32(factor)
        return replace(self, weight=self.weight * np.float32(factor), bias=bias)


def _projection(draft: Draft, flow: Flow) -> _Projection:
    """What queries, keys or values are of what flows into an attention."""
    item, factor = draft.items[flow.item], 1.0
    first, last = 0, draft.shapes[flow.item].channels
    while True:
        match item.layer:
            case Times(number):
                factor *= float(number)
            case Slice(start, _):
                first, last = first + start, last + start
            case _:
                break
        item = draft.items[item.inputs[0]]
    if not isinstance(item.layer, Conv | FullyConnected) or not _pointwise(item.layer):
        raise Unsaid("its queries, keys and values are no projections of each position")
    kept = draft.items[item.shares or item.name].weights
    channels = draft.shapes[item.inputs[0]].channels
    whole = draft.shapes[item.name].channels
    weight = kept["weight"].reshape(whole, -1) if "weight" in kept else np.zeros((whole, channels), np.float32)
    bias = None if item.layer.nobias else kept.get("bias", np.zeros(whole, np.float32))
    cut = None if bias is None else bias[first:last]
    return _Projection(item.inputs[0], weight[first:last], cut, factor, draft.tied[item.name])


def _pointwise(layer: Conv | FullyConnected) -> bool:
    return isinstance(layer, FullyConnected) or (set(layer.kernel) == {1} and layer.groups == 1)
