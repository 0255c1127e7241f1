"""Networks as programs of torch.export: equal to their modules, at any batch size, in files that run without netdsl."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from test_cli import Run, run  # noqa: F401 - `run` is a fixture
from test_compile_file import TEXT, inputs, shaped
from test_optimize import PROGRAMS, SMALL, ZOO
from torch import Tensor, nn

import netdsl
from netdsl import compile, runtime
from netdsl.compile.errors import ExportError, FormatError
from netdsl.compile.exported import export
from netdsl.compile.lower import lower
from netdsl.compile.plan import Plan
from netdsl.compile.target import Target
from netdsl.graph.node import ShapedGraph

READ_ONLY = "ignore:The given buffer is not writable:UserWarning"
"""What PyTorch 2.9 to 2.12 says of the first file that torch.export.load reads."""
pytestmark = pytest.mark.filterwarnings(READ_ONLY)

# Each kind of layer, of scope and of naming; and the bundled networks, but for what would take seconds each.
CHOSEN = {
    *("activations", "applied_copies", "autoencoder", "clips", "convolutions", "devices", "forks", "groups", "inputs"),
    *("lenet_1998", "merges", "mlp", "normalize", "norms", "odd_labels", "outputs", "poolings", "poolings_ceil"),
    *("shaping", "shared", "shared_paths", "signals", "squeezenet", "tables", "training_alone", "training_names"),
    *("training_outputs", "transposed", "unet_small", "vectors"),
}
BUNDLED = [name for name in ZOO if name not in ("inception_v3", "resnet50")]


def given(plan: Plan, batch: int) -> list[Tensor]:
    shapes = [plan.shaped.shapes[index] for index in plan.inputs]
    generator = torch.Generator().manual_seed(batch)
    return [torch.randn(batch, one.channels, *one.spatial, generator=generator) for one in shapes]


def check(shaped: ShapedGraph) -> None:
    """The program gives what the module gives, and has its tensors by the same names."""
    plan = Plan(shaped, train=False)
    network = lower(plan, 0)
    program = export(network, plan)
    exported = program.module()
    for batch in (1, 3):
        values = given(plan, batch)
        with torch.no_grad():
            wanted, found = network(*values), exported(*values)
        if isinstance(wanted, Tensor):
            wanted, found = (wanted,), (found,)
        assert type(found) is tuple
        assert [tuple(one.shape) for one in found] == [tuple(one.shape) for one in wanted]
        for one, other in zip(found, wanted, strict=True):
            torch.testing.assert_close(one, other, rtol=1e-6, atol=1e-6)
    state = network.state_dict()
    assert exported.state_dict().keys() == state.keys()
    assert all(torch.equal(one, state[name]) for name, one in exported.state_dict().items())


@pytest.mark.parametrize("name", BUNDLED)
def test_a_program_gives_what_the_module_gives(name: str) -> None:
    check(netdsl.load(name, inputs=ZOO[name]).shaped)


@pytest.mark.parametrize("path", [one for one in PROGRAMS if one.stem in CHOSEN], ids=lambda path: path.stem)
def test_any_program_can_be_exported(path: Path) -> None:
    check(netdsl.load(path, inputs=SMALL.get(path.stem)).shaped)


def python(code: str, *arguments: str | Path, **environment: str) -> str:
    """What a Python process prints that takes another warning for an error."""
    command = [sys.executable, "-W", "error", "-W", READ_ONLY, "-c", code, *map(str, arguments)]
    done = subprocess.run(command, check=True, capture_output=True, text=True, env={**os.environ, **environment})
    return done.stdout


def test_a_file_runs_by_torch_alone(tmp_path: Path) -> None:
    compile.compile(shaped(), tmp_path / "net.pt2", format="pt2")
    code = """
import sys
sys.modules["netdsl"] = None
import torch
torch.manual_seed(1)
net = torch.export.load(sys.argv[1]).module()
prob, class_ = net(torch.randn(2, 3, 8, 8), torch.randn(2, 4, 4, 4))
print(tuple(prob.shape), tuple(class_.shape), prob.sum().item())
print(*net.state_dict())
"""
    network = compile.module(shaped(), train=False)
    lines = python(code, tmp_path / "net.pt2").splitlines()
    assert lines[0] == f"(2, 3) (2, 2, 4, 4) {network(*inputs()).prob.sum().item()}"
    assert set(lines[1].split()) == set(network.state_dict())


def test_a_file_tells_of_its_network(tmp_path: Path) -> None:
    names = ("source.net", "title.txt", "meta.json", "inputs.json", "outputs.json", "target.json")
    found: dict[str, Any] = dict.fromkeys(names, "")
    compile.compile(shaped(), tmp_path / "net.pt2", format="pt2")
    torch.export.load(tmp_path / "net.pt2", extra_files=found)
    assert found["source.net"] == TEXT
    assert json.loads(found["meta.json"]) == {"year": 2024, "paper": "Ünïcode"}
    assert json.loads(found["outputs.json"]) == {"prob": [3], "class": [4, 4, 2]}
    assert json.loads(found["target.json"])["target"] == "portable"


def test_files_are_alike_byte_for_byte_and_hold_no_places(tmp_path: Path) -> None:
    code = """
import sys
from pathlib import Path
import netdsl
from netdsl import compile
for text in sys.argv[2:]:
    compile.compile(netdsl.loads(text, name="two_heads.net").shaped, Path(sys.argv[1]), format="pt2")
"""
    other = "INPUT 9x9x2 -> CONV 3 3 -> CONV 4 2 s2 -> [ CONV 3 1 | SKIP ] -> CONCAT -> RELU -> FC 2\n"
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
    python(code, tmp_path / "one" / "net.pt2", other, TEXT, PYTHONHASHSEED="1")
    compile.compile(shaped(), tmp_path / "two" / "net.pt2", format="pt2")
    one, two = [(tmp_path / folder / "net.pt2").read_bytes() for folder in ("one", "two")]
    assert one == two
    assert str(Path(netdsl.__file__).parent).encode() not in one
    assert str(Path(torch.__file__).parent).encode() not in one


def test_the_runtime_reads_of_a_file_what_it_says_and_leaves_it_alone(tmp_path: Path) -> None:
    path = tmp_path / "net.pt2"
    compile.compile(shaped(), path, format="pt2")
    assert runtime.card(path).title == "Two heads"
    with pytest.raises(runtime.NotCompiledError, match=r"torch\.export"):
        runtime.load(path)


def test_a_file_is_little_more_than_its_weights(tmp_path: Path) -> None:
    path = next(one for one in PROGRAMS if one.stem == "shufflenet_v2")  # many operators over few weights
    network = netdsl.load(path).shaped
    compile.compile(network, tmp_path / "net.pt2", format="pt2")
    weights = sum(one.nbytes for one in compile.module(network, train=False).state_dict().values())
    assert (tmp_path / "net.pt2").stat().st_size < weights + 2**18


def test_weights_and_devices_are_as_asked(tmp_path: Path) -> None:
    network = netdsl.loads("INPUT 8x8x3 -> a: CONV 4 3 @0 -> b: CONV 3 3 @1 -> FC 2").shaped
    module = compile.module(network, train=False, seed=7)
    torch.save(module.state_dict(), tmp_path / "weights.pth")
    compile.compile(
        network, tmp_path / "net.pt2", format="pt2", devices=["cpu", "cpu"], weights=tmp_path / "weights.pth"
    )
    x = torch.randn(3, 3, 8, 8)
    found = torch.export.load(tmp_path / "net.pt2").module()(x)
    torch.testing.assert_close(found, module(x), rtol=1e-6, atol=1e-6)


class Sized(nn.Module):
    """Knows how many examples there are."""

    def forward(self, x: Tensor) -> Tensor:
        return x * int(x.size(0))


class Broken(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        raise KeyError(x.dim())


@pytest.mark.parametrize(
    ("layer", "message"),
    [
        (Sized, "torch.export refuses the network: it does not run at every batch size"),
        (Broken, "torch.export refuses Broken at r: 4"),
    ],
)
def test_what_torch_export_refuses_is_told_with_its_place(layer: type[nn.Module], message: str) -> None:
    plan = Plan(netdsl.loads("INPUT 8x8x3 -> CONV 4 3 -> r: RELU -> FC 2").shaped, train=False)
    network = lower(plan, 0)
    network.add_module("r", layer())
    with pytest.raises(ExportError) as found:
        export(network, plan)
    assert str(found.value) == message


def test_exporting_leaves_the_module_as_it_was() -> None:
    plan = Plan(shaped(), train=False)
    network = lower(plan, 0)
    told: list[tuple[str, int, int]] = []
    export(network, plan, lambda *progress: told.append(progress))
    assert network(*inputs())._fields == ("prob", "class_")
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in network.modules())
    calls = sum(node.op == "call_module" for node in network.graph.nodes)
    assert told == [("exporting", done, calls) for done in range(1, calls + 1)]


def test_training_and_targets_are_refused(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match="for inference alone"):
        compile.compile(shaped(), tmp_path / "net.pt2", format="pt2", train=True)
    with pytest.raises(FormatError, match="portable"):
        compile.compile(shaped(), tmp_path / "net.pt2", format="pt2", target=Target("cpu"))
    assert not list(tmp_path.iterdir())


def test_what_cannot_be_written_leaves_what_was_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "net.pt2"
    path.write_text("old")

    def fail(*arguments: object, **options: object) -> None:
        raise RuntimeError("[enforce fail at inline_container.cc:1] . unexpected pos 1")

    monkeypatch.setattr(torch.export, "save", fail)
    with pytest.raises(OSError, match=r"unexpected pos 1.*net\.pt2"):
        compile.compile(shaped(), path, format="pt2")
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_the_command_takes_the_format_or_the_suffix(run: Run) -> None:  # noqa: F811
    assert run("compile", "lenet5", "--format", "pt2").status == 0
    assert run("compile", "lenet5", "-o", "other.pt2").status == 0
    for name in ("lenet5", "other"):
        found = torch.export.load(f"{name}.pt2").module()(torch.zeros(2, 1, 32, 32))
        assert found.shape == (2, 10)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("-o net.pt --format pt2", "net.pt: --format pt2 writes .pt2\n  = help: write -o net.pt2\n"),
        ("-o net.pt2 --format torchscript", "net.pt2: --format torchscript writes .pt\n  = help: write -o net.pt\n"),
        ("-o net.onx", "net.onx: a compiled network is a .pt, .pt2, .onnx or .py file\n  = help: write -o net.onnx\n"),
        ("-o net.h5", "net.h5: a compiled network is a .pt, .pt2, .onnx or .py file\n  = help: write -o net.pt\n"),
        (
            "-o net.pt2 --mode train",
            "a pt2 file is for inference alone\n  = help: write --format torchscript for --mode train\n",
        ),
        (
            "--format pt2 --target cpu",
            "a pt2 file is portable, and made for no target\n  = help: write --format torchscript for --target cpu\n",
        ),
    ],
)
def test_what_does_not_go_together_is_a_usage_error(run: Run, arguments: str, message: str) -> None:  # noqa: F811
    result = run("compile", "lenet5", *arguments.split())
    assert (result.status, result.err) == (2, f"error: {message}")
    assert not os.listdir()


def test_a_later_python_is_told_of_the_other_format(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: F811
    monkeypatch.setattr("netdsl.cli.compile.sys", SimpleNamespace(version_info=(3, 14)))
    result = run("compile", "lenet5", "-o", "lenet5.pt")
    assert result.status == 0
    assert result.err == "note: TorchScript is untried on Python 3.14; --format pt2 does without it\n"
    assert run("compile", "lenet5", "-o", "lenet5.pt2").err == ""


def test_the_suffix_says_the_format_in_python(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    net = netdsl.load("lenet5")
    assert net.compile(tmp_path / "a.pt2") == tmp_path / "a.pt2"
    assert net.compile(format="pt2") == Path("lenet5.pt2")
    x = torch.randn(3, 1, 32, 32)
    wanted = net.module(train=False)(x)
    for name in ("a.pt2", "lenet5.pt2"):
        torch.testing.assert_close(torch.export.load(tmp_path / name).module()(x), wanted, rtol=1e-6, atol=1e-6)
    with pytest.raises(ValueError, match="torchscript, pt2, onnx or source, not keras"):
        net.compile(format="keras")
    for name, format in (("a.pt2", "torchscript"), ("a.pt", "pt2")):
        with pytest.raises(ValueError, match=f"the format {format} writes"):
            net.compile(name, format=format)
