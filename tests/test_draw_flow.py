"""The style flow as it is painted: nothing overlaps on any network, blocks fold to any depth, and what turns is a U."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import svg_reader
from click.testing import CliRunner
from svg_reader import SVG, Area, Point, Text

import netdsl
from netdsl import draw, resources
from netdsl.cli import draw as command
from netdsl.cli.common import UsageError
from netdsl.draw import metrics
from netdsl.draw.drawing import Box, Drawing, Row, clusters
from netdsl.draw.flow import clear, digraph, label, routes
from netdsl.draw.flow.turn import turned
from netdsl.draw.fold import fold
from netdsl.draw.palette import THEMES, Theme
from netdsl.draw.render import RenderError

NETWORKS = [path.stem for path in resources.bundled()]
PROGRAMS = sorted(Path(__file__).parent.joinpath("programs", "valid").glob("*.net"))
UNET = Path(__file__).parent / "programs" / "valid" / "unet.net"

# What stands where in a picture


@dataclass
class Scene:
    """The paper; texts; the areas of boxes and frames, with the texts in each; the labels and lines of edges."""

    paper: Area
    texts: list[Text] = field(default_factory=list[Text])
    boxes: dict[str, tuple[Area, list[Text]]] = field(default_factory=dict[str, tuple[Area, list[Text]]])
    frames: dict[str, tuple[Area, list[Text]]] = field(default_factory=dict[str, tuple[Area, list[Text]]])
    labels: list[Text] = field(default_factory=list[Text])
    lines: dict[str, list[Point]] = field(default_factory=dict[str, list[Point]])


def scene(svg: bytes) -> Scene:
    """What stands where in a picture of the style flow."""
    root = svg_reader.root(svg)
    graph = root.find(f"{SVG}g")
    assert graph is not None
    across, down = svg_reader.numbers(graph.get("transform", "").partition("translate")[2])
    found = Scene(svg_reader.sheet(root).moved(-across, -down))
    for element in graph:
        kind = element.get("class")
        texts = svg_reader.texts(element)
        shapes = [] if kind is None else list(svg_reader.every(element, "path", "polygon"))
        name = element.findtext(f"{SVG}title") or ""
        found.texts += texts
        if kind == "edge":
            found.labels += texts
            found.lines[name] = svg_reader.line(shapes[0])
        elif kind == "cluster":
            found.frames[name] = (svg_reader.area(shapes[0]), texts)
        elif kind == "node" and shapes:
            outline = svg_reader.around(point for shape in shapes for point in svg_reader.line(shape))
            found.boxes[name] = (outline, texts)
    return found


def faults(found: Scene) -> Iterator[str]:
    """What nobody would print: words on words, out of their box or the paper, labels on boxes, lines through words."""
    for one, other in svg_reader.overlapping(found.texts):
        yield f"{one.said!r} overlaps {other.said!r}"
    for said, area in found.texts:
        if not found.paper.holds(area):
            yield f"{said!r} is off the paper"
    for kind, holders in (("box", found.boxes), ("frame", found.frames)):
        for name, (outline, texts) in holders.items():
            for said, area in texts:
                if not outline.holds(area):
                    yield f"{said!r} leaves its {kind} {name}"
    for said, area in found.labels:
        for name, (outline, _) in found.boxes.items():
            if area.overlaps(outline):
                yield f"the label {said!r} lies on the box {name}"
        for name, (outline, _) in found.frames.items():
            if area.overlaps(outline) and not outline.holds(area):
                yield f"the label {said!r} lies across the frame {name}"
    for name, line in found.lines.items():
        for frame, (outline, _) in found.frames.items():
            ends_within = all(outline.holds(svg_reader.around([end])) for end in (line[0], line[-1]))
            if ends_within and not outline.holds(svg_reader.around(line)):
                yield f"the edge {name} leaves the frame {frame} of both its ends"
        ends = name.split("->")
        for box, (outline, _) in found.boxes.items():
            if box not in ends and svg_reader.crosses(line, outline.grown(-1)):
                yield f"the edge {name} passes under {box}"
    titles = [title for _, texts in found.frames.values() for title in texts]
    for name, line in found.lines.items():
        for said, area in [*found.labels, *titles]:
            if svg_reader.crosses(line, area):
                yield f"the edge {name} runs through {said!r}"


@pytest.mark.parametrize("direction", ["TB", "LR"])
@pytest.mark.parametrize("name", NETWORKS)
def test_nothing_overlaps_or_is_clipped(name: str, direction: digraph.Direction) -> None:
    picture = draw.draw(netdsl.load(name).shaped, "svg", direction=direction)
    assert list(faults(scene(picture))) == []


@pytest.mark.parametrize("path", PROGRAMS, ids=lambda path: path.stem)
def test_nothing_overlaps_or_is_clipped_in_a_program(path: Path) -> None:
    assert list(faults(scene(draw.draw(netdsl.load(path).shaped, "svg")))) == []


def test_a_title_that_fits_nowhere_leaves_out_arguments() -> None:
    network = netdsl.load(next(path for path in PROGRAMS if path.stem == "node_arguments"))
    titles = scene(draw.draw(network.shaped, "svg")).frames["cluster dec.up2"][1]
    assert [title.said for title in titles] == ["up(…)"]


@pytest.mark.parametrize("depth", [0, 1])
@pytest.mark.parametrize("name", ["alexnet_two_gpus", "googlenet", "resnet18", "resnet152", "nin"])
def test_nothing_overlaps_or_is_clipped_where_blocks_are_folded(name: str, depth: int) -> None:
    for direction in ("TB", "LR"):
        picture = draw.draw(netdsl.load(name).shaped, "svg", direction=direction, depth=depth)
        assert list(faults(scene(picture))) == []


def test_what_overlaps_is_found() -> None:
    picture = draw.draw(netdsl.load("resnet18").shaped, "svg").decode()
    moved = re.sub(r'(class="edge">\n.*\n.*\n(?:<polygon.*\n)?<text[^>]*? x=")([^"]*)', r"\g<1>150", picture)
    assert moved != picture
    told = "\n".join(faults(scene(moved.encode())))
    assert "overlaps" in told
    assert "lies on the box" in told
    assert "runs through" in told


def test_titles_and_labels_make_way() -> None:
    svg = """<svg><g id="graph0" class="graph">
<polygon fill="#fff" points="0,0 0,200 200,200 200,0 0,0"/>
<g id="clust1" class="cluster">
<polygon points="10,20 10,120 190,120 190,20 10,20"/>
<text text-anchor="start" x="18" y="32" font-size="8.00">block(1, 2)</text>
</g>
<g id="edge1" class="edge">
<path d="M40,10C40,20 40,60 40,80"/>
<text text-anchor="middle" x="40" y="60" font-size="8.00">4×4</text>
</g>
</g></svg>"""
    title, label = (
        float(x) for x in re.findall(r'<text text-anchor="\w+" x="([^"]*)"', clear.cleared(svg.encode()).decode())
    )
    assert title == pytest.approx(40 + clear.AIR, abs=0.01)
    assert abs(label - 40) == pytest.approx(clear.AIR + metrics.width("4×4", 8) / 2, abs=0.01)


def test_a_long_title_makes_no_wide_picture() -> None:
    title = "Very long title " * 60
    picture = draw.draw(netdsl.loads(f'network "{title}"\nINPUT 8x8x3 -> FC 2').shaped, "svg").decode()
    wide = re.search(r'width="([\d.]+)pt"', picture)
    assert wide
    assert float(wide[1]) < 600
    lines = re.findall(r"<text[^>]*>(Very.*?)</text>", picture)
    assert len(lines) == 3
    assert lines[-1].endswith("…")


@pytest.mark.parametrize("direction", ["TB", "LR"])
def test_lines_meet_at_forks(direction: digraph.Direction) -> None:
    lines = scene(draw.draw(netdsl.load("resnet50").shaped, "svg", direction=direction)).lines
    starts = {name.partition("->")[0]: line[0] for name, line in lines.items()}
    ends = {name.partition("->")[2]: line[-1] for name, line in lines.items()}
    forks = [name for name in starts if name.startswith("fork ")]
    assert len(forks) == 8
    assert [ends[fork] for fork in forks] == [starts[fork] for fork in forks]


def test_a_theme_is_colours_alone() -> None:
    shaped = netdsl.load("googlenet").shaped
    colour = re.compile(r"#[0-9a-f]{6}")
    light, dark = (draw.dot(shaped, theme=theme) for theme in THEMES.values())
    assert colour.sub("", light) == colour.sub("", dark)
    assert THEMES["light"].paper in light
    assert THEMES["light"].paper not in dark


def contrast(one: str, other: str) -> float:
    """How far the luminance of two colours is apart, from 1 to 21 (WCAG 2.2, contrast ratio)."""
    bright: list[float] = []
    for colour in (one, other):
        parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
        linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        bright.append(0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2])
    return (max(bright) + 0.05) / (min(bright) + 0.05)


@pytest.mark.parametrize("theme", THEMES.values(), ids=lambda theme: theme.name)
def test_words_are_readable_on_all_that_they_stand_on(theme: Theme) -> None:
    fills = {tone.fill for tone in (*theme.roles.values(), *theme.devices, theme.training)}
    for fill in {theme.paper, theme.follower, *theme.depths, *fills}:
        assert contrast(theme.text, fill) >= 7
        assert contrast(theme.quiet, fill) >= 4.5
    for tone in theme.devices:
        assert contrast(tone.accent, theme.paper) >= 3
    assert contrast(theme.line, theme.paper) >= 3


# Blocks folded


RESIDUAL = """
block unit(n) = CONV n 3 p1 nobias -> BN
block same(n) = [ unit(n) -> RELU -> unit(n) | SKIP ] -> ADD -> RELU
block stage(n) = same(n) x3 -> same(n)
INPUT 8x8x4 -> body: stage(4) -> FC 2
"""


def folded(text: str, depth: int, *, expand: bool = False) -> Drawing:
    return fold(netdsl.loads(text).shaped, depth=depth, expand=expand)


def blocks(drawing: Drawing) -> list[Box]:
    return [box for box in drawing.boxes if box.kind == "block"]


def said(box: Box) -> list[str]:
    return [" ".join(filter(None, (row.keyword, row.arguments, row.name))) for row in box.rows]


def test_at_depth_0_each_block_is_a_box() -> None:
    drawing = folded(RESIDUAL, 0)
    assert not list(clusters(drawing.items))
    (body,) = blocks(drawing)
    # 4 blocks of two CONV (3 x 3 x 4 x 4), two BN (2 x 4), two RELU and ADD
    assert said(body) == ["body stage(4)", "28 layers · 1,216 parameters", "gives 8×8×4"]
    assert "MACs" in body.tooltip
    assert [f"{edge.source} {edge.target}" for edge in drawing.edges] == ["input1 body", "body fc1", "fc1 output 1"]


def test_a_folded_repeat_says_what_is_in_all_its_copies() -> None:
    drawing = folded(RESIDUAL, 1)
    assert [one.id for one in clusters(drawing.items)] == ["body"]
    repeated, single = blocks(drawing)
    assert (repeated.copies, single.copies) == (3, 1)
    assert said(repeated) == ["same(4)", "21 layers · 912 parameters in all", "gives 8×8×4"]
    assert said(single) == ["same(4)", "7 layers · 304 parameters", "gives 8×8×4"]


def test_each_copy_folds_by_itself_where_all_are_drawn() -> None:
    found = blocks(folded(RESIDUAL, 1, expand=True))
    assert [said(box)[0] for box in found] == ["same(4) 1 of 3", "same(4) 2 of 3", "same(4) 3 of 3", "same(4)"]
    assert {said(box)[1] for box in found} == {"7 layers · 304 parameters"}


def test_deep_enough_nothing_is_folded() -> None:
    shaped = netdsl.load("resnet50").shaped
    deepest = max(len(found) for found in routes.routes(fold(shaped)).around.values())
    assert fold(shaped, depth=deepest) == fold(shaped)
    counts = [len(list(fold(shaped, depth=depth).boxes)) for depth in range(deepest + 1)]
    assert counts == sorted(set(counts))


def test_a_line_of_34_characters_stands_in_a_box_as_it_is_and_a_longer_one_wraps() -> None:
    fits, wraps = "CONV 128 11x11 s2x2 p5x5 d2x1 same"[:34], "CONV 128 11x11 s2x2 p5x5 d2x1 nobias"
    assert (len(fits), len(wraps)) == (34, 36)
    for row, shown in ((fits, ["CONV", fits[5:]]), (wraps, ["CONV", wraps[5:29], "nobias"])):
        keyword, _, arguments = row.partition(" ")
        assert [keyword, *label.lines(Row(keyword, arguments, "convolution"))] == shown


def test_what_two_layers_in_a_folded_block_take_is_one_edge() -> None:
    program = "block both() = [ CONV 2 1 | CONV 3 1 ] -> CONCAT\nINPUT 4x4x1 -> stem: CONV 8 1 -> both() -> FC 2"
    assert [edge.target for edge in folded(program, 0).edges if edge.source == "stem"] == ["both1"]


def test_a_folded_block_on_several_devices_says_so() -> None:
    (box,) = blocks(folded("block two() = CONV 2 1 @0 -> MAXPOOL 2 -> CONV 2 1 @1\nINPUT 4x4x1 -> two() -> FC 2", 0))
    assert box.note == "on 2 devices"


# What turns is drawn as a U


def test_a_network_that_turns_is_drawn_as_a_u() -> None:
    shaped = netdsl.load(UNET).shaped
    drawing = fold(shaped)
    ways = routes.routes(drawing)
    across = {(way.source, way.target) for way, how in turned(drawing, ways).items() if how == "across"}
    assert across == {(f"e{level}.conv2", f"d{level}.crop1") for level in (1, 2, 3, 4)}
    found = scene(draw.draw(shaped, "svg"))
    middle = {name: area.middle for name, (area, _) in found.boxes.items()}
    for level in (1, 2, 3):  # down on the left, up on the right, and shortcuts about level
        assert middle[f"e{level}.conv2"][1] < middle[f"e{level + 1}.conv2"][1]
        assert middle[f"d{level}.crop1"][1] < middle[f"d{level + 1}.crop1"][1]
        assert middle[f"e{level}.conv2"][0] < middle[f"d{level}.crop1"][0]
        assert abs(middle[f"e{level}.conv2"][1] - middle[f"d{level}.crop1"][1]) < 30


@pytest.mark.parametrize("name", NETWORKS)
def test_of_the_bundled_networks_u_net_alone_turns(name: str) -> None:
    drawing = fold(netdsl.load(name).shaped)
    assert bool(turned(drawing, routes.routes(drawing))) == (name == "unet")


# The command's options


def test_the_command_takes_depth_theme_and_direction(tmp_path: Path) -> None:
    out = str(tmp_path / "a.dot")
    options = ["resnet18", "-o", out, "--depth", "0", "--theme", "dark", "--direction", "lr"]
    assert CliRunner().invoke(command.command, options, catch_exceptions=False).exit_code == 0
    text = Path(out).read_text(encoding="utf-8")
    assert THEMES["dark"].paper in text
    assert 'rankdir="LR"' in text
    assert "subgraph" not in text
    assert "32 layers" in draw.dot(netdsl.load("resnet152").shaped, depth=0)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["vgg16", "vgg19"], "the style flow shows one network, not 2"),
        (["vgg16", "--style", "volumes", "--depth", "1"], "the style volumes takes no depth"),
        (["vgg16", "--style", "columns", "--expand"], "the style columns takes no expand"),
        (["vgg16", "--style", "columns", "--direction", "LR"], "the style columns takes no direction"),
        (["vgg16", "--style", "columns", "-o", "a.dot"], "no DOT text"),
    ],
)
def test_the_command_refuses_what_a_style_does_not_take(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError, match=message):
        CliRunner().invoke(command.command, arguments, catch_exceptions=False)
    assert not list(tmp_path.iterdir())


def test_there_are_formats_styles_and_themes() -> None:
    shaped = netdsl.loads("INPUT 4x4x1 -> FC 2").shaped
    with pytest.raises(RenderError, match="no format 'gif'"):
        draw.draw(shaped, "gif")
    with pytest.raises(RenderError, match="no theme 'pink'"):
        draw.draw(shaped, "svg", theme="pink")
    with pytest.raises(RenderError, match="not 0"):
        draw.draw([], "svg")


@pytest.mark.parametrize("format", ["png", "pdf"])
def test_a_picture_is_painted_in_every_format(format: str) -> None:
    picture = draw.draw(netdsl.load("one_7x7").shaped, format, theme="dark")
    assert picture.startswith(b"\x89PNG" if format == "png" else b"%PDF")
