"""softmax(QKᵀ/√d)V with its projections as ATTENTION: layouts say which axis is which, whatever is between."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import prod, sqrt
from typing import TYPE_CHECKING

import numpy as np

from netdsl.interchange.normal import axes
from netdsl.interchange.normal.axes import BATCH, CHANNELS
from netdsl.interchange.normal.draft import Asking, Attended, Draft, Flow, Unsaid
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
    match operator.kind:
        case "Mul" if other is not None and other.size == 1 and not asking.ranked:
            return _kept(draft, operator, replace(asking, scale=asking.scale * float(other.flat[0])))
        case "Div" if other is not None and other.size == 1 and not asking.ranked and other.flat[0]:
            return _kept(draft, operator, replace(asking, scale=asking.scale / float(other.flat[0])))
        case "Add" if other is not None and not asking.ranked and (causal := _causal(other)) is not None:
            return _kept(draft, operator, replace(asking, causal=asking.causal or causal))
        case "Softmax" if not asking.ranked:
            return _kept(draft, operator, replace(asking, ranked=True))
        case "Reshape" | "Identity" | "Cast" | "Dropout" | "Unsqueeze" | "Squeeze":
            return _kept(draft, operator, asking)
        case _:
            return None


def _kept(draft: Draft, operator: Operator, asking: Asking) -> Flow:
    name = operator.outputs[0]
    draft.placeholder(operator, name, _WHY)
    draft.asking[name] = asking
    return draft.flows[name]


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


def _atoms(flow: Flow) -> list[axes.Atom]:
    return [atom for atoms in flow.layout for atom in atoms if atom.axis != BATCH]


def _told(draft: Draft, operator: Operator, asking: Asking, values: Flow) -> Flow:
    """The values that heads tell, in the layout of the queries."""
    query, keys = asking.query, asking.keys
    asks, holds, tells = _atoms(query), _atoms(keys), _atoms(values)
    channels = [atom for atom in asks if atom.axis == CHANNELS]
    places = [atom for atom in asks if atom.axis != CHANNELS]
    heads, width = channels[0].size if len(channels) == 2 else 1, channels[-1].size if channels else 1
    outer = channels[:-1]
    own = axes.natural(draft.shapes[query.item], draft.batch)
    spatial = [atom for atoms in own[2:] for atom in atoms]
    fits = (
        asking.ranked
        and len(channels) <= 2
        and places == spatial
        and asks == [*outer, *places, *channels[-1:]]
        and holds == [*outer, *channels[-1:], *places]
        and tells == asks
        and heads * width == draft.shapes[query.item].channels
    )
    if not fits:
        return _kept(draft, operator, asking)
    shape = Shape(draft.shapes[query.item].spatial, heads * width)
    name = operator.outputs[0]
    draft.placeholder(operator, name, _WHY)
    flow = Flow(draft.flows[name].item, query.layout)
    draft.shapes[flow.item] = shape
    draft.attended[flow.item] = Attended(asking, values, heads)
    return flow


def projected(
    draft: Draft, operator: Operator, x: Flow, rows: Tensor, bias: Tensor | None, tied: tuple[str, ...]
) -> str | None:
    """The item of an attention whose values are projected out by a product; None where they are no attention's."""
    told = draft.attended.get(x.item)
    if told is None or draft.axis(x, -1) != CHANNELS:
        return None
    parts = [_projection(draft, one) for one in (told.asking.query, told.asking.keys, told.values)]
    sources = {part.source for part in parts}
    inner = draft.shapes[x.item].channels
    width = inner // told.heads
    scale = told.asking.scale * parts[0].factor * parts[1].factor * parts[2].factor
    if len(sources) > 1 or parts[2].factor != 1:
        raise Unsaid("its queries, keys and values are projections of different values")
    if abs(scale * sqrt(width) - 1) > 1e-3:
        raise Unsaid(f"its products are scaled by {scale:.6g}, and ATTENTION scales by 1/√{width}")
    (source,) = sources
    outside = draft.shapes[source].channels
    if len(rows) != outside:
        raise Unsaid(f"it projects {outside} channels out to {len(rows)}")
    none = all(part.bias is None for part in parts)
    layer = Attention(told.heads, None if inner == outside else width, causal=told.asking.causal, nobias=none)
    if 3 * inner * outside > 2**24 and not any(any(part.weight.strides) for part in parts):
        raise Unsaid(f"its projections have {inner * outside:,} equal values")
    weights = {"in_proj_weight": np.concatenate([part.weight for part in parts])}
    if not none:
        zeros = np.zeros(inner, np.float32)
        weights["in_proj_bias"] = np.concatenate([zeros if part.bias is None else part.bias for part in parts])
    weights["out_proj.weight"] = rows
    weights["out_proj.bias"] = np.zeros(outside, np.float32) if bias is None else bias
    known = tuple(dict.fromkeys(name for part in parts for name in part.tied))
    item = draft.add(operator, layer, [source], weights, (*known, *tied))
    if bias is None:
        draft.unbiased.add(item)
    return item


@dataclass(frozen=True, eq=False)
class _Projection:
    """Rows of a product over each position, and the item that it is of."""

    source: str
    weight: Tensor
    bias: Tensor | None
    factor: float
    tied: tuple[str, ...]


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
