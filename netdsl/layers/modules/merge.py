"""Merges of any number of tensors.

TorchScript takes no `*args`, so each number of inputs has a class of its own (`Add2`, `Concat4`), made when it is
first asked for: an operation below, which takes a list, with a `forward` that names as many arguments.
"""

import linecache
from functools import cache
from typing import Any, cast

import torch
from torch import Tensor, nn


class Concat(nn.Module):
    """Channels joined."""

    def merge(self, inputs: list[Tensor]) -> Tensor:
        return torch.cat(inputs, 1)


class Add(nn.Module):
    """The sum."""

    def merge(self, inputs: list[Tensor]) -> Tensor:
        total = inputs[0]
        for other in inputs[1:]:
            total = total + other
        return total


class Subtract(nn.Module):
    """The first less the others."""

    def merge(self, inputs: list[Tensor]) -> Tensor:
        rest = inputs[0]
        for other in inputs[1:]:
            rest = rest - other
        return rest


class Multiply(nn.Module):
    """The product, vectors stretched over the map."""

    def merge(self, inputs: list[Tensor]) -> Tensor:
        dim = max([x.dim() for x in inputs])
        product = stretch(inputs[0], dim)
        for other in inputs[1:]:
            product = product * stretch(other, dim)
        return product


def stretch(x: Tensor, dim: int) -> Tensor:
    """A vector of C as 1x1xC; a map as it is."""
    while x.dim() < dim:
        x = x.unsqueeze(-1)
    return x


class Mean(nn.Module):
    """The mean."""

    def merge(self, inputs: list[Tensor]) -> Tensor:
        total = inputs[0]
        for other in inputs[1:]:
            total = total + other
        return total / len(inputs)


class Maximum(nn.Module):
    """The largest value."""

    def merge(self, inputs: list[Tensor]) -> Tensor:
        largest = inputs[0]
        for other in inputs[1:]:
            largest = torch.maximum(largest, other)
        return largest


_OPERATIONS = {one.__name__: one for one in (Concat, Add, Subtract, Multiply, Mean, Maximum)}


@cache
def of(operation: str, count: int) -> type[nn.Module]:
    """The class that merges `count` tensors by one of the operations above."""
    names = ", ".join(f"x{number}" for number in range(1, count + 1))
    source = f"def forward(self, {names}):\n    return self.merge([{names}])\n"
    file = f"<netdsl merge of {count}>"
    linecache.cache[file] = (len(source), None, source.splitlines(True), file)  # where TorchScript reads it
    scope: dict[str, Any] = {}
    exec(compile(source, file, "exec"), scope)
    base: type[nn.Module] = _OPERATIONS[operation]
    members = {"forward": scope["forward"], "__module__": __name__, "__doc__": base.__doc__}
    return cast("type[nn.Module]", type(f"{operation}{count}", (base,), members))


def __getattr__(name: str) -> type[nn.Module]:
    """`Add2` and its kin by name, so that a pickled network finds them."""
    operation = name.rstrip("0123456789")
    if operation not in _OPERATIONS or operation == name:
        raise AttributeError(f"module {__name__} has no attribute {name}")
    return of(operation, int(name[len(operation) :]))
