"""A way of running a network, and why there may be none."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from textwrap import shorten
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from torch import Tensor

_COLOURS = re.compile(r"\x1b\[[0-9;]*m")

Run: TypeAlias = "Callable[[Sequence[Tensor]], Sequence[Tensor]]"
"""Takes a batch and gives the outputs: N x channels x spatial float32 in and out, on the device that is measured."""


class Unavailable(Exception):
    """A contestant that cannot run this network here; `str` says why, and what would help."""


def first_sentence(error: Exception) -> str:
    """What an error says first, in a line, without what colours it."""
    text = _COLOURS.sub("", str(error)).strip()
    said = text.partition("\n")[0].partition(". ")[0]
    return shorten(said, 120, placeholder=" …") or type(error).__name__


def tensors(network: Callable[..., Any]) -> Run:
    """A network called with a sequence of tensors, which gives one of them, without gradients."""
    import torch

    def run(inputs: Sequence[Tensor]) -> Sequence[Tensor]:
        with torch.no_grad():
            found = network(*inputs)
        return (found,) if isinstance(found, torch.Tensor) else tuple(found)

    return run
