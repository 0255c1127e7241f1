"""What the code in a file may say: TorchScript's own text, which is Python's, held against what only computes.

TorchScript writes few of Python's forms. Whatever is not among them is refused, as is each name that is not the
code's own, of `operators`, or a class or function of the file; so that nothing hangs on how another reader would
understand the rest.
"""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import NoReturn, cast

from netdsl.runtime import parser
from netdsl.runtime.checked import types
from netdsl.runtime.checked.arguments import Call, Calls, Function, IntertwinedError, Returns
from netdsl.runtime.checked.operators import BUILTINS, OTHERS, computes
from netdsl.runtime.checked.packed import Flow

_STRING = re.compile(r'"(?:[^"\\\n]|\\["\'\\n])*"')
_LEXICON = re.compile(r'(?:(?<!\w)""(?! *["\w])|[\w \n()\[\]{}:,.=>-]++)*+', re.ASCII)
"""What is written outside of strings; a string stands apart, without a prefix."""
_TEMPORARY = re.compile(r"_\d+")
"""Names that TorchScript gives to functions; one of its own builtins would be called where such a name has no value."""
_NUMBERS = frozenset(("inf", "nan", "infj", "nanj"))
_FORMS = frozenset(("annotate", "unchecked_cast", "uninitialized", "getattr"))
_ROOTS = frozenset(("torch", "ops", "CONSTANTS", "__torch__"))
RESERVED = _NUMBERS | _FORMS | _ROOTS | BUILTINS
"""Names that mean something in the code itself, so that no value may have one."""
_CUSTOM = "__torch__.torch.classes."
"""Where TorchScript finds classes that are written in C++."""
_DEPTH = 100


class CodeError(Exception):
    """What code says that it may not, and where: a member and a line."""


@dataclass(frozen=True)
class Class:
    """A class of a file: whether it is a module, else it is a named tuple; its attributes and methods."""

    module: bool
    attributes: Mapping[str, ast.expr]
    methods: Mapping[str, ast.FunctionDef]


@dataclass(frozen=True)
class Code:
    """All that a file's code defines, by full names."""

    classes: dict[str, Class] = field(default_factory=dict[str, Class])
    functions: dict[str, ast.FunctionDef] = field(default_factory=dict[str, ast.FunctionDef])

    @property
    def methods(self) -> set[str]:
        """The names of the methods of all classes."""
        return {name for one in self.classes.values() for name in one.methods}


def read(members: Mapping[str, bytes], returns: Returns) -> Code:
    """What the code in the members of an archive, `code/__torch__/….py`, defines; `returns` knows PyTorch's operators.

    Raises CodeError for code that may do more than compute.
    """
    code = Code()
    parsed = {name: _parsed(name, text) for name, text in members.items()}
    for name, tree in parsed.items():
        _define(code, name, tree)
    called = {name for name in code.methods if computes(name) or not returns(name)}
    calls = Calls(returns, code.functions)
    for name, tree in parsed.items():
        try:
            _Checker(code, called, calls, name).file(tree)
        except RecursionError:
            raise CodeError(f"{name} nests too deeply") from None
    try:
        for call, reason in calls.wrong():
            raise CodeError(f"{call.scope.member}:{call.node.lineno} {reason}")
        for node, scope, reason in Flow(calls.scopes).wrong():
            raise CodeError(f"{scope.member}:{getattr(node, 'lineno', 0)} {reason}")
    except (IntertwinedError, RecursionError):
        raise CodeError("the values in its code hang on too many others") from None
    return code


def _parsed(name: str, text: bytes) -> ast.Module:
    """The tree of a member's code, whose characters are ASCII's, and mean the same to TorchScript as to Python."""
    code = text.decode("latin-1")
    if not _LEXICON.fullmatch(_STRING.sub('""', code)) or not code.isascii():
        raise CodeError(f"{name} holds characters, or a string, that no code of netdsl has")
    if not all(one.isprintable() for one in code.splitlines()):
        raise CodeError(f"{name} holds characters that cannot be printed")
    try:
        tree = parser.parse(code)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise CodeError(f"{name} cannot be read") from None
    if _deep(tree.body):
        raise CodeError(f"{name} nests too deeply")
    return tree


def _deep(statements: list[ast.stmt]) -> bool:
    """Whether statements stand in each other deeper than any code of netdsl's does, however deep Python may recurse."""
    for _ in range(_DEPTH):
        blocks: list[list[ast.stmt]] = [getattr(one, part, []) for one in statements for part in ("body", "orelse")]
        statements = [inner for block in blocks for inner in block]
    return bool(statements)


def _define(code: Code, member: str, tree: ast.Module) -> None:
    """Take in the classes and functions of a file."""
    package = _package(member)
    if f"{package}.".startswith(_CUSTOM):
        raise CodeError(f"{member} defines a class that belongs to C++")
    for statement in tree.body:
        match statement:
            case ast.ClassDef(bases=[ast.Name("Module" | "NamedTuple") as base], keywords=[], decorator_list=[]):
                full = f"{package}.{statement.name}"
                made = _class(statement, member, base.id == "Module")
            case ast.FunctionDef():
                full, made = f"{package}.{statement.name}", None
            case _:
                raise CodeError(f"{member}:{statement.lineno} holds more than classes and functions")
        if full in code.classes or full in code.functions:
            raise CodeError(f"{member} defines {statement.name} twice")
        if made is None:
            code.functions[full] = cast("ast.FunctionDef", statement)
        else:
            code.classes[full] = made


def _package(member: str) -> str:
    """What the full names of a member's classes and functions begin with."""
    return member.removeprefix("code/").removesuffix(".py").replace("/", ".")


def _class(statement: ast.ClassDef, member: str, module: bool) -> Class:
    """A class by its attributes and methods, which its body consists of, beside lists of names and constants."""
    attributes: dict[str, ast.expr] = {}
    methods: dict[str, ast.FunctionDef] = {}
    for one in statement.body:
        wrong = False
        match one:
            case ast.Assign([ast.Name("__parameters__" | "__buffers__" | "__annotations__")], ast.List(elts)) if module:
                wrong = not all(isinstance(each, ast.Constant) for each in elts)
            case ast.Assign([ast.Subscript(ast.Name("__annotations__"), ast.Constant(str(name)))], kind) if module:
                wrong, attributes[name] = name in attributes, kind
            case ast.AnnAssign(ast.Name(name), kind, None) if types.inner(kind)[0] != "Final":
                wrong, attributes[name] = name in attributes, kind
            case ast.AnnAssign(ast.Name(name), ast.Subscript(ast.Name("Final")), ast.expr()) if module:
                wrong = name in attributes
            case ast.FunctionDef(name) if module:
                wrong, methods[name] = name in methods, one
            case ast.Pass():
                pass
            case _:
                wrong = True
        if wrong:
            raise CodeError(f"{member}:{one.lineno} holds what is in no class that netdsl writes")
    return Class(module, attributes, methods)


class _Checker:
    """Checks the code of one member; the first that is not as it has to be raises CodeError."""

    def __init__(self, code: Code, called: Collection[str], calls: Calls, member: str) -> None:
        self.code, self.called, self.calls, self.member = code, called, calls, member
        self.names: set[str] = set()
        self.functions: set[str] = set()
        self.scope: Function
        self.depth = 0

    def fail(self, node: ast.AST, reason: str) -> NoReturn:
        raise CodeError(f"{self.member}:{getattr(node, 'lineno', 0)} {reason}")

    def file(self, tree: ast.Module) -> None:
        """Check a file, whose classes are known to be of the right form."""
        package = _package(self.member)
        for statement in tree.body:
            body, prefix, made = [statement], package, None
            if isinstance(statement, ast.ClassDef):
                body, prefix = statement.body, f"{package}.{statement.name}"
                made = self.code.classes[prefix]
            for one in body:
                if isinstance(one, ast.FunctionDef):
                    self.function(one, f"{prefix}.{one.name}", made)
                elif isinstance(one, ast.AnnAssign):
                    self.type(one.annotation)
                    if one.value is not None:
                        self.literal(one.value)
                elif isinstance(one, ast.Assign) and isinstance(one.targets[0], ast.Subscript):
                    self.type(one.value)

    def function(self, node: ast.FunctionDef, full: str, made: Class | None) -> None:
        """Check a function or a method, whose names are its arguments, and what it assigns."""
        given, others = node.args, (node.args.posonlyargs, node.args.kwonlyargs, node.args.vararg, node.args.kwarg)
        if node.decorator_list or any(others) or getattr(node, "type_params", None):
            self.fail(node, "holds a function that TorchScript does not write")
        for one in given.args:
            if one.annotation is None:
                self.fail(node, f"gives {one.arg} no type")
            self.type(one.annotation)
        for one in given.defaults:
            self.literal(one)
        if node.returns is not None:
            self.type(node.returns)
        arguments = {one.arg for one in given.args}
        stored = list(_stored(node.body))
        others = arguments | {name for name, value in stored if value is None or not self.own(value)}
        self.names = arguments | {name for name, _ in stored}
        values: defaultdict[str, list[ast.expr | None]] = defaultdict(list)
        for name, value in stored:
            values[name].append(value)
        self.scope = Function(self.member, full, node, made and made.attributes, values)
        self.calls.scopes.append(self.scope)
        self.functions = {name for name in self.names - others if _TEMPORARY.fullmatch(name)}
        if wrong := self.names & RESERVED:
            self.fail(node, f"gives {min(wrong)} another meaning")
        self.block(node.body)

    def own(self, node: ast.expr) -> bool:
        """Whether an expression is the full name of a function, or a named tuple, of the file."""
        name = types.dotted(node)
        made = self.code.classes.get(name or "")
        return name in self.code.functions or (made is not None and not made.module)

    def block(self, statements: list[ast.stmt]) -> None:
        for one in statements:
            self.statement(one)

    def statement(self, node: ast.stmt) -> None:
        match node:
            case ast.Assign([target], value):
                self.target(target)
                if not (isinstance(target, ast.Name) and self.own(value)):
                    self.value(value)
            case ast.AnnAssign(ast.Name(), annotation, ast.expr() as value):
                self.type(annotation)
                self.value(value)
            case ast.Expr(ast.Call() as value) | ast.Return(ast.expr() as value):
                self.value(value)
            case ast.If(test, body, orelse) | ast.While(test, body, orelse):
                if isinstance(node, ast.While) and orelse:
                    self.fail(node, "holds a form that TorchScript does not write")
                self.value(test)
                self.block(body)
                self.block(orelse)
            case ast.For(ast.Name(), ast.expr() as values, body, []):
                self.value(values)
                self.block(body)
            case ast.Pass() | ast.Return(None):
                pass
            case _:
                self.fail(node, "holds a form that TorchScript does not write")

    def target(self, node: ast.expr) -> None:
        match node:
            case ast.Name():
                pass
            case ast.Tuple(elts) if all(isinstance(one, ast.Name) for one in elts):
                pass
            case ast.Attribute(ast.Name(name)) if name in self.names:
                pass
            case _:
                self.fail(node, "assigns to what TorchScript does not")

    def value(self, node: ast.expr) -> None:
        """Check an expression."""
        self.depth += 1
        if self.depth > _DEPTH:
            self.fail(node, "nests too deeply")
        match node:
            case ast.Call():
                self.call(node)
            case ast.Attribute(ast.Name("CONSTANTS"), name) if re.fullmatch(r"c\d+", name):
                pass
            case ast.Attribute(value):
                self.value(value)
            case ast.Name(name) if name in self.names or name in _NUMBERS:
                pass
            case ast.Subscript(value, index):
                self.value(value)
                self.value(index)
            case ast.List(elts) | ast.Tuple(elts):
                for one in elts:
                    self.value(one)
            case ast.Dict(keys, values):
                for one in (*keys, *values):
                    if one is not None:
                        self.value(one)
            case _:
                self.literal(node)
        self.depth -= 1

    def literal(self, node: ast.expr) -> None:
        """Check a constant, or what consists of constants."""
        match node:
            case ast.Constant(value) if value is None or type(value) in (bool, int, float, str):
                pass
            case ast.UnaryOp(ast.USub(), ast.Constant() | ast.Name("inf" | "nan") as operand):
                self.literal(operand)
            case ast.Name(name) if name in _NUMBERS:
                pass
            case ast.List(elts) | ast.Tuple(elts):
                for one in elts:
                    self.literal(one)
            case _:
                self.fail(node, "holds a form that TorchScript does not write")

    def call(self, node: ast.Call) -> None:
        given = [*node.args, *(one.value for one in node.keywords)]
        if any(one.arg is None for one in node.keywords):
            self.fail(node, "holds a form that TorchScript does not write")
        match node.func, node.args:
            case ast.Name("annotate" | "unchecked_cast" as name), [kind, _]:
                self.type(kind)
                if name == "unchecked_cast" and not types.certain(kind):
                    self.fail(node, f"takes something for {ast.unparse(kind)} unchecked")
                given = given[1:]
            case ast.Name("uninitialized"), [kind]:
                self.type(kind)
                given = []
            case ast.Name("getattr"), [_, ast.Constant(str())]:
                pass
            case ast.Name(name), _ if name in BUILTINS or name in self.functions:
                pass
            case ast.Attribute(value, method), _:
                name = types.dotted(node.func) or ""
                if name.partition(".")[0] in _ROOTS:
                    torch = name.startswith("torch.") and computes(name.removeprefix("torch."))
                    if not (torch or name in OTHERS or self.own(node.func)):
                        self.fail(node, f"calls {name}")
                else:
                    if method not in self.called:
                        self.fail(node, f"calls a method {method}")
                    self.value(value)
            case _:
                self.fail(node, f"calls {types.dotted(node.func) or 'what has no name'}")
        self.meant(node)
        for one in given:
            self.value(one)

    def meant(self, node: ast.Call) -> None:
        """Keep a call of an operator, or of functions of the file, to be looked at when all are known."""
        name = types.dotted(node.func) or ""
        for one in self.scope.values.get(name, [node.func]):
            if one is not None and (full := types.dotted(one)) in self.code.functions:
                self.calls.own[full].append((node, self.scope))
        root = name.partition(".")[0]
        if isinstance(node.func, ast.Attribute) and (
            (computes(node.func.attr) and root not in _ROOTS - {"torch"}) or name in OTHERS
        ):
            first = [] if root in ("torch", "ops") else [node.func.value]
            self.calls.operators.append(Call(node, node.func.attr, [*first, *node.args], self.scope))

    def type(self, node: ast.expr) -> None:
        """Check a type."""
        try:
            types.check(node, self.code.classes)
        except types.UnknownTypeError as error:
            self.fail(node, f"names a type {error}")


def _stored(statements: list[ast.stmt]) -> Iterator[tuple[str, ast.expr | None]]:
    """The names that statements give values to, with the expressions; None where there is none."""
    for one in statements:
        match one:
            case ast.Assign([ast.Name(name)], value):
                yield name, value
            case ast.Assign([ast.Tuple(elts)], value):
                yield from (
                    (each.id, ast.Subscript(value, ast.Constant(0))) for each in elts if isinstance(each, ast.Name)
                )
            case ast.AnnAssign(ast.Name(name), value=value):
                yield name, value
            case ast.For(ast.Name(name), values, body):
                yield name, ast.Subscript(values, ast.Constant(0))
                yield from _stored(body)
            case ast.If(body=body, orelse=orelse) | ast.While(body=body, orelse=orelse):
                yield from _stored(body)
                yield from _stored(orelse)
            case _:
                pass
