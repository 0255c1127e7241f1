"""What a contestant is: a way of running a network, and how one comes by it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from textwrap import shorten
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from torch import Tensor

    from netdsl.bench.material import Material

_COLOURS = re.compile(r"\x1b\[[0-9;]*m")

Run: TypeAlias = "Callable[[Sequence[Tensor]], Sequence[Tensor]]"
"""Takes a batch and gives the outputs: N x channels x spatial float32 in and out, on the device that is measured."""


class Unavailable(Exception):
    """A contestant that cannot run this network here; `str` says why, and what would help."""


@dataclass(frozen=True)
class Contestant:
    """A row of the table of contestants."""

    name: str
    """What `--against` calls it."""
    title: str
    prepare: Callable[[Material], Run]
    """Makes it ready, in a process of its own. Raises Unavailable, or whatever the peer raises."""
    precisions: Mapping[str, Sequence[str]]
    """The precisions that it has, by device; others it is not asked for."""
    packages: Mapping[str, str]
    """The modules that it imports beyond PyTorch, each with the package that brings it."""

    def hindrance(self, device: str, precision: str) -> str | None:
        """Why it takes no part, as far as that is known without trying."""
        if device not in self.precisions:
            return f"does not run on {device}"
        if precision not in self.precisions[device]:
            return f"has no {precision} on {device}"
        if missing := [package for module, package in self.packages.items() if find_spec(module) is None]:
            return f"not installed; pip install {' '.join(missing)}"
        return None


def first_sentence(error: Exception) -> str:
    """What an error says first, in a line, without what colours it."""
    text = _COLOURS.sub("", str(error)).strip()
    said = text.partition("\n")[0].partition(". ")[0]
    return shorten(said, 120, placeholder=" …") or type(error).__name__
