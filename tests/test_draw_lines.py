"""Lines as they are painted, in every style: each joins what flows into what, and meets no other box and no words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import pairwise
from math import hypot
from pathlib import Path
from typing import TypeAlias

import pytest
import svg_reader
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from random_networks import programs, tangles
from svg_reader import Area, Point

import netdsl
from netdsl import resources
from netdsl.draw import columns, routing, volumes
from netdsl.draw.columns.arcs import flows
from netdsl.draw.columns.build import column
from netdsl.draw.columns.parts import leaves
from netdsl.draw.notice import PictureWarning
from netdsl.draw.palette import LIGHT
from netdsl.graph.node import ShapedGraph

NETWORKS = [*resources.bundled(), *sorted(Path(__file__).parent.joinpath("programs", "valid").glob("*.net"))]
Polygon: TypeAlias = list[Point]
NEAR = 0.5  # points between a line and what it touches

CORNER = 2.0  # and between a line and one that leaves it at a corner, which is rounded


def passes(line: Sequence[Point], point: Point) -> bool:
    """Whether a line runs through a point."""
    return line[0] != point and svg_reader.crosses(line, Area(*point, *point).grown(CORNER))


def met(line: Sequence[Point], areas: dict[str, Area]) -> Iterator[str]:
    """What a line runs through: it begins and ends at the rims of what it joins."""
    for name, area in areas.items():
        if svg_reader.crosses(line, area.grown(-NEAR)):
            yield name


def of_columns(shaped: ShapedGraph) -> Iterator[str]:
    """The faults of a column's lines."""
    picture = svg_reader.root(columns.svg([shaped], LIGHT))
    drawn = column(shaped)
    groups = [one for one in picture if svg_reader.kind(one) == "g"]
    boxes: dict[str, Area] = {}
    words: dict[str, Area] = {}
    for leaf, group in zip(leaves(drawn.series), groups, strict=True):
        boxes[leaf.id] = svg_reader.area(next(svg_reader.every(group, "rect")))
    for element in picture:
        if svg_reader.kind(element) == "text" and (found := svg_reader.text(element)):
            words[f"{found.said!r} at {found.area.left:.0f},{found.area.top:.0f}"] = found.area
    lines = [svg_reader.line(one) for one in picture if svg_reader.kind(one) == "path"]
    heads = [svg_reader.area(one) for one in picture if svg_reader.kind(one) == "polygon"]
    straight, arcs = flows(drawn)
    links = [*((arc.source, arc.target) for arc in arcs), *straight]
    assert Counter(links) == Counter(drawn.links)
    for (source, target), line, head in zip(links, lines, heads, strict=True):
        begun = [boxes[source].grown(NEAR).holds(Area(*line[0], *line[0]))]
        begun += [passes(other, line[0]) for link, other in zip(links, lines, strict=True) if link[0] == source]
        if not any(begun):
            yield f"{source} → {target} begins elsewhere"
        if not boxes[target].overlaps(head, -NEAR):
            yield f"{source} → {target} ends elsewhere"
        yield from (f"{source} → {target} passes under {one}" for one in met(line, boxes))
        yield from (f"{source} → {target} runs through {one}" for one in met(line, words))


@pytest.mark.parametrize("path", NETWORKS, ids=lambda path: path.stem)
def test_lines_of_columns_join_what_flows(path: Path) -> None:
    assert list(of_columns(netdsl.load(path).shaped)) == []


def of_volumes(shaped: ShapedGraph) -> Iterator[str]:
    """The faults of the lines between volumes; numbers at edges stand on a ground, which cuts lines."""
    picture = svg_reader.root(volumes.svg(shaped, LIGHT))
    faces: dict[str, list[Polygon]] = {}
    for group in svg_reader.every(picture, "g"):
        if group.get("id", "").startswith("volume."):
            faces[group.attrib["id"]] = [svg_reader.line(one) for one in svg_reader.every(group, "polygon")]
    around = {name: svg_reader.around(point for face in found for point in face) for name, found in faces.items()}
    grounds = [svg_reader.area(one) for one in picture if one.get("stroke") == "none"]
    words = [text for text in svg_reader.texts(picture) if not any(one.grown(1.5).holds(text.area) for one in grounds)]
    for element in picture:
        if svg_reader.kind(element) != "polyline":
            continue
        line = svg_reader.line(element)
        for text in words:
            if svg_reader.crosses(line, text.area):
                yield f"{line} runs through {text.said!r}"
        ends = [Area(*point, *point) for point in (line[0], line[-1])]
        for name, found in faces.items():
            joined = any(around[name].grown(2.5).holds(end) for end in ends)
            if not joined and svg_reader.crosses(line, around[name]) and any(enters(line, face) for face in found):
                yield f"{line} passes under {name}"


def enters(line: Sequence[Point], face: Polygon) -> bool:
    """Whether a line runs through the inside of a convex shape, looked at every point."""
    for (ax, ay), (bx, by) in pairwise(line):
        steps = int(max(abs(bx - ax), abs(by - ay))) + 1
        for step in range(steps + 1):
            if within((ax + (bx - ax) * step / steps, ay + (by - ay) * step / steps), face):
                return True
    return False


def within(point: Point, face: Polygon) -> bool:
    """Whether a point is in a convex shape, and not at its rim."""
    sides: set[bool] = set()
    for (ax, ay), (bx, by) in pairwise([*face, face[0]]):
        away = ((bx - ax) * (point[1] - ay) - (by - ay) * (point[0] - ax)) / (hypot(bx - ax, by - ay) or 1)
        if abs(away) < NEAR:
            return False
        sides.add(away > 0)
    return len(sides) == 1


@pytest.mark.parametrize("path", NETWORKS, ids=lambda path: path.stem)
def test_lines_of_volumes_meet_nothing_else(path: Path) -> None:
    assert list(of_volumes(netdsl.load(path).shaped)) == []


def test_a_line_may_leave_where_the_room_for_others_ends() -> None:
    program = """
INPUT 4x5x5x2 -> CROP 1 -> CONV 8 1x1x1 p1 g2 -> trunk: SOFTPLUS
trunk -> CONV 2 2x1x4 s2 same nobias -> AVGPOOL 1 s2 -> DROPOUT -> [ SIGMOID
  -> AVGPOOL 3 s1 same | (SIGMOID -> CONV 2 3 same) x2 -> BN | SKIP ] -> ADD -> MAXPOOL to=2x1x1 -> end1: FC 3
trunk -> [ twin9_: CONV 8 2 same -> PRELU per_channel -> twin9_() | LRN -> BN -> BN | BN
  -> twin14_: CONV 8 2 same -> PRELU per_channel -> twin14_() ] -> ADD -> end2: SIGMOID
trunk -> [ CONV 2 2 same -> SOFTPLUS | CONV 1 2 same -> RELU | SCALE bias -> BN ] -> CONCAT -> end3: SIGMOID
output end1, end2
output training end3
"""
    assert list(of_volumes(netdsl.loads(program).shaped)) == []


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.one_of(tangles(most=20), programs()))
def test_lines_of_random_networks_meet_nothing_else(program: str) -> None:
    shaped = netdsl.loads(program).shaped
    assert list(of_columns(shaped)) == []
    assert list(of_volumes(shaped)) == []


def test_lines_for_which_there_is_no_time_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    shaped = netdsl.load(next(path for path in NETWORKS if path.stem == "fpn")).shaped
    monkeypatch.setattr(routing, "MOST", 0)
    with pytest.warns(PictureWarning, match="2 of 21 lines are not drawn"):
        assert b">2 lines not drawn<" in columns.svg([shaped], LIGHT)
