"""What weights start from: gains, fans and residual branches, signals that stay alive, and the laws that have names."""

from __future__ import annotations

from hashlib import sha256
from math import sqrt
from pathlib import Path

import pytest
import torch
from test_cli import Run, run  # noqa: F401
from torch import Tensor, nn

import netdsl
from netdsl.compile.inits import DEFAULT, INITS, gains
from netdsl.compile.lower import lower
from netdsl.compile.plan import Plan
from netdsl.layers import guard, table
from netdsl.layers.base import Layer

ACTIVATIONS = "RELU RELU6 LEAKYRELU LEAKYRELU|0.3 PRELU ELU SELU GELU SILU MISH HARDSWISH SOFTPLUS ABS"


def started(text: str) -> dict[str, float]:
    """The gain of each weight that has one, by the path of its layer."""
    shaped = netdsl.loads(text).shaped
    return {path: round(gain, 3) for path, gain in gains.of(shaped).items()}


def drawn(text: str, init: str = DEFAULT, seed: int = 0) -> dict[str, Tensor]:
    return lower(Plan(netdsl.loads(text).shaped, train=True), seed, init=init).state_dict()


def signal(network: netdsl.Network, init: str = DEFAULT, *, train: bool = False, seed: int = 0) -> float:
    """The deviation of logits between examples: blurred noise of mean 0 and deviation 1."""
    module = network.module(init=init, logits=True, seed=seed).train(train)
    for part in module.modules():
        if isinstance(part, nn.Dropout) or type(part).__name__ == "DropPath":
            part.eval()
    shape = network.shaped.shapes[network.shaped.graph.inputs[0]]
    source = torch.Generator().manual_seed(1)
    x = torch.randn(8, shape.channels, *[max(1, size // 4) for size in shape.spatial], generator=source)
    if shape.spatial:
        x = nn.functional.interpolate(x, size=shape.spatial)
    with torch.no_grad():
        found = module((x - x.mean()) / x.std())
    return (found if isinstance(found, Tensor) else found[0]).std(0).mean().item()


@pytest.mark.parametrize("written", ACTIVATIONS.split())
def test_activations_of_values_of_their_gain_have_a_mean_square_of_1(written: str) -> None:
    keyword, _, slope = written.partition("|")
    kind = table.find(keyword)
    assert kind is not None
    layer = netdsl.loads(f"INPUT 4x4x2 -> {keyword} {slope}").shaped.nodes[1].layer
    z = torch.linspace(-12, 12, 200_001, dtype=torch.float64)
    density = torch.exp(-z * z / 2) / sqrt(2 * torch.pi) * (z[1] - z[0])
    module = layer.lower(netdsl.loads("INPUT 2").shaped.shapes[0]).double()
    with torch.no_grad():
        found = (module((gains.gain(layer) * z)[:, None])[:, 0] ** 2 * density).sum().item()
    assert found == pytest.approx(1, abs=2e-3)


@pytest.mark.parametrize(
    ("layer", "gain"),
    [
        ("TANH scale=1.7159 slope={2/3}", 1),  # LeCun's own 1/sqrt(fan-in)
        ("TANH", 1),
        ("TANH slope=2", 0.5),
        ("SIGMOID", 1),
        ("SIGMOID -> AVGPOOL 2 -> FC 3", 4),
        ("[SKIP | SIGMOID] -> MUL -> FC 3", 1),
        ("RELU -> [SKIP | RELU] -> ADD -> FC 3", 1),
        ("SOFTMAX", 1),
        ("BN -> RELU", 1.414),
        ("MAXPOOL 2 -> LN -> FLATTEN -> DROPOUT 0.2 -> RELU", 1.414),
        ("CONV 2 1 -> RELU", 1),
        ("[SKIP | CONV 3 1 -> RELU] -> CONCAT -> RELU", 1.414),
        ("[SKIP | SKIP] -> MAX -> RELU", 1.414),
    ],
)
def test_what_follows_a_product_says_its_gain(layer: str, gain: float) -> None:
    assert started(f"INPUT 8x8x3 -> c: CONV 4 3 p1 -> {layer}")["c"] == gain


@pytest.mark.parametrize(
    ("inputs", "layer"),
    [
        ("12x12x6", "CONV 40 3"),
        ("12x12x6", "CONV 40 3 s2 d2 g2"),
        ("12x12x40", "DWCONV 5 multiplier=2"),
        ("20x20x6", "CONV 40 3 same"),
        ("12x12x6", f'CONV 42 3 table="{"012345 0 12 345 2 01 " * 7}"'),
        ("12x12x8", "DECONV 40 4 s2"),
        ("12x12x8", "DECONV 40 3 s1"),
        ("12x12x8", "DECONV 40 2 s2 g4"),
        ("9x9x9x4", "CONV 40 3"),
        ("50x4", "CONV 40 5"),
        ("6x6x10", "FC 200"),
        ("100", "FC 200"),
        ("30x16", "CONV 64 1"),
    ],
)
def test_a_product_alone_keeps_the_deviation_of_its_input(inputs: str, layer: str) -> None:
    network = netdsl.loads(f"INPUT {inputs} -> {layer}")
    module = network.module(seed=2)
    shape = network.shaped.shapes[0]
    with torch.no_grad():
        found = module(torch.randn(64, shape.channels, *shape.spatial, generator=torch.Generator().manual_seed(0)))
    inner = found[tuple([slice(None)] * 2 + [slice(4, -4) if size > 9 else slice(None) for size in found.shape[2:]])]
    assert inner.std().item() == pytest.approx(1, abs=0.1)
    each = inner.transpose(0, 1).flatten(1).std(1)  # no filter has more than its share
    assert each.max() < 2.2
    assert each.min() > 0.35


UNIT = "block unit(n) = CONV n 3 p1 nobias -> BN\n"


@pytest.mark.parametrize(
    ("body", "wanted"),
    [
        # A residual network's last normalisations start at 0, and a projection takes what follows the sum.
        ("[unit(4) -> RELU -> unit(4) | SKIP] -> ADD -> RELU -> FC 2", {"unit2.bn1": 0}),
        (
            "[unit(8) -> RELU -> unit(8) | unit(8)] -> ADD -> RELU -> FC 2",
            {"unit2.bn1": 0, "unit3.conv1": 1.414, "unit3.bn1": None},
        ),
        # Behind a gate too, and before what is dropped.
        (
            "[unit(4) -> [SKIP | AVGPOOL global -> FC 2 -> RELU -> FC 4 -> SIGMOID] -> MUL -> DROPPATH 0.1 | SKIP]"
            " -> ADD -> FC 2",
            {"unit1.bn1": 0},
        ),
        # A RELU at its end would never open again.
        ("([unit(4) -> RELU | SKIP] -> ADD) x4 -> FC 2", {f"{n}.unit1.bn1": 0.5 for n in (1, 2, 3, 4)}),
        # Branches of one length are no residual ones, and share the sum.
        ("[unit(4) | unit(4)] -> ADD -> RELU", {"unit1.conv1": 1, "unit2.conv1": 1}),
        (
            "[unit(4) -> RELU -> unit(4) -> RELU -> unit(4) | unit(4) -> RELU -> unit(4)] -> ADD -> RELU",
            {"unit3.conv1": 1, "unit3.bn1": None, "unit5.conv1": 1},
        ),
        ("[CONV 4 1 | CONV 4 3 p1] -> MEAN -> RELU", {"conv1": 2, "conv2": 2}),
        ("[CONV 4 1 -> RELU | CONV 4 1 -> RELU -> CONV 4 1 -> RELU] -> MEAN -> FC 2", {"conv1": 2, "conv3": 2}),
        ("[CONV 4 1 | CONV 4 3 p1] -> SUB -> SIGMOID", {"conv1": 0.707}),
        # Without normalisation the sum is bounded by the number of branches.
        ("([CONV 4 3 p1 -> RELU -> CONV 4 3 p1 | SKIP] -> ADD) x9 -> FC 2", {"1.conv1": 1.414, "1.conv2": 0.333}),
        # What the program scales stays, as what is normalised at its start or behind the sum.
        ("([CONV 4 1 -> SCALE init=1e-6 | SKIP] -> ADD) x9 -> FC 2", {"1.conv1": 1}),
        ("([CONV 4 1 -> TIMES 0.1 | SKIP] -> ADD) x9 -> FC 2", {"1.conv1": 1}),
        ("([LN -> CONV 16 1 -> GELU -> CONV 4 1 | SKIP] -> ADD) x9 -> FC 2", {"1.conv1": 1.468, "1.conv2": 1}),
        ("([CONV 16 1 -> RELU -> CONV 4 1 | SKIP] -> ADD -> LN) x9 -> FC 2", {"1.conv2": 1}),
        ("([BN -> RELU -> CONV 4 3 p1 | SKIP] -> ADD) x9 -> BN -> RELU -> FC 2", {"1.conv1": 0.471}),
        # What enlarges is the lower part of a U-Net.
        ("[MAXPOOL 2 -> CONV 4 3 p1 -> BN -> UPSAMPLE 2 | SKIP] -> ADD -> RELU -> FC 2", {"conv1": 1}),
        # A gate lets about half through.
        ("[CONV 4 1 | CONV 4 1 -> SIGMOID] -> MUL -> BN -> CONV 4 1 -> RELU", {"conv3": 2.614}),
    ],
)
def test_residual_branches_and_sums(body: str, wanted: dict[str, float | None]) -> None:
    found = started(f"{UNIT}INPUT 8x8x4 -> {body}")
    ends = {path: [gain for name, gain in found.items() if f".{name}".endswith(f".{path}")] for path in wanted}
    assert {path: set(gains) for path, gains in ends.items()} == {
        path: set() if gain is None else {gain} for path, gain in wanted.items()
    }


def test_weights_that_are_applied_again_take_the_least_that_is_wanted() -> None:
    assert started("INPUT 8x8x4 -> c: CONV 4 1 -> RELU -> c() -> RELU -> FC 2") == {"c": 1.414, "fc1": 1}
    assert started("INPUT 8x8x4 -> c: CONV 4 1 -> RELU -> c() -> c() -> FC 2") == {"c": 1, "fc1": 1}


def test_a_package_says_its_activations_gain(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guard, "brought", lambda layer: layer.keyword == "ABS")
    relu = netdsl.loads("INPUT 4 -> ABS -> RELU").shaped
    assert gains.gain._rules[Layer](relu.nodes[1].layer) == sqrt(2)
    assert [gains.gain._fits(one) for one in (1, 0.5, 0, -1.0, "2", float("nan"))] == [True, True] + [False] * 4


DEEP = {
    "plain": "(CONV 32 3 p1 -> RELU) x40 -> AVGPOOL global -> FC 10 -> SOFTMAX",
    "pooled": "((CONV 16 3 p1 -> RELU) x6 -> MAXPOOL 2) x3 -> FC 32 -> RELU -> DROPOUT 0.5 -> FC 10 -> SOFTMAX",
    "tanh": "(CONV 16 3 p1 -> TANH) x20 -> FC 10",
    "squash": "(CONV 16 3 p1 -> TANH scale=1.7159 slope={2/3}) x30 -> FC 10",
    "selu": "FC 64 -> (FC 64 -> SELU) x30 -> FC 10",
    "gelu": "FC 256 -> (FC 256 -> GELU) x10 -> FC 10",
    "norms": "(CONV 16 3 p1 -> BN -> RELU) x40 -> FC 10 -> SOFTMAX",
    "sums": "CONV 8 1 -> ([CONV 8 3 p1 -> RELU -> CONV 8 3 p1 | SKIP] -> ADD -> RELU) x60 -> FC 10",
    "before": "CONV 8 1 -> ([BN -> RELU -> CONV 8 3 p1 | SKIP] -> ADD) x60 -> BN -> RELU -> FC 10",
    "dense": "CONV 8 1 -> ([BN -> RELU -> CONV 4 3 p1 | SKIP] -> CONCAT) x20 -> BN -> RELU -> FC 10",
    "gated": "([CONV 16 1 -> RELU | CONV 16 1 -> SIGMOID] -> MUL) x20 -> FC 10 -> SOFTMAX",
    "words": "CONV 16 4 s4 -> RESHAPE {-1, 16} -> POSITIONS -> ([LN -> ATTENTION 2 | SKIP] -> ADD"
    " -> [LN -> CONV 64 1 -> GELU -> CONV 16 1 | SKIP] -> ADD) x12 -> LN -> PICK 0 -> FC 10 -> SOFTMAX",
    "wide": "DWCONV 3 p1 multiplier=8 -> (DWCONV 3 p1 -> CONV 24 1 -> RELU6) x20 -> AVGPOOL global -> FC 10",
    "two ways": "e: CONV 8 3 p1 -> RELU -> MAXPOOL 2 -> CONV 16 3 p1 -> RELU -> DECONV 8 2 s2 -> d: RELU\n"
    "[e | d] -> CONCAT -> CONV 8 3 p1 -> RELU -> CONV 2 1",
}


@pytest.mark.parametrize("body", DEEP.values(), ids=DEEP)
def test_the_signal_stays_alive_in_depth(body: str) -> None:
    network = netdsl.loads(f"INPUT 16x16x3 -> {body}")
    for train in (False, True):
        for seed in (0, 1):
            assert 0.002 < signal(network, train=train, seed=seed) < 20


CHEAP = {
    "lenet5": None,
    "lenet5_modern": None,
    "nin_cifar10": None,
    "squeezenet1_1": (96, 96, 3),
    "shufflenet_v2_x1_0": (64, 64, 3),
    "mobilenet_v2": (64, 64, 3),
    "mobilenet_v3_large": (64, 64, 3),
    "efficientnet_b0": (64, 64, 3),
    "regnet_y_400mf": (64, 64, 3),
    "resnet18": (64, 64, 3),
    "densenet121": (64, 64, 3),
    "googlenet": (128, 128, 3),
    "crepe_tiny": None,
}


@pytest.mark.parametrize(("name", "size"), CHEAP.items(), ids=CHEAP)
def test_the_signal_stays_alive_in_bundled_networks(name: str, size: tuple[int, ...] | None) -> None:
    network = netdsl.load(name, inputs=size)
    for train in (False, True):
        assert 0.01 < signal(network, train=train) < 50, train


def test_what_pytorch_starts_from_lets_it_die() -> None:
    assert signal(netdsl.loads(f"INPUT 16x16x3 -> {DEEP['plain']}"), "pytorch") < 1e-6


# The laws that have names

LAYERS = """
INPUT 16x16x4 -> c1: CONV 64 3 -> RELU -> c2: CONV 64 3 g2 -> RELU -> MAXPOOL 2 -> c3: DWCONV 3 multiplier=2
-> c4: DECONV 64 2 s2 -> c5: CONV 32 1 -> BN -> f1: FC 100 -> RELU -> f2: FC 100 -> f3: FC 10 nobias -> SOFTMAX
"""
DEVIATIONS = {
    "he": ("normal", {"c1": sqrt(2 / 36), "c2": sqrt(2 / 288), "c3": sqrt(2 / 9), "c4": sqrt(2 / 128)}),
    "glorot": ("uniform", {"c1": sqrt(2 / (36 + 576)), "c2": sqrt(2 / (288 + 288)), "f2": sqrt(2 / 200)}),
    "lecun": ("uniform", {"c1": 2.4 / 36 / sqrt(3), "c2": 2.4 / 288 / sqrt(3), "f2": 2.4 / 100 / sqrt(3)}),
    "alexnet": ("normal", {"c1": 0.01, "c4": 0.01, "f3": 0.01}),
    "vgg": ("normal", {"c1": 0.1, "c4": 0.1, "f3": 0.1}),
}


@pytest.mark.parametrize("init", DEVIATIONS)
def test_laws_by_name_are_those_of_their_papers(init: str) -> None:
    law, wanted = DEVIATIONS[init]
    state = drawn(LAYERS, init)
    for layer, deviation in wanted.items():
        weight = state[f"{layer}.weight"]
        assert weight.std().item() == pytest.approx(deviation, rel=0.08), layer
        assert weight.abs().max().item() / deviation == (
            pytest.approx(sqrt(3), rel=0.03) if law == "uniform" else pytest.approx(4, abs=1.2)
        )
    assert bool((state["bn1.weight"] == 1).all())
    biases = {name.partition(".")[0] for name, one in state.items() if name.endswith("bias") and bool((one == 1).all())}
    assert biases == ({"c2", "c4", "c5", "f1", "f2"} if init == "alexnet" else set())
    assert all(not one.any() for name, one in state.items() if name.endswith("bias") and name[:2] not in biases)


def test_alexnets_own_biases_are_where_its_paper_has_them() -> None:
    shaped = netdsl.load("alexnet_two_gpus", inputs=(67, 67, 3), classes=3).shaped
    state = lower(Plan(shaped, train=True), 0, init="alexnet").state_dict()
    ones = {name for name, one in state.items() if name.endswith("bias") and bool((one == 1).all())}
    zeros = {name for name, one in state.items() if name.endswith("bias") and not one.any()}
    assert len(ones) == 10
    assert len(zeros) == 5


@pytest.mark.parametrize("layer", ["CONV 6 3 g2", "DWCONV 3", "DECONV 6 3", "FC 7", "ATTENTION 2", "LSTM 4", "TOKEN 2"])
def test_pytorch_is_what_its_layers_start_from(layer: str) -> None:
    text = f"INPUT {'8x4' if layer[0] in 'ALT' else '8x8x4'} -> one: {layer}"
    own = int.from_bytes(sha256(b"3 one").digest()[:8], "big")
    torch.manual_seed(own)
    shaped = netdsl.loads(text).shaped
    wanted = shaped.nodes[1].layer.lower(shaped.shapes[0]).state_dict()
    found = drawn(text, "pytorch", seed=3)
    assert all(torch.equal(found[f"one.{name}"], one) for name, one in wanted.items())
    if layer[0] in "ALT":  # by any name
        assert all(torch.equal(one, found[name]) for name, one in drawn(text, "he", seed=3).items())


def test_weights_follow_from_the_seed_the_path_and_the_name() -> None:
    states = {init: drawn(LAYERS, init) for init in INITS}
    assert all(torch.equal(one, drawn(LAYERS)[name]) for name, one in states[DEFAULT].items())
    assert len({one["c1.weight"].sum().item() for one in states.values()}) == len(INITS)
    longer = drawn(LAYERS.replace("-> BN", "-> CONV 32 1 -> BN"))
    assert torch.equal(longer["c2.weight"], states[DEFAULT]["c2.weight"])


def test_wrong_names_are_told_with_the_choices() -> None:
    network = netdsl.load("lenet5")
    with pytest.raises(ValueError, match=r"an init is default, pytorch, he, .*, not 'glorott'; glorot may be meant"):
        network.module(init="glorott")
    with pytest.raises(ValueError, match="an init is default"):
        network.compile("no.pt", init="")


def test_one_seed_and_name_give_every_format_the_same_weights(run: Run) -> None:  # noqa: F811
    network = netdsl.load("lenet5")
    wanted = network.module(init="lecun", seed=3).state_dict()
    assert run("compile", "lenet5", "--init", "lecun", "--seed", "3", "-o", "lenet5.pt").status == 0
    found = torch.jit.load("lenet5.pt").state_dict()
    assert all(torch.equal(one, wanted[name]) for name, one in found.items())
    program = torch.export.load(network.compile("lenet5.pt2", init="lecun", seed=3))
    assert all(torch.equal(one, wanted[name]) for name, one in program.state_dict.items())
    assert run("compile", "lenet5", "--init", "lecun", "--seed", "3", "-o", "lenet5.py").status == 0
    assert network.compile("again.py", init="lecun", seed=3).read_bytes() == Path("lenet5.py").read_bytes()
    ended = run("compile", "lenet5", "--init", "lecuns")
    assert (ended.status, "'lecuns' is not one of" in ended.err) == (2, True)


# Learning

LEARNER = "INPUT 8x8x3 -> ((CONV 12 3 p1 -> RELU) x7 -> MAXPOOL 2) x2 -> FC 64 -> RELU -> FC 10 -> SOFTMAX"


@pytest.mark.parametrize(("init", "learns"), [(DEFAULT, True), ("pytorch", False)])
def test_a_deep_network_learns_from_the_default_alone(init: str, learns: bool) -> None:
    network = netdsl.loads(LEARNER)
    module, loss = network.module(init=init, logits=True), network.loss()
    source = torch.Generator().manual_seed(0)
    x = nn.functional.interpolate(torch.randn(64, 3, 4, 4, generator=source), size=8)
    y = torch.randint(10, (64,), generator=source)
    optimizer = torch.optim.Adam(module.parameters(), lr=3e-3)
    found = []
    for _ in range(50):
        found.append(loss(module(x), y))
        optimizer.zero_grad()
        found[-1].backward()
        optimizer.step()
    assert (found[-1] < found[0] / 2) == learns
