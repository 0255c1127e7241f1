"""TorchScript's types, as the code of a file writes them."""

from __future__ import annotations

import ast
from collections.abc import Container, Sequence

_PLAIN = frozenset(("Tensor", "bool", "complex", "float", "int", "number", "str", "NoneType", "Device"))
_MADE = {"Dict": 2, "Final": 1, "List": 1, "Optional": 1, "Tuple": None}
"""What is made of types, and of how many; None where it is of any number."""


class UnknownTypeError(Exception):
    """Something that stands for a type, and is none that a file may use."""


def dotted(node: ast.expr) -> str | None:
    """A name with dots, as code writes it; None for anything else."""
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    return ".".join([node.id, *reversed(parts)]) if isinstance(node, ast.Name) else None


def inner(node: ast.expr) -> tuple[str, Sequence[ast.expr]]:
    """What a type is made by, and of: ("Tuple", [int, int])."""
    if not isinstance(node, ast.Subscript):
        return dotted(node) or "", ()
    return dotted(node.value) or "", node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]


def check(node: ast.expr, classes: Container[str]) -> None:
    """Raise UnknownTypeError unless an expression is a type, of numbers, tensors, texts and the file's own classes."""
    name, parts = inner(node)
    if isinstance(node, ast.Subscript):
        if name not in _MADE or _MADE[name] not in (None, len(parts)):
            raise UnknownTypeError(name)
        for part in parts:
            if not (isinstance(part, ast.Tuple) and not part.elts):  # Tuple[()]
                check(part, classes)
    elif name not in _PLAIN and name not in classes:
        raise UnknownTypeError(name or ast.unparse(node))


def certain(node: ast.expr) -> bool:
    """Whether PyTorch notices where a value is not of a type that it is said to be of.

    Of an object or a tuple it believes how many parts there are.
    """
    name, parts = inner(node)
    return name != "Tuple" and not name.startswith("__torch__") and all(map(certain, parts))
