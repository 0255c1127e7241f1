"""Files for a GPU, where there is none: their answers by PyTorch's own operators, what they hold, and how they are run.

Nothing here says that anything is fast, or that a kernel of cuDNN runs.
"""

from __future__ import annotations

import importlib
import json
import sys
import time
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from types import ModuleType
from typing import Any, cast

import pytest
import torch
from torch import Tensor, nn

import netdsl
from netdsl import compile, runtime
from netdsl.bench.run import Unavailable
from netdsl.cli.main import main
from netdsl.compile.errors import TargetDeviceError
from netdsl.compile.target import Target
from netdsl.compile.targets import cudnn
from netdsl.compile.targets.cuda import Cuda
from netdsl.runtime import card, cuda

EPSILON = {"fp32": 2.0**-20, "tf32": 2.0**-20, "fp16": 2.0**-8, "bf16": 2.0**-5}
"""Bounds of errors, relative to the largest value: some times a rounding error. A CPU has no TF32."""
PROGRAMS = {
    "residual": """INPUT 10x12x3 -> CONV 8 3 p1 -> BN -> RELU -> [ CONV 8 3 p1 nobias -> BN | SKIP ] -> ADD -> RELU
-> CONV 8 3 p1 s2 -> RELU -> AVGPOOL 2 -> FC 6 -> RELU -> FC 5 -> SOFTMAX
""",
    "towers": """INPUT 16x16x4 -> CONV 16 3 p1 g2 -> RELU -> LRN -> MAXPOOL 2
-> [ CONV 8 1 -> RELU | CONV 8 3 p1 -> SIGMOID ] -> CONCAT -> LRN size=4 -> CONV 5 3 -> RELU -> FC 7
""",
    "vectors": "INPUT 12 -> FC 8 -> RELU -> FC 3 -> TANH",
    "rows": "INPUT 20x3 -> CONV 4 3 p1 -> RELU -> MAXPOOL 2 -> FC 3",
    "volumes": "INPUT 6x6x6x2 -> CONV 4 3 p1 -> RELU -> FC 3",
}


def load(path: Path) -> Any:
    return cast("Callable[[Path], Any]", torch.jit.load)(path)


def given(shaped: netdsl.Network, count: int = 2) -> list[Tensor]:
    generator = torch.Generator().manual_seed(1)
    sizes = [shaped.shaped.shapes[index] for index in shaped.shaped.graph.inputs]
    return [torch.randn(count, one.channels, *one.spatial, generator=generator) for one in sizes]


@pytest.mark.parametrize("name", list(PROGRAMS))
@pytest.mark.parametrize("precision", list(EPSILON))
def test_a_file_for_a_gpu_gives_the_networks_answers(name: str, precision: str, tmp_path: Path) -> None:
    network = netdsl.loads(PROGRAMS[name])
    portable, path = tmp_path / "portable.pt", tmp_path / "cuda.pt"
    compile.compile(network.shaped, portable)
    compile.compile(network.shaped, path, target=Target("cuda", precision, 2))
    for count in (1, 3):
        inputs = given(network, count)
        with torch.no_grad():
            wanted, found = load(portable)(*inputs), load(path)(*inputs)
        assert found.dtype == torch.float32
        assert found.is_contiguous()
        assert (found - wanted).abs().max() <= EPSILON[precision] * wanted.abs().max()
        torch.testing.assert_close(runtime.load(path)(*inputs), found, rtol=0, atol=float(2e-2 * wanted.abs().max()))


def test_several_inputs_and_outputs_keep_their_names(tmp_path: Path) -> None:
    network = netdsl.loads("""a: INPUT 8x8x3 -> c: CONV 8 3 p1 -> RELU
b: INPUT 8x8x8
c -> [ SKIP | b ] -> ADD -> d: RELU
d -> e: FC 4
output d, e
""")
    portable, path = tmp_path / "portable.pt", tmp_path / "cuda.pt"
    compile.compile(network.shaped, portable)
    compile.compile(network.shaped, path, target=Target("cuda", "bf16"))
    inputs = given(network)
    with torch.no_grad():
        wanted, found = load(portable)(*inputs), load(path)(*inputs)
    assert found._fields == wanted._fields == ("d", "e")
    for one, exact in zip(found, wanted, strict=True):
        assert one.dtype == torch.float32
        assert one.is_contiguous()
        assert (one - exact).abs().max() <= EPSILON["bf16"] * exact.abs().max()


def test_a_file_holds_channels_last_weights_in_its_precision_and_says_what_it_is_for(tmp_path: Path) -> None:
    path = tmp_path / "network.pt"
    compile.compile(netdsl.loads(PROGRAMS["residual"]).shaped, path, target=Target("cuda", "fp16", 64))
    tensors = dict(load(path).named_buffers())
    assert {one.dtype for one in tensors.values()} == {torch.float16}
    images = [one for one in tensors.values() if one.ndim == 4]
    assert len(images) == 3
    assert all(one.is_contiguous(memory_format=torch.channels_last) and not one.is_contiguous() for one in images)
    made = card(path)
    assert (made.target, made.precision, made.batch, made.devices) == ("cuda", "fp16", 64, {})


def test_relu_is_fused_in_half_precision_where_cudnn_surely_can() -> None:
    def fused(text: str, precision: torch.dtype = torch.float16) -> list[bool]:
        from netdsl import optimize
        from netdsl.compile import fuse
        from netdsl.compile.lower import lower
        from netdsl.compile.plan import Plan

        plan = Plan(netdsl.loads(text).shaped, train=False)
        made = fuse.lower(plan, optimize.optimized(plan.shaped), lower(plan), Cuda(precision))
        return [one.fused for one in made.modules() if isinstance(one, cudnn.Convolution)]

    assert fused("INPUT 8x8x3 -> CONV 8 3 -> RELU -> CONV 16 3 -> RELU") == [True, True]
    assert fused("INPUT 8x8x3 -> CONV 8 3 -> RELU", torch.float32) == [False]  # cuDNN's switch would have it be TF32
    assert fused("INPUT 8x8x8 -> CONV 8 3 g2 -> RELU -> CONV 6 3 -> RELU -> CONV 8 3 -> TANH") == [False] * 3


def test_the_fused_operators_are_called_as_pytorch_declares_them(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the module gives them is bound to their schemas, and does what cuDNN's documentation says."""
    called: list[str] = []

    def product(x: Tensor, weight: Tensor, bias: Tensor, *rest: Any) -> Tensor:
        stride, padding, dilation, groups = rest
        return torch.conv2d(x, weight, bias, stride, padding, dilation, groups)

    def product_relu(*given: Any) -> Tensor:
        called.append("relu")
        return product(*given).relu()

    def product_add_relu(x: Tensor, weight: Tensor, z: Tensor, alpha: float, *rest: Any) -> Tensor:
        called.append("add")
        return (product(x, weight, *rest) + alpha * z).relu()

    class Image(Tensor):
        is_cuda = True  # pyright: ignore[reportAssignmentType, reportIncompatibleMethodOverride, reportIncompatibleVariableOverride]

    for name, count in (("cudnn_convolution_relu", 7), ("cudnn_convolution_add_relu", 9)):
        (schema,) = [
            one
            for one in torch._C._jit_get_schemas_for_operator(f"aten::{name}")  # pyright: ignore[reportPrivateUsage]
            if not one.overload_name
        ]
        assert len(schema.arguments) == count
    monkeypatch.setattr(cudnn, "cudnn_convolution_relu", product_relu)
    monkeypatch.setattr(cudnn, "cudnn_convolution_add_relu", product_add_relu)
    base = nn.Conv2d(8, 8, 3, 2, 1)
    weights = base.weight.detach(), cast(Tensor, base.bias).detach()
    module = cudnn.Convolution(base, weights, nn.ReLU(), fused=True, tf32=False)
    x, other = torch.randn(2, 8, 6, 6), torch.randn(2, 8, 3, 3)
    for arguments in ((x,), (x, other)):
        wanted = module(*arguments)
        found = module(x.as_subclass(Image), *arguments[1:])
        torch.testing.assert_close(found.as_subclass(Tensor), wanted)
    assert called == ["relu", "add"]


@pytest.mark.parametrize("size", [1, 2, 5, 6])
def test_response_normalisation_is_pytorchs(size: int) -> None:
    norm = nn.LocalResponseNorm(size, 0.5, 0.6, 1.5)
    x = torch.randn(2, 7, 3, 4).contiguous(memory_format=torch.channels_last)
    found = cudnn.ResponseNorm(norm)(x)
    torch.testing.assert_close(found, norm(x))
    assert found.is_contiguous(memory_format=torch.channels_last)


def test_devices_must_be_of_the_targets_kind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    shaped = netdsl.loads("INPUT 4 -> FC 3").shaped
    with pytest.raises(TargetDeviceError, match="--target cuda has no layers on cpu; --target portable runs on any"):
        compile.compile(shaped, tmp_path / "x.pt", devices=["cpu"], target=Target("cuda", "fp16"))
    compile.compile(shaped, tmp_path / "x.pt", devices=["cpu"], target=Target("cpu"))
    path = tmp_path / "one.net"
    path.write_text("INPUT 4 -> FC 3\n")
    words = ["compile", str(path), "-o", str(tmp_path / "y.pt"), "--target", "cuda", "--devices", "cpu"]
    monkeypatch.setattr(sys, "argv", ["netdsl", *words])
    with pytest.raises(SystemExit) as ending:
        main()
    assert ending.value.code == 2
    assert "has no layers on cpu" in capsys.readouterr().err
    assert not (tmp_path / "y.pt").exists()


def test_a_file_with_devices_of_its_own_stays_on_them(tmp_path: Path) -> None:
    network, path = netdsl.load("alexnet_two_gpus", inputs=(67, 67, 3)), tmp_path / "two.pt"
    compile.compile(network.shaped, path, devices=["cpu", "cpu"])
    inputs = given(network)
    assert list(card(path).devices.values()) == ["cpu"]
    torch.testing.assert_close(runtime.load(path)(*inputs), load(path)(*inputs))
    with pytest.raises(RuntimeError, match="was compiled with --devices"):
        runtime.load(path, "cpu")


class Doubled(nn.Module):
    """A network of one output, or two."""

    def __init__(self) -> None:
        super().__init__()
        self.factor = nn.Parameter(torch.tensor(2.0))

    def forward(self, x: Tensor) -> Tensor:
        return x * self.factor


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, Any]]:
    """CUDA graphs that run again what was captured; gives the pairs of inputs and outputs that each holds."""
    held: list[tuple[Any, Any]] = []

    class Graph:
        def __init__(self) -> None:
            self.number = len(held)

        def replay(self) -> None:
            (x,), found = held[self.number]
            found.copy_(2 * x)

    for name in ("Stream", "current_stream"):
        monkeypatch.setattr(torch.cuda, name, lambda: type("Stream", (), {"wait_stream": lambda self, other: None})())
    monkeypatch.setattr(torch.cuda, "device", lambda device: nullcontext())
    monkeypatch.setattr(torch.cuda, "stream", lambda stream: nullcontext())
    monkeypatch.setattr(torch.cuda, "graph", lambda graph, **options: nullcontext())
    monkeypatch.setattr(torch.cuda, "CUDAGraph", Graph)
    monkeypatch.setattr(torch.backends.cudnn, "benchmark", False)
    return held


def scripted(held: list[tuple[Any, Any]], monkeypatch: pytest.MonkeyPatch) -> tuple[Any, list[int]]:
    """A module whose calls are counted, and of which the fake graphs know what they hold."""
    calls: list[int] = []

    def frozen(module: Any, inputs: Any) -> Any:
        def run(*inputs: Tensor) -> Tensor:
            calls.append(len(inputs[0]))
            found = module(*inputs)
            if len(calls) % (cuda._WARM + 1) == 0:  # pyright: ignore[reportPrivateUsage]
                held.append((inputs, found))
            return found

        return run

    monkeypatch.setattr(cuda, "_frozen", frozen)
    module = cast("Callable[[nn.Module], Any]", torch.jit.script)(Doubled())
    return module, calls


@torch.no_grad()
def test_each_size_of_input_is_captured_once(fake: list[tuple[Any, Any]], monkeypatch: pytest.MonkeyPatch) -> None:
    module, calls = scripted(fake, monkeypatch)
    run = cuda.prepare(module)
    first = run((torch.tensor([1.0, 2.0]),))
    second = run((torch.tensor([3.0, 4.0]),))
    assert first.tolist() == [2, 4]  # which the second call has left as it was
    assert second.tolist() == [6, 8]
    assert run((torch.tensor([5.0]),)).tolist() == [10]
    assert calls == [2] * 5 + [1] * 5
    assert torch.backends.cudnn.benchmark
    for size in range(3, 9):
        run((torch.ones(size),))
    assert len(calls) == 8 * 5
    assert run((torch.ones(20),)).tolist() == [2.0] * 20  # the ninth size
    assert len(calls) == 8 * 5 + 1


@torch.no_grad()
def test_what_cannot_be_captured_runs_directly(fake: list[tuple[Any, Any]], monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(graph: object, **options: object) -> object:
        raise RuntimeError("operation not permitted when stream is capturing")

    module, calls = scripted(fake, monkeypatch)
    monkeypatch.setattr(torch.cuda, "graph", refused)
    monkeypatch.setattr(torch.cuda, "synchronize", lambda: None)
    run = cuda.prepare(module)
    assert [run((torch.tensor([one]),)).item() for one in (1.0, 3.0)] == [2, 6]
    assert calls == [1] * (cuda._WARM + 2)  # pyright: ignore[reportPrivateUsage]
    monkeypatch.setattr(cuda, "devices", lambda module: {torch.device("cpu"), torch.device("meta")})
    assert cuda.prepare(module)((torch.tensor([1.0]),)).item() == 2


def test_a_named_tuple_stays_one_and_has_memory_of_its_own() -> None:
    from netdsl.compile.outputs import of

    found = of(["a", "b"])(torch.ones(2), torch.zeros(3))
    copied = cuda._copied(found)  # pyright: ignore[reportPrivateUsage]
    assert copied._fields == ("a", "b")
    assert copied.a.data_ptr() != found.a.data_ptr()
    assert copied.b.tolist() == [0, 0, 0]


@torch.no_grad()
def test_convolutions_go_without_fused_operators_where_these_fail(tmp_path: Path) -> None:
    path = tmp_path / "network.pt"
    network = netdsl.loads(PROGRAMS["residual"])
    compile.compile(network.shaped, path, target=Target("cuda", "fp16"))
    module, inputs = load(path).eval(), tuple(given(network))
    assert any(getattr(one, "fused", False) for one in module.modules() if one.original_name == "Convolution")
    assert cuda._unfuse(module)  # pyright: ignore[reportPrivateUsage]
    assert not cuda._unfuse(module)  # pyright: ignore[reportPrivateUsage]
    frozen = cuda._frozen(module, inputs)  # pyright: ignore[reportPrivateUsage]
    assert "cudnn_convolution" not in str(frozen.graph)
    torch.testing.assert_close(frozen(*inputs), load(path)(*inputs))


@pytest.fixture(scope="module")
def script() -> ModuleType:
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(Path(__file__).parents[1] / "benchmarks")
        return importlib.import_module("gpu")


def test_the_script_says_in_a_line_that_there_is_no_gpu(
    script: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(SystemExit) as ending:
        script.main([])
    assert ending.value.code == 2
    assert capsys.readouterr().err == "gpu.py: PyTorch finds no CUDA device here, so nothing was measured\n"


def test_the_script_compares_writes_and_names_what_there_was_no_time_for(
    script: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(script, "two_devices", lambda *devices: {"error": 0.0})
    small = tmp_path / "small.net"
    small.write_text('network "Small"\nINPUT 8x8x3 -> CONV 4 3 p1 -> RELU -> FC 5 -> SOFTMAX\n')
    options = ["--device", "cpu", "--precisions", "fp32,fp16", "--networks", str(small), "--batches", "1"]
    monkeypatch.setattr(script, "LEAST", 1e9)
    script.main([*options, "--against", "channels-last,compile", "--runs", "1", "--examples", "2", "-o", str(tmp_path)])
    data = json.loads((tmp_path / "gpu.json").read_text())
    (one,) = data["comparisons"]
    assert [row["name"] for row in one["contestants"]] == ["netdsl", "channels-last"]
    assert one["left_out"] == {"compile": "no time was left for it"}
    assert data["notes"][1] == f"{small}, batch 1, fp16: has no fp16 on cpu"
    assert "| Small | 1 | fp32 |" in (tmp_path / "gpu.md").read_text()
    with pytest.raises(SystemExit, match="nothing was measured"):
        script.main([*options, "--minutes", "0", "-o", str(tmp_path)])


def test_what_takes_too_long_is_ended(script: ModuleType) -> None:
    with pytest.raises(Unavailable, match="not ready within 0 s"), script.ended(0.01):
        time.sleep(5)
