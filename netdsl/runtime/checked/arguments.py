"""Numbers in a file's code that PyTorch believes: one that stands for a type or an order in memory, and a divisor.

PyTorch ends the process where it is given a type that there is not, or an integer to divide by zero. Such arguments
have to be seen to be right: constants, what PyTorch told of a tensor, names that are given nothing else, and parameters
of functions that each call gives nothing else.
"""

from __future__ import annotations

import ast
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from netdsl.runtime.checked import types
from netdsl.runtime.checked.operators import ARITHMETIC, NUMBERED, PLACING
from netdsl.runtime.private import PACKING, READING

_LEAST = -(2**63)
_TYPES = frozenset((*range(8), *range(9, 12), 15))
"""PyTorch's types of numbers, but for those of complex halves, quantised numbers and bits."""
_DEVICE = re.compile(r"(cpu|cuda)(:\d{1,3})?")
KEYWORDS = {
    "dtype": "type or None",
    "out_dtype": "type",
    "layout": "layout",
    "memory_format": "format",
    "device": "device or None",
}
"""What arguments of a name have to be."""
_LITERALS: Mapping[str, Callable[[object], bool]] = {
    "type": lambda value: type(value) is int and value in _TYPES,
    "type or None": lambda value: value is None or _LITERALS["type"](value),
    "layout": lambda value: value is None or (type(value) is int and value == 0),
    "format": lambda value: value is None or (type(value) is int and value in range(4)),
    "device": lambda value: isinstance(value, str) and _DEVICE.fullmatch(value) is not None,
    "device or None": lambda value: value is None or _LITERALS["device"](value),
    "divisor": lambda value: type(value) is float or (type(value) is int and value not in (0, -1)),
    "count": lambda value: type(value) is int and value > _LEAST,
}
"""Whether a constant is what an argument has to be; a count is an integer that has a negative."""
_TOLD = {
    "type": "ops.prim.dtype",
    "type or None": "ops.prim.dtype",
    "layout": "ops.prim.layout",
    "device": "ops.prim.device",
    "device or None": "ops.prim.device",
}
"""Operators that tell such a value of a tensor."""
_COUNTS = frozenset((("torch.size", 2), ("torch.len", 1), ("torch.dim", 1)))
"""Operators, and of how many arguments, that count, so that nothing is below zero."""
_DIVIDING = ("floordiv", "remainder")
_REORDERING, _LINEAR = (path.removeprefix("ops.mkldnn.") for path in (PACKING[0], [*READING][-1]))
"""oneDNN divides by the strides, dilations and groups that a weight is packed for."""
_STEPS = 100_000
"""How many values are looked at, at most: the same one may be asked for by many calls."""

Returns = Callable[[str], Collection[Sequence[str]]]
"""The types that an operator of `aten` gives, for each way of calling it; none where it is no operator."""


@dataclass(frozen=True)
class Function:
    """A function or method: where it stands, its full name, and what its names may stand for."""

    member: str
    name: str
    node: ast.FunctionDef
    attributes: Mapping[str, ast.expr] | None
    """Those of the class, where it is a method."""
    values: Mapping[str, Sequence[ast.expr | None]]

    def parameter(self, name: str) -> int | None:
        """The place of a parameter."""
        return next((at for at, one in enumerate(self.node.args.args) if one.arg == name), None)


@dataclass(frozen=True)
class Call:
    """A call of an operator, and what it is given, with the value whose method it is called as."""

    node: ast.Call
    operator: str
    given: Sequence[ast.expr]
    scope: Function

    @property
    def keywords(self) -> Mapping[str | None, ast.expr]:
        """What is given by name."""
        return {one.arg: one.value for one in self.node.keywords}


class IntertwinedError(Exception):
    """Values hang on more others than any code of netdsl's does."""


class Calls:
    """All calls of a file's code, to be looked at when all of it is known."""

    def __init__(self, returns: Returns, functions: Mapping[str, ast.FunctionDef]) -> None:
        self.returns, self.functions = returns, functions
        self.operators: list[Call] = []
        self.scopes: list[Function] = []
        self.own: defaultdict[str, list[tuple[ast.Call, Function]]] = defaultdict(list)
        self.used: dict[str, frozenset[str]] = {}
        self.left = _STEPS

    def wrong(self) -> Iterator[tuple[Call, str]]:
        """The calls of operators whose arguments may be wrong, and how. Raises IntertwinedError."""
        for call in self.operators:
            if reason := self._wrong(call):
                yield call, reason

    def _wrong(self, call: Call) -> str | None:
        name, keywords = call.operator, call.keywords
        if "out" in keywords and name not in PLACING:
            return f"gives {name} a place for what it makes"
        for keyword, rule in KEYWORDS.items():
            certain = "type" if (name, keyword) == ("to", "dtype") and "layout" not in keywords else rule
            if keyword in keywords and not self._is(keywords[keyword], certain, call.scope):
                return f"gives {name} a {keyword} that may be none"
        for at, rules, kinds in NUMBERED.get(name, ()):
            if at < len(call.given):
                value = call.given[at]
                certain = any(self._is(value, rule, call.scope) for rule in rules)
                if not certain and self._type(value, call.scope) not in kinds:
                    return f"gives {name} a {rules[0]} that may be none"
        if name == _REORDERING and not (len(call.given) == 6 and all(map(_steps, call.given[2:5]))):
            return f"calls {name} with strides, dilations or groups that may be 0"
        if name == _LINEAR and len(call.given) != 6:
            return f"calls {name} with a second input"
        if name == "lstm" and not self._fits(call):
            return "calls lstm with sizes that may not fit"
        if name in _DIVIDING and not self._divides(call):
            return f"calls {name} with a divisor that may be 0 or -1"
        return None

    def _divides(self, call: Call) -> bool:
        """Whether numbers may be divided, if they are integers: no processor knows the least one of all through -1."""
        if len(call.given) != 2:
            return False
        first, second = call.given
        if self._is(second, "divisor", call.scope):
            return True
        if any(self._type(one, call.scope) in ("Tensor", "float") for one in (first, second)):
            return True
        return call.operator == "floordiv" and self._is(first, "count", call.scope)  # it tells of zero itself

    def _fits(self, call: Call) -> bool:
        """Whether what an LSTM is given is made in sizes that fit, which PyTorch reads and writes by unseen.

        It is of one layer, over positions x N x channels; N is a size of a tensor. Nothing else reads what it is given.
        """
        names: Counter[str] = Counter()

        def sizes(node: ast.expr, operator: str, places: int) -> str:
            """The sizes that an operator of so many arguments by place makes a tensor in."""
            match self._once(node, call.scope, names):
                case ast.Call(func, [*_, ast.List() as made] as args) if types.dotted(func) == operator:
                    return ast.unparse(made) if len(args) == places else ""
                case _:
                    return ""

        match [self._once(one, call.scope, names) for one in call.given[:3]], call.given[3:]:
            case (
                [steps, ast.List([_, _] as states), ast.List(weights)],
                [ast.Constant(True), ast.Constant(1), ast.Constant(), _, ast.Constant(both), ast.Constant(False)],
            ):
                begun = [sizes(one, "torch.zeros", 1) for one in states]
                given = [sizes(one, "torch.reshape", 2) for one in (steps, *weights)]
            case _:
                return False
        first = re.fullmatch(r"\[[12], (\w+), (\d+)\]", begun[0])
        last = re.search(r", (\w+), (\d+)\]$", given[0])
        if first is None or last is None or not self._counts(ast.Name(first[1]), call.scope):
            return False
        units, rows, directions = int(first[2]), 4 * int(first[2]), 1 + (both is True)
        wanted = [f"[{rows}, {last[2]}]", f"[{rows}, {units}]", f"[{rows}]", f"[{rows}]"] * directions
        used = Counter(one.id for one in ast.walk(call.scope.node) if isinstance(one, ast.Name) and _read(one))
        alone = all(used[name] == count for name, count in names.items())
        same = last[1] == first[1] and begun == [f"[{directions}, {first[1]}, {units}]"] * 2
        return alone and same and given[1:] == wanted

    def _counts(self, node: ast.expr, scope: Function) -> bool:
        """Whether a name is sure to be of a size, and of one alone."""
        match self._once(node, scope, Counter()):
            case ast.Call(func, args, []):
                return (types.dotted(func), len(args)) in _COUNTS
            case _:
                return False

    def _once(self, node: ast.expr, scope: Function, names: Counter[str]) -> ast.expr:
        """What a name stands for that is given one value, and no parameter; `names` counts how often each is read."""
        while isinstance(node, ast.Name) and scope.parameter(node.id) is None:
            values = scope.values.get(node.id, ())
            if len(values) != 1 or values[0] is None:
                break
            names[node.id] += 1
            node = values[0]
        return node

    def _step(self) -> None:
        self.left -= 1
        if self.left < 0:
            raise IntertwinedError

    def _is(self, node: ast.expr | None, rule: str, scope: Function, seen: set[tuple[str, str]] | None = None) -> bool:
        """Whether a value is sure to be what a rule says; of names that were seen it is asked already."""
        self._step()
        seen = set() if seen is None else seen
        match node:
            case ast.Constant(value):
                return _LITERALS[rule](value)
            case ast.UnaryOp(ast.USub(), ast.Constant(int() | float() as value)):
                return _LITERALS[rule](-value)
            case ast.Call(ast.Name("unchecked_cast"), [ast.Name("int"), value]):
                return self._is(value, "type or None" if rule == "type" else rule, scope, seen)
            case ast.Call(ast.Name("unchecked_cast" | "annotate"), [_, value]):
                return self._is(value, rule, scope, seen)
            case ast.Call(func, args, []):
                name = types.dotted(func) or ""
                if rule == "count":
                    negated = name == "torch.neg" and len(args) == 1 and self._is(args[0], rule, scope, seen)
                    return negated or (name, len(args)) in _COUNTS
                return name == _TOLD.get(rule)
            case ast.Subscript(value) if rule == "count":
                return self._sizes(value, scope)
            case ast.Name(name):
                if (scope.name, name) in seen:
                    return True
                seen.add((scope.name, name))
                return self._named(name, rule, scope, seen)
            case _:
                return False

    def _named(self, name: str, rule: str, scope: Function, seen: set[tuple[str, str]]) -> bool:
        """Whether whatever a name may stand for is what a rule says."""
        if not all(self._is(value, rule, scope, seen) for value in scope.values.get(name, ())):
            return False
        at = scope.parameter(name)
        if at is None:
            return name in scope.values
        if scope.attributes is not None:
            return False
        parameters = scope.node.args
        late = at - len(parameters.args) + len(parameters.defaults)
        for call, caller in self.own[scope.name]:
            named = {one.arg: one.value for one in call.keywords}
            value, where = call.args[at] if at < len(call.args) else named.get(name), caller
            if value is None and late >= 0:
                value = parameters.defaults[late]
            if not self._is(value, rule, where, seen):
                return False
        return True

    def _sizes(self, node: ast.expr, scope: Function) -> bool:
        """Whether a list is of a tensor's sizes, and nothing has changed it since."""
        match node:
            case ast.Call(func, [_], []):
                return types.dotted(func) in ("torch.size", "ops.prim.shape")
            case ast.Name(name) if scope.parameter(name) is None and name in scope.values:
                made = all(isinstance(one, ast.Call) and self._sizes(one, scope) for one in scope.values[name])
                if scope.name not in self.used:
                    self.used[scope.name] = frozenset(_used(scope.node))
                return made and name not in self.used[scope.name]
            case _:
                return False

    def _type(self, node: ast.expr | None, scope: Function, seen: frozenset[str] = frozenset()) -> str:
        """The type of a value, where it is plain: Tensor, List, bool …; else an empty text."""
        self._step()
        match node:
            case ast.Constant(value):
                return type(value).__name__
            case ast.List():
                return "List"
            case ast.Attribute(ast.Name(owner), name) if scope.attributes is not None:
                own = scope.parameter(owner) == 0 and owner not in scope.values
                return _annotated(scope.attributes.get(name)) if own else ""
            case ast.Name(name) if name not in seen:
                found = {self._type(value, scope, seen | {name}) for value in scope.values.get(name, ())}
                at = scope.parameter(name)
                if at is not None:
                    found.add(_annotated(scope.node.args.args[at].annotation))
                return found.pop() if len(found) == 1 else ""
            case ast.Call(ast.Name("unchecked_cast" | "annotate"), [kind, _]):
                return _annotated(kind)
            case ast.Call(func, args, keywords):
                return self._given(types.dotted(func) or "", args, bool(keywords), scope, seen)
            case _:
                return ""

    def _given(self, name: str, args: list[ast.expr], keywords: bool, scope: Function, seen: frozenset[str]) -> str:
        """The type of what a call gives."""
        if name in self.functions:
            return _annotated(self.functions[name].returns)
        if (name, len(args), keywords) in (("ops.prim.shape", 1, False), ("torch.size", 1, False)):
            return "List"
        operator = name.removeprefix("torch.")
        if operator == name:
            return ""
        if operator in ARITHMETIC and args:
            first = self._type(args[0], scope, seen)
            return first if first in ("Tensor", "List") else ""
        found = {one[0].partition("[")[0] if len(one) == 1 else "" for one in self.returns(operator)}
        return found.pop() if found in ({"Tensor"}, {"List"}) else ""


def _steps(node: ast.expr) -> bool:
    """Whether a constant, or each of a list of them, is above zero."""
    parts = node.elts if isinstance(node, ast.List) and node.elts else [node]
    return all(isinstance(one, ast.Constant) and type(one.value) is int and one.value > 0 for one in parts)


def _read(name: ast.Name) -> bool:
    return isinstance(name.ctx, ast.Load)


def _annotated(kind: ast.expr | None) -> str:
    """The name of a type, without what it is of."""
    return types.inner(kind)[0] if kind is not None else ""


def _used(node: ast.AST) -> Iterator[str]:
    """The names that are read other than for a part of what they stand for."""
    match node:
        case ast.Assign([ast.Tuple()], ast.Name()):
            pass
        case ast.Subscript(ast.Name(), index):
            yield from _used(index)
        case ast.Name(name, ast.Load()):
            yield name
        case _:
            for one in ast.iter_child_nodes(node):
                yield from _used(one)
