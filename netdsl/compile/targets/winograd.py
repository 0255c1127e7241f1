"""Winograd's convolution: a 3x3 kernel, two by two outputs from four by four inputs, by 16 products in place of 36.

With F(2, 3) along each axis, Y = A [(G g G^T) * (B d B^T)] A^T for the inputs d, the kernel g and the outputs Y of a
tile (Lavin and Gray, Fast Algorithms for Convolutional Neural Networks, 2016, section 4.1). The products, summed over
the channels, are 16 matrix products, which is a convolution of 1x1 with 16 groups. The transforms multiply by nothing
but 1/2 and 1/4, and sums over C channels round less often than those over 9 C.
"""

from typing import Final

import torch
from torch import Tensor
from torch.nn import functional

from netdsl.compile.targets.packed import Packed

_BLOCK = 2**17
"""Channels x tiles of a block at most: the 16 products of each take 8 MiB, which stay in a cache."""


def pays(channels: int, filters: int, tiles: int) -> bool:
    """Whether Winograd's convolution is faster than a direct one, as far as that was tried (docs/performance.md).

    With few tiles reading 16 weights in place of 9 takes longer than all the products that it saves.
    """
    smaller, larger = sorted((channels, filters))
    enough = 48 if smaller >= 512 else 192
    return channels % 16 == filters % 16 == 0 and smaller >= 128 and larger >= 256 and tiles >= enough


class Winograd(Packed):
    """A convolution of 3x3 with stride 1 and padding 1, in float32, then ReLU where `attr` says so.

    It works on blocks of `examples` x `rows` rows of tiles, for which it is packed; a smaller block is filled up.
    """

    channels: Final[int]
    filters: Final[int]
    examples: Final[int]
    rows: Final[int]
    columns: Final[int]
    attr: Final[str]

    def __init__(self, weights: tuple[Tensor, Tensor], size: list[int], attr: str) -> None:
        super().__init__(*weights)
        self.attr = attr
        self.filters, self.channels, *_ = weights[0].shape
        count, _, height, width = size
        rows, self.columns = (height + 1) // 2, (width + 1) // 2
        most = _BLOCK // max(self.channels, self.filters)
        bands = -(-rows // max(1, most // self.columns))
        self.rows = -(-rows // bands)
        groups = -(-count // max(1, most // (rows * self.columns)))
        self.examples = -(-count // groups)

    def layout(self, weight: Tensor) -> Tensor:
        """G g G^T, filters of 16 groups one after the other, as the kernel reads them."""
        rows = [[1.0, 0.0, 0.0], [0.5, 0.5, 0.5], [0.5, -0.5, 0.5], [0.0, 0.0, 1.0]]
        transform = torch.tensor(rows, dtype=torch.float64)
        products = transform @ weight.double() @ transform.t()
        products = products.permute(2, 3, 0, 1).reshape(-1, self.channels, 1, 1).to(weight.dtype)
        size = [1, 16 * self.channels, self.examples * self.rows * self.columns, 1]
        return torch.ops.mkldnn._reorder_convolution_weight(products, [0, 0], [1, 1], [1, 1], 16, size)

    def dense(self, weight: Tensor) -> Tensor:
        rows = [[1.0, 0.0, 0.0, 0.0], [0.0, 1.0, -1.0, 0.0], [0.0, 0.0, 0.0, 1.0]]
        inverse = torch.tensor(rows, dtype=torch.float64)
        products = weight.to_dense().double().reshape(4, 4, self.filters, self.channels).permute(2, 3, 0, 1)
        return (inverse @ products @ inverse.t()).to(weight.dtype)

    def forward(self, x: Tensor, other: Tensor | None = None) -> Tensor:
        if not self.packed:
            y = torch.conv2d(x, self.weight, self.bias, [1, 1], [1, 1])
            return y if other is None else y + other
        count, _, height, width = x.shape
        rows, columns = (height + 1) // 2, (width + 1) // 2
        padded = functional.pad(x.permute(0, 2, 3, 1), [0, 0, 1, 2 * columns + 1 - width, 1, 2 * rows + 1 - height])
        bias = functional.pad(self.bias.unsqueeze(0), [0, 0, 5, 10]).flatten()  # A spreads the product at 1, 1 over Y
        tiles = torch.empty([count, rows, 2, columns, 2, self.filters], dtype=x.dtype)
        for example in range(0, count, self.examples):
            for row in range(0, rows, self.rows):
                out = tiles[example : example + self.examples, row : row + self.rows]
                band = padded[example : example + self.examples, 2 * row : 2 * (row + out.size(1)) + 2]
                self.block(band, bias, out)
        y = tiles.view(count, 2 * rows, 2 * columns, self.filters)[:, :height, :width].contiguous().permute(0, 3, 1, 2)
        if other is not None:
            y.add_(other)
        return y.relu_() if self.attr == "relu" else y

    def block(self, band: Tensor, bias: Tensor, out: Tensor) -> None:
        """The outputs of a block of tiles from the rows that it reads, both channels-last."""
        count, rows, _, columns, _, filters = out.shape
        inputs = torch.empty([self.examples, self.rows, columns, 16, self.channels], dtype=band.dtype)
        used = inputs[:count, :rows]
        second, third = band[:, 1:-1:2], band[:, 2::2]
        along = [band[:, 0:-2:2] - third, second + third, third - second, second - band[:, 3::2]]
        for at, line in enumerate(along):
            second, third = line[:, :, 1:-1:2], line[:, :, 2::2]
            torch.sub(line[:, :, 0:-2:2], third, out=used[:, :, :, 4 * at])
            torch.add(second, third, out=used[:, :, :, 4 * at + 1])
            torch.sub(third, second, out=used[:, :, :, 4 * at + 2])
            torch.sub(second, line[:, :, 3::2], out=used[:, :, :, 4 * at + 3])
        pixels = inputs.view(1, -1, 1, 16 * self.channels).permute(0, 3, 1, 2)
        products = torch.ops.mkldnn._convolution_pointwise(
            pixels, self.weight, bias, [0, 0], [1, 1], [1, 1], 16, "none", [], ""
        )
        products = products.permute(0, 2, 3, 1).view(self.examples, self.rows, columns, 4, 4 * filters)
        products = products[:count, :rows]
        second, third = products[:, :, :, 1], products[:, :, :, 2]
        upper = (second + third).add_(products[:, :, :, 0]).view(count, rows, columns, 4, filters)
        lower = (second - third).sub_(products[:, :, :, 3]).view(count, rows, columns, 4, filters)
        for at, line in enumerate([upper, lower]):
            second, third = line[:, :, :, 1], line[:, :, :, 2]
            left, right = out[:, :, at, :, 0], out[:, :, at, :, 1]
            torch.add(second, third, out=left)
            left.add_(line[:, :, :, 0])
            torch.sub(second, third, out=right)
            right.sub_(line[:, :, :, 3])
