"""The operators that one is made of, while they are written."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from netdsl.interchange.normal.draft import Draft, Unsaid
from netdsl.interchange.primitives import Operator

if TYPE_CHECKING:
    from numpy.typing import ArrayLike


class Parts:
    """Operators in place of another one: a call adds one, and gives the name of its value."""

    def __init__(self, draft: Draft, operator: Operator) -> None:
        self.draft, self.operator = draft, operator
        self.made: list[Operator] = []
        self.count = 0

    def __call__(self, kind: str, *inputs: str, **attributes: Any) -> str:
        """The value of another operator."""
        return self.given(kind, inputs, self._named(), **attributes)

    def last(self, kind: str, *inputs: str, **attributes: Any) -> None:
        """The operator whose value is that of the whole."""
        self.given(kind, inputs, self.operator.outputs[0], **attributes)

    def given(self, kind: str, inputs: tuple[str, ...], output: str, **attributes: Any) -> str:
        """An operator whose value has a name."""
        name = self.operator.name or self.operator.outputs[0]
        self.made.append(Operator(kind, inputs, (output,), attributes, name, self.operator.scope))
        return output

    def itself(self) -> None:
        """The operator as it is."""
        self.made.append(self.operator)

    def number(self, value: ArrayLike) -> str:
        """A constant of numbers."""
        return self._constant(np.asarray(value, np.float32))

    def sizes(self, *values: int) -> str:
        """A constant of whole numbers."""
        return self._constant(np.asarray(values, np.int64))

    def _constant(self, value: Any) -> str:
        name = self._named()
        self.draft.constants[name] = value
        return name

    def _named(self) -> str:
        while True:
            self.count += 1
            name = f"{self.operator.outputs[0]}#{self.count}"
            if name not in self.draft.constants and name not in self.draft.makers:
                return name

    def dims(self, name: str) -> tuple[int, ...]:
        """The sizes of a value that the operator reads."""
        if name in self.draft.constants:
            return self.draft.constants[name].shape
        if name not in self.draft.flows:
            raise Unsaid("an input of it is missing")
        return self.draft.flows[name].dims
