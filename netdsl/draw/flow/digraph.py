"""A drawing as Graphviz's DOT: the same text for the same drawing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from math import atan2, degrees, hypot
from typing import Literal, TypeAlias

from netdsl.draw import metrics, words
from netdsl.draw.drawing import Box, Cluster, Drawing, Item, clusters
from netdsl.draw.flow import cuts as cutting
from netdsl.draw.flow import label, routes
from netdsl.draw.flow.cuts import Cut
from netdsl.draw.flow.routes import Routes, Way
from netdsl.draw.flow.turn import Turned, turned
from netdsl.draw.palette import LIGHT, Theme, Tone
from netdsl.text import safe

Direction: TypeAlias = Literal["TB", "LR"]

FONT = "Helvetica"

LARGE = 500
"""Boxes and forks from which on Graphviz searches for the best places only so long."""

BESIDE = 8.0
"""How far below its tail the label of a short straight edge has its middle, in points."""

ACROSS = 30
"""The weight of an edge from one side of a U to the other: it is level, rather than what comes down straight."""

OTHER_END = {"taillabel": "headlabel", "arrowhead": "arrowtail", "headclip": "tailclip", "tailclip": "headclip"}
"""What an attribute of an edge is called where the edge is written from its end."""


def dot(drawing: Drawing, direction: Direction = "TB", theme: Theme = LIGHT) -> str:
    """The DOT text of a drawing: from top to bottom, or from left to right."""
    drawing = cutting.parted(drawing)
    ways = routes.routes(drawing)
    turns = turned(drawing, ways)
    cuts = () if turns else cutting.cuts(drawing, ways, sideways=direction == "LR")
    return "\n".join(_lines(drawing, direction, theme, ways, cuts, turns)) + "\n"


def quoted(text: str) -> str:
    """A string of DOT."""
    return '"' + safe.lines(text).replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'


def attributes(**given: str | float | bool) -> str:
    """Attributes in brackets."""
    written: list[str] = []
    for name, value in given.items():
        text = f"{value:g}" if isinstance(value, float | int) and not isinstance(value, bool) else str(value)
        shown = text.lower() if isinstance(value, bool) else f"<{text[1:]}>" if text.startswith("\0") else quoted(text)
        written.append(f"{name}={shown}")
    return f"[{' '.join(written)}]"


def html(text: str) -> str:
    """A label in Graphviz's HTML, for attributes()."""
    return f"\0{text}"


def _point(theme: Theme, width: float = 0) -> str:
    """The attributes of a corner or fork of lines: as wide as the title above it asks."""
    if width <= 0:
        return attributes(shape="point", width=0.01, height=0.01, color=theme.line, label="", tooltip="")
    return attributes(shape="box", style="invis", width=width / 72, height=0.01, fixedsize=True, label="")


def _lines(
    drawing: Drawing, direction: Direction, theme: Theme, all: Routes, cuts: tuple[Cut, ...], turns: Turned
) -> Iterator[str]:
    shape: dict[str, str | float] = {"rankdir": direction, "ranksep": 0.22, "nodesep": 0.28, "remincross": False}
    if len(all.levels) > LARGE:
        shape |= {"nslimit": 3, "nslimit1": 3}
    look = {"bgcolor": theme.paper, "pad": 0.3, "fontname": FONT, "fontcolor": theme.text, "fontsize": 10}
    place = {"labelloc": "t", "labeljust": "l", "label": html(label.caption(drawing, theme))}
    yield f"digraph {quoted(words.plain(drawing.title) or 'network')} {{"
    yield f"  graph {attributes(**shape, **look, **place)}"
    yield f"  node {attributes(shape='plain', fontname=FONT, fontsize=label.NORMAL, fontcolor=theme.text)}"
    look = {"fontname": FONT, "fontsize": label.SMALL, "fontcolor": theme.text, "color": theme.line}
    yield f"  edge {attributes(**look, arrowsize=0.6)}"
    cut = {(one.source, target) for one in cuts for target in one.targets}
    kept = [way for way in all.ways if (way.source, way.target) not in cut]
    out = Counter(way.source for way in kept if not way.training)
    into = Counter(way.target for way in kept)
    straight = {way for way in kept if out[way.source] == into[way.target] == 1 and not way.training}
    beside = {way for way in straight if direction == "TB" and _deep(way, all)}
    widths = _widths(drawing, theme, all, beside) if direction == "TB" else {}  # else edges come in from the side
    style = _Style(theme, len(drawing.devices) > 1, all, widths)
    for item in drawing.items:
        yield from _item(item, style, style.devices, False, "  ", 0)
    yield from (f"  {quoted(source)} {attributes(ordering='out')}" for source in _shortcut(kept, all))
    forks = {fork for some in all.forks.values() for fork in some}
    for way in kept:
        weight = 20 if way in straight else _weight(way, all)
        across = turns.get(way) == "across"
        weight, further = (ACROSS, {"minlen": 0}) if across else (weight, {})
        fork, back = way.source in forks, turns.get(way) == "back"
        yield f"  {_way(way, theme, weight=weight, beside=way in beside, fork=fork, back=back, **further)}"
    yield from (f"  {line}" for line in _joins(drawing, theme, all, cuts))
    yield "}"


@dataclass(frozen=True)
class _Style:
    """What boxes and clusters need to know of the whole picture."""

    theme: Theme
    devices: bool
    all: Routes
    widths: Mapping[str, float]
    """How wide boxes and forks are at least, and with 0 the clusters whose single edge comes in at a box's middle."""


def _widths(drawing: Drawing, theme: Theme, all: Routes, beside: Iterable[Way]) -> dict[str, float]:
    """The least widths of boxes and forks: a title fits beside the edge below it, and the label of one into its frame.

    The clusters whose single edge comes in at the middle of a box are among them, with 0.
    """
    found: dict[str, float] = {}
    entered = routes.entries(all)
    forks = {fork for some in all.forks.values() for fork in some}
    for way in beside:
        if way.shape is not None and all.around[way.source] == all.around[way.target]:
            found[way.source] = 2 * metrics.width(words.dims(str(way.shape)), label.SMALL) - 4
    for one in clusters(drawing.items):
        entry = entered.get(one.id, set())
        if len(entry) != 1:
            continue
        narrow = not entry <= forks
        if narrow:
            found[one.id] = 0
        width = 2 * label.across(one, theme, device=len(drawing.devices) > 1, narrow=narrow) + 10
        inner = [box.id for box in one.items if isinstance(box, Box)]
        chain = len({all.levels[box] for box in inner}) == len(inner)
        for box in {*entry, *(inner if chain and narrow else ())}:
            found[box] = max(found.get(box, 0), width)
    return found


def _item(item: Item, style: _Style, badge: bool, told: bool, indent: str, depth: int) -> Iterator[str]:
    """A box, or a cluster with what is in it.

    `badge` says that boxes must tell their devices, `told` that a cluster has told that all in it is of training alone.
    """
    if isinstance(item, Box):
        yield f"{indent}{quoted(item.id)} {_box(item, style, badge, told)}"
        return
    yield f"{indent}subgraph {quoted(f'cluster {item.id}')} {{"
    yield f"{indent}  graph {_frame(item, style, badge, depth)}"
    for fork in style.all.forks.get(item.id, ()):
        yield f"{indent}  {quoted(fork)} {_point(style.theme, style.widths.get(fork, 0))}"
    for inner in item.items:
        yield from _item(inner, style, badge and item.device is None, item.training, f"{indent}  ", depth + 1)
    yield f"{indent}}}"


def _box(one: Box, style: _Style, badge: bool, told: bool) -> str:
    theme = style.theme
    if one.kind == "layer":
        least = style.widths.get(one.id, 0)
        shown = label.box(one, theme, devices=style.devices, badge=badge, told=told, least=least)
        return attributes(label=html(shown), tooltip=one.tooltip)
    tone = theme.roles[one.rows[0].role]
    if one.kind == "block":
        shown = label.block(one, theme, badge=badge, told=told)
        tone = Tone(theme.depths[1], theme.line)
    else:
        shown = label.terminal(one, theme)
    line = theme.device(one.device).accent if style.devices else tone.accent
    return attributes(
        label=html(shown),
        shape="box",
        style="rounded,filled,dashed" if one.training else "rounded,filled",
        fillcolor=theme.training.fill if one.training else tone.fill,
        color=theme.training.accent if one.training else line,
        height=0,
        width=style.widths.get(one.id, 0) / 72 if one.kind == "block" else 0,
        margin="0.12,0.05",
        tooltip=one.tooltip or words.plain(one.rows[0].name) or one.rows[0].keyword,
    )


def _frame(one: Cluster, style: _Style, badge: bool, depth: int) -> str:
    """The attributes of a cluster."""
    theme = style.theme
    fill, line = theme.depths[min(depth, len(theme.depths) - 1)], theme.border
    if badge and one.device is not None:
        fill, line = theme.device(one.device).fill, theme.device(one.device).accent
    return attributes(
        label=html(label.cluster(one, theme, device=badge, narrow=one.id in style.widths)),
        labelloc="t",
        labeljust="l",
        fontsize=label.SMALL,
        style="rounded,filled,dashed" if one.training else "rounded,filled",
        fillcolor=fill,
        color=line,
        margin=7,
        tooltip=one.id,
    )


def _weight(way: Way, all: Routes) -> int:
    """How straight an edge is to be: a shortcut bends around what it cuts short."""
    span = all.levels[way.target] - all.levels[way.source]
    if span == 1 and not way.shape:
        return 5  # from a fork: what follows it stands high
    return 4 if span <= 2 else 1


def _shortcut(ways: Sequence[Way], all: Routes) -> list[str]:
    """The boxes that feed something far below beside what follows: their edges keep their order, lest they cross."""
    far = {way.source for way in ways if all.levels[way.target] - all.levels[way.source] > 2}
    return [source for source, count in Counter(way.source for way in ways).items() if count > 1 and source in far]


def _deep(way: Way, all: Routes) -> bool:
    """Whether an edge lies in a cluster, and in or at one in it, where Graphviz bends it around its label."""
    outer, inner = sorted((all.around[way.source], all.around[way.target]), key=len)
    return len(outer) > 0 and len(inner) > 1 and inner[: len(outer)] == outer


def _way(
    way: Way,
    theme: Theme,
    *,
    weight: int,
    beside: bool = False,
    fork: bool = False,
    back: bool = False,
    **further: str | float,
) -> str:
    """An edge; one that leads `back` against the direction is written from its end, which Graphviz then puts first."""
    given: dict[str, str | float] = {"weight": weight, **further}
    if way.shape is not None:
        shown = words.dims(str(way.shape))
        if beside:  # the middle of the text, from the end of the edge: 10 points times the distance, at the angle
            across, along = len(shown) * 0.56 * label.SMALL / 2 + 4, BESIDE
            given |= {"taillabel": shown, "labelangle": round(degrees(atan2(across, along)), 1)}
            given["labeldistance"] = round(hypot(across, along) / 10, 2)
        else:
            given["label"] = f"\u00a0{shown}\u00a0\u00a0"
    if not way.ends:
        given |= {"arrowhead": "none", "headclip": False}
    if fork:
        given["tailclip"] = False
    if way.training:
        given |= {"style": "dashed", "color": theme.training.accent}
    if way.tint:
        given |= {"style": "dashed" if way.tint == "removed" else "solid", "color": theme.roles[way.tint].accent}
    if not back:
        return f"{quoted(way.source)} -> {quoted(way.target)} {attributes(**given)}"
    swapped = {OTHER_END.get(name, name): value for name, value in given.items()}
    return f"{quoted(way.target)} -> {quoted(way.source)} {attributes(dir='back', **swapped)}"


def _joins(drawing: Drawing, theme: Theme, all: Routes, cuts: tuple[Cut, ...]) -> Iterator[str]:
    """The lines from the foot of a column, up beside it, to the head of the next."""
    if not cuts:
        return
    first = next(one.id for one in drawing.boxes if one.kind == "input")
    corners = [[f"corner {number}.{part}" for part in range(4)] for number in range(1, len(cuts) + 1)]
    yield from (f"{quoted(corner)} {_point(theme)}" for join in corners for corner in join)
    heads = [first, *(corner for join in corners for corner in join[2:])]
    yield f"{{rank=min; {' '.join(f'{quoted(corner)};' for corner in heads)}}}"
    before = first
    for cut, (foot, bend, top, head) in zip(cuts, corners, strict=True):
        yield f"{quoted(cut.source)} -> {quoted(foot)} {attributes(dir='none', weight=20)}"
        for end in cut.ends:
            yield f"{quoted(end)} -> {quoted(foot)} {attributes(style='invis', weight=0)}"
        yield f"{{rank=same; {quoted(foot)} -> {quoted(bend)} {attributes(dir='none', weight=0)}}}"
        yield f"{quoted(top)} -> {quoted(bend)} {attributes(dir='none', weight=1)}"
        yield f"{quoted(top)} -> {quoted(head)} {attributes(dir='none', weight=0)}"
        yield f"{quoted(before)} -> {quoted(top)} {attributes(style='invis', weight=0)}"
        for way in all.ways:
            if way.source == cut.source and way.target in cut.targets:
                weight = 20 if len(cut.targets) == 1 else 4
                yield _way(replace(way, source=head), theme, weight=weight, minlen=1 + cut.down)
        before = head
