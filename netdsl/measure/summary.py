"""The summary of a network, as data and as JSON, CSV or Markdown."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from netdsl.graph.node import ShapedGraph
from netdsl.layers.arguments import Number
from netdsl.measure.field import Axis, fields
from netdsl.measure.figures import Figures, Totals, figures, totals

COLUMNS = ("path", "layer", "output", "params", "macs", "flops", "activation_bytes", "field", "stride")


def _plain(value: Number) -> int | float:
    return value if isinstance(value, int) else int(value) if value.denominator == 1 else float(value)


@dataclass(frozen=True)
class Summary:
    """What a network costs, layer by layer and in total, for one example."""

    shaped: ShapedGraph

    @cached_property
    def figures(self) -> list[Figures]:
        """The costs of every node, in the order of the graph's nodes."""
        return figures(self.shaped)

    @cached_property
    def fields(self) -> list[tuple[Axis, ...]]:
        """What every node sees of the input."""
        return fields(self.shaped)

    @cached_property
    def totals(self) -> Totals:
        """The costs of inference."""
        return totals(self.shaped, self.figures)

    @cached_property
    def data(self) -> dict[str, object]:
        """All of it as plain data; sizes are lists, spatial sizes first and channels last."""
        shaped, graph, sums = self.shaped, self.shaped.graph, self.totals
        dims = {node.path: list(shape.dims) for node, shape in zip(shaped.nodes, shaped.shapes, strict=True)}
        paths = [node.path for node in shaped.nodes]
        return {
            "name": graph.title,
            "file": graph.source.name,
            "meta": dict(graph.meta),
            "inputs": {paths[index]: dims[paths[index]] for index in graph.inputs},
            "outputs": {graph.output_name(index): dims[paths[index]] for index in graph.outputs},
            "totals": {
                "params": sums.params,
                "trainable": sums.params,
                "macs": sums.macs,
                "flops": sums.flops,
                "activation_bytes": sums.activation_bytes,
                "weight_bytes": sums.weight_bytes,
                "depth": sums.depth,
            },
            "layers": [self._row(index, paths) for index in range(len(paths))],
        }

    def _row(self, index: int, paths: list[str]) -> Mapping[str, object]:
        node, cost = self.shaped.nodes[index], self.figures[index]
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
            "field": [axis.size for axis in self.fields[index]],
            "stride": [_plain(axis.stride) for axis in self.fields[index]],
            "device": node.device,
            "training": node.training,
        }

    def __str__(self) -> str:
        from netdsl.measure import table

        return table.text(self)

    def json(self) -> str:
        """The data as JSON."""
        return json.dumps(self.data, indent=2, ensure_ascii=False)

    def rows(self) -> list[tuple[str | int, ...]]:
        """A row a layer, for tables: the columns named in COLUMNS."""
        found: list[tuple[str | int, ...]] = []
        for node, shape, cost, axes in zip(
            self.shaped.nodes, self.shaped.shapes, self.figures, self.fields, strict=True
        ):
            layer = f"{node.layer.keyword} {node.layer.label}".rstrip()
            field = "x".join(str(axis.size) for axis in axes)
            stride = "x".join(str(axis.stride) for axis in axes)
            numbers = (cost.params, cost.macs, cost.flops, cost.activation_bytes)
            found.append((node.path, layer, str(shape), *numbers, field, stride))
        return found

    def csv(self) -> str:
        """A line a layer under a heading."""
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(COLUMNS)
        writer.writerows(self.rows())
        return text.getvalue()
