"""Tensors by the modules that they belong to, as far as names tell: a weight with its bias and its statistics."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TypeAlias

from netdsl.compile.weights.names import squeezed

Kind: TypeAlias = "tuple[tuple[str, tuple[int, ...]], ...]"
"""What a module is taken for: its tensors by what they are, with their dims but for ones at either end."""

_ROLES = frozenset({"weight", "bias", "running_mean", "running_var"})
_PART = re.compile(r"(?P<part>.+)_(?P<role>weight|bias)")
"""nn.MultiheadAttention's `in_proj_weight`."""
_RECURRENT = re.compile(r"(weight|bias)_(ih|hh|hr)_l\d+(_reverse)?")
_NUMBERED = re.compile(r"(?P<kind>[a-z_]*?)_?(?P<number>\d*)", re.IGNORECASE)
_NORM = re.compile(r"bn|(batch_?)?norm", re.IGNORECASE)


@dataclass(frozen=True)
class Module:
    """A module with tensors of its own: what each is, its name and its dims."""

    path: str
    tensors: Mapping[str, str]
    dims: Mapping[str, tuple[int, ...]]

    @cached_property
    def kind(self) -> Kind:
        """What it is taken for."""
        return tuple(sorted((role, squeezed(dims)) for role, dims in self.dims.items()))

    @property
    def weight(self) -> tuple[int, ...]:
        """The dims of its first tensor."""
        return self.dims.get("weight") or next(iter(self.dims.values()))

    @property
    def normalizes(self) -> bool:
        """Whether it keeps statistics, as BN does."""
        return "running_mean" in self.dims

    @property
    def multiplies(self) -> bool:
        """Whether it is a convolution or a linear layer, as far as dims tell."""
        return len(squeezed(self.weight)) > 1 and not self.normalizes

    @property
    def shape(self) -> str:
        """Its dims in words: `64x3x7x7, bias`."""
        also = [word for word, role in (("bias", "bias"), ("statistics", "running_mean")) if role in self.dims]
        return ", ".join(["x".join(map(str, self.weight)) or "a scalar", *also])

    def __str__(self) -> str:
        return f"{self.path} ({self.shape})"


Unit: TypeAlias = tuple[Module, ...]
"""What runs as one: a convolution with the batch normalisation behind it, or a module alone."""


def kind(unit: Unit) -> tuple[Kind, ...]:
    """What a unit is taken for."""
    return tuple(module.kind for module in unit)


def grouped(tensors: Mapping[str, Sequence[int]]) -> list[Module]:
    """Modules in the order of their first tensors, by the names of these. A parameter of its own is one by itself."""
    found: dict[str, dict[str, str]] = {}
    for name in tensors:
        scope, _, last = name.rpartition(".")
        if last in _ROLES or _RECURRENT.fullmatch(last):
            found.setdefault(scope, {})[last] = name
        elif part := _PART.fullmatch(last):
            path = f"{scope}.{part['part']}" if scope else part["part"]
            found.setdefault(path, {})[part["role"]] = name
        else:
            found.setdefault(name, {})["weight"] = name
    return [
        Module(path, roles, {role: tuple(tensors[name]) for role, name in roles.items()})
        for path, roles in found.items()
    ]


def beside(modules: Iterable[Module]) -> list[Module]:
    """Modules of a file with `bn1` behind `conv1` where it stands further behind: classes that make them kind by kind.

    They are told by their number, the scope around them, and their widths.
    """
    found: list[Module] = []
    for module in modules:
        at = len(found)
        if module.normalizes:
            at = next((i + 1 for i, one in enumerate(found) if _normalized(one, module)), at)
            if at < len(found) and found[at].normalizes:
                at = len(found)
        found.insert(at, module)
    return found


def _normalized(one: Module, norm: Module) -> bool:
    """Whether one is what a batch normalisation stands behind, by name: `conv1` for `bn1`."""
    scope, _, last = norm.path.rpartition(".")
    around, _, name = one.path.rpartition(".")
    mine, other = _NUMBERED.fullmatch(last), _NUMBERED.fullmatch(name)
    if not (mine and other and scope == around and mine["number"] == other["number"] and other["kind"]):
        return False
    return bool(_NORM.fullmatch(mine["kind"])) and one.multiplies and one.weight[0] == norm.weight[0]


def units(modules: Sequence[Module]) -> list[Unit]:
    """Each batch normalisation with the convolution that it stands right behind, where it is as wide."""
    found: list[Unit] = []
    for module in modules:
        before = found[-1] if found else ()
        if module.normalizes and len(before) == 1 and before[0].multiplies and before[0].weight[0] == module.weight[0]:
            found[-1] = (before[0], module)
        else:
            found.append((module,))
    return found
