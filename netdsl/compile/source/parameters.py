"""The classes of a network's source, and the arguments of their constructors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from netdsl.compile.source.formulas import CHANNELS, Value, filled, name, tidy, worth
from netdsl.compile.source.formulas import python as in_python
from netdsl.compile.source.frames import Frame
from netdsl.compile.source.layout import Code, flat, literal
from netdsl.compile.source.scopes import Builder, Repeat, Scope
from netdsl.graph import outline
from netdsl.graph.program import BlockOf
from netdsl.text import tree
from netdsl.text.tree import names as names_in

RESERVED = frozenset({"Tensor", "NamedTuple", "OrderedDict", "Outputs", "TrainingOutputs", "None", "True", "False"})
"""What no class is called."""


@dataclass(frozen=True)
class Parameter:
    """An argument of a class's constructor."""

    name: str
    kind: str
    default: Value = None


@dataclass(frozen=True)
class Assignment:
    """`self.conv1 = …`."""

    target: str
    code: Code


@dataclass(eq=False)
class Class:
    """A class, with the scopes that it is for."""

    name: str
    scopes: Sequence[Scope]
    parameters: Sequence[Parameter]
    arguments: Mapping[int, Mapping[str, Value]]
    """The values of its arguments by the id of a scope."""
    body: Sequence[Assignment]
    channels: Sequence[str | None]
    """The channels of what it gives, by its parameters."""
    flatten: bool = False

    @property
    def scope(self) -> Scope:
        """The first of them."""
        return self.scopes[0]


def channels_in(number: int) -> str:
    """What the channels of an input of a class are called."""
    return CHANNELS if not number else f"{CHANNELS}{number + 1}"


def inputs_of(builder: Builder, scope: Scope) -> dict[str, Value]:
    shapes = builder.shaped.shapes
    if not scope.part:
        return {}
    return {channels_in(number): shapes[index].channels for number, index in enumerate(scope.inputs)}


def counter_of(repeat: Repeat) -> str:
    count = repeat.element and repeat.element.repeat
    named = getattr(count, "name", None)
    return name(named.text) if isinstance(named, tree.Name) else "i"


def kind_of(values: Sequence[Value]) -> str:
    """The type of an argument."""
    kinds = {_kind(value) for value in values}
    return " | ".join(sorted(kinds - {"int"} if "float" in kinds else kinds))


def _kind(value: Value) -> str:
    match value:
        case bool() | int() | float() | str():
            return type(value).__name__
        case tuple():
            return f"tuple[{', '.join(map(_kind, value))}]"
        case list():
            return "list[int]"
        case _:
            return "None"


def defaults_of(of: BlockOf) -> dict[str, Value]:
    """The parameters of a block, with their defaults where these are known."""
    found: dict[str, Value] = {}
    for parameter in of.block.parameters:
        known = {key: value for key, value in found.items() if value is not None}
        own = parameter.default
        found[name(parameter.name.text)] = None if own is None else worth(in_python(own), known)
    return found


def aliases_of(part: outline.Part | None, frame: Frame) -> dict[str, str]:
    """The parameters of a call that always have their defaults, where these are formulas, and the formulas."""
    found: dict[str, str] = {}
    for parameter in part.block.block.parameters if isinstance(part, outline.Call) else ():
        key, own = name(parameter.name.text), parameter.default
        if own is None or not any(names_in([own])):
            continue
        text = filled(tidy(in_python(own)), found)
        given = [values[key] for values in frame.values if key in values]
        if len(given) == len(frame.values) and frame.holds(text, given):
            found[key] = text
    return found


def given_to(scope: Scope) -> dict[str, tree.Expression]:
    """The arguments of a call, by its block's parameters."""
    part = scope.part
    if not isinstance(part, outline.Call) or not isinstance(part.element.primary, tree.Call):
        return {}
    free = [name(parameter.name.text) for parameter in part.block.block.parameters]
    named = {name(one.key.text): one.value for one in part.element.primary.arguments if one.key}
    by_place = (one.value for one in part.element.primary.arguments if not one.key)
    return {**dict(zip((one for one in free if one not in named), by_place, strict=False)), **named}


def shown(value: Value) -> str:
    """A value in one line."""
    return flat(literal(value))
