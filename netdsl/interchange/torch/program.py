"""A program of torch.export as plain values: calls of PyTorch's operators, whoever wrote them down."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, TypeAlias, cast

from netdsl.interchange.flat import MOST_SCOPES, ForeignError, ForeignMistake, at_node
from netdsl.text.diagnostic import Diagnostic
from netdsl.text.fit import listed

if TYPE_CHECKING:
    from netdsl.interchange.primitives import Dims, Tensor
    from netdsl.text.source import Span

MOST_CALLS = 200_000
"""Calls that a program may have: some hundred times those of the largest of torchvision's."""


@dataclass(frozen=True, slots=True)
class Ref:
    """A tensor, by its name."""

    name: str


Value: TypeAlias = "Ref | bool | int | float | str | tuple[Value, ...] | None"
"""What an argument is: kinds of numbers, devices and layouts are their names, as `float32`."""


@dataclass(frozen=True, eq=False)
class Call:
    """A call of an operator: `conv2d` of PyTorch's own, `torchvision.nms` of another package's."""

    operator: str
    arguments: Mapping[str, Value]
    """By the names of the operator's schema; what is not given has its default."""
    outputs: tuple[str, ...]
    name: str = ""
    scope: tuple[tuple[str, str], ...] = ()
    """The modules around it, from outside in, each with its name and class."""

    @property
    def module(self) -> str:
        """The path of the module around it."""
        return ".".join(name for name, _ in self.scope)

    @property
    def path(self) -> str:
        """What one would call it: the module that it is all of, or what it does in the module around it."""
        if not self.scope or self.scope[-1][1] not in _LEAVES:
            return f"{self.module}.{self.name}".lstrip(".")
        return self.module

    def refs(self) -> Iterator[str]:
        """The tensors that it reads."""
        for value in self.arguments.values():
            yield from _refs(value)


_LEAVES = frozenset(
    (
        *("Conv1d", "Conv2d", "Conv3d", "ConvTranspose1d", "ConvTranspose2d", "ConvTranspose3d", "Linear"),
        *("BatchNorm1d", "BatchNorm2d", "BatchNorm3d", "InstanceNorm1d", "InstanceNorm2d", "InstanceNorm3d"),
        *("LayerNorm", "GroupNorm", "RMSNorm", "MaxPool1d", "MaxPool2d", "MaxPool3d", "AvgPool1d", "AvgPool2d"),
        *("AvgPool3d", "AdaptiveAvgPool1d", "AdaptiveAvgPool2d", "AdaptiveAvgPool3d", "AdaptiveMaxPool2d"),
        *("Dropout", "Dropout1d", "Dropout2d", "Dropout3d", "AlphaDropout", "LSTM", "GRU", "Flatten", "Upsample"),
        *("PixelShuffle", "PixelUnshuffle", "ChannelShuffle", "ReLU", "ReLU6", "LeakyReLU", "PReLU", "ELU", "SELU"),
        *("GELU", "SiLU", "Mish", "Hardswish", "Hardsigmoid", "Sigmoid", "Tanh", "Softplus", "Softmax"),
        *("LogSoftmax", "Hardtanh", "ZeroPad2d", "ReflectionPad2d", "ReplicationPad2d"),
    )
)
"""Classes of torch.nn whose modules are one layer."""


@dataclass(frozen=True, eq=False)
class Program:
    """Calls in the order in which they run, and what they read and give."""

    title: str
    source: str
    file: str
    calls: tuple[Call, ...]
    inputs: tuple[str, ...]
    outputs: tuple[tuple[str, str], ...]
    """The name of each output, "" where the module has none, and of the tensor that it is."""
    dims: Mapping[str, Dims]
    tensors: Mapping[str, Tensor]
    """Parameters, buffers and constants, by the names that calls have for them."""
    paths: Mapping[str, str] = field(default_factory=dict[str, str])
    """The module's own names of these, as its state dict has them."""
    shared: Mapping[str, str] = field(default_factory=dict[str, str])
    """For a tensor that is another one, too, that one."""
    missing: frozenset[str] = frozenset()
    parameters: frozenset[str] = frozenset()
    origins: Mapping[str, frozenset[str]] = field(default_factory=dict[str, frozenset[str]])
    """For a constant that was worked out, the tensors that it follows from; of many some, parameters first."""
    computed: frozenset[str] = frozenset()
    """The constants that have other values than those."""
    notes: tuple[str, ...] = ()
    room: int = 2**27
    """Bytes that constants may take which are worked out, beyond as many as it has; one alone as many values of 8."""

    def place(self, call: Call) -> Span:
        """Where a call stands, for diagnostics."""
        said = ", ".join(f"{name}={_said(value)}" for name, value in call.arguments.items())
        return at_node(self.file, call.path, f"{call.operator}({said})")


class Overwritten(ForeignMistake, code="unknown-layer"):
    """What is changed in place is a part of a tensor that is read afterwards."""

    operator: str
    module: str
    words = "{operator} in {module} cannot be said: it changes a part of a tensor that is read afterwards"
    advice = "write it without changing it in place, by torch.cat or a mask"


def _refs(value: Value) -> Iterator[str]:
    if isinstance(value, Ref):
        yield value.name
    elif isinstance(value, tuple):
        for one in value:
            yield from _refs(one)


def _said(value: Value) -> str:
    if isinstance(value, Ref):
        return value.name
    if isinstance(value, tuple):
        return f"[{', '.join(map(_said, value))}]"
    return str(value)


_VIEWS = frozenset(
    (
        *("view", "reshape", "flatten", "unflatten", "squeeze", "unsqueeze", "permute", "transpose", "t", "select"),
        *("slice", "narrow", "split", "split_with_sizes", "chunk", "tensor_split", "unbind", "expand", "expand_as"),
        *("alias", "detach", "view_as", "movedim", "contiguous", "to", "type_as", "unsafe_chunk", "numpy_T", "mT"),
        *("swapaxes", "swapdims", "diagonal", "unfold", "dropout"),
    )
)
"""Operators whose outputs may be parts of their first input."""


def without_changes(program: Program) -> Program:
    """The same program with each change in place as a new tensor, which all that follows reads instead.

    Raises ForeignError where that is not all that follows.
    """
    tensors = _Tensors()
    culprits: list[Call] = []
    calls: list[Call] = []
    for time, call in enumerate(program.calls):
        names = {name: tensors.now(name) for name in call.refs()}
        culprits += tensors.culprits(names.values(), time)
        arguments = {name: _renamed(value, names) for name, value in call.arguments.items()}
        first = next(iter(arguments.values()), None)
        operator, changes = call.operator, in_place(call.operator)
        calls.append(replace(call, arguments=arguments, operator=operator.rstrip("_") if changes else operator))
        if isinstance(first, Ref) and call.outputs:
            if changes:
                tensors.change(first.name, call, time)
            elif operator in _VIEWS:
                tensors.view(first.name, call.outputs, time)
    outputs = tuple((name, tensors.now(value)) for name, value in program.outputs)
    culprits += tensors.culprits([value for _, value in outputs], len(calls))
    if culprits:
        mistakes = [(Overwritten(one.operator, one.module or "the network"), one) for one in culprits]
        raise ForeignError([Diagnostic(mistake, program.place(one)) for mistake, one in mistakes])
    return replace(program, calls=tuple(calls), outputs=outputs)


class _Tensors:
    """What became of tensors that are changed in place, and of those that are parts of them."""

    def __init__(self) -> None:
        self._current: dict[str, str] = {}
        self._base: dict[str, str] = {}
        self._changes: dict[str, tuple[int, Call]] = {}
        """For what others are parts of, the last change of any of them, and when."""
        self._known: dict[str, int] = {}
        """Since when a part is what its name says, or was told not to be."""

    def now(self, name: str) -> str:
        """The tensor that a name is by now."""
        passed: list[str] = []
        while name in self._current:
            passed.append(name)
            name = self._current[name]
        self._current.update(dict.fromkeys(passed, name))
        return name

    def view(self, name: str, outputs: Sequence[str], time: int) -> None:
        """Let tensors be parts of another one."""
        self._base.update(dict.fromkeys(outputs, self._base.get(name, name)))
        self._known.update(dict.fromkeys(outputs, time))

    def change(self, name: str, call: Call, time: int) -> None:
        """Let a tensor be what a call makes of it; its parts, and what it is a part of, are what no name says."""
        new = call.outputs[0]
        self._changes[self._base.get(name, name)] = time, call
        self._known[name] = time + 1
        self._current.pop(new, None)
        if new != name:
            self._current[name] = new

    def culprits(self, names: Iterable[str], time: int) -> Iterator[Call]:
        """What has changed tensors that are read now, each told once."""
        for name in dict.fromkeys(names):
            changed, call = self._changes.get(self._base.get(name, name), (-1, None))
            if call is not None and changed >= self._known.get(name, -1):
                self._known[name] = time
                yield call


def inlined(
    call: Call, calls: Sequence[Call], reads: Sequence[str], gives: Sequence[str], given: Sequence[str]
) -> Iterator[Call]:
    """The calls of a graph that one runs as it is, as under torch.no_grad: of what it is `given` where that `reads`.

    Their names are within that of the call, but for what the graph gives.
    """
    names = {name: f"{call.name}.{name}" for one in calls for name in one.outputs}
    names |= dict(zip(reads, given, strict=True))
    made = {name for one in calls for name in one.outputs}
    passed: list[Call] = []
    for inner, outer in zip(gives, call.outputs, strict=True):
        if inner in made and names[inner] not in call.outputs:
            names[inner] = outer
        else:
            passed.append(Call("alias", {"self": Ref(names[inner])}, (outer,), outer, call.scope))
    for one in calls:
        arguments = {name: _renamed(value, names) for name, value in one.arguments.items()}
        yield replace(one, arguments=arguments, outputs=tuple([names.get(name, name) for name in one.outputs]))
    yield from passed


def in_place(operator: str) -> bool:
    """Whether an operator changes its first input, as its name says."""
    return operator.endswith("_") and not operator.startswith("_")


def _renamed(value: Value, names: Mapping[str, str]) -> Value:
    if isinstance(value, Ref):
        return Ref(names[value.name]) if value.name in names else value
    if isinstance(value, tuple):
        return tuple([_renamed(one, names) for one in value])
    return value


def scope_of(stack: Sequence[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
    """The modules around a call, of their full paths and classes: each by its name in the one before.

    What is never called itself, as a ModuleList, has no class; what is called again has a path that ends in `@1`.
    """
    found: list[tuple[str, str]] = []
    before = ""
    for full, kind in stack[:MOST_SCOPES]:
        path = full.partition("@")[0]
        if not path:
            continue
        *outer, name = (path.removeprefix(f"{before}.") if before else path).split(".", MOST_SCOPES)
        before = path
        found += [(one, "") for one in outer]
        found.append((name, kind.rpartition(".")[2]))
    return tuple(found[:MOST_SCOPES])


def numbers(value: Value) -> tuple[int, ...]:
    """A list of whole numbers, or one; () where it is none."""
    if isinstance(value, int):
        return (int(value),)
    several = cast("tuple[Value, ...]", value) if isinstance(value, tuple) else ()
    return tuple([one for one in several if isinstance(one, int)])


def computed_in(kinds: Sequence[str]) -> str:
    """What is told of a source that computes in other numbers than float32, as autocast does."""
    return f"computed in {listed(kinds, ' and ')} by the source, and in float32 here"
