"""Probes: signals and gradients are those of a plain run, and each planted fault is told at the layer that has it."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable
from functools import partial
from pathlib import Path

import command_line
import numpy as np
import pytest
import svg_reader
import torch
from command_line import Ended
from torch import Tensor, fx
from torch.nn import functional

import netdsl
from netdsl.draw.palette import THEMES
from netdsl.probe import Probe, SignalWarning, alive, mistakes, probe
from netdsl.probe.readings import read, signal
from netdsl.train import room

Run = Callable[..., Ended]

CHAIN = """\
network "Chain"
INPUT 12x12x3
-> conv1: CONV 6 3x3 -> relu1: RELU
-> conv2: CONV 6 3x3 -> relu2: RELU -> pool2: MAXPOOL 2
-> fc3: FC 16 -> relu3: RELU -> DROPOUT 0.5
-> fc4: FC 4 -> SOFTMAX
"""
BRANCHES = """\
INPUT 8x8x3 -> stem: CONV 4 3 p1
-> block1: ( [ conv: CONV 4 3 p1 -> bn: BN -> gate: RELU | SKIP ] -> sum: ADD )
-> AVGPOOL global -> FC 3 -> SOFTMAX
"""


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Run:
    """Runs `netdsl probe` in a folder that has the chain."""
    monkeypatch.chdir(tmp_path)
    Path("chain.net").write_text(CHAIN)
    return partial(command_line.run, "probe")


def started(text: str, change: Callable[[fx.GraphModule], None] | None = None, **options: object) -> Probe:
    """A probe of a program whose weights were changed after they were drawn."""
    net = netdsl.loads(text)
    module = net.module()
    if change is not None:
        with torch.no_grad():
            change(module)
    return net.probe(weights=module.state_dict(), **options)  # pyright: ignore[reportArgumentType]


def told(found: Probe) -> list[tuple[str, str]]:
    return [(one.code, one.path) for one in found.warnings]


# What is read


def plain(module: fx.GraphModule, x: Tensor) -> dict[str, Tensor]:
    """What each module of a chain gives, by plain hooks."""
    kept: dict[str, Tensor] = {}

    def keep(_: object, __: object, output: Tensor, name: str) -> None:
        kept[name] = output

    for name, one in module.named_children():
        one.register_forward_hook(partial(keep, name=name))
    module(x)
    return kept


def test_signals_are_deviations_between_examples() -> None:
    net = netdsl.loads(CHAIN)
    module = net.module(logits=True)
    x = torch.randn(5, 3, 12, 12)
    found = read(net.shaped, module, [x])
    with torch.no_grad():
        kept = plain(module.eval(), x)
    for index, one in found.signals.items():
        path = net.shaped.nodes[index].path
        values = x if path == "input1" else kept[path]
        assert one.signal == pytest.approx(float(values.var(0).mean().sqrt()), rel=1e-4), path
        assert one.size == pytest.approx(float(values.square().mean().sqrt()), rel=1e-4), path
        same = (values == values[:1]).transpose(0, 1).flatten(1).all(1)
        assert (one.units, one.dead) == (values.shape[1], int(same.sum())), path
    assert "softmax1" not in {net.shaped.nodes[index].path for index in found.signals}
    assert not found.pulls


def test_gradients_are_those_of_the_loss() -> None:
    net = netdsl.loads(CHAIN)
    module = net.module(logits=True)
    x, y = torch.randn(5, 3, 12, 12), torch.randint(4, (5,))
    found = read(net.shaped, module, [x], net.loss(), [y])
    loss = functional.cross_entropy(module.eval()(x), y)
    loss.backward()
    assert found.loss == pytest.approx(loss.item(), rel=1e-5)
    paths = {net.shaped.nodes[index].path: pull for index, pull in found.pulls.items()}
    assert list(paths) == ["conv1", "conv2", "fc3", "fc4"]
    for path, pull in paths.items():
        weight = module.get_submodule(path).weight
        assert isinstance(weight, Tensor)
        assert weight.grad is not None
        wanted = (float(weight.grad.square().mean().sqrt()), float(weight.detach().square().mean().sqrt()))
        assert (pull.gradient, pull.weight) == pytest.approx(wanted, rel=1e-4)
        assert pull.ratio == pytest.approx(wanted[0] / wanted[1], rel=1e-4)


@pytest.mark.parametrize("scale", [1e-30, 1.0, 1e30])
def test_signals_of_any_size_are_told(scale: float) -> None:
    values = torch.randn(4, 3, 5, 5)
    assert signal(values * scale).signal == pytest.approx(scale * signal(values).signal, rel=1e-4)
    same = signal(values[:1].expand(4, -1, -1, -1) * scale)
    assert (same.signal, same.dead, same.finite) == (0, 3, True)


def test_a_probe_leaves_a_network_as_it_was() -> None:
    net = netdsl.loads(BRANCHES.replace("FC 3", "DROPOUT 0.5 -> FC 3"))
    module = net.module(logits=True)
    before = {name: one.clone() for name, one in module.state_dict().items()}
    modes = [one.training for one in module.modules()]
    x, state = torch.randn(4, 3, 8, 8), torch.get_rng_state()
    assert alive(net.shaped, module, net.loss(), x, torch.tensor([0, 1, 2, 0])) == []
    assert all(torch.equal(one, before[name]) for name, one in module.state_dict().items())
    assert [one.training for one in module.modules()] == modes
    assert torch.equal(torch.get_rng_state(), state)
    assert all(one.grad is None for one in module.parameters())
    assert not any(one._forward_hooks for one in module.modules())


@pytest.mark.parametrize(
    "text",
    [
        "INPUT 8x8x3 -> CONV 4 3 -> FC 3",  # no loss
        "INPUT 8x8x3 -> CONV 4 3 p1 -> CONV 5 1 -> SOFTMAX",  # a map
        "INPUT 16 -> FC 8 -> TANH -> FC 1 -> SIGMOID",  # two classes
        "INPUT 16 -> FC 8 -> RELU -> FC 3 -> SIGMOID",
        "INPUT 12x5 -> LSTM 7 last -> FC 3 -> SOFTMAX",  # a sequence
        "INPUT 6x8 -> ATTENTION 2 -> AVGPOOL global -> FC 3 -> SOFTMAX",
        "left: INPUT 8x8x3 -> a: FLATTEN\nright: INPUT 5 -> b: FC 6\n[ a | b ] -> CONCAT -> FC 3 -> SOFTMAX",
        "INPUT 8x8x3 -> t: CONV 4 3 p1 -> u: CONV 4 3 p1 -> u() -> FC 3 -> SOFTMAX",
        "INPUT 8x8x3 -> c: CONV 4 3\nc -> a: FC 3 -> SOFTMAX\nc -> b: FC 2 -> SOFTMAX\noutput a, b",
        "INPUT 8x8x3 -> c: CONV 4 3 -> FC 3 -> a: SOFTMAX\nc -> FC 3 -> b: SOFTMAX\noutput a\noutput training b",
        "INPUT 8x8x3 -> NORMALIZE mean=120 std=60 -> CONV 4 3 -> RELU -> FC 3 -> SOFTMAX",
    ],
)
def test_every_kind_of_network_is_probed(text: str) -> None:
    net = netdsl.loads(text)
    found = net.probe(batch=4)
    assert told(found) == []
    (one,) = found.runs
    weighted = [
        node.path for node in net.shaped.nodes if node.layer.role in ("convolution", "dense") and not node.shared
    ]
    assert bool(found.lossless) == (one.readings.loss is None)
    pulled = {net.shaped.nodes[index].path for index in one.readings.pulls}
    assert found.lossless or pulled.issuperset(weighted)
    assert ("no gradient: " in str(found)) == bool(found.lossless)
    assert found.draw().startswith(b"<?xml")


# Planted faults


def test_a_network_that_can_start_is_not_warned_of() -> None:
    for text in (CHAIN, BRANCHES):
        assert told(netdsl.loads(text).probe()) == []


def test_a_relu_below_zero_is_dead() -> None:
    def plant(module: fx.GraphModule) -> None:
        module.get_submodule("conv2").bias.fill_(-100)  # pyright: ignore

    found = started(CHAIN, plant)
    assert told(found) == [("dead-layer", "relu2")]
    (warning,) = found.warnings
    assert warning.message == "relu2 is dead: all 6 units of it give 0 for every example, whatever conv2 gives it"
    assert (warning.span.line, warning.span.text, warning.severity) == (4, "RELU", "warning")


def test_a_dead_branch_is_told_though_the_signal_goes_around_it() -> None:
    def plant(module: fx.GraphModule) -> None:
        module.get_submodule("block1.bn").bias.fill_(-100)  # pyright: ignore

    assert told(started(BRANCHES, plant)) == [("dead-layer", "block1.gate")]


def test_weights_of_zero_are_told_unless_a_way_leads_around_them() -> None:
    def plant(module: fx.GraphModule, path: str) -> None:
        module.get_submodule(path).weight.zero_()  # pyright: ignore

    assert told(started(CHAIN, partial(plant, path="fc3"))) == [("dead-layer", "fc3")]
    assert told(started(CHAIN, partial(plant, path="fc4"))) == []  # the last one wakes with the first step
    branch = BRANCHES.replace(" -> gate: RELU", "")
    assert told(started(branch, partial(plant, path="block1.bn"))) == []


def test_a_chain_of_sigmoids_lets_nothing_through() -> None:
    text = "INPUT 32 -> ( fc: FC 32 -> act: SIGMOID ) x30 -> last: FC 4 -> SOFTMAX"
    (warning,) = netdsl.loads(text).probe(init="pytorch").warnings
    assert warning.code == "vanishing-signal"
    assert "--init default" in warning.help
    (warning,) = netdsl.loads(text).probe(init="default").warnings
    assert warning.code == "vanishing-signal"
    assert "write RELU in place of SIGMOID" in warning.help


def test_saturated_units_let_no_gradient_through() -> None:
    def plant(module: fx.GraphModule) -> None:
        module.get_submodule("b").weight.mul_(1e4)  # pyright: ignore

    text = "INPUT 16 -> a: FC 16 -> RELU -> b: FC 16 -> TANH -> c: FC 4 -> SOFTMAX"
    found = started(text, plant)
    assert told(found) == [("vanishing-gradient", "b")]
    assert "b and the 1 before it" in found.warnings[0].message


def test_gains_that_multiply_explode() -> None:
    def plant(module: fx.GraphModule) -> None:
        for one in module.parameters():
            one.mul_(4)

    text = "INPUT 32 -> ( fc: FC 32 -> act: RELU ) x8 -> last: FC 4 -> SOFTMAX"
    (warning,) = started(text, plant).warnings
    assert (warning.code, warning.path) == ("exploding-signal", "group1.2.fc")
    assert "those of last one of" in warning.message


@pytest.mark.parametrize("path", ["conv1", "fc3", "fc4"])
def test_nan_is_told_at_the_layer_that_has_it(path: str) -> None:
    def plant(module: fx.GraphModule) -> None:
        module.get_submodule(path).weight[0] = float("nan")  # pyright: ignore

    with pytest.warns(netdsl.compile.origin.WeightsWarning):
        found = started(CHAIN, plant)
    assert told(found) == [("not-finite", path)]
    assert found.warnings[0].message == f"the weights of {path} hold NaN or infinity"
    json.loads(found.json(), parse_constant=pytest.fail)


def test_a_signal_that_shrinks_with_its_outputs_is_faint() -> None:
    def plant(module: fx.GraphModule) -> None:
        for one in module.parameters():
            one.mul_(0.01)

    (warning,) = started("INPUT 32 -> ( fc: FC 32 nobias -> RELU ) x8 -> last: FC 4 -> SOFTMAX", plant).warnings
    assert (warning.code, warning.path) == ("vanishing-signal", "group1.2.relu1")
    assert "those of last one of" in warning.message


def test_statistics_that_are_no_numbers_are_told() -> None:
    def plant(module: fx.GraphModule) -> None:
        module.get_submodule("block1.bn").running_mean.fill_(float("nan"))  # pyright: ignore

    with pytest.warns(netdsl.compile.origin.WeightsWarning):
        assert told(started(BRANCHES, plant)) == [("not-finite", "block1.bn")]


def test_examples_that_are_no_numbers_are_told() -> None:
    net = netdsl.loads(CHAIN)
    x = torch.randn(4, 3, 12, 12)
    x[2] = float("inf")
    (warning,) = alive(net.shaped, net.module(logits=True), net.loss(), x, torch.zeros(4, dtype=torch.long))
    assert (warning.code, warning.path) == ("not-finite", "input1")


def test_a_deep_chain_is_dead_at_birth_by_pytorchs_default_alone() -> None:
    net = netdsl.loads("INPUT 16x16x3 -> ( CONV 32 3 p1 -> RELU ) x18 -> FC 10 -> SOFTMAX")
    default, pytorch = net.probe(init=("default", "pytorch")).runs
    assert default.warnings == ()
    (warning,) = pytorch.warnings
    assert warning.code == "vanishing-signal"
    last = max(default.readings.signals)
    assert 0.05 < default.readings.signals[last].signal < 5
    assert pytorch.readings.signals[last].signal < 1e-6


# How it is shown


def test_the_table_has_a_row_for_each_layer(run: Run) -> None:
    status, out, err = run("chain.net")
    assert (status, err) == (0, "")
    lines = out.splitlines()
    assert lines[0] == "Chain, init default: 8 random examples, seed 0"
    assert lines[2].split() == ["layer", "signal", "of", "size", "dead", "gradient"]
    assert [line.split()[0] for line in lines[4:]][:3] == ["input1", "conv1", "relu1"]
    assert max(map(len, lines)) <= 80
    assert run("chain.net").out == out
    assert run("chain.net", "--seed", "1").out != out


def test_copies_of_a_repeat_are_folded_unless_all_are_asked_for(run: Run) -> None:
    Path("deep.net").write_text("INPUT 8 -> ( fc: FC 8 -> RELU ) x9 -> FC 2 -> SOFTMAX")
    folded, every = run("deep.net").out, run("deep.net", "--all").out
    assert "×9" in folded
    assert folded.count("FC 8") == 1
    assert every.count("FC 8") == 9
    assert "group1.9.fc" in every


def test_weights_that_begin_at_zero_wake(run: Run) -> None:
    Path("branch.net").write_text(BRANCHES.replace(" -> gate: RELU", ""))
    (row,) = [line.split() for line in run("branch.net").out.splitlines() if line.split()[:1] == ["bn"]]
    assert row == ["bn", "BN", "0", "0", "all", "wakes"]


def test_a_loss_that_layers_do_not_say_is_said(run: Run) -> None:
    Path("open.net").write_text("INPUT 8 -> FC 200 -> RELU -> FC 4")
    out = run("open.net").out
    assert "gradient" not in out.splitlines()[2]
    assert "no gradient: fc2 (FC 4) ends in no SOFTMAX" in out
    assert "--loss cross-entropy" in out.replace("\n", " ")
    assert max(map(len, out.splitlines())) <= 80
    assert "gradient" in run("open.net", "--loss", "cross-entropy").out.splitlines()[2]
    assert not netdsl.load("open.net").probe(loss="binary-cross-entropy").lossless


def test_the_other_formats_have_every_layer(run: Run) -> None:
    data = json.loads(run("chain.net", "--format", "json", "--init", "he,default").out)
    assert [one["init"] for one in data["runs"]] == ["he", "default"]
    layers = data["runs"][0]["layers"]
    assert [one["path"] for one in layers][-2:] == ["fc4", "softmax1"]
    assert layers[-1]["signal"] is None
    rows = list(csv.DictReader(io.StringIO(run("chain.net", "--format", "csv", "--init", "he,default").out)))
    assert [row["init"] for row in rows] == ["he"] * len(layers) + ["default"] * len(layers)
    assert float(rows[1]["signal"]) == layers[1]["signal"]
    markdown = run("chain.net", "--format", "markdown").out.splitlines()
    assert len(markdown) == len(layers) + 2


@pytest.mark.parametrize("theme", THEMES)
def test_the_picture_has_a_line_for_each_init(theme: str, tmp_path: Path) -> None:
    net = netdsl.loads(CHAIN)
    found = net.probe(init=("default", "pytorch"))
    made = found.draw(tmp_path / "signal.svg", theme=theme)
    assert (tmp_path / "signal.svg").read_bytes() == made == found.draw(theme=theme)
    words = ["".join(one.itertext()).strip() for one in svg_reader.every(svg_reader.root(made), "text")]
    assert {"Chain", "default", "pytorch", "gradient over weight"} <= {*words}
    assert found.draw(format="png").startswith(b"\x89PNG")
    with pytest.raises(ValueError, match="choose one of svg, png, pdf"):
        found.draw(tmp_path / "signal.gif")


def test_warnings_end_well_unless_they_are_denied(run: Run) -> None:
    Path("deep.net").write_text("INPUT 8 -> ( fc: FC 8 -> SIGMOID ) x30 -> FC 2 -> SOFTMAX")
    status, out, err = run("deep.net")
    assert status == 0
    assert "sigmoid" in out
    assert err.startswith("warning[vanishing-signal]: ")
    assert "--> deep.net:1:" in err
    for code in ("warnings", "vanishing-signal"):
        status, _, err = run("deep.net", "--deny", code)
        assert status == 1
        assert err.startswith("error[vanishing-signal]: ")
    assert run("deep.net", "--deny", "dead-layer").status == 0


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--init", "pytroch"], "did you mean pytorch?"),
        (["--init", ""], "there is no init"),
        (["--batch", "1"], "--batch"),
        (["-o", "signal.gif"], "no format of a picture of signals"),
        (["--theme", "dark"], "--theme goes with a picture"),
        (["--weights", "none.pt"], "none.pt"),
        (["--weights", "chain.net"], "holds no weights"),
        (["--weights", "chain.net", "--init", "he"], "leave one out"),
        (["--deny", "dead-layr"], "did you mean dead-layer?"),
        (["--device", "nowhere"], "--device nowhere"),
        (["--data", "nowhere"], "nowhere"),
        (["--loss", "rbf-map"], "is no distance"),
    ],
)
def test_wrong_uses_end_in_words(run: Run, options: list[str], says: str) -> None:
    status, out, err = run("chain.net", *options)
    assert (status, out) == (2, "")
    assert says in err
    assert "Traceback" not in err


def test_a_step_without_room_is_told(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "available", lambda _: 1000)
    status, out, err = run("chain.net")
    assert (status, out) == (2, "")
    assert re.match(r"error: a step by 8 examples takes [\d.]+ KB of memory, of which 1.00 KB are free\n", err)
    assert "write --batch 2" in err


def test_a_batch_of_one_has_no_signal() -> None:
    with pytest.raises(ValueError, match="batch"):
        netdsl.loads(CHAIN).probe(batch=1)
    with pytest.raises(ValueError, match="differ"):
        probe(netdsl.loads(CHAIN).shaped, batch=1)


def test_every_code_is_some_mistakes() -> None:
    kinds = [one for one in vars(mistakes).values() if isinstance(one, type) and one.__module__ == mistakes.__name__]
    assert {one.code for one in kinds if hasattr(one, "code") and isinstance(one.code, str)} == {*mistakes.CODES}


def test_a_training_begins_with_a_probe(run: Run) -> None:
    pictures = np.random.default_rng(0).integers(0, 255, (40, 8, 8, 1), dtype=np.uint8)
    np.savez("data.npz", x_train=pictures, y_train=np.arange(40) % 4, x_test=pictures[:8], y_test=np.arange(8) % 4)
    text = "INPUT 8x8x1 -> FLATTEN -> ( fc: FC 8 -> act: SIGMOID ) x12 -> FC 4 -> SOFTMAX"
    Path("deep.net").write_text(text)
    net = netdsl.load("deep.net")
    found = net.probe(batch=64, data="data.npz", init="pytorch")
    assert found.batch == 36  # a tenth is the validation part
    assert told(found)[0][0] == "vanishing-signal"
    assert found.data["data"] == "data.npz"
    with pytest.warns(SignalWarning, match="the signal vanishes"):
        net.train("data.npz", "python", epochs=1, show=False, init="pytorch")
    options = ("--data", "data.npz", "-o", "cli", "--epochs", "1", "--init", "pytorch")
    ended = command_line.run("train", "deep.net", *options)
    assert ended.status == 0
    assert "warning[vanishing-signal]: " in ended.err
    weights = [torch.tensor(bytearray(Path(one, "best.safetensors").read_bytes())) for one in ("python", "cli")]
    assert torch.equal(*weights)
