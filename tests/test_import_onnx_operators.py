"""Operators of ONNX in the forms that each opset and each exporter gave them, held against the package's evaluator."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from test_import_onnx import agrees, imported, needed, real, whole

from netdsl.interchange import entry
from netdsl.interchange.flat import ForeignError
from netdsl.interchange.normal import flat
from netdsl.interchange.onnx import reader

Nodes = list[tuple[Any, ...]]
DIMS = [1, 4, 6, 8]
NORM = {"s": real(1, 2, 0.5, 1), "b": real(0.1, 0, -1, 3), "m": real(0, 1, -1, 0.2), "v": real(1, 0.5, 2, 3)}
WEIGHT = np.random.default_rng(2).normal(0, 1, (4, 5, 3, 3)).astype(np.float32)


def numbers(*dims: int) -> Any:
    return np.random.default_rng(3).normal(0, 1, dims).astype(np.float32)


@needed
@pytest.mark.parametrize(
    ("opset", "nodes", "constants", "layers"),
    [
        (14, [("BatchNormalization", "x s b m v", "y", {"training_mode": 0})], NORM, "BN"),
        (
            13,
            [("Resize", "x _ a", "y", {"mode": "linear", "coordinate_transformation_mode": "asymmetric"})],
            {"a": real(1, 1, 2, 2)},
            "PAD 0 after=1 mode=edge, UPSAMPLE to=13x17 mode=bilinear aligned, CROP 12x16 at=0",
        ),
        (13, [("Resize", "x _ a", "y", {"mode": "linear"})], {"a": real(1, 1, 1, 1)}, ""),
        (
            19,
            [("Resize", "x _ _ a", "y", {"mode": "linear", "axes": [2, 3]})],
            {"a": whole(9, 4)},
            "UPSAMPLE to=9x4 mode=bilinear",
        ),
        (10, [("Clip", "x", "y", {"max": 6.0, "min": 0.0})], {}, "RELU6"),
        (
            2,
            [("Pad", "x", "y", {"pads": [0, 0, 1, 2, 0, 0, 0, 1], "value": 2.0})],
            {},
            "PLUS -2, PAD 1x2 after=0x1, PLUS 2",
        ),
        (
            13,
            [("Pad", "x a", "y", {})],
            {"a": whole(0, 1, 0, 0, 0, 2, 0, 0)},
            "RESHAPE 4x48x1, PAD 1x0 after=2x0, RESHAPE 6x8x7",
        ),
        (
            13,
            [
                ("Pad", "x a b", "t", {}),
                ("MaxPool", "t", "y", {"kernel_shape": [3, 3], "strides": [2, 2]}),
            ],
            {"a": whole(0, 0, 1, 1, 0, 0, 1, 1), "b": np.float32(-3.4e38)},
            "MAXPOOL 3 s2 p1",
        ),
        (11, [("Flatten", "x", "t", {"axis": -3}), ("Softmax", "t", "y", {})], {}, "FLATTEN, SOFTMAX"),
        (13, [("Softmax", "x", "y", {"axis": 3})], {}, "FLATTEN, SHUFFLE 24, RESHAPE 4x6x8, SOFTMAX"),
        (
            13,
            [("Slice", "x a b c d", "y", {})],
            {"a": whole(-1), "b": whole(-9), "c": whole(1), "d": whole(-2)},
            "SLICE 3 4, SLICE 1 2, CONCAT",
        ),
        (13, [("Gather", "x a", "y", {"axis": 1})], {"a": whole(2, 3, 0)}, "SLICE 2 4, SLICE 0 1, CONCAT"),
        (
            18,
            [("Split", "x", "a b", {"axis": 1, "num_outputs": 2}), ("Sub", "a b", "y", {})],
            {},
            "SLICE 0 2, SLICE 2 4, SUB",
        ),
        (
            13,
            [("Relu", "x", "a", {}), ("Sigmoid", "x", "b", {}), ("Min", "a b", "y", {})],
            {},
            "RELU, SIGMOID, TIMES -1, TIMES -1, MAX, TIMES -1",
        ),
        (13, [("Relu", "x", "a", {}), ("Sum", "x a b", "y", {})], {"b": real(2)}, "RELU, ADD, PLUS 2"),
        (13, [("Sub", "a x", "y", {})], {"a": numbers(4, 6, 8)}, "TIMES -1, POSITIONS"),
        (13, [("Mul", "x a", "y", {})], {"a": numbers(6, 8)}, "FLATTEN, SCALE, RESHAPE 6x8x4"),
        (13, [("Celu", "x", "y", {"alpha": 2.0})], {}, "TIMES 0.5, ELU, TIMES 2"),
        (13, [("Tile", "x a", "y", {})], {"a": whole(1, 2, 1, 1)}, "CONCAT"),
        (13, [("Where", "a x b", "y", {})], {"a": np.array(True), "b": real(0)}, ""),
        (13, [("Einsum", "x a", "y", {"equation": "bchw,co->bohw"})], {"a": numbers(4, 5)}, "CONV 5 1 nobias"),
        (13, [("Einsum", "x", "y", {"equation": "bchw->bc"})], {}, "AVGPOOL global, TIMES 48, FLATTEN"),
        (
            13,
            [("MatMul", "a x", "y", {})],
            {"a": numbers(3, 6)},
            "RESHAPE 8x24, SHUFFLE 4, RESHAPE 4x8x6, CONV 3 1 nobias",
        ),
        (
            13,
            [
                ("Transpose", "x", "t", {"perm": [0, 1, 3, 2]}),
                ("MaxPool", "t", "y", {"kernel_shape": [2, 2], "strides": [2, 2]}),
            ],
            {},
            "RESHAPE 8x24, SHUFFLE 4, FLATTEN, SHUFFLE 6, RESHAPE 8x6x4, MAXPOOL 2",
        ),
        (
            17,
            [("LayerNormalization", "x a b", "y", {"axis": 1})],
            {"a": numbers(4, 6, 8), "b": numbers(4, 6, 8)},
            "GN 1 noaffine, FLATTEN, SCALE bias, RESHAPE 6x8x4",
        ),
        (13, [("Mul", "x a", "y", {})], {"a": numbers(4, 6, 8)}, "FLATTEN, SCALE, RESHAPE 6x8x4"),
        (13, [("LpNormalization", "x", "y", {"axis": 1, "p": 2})], {}, "LRN size=7 alpha=7 beta=0.5 k=1e-24"),
        (
            13,
            [
                ("ReduceL2", "x", "a", {"axes": [1], "keepdims": 1}),
                ("Clip", "a least", "b", {}),
                ("Shape", "x", "c", {}),
                ("Expand", "b c", "d", {}),
                ("Div", "x d", "y", {}),
            ],
            {"least": np.float32(1e-12)},
            "LRN size=7 alpha=7 beta=0.5 k=1e-24",
        ),
        (
            13,
            [("MaxPool", "x", "y", {"kernel_shape": [4, 4], "strides": [3, 3], "pads": [0, 0, 1, 2]})],
            {},
            "MAXPOOL 4 s3 ceil",
        ),
        (
            13,
            [("ConvTranspose", "x w", "y", {"strides": [2, 2], "pads": [0, 0, 1, 1]})],
            {"w": WEIGHT},
            "DECONV 5 3 s2 nobias, CROP 12x16 at=0",
        ),
        (
            13,
            [("ConvTranspose", "x w", "y", {"strides": [2, 2], "pads": [1, 1, 0, 0]})],
            {"w": WEIGHT},
            "DECONV 5 3 s2 p1 nobias output_pad=1",
        ),
    ],
)
def test_operators_of_each_opset_are_layers_that_give_the_same(
    opset: int, nodes: Nodes, constants: dict[str, Any], layers: str, tmp_path: Path
) -> None:
    assert ", ".join(agrees(tmp_path, DIMS, nodes, constants, opset)) == layers


@needed
@pytest.mark.parametrize("last", [False, True])
def test_responses_and_limits_in_parts(last: bool, tmp_path: Path) -> None:
    """LRN and Softplus as PyTorch's exporters write them; SCALE of each value, whatever the order of its axes."""
    nodes: Nodes = [
        ("Mul", "x x", "a", {}),
        ("Unsqueeze", "a one", "b", {}),
        ("Pad", "b pads", "c", {}),
        ("AveragePool", "c", "d", {"kernel_shape": [3, 1, 1], "strides": [1, 1, 1], "count_include_pad": 1}),
        ("Squeeze", "d one", "e", {}),
        ("Mul", "e alpha", "f", {}),
        ("Add", "f k", "g", {}),
        ("Pow", "g beta", "h", {}),
        ("Div", "x h", "i", {}),
        ("Softplus", "i", "j", {}),
        ("Greater", "i limit", "test", {}),
        ("Where", "test i j", "k0", {}),
        *([("Transpose", "k0", "t", {"perm": [0, 2, 3, 1]})] if last else [("Identity", "k0", "t", {})]),
        ("Mul", "t each", "l", {}),
        *([("Transpose", "l", "y", {"perm": [0, 3, 1, 2]})] if last else [("Identity", "l", "y", {})]),
    ]
    constants = {"one": whole(1), "pads": whole(0, 0, 1, 0, 0, 0, 0, 1, 0, 0), "alpha": np.float32(0.02)}
    constants |= {"k": np.float32(1), "beta": np.float32(0.75), "limit": np.float32(20)}
    constants["each"] = numbers(6, 8, 4) if last else numbers(4, 6, 8)
    layers = ["LRN size=3 alpha=0.02", "SOFTPLUS", "FLATTEN", "SCALE", "RESHAPE 6x8x4"]
    assert agrees(tmp_path, DIMS, nodes, constants) == layers


@needed
def test_the_last_state_of_the_second_of_two_is_its_last_alone(tmp_path: Path) -> None:
    nodes, constants = recurrent("GRU", 1)
    again, more = recurrent("GRU", 1, "s w2 r2 b2")
    how = again[-1][-1]
    nodes += [("Squeeze", "states axis", "s", {}), ("GRU", "s w2 r2 b2", "states2 last2", how)]
    nodes += [("Concat", "last last2", "both", {"axis": 0}), ("Gather", "both end", "y", {"axis": 0})]
    constants |= {"axis": whole(1), "end": np.array(-1), "w2": numbers(1, 9, 3), "r2": more["r"], "b2": more["b"]}
    assert agrees(tmp_path, [1, 5, 6], nodes, constants) == ["GRU 3", "GRU 3 last"]


def enlarged(x: Any) -> Any:
    return np.repeat(np.repeat(x, 2, 2), 3, 3)


EACH = abs(numbers(4, 6, 8)) + 0.1


def each(x: Any) -> Any:
    return (x - EACH) / np.sqrt(EACH + 1e-5) * EACH + EACH


def swish(x: Any) -> Any:
    return x / (1 + np.exp(-2 * x))


@needed
@pytest.mark.parametrize(
    ("opset", "nodes", "constants", "layers", "own"),
    [
        (7, [("Upsample", "x", "y", {"scales": [1.0, 1.0, 2.0, 3.0]})], {}, "UPSAMPLE 2x3", enlarged),
        (
            13,
            [("Pad", "x a", "y", {})],
            {"a": whole(0, 0, -1, -2, 0, 0, 0, -1)},
            "CROP 5 at=1 axis=0, CROP 5 at=2 axis=1",
            lambda x: x[:, :, 1:, 2:-1],
        ),
        (1, [("Upsample", "x", "y", {"height_scale": 2.0, "width_scale": 3.0})], {}, "UPSAMPLE 2x3", enlarged),
        (
            1,
            [("Pad", "x", "y", {"paddings": [0, 0, 1, 0, 0, 0, 1, 0]})],
            {},
            "PAD 1x0",
            lambda x: np.pad(x, [(0, 0), (0, 0), (1, 1), (0, 0)]),
        ),
        (
            1,
            [("ImageScaler", "x", "y", {"scale": 2.0, "bias": [1.0, 2.0, 3.0, 4.0]})],
            {},
            "NORMALIZE mean={-0.5, -1, -1.5, -2} std={0.5, 0.5, 0.5, 0.5}",
            lambda x: 2 * x + real(1, 2, 3, 4).reshape(4, 1, 1),
        ),
        (
            6,
            [("Mul", "x a", "y", {"axis": 1, "broadcast": 1})],
            {"a": real(1, 2, 3, 4)},
            "SCALE",
            lambda x: x * real(1, 2, 3, 4).reshape(4, 1, 1),
        ),
        (
            6,
            [
                ("GlobalAveragePool", "x", "a", {}),
                ("Flatten", "a", "b", {}),
                ("Mul", "x b", "y", {"axis": 0, "broadcast": 1}),
            ],
            {},
            "AVGPOOL global, MUL",
            lambda x: x * x.mean((2, 3), keepdims=True),
        ),
        (
            11,
            [("Softmax", "x", "y", {"axis": 1})],
            {},
            "FLATTEN, SOFTMAX, RESHAPE 6x8x4",
            lambda x: np.exp(x) / np.exp(x).sum(),
        ),
        (24, [("Swish", "x", "y", {"alpha": 2.0})], {}, "TIMES 2, SILU, TIMES 0.5", swish),
        (
            6,
            [("PRelu", "x a", "y", {})],
            {"a": real(1, 2, 3, 4)},
            "PRELU per_channel",
            lambda x: np.where(x < 0, x * real(1, 2, 3, 4).reshape(4, 1, 1), x),
        ),
        (
            7,
            [("BatchNormalization", "x s b m v", "y", {"spatial": 0})],
            dict.fromkeys("sbmv", EACH),
            "FLATTEN, BN, RESHAPE 6x8x4",
            each,
        ),
        (
            13,
            [("ConvTranspose", "x w", "y", {"strides": [2, 2], "auto_pad": "SAME_UPPER"})],
            {"w": WEIGHT},
            "DECONV 5 3 s2 nobias, CROP 12x16 at=0",
            None,
        ),
        (
            13,
            [
                (
                    "FusedConv",
                    "x w b",
                    "y",
                    {"domain": "com.microsoft", "activation": "Clip", "activation_params": [0.0, 6.0]},
                )
            ],
            {"w": np.ones((2, 4, 1, 1), np.float32), "b": real(1, 2)},
            "CONV 2 1, RELU6",
            lambda x: np.clip(x.sum(1, keepdims=True) + real(1, 2).reshape(2, 1, 1), 0, 6),
        ),
    ],
)
def test_operators_that_were_once_or_are_of_one_runtime(
    opset: int, nodes: Nodes, constants: dict[str, Any], layers: str, own: Callable[[Any], Any] | None, tmp_path: Path
) -> None:
    assert ", ".join(agrees(tmp_path, DIMS, nodes, constants, opset, own)) == layers


HEADS: dict[str, Any] = {
    f"{kind}{part}": numbers(*dims) for part in "qkvo" for kind, dims in (("w", (6, 6)), ("b", (6,)))
}
PROJECTED = [
    step for part in "qkv" for step in (("MatMul", f"x w{part}", f"{part}0", {}), ("Add", f"{part}0 b{part}", part, {}))
]
OUT: Nodes = [("MatMul", "a wo", "o", {}), ("Add", "o bo", "y", {})]


@needed
@pytest.mark.parametrize("causal", [0, 1])
def test_attention_that_is_one_operator_is_one_layer(causal: int, tmp_path: Path) -> None:
    one = ("Attention", "q k v", "a", {"q_num_heads": 2, "kv_num_heads": 2, "is_causal": causal})
    layers = agrees(tmp_path, [1, 5, 6], [*PROJECTED, one, *OUT], HEADS, 23)
    assert layers == [f"ATTENTION 2{' causal' * causal}"]


@needed
def test_attention_whose_mask_is_made_of_sizes_is_causal(tmp_path: Path) -> None:
    apart: Nodes = [("Reshape", f"{part} heads", f"{part}r", {}) for part in "qkv"]
    apart += [("Transpose", f"{part}r", f"{part}h", {"perm": [0, 2, 1, 3]}) for part in "qkv"]
    products: Nodes = [
        ("Transpose", "kh", "kt", {"perm": [0, 1, 3, 2]}),
        ("MatMul", "qh kt", "p", {}),
        ("Mul", "p scale", "ps", {}),
        ("ConstantOfShape", "sides", "ones", {}),
        ("Equal", "ones zero", "all", {}),
        ("Trilu", "all first", "mask", {"upper": 1}),
        ("Where", "mask low ps", "pm", {}),
        ("Softmax", "pm", "soft", {"axis": -1}),
        ("MatMul", "soft vh", "t", {}),
        ("Transpose", "t", "tt", {"perm": [0, 2, 1, 3]}),
        ("Reshape", "tt joined", "a", {}),
    ]
    constants = HEADS | {"heads": whole(0, 0, 2, 3), "joined": whole(0, 0, 6), "scale": real(3**-0.5)}
    constants |= {"sides": whole(5, 5), "zero": real(0), "first": np.array(1), "low": np.float32(-np.inf)}
    assert agrees(tmp_path, [1, 5, 6], [*PROJECTED, *apart, *products, *OUT], constants) == ["ATTENTION 2 causal"]


@needed
def test_attention_by_sums_over_axes_is_one_layer(tmp_path: Path) -> None:
    apart: Nodes = [("Reshape", f"{part} heads", f"{part}h", {}) for part in "qkv"]
    products: Nodes = [
        ("Einsum", "qh kh", "p", {"equation": "bqhd,bkhd->bhqk"}),
        ("Mul", "p scale", "ps", {}),
        ("Softmax", "ps", "pm", {"axis": -1}),
        ("Einsum", "pm vh", "t", {"equation": "bhqk,bkhd->bqhd"}),
        ("Reshape", "t joined", "a", {}),
    ]
    constants = HEADS | {"heads": whole(0, 0, 2, 3), "joined": whole(0, 0, 6), "scale": real(3**-0.5)}
    assert agrees(tmp_path, [1, 5, 6], [*PROJECTED, *apart, *products, *OUT], constants) == ["ATTENTION 2"]


def recurrent(kind: str, ways: int, inputs: str = "t w r b", **more: Any) -> tuple[Nodes, dict[str, Any]]:
    gates = {"LSTM": 4, "GRU": 3}[kind]
    direction = "bidirectional" if ways == 2 else "forward"
    names = ["Sigmoid", "Tanh", "Tanh"][: gates - 1] * ways
    how = {"hidden_size": 3, "direction": direction, "activations": names, **more}
    how |= {"linear_before_reset": 1} if kind == "GRU" else {}
    constants = {"w": numbers(ways, 3 * gates, 6), "r": numbers(ways, 3 * gates, 3), "b": numbers(ways, 6 * gates)}
    return [("Transpose", "x", "t", {"perm": [1, 0, 2]}), (kind, inputs, "states last", how)], constants


@needed
@pytest.mark.parametrize("kind", ["LSTM", "GRU"])
def test_sequences_give_their_states_and_the_last_one(kind: str, tmp_path: Path) -> None:
    nodes, constants = recurrent(kind, 1, "t w r b length start")
    nodes += [("Transpose", "last", "a", {"perm": [1, 0, 2]}), ("Flatten", "a", "y", {})]
    constants |= {"length": np.array([5], np.int32), "start": np.zeros((1, 1, 3), np.float32)}
    assert agrees(tmp_path, [1, 5, 6], nodes, constants) == [f"{kind} 3 last"]
    found = imported(tmp_path / "net.onnx")
    count = 4 if kind == "LSTM" else 3
    assert (found.params, found.macs) == (count * (3 * 6 + 3 * 3 + 6), count * 3 * (6 + 3) * 5)


@needed
def test_both_ends_of_a_sequence_and_all_its_states(tmp_path: Path) -> None:
    nodes, constants = recurrent("LSTM", 2)
    nodes += [
        ("Transpose", "last", "a", {"perm": [1, 0, 2]}),
        ("Flatten", "a", "f", {}),
        ("ReduceMean", "states axis", "c", {"keepdims": 0}),
        ("Transpose", "c", "d", {"perm": [1, 0, 2]}),
        ("Flatten", "d", "e", {}),
        ("Add", "f e", "y", {}),
    ]
    runtime = pytest.importorskip("onnxruntime")

    def own(x: Any) -> Any:
        session = runtime.InferenceSession(tmp_path / "net.onnx", providers=["CPUExecutionProvider"])
        return session.run(None, {"x": x})[0]

    layers = agrees(tmp_path, [1, 5, 6], nodes, constants | {"axis": whole(0)}, own=own)
    assert layers[:5] == ["LSTM 3 both", "PICK -1", "PICK 0", "SLICE 0 3", "SLICE 3 6"]


@needed
def test_what_a_known_condition_chooses_is_done(tmp_path: Path) -> None:
    from onnx import helper  # pyright: ignore

    def branch(kind: str) -> Any:
        node = helper.make_node(kind, ["x"], [kind])
        return helper.make_graph([node], kind, [], [helper.make_tensor_value_info(kind, 1, None)])

    how = {"then_branch": branch("Relu"), "else_branch": branch("Sigmoid")}
    nodes: Nodes = [
        ("Shape", "x", "dims", {}),
        ("Gather", "dims one", "channels", {}),
        ("Equal", "channels four", "known", {}),
        ("If", "known", "y", how),
    ]
    constants = {"one": np.array(1), "four": np.array(4)}
    assert agrees(tmp_path, DIMS, nodes, constants) == ["RELU"]


@needed
def test_functions_of_a_model_are_written_out(tmp_path: Path) -> None:
    from onnx import AttributeProto, helper, save  # pyright: ignore

    ours = [
        helper.make_opsetid("", 18),
        helper.make_opsetid("pkg.own.net", 1),
        helper.make_opsetid("pkg.onnxscript", 1),
    ]
    leaky = helper.make_node("LeakyRelu", ["a"], ["b"])
    leaky.attribute.append(helper.make_attribute_ref("alpha", AttributeProto.FLOAT))
    leaky.attribute[0].ref_attr_name = "slope"
    inner = helper.make_function("pkg.onnxscript", "leaky", ["a"], ["b"], [leaky], ours[:1], ["slope"])
    calls = [
        helper.make_node("leaky", ["a"], ["t"], domain="pkg.onnxscript", slope=0.25, name="act"),
        helper.make_node("Add", ["t", "a"], ["b"]),
    ]
    outer = helper.make_function("pkg.own.net", "net_Block_layer1_1", ["a"], ["b"], calls, ours)
    nodes = [
        helper.make_node("net_Block_layer1_1", [a], [b], domain="pkg.own.net", name=n)
        for a, b, n in (("x", "t", "layer1_0"), ("t", "y", "layer1_1"))
    ]
    ends = [helper.make_tensor_value_info(name, 1, DIMS) for name in ("x", "y")]
    model = helper.make_model(
        helper.make_graph(nodes, "g", ends[:1], ends[1:]), opset_imports=ours, functions=[inner, outer]
    )
    save(model, tmp_path / "net.onnx")
    items = imported(tmp_path / "net.onnx").items
    assert [item.layer.written for item in items[1:]] == ["LEAKYRELU 0.25", "ADD"] * 2
    assert [item.scope for item in items[1:4]] == [(("layer1_0", "Block"),)] * 2 + [(("layer1_1", "Block"),)]


@needed
def test_functions_that_call_themselves_are_told(tmp_path: Path) -> None:
    from onnx import helper, save  # pyright: ignore

    ours = [helper.make_opsetid("", 18), helper.make_opsetid("own", 1)]
    calls = [helper.make_node("f", ["a"], ["t"], domain="own"), helper.make_node("f", ["t"], ["b"], domain="own")]
    function = helper.make_function("own", "f", ["a"], ["b"], calls, ours)
    ends = [helper.make_tensor_value_info(name, 1, DIMS) for name in ("x", "y")]
    node = helper.make_node("f", ["x"], ["y"], domain="own")
    model = helper.make_model(
        helper.make_graph([node], "g", ends[:1], ends[1:]), opset_imports=ours, functions=[function]
    )
    save(model, tmp_path / "net.onnx")
    with pytest.raises(ForeignError, match="the functions of the file have more than"):
        flat(reader.read(tmp_path / "net.onnx"))


@needed
@pytest.mark.parametrize(
    ("kind", "inputs", "why"),
    [
        (
            "QuantizeLinear",
            "x one",
            "it is of a quantised network; import the one in single precision that it was made of",
        ),
        ("NonZero", "x", "which values it takes depends on what flows"),
        ("SequenceConstruct", "x", "it is of a list of values, which no layer has"),
        ("GlobalLpPool", "x", "no layer takes the mean of powers of what is in a window"),
    ],
)
def test_kinds_that_no_layer_is_are_told_with_their_reason(kind: str, inputs: str, why: str, tmp_path: Path) -> None:
    with pytest.raises(ForeignError) as caught:
        agrees(tmp_path, DIMS, [(kind, inputs, "y", {})], {"one": np.float32(1)})
    assert [one.message for one in caught.value.errors] == [f"{kind} at y cannot be said: {why}"]


@needed
@pytest.mark.parametrize(
    ("kind", "inputs", "attributes", "weight", "params", "told"),
    [
        ("Gemm", "a w", {}, numbers(4, 4), 16, ""),
        ("Gemm", "a w", {"transB": 1}, numbers(4, 4), 32, "w"),
        ("Gemm", "a w b", {}, numbers(4, 4), 36, "w"),
        ("Gemm", "a w", {}, np.full((4, 4), 0.5, np.float32), 32, ""),
    ],
)
def test_a_constant_is_the_weights_of_each_layer_that_reads_it_otherwise(
    kind: str, inputs: str, attributes: dict[str, Any], weight: Any, params: int, told: str, tmp_path: Path
) -> None:
    agrees(
        tmp_path, [1, 4], [("Gemm", "x w", "a", {}), (kind, inputs, "y", attributes)], {"w": weight, "b": numbers(4)}
    )
    found = entry.imported(entry.read(tmp_path / "net.onnx"))
    assert (found.flat.params, found.totals.params) == (params, params)
    notes = [f"read in several places, each of which has a weight of its own here: {told}"]
    assert list(found.flat.notes) == (notes if told else [])


@needed
def test_names_in_notes_bring_nothing_to_a_terminal(tmp_path: Path) -> None:
    nodes = [("Gemm", "x \x1b[31mw", "a", {}), ("Gemm", "a \x1b[31mw b", "y", {})]
    agrees(tmp_path, [1, 4], nodes, {"\x1b[31mw": numbers(4, 4), "b": numbers(4)})
    (note,) = entry.read(tmp_path / "net.onnx").notes
    assert note.isprintable()
    assert note.endswith("[31mw")
