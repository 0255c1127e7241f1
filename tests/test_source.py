"""PyTorch source: it needs torch alone, is formatted as ruff does it, and is the same network as the module."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from test_cli import Run, run  # noqa: F401
from torch import nn

import netdsl
from netdsl import compile
from netdsl.compile.inits import INITS
from netdsl.compile.lower import lower
from netdsl.compile.plan import Plan
from netdsl.compile.source import text as source_of
from netdsl.graph.node import ShapedGraph

PROGRAMS = Path(__file__).parent / "programs" / "valid"
NETWORKS = Path(__file__).parent.parent / "networks"
LARGE = 3_000_000
LARGEST = 1e9
"""Weights and MACs of a network that takes too long to make and to run here."""


def written(network: ShapedGraph, seed: int = 0, init: str = "default") -> str:
    return source_of(Plan(network, train=True), seed, init)


def made(text: str) -> nn.Module:
    """The network of a source: its last class, without arguments."""
    scope: dict[str, Any] = {"__name__": "generated"}
    exec(text, scope)
    kinds = [one for one in scope.values() if isinstance(one, type) and one.__module__ == "generated"]
    return kinds[-1]()


def tensors(given: Any) -> list[torch.Tensor]:
    return [given] if isinstance(given, torch.Tensor) else list(given)


def check(network: ShapedGraph, text: str, init: str = "default") -> None:
    """Hold a source against the module: weights, names of weights, and outputs in both modes."""
    own, module = made(text), compile.module(network, seed=0, init=init)
    wanted, found = module.state_dict(), own.state_dict()
    assert [*found] == [*own.state_dict()]
    assert found.keys() == wanted.keys()
    assert [name for name, one in wanted.items() if not torch.equal(found[name], one)] == []
    own.load_state_dict(wanted, strict=True)
    module.load_state_dict(found, strict=True)
    shapes = [network.shapes[index] for index in network.graph.inputs]
    inputs = [torch.randn(2, one.channels, *one.spatial) for one in shapes]
    for mode in (True, False):
        given: list[list[torch.Tensor]] = []
        for one in (own.train(mode), module.train(mode)):
            torch.manual_seed(1)
            with torch.no_grad():
                given.append(tensors(one(*inputs)))
        for first, second in zip(*given, strict=True):
            torch.testing.assert_close(first, second, equal_nan=True)


SMALL = """
network "Two heads"
param classes = 3
block unit(n, k, stride=1) = CONV n {k} s{stride} p{k // 2} nobias -> BN -> RELU
block same(w) = [ unit(w, 3) | SKIP ] -> ADD
INPUT 9x9x3 -> unit(4, 3, 2) -> stage: ( same(4) x3 ) -> mid: unit(2 * 4, 1) -> FC classes
mid -> aux: FC 2
output training aux
"""


def check_names(network: ShapedGraph) -> None:
    """Hold the names and shapes of a source's weights against the module's, without making any."""
    text = written(network).replace("            initialise(self, seed)", "            pass")
    with torch.device("meta"):
        own = made(text).state_dict()
    wanted = lower(Plan(network, train=True), blank=True).state_dict()
    assert {name: one.shape for name, one in own.items()} == {name: one.shape for name, one in wanted.items()}


@pytest.mark.parametrize("path", sorted(PROGRAMS.glob("*.net")), ids=lambda path: path.stem)
def test_it_is_the_network_that_the_module_is(path: Path) -> None:
    network = netdsl.load(path)
    totals = network.summary().totals
    if totals.params > LARGE or totals.macs > LARGEST:
        check_names(network.shaped)
    else:
        check(network.shaped, written(network.shaped))


@pytest.mark.parametrize("path", sorted(NETWORKS.glob("*.net")), ids=lambda path: path.stem)
def test_the_bundled_networks_have_weights_of_the_same_names(path: Path) -> None:
    check_names(netdsl.load(path).shaped)


def test_all_sources_are_formatted_as_ruff_does_it_and_pass_its_rules(tmp_path: Path) -> None:
    for path in (*PROGRAMS.glob("*.net"), *NETWORKS.glob("*.net")):
        (tmp_path / f"{path.stem}.py").write_text(written(netdsl.load(path).shaped), encoding="utf-8")
    ruff = Path(sys.executable).with_name("ruff")
    for command in ("format --check", "check"):
        found = subprocess.run([ruff, *command.split(), "--isolated", tmp_path], capture_output=True, text=True)
        assert found.returncode == 0, found.stdout[-4000:]


def test_blocks_are_classes_with_their_parameters_and_repeats_are_loops() -> None:
    text = written(netdsl.loads(SMALL).shaped)
    assert "def __init__(self, in_channels: int, n: int, k: int, stride: int = 1) -> None:" in text
    assert "in_channels, n, k, stride=stride, padding=k // 2, bias=False" in text
    assert "OrderedDict((str(i), Same(4, 4)) for i in range(1, 4))" in " ".join(text.split())
    assert "return self.unit1(x) + x" in text
    assert "def __init__(self, classes: int = 3, seed: int = 0) -> None:" in text
    check(netdsl.loads(SMALL).shaped, text)


def test_long_names_and_titles_are_laid_out_too(tmp_path: Path) -> None:
    chain = "CONV 3 1 -> a_name_that_is_longer_than_most: RELU -> another_name_that_is_as_long: ( LN -> CONV 2 1 )"
    title = f'network "A title{" that is long" * 7}"\n'
    network = netdsl.loads(
        f"{title}INPUT 4x4x4 -> {chain} -> p: SCALE init=0.1\nanother_name_that_is_as_long -> q: RELU"
    )
    (tmp_path / "net.py").write_text(written(network.shaped), encoding="utf-8")
    (tmp_path / "small.py").write_text(written(netdsl.loads("INPUT 12x4 -> TOKEN").shaped), encoding="utf-8")
    ruff = Path(sys.executable).with_name("ruff")
    for command in ("format --check", "check --select E501,I,F --line-length 120"):
        found = subprocess.run([ruff, *command.split(), "--isolated", tmp_path], capture_output=True, text=True)
        assert found.returncode == 0, found.stdout[-4000:]
    check(network.shaped, written(network.shaped))


def test_what_is_assigned_last_is_returned_at_once() -> None:
    network = netdsl.loads("INPUT 4x4x4 -> [ SKIP | RELU ] -> ADD -> SIGMOID -> TANH").shaped
    text = written(network)
    last = text.rstrip().rpartition("\n")[2].strip()
    assert last == "return self.tanh1(self.sigmoid1(x + self.relu1(x)))"
    check(network, text)


def test_rates_and_windows_follow_from_the_parameters_of_blocks() -> None:
    look = "block look(w, rate) = [ LN -> ATTENTION 2 window=w -> DROPPATH rate | SKIP ] -> ADD\n"
    stage = "block stage(w) = look(w, {0.2*(i - 1)/3}) x2 as i\n"
    network = netdsl.loads(f"{look}{stage}INPUT 4x4x4 -> stage(2) -> CONV 6 1 -> stage(4) -> FC 2").shaped
    text = written(network)
    assert "window=[w] * 2" in text
    assert "Look(in_channels, w, 0.2 * (i - 1) / 3)" in text
    check(network, text)


def test_names_that_mean_something_in_a_class_are_not_taken_for_it() -> None:
    block = "block b(__k, max, _n=3) = CONV __k _n same -> __in: BN -> [ __l: CONV {min(max, __k)} 1 | SKIP ] -> ADD\n"
    params = "param min = 2\nparam torch = 3\nparam torch_ = 2\nparam initialise = 3\nparam in_channels2 = 2\n"
    chain = "INPUT 4x4x3 -> __a: CONV min 1 -> b(min, torch_) -> __g: ( CONV torch 1 -> RELU ) -> b(torch, 3)"
    network = netdsl.loads(f"{params}{block}{chain} -> CONV initialise 1 -> CONV in_channels2 1 -> FC torch_").shaped
    check(network, written(network))


def test_channels_that_space_was_turned_into_follow_from_those_that_enter() -> None:
    merge = "block merge() = PIXELUNSHUFFLE 2 order=swin -> LN -> CONV {2*in} 1 -> PIXELSHUFFLE 2 -> BN\n"
    network = netdsl.loads(f"{merge}INPUT 16x16x4 -> merge() -> merge() -> FC 2").shaped
    text = written(network)
    assert "def __init__(self, in_channels: int) -> None:" in text
    assert "ChannelNorm(in_channels * 4)" in text
    assert "nn.BatchNorm2d(2 * in_channels // 4)" in text
    check(network, text)


def test_whole_numbers_that_channels_grow_by_are_added_up() -> None:
    block = "block grow() = [ SKIP | CONV 1 3 p1 ] -> CONCAT\n"
    network = netdsl.loads(f"{block}INPUT 5x5x2 -> ( ( grow() x2 -> BN ) x2 -> DROPOUT ) x2 -> FC 3").shaped
    text = written(network)
    assert "(i - 1) * 4" in text
    assert "1 + 1" not in text
    check(network, text)


def test_what_is_large_starts_from_the_same_weights_too() -> None:
    network = netdsl.loads("INPUT 2100 -> FC 2000 -> FC 1").shaped
    for init in ("default", "pytorch", "vgg"):
        check(network, written(network, init=init), init)


STARTS = """
block unit(n, k=3) = CONV n {k} p{k // 2} nobias -> BN
block table() = CONV 4 3 p1 table="012 345 0 01234567"
INPUT 12x12x8 -> CONV 8 3 p1 g2 -> RELU -> ( [ unit(16, 1) -> RELU -> unit(8) | SKIP ] -> ADD -> RELU ) x3
-> [ table() | DECONV 4 1 g2 | DWCONV 3 p1 -> CONV 4 1 nobias -> SIGMOID ] -> CONCAT
-> DECONV 6 4 s2 -> TANH -> MAXPOOL 3
-> ( [ CONV 12 1 -> GELU -> CONV 6 1 | SKIP ] -> ADD ) x2 -> RESHAPE {-1, 6} -> TOKEN -> ATTENTION 2 -> LSTM 5 last
-> PRELU -> FC 7 -> SCALE init=0.5 -> FC 3 -> SOFTMAX
"""


@pytest.mark.parametrize("init", INITS)
def test_it_starts_from_the_same_weights_by_every_name(init: str, tmp_path: Path) -> None:
    network = netdsl.loads(STARTS).shaped
    text = written(network, init=init)
    check(network, text, init)
    (tmp_path / "net.py").write_text(text, encoding="utf-8")
    ruff = Path(sys.executable).with_name("ruff")
    for command in ("format --check", "check"):
        found = subprocess.run([ruff, *command.split(), "--isolated", tmp_path], capture_output=True, text=True)
        assert found.returncode == 0, found.stdout[-4000:]


def test_gains_that_differ_stand_in_short_tables() -> None:
    text = written(netdsl.load("resnet50").shaped)
    assert 'GAINS = {"fc1": 1.0}\nFACTORS = {"*.unit3.bn1": 0.0}\n' in text
    assert "GAINS" not in written(netdsl.load("lenet5").shaped)


@pytest.mark.parametrize(
    "text",
    [
        "INPUT 6x6x6x2 -> AVGPOOL 3 s1 p1 -> AVGPOOL 3 s2 p1 ceil exclude_pad -> FC 2",
        "INPUT 3x3x2 -> FC 18 -> RESHAPE 1x1x18 -> FC 18 -> RESHAPE 9x2 -> ( FC 8 -> RESHAPE 4x2 -> FC 3 ) x2",
        "INPUT 5x5x5x2 -> AVGPOOL 2 s1 after=1 exclude_pad -> AVGPOOL 2 s1 p1 after=0 -> FC 2",
    ],
)
def test_clips_are_averaged_and_maps_flattened_as_often_as_they_come(text: str) -> None:
    network = netdsl.loads(text).shaped
    check(network, written(network))


def test_types_of_arguments_are_those_that_pytorch_takes() -> None:
    block = "block unit(k) = CONV 2 {k} -> BN\n"
    text = written(netdsl.loads(f"{block}INPUT 9x9x3 -> unit(3) -> unit(1x3) -> FC 2").shaped)
    assert "def __init__(self, in_channels: int, k: int | tuple[int, int]) -> None:" in text
    assert "def initialise(module: Any, seed: int" in text


def test_it_imports_torch_alone() -> None:
    text = written(netdsl.load("lenet5").shaped)
    assert "netdsl" not in text.partition("import torch")[2]


def test_the_command_and_python_write_it(run: Run) -> None:  # noqa: F811
    result = run("compile", "lenet5", "-o", "lenet5.py", "--seed", "3")
    assert (result.status, result.err) == (0, "")
    assert result.out.startswith("lenet5.py: LeNet-5, 60,000 parameters, ")
    assert "both modes" in result.out
    assert netdsl.load("lenet5").compile("again.py", seed=3) == Path("again.py")
    assert Path("again.py").read_bytes() == Path("lenet5.py").read_bytes()


@pytest.mark.parametrize("options", ["--mode train", "--target cpu", "--devices cpu", "--weights a.pth"])
def test_what_does_not_go_with_it_is_a_usage_error(run: Run, options: str) -> None:  # noqa: F811
    result = run("compile", "lenet5", "-o", "net.py", *options.split())
    assert (result.status, result.out) == (2, "")
    assert f"help: write --format torchscript for {options}" in result.err
    assert not os.listdir()
