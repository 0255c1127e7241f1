"""The columns that tables of layers have: what each is called, and what stands in it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from netdsl.layers.arguments import Number, show

if TYPE_CHECKING:
    from netdsl.measure.summary import Summary

Cell = int | str


@dataclass(frozen=True, slots=True)
class Column:
    """A column: its name, on the command line as in every table, and a node's cell in it.

    What `adds` up stands for a scope too, as the sum over all that is in it.
    """

    name: str
    cell: Callable[[Summary, int], Cell]
    adds: bool = False
    left: bool = False


def _axes(values: Iterable[Number]) -> str:
    return show(tuple(values))


def _inputs(summary: Summary, index: int) -> str:
    nodes = summary.shaped.nodes
    return ", ".join([nodes[source].path for source in nodes[index].inputs])


COLUMNS = (
    Column("output", lambda summary, index: str(summary.shaped.shapes[index]), left=True),
    Column("params", lambda summary, index: summary.figures[index].params, adds=True),
    Column("constants", lambda summary, index: summary.figures[index].constants, adds=True),
    Column("macs", lambda summary, index: summary.figures[index].macs, adds=True),
    Column("flops", lambda summary, index: summary.figures[index].flops, adds=True),
    Column("connections", lambda summary, index: summary.figures[index].connections, adds=True),
    Column("activation_bytes", lambda summary, index: summary.figures[index].activation_bytes, adds=True),
    Column("alive_bytes", lambda summary, index: summary.alive.get(index, "")),
    Column("field", lambda summary, index: _axes(axis.size for axis in summary.fields[index])),
    Column("stride", lambda summary, index: _axes(axis.stride for axis in summary.fields[index])),
    Column("offset", lambda summary, index: _axes(axis.offset for axis in summary.fields[index])),
    Column("centre", lambda summary, index: _axes(axis.centre for axis in summary.fields[index])),
    Column("device", lambda summary, index: str(summary.shaped.nodes[index].device)),
    Column("inputs", _inputs, left=True),
)
"""All of them but the first two of every table: the path and the layer."""
