"""netdsl: a compiler for neural network architectures, written as one would on a slide.

>>> import netdsl
>>> net = netdsl.load("vgg16", classes=10)
>>> net.summary().totals.params
134301514
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from netdsl import layers as layers
    from netdsl.api import format, from_file, from_graph, from_torch, load, loads
    from netdsl.layers.base import Layer
    from netdsl.network import Network
    from netdsl.text.diagnostic import Diagnostic, NetError

__all__ = [
    "Diagnostic",
    "Layer",
    "NetError",
    "Network",
    "format",
    "from_file",
    "from_graph",
    "from_torch",
    "layers",
    "load",
    "loads",
]

_HOMES = {
    "Network": "netdsl.network",
    "format": "netdsl.api",
    "from_file": "netdsl.api",
    "from_graph": "netdsl.api",
    "from_torch": "netdsl.api",
    "load": "netdsl.api",
    "loads": "netdsl.api",
    "Layer": "netdsl.layers.base",
    "Diagnostic": "netdsl.text.diagnostic",
    "NetError": "netdsl.text.diagnostic",
}


def __getattr__(name: str) -> Any:
    """Import public names when they are asked for, so that a command loads no more than it needs."""
    import importlib

    if name == "layers":
        return importlib.import_module("netdsl.layers")
    if name in _HOMES:
        return getattr(importlib.import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'netdsl' has no attribute {name!r}")


def __dir__() -> list[str]:
    """The public names too, before they are imported, so that an interactive prompt completes them."""
    return sorted({*globals(), *__all__})
