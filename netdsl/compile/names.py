"""The names that paths get in torch: modules, arguments of `forward`, fields of the NamedTuple it returns."""

from __future__ import annotations

import keyword
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from functools import cache

from torch import fx, jit, nn

from netdsl.runtime.checked.code import RESERVED

_ARGUMENTS = RESERVED | {"_", "__debug__", "aten", "fork", "self"}
"""What an argument may not be called: Python refuses it, or TorchScript renames it, or understands something else."""


@cache
def reserved() -> frozenset[str]:
    """The components that no module may be called: an attribute of that name is the module's own, or no attribute.

    Python's keywords, what torch.nn.Module, torch.fx.GraphModule and TorchScript's modules have, and what TorchScript's
    code speaks of, where each module of a network is a value of its own name.
    """
    modules = (fx.GraphModule(nn.Module(), fx.Graph()), getattr(jit, "RecursiveScriptModule", jit.ScriptModule))
    own = {name for module in modules for name in dir(module)}
    return frozenset(keyword.kwlist) | own | RESERVED | {"_c", "_concrete_type", "_initializing"}


def modules(paths: Iterable[str]) -> Mapping[str, str]:
    """The path of each path's module, with `_` after reserved components, and after none else.

    Where a sibling has that name already, a further `_` follows: `half` beside `half_` is `half__`.
    """
    paths = list(paths)
    siblings: defaultdict[str, dict[str, None]] = defaultdict(dict)
    for path in paths:
        scope = ""
        for component in path.split("."):
            siblings[scope][component] = None
            scope = f"{scope}.{component}" if scope else component
    escaped = {scope: _escaped(names, reserved()) for scope, names in siblings.items()}

    def module(path: str) -> str:
        components = path.split(".")
        scopes = (".".join(components[:depth]) for depth in range(len(components)))
        return ".".join(escaped[scope][name] for scope, name in zip(scopes, components, strict=True))

    return {path: module(path) for path in paths}


def arguments(paths: Iterable[str]) -> Sequence[str]:
    """The arguments of `forward` for module paths: `_` for dots, a further `_` where a name is taken."""
    return _flat(paths, _ARGUMENTS)


def fields(paths: Iterable[str]) -> Sequence[str]:
    """The fields of a NamedTuple for module paths: `_` for dots, a further `_` where a name is taken."""
    return _flat(paths, frozenset())


def _flat(paths: Iterable[str], taboo: frozenset[str]) -> Sequence[str]:
    found: list[str] = []
    for path in paths:
        name = path.replace(".", "_")
        if name.startswith("_"):  # which a NamedTuple refuses
            bare = name.strip("_")
            name = f"{bare}_" if bare[:1].isalpha() else f"value{bare}_"
        while name in taboo or name in found:
            name += "_"
        found.append(name)
    return found


def _escaped(names: Iterable[str], taboo: frozenset[str]) -> Mapping[str, str]:
    names = list(names)
    found = {name: name for name in names if name not in taboo}
    for name in names:
        if name in taboo:
            other = f"{name}_"
            while other in found or other in taboo or other in found.values():
                other += "_"
            found[name] = other
    return found
