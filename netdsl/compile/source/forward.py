"""The data flow of a class: the statements of its `forward`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from netdsl.compile.source.layout import WIDTH, Brackets, Code, Sum, call, flat, lines
from netdsl.compile.source.scopes import Scope, Single, Step

_LONGEST = WIDTH - 20
"""Characters that what is nested in a statement has at most."""
_TAKEN = frozenset({"self", "torch", "nn", "functional", "math", "l", "str", "range", "super"})


@dataclass(frozen=True)
class _Pending:
    """A value that is not assigned yet: its code, and the variables in that."""

    node: int
    text: str
    binary: bool
    variables: frozenset[str]
    depth: int


@dataclass
class Flow:
    """Writes the statements of a scope; modules are called as `attribute` says."""

    scope: Scope
    attribute: Callable[[str], str]
    flattens: Callable[[Step], bool]
    names: dict[int, str]
    """The variables of the values that there are, by node; at first the arguments."""
    indent: int = 8
    code: list[str] = field(default_factory=list[str])
    _pending: list[_Pending] = field(default_factory=list[_Pending])
    _left: Counter[int] = field(default_factory=Counter[int])
    _last: tuple[str, Code, int] | None = None
    """The last statement, where it assigns: to what, the code, and how many lines stand before it."""

    def __post_init__(self) -> None:
        for step in self.scope.steps:
            self._left.update(step.inputs)
        self._left.update(self.scope.exports)

    def step(self, step: Step) -> None:
        """Write a call, or a merge."""
        self._nest(step)
        texts, variables, depth = self._arguments(step)
        code, binary = self._call(step, texts)
        if len(flat(code)) > min(_LONGEST, WIDTH - 16 - len(step.item.name)) and depth:
            self.flush()
            texts, variables, depth = self._arguments(step)
            code, binary = self._call(step, texts)
        for index in step.inputs:
            self._left[index] -= 1
        self._pending = [one for one in self._pending if one.node not in step.inputs]
        exports = step.item.exports
        first = exports[0]
        if len(exports) == 1 and isinstance(code, str):
            self._pending.append(_Pending(first, code, binary, variables, depth + 1))
            if self._left[first] != 1 or depth + 1 > 3:
                self.flush()
            return
        self.flush()
        for index in exports:
            self.names[index] = self._variable(step, index)
        self._assign(", ".join(self.names[index] for index in exports), code)

    def _nest(self, step: Step) -> None:
        """Assign what waits, unless it is what the step reads, in order."""
        waiting = [one.node for one in self._pending]
        read = [index for index in step.inputs if index in waiting]
        if read and waiting[-len(read) :] != read:
            self.flush()

    def _arguments(self, step: Step) -> tuple[list[_Pending], frozenset[str], int]:
        waiting = {one.node: one for one in self._pending}
        found: list[_Pending] = []
        for index in step.inputs:
            if index in waiting:
                found.append(waiting[index])
            else:
                name = self.names[index]
                found.append(_Pending(index, name, False, frozenset({name}), 0))
        variables = frozenset[str]().union(*(one.variables for one in found))
        return found, variables, max((one.depth for one in found), default=0)

    def _call(self, step: Step, given: Sequence[_Pending]) -> tuple[Code, bool]:
        item = step.item
        if isinstance(item, Single) and item.constructor is None:
            return _merged(item, given)
        texts = [one.text for one in given]
        if self.flattens(step):
            texts = [f"{_closed(given[0])}.flatten(1)"]
        return f"{self.attribute(step.path)}({', '.join(texts)})", False

    def flush(self) -> None:
        """Assign what waits to variables."""
        by_node = {step.item.exports[0]: step for step in self.scope.steps}
        while self._pending:
            one = self._pending.pop(0)
            self.names[one.node] = self._variable(by_node[one.node], one.node)
            self._assign(self.names[one.node], one.text)

    def _variable(self, step: Step, node: int) -> str:
        """A variable for a value: `x` where that is free and the flow goes on, else what the layer is called."""
        live = {name for index, name in self.names.items() if self._left[index] > 0 and index != node}
        live |= {name for one in self._pending for name in one.variables if one.node != node}
        readers = [one for one in self.scope.steps if node in one.inputs]
        alone = len(readers) == 1 and len(readers[0].inputs) == 1 and node not in self.scope.exports
        if alone and "x" not in live:
            return "x"
        name = step.item.name
        if name.isdigit():
            name = step.item.path.rpartition(".")[0].rpartition(".")[2]
        if len(step.item.exports) > 1:
            name = f"{name}_{step.item.exports.index(node) + 1}"
        name = f"{name}_" if name in _TAKEN else name
        while name in live:
            name += "_"
        return name

    def _assign(self, target: str, code: Code) -> None:
        if target != code:
            self._last = (target, code, len(self.code))
            self.code += lines(f"{target} = ", code, self.indent)

    def give(self, exports: Sequence[int], around: str = "") -> None:
        """Return some values."""
        waiting = [one.node for one in self._pending]
        if waiting != list(exports) or len(waiting) != 1:
            self.flush()
        texts = [one.text for one in self._pending] or [self.names[index] for index in exports]
        self._pending = []
        if around:
            self.code += lines("return ", call(around, *texts), self.indent)
        elif len(texts) == 1:
            code: Code = texts[0]
            if self._last and self._last[0] == code and self.scope.exports == tuple(exports):
                _, code, before = self._last
                del self.code[before:]
            self.code += lines("return ", code, self.indent)
        else:
            self.code += lines("return ", ", ".join(texts), self.indent)


def _closed(one: _Pending) -> str:
    return f"({one.text})" if one.binary else one.text


def _merged(item: Single, given: Sequence[_Pending]) -> tuple[Code, bool]:
    """A merge as an expression."""
    operation = getattr(item.node.layer, "operation", "")
    rank = max(shape.rank for shape in item.shapes)
    texts = [_closed(one) for one in given]
    if operation == "Concat":
        whole = Brackets("[", tuple(one.text for one in given), "]")
        return _short(call("torch.cat", whole, "dim=1"), False)
    if operation == "Maximum":
        text = given[0].text
        for one in given[1:]:
            text = flat(call("torch.maximum", text, one.text))
        return text, False
    if operation == "Multiply":
        for number, shape in enumerate(item.shapes):
            if shape.rank < rank:
                texts[number] += f"[:, :, {', '.join(['None'] * (rank - shape.rank))}]"
    sign = _SIGNS[operation]
    if operation == "Mean":
        return _short_text(f"({' + '.join(texts)}) / {len(texts)}", texts, len(texts))
    whole = Sum(tuple(texts), sign)
    return _short(whole, True)


_SIGNS: Mapping[str, str] = {"Add": "+", "Subtract": "-", "Multiply": "*", "Mean": "+"}


def _short(code: Code, binary: bool) -> tuple[Code, bool]:
    text = flat(code)
    return (text, binary) if len(text) <= _LONGEST else (code, binary)


def _short_text(text: str, texts: Sequence[str], count: int) -> tuple[Code, bool]:
    if len(text) <= _LONGEST:
        return text, True
    return call("torch.mean", call("torch.stack", Brackets("[", tuple(texts), "]")), "dim=0"), False
