"""Products by oneDNN's kernels, whose weights take the form that these read when a file is loaded.

A file holds weights as PyTorch has them. TorchScript calls `__setstate__` of each module that it loads, which packs
them; nothing but constants is there while it runs. Where `pack` is off, or the processor has no kernels for the
precision, the weights stay as they are, and `forward` consists of PyTorch's own operators, which oneDNN's graph
compiler fuses. `torch.jit.freeze` copies a module by the same two methods.
"""

from typing import Final

import torch
from torch import Tensor, nn

from netdsl.runtime.private import (
    convolution_pointwise,
    convolution_pointwise_in_place,
    is_bf16_supported,
    linear_pointwise,
    reorder_convolution_weight,
    reorder_linear_weight,
)

State = tuple[Tensor, Tensor, bool, bool]
"""Weight, bias, `training` and `pack`."""


def keep_memory() -> bool:
    """Let the allocator keep what a call of a network gives back, for the next call; always true.

    glibc returns what is free above twice the largest block that was mapped and freed, up to 32 MiB (mallopt(3),
    M_MMAP_THRESHOLD). A network of small maps would else get its memory from the system in each call, zeroed page by
    page.
    """
    return torch.empty([511 * 65536], dtype=torch.uint8).numel() > 0


class Packed(nn.Module):
    """A product whose weight is packed by `layout`, if `pack` says so; oneDNN's graph compiler may have no equal."""

    unfused = False

    weight: Tensor
    bias: Tensor

    def __init__(self, weight: Tensor, bias: Tensor) -> None:
        super().__init__()
        self.register_buffer("weight", weight)
        self.register_buffer("bias", bias)
        self.packed, self.pack = False, True

    def layout(self, weight: Tensor) -> Tensor:
        """The weight as the kernel reads it."""
        raise NotImplementedError

    def dense(self, weight: Tensor) -> Tensor:
        """The weight as it was before `layout`."""
        return weight.to_dense()

    @torch.jit.export
    def __getstate__(self) -> State:  # pyright: ignore[reportIncompatibleMethodOverride]
        weight = self.dense(self.weight) if self.packed else self.weight.to_dense()  # which is itself
        return weight, self.bias, self.training, self.pack

    @torch.jit.export
    def __setstate__(self, state: State) -> None:
        weight, bias, training, pack = state
        self.packed = pack and keep_memory() and (weight.dtype == torch.float32 or is_bf16_supported())
        self.weight = self.layout(weight) if self.packed else weight
        self.bias, self.training, self.pack = bias, training, pack


class Convolution(Packed):
    """A 2-D or 3-D convolution, with a second input that is added to it, then an activation where `attr` names one.

    `size` is what it is packed for: examples x channels x spatial sizes. Where the weight is packed, the activation is
    done, which is else left to do, and the sum may take the place of the second input, if it `overwrites`.
    """

    stride: Final[list[int]]
    padding: Final[list[int]]
    dilation: Final[list[int]]
    size: Final[list[int]]
    groups: Final[int]
    attr: Final[str]
    algorithm: Final[str]
    overwrites: bool
    __constants__ = ("overwrites",)  # as those that are Final, but told when all of the network is known

    def __init__(self, base: nn.Conv2d | nn.Conv3d, weights: tuple[Tensor, Tensor], size: list[int], attr: str) -> None:
        super().__init__(*weights)
        self.stride, self.dilation, self.groups = list(base.stride), list(base.dilation), base.groups
        self.padding = [int(pad) for pad in base.padding]
        self.size, self.attr, self.algorithm = size, attr, "none" if attr == "gelu" else ""
        self.overwrites = False

    def layout(self, weight: Tensor) -> Tensor:
        return reorder_convolution_weight(weight, self.padding, self.stride, self.dilation, self.groups, self.size)

    def forward(self, x: Tensor, other: Tensor | None = None) -> Tensor:
        weight, bias = self.weight, self.bias
        stride, padding, dilation, groups = self.stride, self.padding, self.dilation, self.groups
        if self.packed:
            if other is None:
                return convolution_pointwise(
                    x, weight, bias, padding, stride, dilation, groups, self.attr, [], self.algorithm
                )
            attr: str | None = None if self.attr == "none" else self.attr
            if self.overwrites:
                return convolution_pointwise_in_place(
                    other, x, weight, bias, padding, stride, dilation, groups, "add", 1.0, attr, [], self.algorithm
                )
            return convolution_pointwise(
                x, other, weight, bias, padding, stride, dilation, groups, "add", 1.0, attr, [], self.algorithm
            )
        if len(stride) == 2:
            y = torch.conv2d(x, weight, bias, stride, padding, dilation, groups)
        else:
            y = torch.conv3d(x, weight, bias, stride, padding, dilation, groups)
        return y if other is None else y + other


class Linear(Packed):
    """A linear layer, which flattens what has spatial axes; for `batch` examples."""

    batch: Final[int]
    attr: Final[str]
    algorithm: Final[str]

    def __init__(self, weights: tuple[Tensor, Tensor], batch: int, attr: str) -> None:
        super().__init__(*weights)
        self.batch, self.attr, self.algorithm = batch, attr, "none" if attr == "gelu" else ""

    def layout(self, weight: Tensor) -> Tensor:
        return reorder_linear_weight(weight, self.batch)

    def forward(self, x: Tensor, other: Tensor | None = None) -> Tensor:
        x = x.flatten(1)
        if self.packed:
            return self.kernel(x, other)
        y = torch.nn.functional.linear(x, self.weight, self.bias)
        return y if other is None else y + other

    def kernel(self, x: Tensor, other: Tensor | None) -> Tensor:
        """The outputs by the kernel that the weight is packed for."""
        y = linear_pointwise(x, self.weight, self.bias, self.attr, [], self.algorithm)
        return y if other is None else y + other


class Pixels(Linear):
    """A linear layer as a convolution of 1x1, whose pixels are the examples; in float32 it reads weights faster."""

    unfused = True

    def layout(self, weight: Tensor) -> Tensor:
        kernel, size = weight.unsqueeze(2).unsqueeze(3), [1, weight.size(1), self.batch, 1]
        return reorder_convolution_weight(kernel, [0, 0], [1, 1], [1, 1], 1, size)

    def dense(self, weight: Tensor) -> Tensor:
        return weight.to_dense().flatten(1)

    def kernel(self, x: Tensor, other: Tensor | None) -> Tensor:
        pixels = x.contiguous().view(1, x.size(0), 1, x.size(1)).permute(0, 3, 1, 2)
        y = convolution_pointwise(
            pixels, self.weight, self.bias, [0, 0], [1, 1], [1, 1], 1, self.attr, [], self.algorithm
        )
        y = y.permute(0, 2, 3, 1).reshape(x.size(0), -1)
        return y if other is None else y + other


class Product(nn.Module):
    """A packed product, then an activation, which the kernel does where it is `fused`."""

    fused: Final[bool]

    def __init__(self, product: Packed, activation: nn.Module, fused: bool) -> None:
        super().__init__()
        self.product, self.activation, self.fused = product, activation, fused

    def forward(self, x: Tensor, other: Tensor | None = None) -> Tensor:
        y = self.product(x, other)
        return y if self.fused and self.product.packed else self.activation(y)


class Parts(nn.Module):
    """A convolution as the sum of those of parts of its channels, `size` each, which rounds less than one long sum."""

    size: Final[int]

    def __init__(self, parts: list[Product], size: int) -> None:
        super().__init__()
        self.parts, self.size = nn.ModuleList(parts), size

    def forward(self, x: Tensor, other: Tensor | None = None) -> Tensor:
        total = other
        first = 0
        for part in self.parts:
            total = part(x[:, first : first + self.size], total)
            first += self.size
        assert total is not None
        return total
