"""LSTM and GRU, whose weights ONNX has for both directions in one tensor, and its gates in another order."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, cast

import numpy as np

from netdsl.interchange.normal import axes
from netdsl.interchange.normal.axes import CHANNELS, Atom
from netdsl.interchange.normal.draft import Draft, Flow, Unsaid
from netdsl.layers.channels import Slice
from netdsl.layers.merge import Concat
from netdsl.layers.recurrent import GatedRecurrentUnits, LongShortTermMemory
from netdsl.layers.sequence import Pick
from netdsl.layers.shape import Shape

if TYPE_CHECKING:
    from netdsl.interchange.primitives import Operator, Tensor

_ORDER = {"LSTM": (0, 2, 3, 1), "GRU": (1, 0, 2)}
"""Where the gates of PyTorch stand in ONNX: its are i, o, f, c and z, r, h."""


_ACTIVATIONS = {"LSTM": ("Sigmoid", "Tanh", "Tanh"), "GRU": ("Sigmoid", "Tanh")}


def recurrent(draft: Draft, operator: Operator) -> list[Flow]:
    """LSTM and GRU over positions x N x channels: all states, and the last one of each direction."""
    x, outputs = draft.flow(operator), (*operator.outputs, "", "")
    if len(x.layout) != 3:
        raise Unsaid("it runs along no sequence")
    batch_first = operator.whole("layout", 0) == 1
    places, first = (1, 0) if batch_first else (0, 1)
    kept, both = _weights(draft, operator), _as_the_layer(draft, operator, x.dims[places])
    units = operator.whole("hidden_size", kept["weight_hh_l0"].shape[1])
    item = draft.map(operator, Flow(x.item, axes.transposed(x.layout, (first, 2, places))))
    row = LongShortTermMemory if operator.kind == "LSTM" else GatedRecurrentUnits
    states, last = (name and draft.readers[name] for name in outputs[:2])
    if outputs[2] and draft.readers[outputs[2]]:
        raise Unsaid("the last state of its cells is read")
    batch = axes.natural(draft.shapes[item], draft.batch)[0]
    ways = (Atom(CHANNELS, units, 2),) if both else ()
    each = (Atom(CHANNELS, 1, units),) if units > 1 else ()
    ends = (batch, ways, each) if batch_first else (ways, batch, each)
    if not states and last:
        end = draft.add(operator, row(units, both, last=True), [item], kept, operator.inputs[1:4])
        return [Flow(end, ends), Flow(end, ends)]  # the first is never read
    made = draft.add(operator, row(units, both), [item], kept, operator.inputs[1:4])
    along = axes.natural(draft.shapes[made], draft.batch)[2]
    found = [Flow(made, (batch, along, ways, each) if batch_first else (along, ways, batch, each))]
    if last:
        end = draft.add(operator, Pick(-1), [made])
        if both:  # the last of the second way is where it begins
            start = draft.add(operator, Pick(0), [made])
            halves = Slice(0, units), Slice(units, 2 * units)
            parts = [draft.add(operator, half, [one]) for half, one in zip(halves, (end, start), strict=True)]
            end = draft.add(operator, Concat(), parts)
        found.append(Flow(end, ends))
    return found


def ending(draft: Draft, item: str) -> bool:
    """Let a layer give its last state alone, where nothing else is read of it; whether it does."""
    layer = draft.items[item].layer
    if not isinstance(layer, LongShortTermMemory | GatedRecurrentUnits) or layer.both or not draft.alone(item):
        return False
    if not draft.replaced(item, replace(layer, last=True), {}):
        return False
    draft.shapes[item] = Shape((), draft.shapes[item].channels)
    return True


def _as_the_layer(draft: Draft, operator: Operator, positions: int) -> bool:
    """Whether it runs both ways; raises Unsaid where it is as no layer is."""
    for at in (5, 6):
        value = draft.constant(operator, at)
        if operator.inputs[at : at + 1] not in ((), ("",)) and (value is None or np.any(value)):
            raise Unsaid("it does not start from zeros")
    lengths = draft.constant(operator, 4)
    if operator.inputs[4:5] not in ((), ("",)) and (lengths is None or np.any(lengths != positions)):
        raise Unsaid("its sequences may be shorter than what flows in")
    if operator.kind == "GRU" and not operator.whole("linear_before_reset", 0):
        raise Unsaid("it resets before the product")
    if operator.real("clip", 0) or operator.whole("input_forget", 0) or operator.inputs[7:8] not in ((), ("",)):
        raise Unsaid("its cells are clipped, or its gates are others")
    direction = operator.text("direction", "forward")
    if direction == "reverse":
        raise Unsaid("it runs from the end alone")
    ways = 1 + (direction == "bidirectional")
    named = operator.attributes.get("activations", _ACTIVATIONS[operator.kind] * ways)
    if not isinstance(named, tuple) or [str(one).lower() for one in cast("tuple[object, ...]", named)] != [
        one.lower() for one in _ACTIVATIONS[operator.kind] * ways
    ]:
        raise Unsaid("it has activations of its own")
    return ways == 2


def _weights(draft: Draft, operator: Operator) -> Mapping[str, Tensor]:
    """The weights as PyTorch has them: of each direction, with two biases."""
    order = _ORDER[operator.kind]
    inward, across = draft.needed(operator, 1, "weight"), draft.needed(operator, 2, "weight")
    units = operator.whole("hidden_size", across.shape[-1] if across.ndim else 0)
    bias = draft.constant(operator, 3)
    gates = len(order)
    if inward.ndim != 3 or across.shape != (len(inward), gates * units, units) or len(inward) > 2:
        raise Unsaid("its weights do not fit its units")
    bias = np.zeros((len(inward), 2 * gates * units), np.float32) if bias is None else bias
    found: dict[str, Tensor] = {}
    for way, end in zip(range(len(inward)), ("_l0", "_l0_reverse"), strict=False):
        halves = np.split(bias[way], 2)
        parts = {"weight_ih": inward[way], "weight_hh": across[way], "bias_ih": halves[0], "bias_hh": halves[1]}
        for name, one in parts.items():
            apart = one.reshape(gates, units, *one.shape[1:])
            found[name + end] = apart[list(order)].reshape(one.shape)
    return found


RULES: Mapping[str, Callable[[Draft, Operator], list[Flow]]] = {"LSTM": recurrent, "GRU": recurrent}
