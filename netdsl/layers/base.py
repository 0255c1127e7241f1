"""What a layer is: one frozen class with its arguments, documentation, shape rule, costs, role and lowering.

    @dataclass(frozen=True)
    class Swish(Layer):
        '''x · sigmoid(βx), with one learned β.

        `SWISH beta=1.5`
        '''

        keyword = "SWISH"
        role = "activation"
        beta: Fraction = option(real(), "where β starts", 1)

        def lower(self, *inputs):
            from my_package.modules import Swish

            return Swish(float(self.beta))

A layer takes the shapes of its inputs, which are those of one example, and never a batch size.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from math import prod
from typing import TYPE_CHECKING, ClassVar, Literal, TypeAlias

from netdsl.layers.arguments import Kind, LayerError, Sizes, Value, arguments_of, show

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import nn

    from netdsl.layers.shape import Shape

Role: TypeAlias = Literal[
    "input", "convolution", "dense", "pooling", "normalization", "activation", "dropout", "merge", "reshape"
]
"""What a layer is to the reader of a picture: its colour."""


@dataclass(frozen=True, slots=True)
class Weight:
    """A tensor that training changes. `count` leaves out values that are fixed at zero (a connection table's)."""

    name: str
    dims: tuple[int, ...]
    fixed: int = 0

    @property
    def count(self) -> int:
        """How many of its values training changes."""
        return prod(self.dims) - self.fixed


@dataclass(frozen=True, slots=True)
class Window:
    """What an output position reads along one spatial axis: `reach` positions from o·stride − before on.

    For a layer that enlarges, positions are those of the enlarged input.
    """

    size: int
    stride: int = 1
    before: int = 0
    after: int = 0
    dilation: int = 1

    @property
    def reach(self) -> int:
        """The span it covers: d(k − 1) + 1."""
        return self.dilation * (self.size - 1) + 1


@dataclass(frozen=True)
class Layer:
    """A row of the layer table. Subclasses are frozen dataclasses whose fields are the layer's arguments."""

    keyword: ClassVar[str]
    aliases: ClassVar[tuple[str, ...]] = ()
    role: ClassVar[Role]
    merge: ClassVar[bool] = False
    """Whether it takes what the branches of a fork made."""
    inplace: ClassVar[bool] = False
    """Whether its output may take the place of its input, so that it adds no activation memory."""
    counts_depth: ClassVar[bool] = False
    """Whether it is one of the layers that people count: CONV, DWCONV, DECONV and FC."""
    flops_per_output: ClassVar[int] = 0
    """Operations for each value of the output, beyond two for each MAC."""
    training_only: ClassVar[bool] = False
    """Whether it passes its input on unchanged in inference (dropout)."""
    view: ClassVar[bool] = False
    """Whether its output shows values of its input in inference, without a copy (FLATTEN, CROP, dropout)."""

    def shape(self, *inputs: Shape) -> Shape:
        """The output's shape. Raises LayerError where the inputs do not fit."""
        return inputs[0]

    def weights(self, *inputs: Shape) -> tuple[Weight, ...]:
        """The tensors that training changes, named and shaped as in the module's state dict."""
        return ()

    def macs(self, *inputs: Shape) -> int:
        """Multiply-adds of one example."""
        return 0

    def flops(self, *inputs: Shape) -> int:
        """Floating-point operations of one example: two a MAC, and `flops_per_output` for each output."""
        return 2 * self.macs(*inputs) + self.flops_per_output * self.shape(*inputs).elements

    def windows(self, *inputs: Shape) -> tuple[Window, ...] | Literal["all"]:
        """What an output position reads of each input, per spatial axis; () for its own position, "all" for the map."""
        return ()

    def enlargement(self, *inputs: Shape) -> tuple[Fraction, ...]:
        """By how much it enlarges each spatial axis before its window; () where it does not (DECONV, UPSAMPLE)."""
        return ()

    def warnings(self, *inputs: Shape) -> Iterator[LayerError]:
        """What is legal, but likely not meant."""
        return iter(())

    def lower(self, *inputs: Shape) -> nn.Module:
        """The torch module that computes it on N x channels x spatial tensors, freshly initialised.

        It is called with one tensor for each input, by position (those of a merge and of `like=` too), passes
        torch.jit.script, and its parameters are named and shaped as `weights` says. It never works in place.
        """
        raise NotImplementedError(f"{self.keyword} has no lowering")

    @property
    def label(self) -> str:
        """Its arguments as the language writes them, defaults left out: `96 11x11 s4`."""
        words: list[str] = []
        for argument in arguments_of(type(self)):
            value = getattr(self, argument.attribute)
            if value is None or value is False or value == argument.default:
                continue
            match argument.form:
                case "positional":
                    words.append(_written(value, argument.kind))
                case "tag":
                    words.append(argument.letter + show(value))
                case "flag":
                    words.append(argument.field)
                case "option":
                    words.append(f"{argument.field}={_written(value, argument.kind)}")
        return " ".join(words)


def _written(value: Value, kind: Kind) -> str:
    """A value as an argument: words bare, strings quoted, braces around what is neither a number nor dims."""
    match value:
        case str():
            return value if kind.words or kind.node else '"' + value.replace("\\", r"\\").replace('"', r"\"") + '"'
        case tuple() if any(isinstance(part, Fraction) or part < 0 for part in value):
            return "{" + ", ".join(map(show, value)) + "}"
        case _:
            text = show(value)
            return f"{{{text}}}" if "/" in text else text


def per_axis(sizes: Sizes, x: Shape, argument: str) -> Sizes:
    """A size for each spatial axis of an input. Raises `rank-mismatch` where dims have another number of them."""
    rank = len(x.spatial)
    if len(sizes) == 1:
        return sizes * rank
    if len(sizes) != rank:
        axes = f"{rank} spatial ax{'is' if rank == 1 else 'es'}" if rank else "no spatial axes"
        grey = len(sizes) == rank + 1
        raise LayerError(
            "rank-mismatch",
            f"{argument} {show(sizes)} has {len(sizes)} sizes, but the input {x} has {axes}",
            f"channels come last: with one channel it is {x}x1" if grey else "",
            argument=argument,
            inputs=True,
        )
    return sizes


def require_axes(keyword: str, x: Shape, help: str = "RESHAPE it first") -> None:
    """Raise `rank-mismatch` where an input has no spatial axes, or more than the three that PyTorch works on."""
    if not x.spatial:
        message = f"{keyword} works along spatial axes, but its input is a vector of {x}"
        raise LayerError("rank-mismatch", message, help, inputs=True)
    if len(x.spatial) > 3:
        message = f"{keyword} works along one to three spatial axes, but its input {x} has {len(x.spatial)}"
        raise LayerError("rank-mismatch", message, inputs=True)
