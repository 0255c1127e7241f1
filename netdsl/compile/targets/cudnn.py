"""Products for a GPU: by cuDNN's fused operators where these have them, and everywhere else by PyTorch's own.

Weights are channels-last in memory, as cuDNN's kernels for half precision read them. They are plain tensors, so that
`map_location` works.
"""

from typing import Final

import torch
from torch import Tensor, nn

from netdsl.runtime.private import addmm_activation, convolution, cudnn_convolution_add_relu, cudnn_convolution_relu


class Convolution(nn.Module):
    """A convolution with a second input that is added to it, then an activation.

    Where it is `fused`, which is for 2-D and ReLU alone, a GPU does all three at once. Else TF32 is taken where
    `allow_tf32` says so, and only there; cuDNN searches for the fastest algorithm when a size first comes.
    """

    weight: Tensor
    bias: Tensor
    stride: Final[list[int]]
    padding: Final[list[int]]
    dilation: Final[list[int]]
    origin: Final[list[int]]
    groups: Final[int]
    allow_tf32: Final[bool]

    def __init__(
        self,
        base: nn.Conv1d | nn.Conv2d | nn.Conv3d,
        weights: tuple[Tensor, Tensor],
        activation: nn.Module,
        *,
        fused: bool,
        tf32: bool,
    ) -> None:
        super().__init__()
        self.register_buffer("weight", weights[0])
        self.register_buffer("bias", weights[1])
        self.activation = activation
        self.stride, self.dilation, self.groups = list(base.stride), list(base.dilation), base.groups
        self.padding, self.origin = [int(pad) for pad in base.padding], [0] * len(base.stride)
        self.fused, self.allow_tf32 = fused, tf32

    def forward(self, x: Tensor, other: Tensor | None = None) -> Tensor:
        weight, bias = self.weight, self.bias
        stride, padding, dilation, groups = self.stride, self.padding, self.dilation, self.groups
        if self.fused and x.is_cuda:
            if other is None:
                return cudnn_convolution_relu(x, weight, bias, stride, padding, dilation, groups)
            return cudnn_convolution_add_relu(x, weight, other, 1.0, bias, stride, padding, dilation, groups)
        y = convolution(
            x, weight, bias, stride, padding, dilation, False, self.origin, groups, True, False, True, self.allow_tf32
        )
        return self.activation(y if other is None else y + other)


class Linear(nn.Module):
    """A linear layer with a second input that is added to it, then an activation; a map is flattened.

    A map's weights are in the order in which it is in memory, channels-last. Where it is `fused`, which is for ReLU
    alone, cuBLAS does that in the product, if there is more than one example. A convolution of 1x1 does `tf32`, which
    it can be told for itself; for PyTorch's products of matrices it is a switch of the process.
    """

    weight: Tensor
    bias: Tensor
    image: Final[bool]
    fused: Final[bool]
    tf32: Final[bool]

    def __init__(
        self, weights: tuple[Tensor, Tensor], activation: nn.Module, *, image: bool, fused: bool, tf32: bool
    ) -> None:
        super().__init__()
        self.register_buffer("weight", weights[0])
        self.register_buffer("bias", weights[1])
        self.activation, self.image, self.fused, self.tf32 = activation, image, fused, tf32

    def forward(self, x: Tensor, other: Tensor | None = None) -> Tensor:
        if self.image:
            x = x.permute(0, 2, 3, 1)
        x = x.flatten(1)
        if self.fused and other is None:
            return addmm_activation(self.bias, x, self.weight.t())
        if self.tf32:
            x, weight = x.unsqueeze(2).unsqueeze(3), self.weight.unsqueeze(2).unsqueeze(3)
            y = convolution(x, weight, self.bias, [1, 1], [0, 0], [1, 1], False, [0, 0], 1, True, False, True, True)
            y = y.flatten(1)
        else:
            y = torch.nn.functional.linear(x, self.weight, self.bias)
        return self.activation(y if other is None else y + other)


class ResponseNorm(nn.Module):
    """x · (k + alpha / size · Σ x²)^-beta, the sum over the `size` channels around each, in float32.

    The channels of an image that is channels-last are a row of its memory, over which a pool slides.
    """

    size: Final[int]
    alpha: Final[float]
    beta: Final[float]
    k: Final[float]

    def __init__(self, norm: nn.LocalResponseNorm) -> None:
        super().__init__()
        self.size = norm.size
        self.alpha, self.beta, self.k = float(norm.alpha), float(norm.beta), float(norm.k)

    def forward(self, x: Tensor) -> Tensor:
        rows = x.permute(0, 2, 3, 1)
        values = rows.flatten(1, 2).unsqueeze(1).to(torch.float32)
        mean = torch.nn.functional.avg_pool2d(values * values, [1, self.size], [1, 1], [0, self.size // 2])
        mean = mean.narrow(3, 0, x.size(1))  # which has one more where the size is even
        scaled = values * (mean * self.alpha + self.k).pow(-self.beta)
        return scaled.to(x.dtype).view(rows.shape).permute(0, 3, 1, 2)
