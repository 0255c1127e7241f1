"""Recurrent layers in ONNX, whose gates stand in another order than PyTorch's."""

from __future__ import annotations

from typing import Any

import torch

from netdsl.compile.onnx.sheet import Value, Writer
from netdsl.layers.recurrent import GatedRecurrentUnits, Recurrent

_LSTM, _GRU = (0, 3, 1, 2), (1, 0, 2)
"""The gates of PyTorch in the order of ONNX: i, o, f, c of i, f, g, o; z, r, h of r, z, n."""


def recurrent(layer: Recurrent, write: Writer, x: Value) -> Value:
    """An LSTM or a GRU, over positions x N x channels, with the weights of both directions in one tensor."""
    attributes: dict[str, Any] = {"hidden_size": layer.units}
    if layer.both:
        attributes["direction"] = "bidirectional"
    if isinstance(layer, GatedRecurrentUnits):
        attributes["linear_before_reset"] = 1
    weights = [_ordered(layer, write, name) for name in ("weight_ih", "weight_hh", "bias")]
    states, last = write.several(layer.keyword, [write.transpose(x, 2, 0, 1), *weights], attributes, 2)
    if layer.last:
        return write.reshape(write.transpose(last, 1, 0, 2), layer.states)
    if layer.both:
        return write.reshape(write.transpose(states, 2, 1, 3, 0), layer.states, -1)
    return write.transpose(write("Squeeze", states, [1]), 1, 2, 0)


def _ordered(layer: Recurrent, write: Writer, name: str) -> Value | None:
    """The weights of a kind of each direction, or its two biases, gates in the order of ONNX."""
    tensors, order = write.module.state_dict(), _GRU if isinstance(layer, GatedRecurrentUnits) else _LSTM
    directions = ("_l0", "_l0_reverse")[: 1 + layer.both]
    found: list[torch.Tensor] = []
    for direction in directions:
        names = [f"{name}{direction}"] if name != "bias" else [f"bias_ih{direction}", f"bias_hh{direction}"]
        gates = [tensors[one].unflatten(0, (layer.gates, layer.units))[list(order)].flatten(0, 1) for one in names]
        found.append(torch.cat(gates))
    return write.weight(name, torch.stack(found))
