"""The least time that a network could take on a machine: a roofline, layer by layer."""

from __future__ import annotations

from netdsl.bench.machine import Machine
from netdsl.measure.costs import PRECISIONS
from netdsl.measure.summary import Summary


def seconds(summary: Summary, machine: Machine) -> float:
    """The sum over the layers with MACs of max(MACs / rate of MACs, bytes / rate of bytes), for the summary's batch.

    The bytes are those of the layer's weights, of what it takes and of what it gives, each moved once. The other layers
    count as free, since they may be done while a neighbour's values are at hand. After Williams, Waterman and Patterson
    (Roofline, 2009).
    """
    shaped, width = summary.shaped, PRECISIONS[summary.precision]
    total = 0.0
    for index, (node, cost) in enumerate(zip(shaped.nodes, summary.figures, strict=True)):
        if not cost.macs or node.training:
            continue
        values = sum(shape.elements for shape in (*shaped.input_shapes(index), shaped.shapes[index]))
        moved = width * (summary.batch * values + cost.params + cost.constants)
        total += max(cost.macs / machine.macs, moved / machine.bytes)
    return total


def footprint(summary: Summary) -> int:
    """The bytes that a network works on: its weights, and the most that is alive at once of what it computes."""
    sums = summary.totals
    return sums.weight_bytes + sums.constants * PRECISIONS[summary.precision] + summary.liveness.peak
