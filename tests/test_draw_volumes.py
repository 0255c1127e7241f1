"""The style `volumes`: what is drawn, to which scale, and that words can be read."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import pytest
import svg_reader
from svg_reader import Area, Text

import netdsl
from netdsl import resources
from netdsl.draw import volumes
from netdsl.draw.fold import FOLLOWERS
from netdsl.draw.palette import DARK, LIGHT, Theme
from netdsl.draw.volumes.units import units

VALID = sorted((Path(__file__).parent / "programs" / "valid").glob("*.net"))
BUNDLED = resources.bundled()


@dataclass(frozen=True)
class Picture:
    """An SVG, read."""

    root: svg_reader.Element

    @property
    def sheet(self) -> Area:
        return svg_reader.sheet(self.root)

    @property
    def texts(self) -> list[Text]:
        return svg_reader.texts(self.root)

    @property
    def words(self) -> list[str]:
        return [words for words, _ in self.texts]

    def polygons(self, name: str) -> list[Area]:
        """The outlines of the shapes of one group, in the order in which they are drawn."""
        groups = [group for group in svg_reader.every(self.root, "g") if group.get("id") == name]
        return [svg_reader.area(polygon) for group in groups for polygon in svg_reader.every(group, "polygon")]

    def kernels(self, path: str) -> list[Area]:
        """The faces of the kernels of a layer, the front first."""
        return self.polygons(f"kernel.{path}")

    @property
    def volumes(self) -> list[str]:
        """The paths of what has a volume, in the order in which they are drawn."""
        names = [group.get("id", "") for group in svg_reader.every(self.root, "g")]
        return [name.removeprefix("volume.") for name in names if name.startswith("volume.")]

    def front(self, path: str) -> Area:
        """The front of a box, or the foremost sheet of a stack."""
        shapes = self.polygons(f"volume.{path}")
        return shapes[-1] if self.stacked else shapes[0]

    @property
    def stacked(self) -> bool:
        return "one sheet a map" in " ".join(self.words)

    @property
    def power(self) -> float:
        """The power of the scale, as the caption states it."""
        (caption,) = (words for words in self.words if "drawn" in words)
        found = re.search(r"size\^([0-9.]+),", caption)
        assert found or "to scale" in caption
        return float(found[1]) if found else 1.0


def drawn(name: str | Path, theme: Theme = LIGHT) -> Picture:
    network = netdsl.loads(name) if isinstance(name, str) and "->" in name else netdsl.load(name)
    return Picture(svg_reader.root(volumes.svg(network.shaped, theme)))


@pytest.mark.parametrize("path", [*BUNDLED, *VALID], ids=lambda path: path.stem)
def test_words_neither_overlap_nor_are_cut(path: Path) -> None:
    picture = drawn(path)
    texts = picture.texts
    assert [said for said, area in texts if not picture.sheet.holds(area)] == []
    assert [(one.said, other.said) for one, other in svg_reader.overlapping(texts)] == []


@pytest.mark.parametrize("path", [*BUNDLED, *VALID], ids=lambda path: path.stem)
def test_shapes_lie_on_the_sheet(path: Path) -> None:
    picture = drawn(path)
    shapes = list(svg_reader.every(picture.root, "polygon", "polyline"))
    assert shapes
    assert [shape.get("points") for shape in shapes if not picture.sheet.holds(svg_reader.area(shape))] == []


@pytest.mark.parametrize("path", BUNDLED, ids=lambda path: path.stem)
def test_heights_follow_the_stated_scale(path: Path) -> None:
    picture, network = drawn(path), netdsl.load(path)
    shapes = {node.path: shape for node, shape in zip(network.shaped.nodes, network.shaped.shapes, strict=True)}
    maps = [path for path in picture.volumes if path in shapes and shapes[path].positions > 1]
    assert len(maps) > 1
    first = picture.front(maps[0])
    rows = {one: shapes[one].spatial[-2:][0] for one in maps}  # a clip's first axis is time
    for one in maps[1:]:
        found = picture.front(one)
        expected = (rows[one] / rows[maps[0]]) ** picture.power
        assert found.height / first.height == pytest.approx(expected, abs=0.002)


@pytest.mark.parametrize("name", ["alexnet", "lenet5", "vgg16", "alexnet_two_gpus"])
def test_kernels_are_drawn_to_the_scale_of_maps(name: str) -> None:
    picture, network = drawn(name), netdsl.load(name)
    graph = network.shaped.graph
    first = picture.volumes[0]
    unit = picture.front(first).height / network.shaped.shapes[graph.index[first]].spatial[0] ** picture.power
    kernels = [path for path in picture.volumes if picture.kernels(path)]
    assert len(kernels) >= 5
    for path in kernels:
        node = graph.nodes[graph.index[path]]
        windows = node.layer.windows(*network.shaped.input_shapes(graph.index[path]))
        assert isinstance(windows, tuple)
        face = picture.kernels(path)[0]
        assert face.height == pytest.approx(unit * windows[0].size ** picture.power, abs=0.03)


def test_a_kernel_of_a_clip_has_the_number_of_each_axis() -> None:
    words = drawn("c3d").words
    assert {"16 × 112", "3 × 3", "1 × 2"} <= {*words}  # of INPUT, conv1, and pool1, which is 1x2x2


def test_a_block_of_a_sequence_tells_its_convolutions_in_words() -> None:
    mix = "block mix() = [ ATTENTION 2 -> CONV 16 1 -> GELU -> CONV 8 1 | SKIP ] -> ADD"
    assert "attention, 2 convs" in drawn(f"{mix}\nINPUT 50x8 -> mix() x3 -> FC 2").words


def test_a_kernel_goes_through_the_channels_that_it_reads() -> None:
    lengths: list[float] = []
    for layer in ("CONV 64 5 p2", "CONV 64 5 p2 g2", "CONV 64 5 p2 g4", "DWCONV 5 p2", "MAXPOOL 5 s1 p2"):
        picture = drawn(f"INPUT 40x40x64 -> one: {layer}")
        front = picture.kernels("one")[0]
        lengths.append(front.width)
    whole = drawn("INPUT 40x40x64 -> one: CONV 64 5 p2").front("input1")
    assert lengths[0] == pytest.approx(whole.width, abs=0.02)
    assert lengths[1:3] == pytest.approx([lengths[0] / 2, lengths[0] / 4], abs=0.02)
    assert lengths[3] == lengths[4] < 2


def test_lengths_are_roots_of_channels() -> None:
    picture = drawn("alexnet")
    lengths = {path: picture.front(path).width for path in ("pool1", "conv3", "conv4")}
    assert lengths["conv3"] == pytest.approx(lengths["conv4"], abs=0.02)
    assert lengths["conv3"] / lengths["pool1"] == pytest.approx((384 / 96) ** 0.5, abs=0.01)
    assert picture.front("fc6").height / picture.front("fc8").height == pytest.approx((4096 / 1000) ** 0.5, abs=0.01)


def test_sizes_stand_at_the_edges() -> None:
    words = drawn("alexnet").words
    for size, times in {"227": 2, "55": 2, "27": 4, "13": 8, "6": 2, "96": 2, "384": 2, "4096": 2, "1000": 1}.items():
        assert words.count(size) == times, size
    assert words.count("11") == 2  # the kernel of conv1
    assert {"conv1", "11×11 conv", "stride 4", "ReLU", "pool1", "LRN", "fc6", "softmax"} <= {*words}


def test_few_maps_are_sheets_and_many_a_box() -> None:
    lenet = drawn("lenet5")
    assert lenet.stacked
    assert [len(lenet.polygons(f"volume.{path}")) for path in ("input1", "c1", "s2.avgpool1", "c3")] == [1, 6, 6, 16]
    assert {"32×32", "6@28×28", "6@14×14", "16@10×10", "16@5×5", "120@1×1", "84"} <= {*lenet.words}
    assert not drawn("alexnet").stacked


def test_the_scale_is_linear_where_maps_are_alike() -> None:
    assert drawn("lenet5").power == 1
    assert drawn("three_3x3").power == 1
    assert 0.5 <= drawn("vgg16").power < 1


def test_towers_stand_below_each_other_and_cross_where_they_meet() -> None:
    picture = drawn("alexnet_two_gpus")
    bands = [words for words in picture.words if words.startswith("device")]
    assert bands == ["device 0", "device 1"]
    for one in ("first1.conv1", "second1.conv3", "dense1.fc1"):
        two = one.replace("1.", "2.", 1)
        above, below = picture.front(one), picture.front(two)
        assert above.bottom < below.top
        assert above.left == below.left
    assert "concat1" not in picture.volumes
    assert picture.words.count("conv3") == 1  # labels that both have stand once
    lines = [svg_reader.area(line) for line in svg_reader.every(picture.root, "polyline")]
    upper, lower = picture.front("second1.conv3"), picture.front("second2.conv3")
    between, source = (upper.bottom + lower.top) / 2, picture.front("first1.pool2")
    across = [line for line in lines if line.top < between < line.bottom]
    assert (
        len([line for line in across if source.left < line.left and line.right < upper.right]) == 8
    )  # 4 corners, twice


def test_equal_layers_are_slabs_and_repeats_are_counted() -> None:
    vgg = drawn("vgg16")
    assert {"conv3_1 … conv3_3", "conv1_1, conv1_2"} <= {*vgg.words}
    assert vgg.words.count("512") == 8  # conv4 and conv5 three times each, pool4 and pool5
    resnet = drawn("resnet152")
    assert {"×7", "×35", "×2", "conv2", "conv5", "1×1, 3×3, 1×1"} <= {*resnet.words}
    assert len(resnet.volumes) == 13


def test_a_repeat_that_is_repeated_is_one_volume() -> None:
    unit = "INPUT 32x32x8 -> a: ( CONV 8 3 p1 -> CONV 9 3 p1 -> CONV 8 3 p1 ) x9"
    picture = Picture(svg_reader.root(volumes.svg(netdsl.loads(f"{unit} -> b: a() x9 -> FC 9").shaped, LIGHT)))
    assert picture.volumes == ["input1", "a", "b", "fc1"]


def test_small_repeats_are_written_out() -> None:
    assert len(drawn("three_3x3").volumes) == 4
    assert len(drawn("INPUT 56x56x64 -> CONV 64 3 p1 x30 -> FC 2").volumes) == 3


def test_a_module_is_one_volume_in_parts() -> None:
    picture = drawn("googlenet")
    assert "inception_4a" in picture.volumes
    assert not any(path.startswith("inception_4a.") for path in picture.volumes)
    assert picture.words.count("4 branches") == 9


def test_forks_without_a_name_are_one_volume_where_they_are_many() -> None:
    fork = "[ CONV 32 3 p1 -> RELU -> CONV 32 3 p1 | SKIP ] -> ADD -> RELU"
    assert len(drawn(f"INPUT 16x16x32 -> {fork} -> FC 2").volumes) == 5
    many = drawn(f"INPUT 16x16x32 -> {' -> '.join([fork] * 20)} -> FC 2")
    assert len(many.volumes) == 3
    assert "×20" in many.words


@pytest.mark.parametrize("path", [*BUNDLED, *VALID], ids=lambda path: path.stem)
def test_what_shares_a_volume_follows_it_alone(path: Path) -> None:
    shaped = netdsl.load(path).shaped
    graph = shaped.graph
    found = units(shaped)
    drawn = {index for unit in found for index in (unit.head, *unit.followers)}
    assert {index for index, node in enumerate(graph.nodes) if node.layer.role in FOLLOWERS} <= drawn
    for unit in found:
        for index in unit.followers:
            while index != unit.head:
                (index,) = graph.nodes[index].inputs
                assert len(graph.readers[index]) == 1
                assert index not in (*graph.outputs, *graph.training_outputs)
            assert graph.nodes[index].device == graph.nodes[unit.head].device


def test_what_opens_a_branch_is_in_it() -> None:
    block = "[ SKIP | BN -> RELU -> CONV 40 3 p1 ] -> ADD -> BN -> RELU"
    words = drawn(f"INPUT 32x32x4 -> CONV 40 3 p1 -> MAXPOOL 2 -> {block} -> CONV 40 1 -> FC 10").words
    words = [word for word in words if not word.isdigit()]
    pool = words.index("2×2 pool")
    assert words[pool : pool + 7] == ["2×2 pool", "stride 2", "BN", "ReLU", "3×3 conv", "add", "BN, ReLU"]
    flat = drawn("INPUT 9x9x4 -> CONV 40 3 p1 -> [ FLATTEN -> BN -> FC 9 | AVGPOOL global -> FC 9 ] -> ADD")
    assert flat.volumes == ["input1", "conv1", "bn1", "avgpool1", "fc1", "fc2", "add1"]


def test_what_follows_a_closed_block_is_told() -> None:
    picture = drawn(next(path for path in VALID if path.stem == "densenet_121"))
    words = [word for word in picture.words if not word.isdigit()]
    for block in ("dense1", "dense4"):
        assert words[words.index(block) :][1:4] == ["1×1, 3×3", "concat", "BN, ReLU"]
    assert "attention, 2 convs" in drawn(next(path for path in BUNDLED if path.stem == "vit_b_16")).words


TOWERS = """
block encoder() = CONV 64 9 -> RELU -> MAXPOOL 2 -> CONV 32 7 -> FC 40
INPUT 105x105x1 -> tower: encoder()
INPUT 105x105x1 -> twin: tower()
[ tower | twin ] -> SUB -> FC 1
"""


def test_shared_weights_are_told() -> None:
    picture = drawn(TOWERS)
    assert picture.words.count("weights of tower") == 3  # two convolutions and a layer of units
    assert not list(svg_reader.overlapping(picture.texts))
    assert {"tower", "twin"} <= {*picture.words}
    many = drawn(f"INPUT 28x28x4 -> f: CONV 4 3 p1{' -> f()' * 20} -> CONV 24 3")
    assert many.words.count("weights of f") == 1  # a run of all but the first
    assert len(many.volumes) == 4


def test_long_networks_go_into_rows() -> None:
    for path in BUNDLED:
        widest = 1500 if path.stem == "unet" else 1200  # a U is not cut into rows
        assert drawn(path).sheet.right < widest
    row = drawn("vgg16")
    assert row.front("pool3").top < row.front("conv4_3").top
    assert row.front("pool3").left > row.front("conv4_3").left


def test_nested_skips_make_a_u() -> None:
    picture = drawn(next(path for path in VALID if path.stem == "unet"))
    tops = [picture.front(path).top for path in ("e1", "e2", "e3", "e4", "double5", "d4", "d3", "d2", "d1")]
    assert tops[:5] == sorted(tops[:5])
    assert tops[4:] == sorted(tops[4:], reverse=True)


def test_what_exists_in_training_alone_hangs_below() -> None:
    picture = drawn("googlenet")
    assert picture.front("aux1").top > picture.front("inception_4b").bottom
    assert picture.front("aux1").left > picture.front("inception_4a").left


@pytest.mark.parametrize(
    "program",
    [
        "INPUT 784 -> FC 10",
        "INPUT 1x1x1 -> CONV 1 1",
        "INPUT 8x8x3 -> RELU",
        "INPUT 2x3x4x5x6 -> FC 4",
        "INPUT 100000x100000x3 -> CONV 8 3 s1000 -> AVGPOOL global -> FC 1000000",
        "INPUT 16000x1 -> CONV 8 80 s4 -> MAXPOOL 4 -> FC 35",
        "INPUT 1x512x3 -> CONV 32 1x9 s1x4 p0x4 -> FC 5",
        "left: INPUT 8x8x3\nright: INPUT 10\nleft -> FC 5 -> x: RELU\nright -> FC 5 -> y: RELU",
        "INPUT 16x16x32 -> [ SKIP | SKIP ] -> ADD -> [ SKIP | SKIP | SKIP ] -> CONCAT",
        f"INPUT 16x16x32 -> [ {' | '.join(['CONV 4 3 p1'] * 30)} ] -> CONCAT -> FC 3",
        f'network "{"T" * 300}"\nINPUT 8x8x3 -> {"a" * 90}: CONV 4 3 -> FC 2',
        "INPUT 16x16x32 -> ( CONV 4 3 -> CONV 8 3 ) @0 -> CONV 16 3 @1 -> FC 10 @2",
        "INPUT 3x32x32 -> UPSAMPLE 2",  # an arrow begins where lines do not run otherwise
        "INPUT 100 -> FC 8192 -> RESHAPE 4x4x512 -> DECONV 256 4 s2 p1 -> DECONV 3 4 s2 p1",
    ],
)
def test_any_network_gives_a_figure(program: str) -> None:
    picture = drawn(program)
    assert picture.volumes
    assert all(picture.sheet.holds(area) for _, area in picture.texts)
    assert not list(svg_reader.overlapping(picture.texts))


def test_themes_differ_in_colours_alone() -> None:
    shaped = netdsl.load("alexnet_two_gpus").shaped
    light, dark = (volumes.svg(shaped, theme).decode() for theme in (LIGHT, DARK))
    assert light != dark
    assert re.sub(r"#[0-9a-f]{6}", "", light) == re.sub(r"#[0-9a-f]{6}", "", dark)
    assert f'fill="{DARK.paper}"' in dark
    assert f'"{LIGHT.paper}"' not in dark


def test_pictures_are_the_same_each_time() -> None:
    program = """
import sys, netdsl
from netdsl.draw import palette
shaped, before = netdsl.load("googlenet").shaped, {*sys.modules}
from netdsl.draw import volumes
from netdsl.draw.fold import FOLLOWERS
sys.stdout.buffer.write(volumes.svg(shaped, palette.LIGHT))
assert not {"graphviz", "networkx", "rich", "matplotlib", "torch"} & ({*sys.modules} - before)
"""
    found = {
        subprocess.run(
            [sys.executable, "-c", program], env={**os.environ, "PYTHONHASHSEED": seed}, capture_output=True, check=True
        ).stdout
        for seed in ("1", "2")
    }
    assert len(found) == 1


def test_a_large_network_is_drawn_at_once() -> None:
    shaped = netdsl.load("resnet152").shaped
    start = time.perf_counter()
    volumes.svg(shaped, LIGHT)
    assert time.perf_counter() - start < 0.3
