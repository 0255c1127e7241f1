"""Files of strangers: some hundred damaged ones, and what the fuzzer of importers found in more of them."""

from __future__ import annotations

import io
import json
import zipfile
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path
from time import process_time
from typing import Any

import command_line
import foreign_seeds
import numpy as np
import pytest
from foreign import darknet_weights

pytest.importorskip("resource", reason="processes have no limits here")

import fuzz_imports

from netdsl.interchange import darknet, entry
from netdsl.interchange.caffe.reading import reading
from netdsl.interchange.flat import ForeignError
from netdsl.interchange.torch import constants
from netdsl.interchange.torch.program import Call, Program, Ref, without_changes
from netdsl.text.source import Source

MUTANTS = 50
needed = pytest.mark.skipif(find_spec("onnx") is None, reason="onnx: not installed (pip install 'netdsl[onnx]')")


@pytest.mark.parametrize("suffix", [".prototxt", ".cfg", pytest.param(".onnx", marks=needed), ".pt2"])
def test_no_mutant_of_a_file_is_more_than_a_diagnostic(suffix: str, tmp_path: Path) -> None:
    given = foreign_seeds.seeds(suffix)
    whole = fuzz_imports.tried(given[-1], given[-1].files, tmp_path)[0]
    assert whole == "network"
    found = set()
    for number in range(MUTANTS):
        seed, files = fuzz_imports.attempt(f"test:{number}", given)
        what = fuzz_imports.tried(seed, files, tmp_path)[0]
        assert what in ("network", "diagnostic"), f"{number} of {seed.name}: {what}"
        found.add(what)
    assert "diagnostic" in found


@pytest.mark.parametrize("suffix", [".prototxt", ".cfg"])
def test_the_command_ends_well_and_writes_nothing_of_what_it_refuses(suffix: str, tmp_path: Path) -> None:
    given = foreign_seeds.seeds(suffix)
    (folder := tmp_path / "given").mkdir()
    target = tmp_path / "out.net"
    for number in range(20):
        _, files = fuzz_imports.attempt(f"command:{number}", given)
        fuzz_imports.written(files, folder)
        done = command_line.run("import", str(folder / f"net{suffix}"), "-o", str(target))
        assert done.status in (0, 1, 2)
        assert (done.status == 0) == target.exists()
        assert done.out == ""
        target.unlink(missing_ok=True)


def test_what_breaks_a_law_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def faulty(*_: object, **__: object) -> None:
        raise ZeroDivisionError("there is a file")

    monkeypatch.setattr(entry, "read", faulty)
    (seed, *_) = foreign_seeds.seeds(".cfg")
    assert fuzz_imports.tried(seed, seed.files, tmp_path)[0].startswith("ZeroDivisionError in ")


def test_numbers_that_no_program_says_are_told_at_their_lines() -> None:
    text = (
        'input: "x" input_dim: 1 input_dim: 2 input_dim: 3 input_dim: 3\n'
        'layer { name: "a" type: "Power" bottom: "x" top: "a" power_param { scale: 1e300 } }\n'
        'layer { name: "b" type: "ReLU" bottom: "a" top: "b" relu_param { negative_slope: 1e-60 } }\n'
    )
    with pytest.raises(ForeignError) as caught:
        entry.imported(reading(Source(text, "net.prototxt")))
    assert [(one.code, one.span.line) for one in caught.value.diagnostics] == [
        ("limit-exceeded", 2),
        ("limit-exceeded", 3),
    ]


def test_layers_of_one_name_take_time_by_their_count() -> None:
    first = 'input: "x" input_dim: 1 input_dim: 2 input_dim: 3 input_dim: 3\n'
    text = first + 'layer { name: "a" type: "TanH" bottom: "x" top: "x" }\n' * 10_000
    start = process_time()
    flat = reading(Source(text, "net.prototxt"))
    assert flat.items[-1].name == "a_10000"
    assert process_time() - start < 8


def test_what_stands_before_the_end_of_weights_has_whole_ones_or_none(tmp_path: Path) -> None:
    (tmp_path / "net.cfg").write_text("[net]\ninputs=2\n[connected]\noutput=1\n[connected]\noutput=2\n")
    (tmp_path / "net.weights").write_bytes(darknet_weights([np.zeros(6)]))
    with pytest.raises(ForeignError) as caught:
        darknet.read(tmp_path / "net.cfg")
    assert caught.value.partial is not None
    shapes = [{role: value.shape for role, value in item.weights.items()} for item in caught.value.partial.items]
    assert [one for one in shapes if one] == [{"weight": (1, 2), "bias": (1,)}]


def damaged(folder: Path, change: Any) -> Path:
    """A model of a convolution and its activation with something changed."""
    from onnx import TensorProto, helper  # pyright: ignore

    nodes = [helper.make_node("Conv", ["x", "w"], ["a"]), helper.make_node("Relu", ["a"], ["y"])]
    nodes.append(helper.make_node("Conv", ["x", "w"], ["z"]))
    x, y = (helper.make_tensor_value_info(name, 1, [1, 2, 4, 4]) for name in "xy")
    weight = helper.make_tensor("w", TensorProto.FLOAT, [2, 2, 1, 1], [1.0] * 4)
    model = helper.make_model(helper.make_graph(nodes, "made", [x], [y], [weight]))
    change(model.graph)
    (folder / "net.onnx").write_bytes(model.SerializeToString())
    return folder / "net.onnx"


@needed
def test_what_no_output_follows_from_is_left_out_and_told(tmp_path: Path) -> None:
    flat = entry.read(damaged(tmp_path, lambda graph: None))
    assert [item.layer.written for item in flat.items] == ["INPUT 4x4x2", "CONV 2 1 nobias", "RELU"]
    assert (flat.params, flat.notes) == (4, ("no output follows from 1 of its operators",))


@needed
@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda graph: graph.ClearField("output"), "net.onnx is no ONNX model: it has no outputs"),
        (lambda graph: setattr(graph.output[0], "name", "w"), "this is no ONNX network: it has no layers"),
        (lambda graph: graph.node[0].input.pop(), "Conv at a cannot be said: its weight is missing"),
    ],
)
def test_a_graph_that_leads_nowhere_is_told(change: Any, message: str, tmp_path: Path) -> None:
    with pytest.raises(ForeignError) as caught:
        entry.read(damaged(tmp_path, change))
    assert caught.value.diagnostics[0].message == message


@pytest.mark.parametrize(
    "text",
    [
        f"layer {{ name: {'1' * 300_000}x }}",
        'layer { type: "Concat" ' + 'bottom: "x" ' * 50_000 + 'top: "y" }',
        f'layer {{ name: "{"a/" * 200_000}" type: "TanH" bottom: "x" top: "y" }}',
    ],
    ids=["digits", "inputs", "scopes"],
)
def test_texts_of_a_megabyte_take_no_long_time(text: str, tmp_path: Path) -> None:
    first = b'input: "x" input_dim: 1 input_dim: 2 input_dim: 3 input_dim: 3\n'
    seed = foreign_seeds.Seed("net", ".prototxt", {".prototxt": first + text.encode()})
    assert fuzz_imports.tried(seed, seed.files, tmp_path)[0] in ("network", "diagnostic")


def _repeated(kind: str) -> tuple[list[Any], list[Any]]:
    """Operators on a constant of a gigabyte, which is four numbers that are repeated."""
    from onnx import helper, numpy_helper  # pyright: ignore

    stored = {"c": np.ones((1, 4), np.float32), "s": np.array([2**26, 4]), "flat": np.array([-1])}
    nodes = [
        helper.make_node("Expand", ["c", "s"], ["e"]),
        helper.make_node(kind, ["e", "flat"][: 1 + (kind != "Neg")], ["g"]),
    ]
    return [*nodes, helper.make_node("Add", ["x", "g"], ["y"])], [
        numpy_helper.from_array(b, a) for a, b in stored.items()
    ]


def _wide(kind: str) -> tuple[list[Any], list[Any]]:
    from onnx import helper  # pyright: ignore

    return [helper.make_node(kind, ["x"] * 50_000, ["y"])], []


def _joined(_: str) -> tuple[list[Any], list[Any]]:
    """Constants that are joined to ever more."""
    from onnx import helper, numpy_helper  # pyright: ignore

    names = ["c", *(f"d{number}" for number in range(6))]
    nodes = [helper.make_node("Concat", [a] * 30, [b], axis=0) for a, b in pairwise(names)]
    return [*nodes, helper.make_node("Add", ["x", "d5"], ["y"])], [
        numpy_helper.from_array(np.ones(99, np.float32), "c")
    ]


def _halves(_: str) -> tuple[list[Any], list[Any]]:
    """Many layers of other arguments, each with the same weights of half precision."""
    from onnx import helper, numpy_helper  # pyright: ignore

    nodes = [helper.make_node("Conv", ["x", "c"], [f"r{at}"], pads=[at, 0, 0, 0]) for at in range(2000)]
    nodes.append(helper.make_node("Foo", [f"r{at}" for at in range(2000)], ["y"]))
    return nodes, [numpy_helper.from_array(np.ones((40_000, 2, 1, 1), np.float16), "c")]


def _same(_: str) -> tuple[list[Any], list[Any]]:
    from onnx import helper  # pyright: ignore

    names = ["x", *(f"d{number}" for number in range(8000)), "y"]
    return [helper.make_node("Identity", [a], [b]) for a, b in pairwise(names)], []


def _sums(_: str) -> tuple[list[Any], list[Any]]:
    """Sums that all read one value beside the one before."""
    from onnx import helper  # pyright: ignore

    names = ["x", *(f"d{number}" for number in range(6000)), "y"]
    return [helper.make_node("Add", [a, "x"], [b]) for a, b in pairwise(names)], []


def _spelled(_: str) -> tuple[list[Any], list[Any]]:
    """Activations that are spelled out."""
    from onnx import helper  # pyright: ignore

    names = ["x", *(f"d{number}" for number in range(4000)), "y"]
    pairs = [
        (helper.make_node("Sigmoid", [a], [f"{b}s"]), helper.make_node("Mul", [a, f"{b}s"], [b]))
        for a, b in pairwise(names)
    ]
    return [one for pair in pairs for one in pair], []


@needed
@pytest.mark.parametrize(
    ("make", "kind"),
    [
        (_repeated, "Neg"),
        (_repeated, "Reshape"),
        (_wide, "Concat"),
        (_wide, "Sum"),
        (_joined, ""),
        (_halves, ""),
        (_same, ""),
        (_sums, ""),
        (_spelled, ""),
    ],
)
def test_small_models_take_little_memory_and_time(make: Any, kind: str, tmp_path: Path) -> None:
    from onnx import helper  # pyright: ignore

    nodes, stored = make(kind)
    x, y = helper.make_tensor_value_info("x", 1, [1, 2, 4, 4]), helper.make_tensor_value_info("y", 1, None)
    data = helper.make_model(helper.make_graph(nodes, "made", [x], [y], stored)).SerializeToString()
    seed = foreign_seeds.Seed("net", ".onnx", {".onnx": data})
    assert fuzz_imports.tried(seed, seed.files, tmp_path)[0] in ("network", "diagnostic")


@needed
@pytest.mark.parametrize(
    ("kind", "attributes", "weights", "words"),
    [
        ("BatchNormalization", {"epsilon": -1.0}, [(3,)] * 4, "BN's eps takes a number from 0: -1 is less than 0"),
        ("BatchNormalization", {"epsilon": 1e-45}, [(3,)] * 4, "eps of BN has more digits than a program says"),
        ("LSTM", {"hidden_size": 2}, [(1, 8, 4), (1, 8, 2)], "its weight_ih_l0 is 8x4, and 8x3 that of LSTM 2"),
    ],
)
def test_layers_that_cannot_be_are_told(
    kind: str, attributes: dict[str, Any], weights: list[tuple[int, ...]], words: str, tmp_path: Path
) -> None:
    from onnx import helper, numpy_helper  # pyright: ignore

    names = "abcd"[: len(weights)]
    stored = [numpy_helper.from_array(np.ones(one, np.float32), name) for name, one in zip(names, weights, strict=True)]
    x, y = (helper.make_tensor_value_info(*one) for one in (("x", 1, [1, 5, 3]), ("y", 1, None)))
    nodes = [helper.make_node("Transpose", ["x"], ["z"], perm=[1, 0, 2] if kind == "LSTM" else [0, 2, 1])]
    nodes += [helper.make_node(kind, ["z", *names], ["y"], **attributes)]
    model = helper.make_model(helper.make_graph(nodes, "made", [x], [y], stored))
    (tmp_path / "net.onnx").write_bytes(model.SerializeToString())
    with pytest.raises(ForeignError) as caught:
        entry.imported(entry.read(tmp_path / "net.onnx"))
    assert words in caught.value.diagnostics[0].message


@pytest.mark.parametrize(
    ("operator", "arguments", "dims"),
    [
        ("index", {"self": Ref("row"), "indices": (Ref("zeros"),)}, (2**16,)),
        ("pow", {"self": Ref("row"), "exponent": Ref("column")}, (2**16,)),
        ("clamp", {"self": Ref("row"), "min": Ref("column")}, (2**16,)),
        ("mv", {"self": Ref("column"), "vec": Ref("row")}, ()),
        ("_weight_norm", {"v": Ref("row"), "g": Ref("column")}, (2**16,)),
        ("unbind", {"self": Ref("column")}, (1,)),
        ("split", {"self": Ref("column"), "split_size": 1}, (1,)),
        ("chunk", {"self": Ref("column"), "chunks": 0}, (1,)),
        ("linear", {"input": Ref("row"), "weight": None}, (1,)),
        ("full", {"size": (2**25,), "fill_value": 1}, (2**25,)),
    ],
)
def test_constants_of_a_program_grow_no_further_than_it_says(
    operator: str, arguments: dict[str, Any], dims: tuple[int, ...]
) -> None:
    row = np.ones((1, 2**16), np.float32)
    tensors = {"row": row, "column": row.reshape(-1, 1), "zeros": np.zeros(2**16, np.int64)}
    program = Program(
        "made",
        "PyTorch: made.pt2",
        "made.pt2",
        (Call(operator, arguments, ("y",)),),
        (),
        (("", "y"),),
        {"y": dims, **{name: one.shape for name, one in tensors.items()}},
        tensors,
    )
    start = process_time()
    assert constants.folded(program).calls == program.calls
    assert process_time() - start < 1


def _program(calls: list[Call], tensors: dict[str, Any]) -> Program:
    last = calls[-1].outputs[0]
    return Program("", "", "", tuple(calls), (), (("", last),), {}, tensors, parameters=frozenset(tensors))


def test_a_chain_of_constants_takes_time_by_its_length() -> None:
    tensors = {f"p{at}": np.ones((), np.float32) for at in range(10_000)}
    names = ["p0", *(f"x{at}" for at in range(1, 10_000))]
    chain = [
        Call("mul", {"self": Ref(before), "other": Ref(f"p{at}")}, (name,))
        for at, (before, name) in enumerate(pairwise(names), 1)
    ]
    start = process_time()
    origins = constants.folded(_program(chain, tensors)).origins
    assert origins["x1"] == {"p0", "p1"}
    assert all(found < tensors.keys() for found in origins.values())
    assert process_time() - start < 4


def test_changes_in_place_take_time_by_their_count() -> None:
    parts = [Call("view", {"self": Ref("x")}, (f"w{at}",)) for at in range(10_000)]
    changes = [Call("relu_", {"self": Ref(f"w{at}")}, (f"y{at}",)) for at in range(10_000)]
    names = ["x", *(f"y{at}" for at in range(10_000))]
    chain = [Call("relu_", {"self": Ref(before)}, (name,)) for before, name in pairwise(names)]
    start = process_time()
    with pytest.raises(ForeignError) as caught:
        without_changes(_program([*parts, *changes], {}))
    assert len(caught.value.diagnostics) == 9_999
    assert without_changes(_program(chain, {})).outputs == (("", "y9999"),)
    assert process_time() - start < 4


@needed
def test_weights_that_a_file_does_not_hold_are_bounded_before_they_are_written(tmp_path: Path) -> None:
    from onnx import helper, numpy_helper  # pyright: ignore

    x, y = helper.make_tensor_value_info("x", 1, [1, 2**15]), helper.make_tensor_value_info("y", 1, None)
    nodes = [helper.make_node("ConstantOfShape", ["s"], ["w"]), helper.make_node("MatMul", ["x", "w"], ["y"])]
    model = helper.make_graph(nodes, "made", [x], [y], [numpy_helper.from_array(np.array([2**15, 2**16]), "s")])
    (tmp_path / "net.onnx").write_bytes(helper.make_model(model).SerializeToString())
    target = tmp_path / "net.safetensors"
    done = command_line.run("import", str(tmp_path / "net.onnx"), "--weights", str(target))
    assert (done.status, done.out) == (1, "")
    assert "values of weights that the file does not hold: 2,147,483,648 are more than 1,073,741,824" in done.err
    assert not target.exists()


@needed
def test_a_model_larger_than_any_is_not_read(tmp_path: Path) -> None:
    with (tmp_path / "net.onnx").open("wb") as file:
        file.truncate(2**31)
    with pytest.raises(ForeignError, match="it has 2,147,483,648 bytes, and such a file 2,147,483,647 at most"):
        entry.read(tmp_path / "net.onnx")


def described(folder: Path, change: Any, repeated: int = 0) -> Path:
    """A .pt2 file with the description of its weights changed, and some members more of equal bytes."""
    (seed,) = [one for one in foreign_seeds.seeds(".pt2") if one.name == "recurrent"]
    path = folder / "net.pt2"
    with zipfile.ZipFile(io.BytesIO(seed.files[".pt2"])) as source, zipfile.ZipFile(path, "w") as target:
        for name in source.namelist():
            data = source.read(name)
            if name.endswith("weights_config.json"):
                said = json.loads(data)
                change(said["config"])
                data = json.dumps(said).encode()
            target.writestr(name, data)
        outer = target.namelist()[0].partition("/")[0]
        for number in range(repeated):
            target.writestr(f"{outer}/data/weights/more{number}", bytes(4000), zipfile.ZIP_DEFLATED)
    return path


def overlapping(config: Any) -> None:
    meta = config["top.weight"]["tensor_meta"]
    meta["sizes"], meta["strides"] = ([{"as_int": one} for one in dims] for dims in ((2**23, 6), (0, 1)))


def inflated(config: Any) -> None:
    for number, one in enumerate(config.values()):
        one["path_name"] = f"more{number}"
        one["tensor_meta"] |= {"sizes": [{"as_int": 1000}], "strides": [{"as_int": 1}]}


@pytest.mark.parametrize(
    ("change", "repeated", "words"),
    [(overlapping, 0, "its tensors show more values than it has"), (inflated, 30, "bytes, and may take")],
)
def test_tensors_are_no_more_than_their_file(change: Any, repeated: int, words: str, tmp_path: Path) -> None:
    with pytest.raises(ForeignError, match=words):
        entry.read(described(tmp_path, change, repeated))
