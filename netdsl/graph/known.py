"""What is known of a program whatever is wrong in it, for whoever shows it while it is written."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

from netdsl.graph.build import Overrides, attempt, expanded
from netdsl.graph.node import Node, ShapedGraph
from netdsl.graph.outline import Outline
from netdsl.graph.program import Unit
from netdsl.graph.references import Reference, references
from netdsl.layers.shape import Shape
from netdsl.text import partial
from netdsl.text.diagnostic import Enough, Report
from netdsl.text.source import Source


@dataclass(frozen=True)
class Known:
    """All that can be said of a program.

    The outline is of all its chains, with a Hole for each element that has a mistake; `nodes` and `shapes` are those
    that it counts. Some have no shape, and some are read by nothing. `network` is there where nothing is wrong.
    """

    source: Source
    outline: Outline = field(default_factory=Outline)
    nodes: Sequence[Node] = ()
    shapes: Sequence[Shape | None] = ()
    network: ShapedGraph | None = None
    unit: Unit | None = None
    """The file, with the blocks and params that it sees; None where there is more wrong in it than is sought."""

    def references(self) -> Iterator[Reference]:
        """What each name in the file stands for."""
        return iter(()) if self.unit is None else references(self.unit)


def known(source: Source, path: Path | None, report: Report, overrides: Overrides | None = None) -> Known:
    """What is known of a program. A chain with a syntax error is read up to the line of the first.

    All that is wrong goes to `report`. Raises OverrideError for an override that fits nothing.
    """
    overrides = overrides or Overrides()
    expansion, network = attempt(source, path, report, overrides)
    if expansion is None:
        return Known(source)
    if expansion.unit.file.broken:
        unit = replace(expansion.unit, file=partial.mended(expansion.unit.file))
        with suppress(Enough):
            expansion = expanded(unit, Report(), overrides)
    made = expansion.made
    outline = Outline(tuple(expansion.chains), made.ends)
    return Known(source, outline, made.nodes, made.shapes.found, network, expansion.unit)
