"""ONNX models as layers: counts of published networks, and outputs of what netdsl writes itself."""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec
from itertools import permutations
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import netdsl
from netdsl.interchange.flat import Flat, ForeignError, graph, sayable
from netdsl.interchange.normal import flat
from netdsl.interchange.onnx import reader
from netdsl.layers.shape import Shape

needed = pytest.mark.skipif(find_spec("onnx") is None, reason="onnx: not installed (pip install 'netdsl[onnx]')")

COUNTS = {
    "bvlc_alexnet": (60_965_224, 654_560_384),
    "densenet121": (7_978_856, 2_834_161_664),
    "inception_v1": (6_998_552, 1_431_556_352),
    "inception_v2": (11_194_984, 2_018_851_840),
    "resnet50": (25_557_032, 4_089_184_256),
    "shufflenet": (1_393_320, 124_664_528),
    "squeezenet": (1_235_496, 349_151_936),
    "vgg19": (143_667_240, 19_632_062_464),
    "zfnet512": (87_250_536, 1_481_727_008),
}
"""Parameters and multiply-adds of the networks that the package brings, counted from their files alone."""


def imported(path: Path) -> Flat:
    return flat(reader.read(path))


@needed
@pytest.mark.parametrize("name", COUNTS)
def test_networks_of_the_package_have_their_counts(name: str) -> None:
    import onnx  # pyright: ignore

    path = Path(str(onnx.__file__)).parent / "backend" / "test" / "data" / "light" / f"light_{name}.onnx"
    found = imported(path)
    totals = netdsl.from_graph(graph(found)).summary().totals
    assert (totals.params, totals.macs) == COUNTS[name]
    assert found.macs == totals.macs
    assert found.params in (None, totals.params)


def again(text: str, folder: Path) -> tuple[netdsl.Network, Flat]:
    """A program that was written as an ONNX model and read back, and its layers."""
    netdsl.loads(text).compile(folder / "net.onnx")
    found = imported(folder / "net.onnx")
    return netdsl.from_graph(graph(found)), found


def module(network: netdsl.Network, found: Flat) -> torch.nn.Module:
    """The module of an imported network with the weights of its file."""
    names, made = sayable(found), network.module().eval()
    weights = {
        f"{names[item.name]}.{name}": torch.tensor(value)
        for item in found.items
        for name, value in item.weights.items()
    }
    left = [name for name in made.state_dict() if not name.endswith(("num_batches_tracked", ".mean", ".std", ".mask"))]
    assert sorted(left) == sorted(weights)
    made.load_state_dict(weights, strict=False)
    return made


@needed
@pytest.mark.parametrize(
    "text",
    [
        "INPUT 9x8x3 -> CONV 4 3 s2 p1 nobias -> BN eps=1e-3 -> RELU6 -> DWCONV 3 p1 multiplier=2 -> SILU -> FC 5",
        "INPUT 9x7x4 -> LN -> CONV 8 1 -> GELU -> CONV 4 1 -> SCALE -> GN 2 -> HARDSWISH -> AVGPOOL global -> FC 3",
        "INPUT 8x8x4 -> SHUFFLE 2 -> PIXELUNSHUFFLE 2 -> PIXELSHUFFLE 2 order=dcr -> MISH -> MAXPOOL 3 s2 same -> FC 3",
        "INPUT 6x6x3 -> a: CONV 4 3 p1 -> [ RELU -> CONV 4 1 | SKIP ] -> ADD -> [ SKIP | a ] -> CONCAT -> SOFTMAX",
        "INPUT 6x6x4 -> [ SKIP | AVGPOOL global -> CONV 4 1 -> SIGMOID ] -> MUL -> DECONV 3 2 s2 -> UPSAMPLE 2",
        'INPUT 7x6x5 -> CONV 4 3 table="012 13 24 0134" -> RELU -> FC 2',
        "INPUT 3x2x4 -> TANH scale=1.7159 slope={2/3} -> RBF 5",
        "INPUT 11x6 -> TOKEN -> POSITIONS -> [ LN -> ATTENTION 2 | SKIP ] -> ADD -> LN -> PICK 0 -> FC 3",
        "INPUT 8x6x6 -> ATTENTION 2 window=2 -> ATTENTION 3 window=2x3 shift=1 -> PLUS 1",
        "INPUT 7x9x6 -> ATTENTION 2 window=2x4 relative -> ATTENTION 2 window=3 shift=1 relative nobias -> PLUS 1",
        "INPUT 11x6 -> ATTENTION 3 causal nobias width=5 -> LSTM 4 both -> GRU 3 last",
        "INPUT 11x6 -> CONV 4 3 -> PAD 2 after=1 -> CROP 7 at=1 -> PLUS 1 -> TIMES {1/3} -> RESHAPE 4x7",
    ],
)
def test_what_netdsl_writes_comes_back_with_its_figures_and_outputs(text: str, tmp_path: Path) -> None:
    network, (back, found) = netdsl.loads(text), again(text, tmp_path)
    before, after = network.summary().totals, back.summary().totals
    assert (after.params, after.macs) == (before.params, before.macs)
    kinds = [[node.layer.canonical.written for node in one.shaped.nodes] for one in (back, network)]
    assert sorted(kinds[0]) == sorted(kinds[1])
    dims = network.shaped.shapes[0]
    x = torch.randn(2, dims.channels, *dims.spatial, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        torch.testing.assert_close(module(back, found)(x), network.module().eval()(x))


@needed
@pytest.mark.parametrize(("columns", "order"), [("0011", "dcr"), ("0101", "swin")])
def test_every_second_position_of_each_is_one_layer(columns: str, order: str, tmp_path: Path) -> None:
    rows = {"dcr": "0101", "swin": "0011"}[order]
    corners = [(int(row), int(column)) for row, column in zip(columns, rows, strict=True)]
    nodes: list[tuple[Any, ...]] = [
        ("Slice", f"x start{number} end axes steps", f"part{number}", {}) for number in range(len(corners))
    ]
    nodes.append(("Concat", "part0 part1 part2 part3", "y", {"axis": 1}))
    constants = {f"start{number}": whole(*corner) for number, corner in enumerate(corners)}
    constants |= {"end": whole(99, 99), "axes": whole(2, 3), "steps": whole(2, 2)}
    assert agrees(tmp_path, [1, 3, 4, 6], nodes, constants) == [f"PIXELUNSHUFFLE 2 order={order}"]


@needed
def test_activations_that_are_spelled_out_are_known_by_their_curves(tmp_path: Path) -> None:
    from onnx import helper, save  # pyright: ignore

    make: Any = helper.make_node
    nodes = [
        make("Identity", ["x"], ["same"]),
        make("Mul", ["same", "one"], ["beta"]),  # as Paddle writes it
        make("Sigmoid", ["beta"], ["a"]),
        make("Mul", ["a", "x"], ["silu"]),
        make("Div", ["silu", "root"], ["b"]),
        make("Erf", ["b"], ["c"]),
        make("Add", ["c", "one"], ["d"]),
        make("Mul", ["silu", "d"], ["e"]),
        make("Mul", ["e", "half"], ["gelu"]),
        make("Add", ["gelu", "three"], ["f"]),
        make("Clip", ["f", "zero", "six"], ["g"]),
        make("Mul", ["gelu", "g"], ["h"]),
        make("Div", ["h", "six"], ["hardswish"]),
        make("Softplus", ["hardswish"], ["i"]),
        make("Tanh", ["i"], ["j"]),
        make("Mul", ["hardswish", "j"], ["mish"]),
    ]
    numbers = {"root": 2**0.5, "one": 1, "half": 0.5, "three": 3, "zero": 0, "six": 6}
    constants = [helper.make_tensor(name, 1, [], [value]) for name, value in numbers.items()]
    ends = [helper.make_tensor_value_info(name, 1, ["batch", 3, 4, 5]) for name in ("x", "mish")]
    save(helper.make_model(helper.make_graph(nodes, "g", ends[:1], ends[1:], constants)), tmp_path / "net.onnx")
    found = imported(tmp_path / "net.onnx")
    assert [item.layer.keyword for item in found.items] == ["INPUT", "SILU", "GELU", "HARDSWISH", "MISH"]


@needed
def test_gelu_by_its_approximation_is_gelu_and_told(tmp_path: Path) -> None:
    from onnx import helper, numpy_helper, save  # pyright: ignore

    make: Any = helper.make_node
    nodes = [
        make("Pow", ["x", "three"], ["a"]),
        make("Mul", ["a", "small"], ["b"]),
        make("Add", ["x", "b"], ["c"]),
        make("Mul", ["c", "root"], ["d"]),
        make("Tanh", ["d"], ["e"]),
        make("Add", ["e", "one"], ["f"]),
        make("Mul", ["x", "f"], ["g"]),
        make("Mul", ["g", "half"], ["y"]),
    ]
    numbers = {"three": 3, "small": 0.044715, "root": 0.7978846, "one": 1, "half": 0.5}
    tensors = [numpy_helper.from_array(np.array(value, np.float32), name) for name, value in numbers.items()]
    ends = [helper.make_tensor_value_info(name, 1, [1, 3, 4, 4]) for name in ("x", "y")]
    save(helper.make_model(helper.make_graph(nodes, "g", ends[:1], ends[1:], tensors)), tmp_path / "net.onnx")
    found = imported(tmp_path / "net.onnx")
    assert [item.layer.written for item in found.items] == ["INPUT 4x4x3", "GELU"]
    assert found.notes == ("GELU by its approximation with tanh is GELU, which differs by up to 0.0005",)


@needed
def test_all_that_cannot_be_said_is_told_at_once_with_node_operator_and_reason(tmp_path: Path) -> None:
    from onnx import helper, save  # pyright: ignore

    make: Any = helper.make_node
    nodes = [
        make("Sin", ["x"], ["a"], name="wave"),
        make("Relu", ["a"], ["b"], name="relu"),
        make("Det", ["x"], ["c"], name="det"),
    ]
    ends = [helper.make_tensor_value_info(*one) for one in (("x", 1, [1, 3, 4, 4]), ("b", 1, None), ("c", 1, None))]
    save(helper.make_model(helper.make_graph(nodes, "g", ends[:1], ends[1:])), tmp_path / "net.onnx")
    with pytest.raises(ForeignError) as caught:
        imported(tmp_path / "net.onnx")
    assert [one.message for one in caught.value.errors] == [
        "Sin at wave cannot be said: no layer does what it does",
        "Det at det cannot be said: no layer does what it does",
    ]


def damaged(folder: Path, nodes: list[tuple[Any, ...]], outputs: list[str]) -> Path:
    """A file with operators as they are said, whose weights are w, 3x3x1x1, and k; it takes x and gives `outputs`."""
    from onnx import helper, numpy_helper, save  # pyright: ignore

    made: Any = [helper.make_node(kind, list(reads), [gives], name=f"{gives}_") for kind, gives, *reads in nodes]
    tensors = [
        numpy_helper.from_array(np.ones(dims, np.float32), name) for name, dims in (("w", (3, 3, 1, 1)), ("k", 3))
    ]
    ends = [helper.make_tensor_value_info("x", 1, [1, 3, 4, 4])]
    gives = [helper.make_tensor_value_info(name, 1, None) for name in outputs]
    save(helper.make_model(helper.make_graph(made, "g", ends, gives, tensors)), folder / "net.onnx")
    return folder / "net.onnx"


@needed
@pytest.mark.parametrize(
    ("nodes", "outputs", "told"),
    [
        ([("Conv", "y", "x", "w", "bias")], ["y"], "Conv at y_ cannot be said: nothing gives its input 3, bias"),
        ([("Add", "y", "x", "gone")], ["y"], "Add at y_ cannot be said: nothing gives its input 2, gone"),
        (
            [("Gather", "y", "w", "x")],
            ["y"],
            "Gather at y_ cannot be said: it looks up what is numbered, and what flows here is measured",
        ),
        ([("Relu", "y", "x")], ["y", "z"], "net.onnx is no ONNX model: nothing gives its output z"),
        ([("Relu", "y", "x"), ("Tanh", "y", "x")], ["y"], "net.onnx is no ONNX model: several operators give y"),
        (
            [("Add", "a", "x", "y"), ("Relu", "y", "a")],
            ["y"],
            "net.onnx is no ONNX model: what Add at a_ gives flows back into it",
        ),
        (
            [("Relu", "y", "x")],
            ["y", "k"],
            "Output at k cannot be said: it is a constant, and no layer gives one; leave it out of the outputs",
        ),
    ],
)
def test_values_that_nothing_gives_or_that_do_not_flow_are_told(
    nodes: list[tuple[Any, ...]], outputs: list[str], told: str, tmp_path: Path
) -> None:
    with pytest.raises(ForeignError) as caught:
        imported(damaged(tmp_path, nodes, outputs))
    assert [one.message for one in caught.value.errors] == [told]


@needed
@pytest.mark.parametrize(("outputs", "mode"), [(["y"], {"training_mode": 1}), (["y", "mean", "var", "m", "v"], {})])
def test_a_norm_in_training_is_told(outputs: list[str], mode: dict[str, int], tmp_path: Path) -> None:
    from onnx import helper, numpy_helper, save  # pyright: ignore

    make: Any = helper.make_node
    node = make("BatchNormalization", ["x", "k", "k", "k", "k"], outputs, **mode)
    ends = [helper.make_tensor_value_info(name, 1, [1, 3, 4, 4]) for name in ("x", "y")]
    weight = numpy_helper.from_array(np.ones(3, np.float32), "k")
    save(helper.make_model(helper.make_graph([node], "g", ends[:1], ends[1:], [weight])), tmp_path / "net.onnx")
    with pytest.raises(ForeignError, match="it normalises by the batch that it sees; export the model in inference"):
        imported(tmp_path / "net.onnx")


@needed
def test_operators_may_stand_in_any_order(tmp_path: Path) -> None:
    found = imported(damaged(tmp_path, [("Tanh", "y", "b"), ("Relu", "b", "a"), ("Conv", "a", "x", "w")], ["y"]))
    assert [item.layer.written for item in found.items] == ["INPUT 4x4x3", "CONV 3 1 nobias", "RELU", "TANH"]


@needed
def test_what_is_no_model_is_told(tmp_path: Path) -> None:
    path = tmp_path / "net.onnx"
    for data in (b"", b"\x08", b"no model", b"\xff" * 100):
        path.write_bytes(data)
        with pytest.raises(ForeignError, match=r"net\.onnx is no ONNX model"):
            imported(path)


@needed
@pytest.mark.parametrize(
    ("axes", "layer"), [([-1], "LN eps=1e-06"), ([1], "IN eps=1e-06 affine"), ([1, 2], "GN 1 eps=1e-06")]
)
def test_norms_that_are_spelled_out_are_one_layer(axes: list[int], layer: str, tmp_path: Path) -> None:
    from onnx import helper, save  # pyright: ignore

    make: Any = helper.make_node
    nodes = [
        make("MatMul", ["x", "w"], ["a"]),
        make("ReduceMean", ["a"], ["mean"], axes=axes),
        make("Sub", ["a", "mean"], ["b"]),
        make("Pow", ["b", "two"], ["c"]),
        make("ReduceMean", ["c"], ["d"], axes=axes),
        make("Add", ["d", "eps"], ["e"]),
        make("Sqrt", ["e"], ["f"]),
        make("Div", ["b", "f"], ["g"]),
        make("Mul", ["g", "scale"], ["h"]),
        make("Add", ["h", "offset"], ["y"]),
    ]
    tensors = [
        helper.make_tensor("w", 1, [3, 4], [0.5] * 12),
        *[helper.make_tensor(name, 1, [], [value]) for name, value in (("two", 2), ("eps", 1e-6))],
        *[helper.make_tensor(name, 1, [4], [1, 2, 3, 4]) for name in ("scale", "offset")],
    ]
    ends = [helper.make_tensor_value_info(*one) for one in (("x", 1, ["n", 5, 3]), ("y", 1, ["n", 5, 4]))]
    model = helper.make_model(
        helper.make_graph(nodes, "g", ends[:1], ends[1:], tensors), opset_imports=[helper.make_opsetid("", 13)]
    )
    save(model, tmp_path / "net.onnx")
    items = imported(tmp_path / "net.onnx").items
    assert [item.layer.written for item in items] == ["INPUT 5x3", "CONV 4 1 nobias", layer]
    assert [*items[-1].weights["weight"]] == [*items[-1].weights["bias"]] == [1, 2, 3, 4]


def agrees(
    folder: Path,
    dims: list[int],
    nodes: list[tuple[Any, ...]],
    constants: dict[str, Any],
    opset: int = 18,
    own: Callable[[Any], Any] | None = None,
) -> list[str]:
    """The layers of a model of some operators, which give what the package's own evaluator gives; the last gives y.

    Where that has no such operators, a function of `x` says what they give.
    """
    from onnx import helper, numpy_helper, save  # pyright: ignore
    from onnx.reference import ReferenceEvaluator  # pyright: ignore

    made = [
        helper.make_node(kind, [one.strip("_") for one in inputs.split()], output.split(), **more)
        for kind, inputs, output, more in nodes
    ]
    tensors = [numpy_helper.from_array(value, name) for name, value in constants.items()]
    ends = [helper.make_tensor_value_info("x", 1, dims), helper.make_tensor_value_info("y", 1, None)]
    outline = helper.make_graph(made, "g", ends[:1], ends[1:], tensors)
    model = helper.make_model(outline, opset_imports=[helper.make_opsetid("", opset)])
    save(model, folder / "net.onnx")
    found = imported(folder / "net.onnx")
    network = netdsl.from_graph(graph(found))
    x = np.random.default_rng(1).normal(0, 4, dims).astype(np.float32)
    shape = network.shaped.shapes[0]
    given = torch.tensor(x)
    if tuple(dims[1:]) != (shape.channels, *shape.spatial):  # the file has its channels last
        given = given.movedim(-1, 1)
    with torch.no_grad():
        gives = module(network, found)(given)
    reference: Any = ReferenceEvaluator  # not asked where it does not know an operator
    wanted = torch.tensor(np.array(reference(model).run(None, {"x": x})[0] if own is None else own(x)))
    if wanted.shape != gives.shape:  # the output is laid out otherwise, and told
        assert "laid out otherwise" in "".join(found.notes)
        gives = min(
            (gives.permute(order).reshape(wanted.shape) for order in permutations(range(gives.ndim))),
            key=lambda one: float((one - wanted).abs().max()),
        )
    torch.testing.assert_close(gives, wanted, rtol=1e-4, atol=1e-5)
    return [item.layer.written for item in found.items[1:]]


def whole(*values: int) -> Any:
    return np.array(values, np.int64)


def real(*values: float) -> Any:
    return np.array(values, np.float32)


@needed
@pytest.mark.parametrize(
    ("nodes", "constants", "layers"),
    [
        ([("Clip", "x a b", "y", {})], {"a": real(0)[0], "b": real(6)[0]}, "RELU6"),
        (
            [("Clip", "x a b", "y", {})],
            {"a": real(-1)[0], "b": real(2)[0]},
            "PLUS 1, TIMES 2, RELU6, TIMES 0.5, PLUS -1",
        ),
        ([("Clip", "x a", "y", {})], {"a": real(2)[0]}, "PLUS -2, RELU, PLUS 2"),
        ([("Min", "x a", "y", {})], {"a": real(2)}, "TIMES -1, PLUS 2, RELU, TIMES -1, PLUS 2"),
        ([("Neg", "x", "y", {})], {}, "TIMES -1"),
        (
            [("Slice", "x a b c d", "y", {})],
            {"a": whole(1), "b": whole(6), "c": whole(2), "d": whole(2)},
            "CROP 5 at=1 axis=0, MAXPOOL 1 s2x1",
        ),
        ([("GlobalAveragePool", "x", "t", {}), ("Sub", "x t", "y", {})], {}, "AVGPOOL global, UPSAMPLE to=6x7, SUB"),
        (
            [("GlobalMaxPool", "x", "t", {}), ("Expand", "t a", "u", {}), ("Concat", "x u", "y", {"axis": 1})],
            {"a": whole(1, 4, 6, 7)},
            "MAXPOOL global, UPSAMPLE to=6x7, CONCAT",
        ),
        ([("Sub", "a x", "y", {})], {"a": real(1)}, "TIMES -1, PLUS 1"),
        ([("Div", "x a", "y", {})], {"a": real(3)}, "TIMES {1/3}"),
        ([("Mul", "x a", "y", {})], {"a": real(729 / 869)}, "TIMES 0.83889526"),
        ([("Pow", "x a", "y", {})], {"a": real(2)}, "MUL"),
        (
            [("Conv", "x w", "t", {}), ("Add", "t a", "y", {})],
            {"w": real(1, 2, 3, 4).reshape(1, 4, 1, 1), "a": real(0.5).reshape(1, 1, 1, 1)},
            "CONV 1 1",
        ),
        ([("HardSigmoid", "x", "y", {"alpha": 1 / 6})], {}, "HARDSIGMOID"),
        ([("HardSigmoid", "x", "y", {})], {}, "TIMES 1.2, HARDSIGMOID"),
        ([("HardSigmoid", "x", "y", {"beta": 0.4})], {}, "TIMES 1.2, PLUS -0.6, HARDSIGMOID"),
        ([("Mul", "x a", "y", {})], {"a": real(1, 2, 3, 4).reshape(4, 1, 1)}, "SCALE"),
        ([("ReduceMean", "x a", "y", {"keepdims": 0})], {"a": whole(2, 3)}, "AVGPOOL global, FLATTEN"),
        ([("ReduceMean", "x a", "y", {})], {"a": whole(3)}, "AVGPOOL 1x7"),
        ([("ReduceSum", "x a", "y", {})], {"a": whole(-1, -2)}, "AVGPOOL global, TIMES 42"),
        ([("ReduceMax", "x a", "y", {})], {"a": whole(2)}, "MAXPOOL 6x1"),
        ([("Slice", "x a b c", "y", {})], {"a": whole(1), "b": whole(3), "c": whole(1)}, "SLICE 1 3"),
        ([("Slice", "x a b c", "y", {})], {"a": whole(1, 2), "b": whole(-1, 9), "c": whole(2, 3)}, "CROP 4x5 at=1x2"),
        (
            [("Pad", "x a", "y", {"mode": "reflect"})],
            {"a": whole(0, 0, 1, 2, 0, 0, 3, 2)},
            "PAD 1x2 after=3x2 mode=reflect",
        ),
        (
            [
                ("Transpose", "x", "t", {"perm": [0, 2, 3, 1]}),
                ("Relu", "t", "u", {}),
                ("Transpose", "u", "y", {"perm": [0, 3, 1, 2]}),
            ],
            {},
            "RELU",
        ),
        (
            [("Transpose", "x", "t", {"perm": [0, 2, 3, 1]}), ("Reshape", "t a", "u", {}), ("MatMul", "u w", "y", {})],
            {"a": whole(1, -1), "w": np.arange(336, dtype=np.float32).reshape(168, 2) / 99},
            "FC 2 nobias",
        ),
        (
            [
                ("Reshape", "x a", "t", {}),
                ("Transpose", "t", "u", {"perm": [0, 2, 1, 3, 4]}),
                ("Reshape", "u b", "y", {}),
            ],
            {"a": whole(0, 2, 2, 6, 7), "b": whole(0, -1, 6, 7)},
            "SHUFFLE 2",
        ),
        (
            [
                ("Reshape", "x a", "t", {}),
                ("Transpose", "t", "u", {"perm": [0, 1, 4, 2, 5, 3]}),
                ("Reshape", "u b", "y", {}),
            ],
            {"a": whole(0, 1, 2, 2, 6, 7), "b": whole(0, 1, 12, 14)},
            "PIXELSHUFFLE 2",
        ),
        (
            [("Pad", "x a", "t", {}), ("Conv", "t w", "y", {"strides": [2, 2]})],
            {"a": whole(0, 0, 0, 1, 0, 0, 1, 1), "w": np.arange(72, dtype=np.float32).reshape(2, 4, 3, 3) / 99},
            "CONV 2 3 s2 same nobias",
        ),
        (
            [("Pad", "x a", "t", {}), ("Conv", "t w", "y", {"pads": [0, 1, 0, 1]})],
            {"a": whole(0, 0, 1, 0, 0, 0, 1, 0), "w": np.arange(72, dtype=np.float32).reshape(2, 4, 3, 3) / 99},
            "CONV 2 3 p1 nobias",
        ),
        (
            [("Pad", "x a", "t", {}), ("Conv", "t w", "y", {"pads": [1, 1, 1, 1]})],
            {"a": whole(0, 0, 0, 0, 0, 0, 1, 1), "w": np.arange(72, dtype=np.float32).reshape(2, 4, 3, 3) / 99},
            "PAD 0 after=1, CONV 2 3 p1 nobias",
        ),
        (
            [("MaxPool", "x", "y", {"kernel_shape": [3, 3], "strides": [2, 2], "pads": [1, 1, 1, 1], "ceil_mode": 1})],
            {},
            "MAXPOOL 3 s2 p1 ceil",
        ),
    ],
)
def test_operators_are_layers_that_give_the_same(
    nodes: list[tuple[Any, ...]], constants: dict[str, Any], layers: str, tmp_path: Path
) -> None:
    assert ", ".join(agrees(tmp_path, [1, 4, 6, 7], nodes, constants)) == layers


def saved(folder: Path, dims: list[Any] | None, kind: int = 1, weight: Any = None, **options: Any) -> Path:
    """A file with a convolution and a product; its weight is another one where it is given."""
    from onnx import helper, numpy_helper, save  # pyright: ignore

    make: Any = helper.make_node
    nodes = [
        make("Conv", ["x", "conv.weight"], ["a"], name="first"),
        make("Flatten", ["a"], ["b"]),
        make("MatMul", ["b", "w"], ["y"]),
    ]
    precision = np.float16 if kind == 10 else np.float32
    weight = numpy_helper.from_array(np.ones((2, 3, 3, 3), precision), "conv.weight") if weight is None else weight
    tensors = [weight, numpy_helper.from_array(np.arange(24, dtype=precision).reshape(8, 3), "w")]
    ends = [helper.make_tensor_value_info(*one) for one in (("x", kind, dims), ("y", kind, None))]
    save(helper.make_model(helper.make_graph(nodes, "g", ends[:1], ends[1:], tensors)), folder / "net.onnx", **options)
    return folder / "net.onnx"


LAYERS = ["INPUT 4x4x3", "CONV 2 3 nobias", "FC 3 nobias"]


@needed
@pytest.mark.parametrize("batch", ["n", 1, 5])
def test_a_batch_of_any_size_is_one(batch: object, tmp_path: Path) -> None:
    found = imported(saved(tmp_path, [batch, 3, 4, 4]))
    assert [item.layer.written for item in found.items] == LAYERS
    assert (found.params, found.macs) == (78, 240)


@needed
def test_sizes_that_are_left_open_are_asked_for(tmp_path: Path) -> None:
    path = saved(tmp_path, ["n", 3, "height", "width"])
    with pytest.raises(ForeignError) as caught:
        imported(path)
    assert [one.message for one in caught.value.errors] == [
        "the file leaves the sizes of axes 2 and 3 of its input x open"
    ]
    assert caught.value.errors[0].help == "say them all: --input x=224x224x3, sizes first and channels last"
    found = flat(reader.read(path, {"x": Shape((4, 4), 3)}))
    assert [item.layer.written for item in found.items] == LAYERS
    with pytest.raises(ForeignError, match="4x4 was given for the input x, which has 3 axes"):
        reader.read(path, {"x": Shape((4,), 4)})
    with pytest.raises(ForeignError) as caught:
        reader.read(path, {"y": Shape((4, 4), 3)})
    assert [one.message for one in caught.value.errors] == [
        "--input y: the network has no input of this name",
        "the file leaves the sizes of axes 2 and 3 of its input x open",
    ]
    path = saved(tmp_path, None)
    with pytest.raises(ForeignError, match="the file leaves the size of its input x open"):
        imported(path)
    found = flat(reader.read(path, {"x": Shape((4, 4), 3)}))
    assert [item.layer.written for item in found.items] == LAYERS


@needed
def test_weights_in_half_precision_come_in_single(tmp_path: Path) -> None:
    found = imported(saved(tmp_path, [1, 3, 4, 4], 10))
    assert {value.dtype for item in found.items for value in item.weights.values()} == {np.dtype(np.float32)}


@needed
def test_weights_are_read_that_lie_beside_the_file_and_nowhere_else(tmp_path: Path) -> None:
    path = saved(tmp_path, [1, 3, 4, 4], save_as_external_data=True, location="net.data", size_threshold=0)
    plain = imported(path)
    assert [value.sum() for item in plain.items for value in item.weights.values()] == [54, 276]
    data = (tmp_path / "net.data").read_bytes()
    (tmp_path / "net.data").write_bytes(data[:-1])
    with pytest.raises(ForeignError, match=r"the tensor w cannot be read: net\.data ends before it"):
        imported(path)
    (tmp_path / "net.data").rename(tmp_path / "other.data")
    (tmp_path / "net.data").symlink_to(tmp_path / "other.data")
    found = imported(path)
    assert [item.layer.written for item in found.items] == LAYERS
    assert not any(item.weights for item in found.items)
    assert found.notes == ("there are weights in net.data, and no such file in its folder",)


@needed
@pytest.mark.parametrize("place", ["./net.data", "weights/net.data"])
def test_weights_may_lie_in_a_folder_beside_the_file(place: str, tmp_path: Path) -> None:
    from onnx import load, save  # pyright: ignore

    path = saved(tmp_path, [1, 3, 4, 4], save_as_external_data=True, location="net.data", size_threshold=0)
    model = load(path, load_external_data=False)
    (tmp_path / place).parent.mkdir(exist_ok=True)
    (tmp_path / "net.data").rename(tmp_path / place)
    for name in (place, f"{place}/../net.data", str(tmp_path / place)):
        for tensor in model.graph.initializer:
            next(one for one in tensor.external_data if one.key == "location").value = name
        save(model, path)
        sums = [value.sum() for item in imported(path).items for value in item.weights.values()]
        assert sums == ([54, 276] if name == place else [])


@needed
def test_a_length_that_is_another_is_told(tmp_path: Path) -> None:
    from onnx import load, save  # pyright: ignore

    path = saved(tmp_path, [1, 3, 4, 4], save_as_external_data=True, location="net.data", size_threshold=0)
    model = load(path, load_external_data=False)
    next(one for one in model.graph.initializer[1].external_data if one.key == "length").value = "92"
    save(model, path)
    with pytest.raises(ForeignError, match=r"it has 92 bytes in net\.data for 24 values of 4"):
        imported(path)


@needed
@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"dims": [2, 3, 3, 4]}, "it has 216 bytes for 72 values of 4"),
        ({"dims": [2**40, 2**40]}, "its sizes are those of no tensor"),
        ({"data_type": 99}, "its values are of no known kind"),
        ({"data_type": 8}, "its values are string"),
    ],
)
def test_a_tensor_that_is_damaged_is_told_by_name(change: dict[str, Any], why: str, tmp_path: Path) -> None:
    from onnx import TensorProto  # pyright: ignore

    given: Any = {"dims": [2, 3, 3, 3], "data_type": 1, "raw_data": bytes(216), "name": "conv.weight"} | change
    path = saved(tmp_path, [1, 3, 4, 4], weight=TensorProto(**given))
    with pytest.raises(ForeignError) as caught:
        imported(path)
    assert caught.value.errors[0].message == f"the tensor conv.weight cannot be read: {why}"
