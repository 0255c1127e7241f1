"""The table of layers: what every row owes its readers, and the mistakes that its rules find."""

from __future__ import annotations

import dataclasses
import re
import subprocess
import sys
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import pytest

import netdsl
from netdsl.layers import table
from netdsl.layers.arguments import arguments_of, show
from netdsl.layers.base import Layer
from netdsl.layers.shape import Shape
from netdsl.layers.source import Input
from netdsl.text.diagnostic import NetError

if TYPE_CHECKING:
    from collections.abc import Callable

    from netdsl.graph.node import ShapedGraph

LAYERS = list(dict.fromkeys(layer for keyword in table.keywords() if (layer := table.find(keyword))))


def each_layer(test: Callable[..., None]) -> Any:
    return pytest.mark.parametrize("layer", LAYERS, ids=lambda layer: layer.keyword)(test)


def shaped(dims: str, text: str) -> ShapedGraph:
    return netdsl.loads(f"INPUT {dims} -> {text}\n").shaped


def faults(dims: str, text: str) -> list[tuple[str, str]]:
    """The codes of a program's mistakes, and the text that each points at."""
    with pytest.raises(NetError) as raised:
        shaped(dims, text)
    return [(one.code, one.span.text) for one in raised.value.diagnostics]


@each_layer
def test_a_layer_is_documented(layer: type[Layer]) -> None:
    doc = layer.__doc__ or ""
    assert doc.split("\n")[0].endswith((".", ":"))
    (example, *_) = re.findall(r"^    `(.+?)`", doc, re.MULTILINE)
    assert layer.keyword in example.split()
    assert "\n    FLOPs: " in doc
    for argument in arguments_of(layer):
        assert argument.help
        assert not argument.help.endswith(".")


@each_layer
def test_the_example_of_a_layer_is_a_program(layer: type[Layer]) -> None:
    (example, *_) = re.findall(r"^    `(.+?)`", layer.__doc__ or "", re.MULTILINE)
    labels = " -> ".join(f"{name}: ABS" for name in ("a", "b", "c", "left", "right", "e2"))
    dims = {"RBF": "84", "RESHAPE": "14x14x32", "NORMALIZE": "8x8x3"}.get(layer.keyword, "32x32x64")
    if layer.keyword == "INPUT":
        netdsl.loads(f"{example}\n")
    else:
        netdsl.loads(f"INPUT {dims} -> {labels} -> {example}\n")


@each_layer
def test_no_argument_hides_what_a_layer_has(layer: type[Layer]) -> None:
    assert layer.__dataclass_params__.frozen  # pyright: ignore[reportAttributeAccessIssue]
    assert not {field.name for field in dataclasses.fields(layer)} & set(dir(Layer))
    assert len({argument.field for argument in arguments_of(layer)}) == len(arguments_of(layer))


@each_layer
def test_required_arguments_come_first(layer: type[Layer]) -> None:
    slots = [argument.required for argument in arguments_of(layer) if argument.form == "positional"]
    assert slots == sorted(slots, reverse=True)
    assert not any(argument.required for argument in arguments_of(layer) if argument.form != "positional")


@pytest.mark.parametrize(
    "text",
    [
        "CONV 96 11x11 s4",
        "CONV 8 3 s2 p1 d2 g4 nobias",
        "CONV 8 3x1 same",
        'CONV 2 1 table="012 12"',
        'CONV 1 1 table="012"',
        "DWCONV 3 multiplier=2",
        "DECONV 4 3 s2 output_pad=1x0",
        "DECONV 6 3 s2 p1 d2x1 nobias",
        "FC 10 nobias",
        "ATTENTION 3",
        "ATTENTION 2 width=5 causal nobias",
        "ATTENTION 3 window=7x5 shift relative",
        "ATTENTION 3 window=7 shift=3x2",
        "MAXPOOL 3 s2 p1 ceil",
        "AVGPOOL global",
        "MAXPOOL 3 s2 p1 ceil after=0x1",
        "AVGPOOL to=7x7",
        "AVGPOOL 3 s1 same exclude_pad",
        "LRN size=3 alpha=0.5",
        "BN eps=0.001 noaffine",
        "GN 4",
        "IN affine",
        "LEAKYRELU 0.2",
        "LEAKYRELU {1/3}",
        "LEAKYRELU -0.5",
        "PRELU per_channel",
        "TANH scale=1.7159 slope={2/3}",
        "DROPOUT 0.2",
        "SCALE bias init={1/3}",
        "NORMALIZE mean={0.5, 1, 2} std={1, 2/3, 0.25}",
        "NORMALIZE mean=1x2x3 std=2",
        "NORMALIZE mean={1, -2, 3}",
        "TIMES {1/255}",
        "PLUS -1",
        "RESHAPE 7x7x128",
        "PAD 1 after=2x3 mode=reflect",
        "PAD 0 after=0",
        "CROP 4x4 at=1x0",
        "CROP 4 at=1 axis=0",
        "UPSAMPLE 2 mode=bilinear",
        "UPSAMPLE to=20x20",
        "UPSAMPLE 2 mode=bicubic aligned",
        "PIXELSHUFFLE 1 order=dcr",
        "PIXELUNSHUFFLE 4 order=swin",
        "SLICE 0 3",
        "TOKEN",
        "TOKEN 2",
        "POSITIONS",
        "PICK 15",
        "LSTM 4 both last",
        "GRU 4",
        "PICK -1",
        "SHUFFLE 3",
        "RELU",
    ],
)
def test_a_label_is_what_was_written(text: str) -> None:
    sequence = text.startswith(("TOKEN", "PICK", "LSTM", "GRU"))
    dims = (
        "16x3"
        if sequence
        else "14x14x32"
        if text.startswith("RESHAPE")
        else "16x16x12"
        if "g4" in text or "GN" in text
        else "16x16x3"
    )
    layer = shaped(dims, text).nodes[-1].layer
    assert layer.written == text


@pytest.mark.parametrize(
    ("text", "same"),
    [("MAXPOOL 3x3 s3 p1 after=1x1", "MAXPOOL 3 p1"), ("AVGPOOL 2 s1x1 after=1", "AVGPOOL 2 s1 after=1")],
)
def test_what_says_the_same_has_one_way_of_writing(text: str, same: str) -> None:
    assert shaped("9x9x3", text).nodes[-1].layer.canonical.written == same


def test_node_arguments_are_labelled_by_name() -> None:
    layer = shaped("8x8x3", "a: PAD 1 -> CROP like=a").nodes[-1].layer
    assert layer.written == "CROP like=a"


def test_input_gives_its_dims() -> None:
    assert table.find("INPUT") is Input
    assert Input((227, 227, 3)).shape() == Shape((227, 227), 3)
    assert str(Input((784,)).shape()) == "784"


def test_what_works_in_place() -> None:
    in_place = {layer.keyword for layer in LAYERS if layer.inplace}
    activations = {layer.keyword for layer in LAYERS if layer.role == "activation"}
    assert in_place == activations | {"DROPOUT", "DROPPATH", "FLATTEN", "RESHAPE", "SKIP", "TIMES", "PLUS"}
    counted = {"CONV", "DWCONV", "DECONV", "FC", "ATTENTION", "LSTM", "GRU"}
    assert {layer.keyword for layer in LAYERS if layer.counts_depth} == counted
    assert {layer.keyword for layer in LAYERS if layer.training_only} == {"DROPOUT", "DROPPATH"}
    assert {layer.keyword for layer in LAYERS if layer.merge} == {"CONCAT", "ADD", "SUB", "MUL", "MEAN", "MAX"}


def test_norm_is_another_word_for_lrn() -> None:
    assert table.find("NORM") is table.find("LRN")
    assert table.find("NORMS") is None


def test_values_as_the_language_writes_them() -> None:
    assert [show(value) for value in (3, Fraction(1, 2), Fraction(1, 3), (3, 1))] == ["3", "0.5", "1/3", "3x1"]


def test_the_table_loads_no_torch() -> None:
    code = "import sys; from netdsl.layers import table; table.find('CONV'); print('torch' in sys.modules)"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout == "False\n"


MISTAKES = """
12: CONV 4 3 = rank-mismatch CONV 4 3
12: MAXPOOL 2 = rank-mismatch MAXPOOL 2
12: PAD 1 = rank-mismatch PAD 1
12: CROP 3 = rank-mismatch CROP 3
12: UPSAMPLE 2 = rank-mismatch UPSAMPLE 2
12: AVGPOOL global = rank-mismatch AVGPOOL global
12: IN = rank-mismatch IN
28x28: CONV 6 5x5 = rank-mismatch 5x5
28x28: PAD 1x1 = rank-mismatch 1x1
8x8x6: CONV 4 3 s2x2x2 = rank-mismatch s2x2x2
8x8x6: AVGPOOL to=2x2x2 = rank-mismatch to=2x2x2
2x2x2x2x3: CONV 4 1 = rank-mismatch CONV 4 1
2x2x2x2x3: MAXPOOL global = rank-mismatch MAXPOOL global
2x2x2x2x3: BN = rank-mismatch BN
8x8x6: a: FC 3 -> RESHAPE 1x1x3 -> UPSAMPLE like=a = rank-mismatch like=a
8x8x6: CONV 4 9 = window-too-large 9
8x8x6: CONV 4 5 d2 = window-too-large 5
8x8x6: MAXPOOL 9 = window-too-large 9
8x8x6: DECONV 4 1 p4 = window-too-large p4
8x8x6: CROP 9x4 = window-too-large 9x4
8x8x6: CROP 6 at=3 = window-too-large at=3
8x8x6: CROP 9 axis=1 = window-too-large 9
8x8x6: CROP 6 axis=0 at=3 = window-too-large at=3
8x8x6: CROP 4 axis=2 = rank-mismatch axis=2
8x8x6: CROP 4x4 axis=0 = invalid-argument 4x4
8x8x6: CROP 4 axis=0 at=0x1 = invalid-argument at=0x1
8x8x6: CROP 4 axis=-1 = invalid-argument axis=-1
12: CROP 4 axis=0 = rank-mismatch CROP 4 axis=0
8x8x6: a: RELU -> CROP like=a axis=0 = extra-argument axis=0
8x8x6: a: PAD 1 -> CROP 4 -> CROP like=a = window-too-large like=a
8x8x6: CONV 4 3 g4 = groups-mismatch g4
8x8x6: CONV 4 3 g3 = groups-mismatch g3
8x8x6: DECONV 4 3 g3 = groups-mismatch g3
8x8x6: GN 4 = groups-mismatch 4
8x8x6: ATTENTION 4 = groups-mismatch 4
6: ATTENTION 2 = rank-mismatch ATTENTION 2
6: ATTENTION 4 width=2 = rank-mismatch ATTENTION 4 width=2
8x8x6: ATTENTION 2 window=2x2x2 = rank-mismatch window=2x2x2
8x6: ATTENTION 2 window=4 shift=1x1 = rank-mismatch shift=1x1
8x8x6: ATTENTION 2 shift = missing-argument shift
8x8x6: ATTENTION 2 shift=3 = missing-argument shift=3
8x8x6: ATTENTION 2 relative = missing-argument relative
8x8x6: ATTENTION 2 window=4 causal = extra-argument causal
8x8x6: ATTENTION 2 window=4 shift=4 = invalid-argument shift=4
8x8x6: ATTENTION 2 window=4x3 shift=0x3 = invalid-argument shift=0x3
8x8x6: ATTENTION 2 window=0 = invalid-argument window=0
8x8x6: ATTENTION 2 window=4 shift shift=2 = extra-argument shift=2
8x8x6: ATTENTION window=4 = missing-argument ATTENTION window=4
8x8x6: SHUFFLE 4 = groups-mismatch 4
6: GN 6 = shape-mismatch 6
1x1x6: IN = shape-mismatch IN
8x8x6: RESHAPE 5x5x6 = shape-mismatch 5x5x6
8x8x6: RESHAPE {-1, 5} = shape-mismatch {-1, 5}
8x8x6: UPSAMPLE 2 aligned = invalid-argument aligned
8x8x6: UPSAMPLE 2 aligned mode=nearest = invalid-argument aligned
8x8x6: UPSAMPLE 2 mode=cubic = invalid-argument cubic
8x6: UPSAMPLE 2 mode=bicubic = rank-mismatch mode=bicubic
8x8x8x6: UPSAMPLE 2 mode=bicubic aligned = rank-mismatch mode=bicubic
8x8x6: PIXELSHUFFLE 2 = shape-mismatch 2
8x8x6: PIXELSHUFFLE 2 order=rcd = invalid-argument rcd
8x8x6: PIXELSHUFFLE 2x2 = invalid-argument 2x2
8x8x6: PIXELSHUFFLE = missing-argument PIXELSHUFFLE
8x9x6: PIXELUNSHUFFLE 2 = shape-mismatch 2
8x8x6: PIXELUNSHUFFLE 2 order=darknet = shape-mismatch order=darknet
8x8x6: PIXELUNSHUFFLE 16 = shape-mismatch 16
8x8x6: PIXELUNSHUFFLE 2 order=reorg = invalid-argument reorg
8x8x6: PIXELUNSHUFFLE 2 swin = unknown-option swin
12: PIXELUNSHUFFLE 2 = rank-mismatch PIXELUNSHUFFLE 2
12: PIXELSHUFFLE 2 = rank-mismatch PIXELSHUFFLE 2
8x8x6: LSTM 4 = rank-mismatch LSTM 4
6: GRU 4 last = rank-mismatch GRU 4 last
8x6: LSTM = missing-argument LSTM
8x6: LSTM 4 3 = extra-argument 3
8x6: GRU 0 = invalid-argument 0
8x6: GRU 2147483648 = limit-exceeded 2147483648
8x8x6: TOKEN = rank-mismatch TOKEN
6: TOKEN 2 = rank-mismatch TOKEN 2
8x8x6: PICK 0 = rank-mismatch PICK 0
6: PICK -1 = rank-mismatch PICK -1
8x6: PICK 8 = invalid-argument 8
8x6: PICK -9 = invalid-argument -9
8x6: PICK 99999999999 = limit-exceeded 99999999999
8x6: PICK = missing-argument PICK
8x6: TOKEN 0 = invalid-argument 0
8x8x6: [ CONV 4 3 p1 | SKIP ] -> ADD = shape-mismatch ADD
8x8x6: [ MAXPOOL 2 | SKIP ] -> CONCAT = shape-mismatch CONCAT
8x8x6: [ FC 6 | SKIP ] -> CONCAT = shape-mismatch CONCAT
8x8x6: [ FC 5 | SKIP ] -> MUL = shape-mismatch MUL
8x8x6: [ MAXPOOL 2 | SKIP ] -> MUL = shape-mismatch MUL
8x8x6: [ FC 8 -> RESHAPE 8x1 | SKIP ] -> MUL = shape-mismatch MUL
8x8x6: CONV 4 3 p1 same = invalid-argument p1
8x8x6: CONV 4 3 g2 table="0 1 2 3" = invalid-argument g2
8x8x6: CONV 4 3 table="0 1 2" = invalid-argument table="0 1 2"
8x8x6: CONV 2 3 table="0 6" = invalid-argument table="0 6"
8x8x6: CONV 2 3 table="00 1" = invalid-argument table="00 1"
8x8x6: CONV 2 3 table="0 é" = invalid-argument table="0 é"
8x8x6: CONV 2 3 table="0, 1" = invalid-argument table="0, 1"
8x8x6: CONV 2 3 table="-1,2 0" = invalid-argument table="-1,2 0"
8x8x6: DECONV 4 3 s2 output_pad=2 = invalid-argument output_pad=2
8x8x6: DECONV 4 3 s2 d3 output_pad=3 = invalid-argument output_pad=3
8x8x6: DECONV 4 3 d2x2x2 = rank-mismatch d2x2x2
8x8x6: DECONV 4 3 d0 = invalid-argument d0
8x8x6: MAXPOOL 3 p2 = invalid-argument p2
8x8x6: MAXPOOL 3 after=2 = invalid-argument after=2
8x8x6: AVGPOOL 3x1 after=1 = invalid-argument after=1
8x8x6: MAXPOOL 3 same after=1 = invalid-argument after=1
8x8x6: AVGPOOL global after=1 = extra-argument after=1
8x8x6: AVGPOOL to=4 after=0 = extra-argument after=0
8x8x6: MAXPOOL 2 after=1x1x1 = rank-mismatch after=1x1x1
8x8x6: MAXPOOL 3 p1 same = invalid-argument p1
8x8x6: MAXPOOL 3 ceil same = invalid-argument ceil
8x8x6: PAD 8 mode=reflect = invalid-argument mode=reflect
8x8x6: SLICE 3 3 = invalid-argument 3
8x8x6: SLICE 3 7 = invalid-argument 7
8x8x6: NORMALIZE mean={1, 2} = invalid-argument mean={1, 2}
8x8x6: NORMALIZE std=0 = invalid-argument std=0
8x8x6: TIMES 2x2 = invalid-argument 2x2
8x8x6: TIMES = missing-argument TIMES
8x8x6: PLUS "1" = invalid-argument "1"
8x8x6: PLUS 1 2 = extra-argument 2
8x8x6: DROPOUT 1.5 = invalid-argument 1.5
8x8x6: CONV 4 3 s0 = invalid-argument s0
8x8x6: PAD 1 mode=wrap = invalid-argument wrap
8x8x6: CONV 1.5 3 = not-whole 1.5
8x8x6: CONV 99999999999 3 = limit-exceeded 99999999999
8x8x6: MAXPOOL = missing-argument MAXPOOL
8x8x6: UPSAMPLE = missing-argument UPSAMPLE
8x8x6: CROP at=1 = missing-argument CROP at=1
8x8x6: MAXPOOL 2 global = extra-argument global
8x8x6: MAXPOOL 2 to=4 = extra-argument to=4
8x8x6: AVGPOOL global s2 = extra-argument s2
8x8x6: AVGPOOL to=4 p1 = extra-argument p1
8x8x6: AVGPOOL global exclude_pad = extra-argument exclude_pad
8x8x6: UPSAMPLE 2 to=4 = extra-argument to=4
8x8x6: a: RELU -> CROP 2 like=a = extra-argument like=a
"""


@pytest.mark.parametrize("case", MISTAKES.strip().splitlines())
def test_a_mistake_is_found_and_placed(case: str) -> None:
    program, _, expected = case.rpartition(" = ")
    dims, _, text = program.partition(": ")
    code, _, part = expected.partition(" ")
    assert faults(dims, text) == [(code, part)]


def message(dims: str, text: str) -> tuple[str, str]:
    with pytest.raises(NetError) as raised:
        shaped(dims, text)
    (one,) = raised.value.diagnostics
    return one.message, one.help


def test_merges_say_what_their_branches_give() -> None:
    text = "[ CONV 256 1 | SKIP ] -> ADD"
    said, help = message("56x56x64", text)
    assert said == "ADD wants equal shapes, but its branches give 56x56x256 and 56x56x64"
    assert "project" in help
    said, help = message("8x8x4", "[ CONV 4 3 s2 p1 | SKIP | SKIP ] -> MEAN")
    assert said == "MEAN wants equal shapes, but its branches give 4x4x4 and 8x8x4"
    assert "s2" in help


def test_a_grey_image_wants_its_channel() -> None:
    said, help = message("28x28", "CONV 6 5x5")
    assert said == "kernel 5x5 has 2 sizes, but the input 28x28 has 1 spatial axis"
    assert "28x28x1" in help


def warnings(dims: str, text: str) -> list[str]:
    return [one.message for one in netdsl.loads(f"INPUT {dims} -> {text}\n").warnings]


def test_inexact_windows_are_warned_of() -> None:
    (warning,) = netdsl.loads("INPUT 224x224x3 -> CONV 96 11x11 s4\n").warnings
    assert warning.code == "inexact-window"
    assert warning.message == "CONV 11x11 s4 over 224 leaves 1 column unread: (224 − 11)/4 + 1 = 54.25"
    assert warning.help == "227 fits exactly, giving 55"


@pytest.mark.parametrize(
    "text",
    ["MAXPOOL 3 s2 ceil", "MAXPOOL 3 s2 same", "CONV 4 3 s2 same", "CONV 4 3 s2 p1", "MAXPOOL 1 s2", "AVGPOOL global"],
)
def test_exact_windows_are_not(text: str) -> None:
    assert warnings("8x8x3", text) == []
    assert warnings("8x8x3", "MAXPOOL 3 s2") != []


def test_each_keyword_leads_to_its_layer() -> None:
    for keyword in table.keywords():
        row = table.find(keyword)
        assert row is not None
        assert keyword in (row.keyword, *row.aliases)
        assert {*row.aliases} <= {*table.keywords()}
