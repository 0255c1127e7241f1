"""Inputs that differ from each other as photographs do."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch
    from torch import Tensor

_MODES = {1: "linear", 2: "bilinear", 3: "trilinear"}


def examples(count: int, dims: Sequence[int], generator: torch.Generator) -> Tensor:
    """Random inputs of dims (spatial sizes first, channels last) as a batch, with variance near 1.

    Vectors are normal noise. Maps are the mean of such noise at each octave, from one value for all positions to one
    for each, and so have as much contrast at each scale, as natural images have (Field, Relations between the
    Statistics of Natural Images, 1987). Plain noise looks alike everywhere: a deep network would tell one example from
    another by little more than rounding errors.
    """
    import torch
    from torch.nn.functional import interpolate

    *spatial, channels = dims
    if not spatial:
        return torch.randn(count, channels, generator=generator)
    total = torch.zeros(count, channels, *spatial)
    octaves = max(spatial).bit_length() + 1
    for octave in range(octaves):
        noise = torch.randn(count, channels, *(min(2**octave, size) for size in spatial), generator=generator)
        total += interpolate(noise, size=spatial, mode=_MODES[len(spatial)])
    return total / octaves**0.5
