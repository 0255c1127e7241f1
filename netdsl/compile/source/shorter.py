"""Lines that are longer than ruff keeps to where nothing else is asked, laid out as it would."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Sequence

from netdsl.compile.source.layout import WIDTH, Brackets, Code, Loop, Named, lines

_COMMENT = re.compile(r"  # (.*)")


def shortened(text: str) -> str:
    """Python with its long lines broken: headers of functions, and statements whose value has brackets.

    A comment that stands behind a long line comes to stand before it.
    """
    found = text.split("\n")
    for node in sorted(_statements(text), key=lambda one: -one.lineno):
        first, last = node.lineno - 1, _last(node)
        if max(map(len, found[first:last])) <= WIDTH:
            continue
        indent = len(found[first]) - len(found[first].lstrip())
        comment = _COMMENT.search(found[last - 1])
        above = [f"{' ' * indent}# {comment[1]}"] if comment else []
        found[last - 1] = _COMMENT.sub("", found[last - 1])
        laid = _laid(node, text, indent) if max(map(len, found[first:last])) > WIDTH else found[first:last]
        found[first:last] = [*above, *laid]
    return "\n".join(found)


def _statements(text: str) -> list[ast.stmt]:
    kinds = (ast.FunctionDef, ast.Return, ast.Assign, ast.If, ast.For, ast.Expr)
    found = [node for node in ast.walk(ast.parse(text)) if isinstance(node, kinds)]
    return [node for node in found if not (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant))]


def _last(node: ast.stmt) -> int:
    """The line in which a statement ends, or its header."""
    match node:
        case ast.FunctionDef(args=arguments):
            ends = [one.end_lineno or 0 for one in (*arguments.args, *arguments.kwonlyargs, node.returns) if one]
            return max(node.lineno, *ends)
        case ast.If(test=header) | ast.For(iter=header):
            return header.end_lineno or node.lineno
        case _:
            return node.end_lineno or node.lineno


def _arguments(arguments: ast.arguments, source: Callable[[ast.AST], str]) -> tuple[str, ...]:
    """The arguments of a function, each with its default."""

    def each(some: Sequence[ast.arg], defaults: Sequence[ast.expr | None]) -> list[str]:
        return [
            source(one) + (f" = {source(default)}" if default else "")
            for one, default in zip(some, defaults, strict=True)
        ]

    bare: list[None] = [None] * (len(arguments.args) - len(arguments.defaults))
    found = each(arguments.args, [*bare, *arguments.defaults])
    rest = f"*{source(arguments.vararg)}" if arguments.vararg else "*"
    found += [rest] if arguments.vararg or arguments.kwonlyargs else []
    found += each(arguments.kwonlyargs, arguments.kw_defaults)
    return (*found, f"**{source(arguments.kwarg)}") if arguments.kwarg else tuple(found)


def _laid(node: ast.stmt, text: str, indent: int) -> list[str]:
    def source(one: ast.AST) -> str:
        return " ".join((ast.get_source_segment(text, one) or "").split())

    def code(one: ast.expr) -> Code:
        match one:
            case ast.Call(func, arguments, keywords):
                named = [Named(f"{key.arg}=" if key.arg else "**", code(key.value)) for key in keywords]
                if len(arguments) == 1 and isinstance(arguments[0], ast.GeneratorExp):
                    return Brackets(f"{source(func)}(", (loop(arguments[0]),))
                return Brackets(f"{source(func)}(", (*map(code, arguments), *named))
            case ast.List(items):
                return Brackets("[", tuple(map(code, items)), "]")
            case ast.ListComp():
                return Brackets("[", (loop(one),), "]")
            case _:
                return source(one)

    def loop(one: ast.ListComp | ast.GeneratorExp) -> Loop:
        clauses: list[str] = []
        for part in one.generators:
            clauses += [f"for {source(part.target)} in {source(part.iter)}", *[f"if {source(if_)}" for if_ in part.ifs]]
        return Loop(code(one.elt), tuple(clauses))

    match node:
        case ast.Return(value) if value:
            return lines("return ", code(value), indent)
        case ast.Assign([target], value):
            return lines(f"{source(target)} = ", code(value), indent)
        case ast.Expr(value):
            return lines("", code(value), indent)
        case ast.FunctionDef(name, arguments):
            returns = f" -> {source(node.returns)}:" if node.returns else ":"
            return lines("", Brackets(f"def {name}(", _arguments(arguments, source)), indent, returns)
        case _:
            return text.split("\n")[node.lineno - 1 : _last(node)]
