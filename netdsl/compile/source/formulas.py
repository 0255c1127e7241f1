"""Expressions of a program as Python's, and what they are worth."""

from __future__ import annotations

import ast
import keyword
import math
import re
from collections.abc import Mapping, Sequence
from fractions import Fraction
from functools import cache
from types import CodeType
from typing import TypeAlias, cast

from netdsl.compile.source.layout import Constructed
from netdsl.graph.evaluate import Environment
from netdsl.text import tree

Value: TypeAlias = "int | float | str | bool | tuple[Value, ...] | list[Value] | Constructed | None"


Values: TypeAlias = Mapping[str, Value]

CHANNELS = "in_channels"
"""What a block's code calls the channels of what flows in."""
_TAKEN = re.compile(
    rf"({'|'.join(keyword.kwlist)}|self|nn|torch|math|functional|l|x|str|range|super|min|max|initialise|{CHANNELS}\d*)_*"
)
"""Names that mean something in a class, and those with `_` behind, so that no two words get one name."""
_PRIVATE = re.compile("(param)?__")
"""What Python would rename within a class."""


def name(word: str) -> str:
    """What a parameter of a program is called in Python."""
    if word == "in":
        return CHANNELS
    if _PRIVATE.match(word):
        return f"param{word}"
    return f"{word}_" if _TAKEN.fullmatch(word) else word


def plain(value: object) -> Value:
    """A value of the language as Python's: fractions as floats, equal sizes of all axes as one."""
    if isinstance(value, Fraction):
        return float(value)
    if isinstance(value, tuple):
        found = tuple(map(plain, cast("tuple[object, ...]", value)))
        return found[0] if len(set(found)) == 1 else found
    assert isinstance(value, int | float | str)
    return value


def known(environment: Environment) -> dict[str, Value]:
    """The parameters that have a value, which nodes are not, as Python calls them."""
    return {
        name(word): plain(value)
        for word, value in environment.items()
        if isinstance(value, int | Fraction | tuple | str)
    }


def python(expression: tree.Expression) -> str:
    """An expression in Python."""
    match expression:
        case tree.Literal(value):
            return repr(plain(value))
        case tree.Name(word):
            return name(word)
        case tree.Braces(items) if len(items) == 1:
            return python(items[0])
        case tree.Braces(items):
            return f"({', '.join(map(python, items))})"
        case tree.Parentheses(inner):
            return f"({python(inner)})"
        case tree.Signed(sign, operand):
            return f"({sign}{python(operand)})"
        case tree.Arithmetic(first, rest):
            return f"({' '.join([python(first), *[f'{sign} {python(one)}' for sign, one in rest]])})"
        case tree.Function("round", arguments):
            return f"math.floor({python(arguments[0])} + 0.5)"
        case tree.Function(word, arguments):
            module = "" if word in ("min", "max") else "math."
            return f"{module}{word}({', '.join(map(python, arguments))})"


def written(expression: tree.Expression) -> Sequence[str]:
    """The ways to write an expression in Python: where it divides, with a whole result first."""
    try:
        text = tidy(python(expression))
    except RecursionError:
        return ()
    return (text.replace(" / ", " // "), text) if " / " in text else (text,)


@cache
def tidy(text: str) -> str:
    """Python with as few brackets as it needs, and reckoned where it has no names, or adds whole numbers."""
    if not names(text) and (value := worth(text, {})) is not None:
        return repr(value)
    return ast.unparse(_Adding().visit(ast.parse(text, mode="eval")))


@cache
def names(text: str) -> frozenset[str]:
    """The names of parameters in Python's text."""
    found = {node.id for node in ast.walk(ast.parse(text, mode="eval")) if isinstance(node, ast.Name)}
    return frozenset(found - {"math", "min", "max"})


@cache
def _compiled(text: str) -> CodeType:
    return compile(text, "<formula>", "eval")


def worth(text: str, values: Values) -> Value:
    """What Python's text is worth for values of its names; None where it is worth nothing."""
    scope: dict[str, object] = {"__builtins__": {}, "math": math, "min": min, "max": max, **values}
    try:
        return eval(_compiled(text), scope)
    except (ArithmeticError, TypeError, NameError, ValueError):
        return None


def equal(found: Value, wanted: Value) -> bool:
    """Whether a value is another, of the same type; floats but for rounding, and whole numbers do for them."""
    if isinstance(wanted, float) and isinstance(found, int | float) and not isinstance(found, bool):
        return math.isclose(found, wanted, rel_tol=1e-12)
    return type(found) is type(wanted) and found == wanted


def filled(text: str, arguments: Mapping[str, str]) -> str:
    """Python's text with other texts in place of its names."""
    return tidy(ast.unparse(_Filling(arguments).visit(ast.parse(text, mode="eval"))))


class _Adding(ast.NodeTransformer):
    """`n + 2` for `n + 1 + 1`, and 2 for `1 + 1`."""

    def visit_BinOp(self, node: ast.BinOp) -> ast.expr:
        self.generic_visit(node)
        match node:
            case ast.BinOp(ast.Constant(int(first)), ast.Add(), ast.Constant(int(second))):
                return ast.Constant(first + second)
            case ast.BinOp(ast.BinOp(rest, ast.Add(), ast.Constant(int(first))), ast.Add(), ast.Constant(int(second))):
                return ast.BinOp(rest, ast.Add(), ast.Constant(first + second))
            case _:
                return node


class _Filling(ast.NodeTransformer):
    def __init__(self, arguments: Mapping[str, str]) -> None:
        self._arguments = arguments

    def visit_Name(self, node: ast.Name) -> ast.expr:
        return ast.parse(self._arguments.get(node.id, node.id), mode="eval").body
