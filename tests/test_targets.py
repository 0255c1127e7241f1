"""Files for a CPU: what they give, at other sizes and in other hands, and what they are."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from copy import deepcopy
from functools import cache, cached_property
from pathlib import Path
from typing import Any, cast

import pytest
import torch
from safetensors.torch import save_file
from test_optimize import PROGRAMS, SMALL, ZOO
from torch import Tensor, fx, nn

import netdsl
from netdsl import compile, runtime
from netdsl.bench.calibrate import calibrate
from netdsl.bench.errors import Errors, errors
from netdsl.bench.examples import examples
from netdsl.bench.run import tensors
from netdsl.cli.main import main
from netdsl.compile.errors import CompileError
from netdsl.compile.lower import lower
from netdsl.compile.plan import Plan
from netdsl.compile.target import Target
from netdsl.compile.targets import inside
from netdsl.compile.targets.packed import Convolution, Pixels
from netdsl.compile.targets.winograd import WinogradRows, WinogradTiles
from netdsl.graph.node import ShapedGraph
from netdsl.measure.summary import Summary
from netdsl.runtime import memory
from netdsl.runtime.file import VERSION

EPSILON = 2.0**-8
"""What rounding to bfloat16 changes at most, relative to the number."""
SEVERAL = Path(__file__).parent / "programs" / "valid"
SLOW = {
    "c3d",
    "convnext_tiny",
    "densenet_121",
    "efficientnet_b0",
    "mobilenet_v1",
    "mobilenet_v2",
    "mobilenet_v3_large",
    "resnext50_32x4d",
    "se_resnet50",
    "siamese",
    "wavenet",
    "squeezenet",
    "unet",
    "vgg_field",
    "inception_v3",
    "nin",
    "resnet50",
    "vgg11",
}
"""Networks that take long, and have no layer that the others have not."""
NETWORKS: dict[str, tuple[int, ...] | None] = {
    **{path.stem: SMALL.get(path.stem) for path in PROGRAMS if path.stem not in SLOW},
    **{name: size for name, size in ZOO.items() if name not in SLOW},
}


def network(name: str, inputs: tuple[int, ...] | None = None) -> ShapedGraph:
    path = SEVERAL / f"{name}.net"
    return netdsl.load(path if path.exists() else name, inputs=inputs).shaped


def load(path: Path) -> torch.jit.ScriptModule:
    return cast("torch.jit.ScriptModule", torch.jit.load(path))  # pyright: ignore[reportUnknownMemberType]


class Made:
    """A network with weights fitted to its inputs, and files of it."""

    def __init__(self, shaped: ShapedGraph, folder: Path, count: int = 3) -> None:
        self.shaped, self.folder, self.plan = shaped, folder, Plan(shaped, train=False)
        self.module: fx.GraphModule = lower(self.plan, 0)
        generator = torch.Generator().manual_seed(0)
        inputs = [examples(8, shaped.shapes[index].dims, generator) for index in self.plan.inputs]
        calibrate(self.module, inputs)
        self.inputs = [one[:count] for one in inputs]
        self.files: dict[tuple[str, int], Path] = {}
        self.weights = folder / "weights.safetensors"
        save_file({name: one.contiguous() for name, one in self.module.state_dict().items()}, self.weights)

    def exact(self, inputs: Sequence[Tensor] | None = None) -> Sequence[Tensor]:
        given = [one.double() for one in (self.inputs if inputs is None else inputs)]
        return tensors(deepcopy(self.module).double())(given)

    @cached_property
    def wanted(self) -> Sequence[Tensor]:
        """What float64 gives for its inputs."""
        return self.exact()

    @cached_property
    def rounded(self) -> Errors:
        """How far the module in bfloat16 is from that."""
        return errors(tensors(self.lower())(self.inputs), self.wanted)

    def file(self, precision: str = "fp32", batch: int = 2) -> Path:
        """A file of it, which is made once."""
        key = precision, batch
        if key not in self.files:
            self.files[key] = self.folder / f"{precision}_{batch}.pt"
            target = Target("cpu", precision, batch)
            compile.compile(self.shaped, self.files[key], weights=self.weights, target=target)
        return self.files[key]

    def lower(self) -> fx.GraphModule:
        """The module in bfloat16."""
        network = deepcopy(self.module)
        nodes = {path: self.shaped.input_shapes(index) for path, index in Plan(self.shaped, train=False).owners.items()}
        runs = [path for path in nodes if inside.runs(network.get_submodule(path), nodes[path], torch.bfloat16)]
        inside.convert(network, torch.bfloat16, runs, nodes.keys() - set(runs))
        return network


def made(text: str, folder: Path, count: int = 3) -> Made:
    return Made(netdsl.loads(text).shaped, folder, count)


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Made]:
    """Networks by name, each of which is made and compiled once for all tests that run in this process."""

    @cache
    def prepare(name: str) -> Made:
        return Made(network(name, NETWORKS[name]), tmp_path_factory.mktemp(name))

    return prepare


def third(module: Any, inputs: Sequence[Tensor]) -> Sequence[Tensor]:
    """What a module gives in its third call, for which TorchScript has made other code than for the first."""
    run = tensors(module)
    first, _, found = run(inputs), run(inputs), run(inputs)
    assert errors(found, [one.double() for one in first]).maximum < 1e-5
    return found


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """With maps as small as these, threads wait for each other more than they compute."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


settle = memory.settle


@pytest.fixture(autouse=True)
def pages_as_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    """Large pages for the memory of all tests so far would take longer than the tests."""
    monkeypatch.setattr(memory, "settle", lambda: None)


@pytest.fixture
def fused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the runtime fuse what can be fused, where it would else take what is faster."""
    monkeypatch.setattr("netdsl.runtime.cpu._faster", lambda *_: False)  # pyright: ignore[reportUnknownLambdaType]


@pytest.mark.parametrize("name", NETWORKS)
def test_a_file_gives_what_the_module_gives(name: str, prepared: Callable[[str], Made]) -> None:
    one = prepared(name)
    found = third(load(one.file()), one.inputs)
    assert [a.shape for a in found] == [a.shape for a in one.wanted]
    assert all(a.dtype == torch.float32 and a.is_contiguous() for a in found)
    assert errors(found, one.wanted).maximum < 1e-4
    found = third(load(one.file("bf16")), one.inputs)
    assert all(a.dtype == torch.float32 and a.is_contiguous() for a in found)
    assert as_near(errors(found, one.wanted), one.rounded)


def as_near(found: Errors, of_torch: Errors) -> bool:
    """Whether errors in bfloat16 are hardly larger than PyTorch's."""
    return all(getattr(found, name) < 1.5 * getattr(of_torch, name) + EPSILON for name in ("maximum", "mean"))


RUN = (
    "alexnet_towers",
    "attention",
    "clips",
    "convolutions",
    "forks",
    "groups",
    "inputs",
    "merges",
    "norms",
    "order",
    "outputs",
)
RUN += ("shared", "signals", "tables", "transposed", "vectors", "googlenet", "lenet5", "resnet18")


@pytest.mark.usefixtures("fused")
@pytest.mark.parametrize("name", RUN)
def test_the_runtime_gives_what_the_module_gives(name: str, prepared: Callable[[str], Made]) -> None:
    one = prepared(name)
    assert errors(third(runtime.load(one.file()), one.inputs), one.wanted).maximum < 1e-4
    assert as_near(errors(third(runtime.load(one.file("bf16")), one.inputs), one.wanted), one.rounded)


WIDE = "CONV 256 3 p1 -> RELU -> y: CONV 256 3 p1 -> z: CONV 256 3 p1 -> [ y | z ] -> ADD -> RELU"
ODD = {
    "norm first": "INPUT 9x9x7 -> LRN -> CONV 8 3 -> LRN size=4 alpha=1 beta=0.5 k=2 -> CONV 4 3 -> LRN size=3",
    "norm of a vector": "INPUT 12 -> FC 8 -> LRN -> FC 4",
    "input out": "a: INPUT 6x6x3 -> b: CONV 4 3 p1 -> RELU -> c: FC 3\noutput a, b, c",
    "no product": "INPUT 8x8x4 -> MAXPOOL 2 -> RELU -> SOFTMAX",
    "input twice": "x: INPUT 6x6x4 -> CONV 4 3 p1 -> [ SKIP | x ] -> ADD -> RELU -> [ SKIP | x ] -> CONCAT",
    "add and nothing": "x: INPUT 6x6x4 -> CONV 4 3 p1 -> [ SKIP | x ] -> ADD -> LEAKYRELU 0.1 -> FC 3 -> GELU",
    "add and gelu": "x: INPUT 6x6x4 -> CONV 4 3 p1 -> [ SKIP | x ] -> ADD -> GELU -> FC 4 -> SILU -> FC 2 -> TANH",
    "sum over a wide one": "INPUT 27x27x8 -> a: CONV 128 1 -> [ CONV 256 3 p1 | CONV 256 1 ] -> ADD -> CONV 4 1",
    "sum over a narrow one": "INPUT 27x27x8 -> a: CONV 128 1 -> [ CONV 256 1 | CONV 256 3 p1 ] -> ADD -> CONV 4 1",
    "sums over sums": "block u() = [ CONV 8 1 -> RELU -> CONV 8 1 | SKIP ] -> ADD\nINPUT 7x5x3 -> CONV 8 3 -> u() x2",
    "wide": f"INPUT 27x28x8 -> CONV 128 1 -> {WIDE}",
    "narrow": "INPUT 29x28x64 -> x: CONV 64 3 p1 -> RELU -> CONV 96 3 p1 -> [ SKIP | x -> CONV 96 1 ] -> ADD",
    "long": "INPUT 13x13x96 -> CONV 96 5 p2 -> RELU -> [ CONV 96 5 p2 | SKIP ] -> ADD -> RELU -> CONV 4 5x5",
}


@pytest.mark.usefixtures("fused")
@pytest.mark.parametrize("text", ODD.values(), ids=list(ODD))
def test_an_odd_network_gives_what_its_module_gives(text: str, tmp_path: Path) -> None:
    one = made(text, tmp_path)
    for load_ in (load, runtime.load):
        assert errors(third(load_(one.file()), one.inputs), one.wanted).maximum < 1e-5
        found = errors(third(load_(one.file("bf16")), one.inputs), one.wanted)
        assert found.maximum < 1.5 * one.rounded.maximum + EPSILON


CONVOLUTIONAL = """
block unit(n) = [ CONV n 1 -> RELU -> CONV n 3 p1 | SKIP ] -> ADD -> RELU
INPUT 16x16x3 -> CONV 128 3 p1 -> RELU -> MAXPOOL 2 -> unit(128) -> CONV 256 3 p1 -> RELU -> CONV 256 3 p1 -> LRN
-> DWCONV 3 -> RELU6 -> CONV 5 1
"""


@pytest.mark.usefixtures("fused")
@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_other_sizes_than_a_file_is_made_for(precision: str, tmp_path: Path) -> None:
    one = made(CONVOLUTIONAL, tmp_path)
    path = one.file(precision, batch=2)
    alike = tensors(one.module if precision == "fp32" else one.lower())
    for module in (load(path), runtime.load(path)):
        for size in ((2, 16, 16), (1, 16, 16), (5, 16, 16), (2, 21, 23), (1, 6, 7)):
            inputs = [examples(size[0], (*size[1:], 3), torch.Generator().manual_seed(1))]
            exact = one.exact(inputs)
            found = errors(third(module, inputs), exact)
            assert found.maximum < 1.5 * errors(alike(inputs), exact).maximum + (
                1e-5 if precision == "fp32" else EPSILON
            )


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_no_examples_give_no_outputs(precision: str, tmp_path: Path) -> None:
    one = made(CONVOLUTIONAL, tmp_path)
    path = one.file(precision)
    for module in (load(path), runtime.load(path)):
        for _ in range(3):
            (found,) = tensors(module)([torch.zeros(0, 3, 16, 16)])
            assert found.shape == (0, 5, 6, 6)


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_memory_formats_of_an_input(precision: str, tmp_path: Path) -> None:
    one = made(CONVOLUTIONAL, tmp_path)
    path = one.file(precision)
    (x,) = one.inputs
    forms = [
        x.contiguous(memory_format=torch.channels_last),
        x.transpose(2, 3).contiguous().transpose(2, 3),
        torch.cat([x, x], 1)[:, 3:],
        x[0:1].expand(3, -1, -1, -1),
    ]
    for module in (load(path), runtime.load(path)):
        run = tensors(module)
        for form in forms:
            before = form.clone()
            (wanted,), (found,) = run([form.contiguous()]), run([form])
            assert torch.allclose(found, wanted, atol=1e-6)
            assert torch.equal(form, before)


@pytest.mark.parametrize("name", ["norms", "resnet18"])
def test_an_input_is_left_as_it_was(name: str, tmp_path: Path) -> None:
    one = Made(network(name, NETWORKS[name]), tmp_path)
    given = [x.contiguous(memory_format=torch.channels_last) if x.dim() == 4 else x for x in one.inputs]
    before = [x.clone() for x in given]
    third(load(one.file()), given)
    assert all(map(torch.equal, given, before))


def loaded(module: nn.Module) -> Any:
    """A module in the state that loading a file gives it."""
    cast("Any", module).__setstate__(cast("Any", module).__getstate__())
    return module


@pytest.mark.parametrize("block", [2**17, 2**12, 2**9])
@pytest.mark.parametrize("size", [(1, 8, 8), (2, 7, 9), (3, 1, 1), (1, 2, 13), (5, 6, 5)])
@pytest.mark.parametrize("kind", [WinogradTiles, WinogradRows])
def test_winograds_convolution(
    kind: type[WinogradTiles | WinogradRows], size: tuple[int, int, int], block: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kind, "BLOCK", block)
    generator = torch.Generator().manual_seed(0)
    channels, filters = 32, 48
    weight = torch.randn(filters, channels, 3, 3, generator=generator) / (9 * channels) ** 0.5
    count, height, width = size
    for bias in (torch.zeros(filters), torch.randn(filters, generator=generator)):
        for attr in ("none", "relu"):
            module = loaded(kind((weight, bias), [count, channels, height, width], attr))
            for more, high, wide in ((0, 0, 0), (1, 0, 0), (2, 3, 0), (0, 1, 2), (0, 6, 5)):
                x = torch.randn(count + more, channels, height + high, width + wide, generator=generator)
                other = torch.randn(count + more, filters, height + high, width + wide, generator=generator)
                for added in (None, other, other.contiguous(memory_format=torch.channels_last)):
                    wanted = torch.conv2d(x.double(), weight.double(), bias.double(), 1, 1)
                    wanted = wanted if added is None else wanted + added.double()
                    wanted = wanted.relu() if attr == "relu" else wanted
                    for given in (x, x.contiguous(memory_format=torch.channels_last)):
                        found = module(given, added)
                        assert float((found.double() - wanted).abs().max()) < 1e-5


@pytest.mark.parametrize("kind", [WinogradTiles, WinogradRows])
def test_winograds_weights_can_be_had_back(kind: type[WinogradTiles | WinogradRows]) -> None:
    weight, bias = torch.randn(64, 48, 3, 3), torch.randn(64)
    module = loaded(kind((weight, bias), [1, 48, 9, 9], "none"))
    assert module.packed
    assert module.weight.shape != weight.shape
    back, same, *_ = module.__getstate__()
    assert float((back - weight).abs().max()) < 1e-6
    assert torch.equal(same, bias)


def test_winograds_convolution_is_for_many_channels_and_tiles() -> None:
    assert WinogradTiles.pays(256, 256, 28 * 28)
    assert WinogradTiles.pays(512, 512, 7 * 7)
    assert not WinogradTiles.pays(256, 256, 7 * 7)
    assert not WinogradTiles.pays(3, 64, 112 * 112)
    assert not WinogradTiles.pays(64, 64, 28 * 28)
    assert not WinogradTiles.pays(512, 512, 1)
    assert not WinogradTiles.pays(250, 256, 28 * 28)
    assert WinogradRows.pays(64, 64, 28 * 28)
    assert WinogradRows.pays(96, 208, 8 * 7 * 7)
    assert not WinogradRows.pays(96, 208, 7 * 7)
    assert not WinogradRows.pays(3, 64, 112 * 112)
    assert not WinogradRows.pays(72, 64, 28 * 28)


def test_a_convolution_in_parts_rounds_less(tmp_path: Path) -> None:
    one = made("INPUT 13x13x256 -> CONV 64 5 p2", tmp_path)
    exact = one.exact()
    in_parts = load(one.file())
    kinds = [getattr(module, "original_name", "") for module in in_parts.modules()]
    assert kinds.count("Convolution") == 8
    conv = cast("nn.Conv2d", one.module.get_submodule("conv1"))
    whole = loaded(
        Convolution(conv, (conv.weight.detach(), cast("Tensor", conv.bias).detach()), [1, 256, 13, 13], "none")
    )
    x = one.inputs[0].contiguous(memory_format=torch.channels_last)
    assert errors(third(in_parts, one.inputs), exact).mean < 0.7 * errors([whole(x)], exact).mean


@pytest.mark.parametrize("count", [1, 3])
def test_a_linear_layer_whose_pixels_are_examples(count: int) -> None:
    weight, bias, x, other = torch.randn(7, 48), torch.randn(7), torch.randn(count, 12, 2, 2), torch.randn(count, 7)
    module = loaded(Pixels((weight, bias), 1, "relu"))
    wanted = torch.nn.functional.linear(x.flatten(1), weight, bias).relu()
    assert torch.allclose(module(x), wanted, atol=1e-5)
    assert torch.equal(module.__getstate__()[0], weight)
    plain = loaded(Pixels((weight, bias), 1, "none"))
    assert torch.allclose(plain(x, other), torch.nn.functional.linear(x.flatten(1), weight, bias) + other, atol=1e-5)


def test_memory_settles_or_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    tensor = torch.arange(2**22)
    settle()
    assert torch.equal(tensor, torch.arange(2**22))
    asked: list[int] = []
    monkeypatch.setattr(memory, "_regions", lambda: asked.append(1) or iter(()))
    monkeypatch.setattr("sys.platform", "darwin")
    settle()
    assert not asked


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_a_file_can_be_saved_again(precision: str, tmp_path: Path) -> None:
    one = made(ODD["wide"], tmp_path)
    first = load(one.file(precision))
    packs = [cast("Any", module).packed for module in first.modules() if hasattr(module, "packed")]
    assert len(packs) == 4
    assert all(packs)
    kinds = [getattr(module, "original_name", "") for module in first.modules()]
    assert kinds.count("WinogradTiles") == (3 if precision == "fp32" else 0)
    wanted = third(first, one.inputs)
    torch.jit.save(first, tmp_path / "again.pt")  # pyright: ignore[reportUnknownMemberType]
    found = third(load(tmp_path / "again.pt"), one.inputs)
    assert errors(found, [x.double() for x in wanted]).maximum < 1e-5


@pytest.mark.usefixtures("fused")
def test_what_is_unlike_the_inputs_is_told_where_it_fails(tmp_path: Path) -> None:
    netdsl.loads("left: INPUT 8x6x3 -> CONV 4 3 -> FC 2").compile(path := tmp_path / "net.pt")
    fast = runtime.load(path)
    for given, words in (
        ((torch.rand(1, 8, 6, 3),), "left is float32 of batch x 3 x 8 x 6, and not float32 of 1 x 8 x 6 x 3"),
        ((torch.rand(3, 8, 6),), "left is float32 of batch x 3 x 8 x 6, and not float32 of 3 x 8 x 6"),
        ((torch.rand(1, 3, 8, 6).double(),), "left is float32 of batch x 3 x 8 x 6, and not float64 of 1 x 3 x 8 x 6"),
        ((), "it takes one tensor for each of left, and not 0"),
        ((torch.rand(1, 3, 8, 6),) * 2, "it takes one tensor for each of left, and not 2"),
    ):
        with pytest.raises(RuntimeError) as found:
            fast(*given)
        assert str(found.value) == words


def test_threads_share_a_module(tmp_path: Path) -> None:
    one = made(CONVOLUTIONAL, tmp_path)
    sizes = [(1 + at % 3, 16 + 4 * (at % 4), 16, 3) for at in range(12)]
    inputs = [examples(size[0], size[1:], torch.Generator().manual_seed(at)) for at, size in enumerate(sizes)]
    wanted = [one.exact([x]) for x in inputs]
    for module in (load(one.file()), runtime.load(one.file())):
        with ThreadPoolExecutor(3) as pool:
            found = list(pool.map(lambda x: tensors(module)([x]), inputs * 2))  # noqa: B023
        assert max(errors(a, b).maximum for a, b in zip(found, wanted * 2, strict=True)) < 1e-5


@pytest.mark.usefixtures("fused")
def test_the_runtime_leaves_torchscripts_switches(tmp_path: Path) -> None:
    one = made(CONVOLUTIONAL, tmp_path)
    path = one.file("bf16")
    switches = torch.jit.onednn_fusion_enabled(), torch._C._jit_set_autocast_mode(True)
    torch._C._jit_set_autocast_mode(switches[1])
    modules = [runtime.load(path), runtime.load(path)]
    with ThreadPoolExecutor(4) as pool:  # each size is prepared when it first comes
        list(pool.map(lambda size: modules[size % 2](torch.zeros(1, 3, 16 + size, 16)), range(8)))
    for module in modules:
        assert errors(tensors(module)(one.inputs), one.exact()).maximum < 0.1
    now = torch._C._jit_set_autocast_mode(True)
    torch._C._jit_set_autocast_mode(switches[1])
    assert (torch.jit.onednn_fusion_enabled(), now) == switches


def run(code: str, *arguments: str | Path, **environment: str) -> str:
    """What a Python process prints."""
    command = [sys.executable, "-W", "ignore", "-c", code, *map(str, arguments)]
    done = subprocess.run(command, check=True, capture_output=True, text=True, env={**os.environ, **environment})
    return done.stdout


def test_files_are_alike_byte_for_byte(tmp_path: Path) -> None:
    code = """
import sys
from pathlib import Path
import netdsl
from netdsl import compile
from netdsl.compile.target import Target
for precision in ("fp32", "bf16"):
    for text in sys.argv[2:]:
        path = Path(sys.argv[1], f"{precision}.pt")
        compile.compile(netdsl.loads(text).shaped, path, target=Target("cpu", precision, 2))
"""
    folders = [tmp_path / name for name in ("one", "two")]
    for folder in folders:
        folder.mkdir()
    run(code, folders[0], CONVOLUTIONAL, PYTHONHASHSEED="1")
    run(code, folders[1], ODD["wide"], CONVOLUTIONAL, CONVOLUTIONAL, PYTHONHASHSEED="2")
    for name in ("fp32.pt", "bf16.pt"):
        one, two = [(folder / name).read_bytes() for folder in folders]
        assert one == two


def test_a_file_runs_by_torch_alone_and_says_what_it_is_for(tmp_path: Path) -> None:
    one = made(ODD["wide"], tmp_path)
    path = one.file("bf16", batch=4)
    code = """
import sys, json
sys.modules["netdsl"] = None
import torch
found = {"target.json": "", "source.net": ""}
net = torch.jit.load(sys.argv[1], _extra_files=found)
torch.manual_seed(0)
out = net(torch.randn(2, 8, 8, 9))
assert not net.training and out.shape == (2, 256, 8, 9) and out.dtype == torch.float32
print(json.dumps([json.loads(found["target.json"]), found["source.net"].decode(), float(out.sum())]))
"""
    target, source, total = json.loads(run(code, path))
    says = {"target": "cpu", "precision": "bf16", "batch": 4}
    assert target == says | {"version": VERSION, "devices": {}, "unfused": []}
    assert source == ODD["wide"]
    torch.manual_seed(0)
    (wanted,) = tensors(load(path))([torch.randn(2, 8, 8, 9)])
    assert total == pytest.approx(float(wanted.sum()), rel=1e-3)


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
@pytest.mark.parametrize("name", ["alexnet", "googlenet", "resnet50", "thin"])
def test_a_file_is_hardly_larger_than_its_weights(name: str, precision: str, tmp_path: Path) -> None:
    if name == "thin":
        text = (
            "block u() = [ CONV 4 3 p1 -> RELU -> CONV 4 3 p1 | SKIP ] -> ADD -> RELU\nINPUT 8x8x4 -> u() x60 -> FC 2"
        )
        shaped = netdsl.loads(text).shaped
    else:
        shaped = netdsl.load(name).shaped
    path = tmp_path / "net.pt"
    compile.compile(shaped, path, target=Target("cpu", precision))
    weights = Summary(shaped, 1, precision).totals.weight_bytes
    assert path.stat().st_size <= weights + max(weights / 100, 256 * 2**10)


def test_a_seed_gives_the_weights_that_the_portable_file_has(tmp_path: Path) -> None:
    shaped = netdsl.loads(CONVOLUTIONAL).shaped
    inputs = [torch.randn(2, 3, 16, 16)]
    found: list[Sequence[Tensor]] = []
    for name in ("portable", "cpu"):
        path = tmp_path / f"{name}.pt"
        compile.compile(shaped, path, seed=7, target=Target(name))
        found.append(tensors(load(path))(inputs))
    assert errors(found[1], [x.double() for x in found[0]]).maximum < 1e-5


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ("--precision bf16", "--target portable has no bf16\n  = help: write --precision fp32, or a --target"),
        ("--target cpu --precision fp16", "--target cpu has no fp16\n  = help: write --precision fp32 or bf16"),
        ("--target cpu --mode train", "cannot be used with --mode train"),
    ],
)
def test_what_a_target_has_not(
    options: str, says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "net.pt"
    monkeypatch.setattr("sys.argv", ["netdsl", "compile", "lenet5", "-o", str(path), *options.split()])
    with pytest.raises(SystemExit) as end:
        main()
    assert end.value.code == 2
    said = capsys.readouterr().err
    assert says in said
    assert "= help: " in said
    assert not path.exists()


def test_python_compiles_for_a_target_too(tmp_path: Path) -> None:
    network = netdsl.load("lenet5")
    path = network.compile(tmp_path / "net.pt", target="cpu", precision="bf16", batch=8)
    card = runtime.card(path)
    assert (card.target, card.precision, card.batch) == ("cpu", "bf16", 8)
    for wrong, says in (
        ({"target": "tpu"}, "portable, cpu, cuda"),
        ({"target": "cpu", "precision": "fp16"}, "fp32 and bf16, and no fp16"),
        ({"precision": "bf16"}, "portable has fp32, and no bf16"),
        ({"target": "cpu", "batch": 0}, "a whole number from 1, not 0"),
        ({"target": "cpu", "train": True}, "for inference"),
    ):
        with pytest.raises(ValueError, match=says):
            network.compile(tmp_path / "other.pt", **cast("Any", wrong))
    assert not (tmp_path / "other.pt").exists()


def test_a_cpu_file_needs_onednn(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(torch.backends.mkldnn, "is_available", lambda: False)
    shaped, path = netdsl.load("lenet5").shaped, tmp_path / "net.pt"
    with pytest.raises(CompileError, match="oneDNN"):
        compile.compile(shaped, path, target=Target("cpu"))
    monkeypatch.setattr("sys.argv", ["netdsl", "compile", "lenet5", "-o", str(path), "--target", "cpu"])
    with pytest.raises(SystemExit) as end:
        main()
    assert end.value.code == 2
    assert "without oneDNN" in capsys.readouterr().err
    assert not path.exists()
    compile.compile(shaped, path)
