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

from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property
from math import prod
from typing import TYPE_CHECKING, ClassVar, Literal, TypeAlias

from netdsl.layers import mistakes
from netdsl.layers.arguments import LayerError, Sizes, arguments_of, once, show
from netdsl.layers.formula import known

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from torch import nn

    from netdsl.layers.shape import Shape

Role: TypeAlias = Literal[
    "input",
    "convolution",
    "attention",
    "dense",
    "recurrent",
    "pooling",
    "normalization",
    "activation",
    "dropout",
    "merge",
    "reshape",
]
"""What a layer is to the reader of a picture: its colour."""

FOLLOWERS = frozenset({"activation", "normalization", "dropout"})
"""Roles of what works on the values of the layer before it."""


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

    @property
    def bias(self) -> bool:
        """Whether it is one of those that are added: `bias`, or of a layer with several `bias_hh_l0`."""
        return self.name.startswith("bias")


@dataclass(frozen=True, slots=True)
class Window:
    """What an output position reads along one spatial axis: `reach` positions from o·stride − before on.

    For a layer that enlarges, positions are those of the enlarged input. With `shared`, that many neighbours read the
    same: the map is cut into windows, of which the first begins `before` the map.
    """

    size: int
    stride: int = 1
    before: int = 0
    after: int = 0
    dilation: int = 1
    shared: int = 1

    @property
    def reach(self) -> int:
        """The span it covers: d(k − 1) + 1."""
        return self.dilation * (self.size - 1) + 1


@dataclass(frozen=True, slots=True)
class Product:
    """A layer that is one of torch's convolutions or linear layers: a `weight`, and a `bias` unless it has `nobias`."""

    layer: Layer
    filters: str = ""
    """The argument that is the number of its filters, where all of them read the same."""

    def of(self, *, bias: bool, filters: int | None = None) -> Layer | None:
        """The same with a bias or without, and with as many filters; None where these cannot be chosen."""
        if filters is not None and not self.filters:
            return None
        chosen = {} if filters is None else {self.filters: filters}
        return replace(self.layer, nobias=not bias, **chosen)


@dataclass(frozen=True, slots=True)
class Algebra:
    """What holds of a layer in inference, so that passes may move it, leave it out or join it with others."""

    elementwise: bool = False
    """Each value of its output follows from the one at its place alone, whatever the shape."""
    monotone: bool = False
    """Each value of its output follows from the one at its place, and never falls where that rises."""
    channelwise: Literal["factor", "affine"] | None = None
    """It multiplies each channel by a factor (`factor`), and adds an offset to it (`affine`): SCALE, BN."""
    identity: bool = False
    """It gives its first input as it is: SKIP, FLATTEN of a vector, dropout."""
    flattens: bool = False
    """It gives the values of its input as a vector, and does nothing else."""
    linear: Product | None = None
    """What computes the same with a weight and a bias alone: a layer that is such a product has one."""
    windowed: Layer | None = None
    """The layer with a sliding window as large as its input, of a layer that reads all of that: the same on such a map.

    Over a larger map it gives a map of results.
    """


@dataclass(frozen=True)
class Layer:
    """A row of the layer table. Subclasses are frozen dataclasses whose fields are the layer's arguments.

    `keyword` and `role` it has to say, and how to `lower` it; all else has defaults.
    """

    keyword: ClassVar[str]
    aliases: ClassVar[tuple[str, ...]] = ()
    """Further keywords of a layer of netdsl's own; a package's is found by its one keyword."""
    role: ClassVar[Role]

    # What it does

    merge: ClassVar[bool] = False
    """Whether it takes what the branches of a fork made."""
    commutative: ClassVar[bool] = False
    """Whether the order of its inputs makes no difference: ADD, not CONCAT."""
    training_only: ClassVar[bool] = False
    """Whether it passes its input on unchanged in inference (dropout)."""

    # What it costs

    flops_per_output: ClassVar[int] = 0
    """Operations for each value of the output, beyond two for each MAC."""
    inplace: ClassVar[bool] = False
    """Whether its output may take the place of its input, so that it adds no activation memory."""
    view: ClassVar[bool] = False
    """Whether its output shows values of its input in inference, without a copy (FLATTEN, CROP, dropout)."""
    counts_depth: ClassVar[bool] = False
    """Whether it is one of the layers that people count: CONV, FC, ATTENTION, LSTM."""

    # Shape and weights

    def shape(self, *inputs: Shape) -> Shape:
        """The output's shape. Raises LayerError where the inputs do not fit."""
        return inputs[0]

    def weights(self, *inputs: Shape) -> tuple[Weight, ...]:
        """The tensors that training changes, named and shaped as in the module's state dict."""
        return ()

    def constants(self, *inputs: Shape) -> tuple[Weight, ...]:
        """The tensors that are stored beside them and that training does not change, so named in the module's buffers.

        A table's zeros are none: they are the `fixed` part of a weight.
        """
        return ()

    def warnings(self, *inputs: Shape) -> Iterator[LayerError]:
        """What is legal, but likely not meant."""
        return iter(())

    # Costs of one example

    def macs(self, *inputs: Shape) -> int:
        """Multiply-adds of one example."""
        return 0

    def connections(self, *inputs: Shape) -> int:
        """Connections as LeCun et al. count them (1998, section II.B): each value read, and each bias, at each output.

        By default one for each MAC, and one for each output of a layer with MACs and a bias.
        """
        macs = self.macs(*inputs)
        biased = macs and any(weight.bias for weight in self.weights(*inputs))
        return known(macs) + known(self.shape(*inputs).elements) if biased else macs

    def flops(self, *inputs: Shape) -> int:
        """Floating-point operations of one example: two a MAC, and `flops_per_output` for each output."""
        macs, each = known(self.macs(*inputs)), self.flops_per_output
        if not each:
            return 2 * macs
        rest = each * known(self.shape(*inputs).elements)
        return 2 * macs + rest if macs else rest

    # What an output sees

    def windows(self, *inputs: Shape) -> tuple[Window, ...] | Literal["all"]:
        """What an output position reads of each input, per spatial axis; () for its own position, "all" for the map."""
        if not inputs or self.enlargement(*inputs):
            return ()
        return () if self.shape(*inputs).spatial in [x.spatial for x in inputs] else "all"

    def enlargement(self, *inputs: Shape) -> tuple[Fraction, ...]:
        """By how much it enlarges each spatial axis before its window; () where it does not (DECONV, UPSAMPLE)."""
        return ()

    def reads(self, axis: int, position: int, *inputs: Shape) -> Iterable[int] | None:
        """The positions along an axis of its input that reach one of its output; None where its windows say so exactly.

        A layer says it here where they are not one window that slides (PAD mode=reflect, UPSAMPLE mode=bilinear), or
        where values reach it by other ways (the statistics of GN).
        """
        return None

    # What other passes may count on

    def algebra(self, *inputs: Shape) -> Algebra:
        """What holds of it in inference; by default nothing, but that what training alone needs is an identity."""
        return Algebra(identity=self.training_only)

    # In PyTorch

    def lower(self, *inputs: Shape) -> nn.Module:
        """The torch module that computes it on N x channels x spatial tensors, freshly initialised.

        It is called with one tensor for each input, by position (those of a merge and of `like=` too), passes
        torch.jit.script, and its parameters are named and shaped as `weights` says. It never works in place.
        """
        raise NotImplementedError(f"{self.keyword} has no lowering")

    # As the language writes it

    @cached_property
    def written(self) -> str:
        """The layer as the language writes it, defaults left out: `CONV 96 11x11 s4`."""
        return write(self)

    @property
    def canonical(self) -> Layer:
        """The same layer with its arguments in one way of writing, for comparisons: a kernel of 3x3 as 3."""
        same: dict[str, object] = {}
        for argument in arguments_of(type(self)):
            value = getattr(self, argument.attribute)
            if argument.kind.per_axis and value not in (None, True) and once(value) != value:
                same[argument.attribute] = once(value)
        return replace(self, **same) if same else self


def write(layer: Layer, texts: Mapping[str, str] | None = None) -> str:
    """A layer as the language writes it, with the texts given for some of its arguments: `FC {k}`."""
    words = [layer.keyword]
    for argument in arguments_of(type(layer)):
        value = getattr(layer, argument.attribute)
        if texts and argument.field in texts:
            words.append(texts[argument.field])
            continue
        if value is None or value is False or value == argument.default:
            continue
        match argument.form:
            case "positional":
                words.append(argument.kind.written(value))
            case "tag":
                words.append(argument.letter + show(value))
            case "flag":
                words.append(argument.field)
            case "option" if value is True:
                words.append(argument.field)
            case "option":
                words.append(f"{argument.field}={argument.kind.written(value)}")
    return " ".join(words)


def per_axis(sizes: Sizes, x: Shape, argument: str) -> Sizes:
    """A size for each spatial axis of an input. Raises `rank-mismatch` where dims have another number of them."""
    rank = len(x.spatial)
    if len(sizes) == 1:
        return sizes * rank
    if len(sizes) != rank:
        grey = len(sizes) == rank + 1
        help = f"channels come last: with one channel it is {x}x1" if grey else ""
        if grey and rank > 1:
            help = f"it covers all channels by itself: write {show(sizes[:-1])}"
        mistake = mistakes.UnequalRanks(argument, show(sizes), len(sizes), x, help)
        raise LayerError(mistake, argument=argument, inputs=True)
    return sizes


def require_axes(keyword: str, x: Shape, help: str = "RESHAPE it first") -> None:
    """Raise `rank-mismatch` where an input has no spatial axes, or more than the three that PyTorch works on."""
    if not x.spatial:
        raise LayerError(mistakes.NoAxes(keyword, x, help), inputs=True)
    if len(x.spatial) > 3:
        raise LayerError(mistakes.ManyAxes(keyword, x), inputs=True)
