"""What explanations say of the layer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netdsl.layers.arguments import show

if TYPE_CHECKING:
    from netdsl.layers.shape import Shape
    from netdsl_sample.layers import Swish


def reading(layer: Swish, x: Shape) -> str:
    """Its arguments, read out."""
    return f"x · sigmoid({show(layer.beta)}x)"
