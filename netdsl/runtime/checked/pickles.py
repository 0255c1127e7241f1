"""What the pickles in a file hold: objects of the file's own classes, tensors within its data, and plain values.

TorchScript reads a pickle by a machine of its own, which believes what it is told. Here the same operations are done
with values that stand for objects and tensors, so that each can be held against its type, and each tensor against the
size of its data, before PyTorch has them.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from pickletools import genops
from typing import Any, TypeVar, cast

from netdsl.runtime.archive import ArchiveError
from netdsl.runtime.checked import types
from netdsl.runtime.checked.code import Class, Code

_SIZES = {
    "Double": 8,
    "Float": 4,
    "Half": 2,
    "BFloat16": 2,
    "Long": 8,
    "Int": 4,
    "Short": 2,
    "Char": 1,
    "Byte": 1,
    "Bool": 1,
}
"""Bytes of a number, by the storages that have one."""
_LISTS = {"build_intlist": int, "build_doublelist": float, "build_boollist": bool}
_DEVICE = re.compile(r"[a-z]+(:\d{1,3})?")
_INTEGER = 2**63
_NUMBER = 16
"""Bytes of a number at most: what a tensor counts is an integer in PyTorch."""
_VALUES = 20
"""How many values may be looked at for each byte of a pickle: the same one may stand in many places."""
Known = TypeVar("Known")


class PickleError(Exception):
    """What is wrong with a pickle."""


@dataclass(frozen=True)
class Global:
    """A name that a pickle calls by: a class of the file's, or one of those that rebuild values."""

    name: str


@dataclass(frozen=True)
class Storage:
    """Data that tensors are parts of: the name of its member, how many numbers there are, and their size in bytes."""

    key: str
    numbers: int
    size: int


@dataclass(frozen=True)
class Object:
    """An object of a class of the file."""

    kind: str


@dataclass(frozen=True)
class New:
    """An object that has no state yet, which nothing may refer to."""

    kind: str


@dataclass(frozen=True)
class Tensor:
    """A tensor, within its data."""

    storage: Storage


_MARK = object()


def check(name: str, data: bytes, code: Code, sizes: Mapping[str, int]) -> Any:
    """What a pickle holds, which may be nothing but what the code says; `sizes` are those of the data, by member.

    Raises PickleError, and ArchiveError for what is no pickle.
    """
    try:
        return _Machine(code, sizes).run(data)
    except PickleError as error:
        raise PickleError(f"{name} {error}") from None
    except (ValueError, IndexError, KeyError, TypeError, AttributeError, RecursionError):
        raise ArchiveError(f"its {name} is damaged") from None


class _Machine:
    """A pickle's stack, and what it remembers."""

    def __init__(self, code: Code, sizes: Mapping[str, int]) -> None:
        self.code, self.sizes = code, sizes
        self.stack: list[Any] = []
        self.memo: dict[int, Any] = {}
        self.shared: set[int] = set()
        self.left = 0

    def run(self, data: bytes) -> Any:
        at, self.left = 0, _VALUES * len(data)
        for operation, argument, position in genops(data):
            at = position or 0
            self.do(operation.name, argument)
        if at + 1 != len(data) or len(self.stack) != 1:
            raise ValueError("it goes on, or ends early")
        return self.stack[0]

    def do(self, name: str, argument: Any) -> None:
        """Do one operation."""
        push, pop = self.stack.append, self.stack.pop
        match name:
            case "PROTO" | "STOP":
                pass
            case "MARK":
                push(_MARK)
            case "NONE":
                push(None)
            case "NEWTRUE" | "NEWFALSE":
                push(name == "NEWTRUE")
            case "BININT" | "BININT1" | "BININT2" | "LONG1" if abs(argument) < _INTEGER:
                push(argument)
            case "BINFLOAT" | "BINUNICODE":
                push(argument)
            case "EMPTY_TUPLE":
                push(())
            case "EMPTY_LIST":
                push([])
            case "EMPTY_DICT":
                push({})
            case "TUPLE":
                push(tuple(self.marked()))
            case "TUPLE1" | "TUPLE2" | "TUPLE3":
                push(tuple(reversed([self.plain(pop()) for _ in range(int(name[-1]))])))
            case "APPEND" | "APPENDS":
                values = self.marked() if name == "APPENDS" else [self.plain(pop())]
                self.growing(list[Any]()).extend(values)
            case "SETITEMS":
                values = self.marked()
                self.growing(dict[Any, Any]()).update(zip(values[::2], values[1::2], strict=True))
            case "BINPUT" | "LONG_BINPUT":
                if isinstance(self.stack[-1], New) or self.stack[-1] is _MARK:
                    raise PickleError("remembers an object before it is there")
                self.memo[argument] = self.stack[-1]
            case "BINGET" | "LONG_BINGET":
                push(self.memo[argument])
                self.shared.add(id(self.stack[-1]))
            case "GLOBAL":
                module, function = argument.split(" ")
                push(Global(f"{module}.{function}"))
            case "BINPERSID":
                push(self.storage(*pop()))
            case "REDUCE":
                arguments, function = pop(), self.typed(pop(), Global)
                push(self.reduced(function.name, arguments))
            case "NEWOBJ":
                arguments, kind = pop(), self.typed(pop(), Global)
                if arguments != () or kind.name not in self.code.classes:
                    raise PickleError(f"makes a {kind.name}")
                push(New(kind.name))
            case "BUILD":
                state, made = self.plain(pop()), self.typed(pop(), New)
                self.state(made.kind, self.code.classes[made.kind], state)
                push(Object(made.kind))
            case _:
                raise PickleError(f"holds the operation {name}, which TorchScript does not write")

    def marked(self) -> list[Any]:
        """What stands on the stack from the last mark on, which is taken off."""
        values: list[Any] = []
        while (value := self.stack.pop()) is not _MARK:
            values.append(self.plain(value))
        return values[::-1]

    def growing(self, like: Known) -> Known:
        """The list or dict on top of the stack, which nothing holds yet."""
        if id(self.stack[-1]) in self.shared:
            raise PickleError("changes what it has used")
        return self.typed(self.stack[-1], type(like))

    def plain(self, value: Any) -> Any:
        """A value that may be part of another one."""
        if isinstance(value, New) or value is _MARK:
            raise PickleError("holds an object that is not there yet")
        return value

    def typed(self, value: Any, kind: type[Known]) -> Known:
        if not isinstance(value, kind):
            raise PickleError(f"holds a {type(value).__name__} where a {kind.__name__} should be")
        return value

    def storage(self, kind: str, storage: Global, key: str, device: str, numbers: int) -> Storage:
        """The data that a tensor's numbers are in, all of it."""
        size = _SIZES.get(storage.name.removeprefix("torch.").removesuffix("Storage"))
        told = (kind, type(key), type(device), type(numbers)) == ("storage", str, str, int)
        if not told or size is None or not _DEVICE.fullmatch(device):
            raise PickleError("holds data of a kind that netdsl does not write")
        if numbers < 0 or self.sizes.get(f"data/{key}") != numbers * size:
            raise PickleError(f"says of data/{key} that it has {numbers:,} numbers")
        return Storage(key, numbers, size)

    def reduced(self, function: str, arguments: Any) -> Any:
        """A value that is rebuilt from others."""
        match function.removeprefix("torch.jit._pickle."), arguments:
            case "collections.OrderedDict", ():
                return {}
            case "torch._utils._rebuild_tensor_v2", (Storage() as storage, offset, sizes, strides, bool(), {**hooks}):
                if hooks or not _within(storage.numbers, offset, sizes, strides):
                    raise PickleError(f"holds a tensor that is not within its data, data/{storage.key}")
                return Tensor(storage)
            case name, ([*values],) if name in _LISTS and all(type(one) is _LISTS[name] for one in values):
                return values
            case "build_tensorlist", ([*values],) if all(isinstance(one, Tensor) for one in values):
                return values
            case _:
                raise PickleError(f"calls {function}")

    def state(self, kind: str, made: Class, state: Any) -> None:
        """Hold the state of an object against its class."""
        attributes = made.attributes
        if (method := made.methods.get("__setstate__")) is not None:
            _, wanted = method.args.args
            attributes, state = {"state": cast("ast.expr", wanted.annotation)}, {"state": state}
        if not made.module or self.typed(state, dict).keys() != attributes.keys():
            raise PickleError(f"makes a {kind}, and not of what belongs to it")
        for name, value in state.items():
            if not self.fits(value, attributes[name]):
                raise PickleError(f"gives {name} of {kind} a value of another type")

    def fits(self, value: Any, kind: ast.expr) -> bool:
        """Whether a value is of a type of TorchScript's."""
        self.left -= 1
        if self.left < 0:
            raise PickleError("holds the same values in too many places")
        name, parts = types.inner(kind)
        match name:
            case "Tensor":
                return isinstance(value, Tensor)
            case "NoneType":
                return value is None
            case "bool" | "int" | "float" | "str":
                return type(value).__name__ == name
            case "number":
                return type(value) in (int, float)
            case "Optional":
                return value is None or self.fits(value, parts[0])
            case "List":
                return type(value) is list and all(self.fits(one, parts[0]) for one in cast("list[Any]", value))
            case "Tuple":
                values = cast("tuple[Any, ...]", value)
                return type(value) is tuple and len(values) == len(parts) and all(map(self.fits, values, parts))
            case "Dict":
                if type(value) is not dict:
                    return False
                pairs = [one for pair in cast("dict[Any, Any]", value).items() for one in pair]
                return all(self.fits(one, parts[at % 2]) for at, one in enumerate(pairs))
            case _:
                return isinstance(value, Object) and value.kind == name


def _within(numbers: int, offset: Any, sizes: Any, strides: Any) -> bool:
    """Whether a tensor reads nothing outside of its data."""
    if type(sizes) is not tuple or type(strides) is not tuple:
        return False
    steps = list(zip(cast("tuple[Any, ...]", sizes), cast("tuple[Any, ...]", strides), strict=True))
    if any(type(one) is not int or not 0 <= one < _INTEGER for pair in ((offset, 0), *steps) for one in pair):
        return False
    if prod(size for size, _ in steps) > _INTEGER // _NUMBER:
        return False
    last = offset + sum((size - 1) * stride for size, stride in steps)
    return last < numbers or (any(size == 0 for size, _ in steps) and offset <= numbers)
