"""A program of torch.export as it runs: call by call, by PyTorch's operators, and nothing else of the file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from netdsl.interchange.torch.constants import folded
from netdsl.interchange.torch.program import Program, Ref, Value
from netdsl.interchange.torch.reader import RULES
from netdsl.runtime import private

_PLACES = frozenset(("device", "layout", "memory_format", "pin_memory"))
"""Arguments that say where and how a tensor lies."""


class NotRun(Exception):
    """A program that has calls of other operators."""


def outputs(program: Program, inputs: Mapping[str, Tensor]) -> list[Tensor]:
    """What a program gives for its inputs by name. Raises NotRun."""
    program = folded(program)
    read = {name for call in program.calls for name in call.refs()} | {name for _, name in program.outputs}
    values = {name: torch.tensor(np.asarray(one)) for name, one in program.tensors.items() if name in read}
    values.update(inputs)
    with torch.no_grad():
        for call in program.calls:
            run = private.operator(call.operator) if {call.operator, call.operator.rstrip("_")} & RULES.keys() else None
            if run is None:
                raise NotRun(call.operator)
            arguments = {name: _value(name, one, values) for name, one in call.arguments.items() if name not in _PLACES}
            plain = [arguments.pop(name) for name in [*arguments] if name.isdecimal()]
            found: Any = run(*plain, **arguments)
            several: tuple[Any, ...] = (found,) if isinstance(found, Tensor) else tuple(found)
            values.update({name: one for name, one in zip(call.outputs, several, strict=False) if name})
    return [values[name] for _, name in program.outputs]


def _value(name: str, value: Value, values: Mapping[str, Tensor]) -> Any:
    """An argument as PyTorch takes it."""
    if isinstance(value, Ref):
        return values[value.name]
    if isinstance(value, tuple):
        return [_value(name, one, values) for one in value]
    if name == "dtype" and isinstance(value, str):
        return getattr(torch, value)
    return value
