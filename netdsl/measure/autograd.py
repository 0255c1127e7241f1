"""What a layer leaves in memory when it trains: what PyTorch's autograd keeps of it until its backward pass has run.

netdsl.measure.saves says it of each layer, in numbers for each example of the batch, and netdsl.measure.training adds
up what networks keep.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

if TYPE_CHECKING:
    from netdsl.layers.shape import Shape

Layout: TypeAlias = Literal["dense", "sliced", "strided", "permuted", "scattered"]
"""How the values of a tensor lie in memory: N x channels x spatial without gaps (`dense`), with gaps between the
examples (`sliced`) or within them (`strided`); or channels last, as LN leaves maps, without gaps (`permuted`) or with
(`scattered`)."""

FLOAT32, INT64 = 4, 8
"""Bytes of the types that statistics and indices keep, whatever the precision."""


@dataclass(frozen=True, slots=True)
class Operand:
    """A tensor that a layer takes in training."""

    shape: Shape
    gradient: bool = True
    """Whether the loss has a gradient with respect to it: not so for the network's input."""
    layout: Layout = "dense"

    @property
    def flat(self) -> bool:
        """Whether flattening each example makes no copy: its values already lie in the order of the vector."""
        return self.layout in ("dense", "sliced") or self.shape.positions == 1

    @property
    def kernel_order(self) -> Layout:
        """The layout of the output of a convolution or pooling: channels-last only with two or three spatial axes."""
        return self.order if self.shape.rank > 1 else "dense"

    @property
    def cut(self) -> Layout:
        """The layout of a slice of it, which leaves gaps within each example."""
        return "scattered" if self.order == "permuted" else "strided"

    @property
    def order(self) -> Layout:
        """The layout of what an elementwise operation makes of it: the same order, without gaps."""
        return "permuted" if self.layout in ("permuted", "scattered") else "dense"


@dataclass(frozen=True, slots=True)
class Saved:
    """What autograd keeps of a layer, besides its weights, and how its output and its gradients are made.

    Tensors that several layers keep are there once, so that `inputs` and `output` are named, and not counted.
    """

    inputs: tuple[int, ...] = ()
    """The inputs that it keeps, by position."""
    output: bool = False
    """Whether it keeps its output."""
    values: int = 0
    """Numbers of its own that it keeps of each example, in the network's precision."""
    bytes: int = 0
    """Bytes of its own that it keeps of each example, whatever the precision: indices, masks, statistics."""
    batch_values: int = 0
    """Numbers that it keeps once for the whole batch."""
    batch_bytes: int = 0
    """Bytes that it keeps once for the whole batch, whatever the precision."""
    shares: bool = False
    """Whether its output lies in the memory of its first input: a view."""
    passes: tuple[int, ...] = ()
    """The inputs whose gradient is the output's own gradient or a part of it, and no new tensor."""
    constant: tuple[int, ...] = ()
    """The inputs of which it reads the size alone, and no values."""
    scratch: int = 0
    """Numbers that its backward pass needs of each example besides the gradients of its output and its inputs."""
    layout: Layout = "dense"
    """How its output lies in memory."""


def view(x: Operand) -> Saved:
    """What is kept of a layer that shows its input as it is."""
    return Saved(shares=True, passes=(0,), layout=x.layout)
