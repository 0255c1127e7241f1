"""Activations, one value at a time, and the two over channels: RELU and its kin, SOFTMAX, LOGSOFTMAX."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, ClassVar

from netdsl.layers.arguments import Number, arguments_of, flag, option, positional, real
from netdsl.layers.base import Algebra, Layer, Weight
from netdsl.layers.formula import known

if TYPE_CHECKING:
    from torch import nn

    from netdsl.layers.shape import Shape


class Activation(Layer):
    """What activations share: `module` names the class of torch.nn that computes them with their arguments."""

    role = "activation"
    inplace = True
    module: ClassVar[str]
    rises: ClassVar[bool] = False
    """Whether it never falls where its input rises, whatever its arguments."""
    elementwise: ClassVar[bool] = True
    """Whether each value follows from the one at its place alone: not with a slope for each channel."""

    def algebra(self, *inputs: Shape) -> Algebra:
        return Algebra(elementwise=self.elementwise, monotone=self.rises)

    def lower(self, *inputs: Shape) -> nn.Module:
        from torch import nn

        arguments = [float(getattr(self, one.attribute)) for one in arguments_of(type(self))]
        return getattr(nn, self.module)(*arguments)


@dataclass(frozen=True)
class Relu(Activation):
    """max(x, 0).

    `RELU`

    FLOPs: 1 for each value.
    """

    keyword = "RELU"
    module = "ReLU"
    rises = True
    flops_per_output = 1


@dataclass(frozen=True)
class Relu6(Activation):
    """min(max(x, 0), 6).

    `RELU6`

    FLOPs: 2 for each value.
    """

    keyword = "RELU6"
    module = "ReLU6"
    rises = True
    flops_per_output = 2


@dataclass(frozen=True)
class LeakyRelu(Activation):
    """x where it is positive, else slope · x.

    `LEAKYRELU 0.2`

    FLOPs: 2 for each value: comparison, factor.
    """

    keyword = "LEAKYRELU"
    module = "LeakyReLU"
    flops_per_output = 2

    slope: Number = positional(real(), "slope below 0", Fraction(1, 100))

    def algebra(self, *inputs: Shape) -> Algebra:
        return Algebra(elementwise=True, monotone=self.slope >= 0)


@dataclass(frozen=True)
class ParametricRelu(Activation):
    """x where it is positive, else slope · x with a learned slope (He 2015), one for all channels or one for each.

    `PRELU 0.25 per_channel`

    FLOPs: 2 for each value: comparison, factor.
    """

    keyword = "PRELU"
    elementwise = False
    flops_per_output = 2

    slope: Number = positional(real(), "where the slope below 0 starts", Fraction(1, 4))
    per_channel: bool = flag("learn a slope for each channel")

    def weights(self, *inputs: Shape) -> tuple[Weight, ...]:
        return (Weight("weight", (inputs[0].channels if self.per_channel else 1,)),)

    def lower(self, *inputs: Shape) -> nn.Module:
        from torch import nn

        return nn.PReLU(inputs[0].channels if self.per_channel else 1, float(self.slope))


@dataclass(frozen=True)
class Elu(Activation):
    """x where it is positive, else slope · (e^x - 1).

    `ELU 0.5`

    FLOPs: 4 for each value: comparison, exponential, difference, factor.
    """

    keyword = "ELU"
    module = "ELU"
    flops_per_output = 4

    slope: Number = positional(real(), "slope at 0 from below, which is also minus the limit", 1)

    def algebra(self, *inputs: Shape) -> Algebra:
        return Algebra(elementwise=True, monotone=self.slope >= 0)


@dataclass(frozen=True)
class Selu(Activation):
    """The self-normalising ELU (Klambauer 2017), with its own two constants.

    `SELU`

    FLOPs: 5 for each value: comparison, exponential, difference, two factors.
    """

    keyword = "SELU"
    module = "SELU"
    rises = True
    flops_per_output = 5


@dataclass(frozen=True)
class Gelu(Activation):
    """x · Φ(x), by the error function.

    `GELU`

    FLOPs: 5 for each value: factor, error function, sum, two factors.
    """

    keyword = "GELU"
    module = "GELU"
    flops_per_output = 5


@dataclass(frozen=True)
class Silu(Activation):
    """x · sigmoid(x), also known as swish.

    `SILU`

    FLOPs: 5 for each value: a sigmoid, a factor.
    """

    keyword = "SILU"
    module = "SiLU"
    flops_per_output = 5


@dataclass(frozen=True)
class Mish(Activation):
    """x · tanh(log(1 + e^x)).

    `MISH`

    FLOPs: 9 for each value: a softplus, a tanh, a factor.
    """

    keyword = "MISH"
    module = "Mish"
    flops_per_output = 9


@dataclass(frozen=True)
class HardSwish(Activation):
    """x · min(max(x + 3, 0), 6) / 6.

    `HARDSWISH`

    FLOPs: 5 for each value: sum, two comparisons, factor, division.
    """

    keyword = "HARDSWISH"
    module = "Hardswish"
    flops_per_output = 5


@dataclass(frozen=True)
class HardSigmoid(Activation):
    """min(max(x + 3, 0), 6) / 6.

    `HARDSIGMOID`

    FLOPs: 4 for each value: sum, two comparisons, division.
    """

    keyword = "HARDSIGMOID"
    module = "Hardsigmoid"
    rises = True
    flops_per_output = 4


@dataclass(frozen=True)
class Sigmoid(Activation):
    """1 / (1 + e^-x).

    `SIGMOID`

    FLOPs: 4 for each value: sign, exponential, sum, division.
    """

    keyword = "SIGMOID"
    module = "Sigmoid"
    rises = True
    flops_per_output = 4


@dataclass(frozen=True)
class Tanh(Activation):
    """scale · tanh(slope · x); LeCun's squashing (1998, appendix A) is 1.7159 tanh(2x/3).

    `TANH scale=1.7159 slope={2/3}`

    FLOPs: 5 for each value: sign, exponential, sum, difference, division; 7 with `scale` or `slope`.
    """

    keyword = "TANH"

    scale: Number = option(real(), "limit of the output", 1)
    slope: Number = option(real(), "factor of the input", 1)

    def algebra(self, *inputs: Shape) -> Algebra:
        return Algebra(elementwise=True, monotone=self.scale * self.slope >= 0)

    @property
    def plain(self) -> bool:
        """Whether it is tanh itself."""
        return self.scale == 1 and self.slope == 1

    def flops(self, *inputs: Shape) -> int:
        return (5 if self.plain else 7) * known(inputs[0].elements)

    def lower(self, *inputs: Shape) -> nn.Module:
        from torch import nn

        from netdsl.layers.modules import pointwise

        return nn.Tanh() if self.plain else pointwise.ScaledTanh(float(self.scale), float(self.slope))


@dataclass(frozen=True)
class Softplus(Activation):
    """log(1 + e^x).

    `SOFTPLUS`

    FLOPs: 3 for each value: exponential, sum, logarithm.
    """

    keyword = "SOFTPLUS"
    module = "Softplus"
    rises = True
    flops_per_output = 3


@dataclass(frozen=True)
class Absolute(Activation):
    """|x|, the rectification of LeCun's group (Jarrett 2009).

    `ABS`

    FLOPs: 1 for each value.
    """

    keyword = "ABS"
    flops_per_output = 1

    def lower(self, *inputs: Shape) -> nn.Module:
        from netdsl.layers.modules import pointwise

        return pointwise.Absolute()


@dataclass(frozen=True)
class Softmax(Activation):
    """e^x over its sum, over the channels at each position.

    `SOFTMAX`

    FLOPs: 5 for each value: comparison, difference, exponential, sum, division.
    """

    keyword = "SOFTMAX"
    elementwise = False
    flops_per_output = 5

    def lower(self, *inputs: Shape) -> nn.Module:
        from torch import nn

        return nn.Softmax(dim=1)


@dataclass(frozen=True)
class LogSoftmax(Activation):
    """The logarithm of SOFTMAX, over the channels at each position.

    `LOGSOFTMAX`

    FLOPs: 5 for each value: comparison, difference, exponential, sum, difference.
    """

    keyword = "LOGSOFTMAX"
    elementwise = False
    flops_per_output = 5

    def lower(self, *inputs: Shape) -> nn.Module:
        from torch import nn

        return nn.LogSoftmax(dim=1)
