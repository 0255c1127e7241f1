"""Winograd's convolution along both axes: 2x2 outputs from 4x4 inputs, by 16 products in place of 36."""

import torch
from torch import Tensor

from netdsl.compile.targets.winograd import (
    Winograd,
    kernel_inverse,
    kernel_transform,
    transform_inputs,
    transform_products,
)
from netdsl.runtime.private import convolution_pointwise, reorder_convolution_weight

_BLOCK = 2**17
"""Channels x tiles of a block at most: the 16 products of each take 8 MiB, which stay in a cache."""


def pays(channels: int, filters: int, tiles: int) -> bool:
    """Whether it is faster than the other ways, as far as that was tried (docs/performance.md).

    With few tiles reading 16 weights in place of 9 takes longer than all the products that it saves.
    """
    smaller, larger = sorted((channels, filters))
    enough = 48 if smaller >= 512 else 192
    return channels % 16 == filters % 16 == 0 and smaller >= 128 and larger >= 256 and tiles >= enough


class WinogradTiles(Winograd):
    """The products are a convolution of 1x1 with 16 groups; a block that is smaller than others is filled up."""

    def __init__(self, weights: tuple[Tensor, Tensor], size: list[int], attr: str) -> None:
        super().__init__(weights, size, attr, 2, _BLOCK)

    def layout(self, weight: Tensor) -> Tensor:
        """G g G^T, filters of 16 groups one after the other, as the kernel reads them."""
        transform = kernel_transform()
        products = transform @ weight.double() @ transform.t()
        products = products.permute(2, 3, 0, 1).reshape(-1, self.channels, 1, 1).to(weight.dtype)
        size = [1, 16 * self.channels, self.examples * self.rows * self.columns, 1]
        return reorder_convolution_weight(products, [0, 0], [1, 1], [1, 1], 16, size)

    def dense(self, weight: Tensor) -> Tensor:
        inverse = kernel_inverse()
        products = weight.to_dense().double().reshape(4, 4, self.filters, self.channels).permute(2, 3, 0, 1)
        return (inverse @ products @ inverse.t()).to(weight.dtype)

    def block(self, band: Tensor, bias: Tensor, out: Tensor) -> None:
        """B d B^T for all tiles, the products, and A of these."""
        count, rows, _, columns, _, filters = out.shape
        inputs = torch.empty([self.examples, self.rows, columns, 16, self.channels], dtype=band.dtype)
        used = inputs[:count, :rows]
        second, third = band[:, 1:-1:2], band[:, 2::2]
        along = [band[:, 0:-2:2] - third, second + third, third - second, second - band[:, 3::2]]
        for at, line in enumerate(along):
            into = used[:, :, :, 4 * at : 4 * at + 4]
            transform_inputs(line[:, :, 0:-2:2], line[:, :, 1:-1:2], line[:, :, 2::2], line[:, :, 3::2], into)
        pixels = inputs.view(1, -1, 1, 16 * self.channels).permute(0, 3, 1, 2)
        products = convolution_pointwise(pixels, self.weight, bias, [0, 0], [1, 1], [1, 1], 16, "none", [], "")
        products = products.permute(0, 2, 3, 1).view(self.examples, self.rows, columns, 4, 4 * filters)
        products = products[:count, :rows]
        second, third = products[:, :, :, 1], products[:, :, :, 2]
        upper = (second + third).add_(products[:, :, :, 0]).view(count, rows, columns, 4, filters)
        lower = (second - third).sub_(products[:, :, :, 3]).view(count, rows, columns, 4, filters)
        for at, line in enumerate([upper, lower]):
            transform_products(line, out[:, :, at, :, 0], out[:, :, at, :, 1])
