"""The summary as the course's slides go through VGG-16: a row a layer, its memory and its parameters worked out.

    CONV3-64  [224x224x64]  memory: 224*224*64=3.2M  params: (3*3*3)*64 = 1,728

Numbers of the memory are rounded, where the slides cut them off (150,528 is 151K there too, and not 150K). Parameters
leave the biases out, as theirs do; the totals have both. What works in place and learns nothing has no row. Copies of
a repeat that are alike are one row with their number.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import TypeAlias

from netdsl.graph.outline import Layer, Placed
from netdsl.layers.arguments import once, show
from netdsl.layers.formula import Formula
from netdsl.layers.workings import Workings
from netdsl.measure.costs import PRECISIONS
from netdsl.measure.summary import Summary
from netdsl.measure.units import size

Worked: TypeAlias = Sequence[Formula | None]


@dataclass(frozen=True, slots=True)
class _Row:
    """A row: how many layers it stands for, and its cells."""

    times: int
    name: str
    shape: str
    memory: str
    params: str


def text(summary: Summary) -> str:
    """The rows under each other in columns, of which the last ends where the widest row does; and the totals."""
    shaped = summary.shaped
    nodes = [index for index, node in enumerate(shaped.nodes) if not node.training]
    worked = _worked(summary)
    cells = [_cells(row) for row in _rows(summary, worked, shaped.graph.outline.named())]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    left = [" ".join(map(str.ljust, row[:3], widths)).rstrip() for row in cells]
    wide = max(len(start) + 1 + len(row[3]) for start, row in zip(left, cells, strict=True))
    lines = [start + row[3].rjust(wide - len(start)) for start, row in zip(left, cells, strict=True)]
    return "\n".join([*lines, *_totals(summary, nodes, worked)])


def _cells(row: _Row) -> tuple[str, str, str, str]:
    times = f"{row.times} × " if row.times > 1 else ""
    return f"{times}{row.name}", f"[{row.shape}]", f"memory: {row.memory}", f"params: {row.params}"


def _rows(summary: Summary, worked: Worked, parts: Iterable[Placed]) -> Iterator[_Row]:
    """The rows of some parts."""
    for one in parts:
        if isinstance(one.own, Layer):
            node = summary.shaped.nodes[one.node]
            if not node.training and (not node.layer.inplace or worked[one.node] is not None):
                yield _row(summary, one.node, worked[one.node])
        elif one.copies is None:
            yield from _rows(summary, worked, one.named())
        else:
            for rows, alike in groupby(tuple(_rows(summary, worked, [copy])) for copy in one.named()):
                times = len(list(alike))
                yield from (replace(row, times=row.times * times) for row in rows)


def _row(summary: Summary, index: int, weights: Formula | None) -> _Row:
    shaped = summary.shaped
    shape = shaped.shapes[index]
    rank = max((shaped.shapes[one].rank for one in shaped.graph.inputs), default=0)
    dims = shape.dims if shape.spatial else (*(1,) * rank, shape.channels)
    worked, count = "*".join(map(str, shape.dims)), _short(shape.elements)
    if shaped.nodes[index].layer.inplace:
        worked = count = "0"
    return _Row(
        1,
        _name(summary, index),
        show(dims),
        worked if worked == count else f"{worked}={count}",
        _weights(weights),
    )


def _short(numbers: int) -> str:
    """A number as the slides have it, but rounded: `3.2M`, `803K`, `4096`."""
    if numbers < 10_000:
        return str(numbers)
    if numbers < 999_500:
        return f"{numbers / 1e3:.0f}K"
    return f"{numbers / 1e6:.1f}M" if numbers < 999_950_000 else f"{numbers / 1e9:.1f}G"


def _name(summary: Summary, index: int) -> str:
    """What the slides call a layer: `CONV3-64` by window and filters, `POOL2`; the stride as papers write it, `/2`."""
    layer, inputs = summary.shaped.nodes[index].layer, summary.shaped.input_shapes(index)
    windows = layer.windows(*inputs)
    if windows == "all" or not windows or layer.role not in ("convolution", "pooling"):
        return layer.keyword
    sizes, strides = tuple(one.size for one in windows), tuple(one.stride for one in windows)
    kernel, step = show(once(sizes)), show(once(strides))
    if layer.role == "pooling":
        return f"{layer.keyword.removeprefix('MAX')}{kernel}" + (f" /{step}" if strides != sizes else "")
    filters = summary.shaped.shapes[index].channels
    return f"{layer.keyword}{kernel}-{filters}" + (f" /{step}" if max(strides) > 1 else "")


def _weights(worked: Formula | None) -> str:
    """The parameters without the biases, where they are counted: `(3*3*3)*64 = 1,728`."""
    if worked is None:
        return "0"
    text = worked.text.replace(",", "").replace("·", "*").replace("−", "-")
    return worked.result if text == str(worked.value) else f"{text} = {worked.result}"


def _worked(summary: Summary) -> Worked:
    """For each layer its parameters without the biases; None where it has none, or they are counted elsewhere."""
    known: dict[tuple[int, ...], Formula | None] = {}  # of copies, which have one layer and shapes that are one object
    found: list[Formula | None] = []
    for index, node in enumerate(summary.shaped.nodes):
        inputs = summary.shaped.input_shapes(index)
        key = (id(node.layer), *map(id, inputs))
        if key not in known:
            known[key] = Workings(node.layer, inputs).weights or None
        found.append(known[key] if summary.figures[index].params else None)
    return found


def _totals(summary: Summary, nodes: Sequence[int], worked: Worked) -> list[str]:
    sums = summary.totals
    numbers = sum(
        summary.shaped.shapes[index].elements for index in nodes if not summary.shaped.nodes[index].layer.inplace
    )
    weights = sum(int(one.value) for index in nodes if (one := worked[index]) is not None)
    width, batch = PRECISIONS[summary.precision], summary.batch
    held = size(batch * numbers * width).replace(".0 ", " ")
    one = "image" if any(summary.shaped.shapes[index].rank == 2 for index in summary.shaped.graph.inputs) else "example"
    many = f" * {batch} {one}s = {held}" if batch > 1 else f" = {held} / {one}"
    return [
        f"TOTAL memory: {numbers:,} numbers * {width} byte{'s' * (width > 1)}{many}",
        f"TOTAL params: {weights:,} without biases, {sums.params:,} with them",
    ]
