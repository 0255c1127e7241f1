"""The summary of a network: as data and JSON, and as the table that it prints."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import cast

from netdsl.layers.arguments import Number
from netdsl.measure import summary_table
from netdsl.measure.liveness import liveness
from netdsl.measure.measured import Measured
from netdsl.text import safe
from netdsl.text.shown import Page
from netdsl.text.tree import exact


@dataclass(frozen=True, repr=False)
class Summary(Measured, Page):
    """What a network costs, layer by layer and in total, for a batch of examples and numbers of a precision.

    Raises ValueError for a batch below 1, and for a precision that costs.PRECISIONS does not have.
    """

    @cached_property
    def data(self) -> dict[str, object]:
        """All of it as plain data; sizes are lists, spatial sizes first and channels last."""
        return self._data(rows=True)

    def _data(self, *, rows: bool) -> dict[str, object]:
        """The data, with its layers or without."""
        shaped, graph, sums = self.shaped, self.shaped.graph, self.totals
        dims = {node.path: list(shape.dims) for node, shape in zip(shaped.nodes, shaped.shapes, strict=True)}
        paths = [node.path for node in shaped.nodes]
        return {
            "name": graph.title,
            "file": graph.source.name,
            "meta": dict(graph.meta),
            "inputs": {paths[index]: dims[paths[index]] for index in graph.inputs},
            "outputs": {graph.output_name(index): dims[paths[index]] for index in graph.outputs},
            "batch": self.batch,
            "precision": self.precision,
            "totals": {
                "params": sums.params,
                "trainable": sums.params,
                "macs": sums.macs,
                "flops": sums.flops,
                "activation_bytes": sums.activation_bytes,
                "weight_bytes": sums.weight_bytes,
                "depth": sums.depth,
                "constants": sums.constants,
                "connections": sums.connections,
                "peak_bytes": self.liveness.peak,
            },
            "peak": self._peak(paths),
            "layers": [self._row(index, paths) for index in range(len(paths))] if rows else [],
        }

    def _peak(self, paths: list[str]) -> Mapping[str, object]:
        own, best = self.liveness, self.schedule
        return {
            "bytes": own.peak,
            "path": paths[own.node],
            "alive": [paths[index] for index in own.alive],
            "bytes_without_inplace": liveness(self.shaped, inplace=False, bytes_of=self.bytes_of).peak,
            "least": {
                "bytes": best.peak,
                "exact": best.exact,
                "order": None if best.order == own.order else [paths[index] for index in best.order],
            },
        }

    def _row(self, index: int, paths: list[str]) -> Mapping[str, object]:
        node, cost, axes = self.shaped.nodes[index], self.figures[index], self.fields[index]
        span = node.site.span
        return {
            "path": node.path,
            "kind": node.layer.keyword,
            "file": span.source.name,
            "line": span.line,
            "inputs": [paths[source] for source in node.inputs],
            "output": list(self.shaped.shapes[index].dims),
            "params": cost.params,
            "macs": cost.macs,
            "flops": cost.flops,
            "activation_bytes": cost.activation_bytes,
            "field": [axis.size for axis in axes],
            "stride": [_plain(axis.stride) for axis in axes],
            "device": node.device,
            "training": node.training,
            "constants": cost.constants,
            "connections": cost.connections,
            "alive_bytes": self.alive.get(index),
            "offset": [_plain(axis.offset) for axis in axes],
            "centre": [_plain(axis.centre) for axis in axes],
        }

    def __str__(self) -> str:
        return "\n".join(summary_table.text(self))

    def json(self) -> str:
        """The data as JSON."""
        return "\n".join(self.json_lines())

    def json_lines(self) -> Iterator[str]:
        """The same, layer by layer."""
        head, _, tail = safe.json_text(self._data(rows=False)).rpartition("[]")
        paths = [node.path for node in self.shaped.nodes]
        before = f"{head}["
        for index in range(len(paths)):
            yield before
            before = f"    {_object(self._row(index, paths))},"
        yield f"{before[:-1]}\n  ]{tail}"

    def csv(self) -> str:
        """A line a layer under a heading."""
        return "".join(f"{line}\n" for line in summary_table.csv(self))


_FIELDS, _ITEMS = ",\n      ", ",\n        "
_PLAIN = re.compile(r"[a-zA-Z0-9_.]*")


def _object(row: Mapping[str, object]) -> str:
    """A row of plain data as indented JSON, faster than json.dumps, which indents in Python itself."""
    fields = [
        f'"{key}": [\n        {_ITEMS.join(map(_value, cast("list[object]", value)))}\n      ]'
        if value and isinstance(value, list)
        else f'"{key}": {_value(value)}'
        for key, value in row.items()
    ]
    return f"{{\n      {_FIELDS.join(fields)}\n    }}"


def _value(value: object) -> str:
    if isinstance(value, int):
        return str(value) if type(value) is int else "true" if value else "false"
    if isinstance(value, str) and _PLAIN.fullmatch(value):
        return f'"{value}"'
    return safe.json_text(value, indent=None)


def _plain(value: Number) -> int | float:
    whole = exact(value)
    return whole if isinstance(whole, int) else float(whole)
