"""Networks as ONNX models: what ONNX Runtime makes of them, their names and weights, and what does not go with them."""

from __future__ import annotations

import os
import re
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import torch
from test_cli import Run, run  # noqa: F401 - `run` is a fixture
from test_compile_file import TEXT, shaped
from test_export import given
from test_layers_torch import CASES, names

import netdsl
from netdsl import compile
from netdsl.compile import formats, onnx
from netdsl.compile.errors import ExportError, PackagesError, SizeError
from netdsl.compile.lower import lower
from netdsl.compile.onnx import exporter, operators
from netdsl.compile.plan import Plan
from netdsl.compile.targets import inside
from netdsl.graph.node import ShapedGraph
from netdsl.layers.activation import ParametricRelu
from netdsl.layers.base import Layer

PROGRAMS = Path(__file__).parent / "programs" / "valid"
NETWORKS = PROGRAMS.parent.parent.parent / "networks"
LARGE = "alexnet.*|c3d|fcn.*|inception_.*|.*res.*(34|50|101|152).*|siamese|vgg.*|zfnet|unet|convnext.*|densenet.*"
"""Networks that take their time, of layers that others have too."""
FILES = [*NETWORKS.glob("*.net"), *PROGRAMS.glob("*.net")]
SMALL = sorted(path for path in FILES if not re.fullmatch(LARGE, path.stem))
written = pytest.mark.skipif(
    any(find_spec(name) is None for name in formats.FORMATS["onnx"].packages),
    reason="onnx: not installed (pip install 'netdsl[onnx]')",
)
NAMED = """network "Named as the exporter names values"
relu: INPUT 8x8x3 -> CONV 4 3 -> BN -> conv2d: RELU -> MAXPOOL 2
-> getitem: FC 5 -> linear: SOFTMAX
"""
TWICE = """network "One value under two names, and an input that is an output"
a: INPUT 8x8x3 -> CONV 4 3 -> relu: RELU -> d: DROPOUT
relu -> getitem: FC 3
output a, relu, d, getitem
"""
VOLUMES = "INPUT 6x6x6x2 -> CONV 4 3 nobias -> CONV 3 3x1x1 -> DECONV 2 2 s2 nobias -> FC 2"


def ran(path: Path, inputs: dict[str, Any]) -> dict[str, torch.Tensor]:
    """The outputs of a file by name, from ONNX Runtime."""
    runtime: Any = pytest.importorskip("onnxruntime")
    session = runtime.InferenceSession(path, providers=["CPUExecutionProvider"])
    names = [one.name for one in session.get_outputs()]
    found = session.run(names, {name: one.numpy() for name, one in inputs.items()})
    return {name: torch.as_tensor(one) for name, one in zip(names, found, strict=True)}


def check(shaped: ShapedGraph, path: Path, batches: tuple[int, ...] = (1, 3)) -> None:
    """The file gives what the module gives at any batch size, by the names of the source."""
    from onnx.checker import check_model  # pyright: ignore

    compile.compile(shaped, path, format="onnx")
    check_model(path, full_check=True)
    plan = Plan(shaped, train=False)
    network = lower(plan, 0)
    for batch in batches:
        values = given(plan, batch)
        with torch.no_grad():
            wanted = network(*values)
        wanted = [wanted] if isinstance(wanted, torch.Tensor) else [*wanted]
        found = ran(path, dict(zip(plan.dims(plan.inputs), values, strict=True)))
        assert [*found] == [*plan.dims(plan.outputs)]
        for one, other in zip(found.values(), wanted, strict=True):
            torch.testing.assert_close(one, other, rtol=0, atol=1e-5 * max(other.abs().max().item(), 1e-6))


@written
@pytest.mark.parametrize("text", [TEXT, NAMED, TWICE, VOLUMES], ids=["two heads", "named", "twice", "volumes"])
def test_onnx_runtime_gives_what_the_module_gives(text: str, tmp_path: Path) -> None:
    check(netdsl.loads(text).shaped, tmp_path / "net.onnx")


@written
@pytest.mark.parametrize(("dims", "text"), CASES, ids=names(CASES))
def test_so_it_does_for_every_layer(dims: str, text: str, tmp_path: Path) -> None:
    check(netdsl.loads(f"INPUT {dims} -> {text}").shaped, tmp_path / "net.onnx")


@written
@pytest.mark.parametrize("path", SMALL, ids=lambda path: path.stem)
def test_so_it_does_for_programs_and_bundled_networks(path: Path, tmp_path: Path) -> None:
    check(netdsl.load(path).shaped, tmp_path / "net.onnx", (2,))


@written
@pytest.mark.parametrize(
    "text",
    [
        "INPUT 9x9x2 -> MAXPOOL to=4 -> FC 2",
        "INPUT 9x5x2 -> AVGPOOL to=4x5",
        "INPUT 7x7x2 -> MAXPOOL 2 s2 p1 ceil",
        "INPUT 8x6x2 -> AVGPOOL 3x2 s2 p1 ceil",
        "INPUT 8x6x2 -> AVGPOOL 3x2 s2 p1 ceil exclude_pad",
        "INPUT 7x4 -> AVGPOOL 2 same -> UPSAMPLE to=7 mode=bilinear -> PIXELSHUFFLE 2 order=dcr",
        "INPUT 4x4x4x3 -> LRN size=3 -> AVGPOOL 3 s2 p1 ceil -> LN -> UPSAMPLE to=5x7x6 -> SHUFFLE 3",
        "INPUT 8x4x3 -> LN -> PIXELUNSHUFFLE 2 order=swin -> LN -> PIXELUNSHUFFLE 2 order=dcr -> LN",
        "INPUT 9 -> LRN size=4 -> GN 3 -> PRELU per_channel -> SHUFFLE 3 -> LN noaffine -> SCALE bias -> FLATTEN",
    ],
)
def test_what_onnx_rounds_pads_or_lays_out_otherwise_is_said_by_other_operators(text: str, tmp_path: Path) -> None:
    check(netdsl.loads(text).shaped, tmp_path / "net.onnx")


@written
def test_a_layer_is_an_operator_of_its_path_with_scopes_before_slashes() -> None:
    network = netdsl.loads(
        "block unit(n) = CONV n 3 p1 -> BN -> SILU\nINPUT 8x8x3 -> stem: unit(4) x2 -> LN -> fc: FC 2"
    )
    plan = Plan(network.shaped, train=False)
    made = onnx.model(lower(plan, 0), plan)
    copies = [f"stem/{copy}/{one}" for copy in (1, 2) for one in ("conv1", "bn1", "silu1/Sigmoid", "silu1/Mul")]
    norm = [f"ln1/{one}" for one in ("Transpose", "LayerNormalization", "Transpose_2")]
    assert [one.name for one in made.graph.node] == [*copies, *norm, "fc/Flatten", "fc/Gemm"]
    assert made.graph.node[0].doc_string == "CONV 4 3 p1"
    assert [one.output[0] for one in made.graph.node][3:5] == ["stem.1.silu1", "stem.2.conv1"]
    assert {one.name for one in made.graph.initializer} >= {"stem.1.conv1.weight", "stem.2.bn1.running_var", "fc.bias"}
    shapes = {one.name: [dim.dim_value for dim in one.type.tensor_type.shape.dim] for one in made.graph.value_info}
    assert shapes["stem.2.silu1"] == [0, 4, 8, 8]
    assert [(one.domain, one.version) for one in made.opset_import] == [("", formats.OPSET)]


@written
def test_what_computes_in_half_precision_does_so_in_the_model() -> None:
    runtime: Any = pytest.importorskip("onnxruntime")
    plan = Plan(
        netdsl.loads("INPUT 8x8x3 -> CONV 4 3 -> LRN size=4 -> RELU6 -> LN -> FC 5 -> SOFTMAX").shaped, train=False
    )
    network, x = lower(plan, 0), torch.randn(2, 3, 8, 8)
    wanted = network(x).detach()
    inside.convert(network, torch.float16, {"conv1", "fc1"}, {"lrn1"})
    made = onnx.model(network, plan)
    session = runtime.InferenceSession(made.SerializeToString(), providers=["CPUExecutionProvider"])
    (found,) = session.run(None, {"input1": x.numpy()})
    torch.testing.assert_close(torch.as_tensor(found), wanted, rtol=0, atol=1e-3)
    casts = [one.name for one in made.graph.node if one.op_type == "Cast"]
    assert casts == ["input1/float16", "conv1/float32", "lrn1/float16", "fc1/float32"]


@written
def test_no_two_transposes_follow_each_other() -> None:
    text = "INPUT 8x8x3 -> LN -> LN -> GELU -> [ LN -> TIMES 2 | SKIP ] -> ADD -> LN"
    plan = Plan(netdsl.loads(text).shaped, train=False)
    kinds = [one.op_type for one in onnx.model(lower(plan, 0), plan).graph.node]
    norm = "LayerNormalization"
    assert kinds == ["Transpose", norm, norm, "Gelu", norm, "Mul", "Add", norm, "Transpose"]


@written
def test_a_file_has_the_weights_of_its_seed_and_tells_of_its_network(tmp_path: Path) -> None:
    from onnx import load, numpy_helper  # pyright: ignore

    path = tmp_path / "net.onnx"
    compile.compile(shaped(), path, format="onnx", seed=3)
    model: Any = load(path)
    weights = {one.name: numpy_helper.to_array(one) for one in model.graph.initializer}
    wanted = dict(compile.module(shaped(), train=False, seed=3).named_parameters())
    assert wanted.keys() <= weights.keys()
    assert all(torch.equal(torch.as_tensor(weights[name].copy()), one) for name, one in wanted.items())
    texts = {one.key: one.value for one in model.metadata_props}
    assert (texts["source.net"], texts["title.txt"]) == (TEXT, "Two heads")
    assert {one.type.tensor_type.shape.dim[0].dim_param for one in model.graph.input} == {"batch"}
    data = path.read_bytes()
    compile.compile(shaped(), path, format="onnx", seed=3)
    assert path.read_bytes() == data
    assert str(Path(torch.__file__).parent).encode() not in data


@written
def test_the_command_and_python_write_it(run: Run) -> None:  # noqa: F811
    result = run("compile", "lenet5", "-o", "lenet5.onnx")
    assert (result.status, result.err) == (0, "")
    assert result.out.startswith("lenet5.onnx: LeNet-5, 60,000 parameters, 2")
    assert netdsl.load("lenet5").compile("again.onnx") == Path("again.onnx")
    assert Path("again.onnx").read_bytes() == Path("lenet5.onnx").read_bytes()


@pytest.mark.parametrize(
    ("options", "what"),
    [
        ("--mode train", "for inference alone"),
        ("--target cpu", "portable, and made for no target"),
        ("--devices cpu", "of no device"),
    ],
)
def test_what_does_not_go_with_it_is_a_usage_error(run: Run, options: str, what: str) -> None:  # noqa: F811
    result = run("compile", "lenet5", "-o", "net.onnx", *options.split())
    assert (result.status, result.out) == (2, "")
    assert result.err == f"error: an onnx file is {what}\n  = help: write --format torchscript for {options}\n"
    assert not os.listdir()


def test_what_is_not_installed_is_told_before_anything_is_made(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: F811
    monkeypatch.setattr(formats, "find_spec", lambda name: None)
    result = run("compile", "lenet5", "-o", "net.onnx")
    assert result.status == 2
    assert result.err == (
        "error: an onnx file is written by onnx, which is not installed\n  = help: pip install 'netdsl[onnx]'\n"
    )
    with pytest.raises(PackagesError):
        netdsl.load("lenet5").compile("net.onnx")
    assert not os.listdir()


@pytest.fixture
def ruleless(monkeypatch: pytest.MonkeyPatch) -> ShapedGraph:
    """A network with a layer that has no rule of its own, as one of a package."""
    if find_spec("onnxscript") is None:
        pytest.skip("onnxscript: not installed (pip install 'netdsl[onnx]')")
    monkeypatch.setitem(operators.onnx._found, ParametricRelu, operators.onnx._rules[Layer])
    return netdsl.loads("INPUT 6x6x3\n-> body: ( CONV 4 3 -> PRELU per_channel ) x2 -> FC 2", name="a.net").shaped


@written
def test_a_layer_without_a_rule_is_what_pytorch_makes_of_it(ruleless: ShapedGraph, tmp_path: Path) -> None:
    from onnx import load  # pyright: ignore

    check(ruleless, tmp_path / "net.onnx")
    graph = load(tmp_path / "net.onnx").graph
    assert {"body/1/prelu1/PRelu", "body/2/conv1"} <= {one.name for one in graph.node}
    assert "body.2.prelu1.weight" in {one.name for one in graph.initializer}


@written
def test_what_pytorch_cannot_write_of_it_is_refused_with_its_place(
    ruleless: ShapedGraph, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*arguments: object, **options: object) -> None:
        raise RuntimeError("no operator for it\nand much more")

    monkeypatch.setattr("torch.onnx.export", fail)
    what = r"PReLU at body\.1\.prelu1 \(PRELU per_channel, a\.net:2:24\): no operator for it"
    with pytest.raises(ExportError, match=rf"^torch\.onnx refuses {what}$"):
        compile.compile(ruleless, tmp_path / "net.onnx", format="onnx")
    monkeypatch.setattr(exporter, "find_spec", lambda name: None)
    with pytest.raises(PackagesError, match="is written by onnxscript, which is not installed"):
        compile.compile(ruleless, tmp_path / "net.onnx", format="onnx")
    assert not list(tmp_path.iterdir())


def test_what_a_file_cannot_hold_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("netdsl.compile.onnx.file._MOST", 1000)
    plan = Plan(shaped(), train=False)
    with pytest.raises(SizeError, match=r"an onnx file holds 1\.00 KB, and the weights take "):
        onnx.model(lower(plan, 0), plan)


@written
def test_run_says_what_such_a_file_is_for(run: Run) -> None:  # noqa: F811
    run("compile", "lenet5", "-o", "net.onnx")
    result = run("run", "net.onnx", "a.png")
    assert result.status == 2
    assert result.err.startswith("error: net.onnx is for ONNX, and not TorchScript")


def test_each_format_has_a_suffix_of_its_own() -> None:
    assert [*formats.SUFFIXES] == [one.suffix for one in formats.FORMATS.values()]
