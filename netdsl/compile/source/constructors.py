"""How a module is made: its class, and the arguments that its constructor had, read from the module itself."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, cast

import torch
from torch import Tensor, nn

from netdsl.compile.source.formulas import Value, plain
from netdsl.compile.source.layout import Code, Constructed, Named, call, literal
from netdsl.layers.modules.dense import FlatLinear


@dataclass(frozen=True)
class Argument:
    """An argument of a constructor, with what it is where it is left out."""

    name: str
    value: Value
    default: Value = None
    required: bool = False
    keyword: bool = False
    """Whether it is written with its name."""


@dataclass(frozen=True)
class Constructor(Constructed):
    """The class of a module, and what it is made with."""

    kind: type[nn.Module]
    arguments: tuple[Argument, ...]
    flattens: bool = False
    """Whether what has spatial axes is flattened before it."""

    @property
    def code(self) -> Code:
        """The code that makes such a module."""
        given = [one for one in self.arguments if one.required or one.value != one.default]
        return call(
            self.title,
            *[literal(one.value) if not one.keyword else Named(f"{one.name}=", literal(one.value)) for one in given],
        )

    @property
    def helper(self) -> bool:
        """Whether the class is none of PyTorch's, so that its source stands beside."""
        return not self.kind.__module__.startswith("torch.")

    @property
    def helpers(self) -> Iterator[type[nn.Module]]:
        """Its class and those of the modules among its arguments, where they are none of PyTorch's."""
        if self.helper:
            yield self.kind
        for one in self.arguments:
            if isinstance(one.value, Constructor):
                yield from one.value.helpers

    @property
    def title(self) -> str:
        """What the class is called in the source."""
        return self.kind.__name__ if self.helper else f"nn.{self.kind.__name__}"


def of(module: nn.Module) -> Constructor:
    """The constructor of a module of torch.nn or of netdsl.layers.modules."""
    kind = nn.Linear if isinstance(module, FlatLinear) else type(module)
    found = [_argument(kind, one, module) for one in _parameters(kind)]
    return Constructor(kind, tuple(found), isinstance(module, FlatLinear))


@cache
def _parameters(kind: type[nn.Module]) -> Sequence[inspect.Parameter]:
    parameters = list(inspect.signature(kind).parameters.values())
    if any(one.kind is one.VAR_POSITIONAL for one in parameters):  # and those of the class that it extends
        around = inspect.signature(kind.__mro__[1]).parameters.values() if kind.__mro__[1] is not nn.Module else ()
        parameters = [*around, *parameters]
    left = ("device", "dtype", "inplace", "mode") if issubclass(kind, nn.RNNBase) else ("device", "dtype", "inplace")
    return [one for one in parameters if one.name not in left and one.kind not in (one.VAR_POSITIONAL, one.VAR_KEYWORD)]


def _argument(kind: type[nn.Module], parameter: inspect.Parameter, module: nn.Module) -> Argument:
    name = parameter.name
    value = _RULES[kind.__name__, name](module) if (kind.__name__, name) in _RULES else getattr(module, name)
    if name == "bias" and not isinstance(value, bool):
        value = value is not None
    required = parameter.default is parameter.empty or name == "p"
    default = None if parameter.default is parameter.empty else _plain(parameter.default)
    if name == "stride" and not required and default is None:  # of a pooling
        default = _plain(cast(Any, module).kernel_size)
    keyword = not required or parameter.kind is parameter.KEYWORD_ONLY
    return Argument(name, _plain(value), default, required, keyword)


def _plain(value: Any) -> Value:
    if isinstance(value, nn.Module):
        return of(value)
    if isinstance(value, list):
        return [_plain(one) for one in cast("list[Any]", value)]
    return value if value is None or isinstance(value, bool) else plain(value)


def _float(value: Tensor) -> float:
    """A number as short as it can be said."""
    number = value.item()
    shorter = (float(f"{number:.{digits}g}") for digits in range(1, 10))
    return next((one for one in shorter if torch.tensor(one, dtype=value.dtype) == value), number)


def _maps(module: Any) -> Value:
    mask = module.mask
    return None if mask is None else [row.flatten().nonzero().flatten().tolist() for row in mask]


def _scale(module: Any) -> Value:
    scale = [int(factor) if factor.is_integer() else factor for factor in module.scale_factor or ()]
    return plain(tuple(scale)) if scale else None


_ATTENTION: Mapping[str, Callable[[Any], Any]] = {
    "channels": lambda module: module.in_proj_weight.size(1),
    "heads": lambda module: module.parts[1],
    "width": lambda module: module.parts[2],
    "bias": lambda module: module.in_proj_bias is not None,
    "relative": lambda module: module.relative_position_bias_table is not None,
    "ways": lambda module: 0,
}
_RULES: Mapping[tuple[str, str], Callable[[Any], Any]] = {
    ("PReLU", "init"): lambda module: _float(module.weight[0]),
    ("Scale", "channels"): lambda module: len(module.weight),
    ("Scale", "init"): lambda module: _float(module.weight[0]),
    ("Normalize", "mean"): lambda module: [_float(one) for one in module.mean],
    ("Normalize", "std"): lambda module: [_float(one) for one in module.std],
    ("PixelShuffle", "factor"): lambda module: module.parts[0],
    ("PixelShuffle", "axes"): lambda module: len(module.parts),
    **{(kind, key): rule for kind in ("Attention", "WindowAttention") for key, rule in _ATTENTION.items()},
    ("Token", "count"): lambda module: len(module.weight),
    ("Token", "channels"): lambda module: module.weight.size(1),
    ("Positions", "dims"): lambda module: list(module.weight.shape),
    ("RadialBasis", "units"): lambda module: len(module.codes),
    ("RadialBasis", "inputs"): lambda module: len(module.codes[0]),
    ("Upsample", "scale_factor"): _scale,
    ("Conv1d", "maps"): _maps,
    ("Conv2d", "maps"): _maps,
    ("Conv3d", "maps"): _maps,
}
"""The arguments that a module does not keep under their names."""
