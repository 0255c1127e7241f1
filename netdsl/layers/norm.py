"""Normalisations, learned and fixed: LRN, BN, GN, LN, IN, SCALE, NORMALIZE, TIMES, PLUS."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

from netdsl.layers import mistakes
from netdsl.layers.arguments import LayerError, Number, check_groups, flag, option, positional, real, reals, whole
from netdsl.layers.base import Algebra, Layer, Weight, require_axes
from netdsl.layers.formula import group, known

if TYPE_CHECKING:
    from collections.abc import Iterable

    from torch import nn

    from netdsl.layers.shape import Shape


def _affine(x: Shape) -> tuple[Weight, ...]:
    """A factor and an offset for each channel."""
    return Weight("weight", (x.channels,)), Weight("bias", (x.channels,))


class Normalizing(Layer):
    """What BN, GN, LN and IN share: each value less a mean, over a deviation; then perhaps scaled and shifted."""

    role = "normalization"
    noaffine: bool

    @property
    def scales(self) -> bool:
        """Whether it scales and shifts by what it learns."""
        return not self.noaffine

    def weights(self, *inputs: Shape) -> tuple[Weight, ...]:
        return _affine(inputs[0]) if self.scales else ()

    def flops(self, *inputs: Shape) -> int:
        return (7 if self.scales else 5) * known(inputs[0].elements)


@dataclass(frozen=True)
class LocalResponse(Layer):
    """Local response normalisation: x / (k + alpha/size · sum of squares)^beta over neighbouring channels.

    AlexNet's (Krizhevsky 2012, section 3.3), but alpha is divided by size, as in PyTorch and Caffe; channels beyond
    the ends count as zeros.

    `LRN size=5 alpha=1e-4 beta=0.75 k=1`

    FLOPs: 2·size + 3 for each value: size squares, size - 1 additions, factor, k, power and division.
    """

    keyword = "LRN"
    aliases = ("NORM",)
    role = "normalization"

    size: int = option(whole(), "how many channels it looks at", 5)
    alpha: Number = option(real(), "factor of the mean of the squares", Fraction(1, 10000))
    beta: Number = option(real(), "exponent", Fraction(3, 4))
    k: Number = option(real(), "what is added", 1)

    def flops(self, *inputs: Shape) -> int:
        return group(2 * self.size + 3) * known(inputs[0].elements)

    def lower(self, *inputs: Shape) -> nn.Module:
        from torch import nn

        from netdsl.layers.modules import norm

        response = nn.LocalResponseNorm if inputs[0].spatial else norm.VectorResponseNorm
        return response(self.size, float(self.alpha), float(self.beta), float(self.k))


@dataclass(frozen=True)
class BatchNorm(Normalizing):
    """Normalises each channel over the batch, then scales and shifts it (Ioffe and Szegedy 2015).

    Running statistics take the batch's place in inference; they are no parameters.

    `BN eps=1e-3`

    FLOPs: 2 for each value: in inference all of it is one factor and one offset.
    """

    keyword = "BN"

    eps: Number = option(real(0), "what is added to the variance", Fraction(1, 100000))
    momentum: Number = option(real(0, 1), "the new batch's share of the running statistics", Fraction(1, 10))
    noaffine: bool = flag("neither scale nor shift")

    def algebra(self, *inputs: Shape) -> Algebra:
        return Algebra(channelwise="affine")

    def shape(self, *inputs: Shape) -> Shape:
        (x,) = inputs
        if x.spatial:
            require_axes("BN", x)
        return x

    def flops(self, *inputs: Shape) -> int:
        return 2 * known(inputs[0].elements)

    def constants(self, *inputs: Shape) -> tuple[Weight, ...]:
        """The running statistics; PyTorch's count of the batches seen is a counter of training, and no part of it."""
        channels = inputs[0].channels
        return Weight("running_mean", (channels,)), Weight("running_var", (channels,))

    def lower(self, *inputs: Shape) -> nn.Module:
        from torch import nn

        (x,) = inputs
        norm = (nn.BatchNorm1d, nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)[x.rank]
        return norm(x.channels, float(self.eps), float(self.momentum), affine=not self.noaffine)


@dataclass(frozen=True)
class GroupNorm(Normalizing):
    """Normalises groups of channels of each example over the whole map (Wu and He 2018).

    `GN 32`

    FLOPs: 7 for each value, 5 with `noaffine`: mean, deviation, square, sum, factor; scale, shift.
    """

    keyword = "GN"

    groups: int = positional(whole(), "how many groups the channels make")
    eps: Number = option(real(0), "what is added to the variance", Fraction(1, 100000))
    noaffine: bool = flag("neither scale nor shift")

    def shape(self, *inputs: Shape) -> Shape:
        (x,) = inputs
        check_groups(self.groups, x.channels)
        if x.elements == self.groups:
            mistake = mistakes.OneValue(f"GN {self.groups} over {x} leaves one value in a group", "use fewer groups")
            raise LayerError(mistake, argument="groups", inputs=True)
        return x

    def reads(self, axis: int, position: int, *inputs: Shape) -> Iterable[int]:
        return range(inputs[0].spatial[axis])

    def lower(self, *inputs: Shape) -> nn.Module:
        from torch import nn

        return nn.GroupNorm(self.groups, inputs[0].channels, float(self.eps), affine=not self.noaffine)


@dataclass(frozen=True)
class LayerNorm(Normalizing):
    """Normalises the channels of each position (Ba 2016; over positions apart, as ConvNeXt does).

    `LN eps=1e-6`

    FLOPs: 7 for each value, 5 with `noaffine`: mean, deviation, square, sum, factor; scale, shift.
    """

    keyword = "LN"

    eps: Number = option(real(0), "what is added to the variance", Fraction(1, 100000))
    noaffine: bool = flag("neither scale nor shift")

    def lower(self, *inputs: Shape) -> nn.Module:
        from torch import nn

        from netdsl.layers.modules import norm

        (x,) = inputs
        layer = norm.ChannelNorm if x.spatial else nn.LayerNorm
        return layer(x.channels, float(self.eps), elementwise_affine=not self.noaffine)


@dataclass(frozen=True)
class InstanceNorm(Normalizing):
    """Normalises each channel of each example over the whole map (Ulyanov 2016), in inference too.

    `IN affine`

    FLOPs: 5 for each value, 7 with `affine`: mean, deviation, square, sum, factor; scale, shift.
    """

    keyword = "IN"

    eps: Number = option(real(0), "what is added to the variance", Fraction(1, 100000))
    affine: bool = flag("scale and shift")

    @property
    def scales(self) -> bool:
        return self.affine

    def shape(self, *inputs: Shape) -> Shape:
        (x,) = inputs
        require_axes("IN", x, "use LN or BN")
        if x.positions == 1:
            what = f"IN normalises over the positions of a map, and {x} has one"
            raise LayerError(mistakes.OneValue(what, "use LN or BN"), inputs=True)
        return x

    def reads(self, axis: int, position: int, *inputs: Shape) -> Iterable[int]:
        return range(inputs[0].spatial[axis])

    def lower(self, *inputs: Shape) -> nn.Module:
        from torch import nn

        (x,) = inputs
        norm = (nn.InstanceNorm1d, nn.InstanceNorm2d, nn.InstanceNorm3d)[x.rank - 1]
        return norm(x.channels, float(self.eps), affine=self.affine)


@dataclass(frozen=True)
class Scale(Layer):
    """A learned factor, and with `bias` an offset from 0, for each channel.

    `SCALE bias init=1e-6`

    FLOPs: 1 for each value, 2 with `bias`.
    """

    keyword = "SCALE"
    role = "normalization"

    bias: bool = flag("add an offset for each channel")
    init: Number = option(real(), "where the factors start", 1)

    def algebra(self, *inputs: Shape) -> Algebra:
        return Algebra(channelwise="affine" if self.bias else "factor")

    def weights(self, *inputs: Shape) -> tuple[Weight, ...]:
        return _affine(inputs[0])[: 2 if self.bias else 1]

    def connections(self, *inputs: Shape) -> int:
        """The offset, one for each value; the factor belongs to the connections that it scales, as LeCun has it."""
        return inputs[0].elements if self.bias else 0

    def flops(self, *inputs: Shape) -> int:
        return (2 if self.bias else 1) * known(inputs[0].elements)

    def lower(self, *inputs: Shape) -> nn.Module:
        from netdsl.layers.modules import norm

        return norm.Scale(inputs[0].channels, float(self.init), self.bias)


@dataclass(frozen=True)
class Normalize(Layer):
    """(x - mean) / std with constants, so that a compiled file takes raw pixels; they are no parameters.

    `NORMALIZE mean={0.485, 0.456, 0.406} std={0.229, 0.224, 0.225}`

    FLOPs: 2 for each value.
    """

    keyword = "NORMALIZE"
    role = "normalization"
    flops_per_output = 2

    mean: tuple[Number, ...] = option(reals(), "what is subtracted: a number, or one for each channel", (0,))
    std: tuple[Number, ...] = option(reals(), "what it is divided by: a number, or one for each channel", (1,))

    def __post_init__(self) -> None:
        if min(self.std) <= 0:
            raise LayerError(mistakes.ZeroDeviation(), argument="std")

    def algebra(self, *inputs: Shape) -> Algebra:
        return Algebra(channelwise="affine" if any(self.mean) else "factor")

    def shape(self, *inputs: Shape) -> Shape:
        (x,) = inputs
        for name, values in (("mean", self.mean), ("std", self.std)):
            if len(values) not in (1, x.channels):
                raise LayerError(mistakes.UnequalChannels(name, len(values), x), argument=name, inputs=True)
        return x

    def constants(self, *inputs: Shape) -> tuple[Weight, ...]:
        return Weight("mean", (len(self.mean),)), Weight("std", (len(self.std),))

    def lower(self, *inputs: Shape) -> nn.Module:
        from netdsl.layers.modules import norm

        return norm.Normalize([float(value) for value in self.mean], [float(value) for value in self.std])


class Constant(Layer):
    """What TIMES and PLUS share: one number, which meets each value."""

    role = "normalization"
    inplace = True
    flops_per_output = 1


@dataclass(frozen=True)
class Times(Constant):
    """Each value times a constant: a residual's share, a temperature, the scale of raw pixels.

    `TIMES 0.1`

    FLOPs: 1 for each value.
    """

    keyword = "TIMES"

    factor: Number = positional(real(), "what each value is multiplied by")

    def algebra(self, *inputs: Shape) -> Algebra:
        return Algebra(elementwise=True, monotone=self.factor >= 0, channelwise="factor", identity=self.factor == 1)

    def lower(self, *inputs: Shape) -> nn.Module:
        from netdsl.layers.modules import pointwise

        return pointwise.Times(float(self.factor))


@dataclass(frozen=True)
class Plus(Constant):
    """Each value and a constant.

    `PLUS -1`

    FLOPs: 1 for each value.
    """

    keyword = "PLUS"

    offset: Number = positional(real(), "what is added to each value")

    def algebra(self, *inputs: Shape) -> Algebra:
        return Algebra(elementwise=True, monotone=True, channelwise="affine", identity=self.offset == 0)

    def lower(self, *inputs: Shape) -> nn.Module:
        from netdsl.layers.modules import pointwise

        return pointwise.Plus(float(self.offset))
