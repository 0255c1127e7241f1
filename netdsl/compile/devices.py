"""Binding logical devices, `@0` and on, to real ones."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from netdsl.compile.errors import DeviceCountError, UnknownDeviceError
from netdsl.graph.node import Graph


def bind(names: Sequence[str], graph: Graph) -> tuple[torch.device, ...]:
    """The device for each logical one; () for no names, by which all runs wherever it is put.

    Raises UnknownDeviceError, and DeviceCountError where there are not as many names as the graph uses devices.
    """
    if not names:
        return ()
    wanted = 1 + max(node.device for node in graph.nodes)
    if wanted != len(names):
        raise DeviceCountError(names, wanted)
    return tuple(_device(name) for name in names)


def _device(name: str) -> torch.device:
    try:
        device = torch.device(name)
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError, ImportError) as error:  # whatever a backend says that is not there
        raise UnknownDeviceError(name, str(error).partition("\n")[0].partition(". ")[0]) from error
    return device
