"""Self-attention by PyTorch's scaled_dot_product_attention, over all positions or in windows."""

from collections.abc import Sequence
from math import prod

import torch
from torch import Tensor, nn
from torch.nn import functional


class Attention(nn.Module):
    """Self-attention over all positions of a map, row by row.

    Weights are called as nn.MultiheadAttention's, and the table for `ways` between positions as in torchvision's Swin.
    """

    relative_position_bias_table: Tensor | None
    in_proj_bias: Tensor | None

    def __init__(
        self, channels: int, heads: int, width: int, *, bias: bool, causal: bool = False, ways: int = 0
    ) -> None:
        super().__init__()
        self.parts, self.causal = [3, heads, width], causal
        table = nn.Parameter(torch.empty(ways, heads)) if ways else None
        self.relative_position_bias_table = table
        rows = 3 * heads * width
        self.in_proj_weight = nn.Parameter(torch.empty(rows, channels))
        self.in_proj_bias = nn.Parameter(torch.zeros(rows)) if bias else None
        self.out_proj = nn.Linear(heads * width, channels)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        if self.relative_position_bias_table is not None:
            nn.init.trunc_normal_(self.relative_position_bias_table, std=0.02)
        nn.init.xavier_uniform_(self.in_proj_weight)
        nn.init.zeros_(self.out_proj.bias)

    def attend(self, x: Tensor, mask: Tensor | None) -> Tensor:
        """Attention among the positions of each N x positions x channels; `mask` is added before the softmax."""
        split = functional.linear(x, self.in_proj_weight, self.in_proj_bias)
        split = split.reshape([x.size(0), x.size(1)] + self.parts)  # noqa: RUF005 - TorchScript knows no star
        query, key, value = split.permute(2, 0, 3, 1, 4).unbind(0)
        found = functional.scaled_dot_product_attention(
            query,
            key,
            value,
            mask,
            0.0,
            self.causal,
        )
        return self.out_proj(found.transpose(1, 2).flatten(2))

    def forward(self, x: Tensor) -> Tensor:
        found = self.attend(x.flatten(2).transpose(1, 2).contiguous(), None)
        sizes = [int(size) for size in x.shape[1:]]
        return found.transpose(1, 2).reshape([x.size(0)] + sizes)  # noqa: RUF005


class WindowAttention(Attention):
    """Self-attention within windows, shifted and with relative positions as in torchvision's Swin.

    What windows there are is worked out when the network runs, since weights may be applied again to another size.
    """

    def __init__(
        self,
        channels: int,
        heads: int,
        width: int,
        *,
        bias: bool,
        window: Sequence[int],
        shift: Sequence[int],
        relative: bool,
    ) -> None:
        ways = [2 * side - 1 for side in window]
        super().__init__(channels, heads, width, bias=bias, ways=prod(ways) if relative else 0)
        self.window, self.shift, self.cells = list(window), list(shift), prod(window)
        axes = len(window)
        self.apart = [0, *range(1, 2 * axes, 2), *range(2, 2 * axes + 1, 2), 2 * axes + 1]
        self.joint = [0, *(place for axis in range(axes) for place in (1 + axis, 1 + axes + axis)), 2 * axes + 1]
        self.ways = [*ways, -1]
        self.pairs = [axes, *range(axes), *range(axes + 1, 2 * axes + 1)]

    def cut(self, x: Tensor) -> Tensor:
        """N x sizes x channels as windows: N · windows x positions x channels."""
        sizes = [x.size(0)]
        for axis, side in enumerate(self.window):
            sizes += [x.size(axis + 1) // side, side]
        channels = x.size(-1)
        x = x.reshape(sizes + [channels]).permute(self.apart)  # noqa: RUF005
        return x.reshape([-1, self.cells, channels])

    def mend(self, windows: Tensor, x: Tensor) -> Tensor:
        """Windows as what they were cut from, N x sizes x channels."""
        counts = [x.size(axis + 1) // side for axis, side in enumerate(self.window)]
        sizes = [x.size(0)] + counts  # noqa: RUF005
        windows = windows.reshape(sizes + self.window + [x.size(-1)])
        return windows.permute(self.joint).reshape(x.shape)

    def relation(self, table: Tensor) -> Tensor:
        """The learned number for each head and pair of positions: 1 x heads x positions x positions."""
        found = table.reshape(self.ways)
        for axis, side in enumerate(self.window):
            found = found.unfold(axis, side, 1).flip(-1)  # at i and j stands the number for the way i - j
        return found.permute(self.pairs).reshape([1, -1, self.cells, self.cells])

    def barrier(self, x: Tensor, shifts: list[int]) -> Tensor:
        """What keeps apart positions that a shift brought together: windows x 1 x positions x positions."""
        part = torch.zeros([1], device=x.device, dtype=torch.int64)
        for axis, shift in enumerate(shifts):
            place = torch.arange(x.size(axis + 1), device=x.device)
            part = 2 * part.unsqueeze(-1) + (place >= x.size(axis + 1) - shift).long()
        part = self.cut(part.unsqueeze(-1)).squeeze(-1)
        found = torch.zeros([1], device=x.device, dtype=x.dtype)
        other = part.unsqueeze(1) != part.unsqueeze(2)
        return found.masked_fill(other, float("-inf")).unsqueeze(1)

    def forward(self, x: Tensor) -> Tensor:
        more = [-(-x.size(axis + 2) // side) * side - x.size(axis + 2) for axis, side in enumerate(self.window)]
        x = x.movedim(1, -1)
        if sum(more) > 0:
            pads = [0, 0]
            for size in more[::-1]:
                pads += [0, size]
            x = functional.pad(x, pads)
        shifts = [self.shift[axis] if x.size(axis + 1) > side else 0 for axis, side in enumerate(self.window)]
        axes = [axis + 1 for axis in range(len(shifts))]
        table = self.relative_position_bias_table
        mask = None if table is None else self.relation(table)
        if sum(shifts) > 0:
            x = x.roll([-shift for shift in shifts], axes)
            barrier = self.barrier(x, shifts)
            if mask is not None:
                barrier = barrier + mask
            each = barrier.unsqueeze(0).expand([x.size(0), -1, -1, -1, -1])
            mask = each.flatten(0, 1)
        x = self.mend(self.attend(self.cut(x), mask), x)
        if sum(shifts) > 0:
            x = x.roll(shifts, axes)
        if sum(more) > 0:
            for axis, size in enumerate(more):
                x = x.narrow(axis + 1, 0, x.size(axis + 1) - size)
            x = x.contiguous()
        return x.movedim(-1, 1)
