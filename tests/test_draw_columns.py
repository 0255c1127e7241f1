"""Columns: what they show of a network, what stands level across them, and that nothing covers anything else."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
import svg_reader
from svg_reader import TOUCH, Area, Text

import netdsl
from netdsl import resources
from netdsl.draw import columns
from netdsl.draw.captions import caption
from netdsl.draw.columns.build import column
from netdsl.draw.columns.parts import Fork, Leaf, Panel, Part, Series, leaves
from netdsl.draw.columns.rows import align, runs
from netdsl.draw.palette import DARK, LIGHT, Theme
from netdsl.draw.render import painted

BUNDLED = [path.stem for path in resources.bundled()]
PROGRAMS = sorted(Path(__file__).parent.joinpath("programs", "valid").glob("*.net"))
SETS = [
    ["alexnet", "vgg16", "vgg19"],
    ["resnet18", "resnet34", "resnet50"],
    ["googlenet", "inception_v3"],
    ["vgg11", "vgg13", "vgg16", "vgg19"],
    ["lenet5", "alexnet", "alexnet_two_gpus", "zfnet", "nin"],
    ["one_7x7", "resnet152"],
]


@dataclass(frozen=True)
class Picture:
    """What is on a page: each box with its words, and all other texts."""

    page: Area
    boxes: list[tuple[Area, Text]]
    aside: list[Text]
    grounds: list[Area]


def drawn(*names: str | Path, theme: Theme = LIGHT) -> bytes:
    return columns.svg([netdsl.load(name).shaped for name in names], theme)


def read(svg: bytes) -> Picture:
    """The boxes, which are the groups, each a rectangle of its own with the words in it; texts and grounds outside."""
    picture = svg_reader.root(svg)
    boxes: list[tuple[Area, Text]] = []
    aside: list[Text] = []
    rectangles: list[Area] = []
    for element in picture:
        match svg_reader.kind(element):
            case "g":
                (words,) = svg_reader.texts(element)
                outline = [svg_reader.area(one) for one in svg_reader.every(element, "rect")]
                for one in outline:
                    assert outline[0].holds(one, TOUCH)
                boxes.append((outline[0], words))
            case "text":
                aside += svg_reader.texts(element)
            case "rect":
                rectangles.append(svg_reader.area(element))
            case _:
                pass
    return Picture(rectangles[0], boxes, aside, rectangles[1:])


def faults(picture: Picture) -> Iterator[str]:
    """What is clipped or covered."""
    for box, words in picture.boxes:
        if not box.holds(words.area):
            yield f"{words.said!r} leaves its box"
    boxes = [Text(words.said, box) for box, words in picture.boxes]
    every = sorted([*boxes, *picture.aside], key=lambda one: one.area.top)
    for place, one in enumerate(every):
        if not picture.page.holds(one.area):
            yield f"{one.said!r} leaves the page"
        for other in every[place + 1 :]:
            if other.area.top >= one.area.bottom:
                break
            if one.area.overlaps(other.area):
                yield f"{one.said!r} and {other.said!r} overlap"
    for ground in picture.grounds:
        if not picture.page.holds(ground, TOUCH):
            yield f"a ground leaves the page: {ground}"
        for said, area in every:
            if ground.overlaps(area) and not ground.holds(area, TOUCH):
                yield f"{said!r} is cut by the edge of {ground}"


@pytest.mark.parametrize("name", BUNDLED)
def test_nothing_overlaps_in_a_bundled_network(name: str) -> None:
    assert list(faults(read(drawn(name)))) == []


@pytest.mark.parametrize("names", SETS, ids="+".join)
def test_nothing_overlaps_in_networks_side_by_side(names: list[str]) -> None:
    assert list(faults(read(drawn(*names)))) == []


@pytest.mark.parametrize("path", PROGRAMS, ids=lambda path: path.stem)
def test_nothing_overlaps_in_a_program(path: Path) -> None:
    assert list(faults(read(drawn(path)))) == []


def words(svg: bytes) -> list[str]:
    """What boxes say, from the foot upward."""
    return [words.said for _, words in sorted(read(svg).boxes, key=lambda one: -one[0].bottom)]


def test_a_column_says_what_slides_say() -> None:
    assert words(drawn("alexnet")) == [
        "Input",
        *("11×11 conv, 96, /4", "Pool", "LRN"),
        *("5×5 conv, 256", "Pool", "LRN"),
        *("3×3 conv, 384", "3×3 conv, 384", "3×3 conv, 256", "Pool"),
        *("FC 4096", "FC 4096", "FC 1000", "Softmax"),
    ]


def test_the_head_and_the_margin_say_the_figures() -> None:
    said = {text.said for text in read(drawn("vgg16")).aside}
    assert {"VGG-16", "2014 · top-5 error 7.3%", "138M parameters", "15.5G MACs"} <= said
    assert {"224×224", "112×112", "56×56", "28×28", "14×14", "7×7", "vector"} <= said
    assert {"224×224×3", "224×224×64", "7×7×512", "4096", "1000"} <= said


def level(svg: bytes) -> dict[str, list[float]]:
    """The heights at which boxes with some words stand."""
    found: dict[str, list[float]] = {}
    for box, one in read(svg).boxes:
        found.setdefault(one.said, []).append(box.bottom)
    return found


def test_equal_sizes_are_level() -> None:
    found = level(drawn("vgg16", "vgg19"))
    for what in ("Input", "Pool", "FC 4096", "FC 1000", "Softmax"):
        heights = sorted(found[what])
        assert heights[::2] == heights[1::2], what
    assert len(set(found["Pool"])) == 5


def test_similar_sizes_are_level_and_order_is_kept() -> None:
    """AlexNet's 227, 55, 27, 13, 6 stand with VGG's 224, 56, 28, 14, 7; nothing of AlexNet's is at 112."""
    found = level(drawn("alexnet", "vgg16"))
    pools = sorted(found["Pool"])
    assert len(pools) == 8
    assert len(set(pools)) == 5  # VGG's five, and AlexNet's three among them
    assert len(set(found["Input"])) == 1
    assert len(set(found["FC 1000"])) == 1


def test_alignment_matches_the_most_alike() -> None:
    sizes, placed = align([[227, 55, 27, 13, 6, 1], [224, 112, 56, 28, 14, 7, 1]])
    assert placed == [[0, 2, 3, 4, 5, 6], [0, 1, 2, 3, 4, 5, 6]]
    assert [round(size) for size in sizes] == [225, 112, 55, 27, 13, 6, 1]


def test_alignment_keeps_rows_in_order_and_sizes_apart() -> None:
    for one, other in [([32, 14, 5, 1], [64, 32, 8]), ([1, 4, 8, 16], [16, 8, 1]), ([8, 4, 8], [8, 2, 4, 1, 8])]:
        sizes, placed = align([one, other])
        for column_sizes, rows in zip((one, other), placed, strict=True):
            assert rows == sorted(set(rows))
            for size, row in zip(column_sizes, rows, strict=True):
                assert max(size, sizes[row]) < 1.5 * min(size, sizes[row])
        assert {row for rows in placed for row in rows} == set(range(len(sizes)))


def outline(part: Part | Series) -> object:
    """The structure of a column: lists for series, tuples for forks, dicts for panels."""
    match part:
        case Leaf():
            return part.words if part.copies == 1 else f"{part.words} ×{part.copies}"
        case Series(_, parts):
            return [outline(one) for one in parts]
        case Fork(_, branches):
            return tuple(outline(one) for one in branches)
        case Panel():
            return {f"{part.name} ×{part.copies}": outline(part.inside)}


def structured(text: str) -> object:
    return outline(column(netdsl.loads(text).shaped).series)


def test_a_shortcut_is_no_branch() -> None:
    assert structured("INPUT 8x8x4 -> [ CONV 4 3 p1 -> BN | SKIP ] -> ADD -> RELU -> FC 2") == [
        *("Input", "3×3 conv, 4", "Add", "FC 2")
    ]


def test_branches_are_side_by_side() -> None:
    text = "INPUT 8x8x4 -> [ CONV 4 1 | CONV 2 1 -> CONV 4 3 p1 | MAXPOOL 3 s1 p1 ] -> CONCAT -> FC 2"
    assert structured(text) == [
        "Input",
        (["1×1 conv, 4"], ["1×1 conv, 2", "3×3 conv, 4"], ["3×3 pool"]),
        *("Concat", "FC 2"),
    ]


def test_repeats_are_folded() -> None:
    text = """
block same(n) = [ CONV n 3 p1 -> RELU -> CONV n 3 p1 | SKIP ] -> ADD
INPUT 8x8x4 -> CONV 4 3 p1 x3 -> stage: same(4) x36 -> FC 9 x40 -> FC 2
"""
    assert structured(text) == [
        "Input",
        *["3×3 conv, 4"] * 3,
        {"stage ×36": ["3×3 conv, 4", "3×3 conv, 4", "Add"]},
        *("FC 9 ×40", "FC 2"),
    ]


def test_training_heads_are_left_out() -> None:
    assert "FC 5" not in words(drawn(PROGRAMS[0].with_name("training_outputs.net")))
    assert not any("5×5 avg pool" in one for one in words(drawn("googlenet")))


def test_blocks_stand_in_the_row_of_what_they_give() -> None:
    found = runs(column(netdsl.load("resnet50").shaped).series)
    assert [round(size) for size in found.sizes] == [224, 112, 56, 28, 14, 7, 1]


def test_squeeze_and_excitation_makes_no_row() -> None:
    text = "INPUT 8x8x4 -> CONV 4 3 p1 -> [ SKIP | AVGPOOL global -> FC 2 -> FC 4 ] -> MUL -> CONV 4 3 s2"
    assert [round(size) for size in runs(column(netdsl.loads(text).shaped).series).sizes] == [8, 3]


def test_towers_are_on_their_devices() -> None:
    svg = drawn("alexnet_two_gpus").decode()
    assert svg.count(LIGHT.device(0).fill) > 1
    assert svg.count(LIGHT.device(1).fill) > 1
    assert "2 × 55×55×48" in svg


def test_shared_weights_are_dashed() -> None:
    text = "INPUT 6 -> f: FC 6 -> RELU -> f()"
    svg = columns.svg([netdsl.loads(text).shaped], LIGHT).decode()
    assert "weights of f" in svg
    assert svg.count("stroke-dasharray") == 2  # the box, and the legend


def test_several_outputs_are_named() -> None:
    said = {text.said for text in read(drawn(PROGRAMS[0].with_name("outputs.net"))).aside}
    assert {"output last", "output enc.c1", "output mid"} <= said


def test_every_flow_is_drawn() -> None:
    """A line for each: those between neighbours, and the arcs."""
    for name in (*BUNDLED, *PROGRAMS):
        shaped = netdsl.load(name).shaped
        svg = columns.svg([shaped], LIGHT).decode()
        assert svg.count("<path") == len(column(shaped).links), name


def test_leaves_hold_every_layer_of_inference() -> None:
    """Each layer that is drawn once is a row of one leaf."""
    for name in ("alexnet", "googlenet", "vgg16", "alexnet_two_gpus"):
        shaped = netdsl.load(name).shaped
        rows = sum(len(leaf.rows) for leaf in leaves(column(shaped).series))
        assert rows == sum(not node.training for node in shaped.nodes), name


@pytest.mark.parametrize(
    "text",
    [
        "INPUT 1 -> RELU",
        'network "Ω 网络 <&> \\"x\\" '
        + "very long " * 40
        + '"\nmeta year = "in the year two thousand and something or other, perhaps later still"\nINPUT 4 -> FC 2',
        "INPUT 4 -> " + " -> ".join(["FC 4"] * 300),
        "a: INPUT 4\nb: INPUT 8\n[ a -> FC 2 | b -> FC 2 ] -> ADD",
        "a: INPUT 4 -> FC 2\nb: INPUT 8 -> FC 3",
        "INPUT 8x8x4 -> " + "CONV 4 3 p1 -> " * 3 + "t: BN\n" + "\n".join(f"t -> o{n}: FC {n}" for n in range(1, 9)),
    ],
    ids=["one", "words", "long", "inputs", "apart", "outputs"],
)
def test_odd_networks(text: str) -> None:
    svg = columns.svg([netdsl.loads(text).shaped], LIGHT)
    assert list(faults(read(svg))) == []


def test_deep_knots_are_drawn() -> None:
    """Skips within skips, hundreds deep, and none may end in a traceback."""
    deep = 400
    chain = "\n".join(f"{'INPUT 4' if n == 0 else f'n{n - 1}'} -> n{n}: FC 4" for n in range(deep))
    tail = "\n".join(
        f"[ {'n' if n == deep - 2 else 'm'}{n + 1} | n{n} -> FC 4 ] -> m{n}: ADD" for n in reversed(range(deep - 1))
    )
    svg = columns.svg([netdsl.loads(f"{chain}\n{tail}\noutput m0").shaped], LIGHT)
    assert list(faults(read(svg))) == []


@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=lambda theme: theme.name)
def test_bytes_are_the_same_each_time(theme: Theme) -> None:
    assert drawn("googlenet", "resnet50", theme=theme) == drawn("googlenet", "resnet50", theme=theme)


def test_dark_is_on_dark_paper() -> None:
    assert DARK.paper in drawn("lenet5", theme=DARK).decode()
    assert LIGHT.paper not in drawn("lenet5", theme=DARK).decode()


def test_it_is_painted() -> None:
    svg = drawn("alexnet", "vgg16")
    assert painted(svg, "pdf").startswith(b"%PDF")
    assert painted(svg, "png").startswith(b"\x89PNG")


def captions(text: str) -> Sequence[str]:
    shaped = netdsl.loads(text).shaped
    return [caption(node.layer, *shaped.input_shapes(index)) for index, node in enumerate(shaped.nodes)][1:]


def test_captions() -> None:
    assert captions("INPUT 8x8x4 -> CONV 6 3 s2 p1 -> DWCONV 3 p1 -> CONV 6 1x3 g2 p0x1 -> DECONV 4 2 s2") == [
        *("3x3 conv, 6, /2", "3x3 depthwise conv", "1x3 conv, 6, 2 groups", "2x2 deconv, 4, x2")
    ]
    assert captions("INPUT 8x8x4 -> MAXPOOL 2 -> AVGPOOL 3 s1 -> LEAKYRELU 0.2 -> AVGPOOL global -> FC 7 nobias") == [
        *("Pool", "3x3 avg pool", "Leaky ReLU 0.2", "Global avg pool", "FC 7")
    ]
    assert captions("INPUT 8x8x4 -> CONV 4 3 -> DWCONV 3 multiplier=2") == ["3x3 conv, 4", "3x3 depthwise conv, 8"]
