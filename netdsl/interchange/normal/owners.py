"""Whose weights items use: those of the first that is the same layer, of the same constants in the same form."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from netdsl.interchange.primitives import Tensor
    from netdsl.layers.base import Layer


class Owners:
    """The first item of each kind."""

    def __init__(self) -> None:
        self._first: dict[object, str] = {}
        self._kinds: dict[str, object] = {}

    def of(self, item: str, layer: Layer, tied: tuple[str, ...], weights: Mapping[str, Tensor]) -> str:
        """Whose weights an item uses, its own where it is the first. A matrix and its transpose are two forms."""
        kind = layer, tied, tuple(map(_form, weights.values()))
        self._kinds[item] = kind
        return self._first.setdefault(kind, item)

    def leave(self, item: str) -> None:
        """Let no further item use the weights of one."""
        if self._first.get(kind := self._kinds.pop(item, None)) == item:
            del self._first[kind]


def _form(value: Tensor) -> tuple[int, ...]:
    """How the values of a tensor lie in memory: by how many each axis goes on."""
    steps = zip(value.shape, value.strides, strict=True)
    return tuple([step // value.itemsize if size > 1 else 0 for size, step in steps])
