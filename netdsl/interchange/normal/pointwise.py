"""What works on each number, and what joins values: activations, ADD, MUL, CONCAT, TIMES, PLUS, SCALE, POSITIONS."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from math import prod
from typing import TYPE_CHECKING

import numpy as np

from netdsl.interchange.normal import arithmetic, axes, curves, lengths, merges, norms, products
from netdsl.interchange.normal.axes import CHANNELS
from netdsl.interchange.normal.draft import Draft, Flow, Unsaid, exact
from netdsl.interchange.primitives import ABSENT
from netdsl.layers import activation, merge
from netdsl.layers.norm import BatchNorm, GroupNorm, InstanceNorm, LayerNorm, Normalize, Scale, Times
from netdsl.layers.sequence import Positions

if TYPE_CHECKING:
    from netdsl.interchange.primitives import Operator, Tensor
    from netdsl.layers.base import Layer

PLAIN: Mapping[str, type[Layer]] = {
    "Relu": activation.Relu,
    "Sigmoid": activation.Sigmoid,
    "Tanh": activation.Tanh,
    "Softplus": activation.Softplus,
    "Abs": activation.Absolute,
    "HardSwish": activation.HardSwish,
    "Mish": activation.Mish,
}
"""Operators that are a layer by themselves."""
_BY_NUMBERS: Mapping[str, Layer] = {"Neg": Times(-1), "Sqrt": lengths.ROOT, "Reciprocal": lengths.INVERSE}
_MERGES: Mapping[str, type[Layer]] = {
    "Add": merge.Add,
    "Sum": merge.Add,
    "Sub": merge.Subtract,
    "Mul": merge.Multiply,
    "Mean": merge.Mean,
    "Max": merge.Maximum,
}
_NEARLY = "GELU by its approximation with tanh is GELU, which differs by up to 0.0005"


def unary(draft: Draft, operator: Operator) -> Flow:
    """An operator on one value, whatever it is: alone, or the last of those that spell an activation."""
    x = draft.flow(operator)
    curve = curves.of(operator.kind, seen(operator.inputs[0], x))
    row = PLAIN.get(operator.kind)
    if operator.kind in _BY_NUMBERS:
        return followed(draft, operator, x, curve, (_BY_NUMBERS[operator.kind],))
    before = draft.items[x.item]
    if operator.kind == "Tanh" and isinstance(before.layer, Times) and draft.alone(x.item):
        item = draft.add(operator, activation.Tanh(slope=before.layer.factor), before.inputs)
        return Flow(item, x.layout, curve)
    return followed(draft, operator, x, curve, (row(),) if row else ())


def followed(draft: Draft, operator: Operator, x: Flow, curve: curves.Curves, layers: Sequence[Layer]) -> Flow:
    """The activation that a curve is, or the layers that the operator is by itself, with its curve for what follows."""
    found = curves.recognised(curve) if len(curve) > 1 or not layers else None
    if found is not None:
        name, known, nearly = found
        if nearly:
            draft.notes[_NEARLY] = None
        x, layers = draft.flows[name], (known,)
    if not layers:
        draft.placeholder(operator, operator.outputs[0], "no layer computes it")
        return replace(draft.flows[operator.outputs[0]], layout=x.layout, curves=curve)
    item = x.item
    for layer in layers:
        item = draft.add(operator, layer, [item])
    return Flow(item, x.layout, curve)


def seen(name: str, x: Flow) -> curves.Curves:
    """A value as a function of those before it and of itself."""
    before = list(x.curves.items())[-curves.MOST :]
    return {**dict(before), name: curves.POINTS}


def gelu(draft: Draft, operator: Operator) -> Flow:
    """Gelu of opset 20."""
    x = draft.flow(operator)
    if operator.text("approximate") == "tanh":
        draft.notes[_NEARLY] = None
    return Flow(draft.add(operator, activation.Gelu(), [x.item]), x.layout)


def sloped(draft: Draft, operator: Operator) -> Flow:
    """Activations with numbers: LeakyRelu, Elu, Selu, HardSigmoid."""
    x = draft.flow(operator)
    alpha = operator.real("alpha", {"LeakyRelu": 0.01, "HardSigmoid": 0.2}.get(operator.kind, 1))
    curve: curves.Curves = {}
    layers: Sequence[Layer] = ()
    match operator.kind:
        case "LeakyRelu":
            layers = (activation.LeakyRelu(exact(alpha)),)
        case "Elu":
            layers = (activation.Elu(exact(alpha)),)
        case "Selu":
            layers = (activation.Selu(),)
        case _:
            beta = operator.real("beta", 0.5)
            known = seen(operator.inputs[0], x)
            if abs(alpha - 1 / 6) < 1e-4:  # as some write it
                alpha = 1 / 6
            factor, offset = 6 * exact(alpha), 6 * exact(beta) - 3  # Keras and Paddle have 0.2, and not 1/6
            layers = (*arithmetic.linear(float(factor), float(offset)), activation.HardSigmoid())
            curve = {name: np.clip(alpha * one + beta, 0, 1) for name, one in known.items()}
    return followed(draft, operator, x, curve, layers)


def prelu(draft: Draft, operator: Operator) -> Flow:
    """PRelu, with one slope, or one for each channel."""
    x, slope = draft.flow(operator), draft.needed(operator, 1, "slope")
    formerly = slope.ndim == 1 and draft.axis(x, 1) == CHANNELS and slope.size == x.dims[1] != x.dims[-1]
    if slope.size > 1 and along(draft, x, slope) is None and not formerly:
        raise Unsaid("its slopes are neither one nor one for each channel")
    layer = activation.ParametricRelu(per_channel=slope.size > 1)
    item = draft.add(operator, layer, [x.item], {"weight": slope.reshape(-1)}, operator.inputs[1:2])
    return Flow(item, x.layout)


def clip(draft: Draft, operator: Operator) -> Flow:
    """Clip: RELU6, RELU, or part of an activation."""
    x = draft.flow(operator)
    ends = [draft.constant(operator, at) for at in (1, 2)]
    low, high = (None if one is None else float(one.flat[0]) for one in ends)
    if low is None and high is None:
        return x
    known = {name: np.clip(one, low, high) for name, one in seen(operator.inputs[0], x).items()}
    return followed(draft, operator, x, known, arithmetic.clipping(low, high))


def joining(draft: Draft, operator: Operator) -> Flow:
    """Add, Sub, Mul, Div, Max, Min, Sum, Mean, Pow of values, or of one and a constant."""
    given = [name for name in operator.inputs if name]
    constants = [name for name in given if name in draft.constants]
    flows = [draft.flow(operator, at) for at, name in enumerate(operator.inputs) if name in draft.flows]
    if len(flows) + len(constants) < len(given) or not flows:
        raise Unsaid("an input of it is missing")
    if len(given) == 1:
        return flows[0]
    if constants and len(given) == 2:
        return _with_constant(draft, operator, flows[0], constants[0], given[1] == constants[0])
    if constants:
        raise Unsaid("it joins several values and a constant")
    if operator.kind == "Div" and (norm := norms.spelled(draft, operator) or norms.spelled_response(draft, operator)):
        return norm
    if operator.kind in ("Div", "Mul") and (found := lengths.divided(draft, operator)) is not None:
        return found
    curve: curves.Curves = {}
    if operator.kind in curves.BINARY and len(given) == 2:
        curve = curves.of(operator.kind, seen(given[0], flows[0]), seen(given[1], flows[1]))
        if curves.recognised(curve) is not None:
            return followed(draft, operator, flows[0], curve, ())
    if operator.kind == "Div":
        return replace(lengths.quotient(draft, operator, *flows), curves=curve)
    if operator.kind not in _MERGES:
        if curve:
            return followed(draft, operator, flows[0], curve, ())
        raise Unsaid("no layer computes it of values that are both computed")
    return replace(merges.merged(draft, operator, _MERGES[operator.kind](), flows), curves=curve)


_SIGNS = {"Greater": np.greater, "GreaterOrEqual": np.greater_equal, "Less": np.less, "LessOrEqual": np.less_equal}


def where(draft: Draft, operator: Operator) -> Flow:
    """Where of a value that is compared with a number: an activation in two parts, as PyTorch's Softplus is."""
    test = draft.makers.get(operator.inputs[0])
    limit = None if test is None or test.kind not in _SIGNS else draft.constant(test, 1)
    if test is None or limit is None or limit.size != 1 or test.inputs[0] not in draft.flows:
        raise Unsaid("no layer chooses by a mask")
    of, parts = test.inputs[0], list[curves.Curve]()
    for name in operator.inputs[1:]:
        number, flow = draft.constants.get(name), draft.flows.get(name)
        if number is not None and number.size == 1:
            parts.append(np.full_like(curves.POINTS, float(number.flat[0])))
        elif flow is not None and of in (known := seen(name, flow)):
            parts.append(known[of])
    if len(parts) < 2:
        raise Unsaid("no layer chooses by a mask")
    curve = np.where(_SIGNS[test.kind](curves.POINTS, float(limit.flat[0])), *parts)
    return followed(draft, operator, draft.flows[of], {of: curve, operator.outputs[0]: curve}, ())


def along(draft: Draft, x: Flow, value: Tensor) -> Tensor | None:
    """A constant's values for the channels of what it meets; None where it has others."""
    dims = (1,) * (len(x.layout) - value.ndim) + value.shape
    wide = [at for at, size in enumerate(dims) if size > 1]
    channels = draft.shapes[x.item].channels
    if len(dims) != len(x.layout) or len(wide) != 1 or draft.axis(x, wide[0]) != CHANNELS:
        return None
    return value.reshape(-1) if value.size == channels else None


def _with_constant(draft: Draft, operator: Operator, x: Flow, name: str, last: bool) -> Flow:
    """A value and a constant: a number, one for each channel, or one for each value."""
    value, kind = draft.needed(operator, operator.inputs.index(name), "constant"), operator.kind
    source = next(one for one in operator.inputs if one in draft.flows)
    if value.ndim == len(x.layout) > 1 and value.shape[0] == x.dims[0] == draft.batch and (value == value[:1]).all():
        value = value[:1]  # the same for each example
    if value.size == 1 and name in draft.missing:
        raise Unsaid(ABSENT)
    if value.size == 1:
        single = kind == "Add" and value.ndim > 2 and draft.shapes[x.item].channels == 1 and draft.alone(x.item)
        if single and products.biased(draft, x.item, value.reshape(1), name):
            return x
        return _with_number(draft, operator, x, source, float(value.flat[0]), last)
    if (offsets := along(draft, x, value)) is not None and draft.missing.isdisjoint((name,)):
        found = _of_channels(draft, operator, x, offsets, name, last)
        if found is not None:
            return found
    dims = (1,) * (len(x.layout) - value.ndim) + value.shape
    wide = [axis for axis, size in enumerate(dims) if size > 1]
    if len(wide) == 1 and wide[0] and value.size == x.dims[wide[0]] and draft.axis(x, wide[0]) != CHANNELS:
        turned = draft.natural(draft.map(operator, x, wide[0]), wide[0])
        found = _of_channels(draft, operator, turned, value.reshape(-1), name, last)
        if found is not None:
            return found
    full = _spread(draft, x, value, name)
    if full is not None and kind in ("Add", "Sub"):
        if kind == "Sub" and not last:
            x = Flow(draft.add(operator, Times(-1), [x.item], before=True), x.layout)
        return positions(draft, operator, x, -full if kind == "Sub" and last else full, name)
    if full is not None and (kind == "Mul" or (kind == "Div" and last)):
        return norms.each(draft, operator, x, full if kind == "Mul" else 1 / full, None, (name,))
    met = f"it meets a constant of {'x'.join(map(str, value.shape))}"
    raise Unsaid(ABSENT if name in draft.missing else met)


def _spread(draft: Draft, x: Flow, value: Tensor, name: str) -> Tensor | None:
    """A constant as one of each value of an example; None where it is none, or one that the source never learns."""
    dims = (1, *x.dims[1:])
    if value.ndim > len(dims) or prod(dims) > 2**22:
        return None
    shape = (1,) * (len(dims) - value.ndim) + value.shape
    if shape == dims:
        return value.reshape(dims)
    fits = all(size in (1, wide) for size, wide in zip(shape, dims, strict=True))
    return np.broadcast_to(value, dims) if fits and name not in draft.source.fixed else None


def positions(draft: Draft, operator: Operator, x: Flow, value: Tensor, name: str) -> Flow:
    """POSITIONS: a learned vector for each position, laid out as channels come last."""
    shape = draft.shapes[x.item]
    _, own, *rest = axes.natural(shape, draft.batch)
    at = next((at for at, atoms in enumerate(x.layout) if at and atoms == own), None)
    others = [axis for axis in range(1, len(x.layout)) if axis != at]
    order = sorted(others, key=lambda axis: [(atom.axis, -atom.step) for atom in x.layout[axis]])
    along = [atom for axis in order for atom in x.layout[axis]]
    if at is None or axes.joined(along) != axes.joined([atom for atoms in rest for atom in atoms]):
        channels = len(x.layout) - 1 if draft.axis(x, -1) == CHANNELS else 1
        item = draft.map(operator, x, channels)
        if item == x.item:
            raise Unsaid("what it adds lies in no order of positions")
        return positions(draft, operator, draft.natural(item, channels), value, name)
    turned = value[0].transpose(*[axis - 1 for axis in (*order, at)]).reshape(*shape.spatial, shape.channels)
    return Flow(draft.add(operator, Positions(), [x.item], {"weight": turned}, (name,)), x.layout)


def _with_number(draft: Draft, operator: Operator, x: Flow, source: str, value: float, last: bool) -> Flow:
    """A value and a number: TIMES, PLUS, or part of an activation."""
    known = seen(source, x)
    number = curves.constant(known, value)
    pair = (known, number) if last else (number, known)
    curve: curves.Curves = curves.of(operator.kind, *pair) if operator.kind in curves.BINARY else {}
    layers, before = arithmetic.with_number(operator.kind, value, last), draft.items[x.item].layer
    if isinstance(before, activation.Tanh) and before.scale == 1 and draft.alone(x.item):
        match layers:
            case (Times(factor),) if draft.replaced(x.item, replace(before, scale=factor), {}):
                return Flow(x.item, x.layout, curve)
            case _:
                pass
    if layers == ():
        return replace(x, curves=curve)
    if layers is None and operator.kind == "Pow" and last and value in (2, 3):
        item = draft.add(operator, merge.Multiply(), [x.item] * int(value))
        return Flow(item, x.layout, curve)
    return followed(draft, operator, x, curve, layers or ())


def _of_channels(draft: Draft, operator: Operator, x: Flow, value: Tensor, name: str, last: bool) -> Flow | None:
    """A value and a constant with a number for each channel: a bias, a part of a norm, SCALE or NORMALIZE."""
    kind, item = operator.kind, x.item
    layer, alone = draft.items[item].layer, draft.alone(item)
    single = alone and last | (kind in ("Add", "Mul"))
    value = value.astype(np.float32)
    if kind in ("Sub", "Div") and last:
        turned = -value if kind == "Sub" else 1 / value
        if single and (found := _joined(draft, x, layer, "Add" if kind == "Sub" else "Mul", turned, name)):
            return found
        if name in draft.source.learned:
            made = {"weight": np.ones_like(value), "bias": turned} if kind == "Sub" else {"weight": turned}
            return Flow(draft.add(operator, Scale(bias=kind == "Sub"), [item], made, (name,)), x.layout)
        numbers = tuple([exact(one) for one in value])
        if len(numbers) <= 16 and kind == "Sub":
            return Flow(draft.add(operator, Normalize(mean=numbers), [item]), x.layout)
        if len(numbers) <= 16 and min(numbers) > 0:
            if alone and isinstance(layer, Normalize) and set(layer.std) == {1}:
                draft.replaced(item, replace(layer, std=numbers), {})
                return Flow(item, x.layout)
            return Flow(draft.add(operator, Normalize(std=numbers), [item]), x.layout)
        return None
    if kind not in ("Add", "Mul"):
        return None
    if single and (found := _joined(draft, x, layer, kind, value, name)):
        return found
    if kind == "Mul":
        return Flow(draft.add(operator, Scale(), [item], {"weight": value}, (name,)), x.layout)
    if not np.any(value) and name not in draft.source.learned:
        return x
    weights = {"weight": np.ones_like(value), "bias": value}
    return Flow(draft.add(operator, Scale(bias=True), [item], weights, (name,)), x.layout)


def _joined(draft: Draft, x: Flow, layer: Layer, kind: str, value: Tensor, name: str) -> Flow | None:
    """A factor or an offset for each channel as a part of the layer before it."""
    item, weights = x.item, draft.items[x.item].weights
    if isinstance(layer, LayerNorm | GroupNorm | BatchNorm | InstanceNorm):
        affine = layer.affine if isinstance(layer, InstanceNorm) else not layer.noaffine
        scale, offset = weights.get("weight"), weights.get("bias")
        if affine and weights and scale is not None and offset is not None:
            scale, offset = (scale * value, offset * value) if kind == "Mul" else (scale, offset + value)
        elif affine:
            scale = offset = None
        else:
            one = np.ones_like(value)
            scale, offset = (value, one - one) if kind == "Mul" else (one, value)
        changed = replace(layer, affine=True) if isinstance(layer, InstanceNorm) else replace(layer, noaffine=False)
        given = {} if scale is None or offset is None else {"weight": scale, "bias": offset}
        return Flow(item, x.layout) if draft.replaced(item, changed, given, (name,)) else None
    if isinstance(layer, Scale):
        scale = weights.get("weight", np.ones_like(value))
        if kind == "Mul" and not layer.bias:
            changed, given = layer, {"weight": scale * value}
        elif kind == "Add":
            changed = replace(layer, bias=True)
            given = {"weight": scale, "bias": weights.get("bias", 0) + value}
        else:
            return None
        return Flow(item, x.layout) if draft.replaced(item, changed, given, (name,)) else None
    if kind == "Add" and products.biased(draft, item, value, name):
        return Flow(item, x.layout)
    return None


RULES: Mapping[str, Callable[[Draft, Operator], Flow]] = {
    **dict.fromkeys(curves.UNARY, unary),
    **dict.fromkeys(("Add", "Sub", "Mul", "Div", "Pow", "Min", "Max", "Sum", "Mean"), joining),
    **dict.fromkeys(("LeakyRelu", "Elu", "Selu", "HardSigmoid"), sloped),
    "Gelu": gelu,
    "PRelu": prelu,
    "Clip": clip,
    "Where": where,
}
