"""What copes with networks that are too large to be laid out whole: fewer boxes, then fewer lines, and a word of it.

Graphviz's time grows with the square of the boxes and of the levels that lines pass, so that a drawing is bounded by
both: by counts, and so alike on every machine.
"""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import replace

from netdsl.draw import notice
from netdsl.draw.drawing import Box, Cluster, Drawing, Edge, Item, Row, Tint
from netdsl.draw.flow import routes
from netdsl.draw.fold import fold
from netdsl.graph.node import ShapedGraph

MOST_BOXES = 1200
"""More are drawn as fewer."""

MOST_LEVELS = 2000
"""Boxes, and levels that lines pass beside them, all told."""

FEW_LEVELS = 400
"""Levels that lines pass where that were too many: so few that a reader can follow those that are left."""

MOST_LINES = 1500

RUNS = 150
"""As how many boxes a chain is drawn that is too long for one each."""

_ROWS = 10
"""Rows of a box; more count as boxes, and are not drawn where there are too many of these."""

_NAMED = 4
"""Of how many boxes a box names that it reads them, where no lines say so."""


def folded(shaped: ShapedGraph, *, expand: bool, depth: int | None) -> Drawing:
    """The drawing of a network as asked for, or where that has too many boxes, one that has fewer, which is told."""
    drawing = fold(shaped, expand=expand, depth=depth)
    boxes = asked = _count(drawing)
    told: list[str] = []
    if boxes > MOST_BOXES and expand:
        drawing, told = fold(shaped, depth=depth), ["repeats are drawn once"]
        boxes = _count(drawing)
    if boxes > MOST_BOXES:
        levels = range(_depth(drawing.items) if depth is None else min(depth, _depth(drawing.items)))
        less = next((level for level in reversed(levels) if _count(fold(shaped, depth=level)) <= MOST_BOXES), 0)
        if levels:
            drawing = fold(shaped, depth=less)
            told.append(f"blocks {less} deep are one box each" if less else "blocks are one box each")
            boxes = _count(drawing)
    if boxes > MOST_BOXES:
        drawing = _runs(drawing)
        told.append("layers in a row share a box")
    if told:
        notice.tell(
            f"a picture of {asked:,} boxes is too large to lay out: {', and '.join(told)}; an .html page unfolds to all"
        )
        drawing = replace(drawing, facts=(*drawing.facts, f"drawn coarsely: {', '.join(told)}"))
    return drawing


def thinned(drawing: Drawing) -> Drawing:
    """A drawing without the longest lines, if it has too many; boxes name what these would tell, and that is told."""
    drawn = _lines(drawing)
    left_out = [edge for edge in drawing.edges if edge not in drawn]
    if not left_out:
        return drawing
    told = f"{len(left_out):,} of {len(drawing.edges):,} lines are not drawn, but named where they would end"
    notice.tell(f"{told}, since a picture of all is too large to lay out; a .dot file has them")
    reads: dict[str, list[str]] = {}
    for edge in left_out:
        reads.setdefault(edge.target, []).append(edge.source)
    items = tuple(_named(drawing.items, reads, {edge.source for edge in left_out}))
    return replace(
        drawing, facts=(*drawing.facts, told), items=items, edges=tuple(filter(drawn.__contains__, drawing.edges))
    )


def _lines(drawing: Drawing) -> set[Edge]:
    """The edges that are drawn: the shortest, and one into each box and out of it, if there is room for that."""
    levels = routes.routes(drawing).levels
    passed = {edge: levels[edge.target] - levels[edge.source] - 1 for edge in drawing.edges}
    room = MOST_LEVELS - _count(drawing)
    if sum(passed.values()) > room:
        room = FEW_LEVELS
    drawn: set[Edge] = set()
    joined: set[tuple[str, str]] = set()
    total = 0
    for edge in sorted(passed, key=passed.__getitem__):
        ends = {("into", edge.target), ("out of", edge.source)}
        most = 1 if ends <= joined else 2
        if total + passed[edge] <= most * room and len(drawn) < most * MOST_LINES:
            total += passed[edge]
            drawn.add(edge)
            joined |= ends
    return drawn


def _named(items: Sequence[Item], reads: Mapping[str, Sequence[str]], read: Container[str]) -> Iterator[Item]:
    """Items whose boxes name what they read without a line, and have the names by which others do."""
    for item in items:
        if isinstance(item, Cluster):
            yield replace(item, items=tuple(_named(item.items, reads, read)))
            continue
        first, *rest = item.rows
        if item.id in read and not first.name and item.kind != "block":
            first = replace(first, name=item.id)
        names = list(dict.fromkeys(reads.get(item.id, ())))
        further = f" and {len(names) - _NAMED:,} more" if len(names) > _NAMED else ""
        note = f"reads {', '.join(names[:_NAMED])}{further}" if names else ""
        tooltip = f"{item.tooltip}\nreads {', '.join(names)}" if names else item.tooltip
        yield replace(item, rows=(first, *rest), note="; ".join(filter(None, (item.note, note))), tooltip=tooltip)


def _count(drawing: Drawing) -> int:
    return sum(1 + max(0, len(box.rows) - _ROWS) for box in drawing.boxes)


def _depth(items: Sequence[Item]) -> int:
    """How many clusters deep items are."""
    deepest, level = 0, [item for item in items if isinstance(item, Cluster)]
    while level:
        deepest += 1
        level = [inner for one in level for inner in one.items if isinstance(inner, Cluster)]
    return deepest


def compared(drawing: Drawing) -> Drawing:
    """The drawing of a difference, or where that has too many boxes, one in which runs share a box, which is told."""
    boxes = _count(drawing)
    if boxes <= MOST_BOXES:
        return drawing
    told = "layers in a row share a box"
    notice.tell(f"a picture of {boxes:,} boxes is too large to lay out: {told}; a .dot file has all")
    return replace(_runs(drawing, tinted=True), facts=(*drawing.facts, f"drawn coarsely: {told}"))


def _runs(drawing: Drawing, *, tinted: bool = False) -> Drawing:
    """A drawing of boxes alone, with runs of layers as a box each; tinted, as what became of all in it."""
    boxes = list(drawing.boxes)
    size = -(-len(boxes) // RUNS)
    inner = ("layer", "block")
    runs: list[list[Box]] = []
    for box in boxes:
        if box.kind not in inner or not runs or runs[-1][-1].kind not in inner or len(runs[-1]) == size:
            runs.append([])
        runs[-1].append(box)
    box_of = {box.id: run[0].id for run in runs for box in run}
    edges = [replace(edge, source=box_of[edge.source], target=box_of[edge.target]) for edge in drawing.edges]
    edges = [edge for edge in dict.fromkeys(edges) if edge.source != edge.target]
    return replace(drawing, items=tuple(_run(run, tinted=tinted) for run in runs), edges=tuple(edges))


def _run(run: Sequence[Box], *, tinted: bool) -> Box:
    """The box of a run."""
    first = run[0]
    if len(run) == 1:
        over = len(first.rows) - _ROWS
        return replace(first, rows=(*first.rows[:_ROWS], Row(f"and {over:,} more", "", "input"))) if over > 1 else first
    layers = sum(len(box.rows) if box.kind == "layer" else 1 for box in run)
    training = all(box.training for box in run)
    name, told, tooltip = f"{first.id} … {run[-1].id}", f"{layers:,} layers or blocks", f"{first.id} to {run[-1].id}"
    if not tinted:
        rows = (Row(name, "", "input"), Row("", told, "input"))
        return Box(first.id, "block", rows, first.device, training=training, tooltip=tooltip)
    tints: set[Tint] = {row.role for box in run for row in box.rows}
    tint = tints.pop() if len(tints) == 1 else "changed"
    rows = (Row(name, "", tint), Row(told, "", tint))
    return Box(first.id, "layer", rows, first.device, training=training, tooltip=tooltip)
