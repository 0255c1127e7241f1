"""Primitives in the making: what the rules for PyTorch's operators write, and how they read their arguments.

Operators are ONNX's, with three liberties that a file of ONNX has not: a Gemm takes tensors of any rank and works on
their last axis, AdaptiveAveragePool and AdaptiveMaxPool have `output_size`, and values are never cast.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from netdsl.interchange.primitives import Dims, Operator, uniform
from netdsl.interchange.torch.program import Call, Program, Ref, Value, numbers

if TYPE_CHECKING:
    from netdsl.interchange.primitives import Tensor


class Unsaid(Exception):
    """Why a call cannot be said."""


class Writing:
    """Operators and constants, and which value each tensor of the program is."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.operators: list[Operator] = []
        self.constants: dict[str, Tensor] = dict(program.tensors)
        self.dims: dict[str, Dims] = dict(program.dims)
        self.missing = set(program.missing)
        self.makers = {name: call for call in program.calls for name in call.outputs}
        self.readers: dict[str, list[Call]] = {}
        for call in program.calls:
            for name in call.refs():
                self.readers.setdefault(name, []).append(call)
        self.values: dict[str, str] = {}
        """For a tensor that is another value, as after a dropout without effect, that value."""
        self.states: dict[str, list[str]] = {}
        """For the last states of several recurrent layers, those of each layer, along their first axis."""
        self.layers: dict[str, list[str]] = {}
        """The same where each layer has a place of the first axis."""

    def named(self, name: str) -> str:
        """The value that a tensor is."""
        while name in self.values:
            name = self.values[name]
        return name

    def constant(self, name: str, values: Any) -> str:
        """A constant with a name of its own, and with equal values wherever it is asked for."""
        import numpy as np

        self.constants[name] = found = np.asarray(values)
        self.dims[name] = found.shape
        return name

    def whole(self, *values: int) -> str:
        """A constant of whole numbers: sizes, axes."""
        import numpy as np

        return self.constant(f"[{' '.join(map(str, values))}]", np.array(values, np.int64))

    def factors(self, values: tuple[float, ...]) -> str:
        """A constant with the factors of a Resize."""
        import numpy as np

        return self.constant(f"x{'x'.join(f'{one:g}' for one in values)}", np.array(values, np.float32))

    def place(self, place: int) -> str:
        """A constant that is one place of an axis."""
        import numpy as np

        return self.constant(f"{place}", np.int64(place))

    def real(self, value: float) -> str:
        """A constant number."""
        import numpy as np

        return self.constant(f"{float(value)!r}", np.float32(value))

    def filled(self, dims: Dims, value: float) -> str:
        """A constant with one value everywhere."""
        import numpy as np

        name = f"{float(value)!r}x{'x'.join(map(str, dims))}"
        self.constants[name] = uniform(dims, np.float32(value))
        self.dims[name] = dims
        return name


class Given:
    """A call while a rule writes it."""

    def __init__(self, writing: Writing, call: Call) -> None:
        self.writing, self.call = writing, call
        self.count = 0

    # What it is given

    def has(self, name: str) -> bool:
        """Whether an argument is given, and is not None."""
        return self.call.arguments.get(name) is not None

    def ref(self, name: str) -> str:
        """A tensor among the arguments, as a value."""
        value = self.call.arguments.get(name)
        if not isinstance(value, Ref):
            raise Unsaid(f"its {name} is no tensor")
        return self.writing.named(value.name)

    def maybe(self, name: str) -> str:
        """A tensor among the arguments, or "" for none."""
        return self.ref(name) if self.has(name) else ""

    def refs(self, name: str) -> list[str]:
        """Several tensors that are one argument."""
        value = self.call.arguments.get(name)
        several = value if isinstance(value, tuple) else ()
        return [self.writing.named(one.name) for one in several if isinstance(one, Ref)]

    def value(self, name: str, default: Value = None) -> Value:
        """An argument."""
        found = self.call.arguments.get(name)
        return default if found is None else found

    def flag(self, name: str, default: bool = False) -> bool:
        """An argument that says yes or no."""
        return bool(self.value(name, default))

    def int(self, name: str, default: int = 0) -> int:
        """An argument that is a whole number."""
        found = self.value(name, default)
        if not isinstance(found, int):
            raise Unsaid(f"its {name} is {found}, and no whole number")
        return int(found)

    def float(self, name: str, default: float) -> float:
        """An argument that is a number."""
        found = self.value(name, default)
        if not isinstance(found, int | float):
            raise Unsaid(f"its {name} is no number")
        return float(found)

    def text(self, name: str, default: str = "") -> str:
        """An argument that is a text."""
        found = self.value(name, default)
        return found if isinstance(found, str) else default

    def ints(self, name: str, rank: int = 0, default: Sequence[int] = ()) -> Dims:
        """An argument of whole numbers; one stands for all of `rank` axes."""
        found = numbers(self.value(name)) or tuple(default)
        return found * rank if rank and len(found) == 1 else found

    def dims(self, name: str) -> Dims:
        """The sizes of a value."""
        return self.writing.dims[name]

    def maker(self, name: str, operators: str = "") -> Given | None:
        """The call whose output an argument is, where it is one of some operators."""
        value = self.call.arguments.get(name)
        call = self.writing.makers.get(value.name) if isinstance(value, Ref) else None
        return Given(self.writing, call) if call and call.operator in operators.split() else None

    @property
    def gives(self) -> Dims:
        """The sizes of what the call gives."""
        return self.writing.dims[self.call.outputs[0]]

    def axis(self, name: str, rank: int, default: int = 0) -> int:
        """An argument that is an axis, counted from the front."""
        found = self.int(name, default)
        if not -rank <= found < rank:
            raise Unsaid(f"its {name} is {found} of {rank} axes")
        return found % rank

    def axes(self, name: str, rank: int) -> Dims:
        """An argument that is several axes, counted from the front; all of them where there is none."""
        found = self.ints(name) or tuple(range(rank))
        if any(not -rank <= axis < rank for axis in found):
            raise Unsaid(f"its {name} is {list(found)} of {rank} axes")
        return tuple([axis % rank for axis in found])

    # What it writes

    def last(self, kind: str, *inputs: str, **attributes: Any) -> None:
        """The operator whose output is that of the call."""
        self.write(kind, inputs, self.call.outputs[:1], attributes)

    def step(self, kind: str, dims: Dims, *inputs: str, **attributes: Any) -> str:
        """An operator on the way; gives its output."""
        self.count += 1
        name = f"{self.call.outputs[0]}.{self.count}"
        self.writing.dims[name] = dims
        self.write(kind, inputs, (name,), attributes)
        return name

    def write(self, kind: str, inputs: Sequence[str], outputs: Sequence[str], attributes: Mapping[str, Any]) -> None:
        """An operator."""
        kept = list(inputs)
        while kept and not kept[-1]:
            del kept[-1]
        made = Operator(kind, tuple(kept), tuple(outputs), attributes, self.call.path, self.call.scope)
        self.writing.operators.append(made)

    def same(self, value: str, at: int = 0) -> None:
        """What the call gives is a value that is there."""
        if self.call.outputs[at] != value:
            self.writing.values[self.call.outputs[at]] = value

    def reshaped(self, value: str) -> None:
        """What the call gives is a value in other sizes."""
        gives = self.gives
        if self.dims(value) == gives:
            self.same(value)
        else:
            self.last("Reshape", value, self.writing.whole(*gives))

    def place(self, place: int) -> str:
        """A constant that is one place of an axis."""
        return self.writing.place(place)

    def scalar(self, name: str) -> str:
        """An argument that is a tensor or a number, as a value."""
        value = self.value(name)
        if isinstance(value, Ref):
            return self.writing.named(value.name)
        return self.writing.real(self.float(name, 0))
