"""All that is measured of a network for its summary, each figure when it is asked for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from netdsl.graph.node import ShapedGraph
from netdsl.measure import units
from netdsl.measure.costs import PRECISIONS, Costs, Totals, costs, totals
from netdsl.measure.field import Axis, fields
from netdsl.measure.liveness import Liveness, liveness
from netdsl.measure.schedule import schedule


@dataclass(frozen=True, repr=False)
class Measured:
    """A network's costs, layer by layer and in total, for a batch of examples and numbers of a precision.

    Raises ValueError for a batch below 1, and for a precision that costs.PRECISIONS does not have.
    """

    shaped: ShapedGraph
    batch: int = 1
    precision: str = "fp32"

    def __post_init__(self) -> None:
        units.whole("batch", self.batch)
        if self.precision not in PRECISIONS:
            raise ValueError(f"precision is one of {', '.join(PRECISIONS)}, not {self.precision!r}")

    @cached_property
    def figures(self) -> list[Costs]:
        """The costs of every node, in the order of the graph's nodes."""
        return costs(self.shaped, self.batch, self.precision)

    @cached_property
    def fields(self) -> list[tuple[Axis, ...]]:
        """What every node sees of the input."""
        return fields(self.shaped)

    @cached_property
    def totals(self) -> Totals:
        """The costs of inference."""
        return totals(self.shaped, self.figures, precision=self.precision)

    @cached_property
    def liveness(self) -> Liveness:
        """The activations alive at once in inference, in the file's order and in place where layers may be."""
        return liveness(self.shaped, bytes_of=self.bytes_of)

    @cached_property
    def schedule(self) -> Liveness:
        """The same in the order that needs least."""
        return schedule(self.shaped, bytes_of=self.bytes_of)

    @cached_property
    def alive(self) -> Mapping[int, int]:
        """The bytes alive while a node runs, for those of inference."""
        return dict(zip(self.liveness.order, self.liveness.usage, strict=True))

    def bytes_of(self, index: int) -> int:
        """The bytes of a node's output."""
        return self.batch * self.shaped.shapes[index].elements * PRECISIONS[self.precision]
