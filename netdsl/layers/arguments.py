"""What a layer's arguments may be: the fields of its class are their syntax.

A field says how it is written (`positional`, `tag`, `flag`, `option`) and which values it takes (a `Kind`).
The resolver, the labels of drawings and the documentation all read them.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from math import gcd
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, TypeVar

from netdsl.layers import mistakes
from netdsl.text.advice import write
from netdsl.text.mistake import Mistake, Told, Wrong
from netdsl.text.tokens import quoted

if TYPE_CHECKING:
    from collections.abc import Callable

Number: TypeAlias = int | Fraction
Value: TypeAlias = Number | tuple[Number, ...] | str
Sizes: TypeAlias = tuple[int, ...]
"""A size for every spatial axis, or one that stands for all of them."""

MAX_SIZE = 2**31 - 1

T = TypeVar("T")


class LayerError(Wrong):
    """What a layer's rule finds wrong, without a place: the pass that applied the rule knows that.

    It is a mistake, or the code, message and help of one. `argument` names the field it is about; `inputs` says that
    the inputs' sources belong into the picture.
    """

    def __init__(
        self, what: Mistake | str, message: str = "", help: str = "", *, argument: str = "", inputs: bool = False
    ) -> None:
        super().__init__(what if isinstance(what, Mistake) else Told(what, message, help))
        self.argument, self.inputs = argument, inputs


def show(value: Value) -> str:
    """A value as the language writes it: `3`, `0.5`, `2/3`, `3x3`."""
    if isinstance(value, tuple):
        return "x".join(map(show, value))
    if isinstance(value, Fraction):
        decimal = float(value)
        return str(decimal) if Fraction(str(decimal)) == value else str(value)
    return str(value)


def once(sizes: tuple[T, ...]) -> tuple[T, ...]:
    """The sizes of all axes as one where they agree: 3x3 as 3, and 1x2 as it is."""
    return sizes[:1] if len(set(sizes)) == 1 else sizes


def check_groups(groups: int, channels: int, filters: int | None = None, *, argument: str = "groups") -> None:
    """Raise `groups-mismatch` where groups, or heads, do not divide channels, and filters where there are some."""
    common = channels if filters is None else gcd(channels, filters)
    if common % groups == 0:
        return
    counts = f"{channels} channels" if filters is None else f"{channels} input channels and {filters} filters"
    divisors = [number for number in range(1, min(common, _FEW_CHANNELS) + 1) if common % number == 0]
    near = sorted(sorted(divisors, key=lambda number: abs(number - groups))[:4])
    help = (
        f"{', '.join(map(str, near))} would" if len(near) > 1 else "1 alone would; choose channels that groups divide"
    )
    raise LayerError(mistakes.UndividedChannels(groups, argument, counts, help), argument=argument, inputs=True)


_FEW_CHANNELS = 4096
"""Up to where divisors are sought."""


@dataclass(frozen=True)
class Kind:
    """A kind of value: `noun` names it for people, `read` turns what was given into what the field holds.

    `words` are taken as they stand (`mode=bilinear`). `node` marks names of nodes (`like=e2`), `many` what takes dims,
    `per_axis` dims of which one number stands for all.
    """

    noun: str
    read: Callable[[Value], Any]
    words: tuple[str, ...] = ()
    node: bool = False
    many: bool = False
    per_axis: bool = False

    def written(self, value: Value) -> str:
        """A value as an argument: words bare, strings quoted, braces around what is neither a number nor dims."""
        match value:
            case str():
                bare = self.words or self.node
                return value if bare else quoted(value)
            case tuple() if any(isinstance(part, Fraction) or part < 0 for part in value):
                return "{" + ", ".join(map(show, value)) + "}"
            case _:
                text = show(value)
                return f"{{{text}}}" if "/" in text else text


def _not_single(value: Value) -> LayerError:
    if isinstance(value, str):
        return LayerError(mistakes.WrongValue(f'"{value}"', "a string"))
    return LayerError(mistakes.WrongValue(show(value), "not a single number"))


def _whole(value: Value, least: int | None) -> int:
    if isinstance(value, Fraction):
        raise LayerError(mistakes.PartialValue(show(value)))
    if not isinstance(value, int):
        raise _not_single(value)
    if least is not None and value < least:
        raise LayerError(mistakes.WrongValue(show(value), f"less than {least}"))
    if value > MAX_SIZE:
        raise LayerError(mistakes.LargeValue(value, MAX_SIZE))
    return value


def whole(least: int | None = 1) -> Kind:
    """A whole number of at least `least`, or any."""
    bound = "" if least is None else f" from {least}"
    return Kind(f"a whole number{bound}", lambda value: _whole(value, least))


def sizes(least: int = 1) -> Kind:
    """One whole number for all spatial axes, or dims with one for each."""

    def read(value: Value) -> Sizes:
        parts = value if isinstance(value, tuple) else (value,)
        return tuple(_whole(part, least) for part in parts)

    return Kind(f"a whole number from {least}, or one for each axis", read, many=True, per_axis=True)


def real(least: Number | None = None, most: Number | None = None) -> Kind:
    """A number, within bounds where they are given."""

    def read(value: Value) -> Number:
        if not isinstance(value, int | Fraction):
            raise _not_single(value)
        if least is not None and value < least:
            raise LayerError(mistakes.WrongValue(show(value), f"less than {show(least)}"))
        if most is not None and value > most:
            help = write(show(Fraction(value, 100))) if most == 1 and value in range(2, 100) else ""  # a percentage
            raise LayerError(mistakes.WrongValue(show(value), f"more than {show(most)}", help))
        return value

    bounds = "" if least is None else f" from {show(least)}" + ("" if most is None else f" to {show(most)}")
    return Kind(f"a number{bounds}", read)


def reals() -> Kind:
    """One number, or several in braces."""

    def read(value: Value) -> tuple[Number, ...]:
        if isinstance(value, str):
            raise LayerError(mistakes.WrongValue(f'"{value}"', "not a number"))
        return value if isinstance(value, tuple) else (value,)

    return Kind("a number, or one for each channel", read)


def dims() -> Kind:
    """Dims, or one number: spatial sizes first, channels last."""
    return Kind("dims, spatial sizes first and channels last", sizes().read, many=True)


def reshaped() -> Kind:
    """Dims of which one may be -1, the size that the values leave."""

    def read(value: Value) -> Sizes:
        parts = value if isinstance(value, tuple) else (value,)
        if parts.count(-1) > 1:
            raise LayerError(mistakes.WrongValue(show(value), "two sizes that follow from the others"))
        return tuple([-1 if part == -1 else _whole(part, 1) for part in parts])

    return Kind("dims, spatial sizes first and channels last, or -1 in braces for one of them", read, many=True)


def text() -> Kind:
    """A string."""

    def read(value: Value) -> str:
        if not isinstance(value, str):
            raise LayerError(mistakes.WrongValue(show(value), "not a string"))
        return value

    return Kind("a string", read)


def choice(*words: str) -> Kind:
    """One of some words, bare or as a string."""
    noun = " or ".join(words)

    def read(value: Value) -> str:
        if not isinstance(value, str) or value not in words:
            raise LayerError(mistakes.WrongValue(show(value), f"not {noun}"))
        return value

    return Kind(noun, read, words)


def node() -> Kind:
    """The name of a node, which becomes a further input of the layer."""
    return Kind("the name of an earlier element", str, node=True)


Form: TypeAlias = Literal["positional", "tag", "flag", "option"]


@dataclass(frozen=True)
class Argument:
    """One argument of a layer class: how it is written, what it takes, what it is for."""

    field: str
    form: Form
    kind: Kind
    help: str
    letter: str
    default: object  # dataclasses.MISSING where there is none
    attribute: str
    """The field's Python name, which has a trailing `_` where the argument's is a word of Python."""
    word: bool
    """Whether it may stand as a bare word, which makes it true: a flag, and an option that need not say a value."""

    @property
    def required(self) -> bool:
        """Whether the language insists on it."""
        return self.default is dataclasses.MISSING


def _field(form: Form, kind: Kind, help: str, default: object, letter: str = "", *, word: bool = False) -> Any:
    metadata = {"argument": (form, kind, help, letter, word)}
    if default is dataclasses.MISSING:
        return dataclasses.field(metadata=metadata)
    return dataclasses.field(default=default, metadata=metadata)


def positional(kind: Kind, help: str, default: object = dataclasses.MISSING) -> Any:
    """An argument written by position; one with a default may also be written `name=value`."""
    return _field("positional", kind, help, default)


def tag(letter: str, kind: Kind, help: str, default: object) -> Any:
    """An argument written as a short tag: s, p, d or g."""
    return _field("tag", kind, help, default, letter)


def flag(help: str) -> Any:
    """A word that switches something on."""
    return _field("flag", Kind("a flag", bool), help, False, word=True)


def option(kind: Kind, help: str, default: object = None, *, word: bool = False) -> Any:
    """An argument written `name=value`; with `word` also `name` alone, which makes it True."""
    return _field("option", kind, help, default, word=word)


@cache
def arguments_of(layer: type[Any]) -> tuple[Argument, ...]:
    """The arguments of a layer class, in the order of its fields."""
    found: list[Argument] = []
    for field in dataclasses.fields(layer):
        form, kind, help, letter, word = field.metadata["argument"]
        found.append(Argument(field.name.rstrip("_"), form, kind, help, letter, field.default, field.name, word))
    return tuple(found)


def references(layer: object) -> list[str]:
    """The attributes of a layer that name further nodes which it reads (`like=`)."""
    return [one.attribute for one in arguments_of(type(layer)) if one.kind.node and getattr(layer, one.attribute)]
