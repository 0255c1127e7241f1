"""What one pass makes of layers: a rule by class, which stands with the pass, and a default for all others.

A package gives its layer's by an entry point in the group `netdsl.rules`, named by the keyword and the rule, which is
loaded when the pass first wants it:

    [project.entry-points."netdsl.rules"]
    "SWISH.saves" = "my_package.rules:saves"
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from netdsl.layers import guard
from netdsl.layers.base import Layer

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

GROUP = "netdsl.rules"

T = TypeVar("T")


class Rule(Generic[T]):
    """A question to layers; `fits` tells whether a package may answer so."""

    def __init__(self, default: Callable[..., T], fits: guard.Test) -> None:
        self.name, self.__doc__ = default.__name__, default.__doc__
        self._fits = fits
        self._rules: dict[type[Layer], Callable[..., T]] = {Layer: default}
        self._found: dict[type[Layer], Callable[..., T]] = {}

    def of(self, *kinds: type[Layer]) -> Callable[[Callable[..., T]], Callable[..., T]]:
        """Make a function the rule of some classes, and of those below them."""

        def add(rule: Callable[..., T]) -> Callable[..., T]:
            self._rules |= dict.fromkeys(kinds, rule)
            return rule

        return add

    def __call__(self, layer: Layer, *inputs: Any) -> T:
        """What the rule of a layer's class makes of it. Raises BrokenLayer where that is a package's, and fails."""
        kind = type(layer)
        if kind not in self._found:
            rule = next(self._rules[one] for one in kind.__mro__ if one in self._rules)
            if guard.brought(layer):
                entry = _entry_points().get(f"{layer.keyword}.{self.name}")
                rule = guard.ruled(kind, rule, entry, f"its rule {self.name}", self._fits)
            self._found[kind] = rule
        return self._found[kind](layer, *inputs)


def rule(fits: guard.Test) -> Callable[[Callable[..., T]], Rule[T]]:
    """Make a function the default of a rule that has its name."""
    return lambda default: Rule(default, fits)


@cache
def _entry_points() -> dict[str, EntryPoint]:
    from importlib.metadata import entry_points

    return {entry.name: entry for entry in entry_points(group=GROUP)}
