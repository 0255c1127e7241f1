"""A module on a GPU."""

from __future__ import annotations

import torch

from netdsl.runtime.cpu import Run


def prepare(module: torch.jit.ScriptModule) -> Run:
    """A function that runs the module."""
    module.eval()
    return lambda inputs: module(*inputs)
