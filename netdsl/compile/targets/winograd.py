"""Winograd's convolution: outputs of a 3x3 kernel two by two, with fewer products than they have terms.

With F(2, 3) along an axis, y = A [(G g) * (B d)] for four inputs d, the kernel g and two outputs y: four products in
place of six (Lavin and Gray, Fast Algorithms for Convolutional Neural Networks, 2016, section 4.1). Products are summed
over the channels before A, which is a convolution with a group for each of them. The transforms multiply by nothing but
1/2 and 1/4, and sums over fewer terms round less often.
"""

from typing import Final

import torch
from torch import Tensor
from torch.nn import functional

from netdsl.compile.targets.packed import Packed
from netdsl.runtime.private import convolution_pointwise, reorder_convolution_weight


def kernel_transform() -> Tensor:
    """G, 4 x 3, which makes factors of a kernel."""
    return torch.tensor([[1.0, 0.0, 0.0], [0.5, 0.5, 0.5], [0.5, -0.5, 0.5], [0.0, 0.0, 1.0]], dtype=torch.float64)


def kernel_inverse() -> Tensor:
    """3 x 4, which makes a kernel of its factors."""
    return torch.tensor([[1.0, 0.0, 0.0, 0.0], [0.0, 1.0, -1.0, 0.0], [0.0, 0.0, 0.0, 1.0]], dtype=torch.float64)


def transform_inputs(first: Tensor, second: Tensor, third: Tensor, fourth: Tensor, out: Tensor) -> None:
    """B d along one axis, whose four numbers go along the last axis of `out` but one."""
    torch.sub(first, third, out=out[..., 0, :])
    torch.add(second, third, out=out[..., 1, :])
    torch.sub(third, second, out=out[..., 2, :])
    torch.sub(second, fourth, out=out[..., 3, :])


def transform_products(products: Tensor, first: Tensor, second: Tensor) -> None:
    """A along one axis, whose four products go along the last axis but one; written to the first and second output."""
    torch.add(products[..., 1, :], products[..., 2, :], out=first)
    first.add_(products[..., 0, :])
    torch.sub(products[..., 1, :], products[..., 2, :], out=second)
    second.sub_(products[..., 3, :])


class Winograd(Packed):
    """A convolution of 3x3 with stride 1 and padding 1, in float32, then ReLU where `attr` says so.

    A tile of outputs is two rows high and `width` columns wide: two, or one where the algorithm goes along one axis
    alone. They are computed in blocks of at most BLOCK channels x tiles, and of `examples` x `rows` rows of tiles,
    for which a subclass packs the weight. `bias_group` is the group whose product A spreads over all outputs.
    """

    unfused = True
    WIDTH, BLOCK = 2, 2**17
    """Channels x tiles: the 16 products of each take 8 MiB, which stay in a cache."""

    channels: Final[int]
    filters: Final[int]
    examples: Final[int]
    rows: Final[int]
    columns: Final[int]
    width: Final[int]
    groups: Final[int]
    bias_group: Final[int]
    attr: Final[str]

    def __init__(self, weights: tuple[Tensor, Tensor], size: list[int], attr: str) -> None:
        super().__init__(*weights)
        self.attr, self.width = attr, self.WIDTH
        self.groups, self.bias_group = (16, 5) if self.WIDTH == 2 else (4, 1)
        self.filters, self.channels, *_ = weights[0].shape
        count, _, height, across = size
        rows, self.columns = (height + 1) // 2, -(-across // self.WIDTH)
        most = self.BLOCK // max(self.channels, self.filters)
        bands = -(-rows // max(1, most // self.columns))
        self.rows = -(-rows // bands)
        several = -(-count // max(1, most // (rows * self.columns)))
        self.examples = -(-count // several)

    def forward(self, x: Tensor, other: Tensor | None = None) -> Tensor:
        if not self.packed:
            y = torch.conv2d(x, self.weight, self.bias, [1, 1], [1, 1])
            return y if other is None else y + other
        count, _, height, across = x.shape
        rows, columns, filters = (height + 1) // 2, -(-across // self.width), self.filters
        left, right = (1, 2 * columns + 1 - across) if self.width == 2 else (0, 0)
        padded = functional.pad(x.permute(0, 2, 3, 1), [0, 0, left, right, 1, 2 * rows + 1 - height])
        after = self.groups - 1 - self.bias_group
        bias = functional.pad(self.bias.unsqueeze(0), [0, 0, self.bias_group, after]).flatten()
        tiles = torch.empty([count, rows, 2, columns, self.width, filters], dtype=x.dtype)
        for example in range(0, count, self.examples):
            for row in range(0, rows, self.rows):
                out = tiles[example : example + self.examples, row : row + self.rows]
                band = padded[example : example + self.examples, 2 * row : 2 * (row + out.size(1)) + 2]
                self.block(band, bias, out)
        y = tiles.view(count, 2 * rows, columns * self.width, filters)[:, :height, :across].contiguous()
        y = y.permute(0, 3, 1, 2)
        if other is not None:
            y.add_(other)
        return y.relu_() if self.attr == "relu" else y

    def block(self, band: Tensor, bias: Tensor, out: Tensor) -> None:
        """The outputs of a block of tiles from the rows that it reads, both channels-last."""
        raise NotImplementedError


class WinogradTiles(Winograd):
    """Along both axes: 2x2 outputs from 4x4 inputs, by 16 products in place of 36.

    The products are a convolution of 1x1 with 16 groups; a block that is smaller than others is filled up.
    """

    @staticmethod
    def pays(channels: int, filters: int, tiles: int) -> bool:
        """Whether it is faster than the other ways, as far as that was tried (docs/performance.md).

        With few tiles reading 16 weights in place of 9 takes longer than all the products that it saves.
        """
        smaller, larger = sorted((channels, filters))
        enough = 48 if smaller >= 512 else 192
        return channels % 16 == filters % 16 == 0 and smaller >= 128 and larger >= 256 and tiles >= enough

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


class WinogradRows(Winograd):
    """From row to row alone: two outputs of a column, by 12 products in place of 18.

    It saves less than both axes do and has less to do besides, which is better where there are fewer channels. The
    products, summed over columns too, are a convolution of 1x3 with 4 groups.
    """

    WIDTH, BLOCK = 1, 2**18
    """Channels x pairs of outputs: the four products of each take 4 MiB, which stay in a cache."""

    @staticmethod
    def pays(channels: int, filters: int, tiles: int) -> bool:
        """Whether it is faster than a direct convolution or about as fast, and then rounds less.

        `tiles` are of two by two outputs.
        """
        return channels % 16 == filters % 16 == 0 and min(channels, filters) >= 64 and tiles >= 192

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
