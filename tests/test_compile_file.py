"""Compiled files: what stands in them, that they are alike from run to run, and that they are whole or not there."""

from __future__ import annotations

import json
import math
import os
import re
import subprocess
import sys
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

import netdsl
from netdsl import compile
from netdsl.compile import weights
from netdsl.compile.errors import CompileError, UnreadableWeightsError, WeightsMismatchError

TEXT = """
network "Two heads"
meta year = 2024
meta paper = "Ünïcode"
block unit(n) = CONV n 3 p1 nobias -> BN -> RELU
left: INPUT 8x8x3 -> a: unit(4) -> DROPOUT 0.5 -> u: MAXPOOL 2
right: INPUT 4x4x4
[ u | right ] -> ADD -> b: unit(6) x2 -> prob: FC 3
b -> class: CONV 2 1 @0
b -> aux: FC 7
output prob, class
output training aux
"""


def shaped(text: str = TEXT):
    return netdsl.loads(text, name="two_heads.net").shaped


def inputs(batch: int = 2) -> list[torch.Tensor]:
    torch.manual_seed(1)
    return [torch.randn(batch, 3, 8, 8), torch.randn(batch, 4, 4, 4)]


def run(code: str, *arguments: str | Path, **environment: str) -> str:
    """What a Python process prints."""
    command = [sys.executable, "-W", "ignore", "-c", code, *map(str, arguments)]
    done = subprocess.run(command, check=True, capture_output=True, text=True, env={**os.environ, **environment})
    return done.stdout


def test_a_file_runs_by_torch_alone(tmp_path: Path) -> None:
    path = tmp_path / "net.pt"
    compile.compile(shaped(), path)
    code = """
import sys
import warnings
sys.modules["netdsl"] = None
import torch
torch.manual_seed(1)
net = torch.jit.load(sys.argv[1])
found = net(torch.randn(2, 3, 8, 8), torch.randn(2, 4, 4, 4))
assert not net.training
print(found._fields, [tuple(one.shape) for one in found], found.prob.sum().item())
"""
    expected = compile.module(shaped(), train=False)(*inputs())
    shapes = "[(2, 3), (2, 2, 4, 4)]"
    assert run(code, path) == f"('prob', 'class_') {shapes} {expected.prob.sum().item()}\n"


def test_a_file_tells_of_its_network(tmp_path: Path) -> None:
    found: dict[str, Any] = dict.fromkeys(("source.net", "title.txt", "meta.json", "inputs.json", "outputs.json"), "")
    compile.compile(shaped(), tmp_path / "net.pt")
    torch.jit.load(tmp_path / "net.pt", _extra_files=found)
    assert found["source.net"].decode() == TEXT
    assert found["title.txt"].decode() == "Two heads"
    assert json.loads(found["meta.json"]) == {"year": 2024, "paper": "Ünïcode"}
    assert json.loads(found["inputs.json"]) == {"left": [8, 8, 3], "right": [4, 4, 4]}
    assert json.loads(found["outputs.json"]) == {"prob": [3], "class": [4, 4, 2]}

    compile.compile(shaped(), tmp_path / "net.pt", train=True)
    torch.jit.load(tmp_path / "net.pt", _extra_files=found)
    assert list(json.loads(found["outputs.json"])) == ["prob", "class", "aux"]


def test_a_file_for_training_trains(tmp_path: Path) -> None:
    compile.compile(shaped(), tmp_path / "net.pt", train=True)
    net = torch.jit.load(tmp_path / "net.pt")
    assert net.training
    before = {name: one.clone() for name, one in net.state_dict().items()}
    optimiser = torch.optim.SGD(net.parameters(), 0.1)
    found = net(*inputs())
    assert found._fields == ("prob", "class_", "aux")
    torch.cat([one.flatten() for one in found]).square().sum().backward()
    optimiser.step()
    assert not any(torch.equal(one, before[name]) for name, one in net.state_dict().items())


def test_files_are_alike_byte_for_byte(tmp_path: Path) -> None:
    code = """
import sys
import warnings
from pathlib import Path
import netdsl
from netdsl import compile
for text in sys.argv[2:]:
    compile.compile(netdsl.loads(text, name="two_heads.net").shaped, Path(sys.argv[1]))
"""
    other = "INPUT 9x9x2 -> CONV 3 3 -> CONV 4 2 s2 -> [ CONV 3 1 | SKIP ] -> CONCAT -> RELU -> FC 2\n"
    folders = [tmp_path / name for name in ("one", "two", "three")]
    for folder in folders:
        folder.mkdir()
    run(code, folders[0] / "net.pt", TEXT, PYTHONHASHSEED="1")
    run(code, folders[1] / "net.pt", other, TEXT, other, TEXT, PYTHONHASHSEED="2")
    compile.compile(shaped(), folders[2] / "net.pt")
    one, two, three = [(folder / "net.pt").read_bytes() for folder in folders]
    assert one == two
    assert one == three
    compile.compile(shaped(), folders[2] / "net.pt", seed=1)
    assert (folders[2] / "net.pt").read_bytes() != one


def test_a_file_names_no_place_of_this_machine(tmp_path: Path) -> None:
    compile.compile(shaped(), tmp_path / "net.pt")
    with zipfile.ZipFile(tmp_path / "net.pt") as archive:
        assert archive.testzip() is None
        texts = {one: archive.read(one) for one in archive.namelist() if "/data/" not in one}
    assert not any(str(Path(torch.__file__).parent).encode() in text for text in texts.values())
    code = b"".join(text for name, text in texts.items() if name.endswith(".py"))
    assert not re.search(rb"mangle|eval_with_key", code)
    constants = re.findall(rb"(?:^  \w+ : Final\[.*\n)+", code, re.MULTILINE)
    assert constants
    assert all(lines.splitlines() == sorted(lines.splitlines()) for lines in constants)


def test_a_loaded_file_saves_and_loads_again(tmp_path: Path) -> None:
    compile.compile(shaped(), tmp_path / "net.pt")
    net = torch.jit.load(tmp_path / "net.pt")
    net.save(tmp_path / "again.pt")
    again = torch.jit.load(tmp_path / "again.pt")
    assert all(map(torch.equal, again(*inputs()), net(*inputs())))
    frozen = torch.jit.optimize_for_inference(torch.jit.freeze(net))
    torch.testing.assert_close(frozen(*inputs()), net(*inputs()))


@pytest.mark.parametrize("suffix", [".safetensors", ".pth"])
def test_weights_come_back(tmp_path: Path, suffix: str) -> None:
    network = compile.module(shaped(), seed=7)
    network(*inputs())
    saved = tmp_path / f"weights{suffix}"
    state = {name: one.clone() for name, one in network.state_dict().items()}
    if suffix == ".pth":
        torch.save(network.state_dict(), saved)
    else:
        save_file(state, saved)
    compile.compile(shaped(), tmp_path / "net.pt", weights=saved)
    net = torch.jit.load(tmp_path / "net.pt")
    assert "aux.weight" not in net.state_dict(), "what training alone needs may stand in the file"
    assert all(torch.equal(one, state[name]) for name, one in net.state_dict().items())
    network.eval()
    torch.testing.assert_close(net(*inputs()).prob, network(*inputs()).prob)


def test_weights_that_do_not_fit_are_listed(tmp_path: Path) -> None:
    state = dict(compile.module(shaped(), train=False).state_dict())
    del state["a.conv1.weight"], state["b.2.bn1.running_mean"]
    state["prob.bias"] = torch.zeros(4)
    state["stray"] = torch.zeros(())
    torch.save(state, tmp_path / "weights.pth")
    with pytest.raises(WeightsMismatchError) as found:
        compile.compile(shaped(), tmp_path / "net.pt", weights=tmp_path / "weights.pth")
    assert found.value.missing == ["a.conv1.weight", "b.2.bn1.running_mean"]
    assert found.value.extra == ["stray"]
    assert [(one.name, one.wanted, one.found) for one in found.value.reshaped] == [("prob.bias", (3,), (4,))]
    assert "prob.bias (4, not 3)" in str(found.value)
    assert os.listdir(tmp_path) == ["weights.pth"]


@pytest.mark.parametrize("suffix", [".safetensors", ".pth"])
@pytest.mark.parametrize(
    ("name", "change", "says"),
    [
        ("prob.weight", lambda one: one > 0, "bool"),
        ("prob.weight", lambda one: one.long(), "int64"),
        ("b.2.bn1.running_var", lambda one: one.to(torch.uint8), "uint8"),
        ("prob.bias", lambda one: one.double() + 1e300, "a number too large for float32"),
        ("b.2.bn1.running_var", lambda one: one - 1.001, "a variance below 0"),
    ],
)
def test_what_cannot_be_a_weight_is_refused(
    tmp_path: Path, suffix: str, name: str, change: Callable[[torch.Tensor], torch.Tensor], says: str
) -> None:
    state = dict(compile.module(shaped(), train=False).state_dict())
    state[name] = change(state[name])
    saved = saved_as(tmp_path / f"weights{suffix}", state)
    with pytest.raises(WeightsMismatchError) as found:
        compile.compile(shaped(), tmp_path / "net.pt", weights=saved)
    assert found.value.unmeant == {name: says}
    assert f"{name} ({says})" in str(found.value)
    assert os.listdir(tmp_path) == [saved.name]


@pytest.mark.parametrize("type", [torch.float16, torch.bfloat16, torch.float64, torch.float8_e4m3fn])
def test_weights_of_any_floating_type_are_taken(tmp_path: Path, type: torch.dtype) -> None:
    state = {name: one.to(type) for name, one in compile.module(shaped(), train=False).state_dict().items()}
    saved = saved_as(tmp_path / "weights.safetensors", state)
    assert compile.compile(shaped(), tmp_path / "net.pt", weights=saved) == []
    net = torch.jit.load(tmp_path / "net.pt").state_dict()
    assert torch.equal(net["prob.weight"], state["prob.weight"].float())


def test_nan_and_infinity_are_taken_and_told(tmp_path: Path) -> None:
    state = dict(compile.module(shaped(), train=False).state_dict())
    state["prob.bias"][0] = math.nan
    state["b.2.bn1.running_var"][0] = math.inf
    saved = saved_as(tmp_path / "weights.pth", state)
    odd = compile.compile(shaped(), tmp_path / "net.pt", weights=saved)
    assert sorted(odd) == [f"{name} in {saved} holds NaN or infinity" for name in ("b.2.bn1.running_var", "prob.bias")]


def test_counts_of_batches_may_be_missing_or_of_another_type(tmp_path: Path) -> None:
    whole = compile.module(shaped(), train=False).state_dict()
    state = {name: one for name, one in whole.items() if not name.endswith("num_batches_tracked")}
    assert len(state) < len(whole)
    for others in ({}, {name: one.float() for name, one in whole.items() if name not in state}):
        saved = saved_as(tmp_path / "weights.pth", state | others)
        assert compile.compile(shaped(), tmp_path / "net.pt", weights=saved) == []
        net = torch.jit.load(tmp_path / "net.pt").state_dict()
        assert all(torch.equal(net[name], one) for name, one in whole.items())


def saved_as(path: Path, state: dict[str, torch.Tensor]) -> Path:
    if path.suffix == ".pth":
        torch.save(state, path)
    else:
        save_file({name: one.clone() for name, one in state.items()}, path)
    return path


@pytest.mark.parametrize("suffix", [".safetensors", ".pth"])
def test_damaged_weights_are_taken_or_refused(tmp_path: Path, suffix: str) -> None:
    network = netdsl.loads("INPUT 2 -> FC 2 -> BN").shaped
    whole = saved_as(tmp_path / f"weights{suffix}", dict(compile.module(network).state_dict())).read_bytes()
    random = Random(1)
    refused = 0
    for _ in range(300):
        damaged = bytearray(whole)
        damaged[random.randrange(len(whole))] = random.randrange(256)
        path = tmp_path / f"damaged{suffix}"
        path.write_bytes(damaged)
        module = compile.module(network)
        try:
            weights.load(module, weights.read(path), path, ())
        except CompileError:
            refused += 1
    assert 0 < refused < 300


def test_quantised_tensors_are_refused(tmp_path: Path) -> None:
    state = dict(compile.module(shaped(), train=False).state_dict())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # later releases of PyTorch call them deprecated
        state["prob.weight"] = torch.quantize_per_tensor(state["prob.weight"], 0.1, 0, torch.qint8)
    with pytest.raises(UnreadableWeightsError, match=r"prob\.weight"):
        weights.read(saved_as(tmp_path / "weights.pth", state))


def test_tensors_of_several_sizes_at_once_are_refused(tmp_path: Path) -> None:
    state = dict(compile.module(shaped(), train=False).state_dict())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # PyTorch calls them a prototype, once a process
        state["prob.bias"] = torch.nested.nested_tensor([state["prob.bias"]])
    with pytest.raises(UnreadableWeightsError, match=r"prob\.bias"):
        weights.read(saved_as(tmp_path / "weights.pth", state))


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no named pipes")
@pytest.mark.parametrize("suffix", [".safetensors", ".pth"])
def test_weights_are_not_read_from_pipes_or_devices(tmp_path: Path, suffix: str) -> None:
    os.mkfifo(tmp_path / f"pipe{suffix}")
    (tmp_path / f"device{suffix}").symlink_to("/dev/zero")
    for name in ("pipe", "device"):
        with pytest.raises(UnreadableWeightsError, match="a regular file"):
            weights.read(tmp_path / f"{name}{suffix}")


def test_weights_do_not_inflate_beyond_their_file(tmp_path: Path) -> None:
    path = saved_as(tmp_path / "weights.pth", {"a": torch.zeros(10_000)})
    with zipfile.ZipFile(path) as plain, zipfile.ZipFile(tmp_path / "bomb.pth", "w", zipfile.ZIP_DEFLATED) as bomb:
        for name in plain.namelist():
            bomb.writestr(name, plain.read(name))
    assert torch.load(tmp_path / "bomb.pth")["a"].numel() == 10_000
    with pytest.raises(UnreadableWeightsError, match="compressed"):
        weights.read(tmp_path / "bomb.pth")


class Bomb:
    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, ("exploded",)


@pytest.mark.parametrize("kind", ["bomb", "text", "empty", "list", "wrapped", "torchscript", "safetensors"])
def test_what_holds_no_weights_is_refused(tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / ("weights.safetensors" if kind == "safetensors" else "weights.pth")
    contents: dict[str, Any] = {"bomb": {"a": Bomb()}, "list": [1], "wrapped": {"epoch": 3, "state_dict": {}}}
    if kind in contents:
        torch.save(contents[kind], path)
    elif kind == "torchscript":
        compile.compile(shaped(), path)
    else:
        path.write_text("" if kind == "empty" else "no weights", encoding="utf-8")
    with pytest.raises(UnreadableWeightsError) as found:
        compile.compile(shaped(), tmp_path / "net.pt", weights=path)
    assert found.value.path == path
    assert found.value.reason
    assert os.listdir(tmp_path) == [path.name]


def test_a_checkpoint_says_where_its_state_dict_may_be(tmp_path: Path) -> None:
    torch.save({"epoch": 3, "model": {"a": torch.zeros(1)}}, path := tmp_path / "checkpoint.pth")
    with pytest.raises(UnreadableWeightsError) as found:
        compile.compile(shaped(), tmp_path / "net.pt", weights=path)
    assert found.value.reason == "epoch, model: no plain tensor of a state dict; save model, which may be it, alone"


def test_a_weights_file_that_is_not_there_is_an_os_error(tmp_path: Path) -> None:
    for name in ("none.pth", "none.safetensors"):
        with pytest.raises(FileNotFoundError) as found:
            compile.compile(shaped(), tmp_path / "net.pt", weights=tmp_path / name)
        assert Path(found.value.filename) == tmp_path / name


@pytest.mark.parametrize("what", ["initialising", "scripting", "writing"])
def test_an_interrupt_leaves_the_old_file(tmp_path: Path, what: str) -> None:
    path = tmp_path / "net.pt"
    path.write_bytes(b"old")

    def interrupt(now: str, done: int, total: int) -> None:
        assert 0 <= done <= total
        if now == what:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        compile.compile(shaped(), path, progress=interrupt)
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["net.pt"]


def test_a_limit_on_files_is_an_error_and_no_crash(tmp_path: Path) -> None:
    code = """
import resource, sys
from pathlib import Path
import netdsl
from netdsl import compile
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
try:
    compile.compile(netdsl.loads("INPUT 100 -> FC 1000\\n").shaped, Path(sys.argv[1]))
except OSError as error:
    print(error.strerror)
"""
    assert run(code, tmp_path / "net.pt") == "File too large\n"
    assert os.listdir(tmp_path) == []


def test_a_bad_path_is_an_os_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    for path, kind in (
        (tmp_path / "none" / "net.pt", FileNotFoundError),
        (tmp_path / "file" / "net.pt", NotADirectoryError),
        (tmp_path, IsADirectoryError),
    ):
        with pytest.raises(kind) as found:
            compile.compile(shaped(), path)
        assert found.value.filename == str(path)
    assert os.listdir(tmp_path) == ["file"]


def test_a_file_keeps_its_links_and_its_permissions(tmp_path: Path) -> None:
    (tmp_path / "real.pt").write_bytes(b"old")
    (tmp_path / "real.pt").chmod(0o640)
    (tmp_path / "link.pt").symlink_to("real.pt")
    compile.compile(shaped(), tmp_path / "link.pt")
    assert (tmp_path / "link.pt").is_symlink()
    assert (tmp_path / "real.pt").stat().st_mode & 0o777 == 0o640
    torch.jit.load(tmp_path / "real.pt")
    assert sorted(os.listdir(tmp_path)) == ["link.pt", "real.pt"]
