"""The border to layers that packages bring: whatever goes wrong in one is told as its package's mistake.

A package's class gets a subclass that asks its rules, and looks at what they give. What is raised but LayerError, a
code that there is not and a value of another type become a BrokenLayer, which is a LayerError that names the layer and
its package. `probe` asks all rules that need no torch at once, so that `check` finds what later phases would meet.
"""

from __future__ import annotations

import copy
import dataclasses
import functools
import sys
import traceback
from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from pathlib import Path
from types import MappingProxyType
from typing import Any, get_args

from netdsl.layers.answer import Answer
from netdsl.layers.arguments import Kind, LayerError, arguments_of
from netdsl.layers.autograd import Operand, Saved
from netdsl.layers.base import Algebra, Layer, Role, Weight, Window
from netdsl.layers.shape import Shape
from netdsl.text import safe
from netdsl.text.codes import CODES

Test = Callable[[Any], bool]

_PACKAGES: dict[type[Layer], str] = {}
_LONGEST = 200
_LARGEST = 10**30
"""Whole numbers at most, far beyond what any network has, so that pictures can say them."""
_POSITIONS = 2**24
"""Positions that an axis has at most, of those that a layer says it reads."""


class BrokenLayer(LayerError):
    """A layer's class, or the package that brings it, is at fault, and not the network."""

    def __init__(self, keyword: str, package: str, what: str) -> None:
        words = " ".join(what.split())
        message = f"{keyword} of {package} is broken: {words[:_LONGEST]}{'…' * (len(words) > _LONGEST)}"
        super().__init__("unknown-layer", message, "mend the package, or take another version of it")


def _whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= _LARGEST


def _all(test: Test) -> Test:
    return lambda value: isinstance(value, tuple) and all(map(test, value))  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType]


def _is(*kinds: type) -> Test:
    return lambda value: isinstance(value, kinds)


def _shape(value: object) -> bool:
    return isinstance(value, Shape) and _all(_whole)(value.dims) and min(value.dims) > 0


def _weight(value: object) -> bool:
    if not isinstance(value, Weight):
        return False
    return _is(str)(value.name) and _all(_whole)(value.dims) and _whole(value.fixed)


def _windows(value: object) -> bool:
    return value == "all" or _all(_is(Window))(value)


def _notes(value: object) -> bool:
    return isinstance(value, Mapping) and _all(_is(str))((*value, *value.values()))  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType, reportUnknownMemberType]


def _module(value: object) -> bool:
    """Whether a value is a module whose class has made it one."""
    return callable(getattr(value, "forward", None)) and isinstance(getattr(value, "_parameters", None), dict)


def _algebra(value: object) -> bool:
    if not isinstance(value, Algebra) or (value.linear and not isinstance(value.linear.of(bias=True), Layer)):
        return False
    flags = (value.elementwise, value.monotone, value.identity, value.flattens)
    known = all(map(_is(bool), flags)) and value.channelwise in (None, "factor", "affine")
    return known and _is(Layer, type(None))(value.windowed)


def _reads(value: object) -> bool:
    return value is None or _all(lambda one: _whole(one) and one < _POSITIONS)(value)


def _no_test(value: object) -> bool:
    return True


METHODS: Mapping[str, Test] = {
    "__init__": _no_test,
    "__post_init__": _no_test,
    "shape": _shape,
    "weights": _all(_weight),
    "constants": _all(_weight),
    "warnings": _all(_is(LayerError)),
    "macs": _whole,
    "connections": _whole,
    "flops": _whole,
    "saves": _is(Saved),
    "least_batch": _whole,
    "windows": _windows,
    "enlargement": _all(_is(int, Fraction)),
    "reads": _reads,
    "algebra": _algebra,
    "lower": _module,
    "spelled": _is(str),
    "caption": _is(str),
    "reading": _is(str),
    "notes": _notes,
    "answers": _all(_is(Answer)),
    "__eq__": lambda value: isinstance(value, bool) or value is NotImplemented,
    "__hash__": _is(int),
    "__repr__": _is(str),
}
"""The rules that are called, and whether they may give a value."""

PROPERTIES: Mapping[str, Test] = {
    "written": _is(str),
    "label": _is(str),
    "canonical": _is(Layer),
    "called": _is(str),
}

FACTS: Mapping[str, Test] = {
    "keyword": _is(str),
    "role": lambda value: isinstance(value, str) and value in get_args(Role),
    "title": _is(str),
    "flops_per_output": _whole,
    "aliases": _all(_is(str)),
    "__doc__": _is(str, type(None)),
    **dict.fromkeys(("merge", "commutative", "training_only"), _is(bool)),
    **dict.fromkeys(("inplace", "view", "counts_depth", "boxed"), _is(bool)),
}
"""What a class says of all its layers."""

_MAKING = ("__new__", "__getattribute__")
"""What makes a layer, or gives all that it has: Python's own, or nothing could be asked."""

_WORDS = ("title", "label", "caption", "reading")
"""What is only shown, in pictures too, and is made safe here."""

_SEVERAL = ("weights", "constants", "warnings", "answers", "reads")
"""Rules that may give any iterable, which is read to its end here."""


def guarded(layer: type[Layer], package: str) -> type[Layer]:
    """The class that asks a package's. Raises BrokenLayer for one that says of itself what no layer can."""
    keyword = str(getattr(layer, "keyword", layer.__name__))
    try:
        made = _made(layer, keyword, package)
    except (BrokenLayer, KeyboardInterrupt):
        raise
    except BaseException as error:  # its metaclass, a descriptor, or a field that is no argument
        raise BrokenLayer(keyword, package, f"its class is no layer's: {told(error)}") from error
    _PACKAGES[made] = package
    return made


def _made(layer: type[Layer], keyword: str, package: str) -> type[Layer]:
    """The subclass. Raises BrokenLayer, and whatever the class does."""
    if own := next((name for name in _MAKING if getattr(layer, name) is not getattr(Layer, name)), None):
        raise BrokenLayer(keyword, package, f"it has a {own} of its own")
    rules: dict[str, Any] = {name: getattr(layer, name) for name in ("__module__", "__qualname__", "__doc__")}
    for name, test in FACTS.items():
        value = getattr(layer, name, None)
        if isinstance(value, property) and value.fget:
            rules[name] = property(_asked(value.fget, name, test, package))
        elif not test(value):
            raise BrokenLayer(keyword, package, f"its {name} is {_shown(value)}")
        elif name in _WORDS and isinstance(value, str):
            rules[name] = safe.line(value)
    for name, test in METHODS.items():
        rule = getattr(layer, name, _no_test)
        if not callable(rule):
            raise BrokenLayer(keyword, package, f"its {name} is {_shown(rule)}, and no method")
        if rule is not _no_test:
            rules[name] = _asked(rule, name, test, package)
    for name, test in PROPERTIES.items():
        rule = getattr(layer, name)
        asked = rule.fget if isinstance(rule, property) else None
        rules[name] = property(_asked(asked or functools.partial(_constant, rule), name, test, package))
    rules["__reduce__"] = _reduced
    arguments_of(layer)
    made = type(layer.__name__, (layer,), rules)
    made.__dataclass_fields__ = {name: _field(one, keyword, package) for name, one in _fields(layer).items()}
    arguments_of(made)
    return made


def brought(layer: Layer) -> bool:
    """Whether a package brings it."""
    return type(layer) in _PACKAGES


def probe(layer: Layer, inputs: Sequence[Shape]) -> None:
    """Ask a package's layer all that needs no torch. Raises LayerError; what is netdsl's own is not asked."""
    if type(layer) not in _PACKAGES:
        return
    for name in (
        "weights",
        "constants",
        "macs",
        "connections",
        "flops",
        "least_batch",
        "windows",
        "enlargement",
    ):
        getattr(layer, name)(*inputs)
    for name in ("caption", "reading", "notes", "answers"):
        getattr(layer, name)(*inputs)
    for name in (*PROPERTIES, *FACTS):
        getattr(layer, name)
    for ask in (hash, repr, layer.__eq__):
        ask(layer)
    layer.saves(*map(Operand, inputs))
    linear = layer.algebra(*inputs).linear
    for bias in (False, True):
        made = linear and linear.of(bias=bias)
        names = ["weight", "bias"][: 1 + bias]
        if made is not None and (found := [weight.name for weight in made.weights(*inputs)]) != names:
            words = "its linear gives a layer with {}, and not with {}"
            both = [" and ".join(one) or "no weights" for one in (found, names)]
            raise BrokenLayer(layer.keyword, _PACKAGES[type(layer)], words.format(*both))
    out = layer.shape(*inputs)
    for axis in range(len(out.spatial)):
        for position in {0, out.spatial[axis] - 1}:
            layer.reads(axis, position, *inputs)


def check_module(layer: Layer, inputs: Sequence[Shape], made: Mapping[str, tuple[int, ...]]) -> None:
    """Hold the parameters of a package's module, by name, against its weights. Raises BrokenLayer."""
    if type(layer) not in _PACKAGES:
        return
    claimed = {weight.name: weight.dims for weight in layer.weights(*inputs)}
    if dict(made) != claimed:
        has, says = (
            ", ".join(f"{name} {'x'.join(map(str, dims)) or 'scalar'}" for name, dims in some.items())
            or "no parameters"
            for some in (made, claimed)
        )
        raise BrokenLayer(
            layer.keyword, _PACKAGES[type(layer)], f"its lower gives a module with {has}, and its weights say {says}"
        )


def _asked(rule: Callable[..., Any], name: str, test: Test, package: str) -> Callable[..., Any]:
    """A rule that gives what it may give, or raises LayerError."""
    several = name in _SEVERAL
    what = "its class" if name.startswith("__") else f"its {name}"

    def asked(self: Layer, *arguments: Any, **named: Any) -> Any:
        try:
            found = rule(self, *arguments, **named)
            if several and found is not None:
                found = tuple(found)
            fits = test(found)
        except LayerError as error:
            _check_code(error, self.keyword, package, what)
            raise
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            file = getattr(sys.modules.get(type(self).__module__), "__file__", None)
            raise BrokenLayer(self.keyword, package, f"{what} raised {told(error, file)}") from error
        if not fits:
            raise BrokenLayer(self.keyword, package, f"{what} gives {_shown(found)}")
        if name == "warnings":
            for one in found or ():
                _check_code(one, self.keyword, package, what)
        return safe.line(str(found)) if name in _WORDS else found

    return functools.wraps(rule)(asked) if not isinstance(rule, functools.partial) else asked


def _constant(value: object, layer: Layer) -> object:
    """What a class says in place of a property."""
    return value


def _check_code(error: LayerError, keyword: str, package: str, what: str) -> None:
    if error.mistake.code not in CODES:
        raise BrokenLayer(keyword, package, f"{what} has the code {error.mistake.code!r}, which there is not")


def told(error: BaseException, file: str | None = None) -> str:
    """What was raised, and the last line of a file that led there."""
    try:
        said = f"{type(error).__name__}: {error}".removesuffix(": ")
    except Exception:  # its own words fail too
        said = type(error).__name__
    lines = [line for frame, line in traceback.walk_tb(error.__traceback__) if frame.f_code.co_filename == file]
    return f"{said} ({Path(file).name}:{lines[-1]})" if file and lines else said


def _shown(value: object) -> str:
    try:
        return repr(value)
    except Exception:  # it is a package's too
        return f"something of type {type(value).__name__}"


def _fields(layer: type[Layer]) -> Mapping[str, dataclasses.Field[Any]]:
    return layer.__dataclass_fields__


def _field(field: dataclasses.Field[Any], keyword: str, package: str) -> dataclasses.Field[Any]:
    """A field whose kind reads values, or raises LayerError."""
    if "argument" not in field.metadata:
        return field
    form, kind, help, letter = field.metadata["argument"]
    assert isinstance(kind, Kind), f"{field.name} takes {kind!r}"
    what = f"its argument {field.name}"

    def read(value: Any) -> Any:
        try:
            return kind.read(value)
        except LayerError as error:
            _check_code(error, keyword, package, what)
            raise
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            raise BrokenLayer(keyword, package, f"{what} raised {told(error)}") from error

    made = copy.copy(field)
    made.metadata = MappingProxyType({"argument": (form, dataclasses.replace(kind, read=read), help, letter)})
    return made


def _reduced(self: Layer) -> tuple[Callable[..., Layer], tuple[str, Mapping[str, object]]]:
    """How a layer is pickled: by its keyword and its arguments, since its class has no name of its own."""
    return _again, (self.keyword, {one.name: getattr(self, one.name) for one in dataclasses.fields(self)})


def _again(keyword: str, values: Mapping[str, object]) -> Layer:
    from netdsl.layers import table

    row = table.find(keyword)
    if row is None:
        raise BrokenLayer(keyword, "a package", "it is not installed here")
    return row(**values)
