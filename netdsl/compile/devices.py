"""Binding logical devices, `@0` and on, to real ones."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from netdsl.compile.errors import MissingDeviceError, UnknownDeviceError
from netdsl.graph.node import Graph


def bind(names: Sequence[str], graph: Graph) -> tuple[torch.device, ...]:
    """The device for each logical one; () for no names, by which all runs wherever it is put.

    Raises UnknownDeviceError, and MissingDeviceError where the graph uses a logical device without a name.
    """
    if not names:
        return ()
    wanted = 1 + max(node.device for node in graph.nodes)
    if wanted > len(names):
        raise MissingDeviceError(names, wanted)
    return tuple(_device(name) for name in names)


def _device(name: str) -> torch.device:
    try:
        device = torch.device(name)
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError, NotImplementedError) as error:  # torch built without it asserts
        raise UnknownDeviceError(name, str(error).partition("\n")[0]) from error
    return device
