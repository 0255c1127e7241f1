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
from typing import TYPE_CHECKING, Any, get_args

from netdsl.layers.arguments import Kind, LayerError, arguments_of
from netdsl.layers.base import Algebra, Layer, Role, Weight, Window
from netdsl.layers.shape import Shape
from netdsl.text import safe
from netdsl.text.codes import CODES

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

Test = Callable[[Any], bool]
Again = Callable[[str, Mapping[str, object]], Layer]

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


# What a package may say


def whole(value: object) -> bool:
    """A whole number."""
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= _LARGEST


def instance(*kinds: type) -> Test:
    """A value of some type."""
    return lambda value: isinstance(value, kinds)


def every(test: Test) -> Test:
    """Several values, as a tuple."""
    return lambda value: isinstance(value, tuple) and all(map(test, value))  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType]


def texts(value: object) -> bool:
    """Texts by names."""
    return isinstance(value, Mapping) and every(instance(str))((*value, *value.values()))  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType, reportUnknownMemberType]


def _anything(value: object) -> bool:
    return True


def _shape(value: object) -> bool:
    return isinstance(value, Shape) and every(whole)(value.spatial) and whole(value.channels) and min(value.dims) > 0


def _weight(value: object) -> bool:
    if not isinstance(value, Weight):
        return False
    return instance(str)(value.name) and every(whole)(value.dims) and whole(value.fixed)


def _warnings(value: tuple[LayerError, ...]) -> bool:
    """Whether they are warnings. Raises the first one whose code there is not, as if the rule had."""
    if not every(instance(LayerError))(value):
        return False
    for one in value:
        if one.mistake.code not in CODES:
            raise one
    return True


def _module(value: object) -> bool:
    """Whether a value is a module whose class has made it one."""
    return callable(getattr(value, "forward", None)) and isinstance(getattr(value, "_parameters", None), dict)


def _algebra(value: object) -> bool:
    if not isinstance(value, Algebra) or (value.linear and not isinstance(value.linear.of(bias=True), Layer)):
        return False
    flags = (value.elementwise, value.monotone, value.identity, value.flattens)
    known = all(map(instance(bool), flags)) and value.channelwise in (None, "factor", "affine")
    return known and instance(Layer, type(None))(value.windowed)


METHODS: Mapping[str, Test] = {
    "__init__": _anything,
    "__post_init__": _anything,
    "__eq__": lambda value: isinstance(value, bool) or value is NotImplemented,
    "__hash__": instance(int),
    "__repr__": instance(str),
    "shape": _shape,
    "weights": every(_weight),
    "constants": every(_weight),
    "warnings": _warnings,
    "macs": whole,
    "connections": whole,
    "flops": whole,
    "windows": lambda value: value == "all" or every(instance(Window))(value),
    "enlargement": every(instance(int, Fraction)),
    "algebra": _algebra,
    "reads": lambda value: value is None or every(lambda one: whole(one) and one < _POSITIONS)(value),
    "lower": _module,
}
"""The rules that are called, and whether they may give a value."""

FACTS: Mapping[str, Test] = {
    "keyword": instance(str),
    "role": lambda value: isinstance(value, str) and value in get_args(Role),
    "flops_per_output": whole,
    "aliases": every(instance(str)),
    "__doc__": instance(str, type(None)),
    "written": instance(str),
    "canonical": instance(Layer),
    **dict.fromkeys(("merge", "commutative", "training_only", "inplace", "view", "counts_depth"), instance(bool)),
}
"""What a class says of all its layers, or by a property of each."""

_MAKING = ("__new__", "__getattribute__")
"""What makes a layer, or gives all that it has: Python's own, or nothing could be asked."""


def guarded(layer: type[Layer], package: str, again: Again) -> type[Layer]:
    """The class that asks a package's. Pickles hold what makes it `again`, its keyword and its arguments.

    Raises BrokenLayer for one that says of itself what no layer can.
    """
    keyword = str(getattr(layer, "keyword", layer.__name__))

    def reduced(self: Layer) -> tuple[Again, tuple[str, Mapping[str, object]]]:
        return again, (keyword, {one.name: getattr(self, one.name) for one in dataclasses.fields(self)})

    # its metaclass may fail, a descriptor, or a field that is no argument
    made = _given(
        lambda: _made(layer, keyword, package, reduced), _anything, keyword, package, "its class is no layer's, and"
    )
    _PACKAGES[made] = package
    return made


def _made(layer: type[Layer], keyword: str, package: str, reduced: Callable[[Layer], object]) -> type[Layer]:
    """The subclass. Raises BrokenLayer, and whatever the class does."""
    if own := next((name for name in _MAKING if getattr(layer, name) is not getattr(Layer, name)), None):
        raise BrokenLayer(keyword, package, f"it has a {own} of its own")
    rules: dict[str, Any] = {name: getattr(layer, name) for name in ("__module__", "__qualname__", "__doc__")}
    for name, test in METHODS.items():
        rule = getattr(layer, name, object.__init__)
        if not callable(rule):
            raise BrokenLayer(keyword, package, f"its {name} is {_shown(rule)}, and no method")
        if rule is not object.__init__:
            what = "its class" if name.startswith("__") else f"its {name}"
            rules[name] = _asked(rule, test, package, what, layer.__module__)
    for name, test in FACTS.items():
        fact = getattr(layer, name, None)
        get = _getter(fact)
        if get:
            rules[name] = property(_asked(get, test, package, f"its {name}", layer.__module__))
        elif not test(fact):
            raise BrokenLayer(keyword, package, f"its {name} is {_shown(fact)}")
    rules["__reduce__"] = reduced
    arguments_of(layer)
    made = type(layer.__name__, (layer,), rules)
    made.__dataclass_fields__ = {name: _field(one, keyword, package) for name, one in _fields(layer).items()}
    arguments_of(made)
    return made


def _getter(fact: Any) -> Callable[..., Any] | None:
    """What works a property out, each time or once; None for a value."""
    known: Any = fact.func if isinstance(fact, functools.cached_property) else None
    return fact.fget if isinstance(fact, property) else known


def ruled(
    kind: type[Layer], own: Callable[..., Any], entry: EntryPoint | None, what: str, test: Test
) -> Callable[..., Any]:
    """A rule of a pass for a package's class: netdsl's own, or what an entry point gives; its answers are looked at."""
    package = _PACKAGES[kind]
    rule = own if entry is None else _given(entry.load, callable, kind.keyword, package, what)
    return _asked(rule, test, package, what, getattr(rule, "__module__", ""))


def brought(layer: Layer) -> bool:
    """Whether a package brings it."""
    return type(layer) in _PACKAGES


def probe(layer: Layer, inputs: Sequence[Shape]) -> None:
    """Ask a package's layer all that needs no torch. Raises LayerError; what is netdsl's own is not asked."""
    if type(layer) not in _PACKAGES:
        return
    for name in METHODS:
        if not name.startswith("__") and name not in ("reads", "lower"):
            getattr(layer, name)(*inputs)
    for name in FACTS:
        getattr(layer, name)
    for ask in (hash, repr, layer.__eq__):
        ask(layer)
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


def _given(call: Callable[[], Any], test: Test, keyword: str, package: str, what: str, file: str | None = None) -> Any:
    """What a package's code gives, where it may give that; text is made safe, since it is only shown."""
    try:
        found: Any = call()
        if type(found) in (list, set, range) or hasattr(found, "__next__"):
            found = tuple(found)
        fits = test(found)
    except LayerError as error:
        _check_code(error, keyword, package, what)
        raise
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        raise BrokenLayer(keyword, package, f"{what} raised {told(error, file)}") from error
    if not fits:
        raise BrokenLayer(keyword, package, f"{what} gives {_shown(found)}")
    return safe.line(str(found)) if isinstance(found, str) else found


def _asked(rule: Callable[..., Any], test: Test, package: str, what: str, module: str) -> Callable[..., Any]:
    """A rule of a module that gives what it may give, or raises LayerError."""

    @functools.wraps(rule)
    def asked(layer: Layer, *arguments: Any, **named: Any) -> Any:
        file = getattr(sys.modules.get(module), "__file__", None)
        return _given(lambda: rule(layer, *arguments, **named), test, layer.keyword, package, what, file)

    return asked


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
    form, kind, *rest = field.metadata["argument"]
    assert isinstance(kind, Kind), f"{field.name} takes {kind!r}"

    def read(value: Any) -> Any:
        return _given(lambda: kind.read(value), _anything, keyword, package, f"its argument {field.name}")

    made = copy.copy(field)
    made.metadata = MappingProxyType({"argument": (form, dataclasses.replace(kind, read=read), *rest)})
    return made
