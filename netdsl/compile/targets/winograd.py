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
    alone. They are computed in blocks of at most `block` channels x tiles, and of `examples` x `rows` rows of tiles,
    for which a subclass packs the weight. `bias_group` is the group whose product A spreads over all outputs.
    """

    unfused = True

    channels: Final[int]
    filters: Final[int]
    examples: Final[int]
    rows: Final[int]
    columns: Final[int]
    width: Final[int]
    groups: Final[int]
    bias_group: Final[int]
    attr: Final[str]

    def __init__(self, weights: tuple[Tensor, Tensor], size: list[int], attr: str, width: int, block: int) -> None:
        super().__init__(*weights)
        self.attr, self.width = attr, width
        self.groups, self.bias_group = (16, 5) if width == 2 else (4, 1)
        self.filters, self.channels, *_ = weights[0].shape
        count, _, height, across = size
        rows, self.columns = (height + 1) // 2, -(-across // width)
        most = block // max(self.channels, self.filters)
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
