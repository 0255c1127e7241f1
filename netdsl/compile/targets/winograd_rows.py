"""Winograd's convolution from row to row alone: two outputs of a column, by 12 products in place of 18.

It saves less than both axes do and has less to do besides, which is better where there are fewer channels.
"""

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

_BLOCK = 2**18
"""Channels x pairs of outputs of a block at most: the four products of each take 4 MiB, which stay in a cache."""


def pays(channels: int, filters: int, tiles: int) -> bool:
    """Whether it is faster than a direct convolution or about as fast, and then rounds less.

    `tiles` are of two by two outputs, as netdsl.compile.targets.winograd_tiles counts them.
    """
    return channels % 16 == filters % 16 == 0 and min(channels, filters) >= 64 and tiles >= 192


class WinogradRows(Winograd):
    """The products, summed over columns too, are a convolution of 1x3 with 4 groups."""

    def __init__(self, weights: tuple[Tensor, Tensor], size: list[int], attr: str) -> None:
        super().__init__(weights, size, attr, 1, _BLOCK)

    def layout(self, weight: Tensor) -> Tensor:
        """G g, filters of 4 groups one after the other, as the kernel reads them."""
        products = (kernel_transform() @ weight.double()).permute(2, 0, 1, 3)
        products = products.reshape(-1, self.channels, 1, 3).to(weight.dtype)
        size = [self.examples, 4 * self.channels, self.rows, self.columns]
        return reorder_convolution_weight(products, [0, 1], [1, 1], [1, 1], 4, size)

    def dense(self, weight: Tensor) -> Tensor:
        products = weight.to_dense().double().reshape(4, self.filters, self.channels, 3).permute(1, 2, 0, 3)
        return (kernel_inverse() @ products).to(weight.dtype)

    def block(self, band: Tensor, bias: Tensor, out: Tensor) -> None:
        """B d for all pairs, the products, and A of these."""
        count, rows, _, columns, _, filters = out.shape
        inputs = torch.empty([count, rows, columns, 4, self.channels], dtype=band.dtype)
        transform_inputs(band[:, 0:-2:2], band[:, 1:-1:2], band[:, 2::2], band[:, 3::2], inputs)
        lines = inputs.view(count, rows, columns, 4 * self.channels).permute(0, 3, 1, 2)
        products = convolution_pointwise(lines, self.weight, bias, [0, 1], [1, 1], [1, 1], 4, "none", [], "")
        products = products.permute(0, 2, 3, 1).view(count, rows, columns, 4, filters)
        transform_products(products, out[:, :, 0, :, 0], out[:, :, 1, :, 0])
