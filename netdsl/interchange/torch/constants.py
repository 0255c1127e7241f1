"""What a program computes of constants alone, worked out: masks, positions, weights that are cut and turned."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np

from netdsl.interchange.primitives import stored
from netdsl.interchange.torch import arrays
from netdsl.interchange.torch.program import Call, Program, Ref, Value, in_place

if TYPE_CHECKING:
    from netdsl.interchange.primitives import Tensor

_ORIGINS = 16
"""How many tensors are known that a constant follows from."""
_MADE = frozenset((*arrays.FILLED, "arange", "eye", "linspace", "scalar_tensor"))
_KEEPING = frozenset(
    (
        *("alias", "detach", "contiguous", "clone", "lift_fresh_copy", "lift_fresh", "type_as", "to", "_to_copy"),
        *("view", "reshape", "flatten", "unflatten", "_unsafe_view", "squeeze", "unsqueeze", "view_as", "permute"),
        *("transpose", "swapaxes", "t", "mT", "numpy_T", "slice", "select", "chunk", "split", "split_with_sizes"),
        *(
            "unbind",
            "expand",
            "expand_as",
            "broadcast_to",
            "repeat",
            "cat",
            "stack",
            "index",
            "embedding",
            "roll",
            "flip",
        ),
    )
)
"""What gives the values that it is given, and no others."""
_LOOKING = frozenset(("index", "embedding"))
"""What of them takes values by whole numbers."""


def folded(program: Program) -> Program:
    """The same program without the calls that depend on no input, as far as numpy knows them."""
    work = _Work(program)
    calls = [call for call in program.calls if not work.take(call)]
    names = {name: one for name, one in work.twins.items() if name != one}
    outputs = tuple((name, names.get(value, value)) for name, value in program.outputs)
    calls = [replace(one, arguments=_renamed(one.arguments, names)) for one in calls] if names else calls
    return replace(
        program,
        calls=tuple(calls),
        tensors=work.tensors,
        dims={**program.dims, **{name: one.shape for name, one in work.tensors.items()}},
        missing=frozenset(work.missing),
        outputs=outputs,
        origins=work.origins,
        computed=frozenset(work.computed),
    )


class _Work:
    """Constants, those that are made on the way among them."""

    def __init__(self, program: Program) -> None:
        self.dims = program.dims
        self.tensors: dict[str, Tensor] = dict(program.tensors)
        self.missing = set(program.missing)
        self.parameters = program.parameters
        self.most = program.room // 8
        self.room = program.room + sum(stored(one) * one.itemsize for one in self.tensors.values())
        self.roots: dict[str, str] = {}
        """Whose memory a constant is a view of."""
        self.versions: dict[str, int] = {}
        self.twins: dict[str, str] = {}
        """For what is computed twice, the first of it."""
        self.known: dict[object, tuple[str, ...]] = {}
        self.origins: dict[str, frozenset[str]] = {}
        self.computed: set[str] = set()
        self.read: dict[str, set[str]] = {}
        """The constants of a memory that the network has read."""

    def take(self, call: Call) -> bool:
        """Work a call out; whether that was possible."""
        operator = call.operator
        names = [] if operator in arrays.FILLED else [self.twins.get(name, name) for name in call.refs()]
        changes = in_place(operator)
        fixed = all(name in self.tensors for name in names) and (names or operator in _MADE)
        rule = arrays.RULES.get(operator.rstrip("_") if changes else operator)
        given = {name: self.tensors[name] for name in names} if fixed else {}
        most = max(self.most, sum(map(stored, given.values())))
        made = sum(prod(self.dims.get(one, ())) for one in call.outputs)
        hidden = [one for one in self.missing.intersection(names) if self.tensors[one].dtype.kind in "biu"]
        if hidden and (operator not in _KEEPING or operator in _LOOKING):
            return False
        large = made > most or any(one.size > most for one in given.values()) or self.room < 0
        if not fixed or rule is None or large:
            for name in names:
                if name in self.tensors:
                    self.read.setdefault(self.root(name), set()).add(name)
            return False
        roots = [self.root(name) for name in names]
        versions = tuple([self.versions.get(root, 0) for root in roots])
        key = (operator, str(_renamed(call.arguments, self.twins)), versions, len(call.outputs))
        if not changes and operator not in _MADE and operator != "clone" and key in self.known:
            self.twins.update(zip(call.outputs, self.known[key], strict=True))
            return True
        said = {**call.arguments, "self": None} if operator in arrays.FILLED else call.arguments
        arguments = {name: self.value(one) for name, one in said.items()}
        dims = self.dims.get(call.outputs[0], ())
        try:
            with np.errstate(all="ignore"):
                if changes:
                    self.change(names[0], arguments, rule, dims, operator)
                    found: Any = self.tensors[names[0]]
                else:
                    found = rule(arguments, dims)
        except (arrays.Left, LookupError, ValueError, TypeError, AttributeError, ArithmeticError, MemoryError):
            return False
        several: list[Any] = list(found) if isinstance(found, list | tuple) else [found]  # pyright: ignore[reportUnknownArgumentType]
        if len(several) != len(call.outputs):
            return False
        for output, one in zip(call.outputs, several, strict=True):
            self.tensors[output] = np.asarray(one)
            views = any(np.may_share_memory(one, self.tensors[name]) for name in names[:1])
            self.roots[output] = roots[0] if views else output
            self.room -= 0 if views else stored(self.tensors[output]) * self.tensors[output].itemsize
            if self.missing.intersection(names):
                self.missing.add(output)
            self.origins[output] = self.of(names)
            if self.origins[output] and (operator not in _KEEPING or self.computed.intersection(names)):
                self.computed.add(output)
        self.known[key] = call.outputs
        return True

    def of(self, names: Sequence[str]) -> frozenset[str]:
        """The tensors that constants follow from, of many some, parameters first: each constant of a chain has more."""
        found = frozenset[str]().union(*[self.origins.get(one, {one}) for one in names])
        if len(found) <= _ORIGINS:
            return found
        return frozenset(sorted(found, key=lambda one: (one not in self.parameters, one))[:_ORIGINS])

    def root(self, name: str) -> str:
        return self.roots.get(name, name)

    def change(
        self, name: str, arguments: dict[str, Any], rule: Callable[..., Any], dims: Sequence[int], operator: str
    ) -> None:
        """Change a constant in place, and all that are views of it; what the network has read of it stays."""
        root = self.root(name)
        target = self.tensors[name]
        found = rule(arguments, dims)
        if not target.flags.writeable:
            raise arrays.Left
        for one in self.read.pop(root, set()):
            self.tensors[one] = self.tensors[one].copy()
            self.roots[one] = one
        target[...] = found
        self.versions[root] = self.versions.get(root, 0) + 1

    def value(self, value: Value) -> Any:
        """An argument, with tensors in place of their names."""
        if isinstance(value, Ref):
            return self.tensors[self.twins.get(value.name, value.name)]
        if isinstance(value, tuple):
            return tuple([self.value(one) for one in value])
        return value


def _renamed(arguments: Mapping[str, Value], names: Mapping[str, str]) -> dict[str, Value]:
    def renamed(value: Value) -> Value:
        if isinstance(value, Ref):
            return Ref(names.get(value.name, value.name))
        return tuple([renamed(one) for one in value]) if isinstance(value, tuple) else value

    return {name: renamed(value) for name, value in arguments.items()}
