"""Weights in oneDNN's own forms, which PyTorch's operators take for plain ones: what may hold them, and who reads them.

Most operators crash, or write where they should not, when they are given such a weight. Names, attributes, parameters
and results that may be one are found by what flows into them; they may be given to what reads them, and nothing else.
"""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

from netdsl.runtime.checked import types
from netdsl.runtime.checked.arguments import Function
from netdsl.runtime.checked.operators import computes
from netdsl.runtime.private import PACKING, READING

_READING: Mapping[str, Sequence[int]] = {
    **READING,
    "ops.prim.dtype": (0,),
    "torch.conv2d": (1,),
    "torch.conv3d": (1,),
    "torch.linear": (1,),
    "torch.to_dense": (0,),
}
"""What reads packed weights, and where they are given."""
_LEAVING = ("__getstate__", "forward")
"""Methods that PyTorch or netdsl calls, and takes what they give for plain."""

Place = tuple[str, str]
"""What may hold a weight: the name of a function and of one of its values, or "" for its result, or a class, "" for any
that writes it or "*" for one that is not known, and an attribute."""


class Flow:
    """What may hold a packed weight in the functions and methods of a file."""

    def __init__(self, scopes: Sequence[Function]) -> None:
        self.scopes = scopes
        self.callees: defaultdict[str, list[Function]] = defaultdict(list)
        for scope in scopes:
            key = scope.name if scope.attributes is None else f".{scope.node.name}"
            self.callees[key].append(scope)
        self.held: set[Place] = set()

    def wrong(self) -> Iterator[tuple[ast.AST, Function, str]]:
        """What may be given a packed weight, and does not read it."""
        nodes = (node for scope in self.scopes for node in ast.walk(scope.node) if isinstance(node, ast.Attribute))
        if not any(types.dotted(one) in PACKING for one in nodes):
            return
        flows = [flow for scope in self.scopes for flow in self._flows(scope)]
        before = -1
        while before != len(self.held):
            before = len(self.held)
            self.held.update(place for place, value, scope in flows if self._holds(value, scope))
        for scope in self.scopes:
            for node in ast.walk(scope.node):
                if self._misread(node, scope):
                    yield node, scope, "uses a packed weight as a plain one"

    def _flows(self, scope: Function) -> Iterator[tuple[Place, ast.expr, Function]]:
        """What is given to what in a function."""
        for name, values in scope.values.items():
            yield from (((scope.name, name), value, scope) for value in values if value is not None)
        for node in ast.walk(scope.node):
            match node:
                case ast.Assign([ast.Attribute(owner, name)], value):
                    yield from ((place, value, scope) for place in (("", name), (_class(owner, scope) or "*", name)))
                case ast.Return(ast.expr() as value):
                    yield (scope.name, ""), value, scope
                case ast.Call():
                    for callee, method in self._called(node, scope):
                        names = [one.arg for one in callee.node.args.args][method:]
                        pairs = [*zip(names, node.args, strict=False), *((one.arg, one.value) for one in node.keywords)]
                        yield from (((callee.name, name or ""), value, scope) for name, value in pairs)
                case _:
                    pass

    def _called(self, node: ast.Call, scope: Function) -> Iterator[tuple[Function, bool]]:
        """The functions and methods of the file that a call may be of, and whether they are methods."""
        functions = scope.values.get(node.func.id, ()) if isinstance(node.func, ast.Name) else (node.func,)
        for one in functions:
            yield from ((callee, False) for callee in self.callees.get(types.dotted(one) or "" if one else "", ()))
        if isinstance(node.func, ast.Attribute):
            yield from ((callee, True) for callee in self.callees.get(f".{node.func.attr}", ()))

    def _holds(self, node: ast.expr, scope: Function) -> bool:
        """Whether a value may be, or contain, a packed weight."""
        match node:
            case ast.Name(name):
                return (scope.name, name) in self.held
            case ast.Attribute(owner, name) | ast.Call(ast.Name("getattr"), [owner, ast.Constant(str(name))]):
                return (_class(owner, scope), name) in self.held or ("*", name) in self.held
            case ast.Subscript(value) | ast.Call(ast.Name("unchecked_cast" | "annotate"), [_, value]):
                return self._holds(value, scope)
            case ast.Call(func):
                if types.dotted(func) in PACKING:
                    return True
                return any((callee.name, "") in self.held for callee, _ in self._called(node, scope))
            case ast.List(elts) | ast.Tuple(elts):
                return any(self._holds(one, scope) for one in elts)
            case ast.Dict(keys, values):
                return any(self._holds(one, scope) for one in (*keys, *values) if one is not None)
            case _:
                return False

    def _misread(self, node: ast.AST, scope: Function) -> bool:
        match node:
            case ast.Attribute(value) | ast.Subscript(value) | ast.For(iter=value) | ast.If(value) | ast.While(value):
                return self._holds(value, scope)
            case ast.Return(ast.expr() as value):
                return scope.node.name in _LEAVING and self._holds(value, scope)
            case ast.Call(ast.Name("unchecked_cast" | "annotate" | "uninitialized" | "getattr")):
                return False
            case ast.Call(func, args, keywords):
                own = any(self._called(node, scope))
                if own and not (isinstance(func, ast.Attribute) and computes(func.attr)):
                    return False
                places = _READING.get(types.dotted(func) or "", ())
                given = [one for at, one in enumerate(args) if at not in places]
                return any(self._holds(one, scope) for one in (*given, *(one.value for one in keywords)))
            case _:
                return False


def _class(owner: ast.expr, scope: Function) -> str:
    """The class of what an attribute is of, where it is the method's own object; else an empty text."""
    own = isinstance(owner, ast.Name) and scope.parameter(owner.id) == 0 and owner.id not in scope.values
    return scope.name.rpartition(".")[0] if own and scope.attributes is not None else ""
