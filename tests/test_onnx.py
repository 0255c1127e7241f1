"""Networks as ONNX models: what ONNX Runtime makes of them, their names and weights, and what does not go with them."""

from __future__ import annotations

import os
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from test_cli import Run, run  # noqa: F401 - `run` is a fixture
from test_compile_file import TEXT, shaped
from test_export import given

import netdsl
from netdsl import compile
from netdsl.compile import formats
from netdsl.compile.errors import ExportError, PackagesError, SizeError
from netdsl.compile.lower import lower
from netdsl.compile.plan import Plan
from netdsl.graph.node import ShapedGraph

PROGRAMS = Path(__file__).parent / "programs" / "valid"
written = pytest.mark.skipif(
    any(find_spec(name) is None for name in formats.FORMATS["onnx"].packages),
    reason="onnx or onnxscript: not installed (pip install 'netdsl[onnx]')",
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


def check(shaped: ShapedGraph, path: Path) -> None:
    """The file gives what the module gives at any batch size, by the names of the source."""
    compile.compile(shaped, path, format="onnx")
    plan = Plan(shaped, train=False)
    network = lower(plan, 0)
    for batch in (1, 3):
        values = given(plan, batch)
        with torch.no_grad():
            wanted = network(*values)
        wanted = [wanted] if isinstance(wanted, torch.Tensor) else [*wanted]
        found = ran(path, dict(zip(plan.dims(plan.inputs), values, strict=True)))
        assert [*found] == [*plan.dims(plan.outputs)]
        for one, other in zip(found.values(), wanted, strict=True):
            torch.testing.assert_close(one, other, rtol=1e-5, atol=1e-5)


@written
@pytest.mark.parametrize("text", [TEXT, NAMED, TWICE, VOLUMES], ids=["two heads", "named", "twice", "volumes"])
def test_onnx_runtime_gives_what_the_module_gives(text: str, tmp_path: Path) -> None:
    check(netdsl.loads(text).shaped, tmp_path / "net.onnx")


@written
@pytest.mark.parametrize("name", ["clips", "inputs", "merges", "norms", "transposed", "training_outputs"])
def test_so_it_does_for_any_kind_of_layer(name: str, tmp_path: Path) -> None:
    check(netdsl.load(PROGRAMS / f"{name}.net").shaped, tmp_path / "net.onnx")


@written
@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("INPUT 9x9x2 -> MAXPOOL to=4 -> FC 2", "adaptive_max_pool2d"),
        ("INPUT 7x7x2 -> MAXPOOL 2 s2 p1 ceil -> FC 2", "Inferred shape and existing shape differ"),
    ],
)
def test_what_onnx_has_no_operator_for_is_refused(text: str, reason: str, tmp_path: Path) -> None:
    network = netdsl.loads(text)
    with pytest.raises(ExportError, match=rf"torch\.onnx refuses the network: .*{reason}"):
        network.compile(tmp_path / "net.onnx")
    assert not list(tmp_path.iterdir())


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
        "error: an onnx file is written by onnx and onnxscript, which are not installed\n"
        "  = help: pip install 'netdsl[onnx]'\n"
    )
    with pytest.raises(PackagesError):
        netdsl.load("lenet5").compile("net.onnx")
    monkeypatch.setattr(formats, "find_spec", lambda name: None if name == "onnx" else SimpleNamespace())
    assert "is written by onnx, which is not installed" in run("compile", "lenet5", "-o", "net.onnx").err
    assert not os.listdir()


def test_what_a_file_cannot_hold_or_the_exporter_refuses_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    from netdsl.compile import onnx

    plan = Plan(shaped(), train=False)
    network = lower(plan, 0)

    def fail(*arguments: object, **options: object) -> None:
        raise RuntimeError("no rule for it\nand much more")

    monkeypatch.setattr("torch.onnx.export", fail)
    with pytest.raises(ExportError, match=r"^torch\.onnx refuses the network: no rule for it$"):
        onnx.model(network, plan)
    monkeypatch.setattr(onnx, "_MOST", 1000)
    with pytest.raises(SizeError, match=r"an onnx file holds 1\.00 KB, and the weights take "):
        onnx.model(network, plan)


@written
def test_run_says_what_such_a_file_is_for(run: Run) -> None:  # noqa: F811
    run("compile", "lenet5", "-o", "net.onnx")
    result = run("run", "net.onnx", "a.png")
    assert result.status == 2
    assert result.err.startswith("error: net.onnx is for ONNX, and not TorchScript")


def test_each_format_has_a_suffix_of_its_own() -> None:
    assert [*formats.SUFFIXES] == [one.suffix for one in formats.FORMATS.values()]
