"""The names of tensors: what wrappers put before them, and which one may be meant by another."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import TypeVar

from netdsl.text.suggest import closest

T = TypeVar("T")

_COMPILED = "_orig_mod"
"""The module that torch.compile wraps, wherever it stands."""
_PARALLEL = "module"
"""The module that DataParallel wraps, DistributedDataParallel and AveragedModel too."""
_AVERAGED = "n_averaged"
"""How many models an AveragedModel has seen, which is none of the module's."""
_MOST = 10
"""For how many names a near one is sought."""


def squeezed(dims: Iterable[int]) -> tuple[int, ...]:
    """Dims without the ones at either end."""
    found = list(dims)
    while found and found[-1] == 1:
        found.pop()
    while found and found[0] == 1:
        found.pop(0)
    return tuple(found)


def unwrapped(tensors: Mapping[str, T]) -> Mapping[str, T]:
    """Tensors under the names that they have within DataParallel, AveragedModel and torch.compile."""
    while True:
        inner = {name: tensor for name, tensor in tensors.items() if name != _AVERAGED}
        if inner and all(name.startswith(f"{_PARALLEL}.") for name in inner):
            tensors = inner
        names = {name: ".".join(one for one in name.split(".") if one != _COMPILED) for name in tensors}
        if tensors and all(name.startswith(f"{_PARALLEL}.") for name in names.values()):
            names = {name: short.partition(".")[2] for name, short in names.items()}
        if len({*names.values()}) < len(names) or all(name == short for name, short in names.items()):
            return tensors
        tensors = {names[name]: tensor for name, tensor in tensors.items()}


def fitting(tensors: Mapping[str, T], wanted: Collection[str]) -> Mapping[str, T]:
    """Tensors under names of which the most are wanted: as they are, unwrapped, or without scopes that all share."""
    best, most = tensors, sum(name in wanted for name in tensors)
    found = unwrapped(tensors)
    while True:
        if (count := sum(name in wanted for name in found)) > most:
            best, most = found, count
        scopes = {name.partition(".")[0] for name in found}
        if len(scopes) != 1 or not all("." in name for name in found):
            return best
        found = {name.partition(".")[2]: tensor for name, tensor in found.items()}


def nearest(missing: Mapping[str, Sequence[int]], extra: Mapping[str, Sequence[int]]) -> Mapping[str, str]:
    """For the first of some names with dims, the one of others that may be it: of equal shape, and near in name."""
    found: dict[str, str] = {}
    for name, dims in [*missing.items()][:_MOST]:
        last = name.rpartition(".")[2]
        alike = [one for one, those in extra.items() if squeezed(those) == squeezed(dims) and one not in found.values()]
        alike = [one for one in alike if one.rpartition(".")[2] == last] or alike
        if near := closest(name, alike) or (alike[0] if len(alike) == 1 else ""):
            found[name] = near
    return found
