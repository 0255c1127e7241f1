"""Explanations: every formula that is printed gives the network's own figure, and the reasons given are true."""

from __future__ import annotations

import json
import math
import re
import time
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from random_networks import programs
from test_cli import Run, run, write  # noqa: F401 - `run` is a fixture

import netdsl
from netdsl import resources
from netdsl.api import Network
from netdsl.explain import Explanation, block, layer, network, stages
from netdsl.explain.view import View
from netdsl.graph.node import ShapedGraph
from netdsl.layers import guard
from netdsl.layers.answer import Equation
from netdsl.layers.base import Layer
from netdsl.layers.formula import Formula, apart, ceil, floor, formula, group, largest, product, total
from netdsl.layers.shape import Shape
from netdsl.layers.workings import Workings
from netdsl.measure import slides

PROGRAMS = sorted((Path(__file__).parent / "programs" / "valid").glob("*.net"))
NETWORKS = [*resources.bundled(), *PROGRAMS]


def value(text: str) -> Fraction:
    """The value of arithmetic as it is printed, reckoned from its characters alone."""
    plain = re.sub(r"(?<=\d),(?=\d{3})", "", text)
    for sign, python in {"·": "*", "−": "-", "⌊": "floor(", "⌋": ")", "⌈": "ceil(", "⌉": ")"}.items():
        plain = plain.replace(sign, python)
    assert re.fullmatch(r"(?:[\d.+\-*/(), ]|floor|ceil|max)+", plain), text
    exact = re.sub(r"\d+(?:\.\d+)?", lambda number: f"Fraction('{number[0]}')", plain)
    names = {"Fraction": Fraction, "floor": math.floor, "ceil": math.ceil, "max": max}
    return Fraction(eval(exact, {"__builtins__": {}}, names))


@cache
def load(path: Path) -> Network:
    return netdsl.load(path)


def equations(told: Explanation) -> list[Equation]:
    lines = [line for answer in told.answers for line in answer.lines]
    return [line for line in (*told.lines, *lines) if isinstance(line, Equation)]


@cache
def every(path: Path) -> list[Explanation]:
    return explanations(load(path))


def explanations(net: Network) -> list[Explanation]:
    """Those of a network, its layers and its blocks."""
    view = View(net.shaped)
    scopes = [one.path for one in view.shaped.graph.outline.walk() if one.scope and view.under(one.path)]
    layers = [layer.explanation(view, index) for index in range(len(view.nodes))]
    return [network.explanation(view), *layers, *(block.explanation(view, path) for path in scopes)]


def told(name: str, path: str | None = None) -> str:
    return str(netdsl.load(name).explain(path))


@dataclass(frozen=True)
class Said:
    """What the explanation of one layer of a small program says, in one line each."""

    lines: list[str]

    def __contains__(self, text: str) -> bool:
        return any(text in line for line in self.lines)


def said(program: str, path: str) -> Said:
    """Of a layer, unwrapped: an equation as `label: formula = value unit (remark)`."""
    explanation = netdsl.loads(program).explain(path)
    lines = [*explanation.lines, *(line for answer in explanation.answers for line in answer.lines)]
    return Said([f"{line.label}: {line}" if isinstance(line, Equation) else str(line) for line in lines])


# Formulas


@pytest.mark.parametrize(
    ("worked", "text", "result"),
    [
        ((formula(227) - 11 + formula(2) * 0) / 4 + 1, "(227 − 11 + 2·0)/4 + 1", 55),
        (floor((formula(224) - 7 + formula(2) * 3) / 2) + 1, "⌊(224 − 7 + 2·3)/2⌋ + 1", 112),
        (ceil(formula(7) / 2), "⌈7/2⌉", 4),
        (ceil(formula(8) / 2), "8/2", 4),
        (group(product([11, 11, 3])) * 96 + 96, "(11·11·3)·96 + 96", 34944),
        (apart(34848, product([55, 55])), "34,848 · 55·55", 105415200),
        (formula(10) - (formula(3) - 5), "10 − (3 − 5)", 12),
        (formula(10) / (formula(2) * 5), "10/(2·5)", 1),
        (formula(1) + formula(-3), "1 + (−3)", -2),
        (formula(4) * formula(-3), "4·(−3)", -12),
        (formula(Fraction(1, 3)) * 6, "1/3·6", 2),
        (formula(6) / formula(Fraction(1, 3)), "6/(1/3)", 18),
        (largest([3, 12345]), "max(3, 12,345)", 12345),
        (total([]), "0", 0),
        (product([]), "1", 1),
    ],
    ids=str,
)
def test_a_formula_keeps_how_it_was_written(worked: Formula, text: str, result: int) -> None:
    assert worked.text == text
    assert worked.value == result
    assert value(text) == result


# Every printed formula, of every layer of every network


@pytest.mark.parametrize("path", NETWORKS, ids=lambda path: path.stem)
def test_no_printed_formula_disagrees_with_its_number(path: Path) -> None:
    found = 0
    for explanation in every(path):
        for equation in equations(explanation):
            printed, _, result = str(equation.formula).partition(" = ")
            assert value(printed) == value(result or printed), f"{explanation.path}: {equation}"
            found += 1
        for line in explanation.markdown().split("\n"):
            for left, right in pairwise(line.split(" = ")):
                printed, result = re.search(r"[−\d(⌊⌈m][\d.,·−+/()⌊⌋⌈⌉max ]*$", left), re.match(r"−?[\d.,]*\d", right)
                assert printed, line
                assert result, line
                assert value(printed[0]) == value(result[0]), line
    assert found


@pytest.mark.parametrize("path", NETWORKS, ids=lambda path: path.stem)
def test_every_figure_of_every_layer_has_a_formula_that_gives_it(path: Path) -> None:
    assert_formulas_give_the_figures(load(path).shaped)


def assert_formulas_give_the_figures(shaped: ShapedGraph) -> None:
    for index, node in enumerate(shaped.nodes):
        inputs, out = shaped.input_shapes(index), shaped.shapes[index]
        worked = Workings(node.layer, inputs)
        where = f"{node.path}: {node.layer.written}"
        if worked.sizes or (inputs and out.spatial != inputs[0].spatial and out.rank):
            assert tuple(value(size.text) for size in worked.sizes) == out.spatial, where
        if worked.channels is not None or (inputs and out.channels != inputs[0].channels):
            assert worked.channels is not None, where
            assert value(worked.channels.text) == out.channels, where
        weights = node.layer.weights(*inputs)
        without = sum(weight.count for weight in weights if not weight.name.startswith("bias"))
        figures = {
            "weights": (worked.weights, without),
            "params": (worked.params, sum(weight.count for weight in weights)),
            "macs": (worked.macs, node.layer.macs(*inputs)),
            "connections": (worked.connections, node.layer.connections(*inputs)),
            "flops": (worked.flops, node.layer.flops(*inputs)),
        }
        for name, (one, figure) in figures.items():
            assert (0 if one is None else value(one.text)) == figure, f"{name} of {where}"


@pytest.mark.parametrize("path", NETWORKS, ids=lambda path: path.stem)
def test_the_receptive_fields_explained_are_those_of_the_summary(path: Path) -> None:
    summary = load(path).summary()
    layers = every(path)[1 : len(summary.fields) + 1]
    for explanation, axes in zip(layers, summary.fields, strict=True):
        for equation in equations(explanation):
            known = {
                "receptive field": [axis.size for axis in axes],
                "effective stride": [axis.stride for axis in axes],
                "offset": [axis.start(0) for axis in axes],
            }
            name = equation.label.partition(",")[0]
            if name in known:
                assert value(equation.formula.text) in known[name], f"{explanation.path}: {equation}"


@pytest.mark.parametrize("path", NETWORKS, ids=lambda path: path.stem)
def test_no_explanation_is_wider_than_80_columns(path: Path) -> None:
    for explanation in every(path):
        wide = [line for line in explanation.text().split("\n") if len(line) > 80 and " " in line.strip()]
        assert wide == [], explanation.path


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])
@given(programs())
def test_random_networks_are_explained_by_formulas_that_hold(program: str) -> None:
    net = netdsl.loads(program)
    assert_formulas_give_the_figures(net.shaped)
    for told_ in explanations(net):
        for equation in equations(told_):
            printed, _, result = str(equation.formula).partition(" = ")
            assert value(printed) == value(result or printed), equation
        assert all(len(line) <= 80 for line in told_.text().split("\n"))


# A layer


def test_alexnets_first_convolution_is_explained_as_on_the_slides() -> None:
    text = told("alexnet", "conv1")
    assert text.startswith("conv1: CONV 96 11x11 s4")
    assert "Here: 96 filters of 11x11, stride 4, padding 0." in text
    for formula_ in (
        "(227 − 11 + 2·0)/4 + 1 = 55",
        "(11·11·3)·96 + 96 = 34,944",
        "34,848 · 55·55 = 105,415,200",
        "2·105,415,200 = 210,830,400",
        "290,400·4 = 1,161,600 bytes (1.16 MB)",
        "1 + (11 − 1)·1 = 11",
        "1·4 = 4 (from one output to the next)",
    ):
        assert formula_ in text
    assert "The output in the middle (27, 27) sees rows 108 to 118" in text


@pytest.mark.parametrize(
    ("program", "path", "lines"),
    [
        ("INPUT 224x224x3 -> CONV 64 7 s2 p3", "conv1", ["⌊(224 − 7 + 2·3)/2⌋ + 1 = 112"]),
        ("INPUT 28x28x4 -> CONV 8 3 p2 d2", "conv1", ["(28 + 2·2 − 2·(3 − 1) − 1)/1 + 1 = 28", "1 + (3 − 1)·2·1 = 5"]),
        (
            "INPUT 15x16x4 -> CONV 8 4 s2 same",
            "conv1",
            ["height: ⌈15/2⌉ = 8", "width: 16/2 = 8", "`same` pads 1 in front and 2 behind, 1 in front and 1 behind"],
        ),
        ("INPUT 112x112x4 -> MAXPOOL 3 s2 ceil", "maxpool1", ["⌈(112 − 3 + 2·0)/2⌉ + 1 = 56 (`ceil` rounds up)"]),
        (
            "INPUT 5x5x2 -> MAXPOOL 2 p1 ceil",
            "maxpool1",
            ["⌈(5 − 2 + 2·1)/2⌉ + 1 − 1 = 3 (`ceil` rounds up, and drops a window that would start at 5,"],
        ),
        ("INPUT 7x7x8 -> AVGPOOL global", "avgpool1", ["(7 − 7)/1 + 1 = 1 (the window is the whole map)"]),
        ("INPUT 13x13x8 -> AVGPOOL to=6x6", "avgpool1", ["height, width: 6 (as asked for"]),
        ("INPUT 28x28x8 -> DECONV 4 3 s2 p1 output_pad=1", "deconv1", ["(28 − 1)·2 − 2·1 + 3 + 1 = 56"]),
        ("INPUT 28x28x8 -> DECONV 4 3 s2 p1 d2", "deconv1", ["(28 − 1)·2 − 2·1 + 2·(3 − 1) + 1 = 57"]),
        ("INPUT 28x14x8 -> UPSAMPLE 2x3", "upsample1", ["height: 2·28 = 56", "width: 3·14 = 42"]),
        ("INPUT 28x28x8 -> PAD 1 after=2", "pad1", ["28 + 1 + 2 = 31"]),
        ("INPUT 6x6x256 -> FC 4096", "fc1", ["6·6·256 = 9,216 (flattened)", "6·6·256·4,096 + 4,096 = 37,752,832"]),
        ("INPUT 6x6x4 -> [ CONV 8 1 | CONV 3 1 ] -> CONCAT", "concat1", ["8 + 3 = 11 (those of all branches"]),
        ("INPUT 6x6x64 -> BN", "bn1", ["2·64 = 128", "running_mean, running_var, which no gradient changes"]),
        ("INPUT 6x6x64 -> CONV 128 3 p1 g2", "conv1", ["(3·3·64/2)·128 + 128 = 36,992"]),
        ("INPUT 6x6x64 -> DWCONV 3 p1 nobias", "dwconv1", ["(3·3·1)·64 = 576"]),
        ('INPUT 8x8x3 -> CONV 4 3 table="0 1 2 012" nobias', "conv1", ["3·3·6 = 54 (the table joins 6 of 4·3 pairs"]),
        ("INPUT 6x6x4 -> RELU", "relu1", ["They take the place of its input's", "FLOPs: 1·144 = 144"]),
        ("INPUT 784 -> FC 10", "fc1", ["Its input is a vector: there is nothing to see a part of."]),
        ("INPUT 4096 -> DROPOUT 0.5 -> FC 10", "dropout1", ["0.5·4,096 = 2,048 values, on average"]),
        ("INPUT 6x6x4 -> [ CONV 4 3 p1 | CONV 4 5 p2 ] -> ADD", "add1", ["max(3, 5) = 5", "(2 − 1)·144 = 144"]),
        ("INPUT 100x8 -> CONV 4 5", "conv1", ["length: (100 − 5 + 2·0)/1 + 1 = 96"]),
    ],
)
def test_a_layer_is_worked_out(program: str, path: str, lines: list[str]) -> None:
    found = said(program, path)
    assert [line for line in lines if line not in found] == []


def test_vgg16s_receptive_fields_follow_from_those_before() -> None:
    assert "180 + (3 − 1)·16 = 212" not in told("vgg16", "pool5")  # its window is 2 and its input sees 196
    assert "196 + (2 − 1)·16 = 212" in told("vgg16", "pool5")
    assert "16·2 = 32" in told("vgg16", "pool5")
    assert "164 + (3 − 1)·16 = 196" in told("vgg16", "conv5_3")


def test_shared_weights_are_counted_where_they_belong() -> None:
    found = said("INPUT 8x8x4 -> c: CONV 4 3 p1 -> RELU -> d: c()", "d")
    assert "They are those of c, and counted there." in found
    assert "(3·3·4)·4 + 4 = 148" in found


@dataclass(frozen=True)
class Halving(Layer):
    """Takes every second position, by a rule of its own.

    `HALVING`
    """

    keyword = "HALVING"
    role = "pooling"

    def shape(self, *inputs: Shape) -> Shape:
        return Shape(tuple(size // 2 for size in inputs[0].spatial), inputs[0].channels)

    def macs(self, *inputs: Shape) -> int:
        return 17

    def flops(self, *inputs: Shape) -> int:
        return 35


def test_a_layer_of_a_package_shows_its_figures_alone_where_no_formula_gives_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from netdsl.layers import source, table

    monkeypatch.setattr(guard, "_PACKAGES", {})
    for name, brought in (("Own", Halving), ("Brought", guard.guarded(Halving, "halving 1.0", table._again))):
        monkeypatch.setattr(source, name, brought, raising=False)
        monkeypatch.setitem(table._TABLE, "HALVING", f"source.{name}")
        found = said("INPUT 8x8x3 -> HALVING", "halving1")
        assert found.lines[0] == "Takes every second position, by a rule of its own."
        assert ("height, width: 8/2 = 4" if brought is Halving else "height, width: 4") in found
        assert "3 channels, as its input." in found
        assert "In all 4x4x3." in found
        assert "MACs: 17" in found
        assert "FLOPs: 35" in found


# Why


def test_three_3x3_are_weighed_against_one_7x7() -> None:
    text = told("vgg16", "conv5_2")
    assert "Why three 3x3, and not one 7x7?" in text
    assert "3·(3·3·512·512) = 7,077,888 weights" in text
    assert "7·7·512·512 = 12,845,056 weights" in text
    assert "With C channels throughout: 3·9C² against 49C²." in text
    assert "Why three" not in told("vgg16", "conv1_2")


def test_a_stack_sees_what_the_one_convolution_sees() -> None:
    stack = netdsl.loads("INPUT 32x32x8 -> CONV 8 3 p1 -> RELU -> CONV 8 3 p1 -> CONV 8 3 p1")
    single = netdsl.loads("INPUT 32x32x8 -> CONV 8 7 p3")
    assert "Why three 3x3, and not one 7x7?" in str(stack.explain())
    assert [axis.size for axis in stack.summary().fields[-1]] == [axis.size for axis in single.summary().fields[-1]]


@pytest.mark.parametrize(
    "program",
    [
        "CONV 8 3 p1 -> CONV 8 3 s2 p1",  # strides
        "CONV 8 3 p1 -> [ CONV 8 3 p1 | SKIP ] -> ADD",  # another reader
        "CONV 8 3 p1 -> CONV 8 3 p2 d2",  # a dilation leaves holes
        "CONV 8 3 p1 -> MAXPOOL 2 -> CONV 8 3 p1",
        "CONV 64 3 p1 -> CONV 4 3 p1",  # it would cost more than the one
    ],
)
def test_what_is_no_stack_is_not_weighed(program: str) -> None:
    assert "and not one" not in str(netdsl.loads(f"INPUT 32x32x8 -> {program}").explain())


def test_a_1x1_that_narrows_is_weighed_against_the_network_without_it() -> None:
    def macs(middle: str) -> int:
        return netdsl.loads(f"INPUT 28x28x192 -> {middle}CONV 32 5 p2").summary().totals.macs

    text = told("googlenet", "inception_3a.unit4.conv1")
    assert f"5·5·192·32 · 28·28 = {macs(''):,} MACs" in text
    assert f"= {macs('CONV 16 1 -> '):,} MACs" in text
    assert "It saves 90%." in text


def test_all_reductions_of_googlenet_save_what_the_network_without_them_would_cost() -> None:
    bare = netdsl.loads(
        """
        block wide(n3, n5) = [ CONV n3 3 p1 | CONV n5 5 p2 ] -> CONCAT
        INPUT 28x28x192 -> wide(128, 32)
        """
    )
    narrow = netdsl.loads(
        """
        block slim(r3, n3, r5, n5) = [ CONV r3 1 -> CONV n3 3 p1 | CONV r5 1 -> CONV n5 5 p2 ] -> CONCAT
        INPUT 28x28x192 -> slim(96, 128, 16, 32)
        """
    )
    before, after = bare.summary().totals.macs, narrow.summary().totals.macs
    text = " ".join(told("googlenet", "inception_3a").split())
    assert f"Both that stand before a larger convolution save {before - after:,} of {before:,} MACs." in text


def test_the_strides_of_a_projection_are_told_one_for_each_axis() -> None:
    program = "INPUT 8x8x8x4 -> [ CONV 8 3 s2x1x2 p1 | short: CONV 8 1 s2x1x2 ] -> ADD -> AVGPOOL global"
    text = " ".join(str(netdsl.loads(program).explain()).split())
    assert "short, a 1x1 convolution with stride 2x1x2, turns 4 channels into 8" in text


def test_a_shortcut_a_projection_and_a_bottleneck_are_told_with_their_cost() -> None:
    text = " ".join(told("resnet50", "conv2.same1.1").split())
    assert "Why a shortcut?" in text
    assert "218,365,952 MACs (70,400 parameters)" in text
    assert "Why is a shortcut projected?" not in text
    assert "1·1·256·64 + 3·3·64·64 + 1·1·64·256 = 69,632 weights" in text
    assert "2·(3·3·256·256) = 1,179,648 weights" in text
    text = " ".join(told("resnet50", "conv3.down1").split())
    assert "makes 28x28x512 of 56x56x256, which do not add up" in text
    assert "1·1·256·512 = 131,072 weights" in text
    assert "12 of 16 shortcuts cost no parameter; the others are projected." in told("resnet50")


def test_groups_are_weighed_against_a_convolution_without_them() -> None:
    found = said("INPUT 14x14x512 -> dw: DWCONV 3 p1 nobias -> CONV 256 1 nobias", "dw")
    assert "with groups: (3·3·1)·512 = 4,608 weights" in found
    assert "without: (3·3·512)·512 = 2,359,296 weights" in found
    assert "apart: (3·3·1)·512 + 512·256 = 135,680 weights" in found
    assert "in one: 3·3·512·256 = 1,179,648 weights (12% of it)" in found


def test_pooling_the_whole_map_is_weighed_against_a_fully_connected_layer() -> None:
    assert "6·6·1,000·1,000 = 36,000,000 weights" in told("nin")
    fc = netdsl.loads("INPUT 7x7x2048 -> FC 1000 nobias").summary().totals.params
    assert f"7·7·2,048·1,000 = {fc:,} weights" in told("resnet50", "avgpool1")


def test_pooling_is_weighed_against_the_next_convolution_without_it() -> None:
    bare = netdsl.loads("INPUT 55x55x96 -> CONV 256 5 p2").summary().totals.macs
    assert f"614,400 · 55·55 = {bare:,} MACs" in told("alexnet", "pool1")


def test_a_fully_connected_layer_is_the_convolution_it_is_said_to_be() -> None:
    text = told("alexnet", "fc6")
    match = re.search(r"CONV 4096 6x6", text)
    assert match
    params = netdsl.loads(f"INPUT 6x6x256 -> {match[0]}").summary().totals.params
    assert f"6·6·256·4,096 + 4,096 = {params:,} parameters (the same, in the same order)" in text


def test_two_gpus_read_their_own_maps_where_the_slides_say_so() -> None:
    text = " ".join(told("alexnet_two_gpus").split())
    own = re.search(r"On the maps of their own device: (.*?)\. On those of several: (.*?)\. What crosses", text)
    assert own
    assert {path.rpartition(".")[2] for path in re.findall(r"[\w.]+", own[1])} - {"and"} == {
        *("conv1", "conv2", "conv4", "conv5"),
    }
    assert {path.rpartition(".")[2] for path in re.findall(r"[\w.]+", own[2])} - {"and"} == {"conv3", "fc1", "fc8"}


# A network, a block


def test_a_network_is_told_in_its_stages() -> None:
    text = told("vgg16")
    assert text.startswith("VGG-16 (2014)")
    for line in (
        "Top-5 error on ImageNet: 7.3%.",
        "224x224      64  2 CONV            0.03%    13%     43%",
        "Most parameters: fc6 74%, fc7 12%, fc8 3.0%.",
        "3 FC: 89% of the parameters, 0.80% of the MACs.",
        "13 + 3 = 16 layers (CONV and FC along the longest path)",
        "Each output of pool5 sees 212x212 of 224x224",
    ):
        assert line in text
    assert len(text.split("\n")) < 70


@pytest.mark.parametrize("path", NETWORKS, ids=lambda path: path.stem)
def test_the_stages_of_a_network_hold_all_of_it(path: Path) -> None:
    view = View(load(path).shaped)
    way = stages.longest(view)
    found = stages.staged(view, way)
    assert sorted(index for stage in found for index in stage.nodes) == view.inference
    assert sum(view.layer(index).counts_depth for index in way) == view.totals.depth


def test_a_block_is_told_by_its_branches() -> None:
    text = told("googlenet", "inception_3a")
    assert text.startswith("inception_3a: inception(64, 96, 128, 16, 32, 32)")
    assert re.search(r"CONV 96 1 → CONV 128 3 p1 +28x28x128 +129,248 +101,154,816", text)
    assert "64 + 128 + 32 + 32 = 256 channels" in text
    assert "163,696 parameters, 2.3% of the network's." in text


def test_paths_of_repeats_copies_and_aliases_are_explained() -> None:
    net = netdsl.load("resnet50")
    assert net.explain("conv4.same1").title == "conv4.same1: same(256) ×5"
    assert net.explain("conv4.same1.3").title == "conv4.same1.3: copy 3 of 5 of same(256)"
    aliased = netdsl.loads("INPUT 8x8x3 -> a: RELU -> [ keep: SKIP | CONV 3 1 ] -> ADD")
    assert aliased.explain("keep").path == "a"


def test_what_is_for_training_alone_is_told_apart() -> None:
    text = told("googlenet")
    assert "aux1 and aux2, with 16 layers that no total counts." in text
    assert "It exists in training alone." in told("googlenet", "aux1.fc1")


# The command


def test_an_unknown_path_is_a_mistake_of_the_command_line(run: Run) -> None:  # noqa: F811
    result = run("explain", "alexnet", "conv9")
    assert result.status == 2
    assert result.err == "error: there is no conv9 in the network\n  = help: did you mean conv1?\n"
    assert result.out == ""
    assert run("explain", "alexnet", "").status == 2
    assert "netdsl summary" in run("explain", "alexnet", "nothing_like_it").err


def test_explanations_come_as_json_and_markdown(run: Run) -> None:  # noqa: F811
    data = json.loads(run("explain", "alexnet", "conv1", "--format", "json").out)
    assert data["path"] == "conv1"
    assert data["answers"][1]["question"] == "How many parameters?"
    first = data["answers"][1]["lines"][0]
    assert first == {"label": "", "formula": "(11·11·3)·96 + 96", "value": 34944, "unit": "", "remark": ""}
    page = run("explain", "alexnet", "conv1", "--format", "markdown").out
    assert page.startswith("## conv1: CONV 96 11x11 s4\n")
    assert "\n### How many parameters?\n\n- (11·11·3)·96 + 96 = 34,944\n" in page
    table = run("explain", "vgg16", "--format", "markdown").out
    assert "| map | widest | layers | params | MACs | memory |\n| --- | ---: | --- | ---: | ---: | ---: |\n" in table


def test_an_overridden_network_is_explained_as_it_is_then(run: Run) -> None:  # noqa: F811
    assert "4096·10 + 10".replace("4096", "4,096") in run("explain", "vgg16", "fc8", "--set", "classes=10").out


def test_questions_are_bold_where_there_are_colours() -> None:
    explanation = netdsl.load("alexnet").explain("conv1")
    assert "\x1b[1mHow many parameters?\x1b[0m" in explanation.text(colour=True)
    assert "\x1b" not in explanation.text()


def test_odd_networks_are_explained(run: Run) -> None:  # noqa: F811
    assert run("explain", write("INPUT 8")).status == 0
    assert run("explain", write("block b() = RELU\n")).status == 2
    assert run("explain", write("")).status != 0
    assert run("explain", write('network "Ünïcode ⊕"\nmeta note = "straße"\nINPUT 3x3x3x3x2 -> RELU\n')).status == 0
    assert run("explain", write("INPUT 8x8x3 -> ( CONV 4 3 p1 -> RELU ) x500 -> FC 2\n")).status == 0


# The slides' rows


def slide_rows(name: str | Path) -> list[str]:
    return slides.text(netdsl.load(name).summary()).split("\n")


def squeezed(line: str) -> str:
    return " ".join(line.split())


def test_vgg16s_rows_are_those_of_the_slides() -> None:
    *rows, memory, params = slide_rows("vgg16")
    assert [squeezed(row) for row in (rows[0], rows[1], rows[3], rows[19], rows[20], rows[21])] == [
        "INPUT [224x224x3] memory: 224*224*3=151K params: 0",
        "CONV3-64 [224x224x64] memory: 224*224*64=3.2M params: (3*3*3)*64 = 1,728",
        "POOL2 [112x112x64] memory: 112*112*64=803K params: 0",
        "FC [1x1x4096] memory: 4096 params: 7*7*512*4096 = 102,760,448",
        "FC [1x1x4096] memory: 4096 params: 4096*4096 = 16,777,216",
        "FC [1x1x1000] memory: 1000 params: 4096*1000 = 4,096,000",
    ]
    # the slides' parameters, from the INPUT down
    slide = [0, 1728, 36864, 0, 73728, 147456, 0, 294912, 589824, 589824, 0, 1179648, 2359296, 2359296, 0]
    slide += [2359296, 2359296, 2359296, 0, 102760448, 16777216, 4096000]
    assert [int(row.rsplit(" ", 1)[1].replace(",", "")) for row in rows] == slide
    assert memory == "TOTAL memory: 15,237,608 numbers * 4 bytes = 61 MB / image"
    assert params == "TOTAL params: 138,344,128 without biases, 138,357,544 with them"
    assert max(map(len, slide_rows("vgg16"))) <= 80
    assert {len(row) for row in rows} == {80}, "the last column ends at one place"


@pytest.mark.parametrize("path", NETWORKS, ids=lambda path: path.stem)
def test_the_rows_of_the_slides_add_up(path: Path) -> None:
    summary = load(path).summary()
    *rows, memory, params = slides.text(summary).split("\n")
    form = re.compile(r"(?:(\d+) × )?\S+(?: /\S+)? +\[([\dx]+)\] +memory: (\S+) +params: (?:(.*) = )?([\d,]+)")
    numbers = weights = 0
    for row in rows:
        match = form.fullmatch(row)
        assert match, row
        times = int(match[1] or 1)
        numbers += 0 if match[3] == "0" else times * math.prod(map(int, match[2].split("x")))
        count = int(match[5].replace(",", ""))
        assert match[4] is None or value(match[4].replace("*", "·")) == count, row
        weights += times * count
    assert memory.startswith(f"TOTAL memory: {numbers:,} numbers * 4 bytes = ")
    assert 4 * numbers == summary.totals.activation_bytes
    assert params == f"TOTAL params: {weights:,} without biases, {summary.totals.params:,} with them"


def test_the_slides_rows_are_a_format_of_the_summary(run: Run) -> None:  # noqa: F811
    assert run("summary", "vgg16", "--format", "slides").out == "\n".join(slide_rows("vgg16")) + "\n"
    batch = run("summary", "vgg16", "--format", "slides", "--batch", "128", "--precision", "fp16").out
    assert "15,237,608 numbers * 2 bytes * 128 images = 3.90 GB\n" in batch
    assert run("summary", "three_3x3", "--format", "slides").out.split("\n")[1].startswith("3 × CONV3-64")


def test_a_branch_that_only_rectifies_is_not_told_as_the_identity() -> None:
    net = netdsl.loads("INPUT 8x8x4 -> g: ( CONV 4 3 p1 -> [ RELU | SKIP ] -> ADD ) -> FC 2")
    assert net.explain("g").text().count("as it is") == 1


def test_one_row_and_one_layer_are_told_as_one() -> None:
    net = netdsl.loads("INPUT 9x9x4 -> CONV 4 1 -> a: FC 2\nconv1 -> aux: FC 3\noutput a\noutput training aux")
    assert "sees row 4 and column 4 of 9x9" in net.explain("conv1").text()
    assert "aux, with 1 layer that no total counts." in net.explain().text()


def test_an_error_that_is_no_percentage_is_told_as_it_stands() -> None:
    for written in ("1e9", "-5", '"low"'):
        told = netdsl.loads(f"meta top5_error = {written}\nINPUT 4 -> FC 2").explain().text()
        assert "Top-5" not in told
        assert "top5_error: " in told


def test_formulas_of_several_axes_begin_in_one_column() -> None:
    told = netdsl.loads("INPUT 16x28x28x3 -> CONV 4 3x7x7 s{1, 2, 2} p{1, 3, 3}").explain("conv1").text()
    fields = [line for line in told.split("\n") if "receptive field" in line]
    assert len({line.index("1 + ") for line in fields}) == 1
    assert len(fields) == 2


POOLED = "MAXPOOL 2 -> UPSAMPLE 2 -> RELU"


@pytest.mark.parametrize(
    "text",
    [
        "INPUT 64x64x3 -> MAXPOOL 2 -> RELU x5000 -> CONV 4 3",
        "INPUT 8x8x4 -> ( CONV 4 3 p1 -> BN ) x20000",
        f"INPUT 64x64x3 -> [ ( {POOLED} ) x1500 | ( CONV 3 3 p1 -> {POOLED} ) x1500 ] -> ADD",
        "INPUT 8x8x4 -> ( [ CONV 4 3 p1 -> RELU -> CONV 4 3 p1 | SKIP ] -> ADD ) x4000 -> CONV 4 3 p1 @1",
    ],
    ids=["one behind many", "convolutions", "stages", "shortcuts and devices"],
)
def test_many_layers_are_explained_in_seconds(text: str) -> None:
    """A guard: each takes half a second on a small machine, and what looks at all layers for each layer many."""
    net = netdsl.loads(text)
    start = time.process_time()
    assert net.explain().text()
    assert time.process_time() - start < 3
