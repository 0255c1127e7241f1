"""Weights from a file, by name: what is taken, what is refused, and what is told of either."""

from __future__ import annotations

import math
import os
import re
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from test_compile_file import TEXT, inputs, shaped

import netdsl
from netdsl import compile
from netdsl.compile import weights
from netdsl.compile.errors import CompileError, UnreadableWeightsError, WeightsMapError, WeightsMismatchError
from netdsl.compile.origin import Origin, WeightsWarning


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
    assert compile.compile(shaped(), tmp_path / "net.pt", weights=saved).odd == ()
    net = torch.jit.load(tmp_path / "net.pt").state_dict()
    assert torch.equal(net["prob.weight"], state["prob.weight"].float())


def test_nan_and_infinity_are_taken_and_told(tmp_path: Path) -> None:
    state = dict(compile.module(shaped(), train=False).state_dict())
    state["prob.bias"][0] = math.nan
    state["b.2.bn1.running_var"][0] = math.inf
    saved = saved_as(tmp_path / "weights.pth", state)
    odd = compile.compile(shaped(), tmp_path / "net.pt", weights=saved).odd
    assert sorted(odd) == [f"{name} in {saved} holds NaN or infinity" for name in ("b.2.bn1.running_var", "prob.bias")]


def test_counts_of_batches_may_be_missing_or_of_another_type(tmp_path: Path) -> None:
    whole = compile.module(shaped(), train=False).state_dict()
    state = {name: one for name, one in whole.items() if not name.endswith("num_batches_tracked")}
    assert len(state) < len(whole)
    for others in ({}, {name: one.float() for name, one in whole.items() if name not in state}):
        saved = saved_as(tmp_path / "weights.pth", state | others)
        assert compile.compile(shaped(), tmp_path / "net.pt", weights=saved).odd == ()
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


@pytest.mark.parametrize(
    ("name", "start", "told"),
    [
        ("net.onnx", b"\x08\x0a\x12\x07pytorch", "`netdsl import {}/net.onnx --weights OUT"),
        ("net.cfg", b"[net]\nwidth=8\n", "`netdsl import {}/net.cfg --weights OUT"),
        ("net.pt2", b"PK\3\4" + b"\0" * 26 + b"net/data/weights/weight_0", "`netdsl import {}/net.pt2 --weights OUT"),
        ("net.weights", b"\0\0\0\0\2", "`netdsl import {0}/net.cfg --from-weights {0}/net.weights --weights OUT"),
    ],
)
def test_weights_of_another_format_are_told_how_to_come_in(tmp_path: Path, name: str, start: bytes, told: str) -> None:
    (tmp_path / name).write_bytes(start)
    with pytest.raises(UnreadableWeightsError, match=re.escape(told.format(tmp_path))):
        weights.read(tmp_path / name)


def test_the_state_dict_in_a_checkpoint_is_taken_and_told(tmp_path: Path) -> None:
    state = dict(compile.module(shaped(), train=False).state_dict())
    checkpoint = {"epoch": 3, "optimizer": {"state": {}}, "state_dict": state, "state_dict_ema": state}
    torch.save(checkpoint, path := tmp_path / "checkpoint.pth")
    told = compile.compile(shaped(), tmp_path / "net.pt", weights=path)
    assert told.notes == (f"{path}: the weights are those of state_dict, not of state_dict_ema",)


def test_a_checkpoint_of_several_state_dicts_says_so(tmp_path: Path) -> None:
    one = {"a": torch.zeros(1)}
    torch.save({"epoch": 3, "ours": one, "theirs": one}, path := tmp_path / "checkpoint.pth")
    with pytest.raises(UnreadableWeightsError) as found:
        compile.compile(shaped(), tmp_path / "net.pt", weights=path)
    assert found.value.reason.endswith("no plain tensor of a state dict; save one of ours and theirs alone")


def test_a_weights_file_that_is_not_there_is_an_os_error(tmp_path: Path) -> None:
    for name in ("none.pth", "none.safetensors"):
        with pytest.raises(FileNotFoundError) as found:
            compile.compile(shaped(), tmp_path / "net.pt", weights=tmp_path / name)
        assert Path(found.value.filename) == tmp_path / name


def test_weights_that_are_odd_are_warned_of_in_python() -> None:
    network = netdsl.loads("INPUT 2 -> fc: FC 2")
    state = {"fc.weight": torch.full((2, 2), math.nan), "fc.bias": torch.zeros(2)}
    with pytest.warns(WeightsWarning, match=r"fc\.weight in the state dict holds NaN") as found:
        network.module(weights=state)
    assert found[0].filename == __file__


# Names that differ


def test_names_within_wrappers_are_understood() -> None:
    network = netdsl.loads(TEXT)
    state = network.module(seed=3).state_dict()
    for form in ("module.{}", "_orig_mod.{}", "module._orig_mod.{}", "_orig_mod.module.{}", "model.{}"):
        found = network.module(weights={form.format(name): one for name, one in state.items()}).state_dict()
        assert all(torch.equal(found[name], one) for name, one in state.items()), form
    averaged = {"n_averaged": torch.tensor(3), **{f"module.{name}": one for name, one in state.items()}}
    assert torch.equal(network.module(weights=averaged).state_dict()["prob.bias"], state["prob.bias"])


def test_a_scope_of_the_network_is_no_wrapper() -> None:
    network = netdsl.loads("block one() = FC 2\nINPUT 2 -> model: one()")
    state = network.module(seed=3).state_dict()
    assert list(state) == ["model.fc1.weight", "model.fc1.bias"]
    assert torch.equal(network.module(weights=state).state_dict()["model.fc1.weight"], state["model.fc1.weight"])


def test_a_linear_layer_fits_a_convolution_of_one() -> None:
    state = netdsl.loads("INPUT 2x2x3 -> fc: CONV 4 1").module(seed=3).state_dict()
    linear = {name: one.flatten(1) if one.ndim > 1 else one for name, one in state.items()}
    found = netdsl.loads("INPUT 2x2x3 -> fc: CONV 4 1").module(weights=linear).state_dict()
    assert torch.equal(found["fc.weight"], state["fc.weight"])


def test_what_is_missing_is_told_with_what_may_be_meant() -> None:
    network = netdsl.loads("INPUT 2 -> fc1: FC 3 -> fc2: FC 4")
    state = dict(network.module().state_dict())
    for role in ("weight", "bias"):
        state[f"fc_1.{role}"] = state.pop(f"fc1.{role}")
    with pytest.raises(WeightsMismatchError) as found:
        network.module(weights=state)
    assert str(found.value) == (
        "the state dict does not fit the network\n"
        "  missing: fc1.weight; the file has fc_1.weight\n"
        "  missing: fc1.bias; the file has fc_1.bias\n"
        "  extra: fc_1.weight\n"
        "  extra: fc_1.bias"
    )
    assert found.value.help == "by their shapes and their order they fit: write --weights-by order"


@pytest.mark.parametrize("by", ["name", "order"])
def test_another_number_of_classes_is_told_with_its_param(by: str) -> None:
    text = "param classes = 10\nINPUT 2 -> fc1: FC 3 -> fc2: FC classes"
    state = netdsl.loads(text, classes=7).module().state_dict()
    with pytest.raises(WeightsMismatchError, match=r"fc2(\.weight)? \(7x3, not 10x3\)") as found:
        netdsl.loads(text).module(weights=state, weights_by=by)
    assert found.value.help == "the file is for 7 where the network has 10: write --set classes=7"


# A map of names


def mapped(tmp_path: Path, text: str) -> Origin:
    state = {
        "body.0.weight": torch.ones(3, 2),
        "body.0.bias": torch.ones(3),
        "head": torch.ones(4, 3),
        "extra.a": torch.ones(1),
        "extra.b": torch.ones(1),
    }
    (tmp_path / "names.map").write_text(text, encoding="utf-8")
    torch.save(state, tmp_path / "weights.pth")
    return Origin(tmp_path / "weights.pth", map=tmp_path / "names.map")


NETWORK = "INPUT 2 -> fc1: FC 3 -> fc2: FC 4 nobias"


def test_a_map_says_which_names_are_which(tmp_path: Path) -> None:
    origin = mapped(tmp_path, "# a title\nbody.0 = fc1\nhead=fc2.weight  # 4x3\n\nextra =\n")
    found = compile.module(shaped(NETWORK), weights=origin).state_dict()
    assert all(bool((one == 1).all()) for one in found.values())


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        ("body.0 = fc1\nhead", 2, "a line says theirs = ours"),
        ("body.0 = fc1\nhead = a b", 2, "a line says theirs = ours"),
        ("= fc1", 1, "a line says theirs = ours"),
        ("body.0 = fc1\n\nbody.0 = fc2", 3, "body.0 stands in line 1 too"),
        ("body.0 = fc1\nheads = fc2.weight\nextra =", 2, "the file has no heads; did you mean head?"),
        ("body.0 = fc_1\nhead = fc2.weight\nextra =", 1, "the network has no fc_1; did you mean fc1?"),
        ("body.0.weight = fc1.weight\nhead = fc1.weight", 2, "body.0.weight and head would both be fc1.weight"),
    ],
)
def test_a_mistake_in_a_map_has_its_line(tmp_path: Path, text: str, line: int, says: str) -> None:
    origin = mapped(tmp_path, text)
    with pytest.raises(WeightsMapError) as found:
        compile.module(shaped(NETWORK), weights=origin)
    assert str(found.value).startswith(f"{tmp_path / 'names.map'}:{line}: {says}")


def test_what_a_map_leaves_out_keeps_its_name(tmp_path: Path) -> None:
    with pytest.raises(WeightsMismatchError) as found:
        compile.module(shaped(NETWORK), weights=mapped(tmp_path, "body = fc1"))
    assert found.value.extra == ["fc1.0.weight", "fc1.0.bias", "head", "extra.a", "extra.b"]


def test_a_map_that_is_no_text_is_refused(tmp_path: Path) -> None:
    origin = mapped(tmp_path, "")
    (tmp_path / "names.map").write_bytes(b"\xff\xfe")
    with pytest.raises(WeightsMapError, match="UTF-8"):
        compile.module(shaped(NETWORK), weights=origin)


@pytest.mark.parametrize(
    "options",
    [
        {"weights": None, "weights_by": "order"},
        {"weights": None, "weights_map": "a.map"},
        {"weights": {}, "weights_by": "shape"},
        {"weights": {}, "weights_by": "order", "weights_map": "a.map"},
    ],
)
def test_options_that_do_not_go_together_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="weights"):
        netdsl.loads("INPUT 2 -> FC 2").module(**options)
    with pytest.raises(TypeError):
        netdsl.loads("INPUT 2 -> FC 2").module(weights=3)  # pyright: ignore[reportArgumentType]


FINE = "param classes = 7\nINPUT 8x8x3 -> CONV 4 3 -> RELU -> out: CONV classes 1 -> AVGPOOL global -> SOFTMAX"


@pytest.mark.parametrize("by", ["name", "order"])
def test_a_last_layer_for_other_classes_begins_anew_where_that_is_meant(by: Any) -> None:
    state = {f"module.{name}": tensor for name, tensor in netdsl.loads(FINE).module(seed=1).state_dict().items()}
    other = netdsl.loads(FINE, classes=5).shaped
    with pytest.raises(WeightsMismatchError, match="another shape"):
        compile.module(other, weights=Origin(state, by))
    network = compile.module(other, weights=Origin(state, by, anew=True))
    begun = compile.module(other).state_dict()
    for name, tensor in network.state_dict().items():
        assert torch.equal(tensor, begun[name] if name.startswith("out.") else state[f"module.{name}"])
    told = network.meta["weights"].notes
    assert told == ("the state dict: out begins anew, with 5 outputs where the file has 7",)
    same = compile.module(netdsl.loads(FINE).shaped, weights=Origin(state, by, anew=True))
    assert torch.equal(same.get_parameter("out.weight"), state["module.out.weight"])
    assert same.meta["weights"].notes == ()


def test_only_last_layers_begin_anew() -> None:
    for text in (FINE.replace("x3", "x1"), FINE.replace("CONV 4", "CONV 6"), FINE.replace("-> RELU", "-> BN -> RELU")):
        with pytest.raises(WeightsMismatchError):
            compile.module(
                netdsl.loads(text, classes=5).shaped,
                weights=Origin(netdsl.loads(FINE).module().state_dict(), anew=True),
            )
