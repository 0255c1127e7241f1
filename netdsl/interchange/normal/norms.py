"""Normalisations: BN, IN, GN, LN, LRN, SOFTMAX, and dropout."""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping, Sequence
from math import prod
from typing import TYPE_CHECKING

import numpy as np

from netdsl.interchange.normal import axes
from netdsl.interchange.normal.axes import CHANNELS, Atom
from netdsl.interchange.normal.draft import Draft, Flow, Unsaid, exact
from netdsl.layers.activation import LogSoftmax, Softmax
from netdsl.layers.dropout import Dropout
from netdsl.layers.norm import BatchNorm, GroupNorm, InstanceNorm, LayerNorm, LocalResponse, Scale

if TYPE_CHECKING:
    from netdsl.interchange.primitives import Operator, Tensor

_EPS = 1e-5
_TRAINING_OUTPUTS = 5
"""Outputs of a BatchNormalization in training, before opset 14."""
_DEEP, _FEW = 3, 9
"""How far back values are compared, and how many numbers constants have that are axes."""


def batch(draft: Draft, operator: Operator) -> Flow:
    """BatchNormalization by the running statistics."""
    if operator.whole("training_mode", 0) or sum(map(bool, operator.outputs)) == _TRAINING_OUTPUTS:
        raise Unsaid("it normalises by the batch that it sees; export the model in inference")
    x = draft.flow(operator)
    names = ("weight", "bias", "running_mean", "running_var")
    weights = {name: draft.needed(operator, at, name) for at, name in enumerate(names, 1) if operator.inputs[at]}
    dims = x.dims
    if not operator.whole("spatial", 1) and all(one.shape == dims[1:] for one in weights.values()):
        x = _flattened(x)  # of each value by itself
        weights = {name: one.reshape(-1) for name, one in weights.items()}
    if draft.axis(x, 1) != CHANNELS:
        x = draft.natural(draft.map(operator, x))
    if any(one.shape != (draft.shapes[x.item].channels,) for one in weights.values()):
        raise Unsaid(f"its weights are not one for each channel of {draft.shapes[x.item]}")
    share = exact(operator.real("share", 0.1))
    layer = BatchNorm(exact(operator.real("epsilon", _EPS)), share, noaffine="weight" not in weights)
    made = Flow(draft.add(operator, layer, [x.item], weights, operator.inputs[1:5]), x.layout)
    return made if len(made.dims) == len(dims) else reshaped(made, dims)


def reshaped(x: Flow, dims: Sequence[int]) -> Flow:
    """A value in other sizes."""
    layout = axes.reshaped(x.layout, dims)
    if layout is None:
        raise Unsaid(f"it reads {'x'.join(map(str, x.dims))} as {'x'.join(map(str, dims))}")
    return Flow(x.item, layout)


def _flattened(x: Flow) -> Flow:
    """A value as a vector of each example."""
    return reshaped(x, (x.dims[0], prod(x.dims[1:])))


def each(
    draft: Draft, operator: Operator, x: Flow, scale: Tensor, offset: Tensor | None, tied: tuple[str, ...]
) -> Flow:
    """SCALE of each value by itself, as a vector that is a map again behind it."""
    own = axes.natural(draft.shapes[x.item], draft.batch)
    dims, layout = axes.sizes(own), x.layout
    if len(own) == len(layout) and sorted(own, key=str) == sorted(layout, key=str):
        order = [layout.index(atoms) for atoms in own[1:] if atoms]
        scale = _ordered(scale.reshape(1, *x.dims[1:]), order)
        offset = None if offset is None else _ordered(offset.reshape(1, *x.dims[1:]), order)
    else:
        own, dims = layout, x.dims
    flat = draft.map(operator, _flattened(Flow(x.item, own)))
    weights = {"weight": scale.reshape(-1)} | ({} if offset is None else {"bias": offset.reshape(-1)})
    made = draft.natural(draft.add(operator, Scale(bias=offset is not None), [flat], weights, tied))
    back = draft.natural(draft.map(operator, reshaped(made, dims)))
    return Flow(back.item, layout) if draft.shapes[back.item] == draft.shapes[x.item] else back


def _ordered(value: Tensor, order: Sequence[int]) -> Tensor:
    """A tensor whose axes of more than one place are in an order."""
    rest = [at for at in range(value.ndim) if at not in order]
    return value.transpose(*rest, *order)


def instance(draft: Draft, operator: Operator) -> Flow:
    """InstanceNormalization: IN, or GN where channels have been laid into groups before it."""
    x, eps = draft.flow(operator), exact(operator.real("epsilon", _EPS))
    if len(operator.inputs) == 1:
        return Flow(draft.add(operator, InstanceNorm(eps), [x.item]), x.layout)
    scale, offset = (draft.needed(operator, at, name) for at, name in ((1, "weight"), (2, "bias")))
    plain, shape = _plain(operator, scale, offset), draft.shapes[x.item]
    if draft.axis(x, 1) == CHANNELS:
        weights = {} if plain else {"weight": scale, "bias": offset}
        layer = InstanceNorm(eps, affine=not plain)
        return Flow(draft.add(operator, layer, [x.item], weights, operator.inputs[1:3]), x.layout)
    groups = scale.size
    rest = axes.joined([atom for atoms in x.layout[1:] for atom in atoms])
    whole = axes.joined([atom for atoms in axes.natural(shape, draft.batch)[1:] for atom in atoms])
    ways = (Atom(CHANNELS, shape.channels // groups, groups),) if groups > 1 else ()
    if not plain or rest != whole or x.layout[1] != ways:
        raise Unsaid("it normalises neither channels nor groups of them")
    return Flow(draft.add(operator, GroupNorm(groups, eps, noaffine=True), [x.item]), x.layout)


def _plain(operator: Operator, scale: Tensor, offset: Tensor | None) -> bool:
    """Whether a norm changes nothing by its factors and offsets, which exporters write of one that has none."""
    return bool(np.all(scale == 1) and not np.any(offset)) and not operator.whole("learned", 0)


def group(draft: Draft, operator: Operator) -> Flow:
    """GroupNormalization, whose factors are for each channel, or in opset 18 for each group."""
    x = draft.flow(operator)
    shape, groups = draft.shapes[x.item], operator.whole("num_groups", 1)
    if draft.axis(x, 1) != CHANNELS:
        raise Unsaid("its channels are not those of a layer")
    names = ("weight", "bias") if len(operator.inputs) > 1 else ()
    weights = {name: draft.needed(operator, at, name) for at, name in enumerate(names, 1)}
    if weights and all(one.size == groups for one in weights.values()):
        weights = {name: np.repeat(one, shape.channels // groups) for name, one in weights.items()}
    layer = GroupNorm(groups, exact(operator.real("epsilon", _EPS)), noaffine=not weights)
    return Flow(draft.add(operator, layer, [x.item], weights, operator.inputs[1:3]), x.layout)


def layer(draft: Draft, operator: Operator) -> Flow:
    """LayerNormalization over the last axis, which is the channels; over all, GN 1."""
    x, offset, eps = draft.flow(operator), draft.constant(operator, 2), exact(operator.real("epsilon", _EPS))
    scale = draft.needed(operator, 1, "weight") if len(operator.inputs) > 1 else None
    rank = len(x.layout)
    first = operator.whole("axis", -1) % rank
    if first != rank - 1:
        if prod(x.dims[:first]) != draft.batch or draft.shapes[x.item].elements != prod(x.dims[first:]):
            raise Unsaid("it normalises several axes, but not all")
        made = Flow(draft.add(operator, GroupNorm(1, eps, noaffine=True), [x.item]), x.layout)
        if scale is None or _plain(operator, scale, offset):
            return made
        return each(draft, operator, made, scale, offset, operator.inputs[1:3])
    if draft.axis(x, -1) != CHANNELS:
        x = draft.natural(draft.map(operator, x, first), first)
    weights: Mapping[str, Tensor] = {}
    if scale is not None:
        weights = {"weight": scale, "bias": np.zeros_like(scale) if offset is None else offset}
    norm = LayerNorm(eps, noaffine=scale is None)
    return Flow(draft.add(operator, norm, [x.item], weights, operator.inputs[1:3]), x.layout)


def response(draft: Draft, operator: Operator) -> Flow:
    """LRN."""
    x = draft.flow(operator)
    if draft.axis(x, 1) != CHANNELS:
        x = draft.natural(draft.map(operator, x))
    layer = LocalResponse(
        operator.whole("size", 1),
        exact(operator.real("alpha", 1e-4)),
        exact(operator.real("beta", 0.75)),
        exact(operator.real("bias", 1)),
    )
    return Flow(draft.add(operator, layer, [x.item]), x.layout)


_VIEWS = ("Reshape", "Squeeze", "Unsqueeze", "Identity", "Cast")


def spelled_response(draft: Draft, operator: Operator) -> Flow | None:
    """x / (k + alpha · mean of the squares of neighbours)^beta in its parts, as PyTorch's exporters write it: LRN."""
    power = draft.makers.get(operator.inputs[1])
    plus = _made(draft, power, "Pow")
    times = _made(draft, plus, "Add")
    mean = behind(draft, times.inputs[0]) if times is not None and times.kind == "Mul" else None
    pad = behind(draft, mean.inputs[0]) if mean is not None and mean.kind == "AveragePool" else None
    square = behind(draft, pad.inputs[0]) if pad is not None and pad.kind == "Pad" else None
    if power is None or plus is None or times is None or mean is None or pad is None or square is None:
        return None
    x = draft.flows[operator.inputs[0]]
    if draft.axis(x, 1) != CHANNELS and len(x.layout) > 2:
        x = draft.natural(draft.map(operator, x))
    numbers = [draft.constant(one, 1) for one in (times, plus, power)]
    size, pads = max(mean.sizes("kernel_shape") or (1,)), draft.whole(pad, 1) or ()
    wide = sorted(one for one in pads if one)
    if any(one is None or one.size != 1 for one in numbers) or not squares(draft, square, operator.inputs[0]):
        return None
    if draft.axis(x, 1) != CHANNELS or wide != sorted(one for one in (size // 2, (size - 1) // 2) if one):
        return None
    alpha, k, beta = (exact(one.flat[0]) for one in numbers if one is not None)
    return Flow(draft.add(operator, LocalResponse(size, alpha, beta, k), [x.item]), x.layout)


def behind(draft: Draft, name: str, passed: Container[str] = _VIEWS) -> Operator | None:
    """What made a value, but for operators of some kinds: what reads it in other sizes alone."""
    made = draft.makers.get(name)
    while made is not None and made.kind in passed:
        made = draft.makers.get(made.inputs[0])
    return made


def softmax(draft: Draft, operator: Operator) -> Flow:
    """Softmax over the channels."""
    x, axis = draft.flow(operator), operator.whole("axis", -1)
    axis = axis % len(x.layout)
    kind = Softmax() if operator.kind == "Softmax" else LogSoftmax()
    rest = [atom for atoms in x.layout[axis + 1 :] for atom in atoms]
    if operator.whole("flattens", 0) and rest:
        dims = x.dims
        x = reshaped(x, (prod(dims[:axis]), prod(dims[axis:])))
        item = draft.map(operator, x)
        return reshaped(draft.natural(draft.add(operator, kind, [item])), dims)
    if draft.axis(x, axis) == CHANNELS:
        return Flow(draft.add(operator, kind, [x.item]), x.layout)
    return draft.natural(draft.add(operator, kind, [draft.map(operator, x, axis)]), axis)


def dropout(draft: Draft, operator: Operator) -> Flow:
    """Dropout, which stays with its rate."""
    x, rate = draft.flow(operator), draft.constant(operator, 1)
    value = 0.5 if rate is None or not rate.size else float(rate.flat[0])
    if not 0 <= value < 1:
        raise Unsaid(f"its rate is {value}")
    return Flow(draft.add(operator, Dropout(exact(value)), [x.item]), x.layout)


def spelled(draft: Draft, operator: Operator) -> Flow | None:
    """(x − mean) / √(variance + ε) in its parts: LN over the channels, IN over all positions, GN 1 over both."""
    top, root = (draft.makers.get(name) for name in operator.inputs)
    shifted = _made(draft, root, "Sqrt")
    if top is None or shifted is None or top.kind != "Sub" or shifted.kind != "Add":
        return None
    eps = next((draft.constants[name] for name in shifted.inputs if name in draft.constants), None)
    mean = next((draft.makers[name] for name in shifted.inputs if name in draft.makers), None)
    square, centre = _made(draft, mean, "ReduceMean"), draft.makers.get(top.inputs[1])
    if eps is None or eps.size != 1 or square is None or mean is None or not squares(draft, square, operator.inputs[0]):
        return None
    if centre is None or centre.kind != "ReduceMean" or centre.inputs[0] != top.inputs[0]:
        return None
    x, rank = draft.flows[top.inputs[0]], len(draft.flows[top.inputs[0]].layout)
    over = {at % rank for at in draft.whole(mean, 1) or range(rank)}
    if over != {at % rank for at in draft.whole(centre, 1) or range(rank)}:
        return None
    own = axes.natural(draft.shapes[x.item], draft.batch)
    gone = {atom for at in over for atom in x.layout[at]}
    channels, places = {*own[CHANNELS]}, {atom for atoms in own[2:] for atom in atoms}
    number = exact(float(eps.flat[0]))
    kinds = ((channels, LayerNorm(number, noaffine=True)), (places, InstanceNorm(number)))
    norms = [norm for atoms, norm in kinds if gone == atoms and gone]
    if not norms and gone == channels | places:
        norms = [GroupNorm(1, number, noaffine=True)]
    return Flow(draft.add(operator, norms[0], [x.item]), x.layout) if norms else None


def _made(draft: Draft, operator: Operator | None, kind: str) -> Operator | None:
    """What made the input of an operator of a kind."""
    return draft.makers.get(operator.inputs[0]) if operator is not None and operator.kind == kind else None


def squares(draft: Draft, operator: Operator, name: str) -> bool:
    """Whether an operator gives the squares of a value, or of one that is reckoned as it is."""
    power = draft.constant(operator, 1)
    twice = operator.kind == "Mul" and operator.inputs[0] == operator.inputs[1]
    second = operator.kind == "Pow" and power is not None and power.size == 1 and float(power.flat[0]) == 2
    return (twice or second) and _alike(draft, operator.inputs[0], name)


def _alike(draft: Draft, one: str, other: str, deep: int = _DEEP) -> bool:
    """Whether two values are one, or are reckoned from the same in the same way."""
    if one == other:
        return True
    first, second = draft.constants.get(one), draft.constants.get(other)
    if first is not None or second is not None:
        return first is not None and second is not None and first.size < _FEW and np.array_equal(first, second)
    made, also = draft.makers.get(one), draft.makers.get(other)
    if made is None or also is None or not deep or made.kind not in ("Sub", "ReduceMean", *_VIEWS):
        return False
    same = (made.kind, made.attributes, len(made.inputs)) == (also.kind, also.attributes, len(also.inputs))
    return same and all(_alike(draft, *pair, deep - 1) for pair in zip(made.inputs, also.inputs, strict=True))


RULES: Mapping[str, Callable[[Draft, Operator], Flow]] = {
    "BatchNormalization": batch,
    "InstanceNormalization": instance,
    "GroupNormalization": group,
    "LayerNormalization": layer,
    "LRN": response,
    "Softmax": softmax,
    "LogSoftmax": softmax,
    "Dropout": dropout,
}
