"""`netdsl features`: what layers give, in files and to linear probes."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import command_line
import numpy as np
import pytest
import torch
from command_line import Ended

import netdsl
from netdsl.compile import compile
from netdsl.runtime.preparation import Preparation
from netdsl.see import linear
from netdsl.see.features import Features, of_pixels

NETWORK = (
    'network "Small"\nINPUT 6x6x1 -> conv: CONV 4 3 -> RELU -> MAXPOOL 2 -> fc: FC 5 -> TANH -> out: FC 3 -> SOFTMAX\n'
)
COUNTS = {"train": 44, "val": 6, "test": 20}

Run = Callable[..., Ended]
Array = np.ndarray[Any, Any]


def pictures(count: int, seed: int) -> tuple[Array, Array]:
    """Pictures that are bright in the left, the middle or the right third."""
    chance = np.random.default_rng(seed)
    x, y = chance.integers(0, 120, (count, 6, 6), np.uint8), np.arange(count) % 3
    for picture, third in zip(x, y, strict=True):
        picture[:, 2 * third : 2 * third + 2] += 60
    return x, y


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("features")
    (x, y), (x_test, y_test) = pictures(50, 0), pictures(20, 1)
    np.savez(made / "data.npz", x_train=x, y_train=y, x_test=x_test, y_test=y_test, classes=["left", "mid", "right"])
    (made / "small.net").write_text(NETWORK)
    net = netdsl.load(made / "small.net")
    (made / "trained").mkdir()
    preparation = Preparation((0.25,), (0.5,), "pad", 1)
    compile(net.shaped, made / "trained" / "best.pt", seed=5, classes=["a", "b", "c"], preparation=preparation)
    netdsl.loads("a: INPUT 6x6x1\nb: INPUT 6x6x1\n[a | b] -> ADD -> fc: FC 3", name="two.net").compile(made / "two.pt")
    (made / "wide.net").write_text("INPUT 6x6x5 -> fc: FC 3\n")
    return made


@pytest.fixture
def features(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.chdir(folder)
    return partial(command_line.run, "features")


def held(path: Path) -> dict[str, Array]:
    with np.load(path, allow_pickle=False) as arrays:
        return dict(arrays)


@pytest.mark.parametrize(
    ("layer", "options", "shape"),
    [("conv", [], (4,)), ("conv", ["--flat"], (64,)), ("fc", [], (5,)), ("tanh1", [], (5,)), ("input1", [], (1,))],
)
def test_features_are_what_the_layer_gives(
    features: Run, folder: Path, layer: str, options: list[str], shape: Any
) -> None:
    status, out, err = features("trained", "--layer", layer, "--data", "data.npz", *options)
    assert (status, err) == (0, "")
    assert out == f"features.npz: {shape[0]} numbers of {layer} for each picture: train 44, validation 6, test 20\n"
    found = held(folder / "features.npz")
    assert {name: len(found[f"x_{name}"]) for name in COUNTS} == COUNTS
    assert found["classes"].tolist() == ["left", "mid", "right"]
    x, y = pictures(20, 1)
    assert (found["y_test"].tolist(), found["x_test"].shape) == (y.tolist(), (20, *shape))
    module: Any = netdsl.load(folder / "small.net").module(seed=5).eval()
    kept: list[torch.Tensor] = []
    given = torch.from_numpy((x[:, None] / np.float32(255) - np.float32(0.25)) / np.float32(0.5))
    if layer == "input1":
        kept.append(given)
    else:
        module.get_submodule(layer).register_forward_hook(lambda _module, _inputs, output: kept.append(output))
        module(given)
    wanted = kept[0].flatten(1) if options or kept[0].ndim == 2 else kept[0].mean((2, 3))
    assert np.allclose(found["x_test"], wanted.detach().numpy(), atol=1e-6)


def test_equal_features_make_equal_files(features: Run, folder: Path) -> None:
    for name in ("one.npz", "two.npz"):
        assert features("trained", "--layer", "fc", "--data", "data.npz", "-o", name, "--batch", "7").status == 0
    assert (folder / "one.npz").read_bytes() == (folder / "two.npz").read_bytes()


def test_a_probe_stands_beside_pixels_and_the_untrained_layer(features: Run, folder: Path) -> None:
    arguments = ("--layer", "fc", "--data", "data.npz", "--probe")
    status, out, err = features("trained", *arguments)
    assert (status, err) == (0, "")
    assert out.startswith("Small: linear probes of data.npz, errors on its test part of 20, prepared as in training\n")
    assert [line.split("  ")[0] for line in out.splitlines()[4:7]] == ["fc, trained", "fc, untrained", "pixels"]
    found = json.loads(features("trained", *arguments, "--format", "json").out)
    assert (found["layer"], found["examples"]) == ("fc", 20)
    assert [one["numbers"] for one in found["probes"]] == [5, 5, 36]
    assert found["probes"][2]["error"] == 0  # a third is brighter than the others
    rows = [line.split() for line in out.splitlines()[4:7]]
    assert [row[-3] for row in rows] == [f"{100 * one['error']:.2f}%" for one in found["probes"]]
    assert not {path.name for path in folder.iterdir()} & {"fc.npz", "probe.npz"}


def test_an_untrained_network_is_said_to_be(features: Run) -> None:
    out = features("small.net", "--layer", "fc", "--data", "data.npz", "--probe").out
    assert "normalised by the mean and deviation of the data\n" in out
    assert [line.split("  ")[0] for line in out.splitlines()[4:6]] == ["fc, untrained", "pixels"]


def test_a_probe_is_where_the_loss_is_least() -> None:
    """The gradient of the loss and of half the decay times the squared weights is nought there."""
    chance = np.random.default_rng(3)
    x = chance.normal(2, 3, (200, 6)).astype(np.float32)
    y = (x @ chance.normal(size=(6, 4)) + chance.normal(size=(200, 4))).argmax(1)
    x[:, 5] = 7  # which tells nothing
    made = linear.probe({"train": Features(x, y), "validation": Features(x[:50], y[:50])}, 4)
    assert made.decay in linear.DECAYS
    p = made.probabilities(torch.from_numpy(x)).numpy()
    assert np.allclose(p.sum(1), 1, atol=1e-5)
    scaled = (x - made.mean.numpy()) / made.std.numpy()
    slope = scaled.T @ (p - np.eye(4)[y]) / len(y) + made.decay * made.weights.numpy()
    assert np.abs(slope).max() < 1e-3
    assert np.abs((p - np.eye(4)[y]).mean(0)).max() < 1e-3
    assert made.tried(Features(x, y)).error == (p.argmax(1) != y).mean() < 0.4


def test_large_pictures_are_made_smaller_beside_features() -> None:
    reading, numbers, name = of_pixels((100, 200, 3))
    assert (numbers, name) == (26 * 52 * 3, "pixels of 26x52")
    assert reading(torch.zeros(2, 3, 100, 200)).shape == (2, numbers)
    assert of_pixels((28, 28, 1))[1:] == (784, "pixels")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["trained", "--layer", "cnv", "--data", "data.npz"],
            "Small has no layer cnv\n  = help: did you",
        ),
        (["trained", "--layer", "fc", "--data", "none.npz"], "none.npz: No such file"),
        (["trained", "--layer", "fc", "--data", "small.net"], "small.net: is none of the forms of data"),
        (["two.pt", "--layer", "fc", "--data", "data.npz"], "two takes 2 inputs, and not a picture"),
        (["wide.net", "--layer", "fc", "--data", "data.npz"], "wide takes 6x6x5, and not a picture"),
        (["trained", "--layer", "fc", "--data", "data.npz", "-o", "a.csv"], "a.csv: .csv is no format of features"),
        (["trained", "--layer", "fc", "--data", "data.npz", "--format", "json"], "--format json is for what --probe"),
        ([".", "--layer", "fc", "--data", "data.npz"], ". holds no training"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_what_cannot_be_had_is_said(features: Run, folder: Path, arguments: list[str], message: str) -> None:
    before = {path.name for path in folder.iterdir()}
    status, out, err = features(*arguments)
    assert (status, out) == (2, "")
    assert err.startswith(f"error: {message}")
    assert {path.name for path in folder.iterdir()} == before
