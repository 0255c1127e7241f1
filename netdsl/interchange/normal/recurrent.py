"""LSTM and GRU, whose weights ONNX has for both directions in one tensor, and its gates in another order."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from netdsl.interchange.normal import axes
from netdsl.interchange.normal.axes import CHANNELS, Atom
from netdsl.interchange.normal.draft import Draft, Flow, Unsaid
from netdsl.layers.recurrent import GatedRecurrentUnits, LongShortTermMemory
from netdsl.layers.sequence import Pick
from netdsl.layers.shape import Shape

if TYPE_CHECKING:
    from netdsl.interchange.primitives import Operator, Tensor

_ORDER = {"LSTM": (0, 2, 3, 1), "GRU": (1, 0, 2)}
"""Where the gates of PyTorch stand in ONNX: its are i, o, f, c and z, r, h."""


def recurrent(draft: Draft, operator: Operator) -> list[Flow]:
    """LSTM and GRU over positions x N x channels: all states, and the last one of each direction."""
    x = draft.flow(operator)
    if len(x.layout) != 3 or operator.whole("layout", 0):
        raise Unsaid("its batch does not stand in the middle")
    kept, rest = _weights(draft, operator), [draft.constant(operator, at) for at in (5, 6)]
    given = [bool(name) for name in operator.inputs[5:7]]
    if any(there and (one is None or np.any(one)) for there, one in zip(given, rest, strict=False)):
        raise Unsaid("it does not start from zeros")
    if operator.kind == "GRU" and not operator.whole("linear_before_reset", 0):
        raise Unsaid("it resets before the product")
    direction = operator.text("direction", "forward")
    if direction == "reverse" or operator.sizes("activations") or "activations" in operator.attributes:
        raise Unsaid("it runs from the end alone, or has activations of its own")
    both, units = direction == "bidirectional", operator.whole("hidden_size", 1)
    item = draft.map(operator, Flow(x.item, axes.transposed(x.layout, (1, 2, 0))))
    row = LongShortTermMemory if operator.kind == "LSTM" else GatedRecurrentUnits
    states, last = (name and draft.readers[name] for name in (*operator.outputs[:2], "", "")[:2])
    found: list[Flow] = []
    batch = axes.natural(draft.shapes[item], draft.batch)[0]
    ways = (Atom(CHANNELS, units, 2),) if both else ()
    each = (Atom(CHANNELS, 1, units),) if units > 1 else ()
    made = ""
    if states or not last:
        made = draft.add(operator, row(units, both), [item], kept, operator.inputs[1:4])
        found.append(Flow(made, (axes.natural(draft.shapes[made], draft.batch)[2], ways, batch, each)))
    if last:
        if states and both:
            raise Unsaid("both its states and the last ones are read")
        if states:
            end = draft.add(operator, Pick(-1), [made])
        else:
            end = draft.add(operator, row(units, both, last=True), [item], kept, operator.inputs[1:4])
            found.append(Flow(end, (ways, batch, each)))  # never read
        found.append(Flow(end, (ways, batch, each)))
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


def _weights(draft: Draft, operator: Operator) -> Mapping[str, Tensor]:
    """The weights as PyTorch has them: of each direction, with two biases."""
    units, order = operator.whole("hidden_size", 1), _ORDER[operator.kind]
    inward, across = draft.needed(operator, 1, "weight"), draft.needed(operator, 2, "weight")
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
