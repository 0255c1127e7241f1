"""The source of classes that PyTorch has not: what netdsl.layers.modules says, with all that it names."""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from types import ModuleType

from torch import nn

from netdsl.compile.source.shorter import shortened

_MARKS = re.compile(r"  # (?:noqa|pyright).*")
"""What netdsl's own tools are told."""


@dataclass(frozen=True)
class Source:
    """Code by what it defines, and the imports that it needs: modules and the names that come from them, or ""."""

    code: Mapping[str, str]
    imports: frozenset[tuple[str, str]]


def of(kinds: Iterable[type[nn.Module]]) -> Source:
    """The source of some classes, each behind what it needs."""
    found: dict[tuple[str, str], str] = {}
    imports: set[tuple[str, str]] = set()
    for kind in sorted(kinds, key=lambda one: one.__name__):
        _add(kind.__module__, kind.__name__, found, imports)
    return Source({name: text for (_, name), text in found.items()}, frozenset(imports))


def _add(module: str, name: str, found: dict[tuple[str, str], str], imports: set[tuple[str, str]]) -> None:
    if (module, name) in found:
        return
    file = _file(import_module(module))
    node = file.nodes[name]
    if isinstance(node, ast.Import | ast.ImportFrom):
        origin = getattr(node, "module", "") or ""
        if origin.startswith("netdsl."):
            _add(origin, name, found, imports)
        else:
            imports.add((origin, name))
        return
    for used in dict.fromkeys(one.id for one in ast.walk(node) if isinstance(one, ast.Name)):
        if used in file.nodes and used != name:
            _add(module, used, found, imports)
    found[module, name] = file.text(node)


@dataclass(frozen=True)
class _File:
    """A file, and what stands at its top by name."""

    source: str
    nodes: dict[str, ast.stmt]

    def text(self, node: ast.stmt) -> str:
        """A statement as it is written."""
        text = _MARKS.sub("", ast.get_source_segment(self.source, node) or "")
        return shortened(text)


@cache
def _file(module: ModuleType) -> _File:
    source = inspect.getsource(module)
    nodes: dict[str, ast.stmt] = {}
    for node in ast.parse(source).body:
        match node:
            case ast.ClassDef(name=name) | ast.FunctionDef(name=name):
                nodes[name] = node
            case ast.Assign(targets=[ast.Name(name)]):
                nodes[name] = node
            case ast.Import(names) | ast.ImportFrom(names=names):
                nodes |= {one.asname or one.name: node for one in names}
            case _:
                pass
    return _File(source, nodes)
