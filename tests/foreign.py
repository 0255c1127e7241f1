"""What the tests of other formats share: networks with their weights, and files of weights that are made up."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import torch

import netdsl
from netdsl.interchange.flat import Flat, graph, sayable

FILES = Path(__file__).parent / "interchange"
Arrays = Mapping[str, Sequence[np.ndarray]]


def totals(flat: Flat) -> tuple[int, int]:
    """Parameters and MACs as netdsl counts them."""
    found = netdsl.from_graph(graph(flat)).summary().totals
    return found.params, found.macs


def outputs(flat: Flat, x: torch.Tensor) -> dict[str, torch.Tensor]:
    """What a network gives with the weights of its file, by the names of its outputs."""
    network = netdsl.from_graph(graph(flat))
    module, names = network.module().eval(), sayable(flat)
    state = module.state_dict()
    given = {
        f"{names[item.name]}.{role}": torch.tensor(np.array(value))
        for item in flat.items
        for role, value in item.weights.items()
    }
    owned = {name for name in state if not name.endswith("num_batches_tracked")}
    assert given.keys() == owned
    module.load_state_dict({**state, **given})
    with torch.no_grad():
        result = module(x)
    several = result if isinstance(result, tuple) else (result,)
    return dict(zip([name for name, _ in flat.outputs], several, strict=True))


def caffemodel(layers: Arrays, *, old: bool = False) -> bytes:
    """A .caffemodel of blobs by the name of a layer; an old one has layers of the first version."""
    return b"".join(_field(2 if old else 100, _layer(name, blobs, old)) for name, blobs in layers.items())


def _layer(name: str, blobs: Sequence[np.ndarray], old: bool) -> bytes:
    inner = [_field(6 if old else 7, _blob(blob, old)) for blob in blobs]
    return _field(4 if old else 1, name.encode()) + b"".join(inner)


def _blob(blob: np.ndarray, old: bool) -> bytes:
    data = _field(5, blob.astype("<f4").tobytes())
    if not old:
        return _field(7, _field(1, b"".join(map(_varint, blob.shape)))) + data
    dims = (1,) * (4 - blob.ndim) + blob.shape
    return b"".join(_varint(number << 3) + _varint(size) for number, size in enumerate(dims, 1)) + data


def _field(number: int, data: bytes) -> bytes:
    return _varint(number << 3 | 2) + _varint(len(data)) + data


def _varint(value: int) -> bytes:
    found = b""
    while value > 127:
        found += bytes([value & 127 | 128])
        value >>= 7
    return found + bytes([value])


def darknet_weights(values: Sequence[np.ndarray], version: tuple[int, int] = (0, 2)) -> bytes:
    """A .weights file: its header, and values one behind another."""
    wide = version[0] * 10 + version[1] >= 2
    header = struct.pack("<3i", *version, 0) + (b"\0" * 8 if wide else b"\0" * 4)
    return header + b"".join(value.astype("<f4").tobytes() for value in values)
