"""Binding logical devices, `@0` and on, to real ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch

from netdsl.compile.errors import DeviceCountError, UnknownDeviceError
from netdsl.graph.node import Graph


def bind(names: Sequence[str], graph: Graph) -> Mapping[int, torch.device]:
    """The device for each logical one that is used, in their order; none for no names: all runs wherever it is put.

    Raises UnknownDeviceError, and DeviceCountError where there are not as many names as the graph uses devices.
    """
    if not names:
        return {}
    used = sorted({node.device for node in graph.nodes})
    if len(used) != len(names):
        raise DeviceCountError(names, len(used))
    return {number: _device(name) for number, name in zip(used, names, strict=True)}


def _device(name: str) -> torch.device:
    try:
        device = torch.device(name)
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError, ImportError) as error:  # whatever a backend says that is not there
        raise UnknownDeviceError(name, str(error).partition("\n")[0].partition(". ")[0]) from error
    if device.type == "meta":
        raise UnknownDeviceError(name, "it holds no data")
    return device
