"""Each pass of the optimizer leaves what a network computes as it is, alone and with the others."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any, cast

import pytest
import random_networks
import torch
from click.testing import CliRunner
from hypothesis import Phase, example, given, settings
from torch import Tensor, nn

import netdsl
from netdsl import compile, draw, optimize
from netdsl.cli.main import cli
from netdsl.compile import fuse
from netdsl.compile.lower import lower
from netdsl.compile.plan import Plan
from netdsl.compile.script import script
from netdsl.graph.node import ShapedGraph
from netdsl.layers.activation import Elu, LeakyRelu, Tanh
from netdsl.layers.shape import Shape
from netdsl.layers.table import find, keywords
from netdsl.measure.summary import Summary
from netdsl.optimize.fused import Fused
from netdsl.optimize.siblings import siblings

PROGRAMS = sorted((Path(__file__).parent / "programs" / "valid").glob("*.net"))

SMALL: dict[str, tuple[int, ...]] = {
    "alexnet_towers": (67, 67, 3),
    "densenet_121": (64, 64, 3),
    "mobilenet_v1": (64, 64, 3),
    "mobilenet_v3_small": (64, 64, 3),
    "shufflenet_v2": (64, 64, 3),
    "squeezenet": (64, 64, 3),
    "unet": (188, 188, 1),
    "vgg_field": (64, 64, 3),
}

# The bundled networks over inputs small enough to run at once; not the deeper ones of a kind.
ZOO: dict[str, tuple[int, ...] | None] = {
    "alexnet": (67, 67, 3),
    "alexnet_two_gpus": (67, 67, 3),
    "c3d": (16, 32, 32, 3),
    "convnext_tiny": (32, 32, 3),
    "efficientnet_b0": (64, 64, 3),
    "googlenet": (80, 80, 3),
    "inception_v3": None,
    "lenet5": None,
    "lenet5_modern": None,
    "mobilenet_v2": (64, 64, 3),
    "mobilenet_v3_large": (64, 64, 3),
    "nin": (67, 67, 3),
    "nin_cifar10": None,
    "resnet18": (64, 64, 3),
    "resnet50": (64, 64, 3),
    "resnext50_32x4d": (64, 64, 3),
    "se_resnet50": (64, 64, 3),
    "vgg11": (32, 32, 3),
}
SEVERAL = {**optimize.PASSES, "mixed": partial(siblings, mixed=True)}


def randomized(plan: Plan) -> nn.Module:
    """The network of a plan in float64, with weights and statistics that leave nothing at 0 or 1.

    Statistics of batches are those of random inputs, so that values stay in range however deep it is.
    """
    network = lower(plan, blank=True).double()
    generator = torch.Generator().manual_seed(1)
    for module in network.modules():
        for name, tensor in (*module.named_parameters(recurse=False), *module.named_buffers(recurse=False)):
            if name == "running_var" or (name == "weight" and tensor.ndim == 1):
                tensor.data.uniform_(0.5, 1.5, generator=generator)
            elif name.startswith("weight"):
                bound = (6 / tensor[0].numel()) ** 0.5
                tensor.data.uniform_(-bound, bound, generator=generator)
            elif name.startswith("bias") or name == "running_mean":
                tensor.data.uniform_(-0.5, 0.5, generator=generator)
    if any(isinstance(module, nn.modules.batchnorm._BatchNorm) for module in network.modules()):
        _calibrate(network, given_to(plan))
    return network.eval().requires_grad_(False)


def _calibrate(network: nn.Module, inputs: Sequence[Tensor]) -> None:
    """Let the statistics of BN be those that its inputs have, as long as these vary."""

    def take(module: nn.modules.batchnorm._BatchNorm, arguments: tuple[Tensor]) -> None:
        values = arguments[0].transpose(0, 1).flatten(1)
        assert module.running_mean is not None
        assert module.running_var is not None
        module.running_mean.copy_(values.mean(1))
        module.running_var.copy_(values.var(1, correction=0) + 0.1)

    norms = [one for one in network.modules() if isinstance(one, nn.modules.batchnorm._BatchNorm)]
    hooks = [norm.register_forward_pre_hook(cast("Any", take)) for norm in norms]
    with torch.no_grad():
        network.eval()(*inputs)
    for hook in hooks:
        hook.remove()


def given_to(plan: Plan, batch: int = 2) -> list[Tensor]:
    """Random inputs for a network."""
    generator = torch.Generator().manual_seed(2)
    shapes = [plan.shaped.shapes[index] for index in plan.inputs]
    sizes = [(batch, shape.channels, *shape.spatial) for shape in shapes]
    return [torch.randn(size, dtype=torch.float64, generator=generator) for size in sizes]


def outputs_of(network: nn.Module, inputs: Sequence[Tensor]) -> list[Tensor]:
    with torch.no_grad():
        found: Tensor | tuple[Tensor, ...] = network(*inputs)
    return [found] if isinstance(found, Tensor) else list(found)


def error(found: Sequence[Tensor], wanted: Sequence[Tensor]) -> float:
    """The largest difference, as a share of the largest value of its output."""
    assert [one.shape for one in found] == [one.shape for one in wanted]
    pairs = zip(found, wanted, strict=True)
    return max(float((a - b).abs().max() / b.abs().max().clamp(min=1e-30)) for a, b in pairs)


def check(shaped: ShapedGraph, *, alone: bool = True, varied: bool = True) -> None:
    """All passes together, and each alone, on the network as written and on what those before it made of it.

    The values of an output differ, if `varied`, so that agreeing says something.
    """
    plan = Plan(shaped, train=False)
    network, inputs = randomized(plan), given_to(plan)
    wanted = outputs_of(network, inputs)
    assert all(one.isfinite().all() for one in wanted)
    assert not varied or all(one.std() > 1e-6 * one.abs().max() for one in wanted if one.numel() > 2)
    whole = optimize.optimized(shaped)
    assert optimize.optimized(whole) is whole
    graphs = {"all": whole}
    if alone:
        graphs |= {name: change(shaped) for name, change in SEVERAL.items()}
        graphs |= {f"up to {name}": optimize.optimized(shaped, upto=name) for name in optimize.PASSES}
        graphs["mixed at last"] = siblings(optimize.optimized(shaped, upto="attach"), mixed=True)
    seen: list[ShapedGraph] = [shaped]
    for name, graph in graphs.items():
        if graph in seen:
            continue
        seen.append(graph)
        assert Plan(graph, train=False).dims(graph.graph.outputs) == plan.dims(plan.outputs), name
        found = fuse.lower(plan, graph, network)
        assert error(outputs_of(found, inputs), wanted) < 1e-9, name


@pytest.mark.parametrize("file", PROGRAMS, ids=lambda file: file.stem)
def test_passes_leave_the_outputs_of_a_program(file: Path) -> None:
    check(netdsl.load(file, inputs=SMALL.get(file.stem)).shaped, alone=file.stem not in SMALL)


@pytest.mark.parametrize("name", ZOO)
def test_passes_leave_the_outputs_of_a_bundled_network(name: str) -> None:
    check(netdsl.load(name, inputs=ZOO[name]).shaped, alone=name.startswith("lenet5"))


@settings(max_examples=30, deadline=None, phases=[Phase.explicit, Phase.reuse, Phase.generate])
@given(random_networks.programs())
def test_passes_leave_the_outputs_of_random_networks(text: str) -> None:
    check(netdsl.loads(text).shaped, varied=False)


@settings(max_examples=30, deadline=None, phases=[Phase.explicit, Phase.reuse, Phase.generate])
@given(random_networks.tangles())
def test_passes_leave_the_outputs_of_tangles(text: str) -> None:
    check(netdsl.loads(text).shaped, varied=False)


@settings(max_examples=60, deadline=None, phases=[Phase.explicit, Phase.reuse, Phase.generate])
@given(random_networks.views())
@example("INPUT 3x3x2 -> BN -> FLATTEN -> FC 4 -> BN\n")
@example("INPUT 3x3x2 -> RESHAPE 18 -> BN -> RESHAPE 3x3x2 -> SCALE bias -> FLATTEN -> SCALE -> FC 4 -> BN\n")
@example("INPUT 4x4x2 -> BN -> x: RELU -> [ FC 3 -> BN | FLATTEN -> FC 2 | RESHAPE 32 -> FC 2 ] -> CONCAT\n")
@example("INPUT 1x1x2 -> BN -> RESHAPE 1x2 -> CONV 2 3 p1 -> BN\n")
def test_passes_leave_the_outputs_where_views_stand_among_what_scales(text: str) -> None:
    check(netdsl.loads(text).shaped, varied=False)


def kinds(graph: ShapedGraph) -> Counter[str]:
    """How often each kind of layer is there; a fused one counts as what it computes and what follows."""
    return Counter(_kind(node.layer) for node in graph.nodes)


def _kind(layer: Any) -> str:
    if not isinstance(layer, Fused):
        return layer.keyword
    tail = ["ADD"] * layer.adds + ([layer.activation.keyword] if layer.activation else [])
    return "+".join([layer.base.keyword, *tail])


def optimized(text: str, upto: str | None = None) -> ShapedGraph:
    """What passes make of a program, which they leave as it is to those that run it."""
    shaped = netdsl.loads(text).shaped
    check(shaped)
    return optimize.optimized(shaped, upto=upto)


def drawn(graph: ShapedGraph) -> list[str]:
    """A line for each node: its path, what it is, and the paths that it reads."""
    return [f"{n.path}: {n.layer.written} < {' '.join(graph.nodes[i].path for i in n.inputs)}" for n in graph.nodes]


def test_resnet50_is_its_53_convolutions_and_what_pools_and_tells_classes() -> None:
    found = kinds(optimize.optimized(netdsl.load("resnet50").shaped))
    projections, blocks = 4, 16
    assert found == {
        "INPUT": 1,
        "CONV+RELU": 1 + 2 * blocks,
        "CONV": projections,
        "CONV+ADD+RELU": blocks,
        "MAXPOOL": 1,
        "AVGPOOL": 1,
        "FC": 1,
        "SOFTMAX": 1,
    }
    assert sum(count for kind, count in found.items() if kind.startswith("CONV")) == 53


def test_googlenet_reads_the_input_of_each_module_once_for_its_1x1_convolutions() -> None:
    before, after = netdsl.load("googlenet").shaped, optimize.optimized(netdsl.load("googlenet").shaped)
    modules, joined = 9, 3
    assert kinds(before)["CONV"] == 57 + 2  # and those of the two heads that training has
    assert kinds(after) == {
        "INPUT": 1,
        "CONV+RELU": 57 - modules * (joined - 1),
        "SLICE": modules * joined,
        "CONCAT": modules,
        "MAXPOOL": 4 + modules,
        "LRN": 2,
        "AVGPOOL": 1,
        "FC": 1,
        "SOFTMAX": 1,
    }
    first = next(node.layer for node in after.nodes if isinstance(node.layer, Fused) and len(node.layer.chains) > 1)
    assert isinstance(first, Fused)
    assert first.base.written == "CONV 176 1"
    assert [part.owner for (part,) in first.chains] == [f"inception_3a.unit{n}.conv1" for n in (1, 2, 4)]


@pytest.mark.parametrize("name", ZOO)
def test_passes_add_no_multiplications(name: str) -> None:
    shaped = netdsl.load(name).shaped
    before, after = Summary(shaped).totals.macs, Summary(optimize.optimized(shaped)).totals.macs
    assert after == before


def test_a_convolution_takes_up_what_scales_its_channels_on_both_sides() -> None:
    before, after = "NORMALIZE mean={0.5, 1, 1.5, 2} std=2 -> SCALE bias", "BN noaffine -> SCALE"
    text = f"INPUT 7x7x4 -> {before} -> c: CONV 6 3 s2 nobias -> {after}"
    (_, node) = optimized(text).nodes
    assert node.path == "c"
    assert node.layer.written == (
        "FUSED NORMALIZE mean={0.5, 1, 1.5, 2} std=2 + SCALE bias + CONV 6 3 s2 nobias + BN noaffine + SCALE"
    )
    assert optimized(text).graph.output_name(1) == "scale2"


@pytest.mark.parametrize(
    "layers",
    [
        "DWCONV 3 p1 multiplier=2 -> BN",
        "CONV 8 3 g2 nobias -> BN -> SCALE bias",
        "SCALE -> CONV 8 3 p1 g2",
        "DECONV 6 3 s2 p1 g2 nobias -> BN",
        "SCALE -> DECONV 6 3 s2 g2 -> SCALE",
        'BN -> CONV 3 3 table="012 123 03" nobias -> BN',
        "BN -> FC 3 -> BN",
        "FLATTEN -> SCALE bias -> FC 5 nobias",
        "BN -> DECONV 3 1",
        "DECONV 6 3 s2 p1 d2 g2 nobias -> BN",
        "CONV 4 3 same s2 -> BN",
        "BN -> CONV 4 1 same",
        "SCALE bias -> DWCONV 2",
        "TIMES 0.5 -> PLUS -1 -> CONV 4 3 -> TIMES -2 -> PLUS 1",
        "TIMES 0.5 -> CONV 4 3 p1",
        "TIMES 1 -> PLUS 0",
    ],
)
def test_folds(layers: str) -> None:
    assert scalings(optimized(f"INPUT 6x6x4 -> {layers}")) == 0


@pytest.mark.parametrize(
    ("program", "stays"),
    [
        ("INPUT 6x6x4 -> NORMALIZE mean=1 -> CONV 4 3 p1", "zeros of a padding would get an offset"),
        ("INPUT 6x6x4 -> PLUS 1 -> CONV 4 3 p1", "the same"),
        ("INPUT 6x6x4 -> BN -> CONV 4 3 same s2", "the same, where the padding is at the far end"),
        ("INPUT 6x6x4 -> BN -> DECONV 4 2 s2", "an output reads some of the kernel alone"),
        ("INPUT 6x6x4 -> c: CONV 4 3 -> BN -> d: ABS\n[ c | d ] -> CONCAT", "others read the convolution"),
        ("INPUT 6x6x4 -> c: CONV 4 3 -> BN -> d: ABS\noutput c, d", "the convolution is an output"),
        ("INPUT 6x6x4 -> c: CONV 4 3 p1 -> SCALE -> c()", "its weights are shared"),
        ("INPUT 6x6x4 -> CONV 4 3 p1 @0 -> SCALE @1", "it is on another device"),
        ("INPUT 6x6x4 -> CONV 4 3 -> RELU -> BN", "an activation lies between"),
    ],
)
def test_does_not_fold(program: str, stays: str) -> None:
    assert scalings(optimized(program)) == 1, stays


def scalings(shaped: ShapedGraph) -> int:
    """How many layers scale channels."""
    found = [node.layer.algebra(*shaped.input_shapes(index)) for index, node in enumerate(shaped.nodes)]
    return sum(one.channelwise is not None for one in found)


def test_a_sum_joins_the_deeper_branch_and_takes_the_activation_along() -> None:
    block = "INPUT 6x6x4 -> a: CONV 4 1 -> [ RELU -> b: CONV 4 3 p1 -> BN | p: CONV 4 1 ] -> ADD -> SILU"
    assert drawn(optimized(block))[1:] == [
        "a: CONV 4 1 < input1",
        "relu1: RELU < a",
        "p: CONV 4 1 < a",
        "b: FUSED CONV 4 3 p1 + BN + ADD + SILU < relu1 p",
    ]
    alone = optimized("INPUT 6x6x4 -> [ SKIP | MAXPOOL 3 s1 p1 | CONV 4 1 ] -> ADD -> RELU")
    assert kinds(alone)["ADD"] == kinds(alone)["RELU"] == 1  # of three branches
    twice = optimized("INPUT 6x6x4 -> c: CONV 4 1\n[ c | c ] -> ADD")
    assert kinds(twice) == {"INPUT": 1, "CONV": 1, "ADD": 1}


def test_every_activation_of_single_values_is_attached() -> None:
    attached = {
        name
        for name in keywords()
        if (row := find(name)) and row.role == "activation" and row().algebra(Shape((), 1)).elementwise
    }
    assert {"RELU", "RELU6", "LEAKYRELU", "SILU", "HARDSWISH", "SIGMOID", "TANH", "GELU", "ELU"} < attached
    assert not attached & {"PRELU", "SOFTMAX", "LOGSOFTMAX", "DROPOUT"}
    for name in attached:
        assert list(kinds(optimized(f"INPUT 5x5x2 -> CONV 3 2 -> {name}"))) == ["INPUT", f"CONV+{name}"]


def test_siblings_become_one_and_their_channels_are_cut_apart() -> None:
    text = """
        INPUT 6x6x4 -> x: TANH
        x -> [ a: CONV 2 1 -> BN -> RELU | b: CONV 3 1x1 nobias -> RELU -> CONV 3 3 p1 | CONV 2 3 p1 -> RELU ] -> CONCAT
    """
    assert drawn(optimized(text))[2:6] == [
        "a: FUSED [ CONV 2 1 + BN | CONV 3 1x1 nobias ] + RELU < x",
        "a_slice: SLICE 0 2 < a",
        "b: SLICE 2 5 < a",
        "conv3: CONV 3 3 p1 < b",
    ]


def test_siblings_that_one_concat_takes_are_not_cut_apart() -> None:
    whole = optimized("INPUT 6x6x4 -> [ a: CONV 2 3 | b: CONV 3 3 | c: CONV 1 3 ] -> CONCAT -> RELU")
    assert drawn(whole)[1:] == ["a: FUSED [ CONV 2 3 | CONV 3 3 | CONV 1 3 ] + RELU < input1"]
    text = "INPUT 6x6x4 -> x: TANH\nx -> a: CONV 2 3\nx -> b: CONV 3 3\nx -> c: MAXPOOL 3 s1\n[ c | b | a ] -> CONCAT"
    assert drawn(optimized(text))[2:] == [
        "b: FUSED [ CONV 3 3 | CONV 2 3 ] < x",
        "c: MAXPOOL 3 s1 < x",
        "concat1: CONCAT < c b",
    ]


def test_siblings_are_alike_in_all_but_their_filters() -> None:
    text = """
        INPUT 6x6x4
        -> [ CONV 2 3 p1 | CONV 2 3 p1 -> RELU | CONV 2 5 p2 | CONV 2 3 p2 d2 | CONV 2 3 p1 g2 | DWCONV 3 p1
           | CONV 2 3 p1 @1 ]
        -> CONCAT
    """
    assert sum(len(node.layer.chains) for node in optimized(text).nodes if isinstance(node.layer, Fused)) == 1
    heads = optimized("INPUT 6x6x4 -> [ FC 3 -> TANH | FC 5 -> TANH ] -> CONCAT")
    assert drawn(heads)[1:] == ["fc1: FUSED [ FC 3 | FC 5 ] + TANH < input1"]


def test_a_projection_joins_its_block_where_activations_may_differ() -> None:
    shaped = netdsl.load("resnet152_paper").shaped
    attached = optimize.optimized(shaped, upto="attach")
    assert siblings(attached) is attached
    stages = 4
    assert kinds(siblings(attached, mixed=True))["SLICE"] == 2 * stages


def test_max_pooling_goes_before_what_is_not_part_of_a_convolution() -> None:
    swapped = optimized("INPUT 8x8x4 -> [ MAXPOOL 3 s1 p1 | SKIP ] -> ADD -> RELU -> TANH -> pool: MAXPOOL 2")
    assert [node.path for node in swapped.nodes][-3:] == ["pool", "relu1", "tanh1"]
    assert swapped.graph.output_name(len(swapped.nodes) - 1) == "pool"
    for stays in (
        "CONV 4 3 -> RELU -> MAXPOOL 2",  # the convolution activates for nothing
        "GELU -> MAXPOOL 2",  # it falls before it rises
        "LEAKYRELU {-1/2} -> MAXPOOL 2",
        "TANH slope={-1} -> MAXPOOL 2",
        "RELU -> MAXPOOL 3 s1 p1",  # as many values
        "RELU -> AVGPOOL 2",
    ):
        assert optimized(f"INPUT 8x8x4 -> ABS -> {stays}").nodes[-1].layer.role == "pooling"


def test_a_convolution_to_one_position_becomes_a_matrix_product() -> None:
    found = optimized("INPUT 5x5x3 -> c: CONV 8 5 -> BN -> RELU -> CONV 6 3 p1 -> FLATTEN -> FC 3")
    assert kinds(found) == {"INPUT": 1, "FC+RELU": 1, "FC": 2}
    assert Summary(found).totals.macs == 75 * 8 + 8 * 6 + 6 * 3  # of a 3x3 kernel, 8 cells met padding alone
    for stays in ("CONV 9 5 g3", "CONV 8 4 s2", "CONV 8 3 d2", "DECONV 4 1"):
        assert "FC" not in kinds(optimized(f"INPUT 5x5x3 -> {stays}"))
    back = optimized("INPUT 5x5x3 -> c: CONV 8 5")
    assert drawn(back)[1:] == ["c: FUSED (CONV 8 5) as FC < input1", "c_reshape: RESHAPE 1x1x8 < c"]
    assert back.graph.output_name(2) == "c"


def test_squeeze_and_excitation_needs_no_reshaping() -> None:
    gate = "[ SKIP | AVGPOOL global -> CONV 2 1 -> RELU -> CONV 6 1 -> SIGMOID ] -> MUL"
    found = optimized(f"INPUT 5x5x3 -> CONV 6 3 -> {gate}")
    assert kinds(found) == {"INPUT": 1, "CONV": 1, "AVGPOOL": 1, "FC+RELU": 1, "FC+SIGMOID": 1, "MUL": 1}


def test_outputs_keep_their_names_and_their_nodes() -> None:
    text = """
        INPUT 6x6x4 -> c: CONV 4 3 p1 -> n: BN -> r: RELU -> d: DROPOUT
        d -> e: DROPPATH -> f: CONV 2 3 -> g: CONV 2 1
        output n, d, e, g
        f -> h: FC 3
        output training h
    """
    found = optimized(text)
    assert [found.graph.output_name(index) for index in found.graph.outputs] == ["n", "d", "e", "g"]
    assert len(set(found.graph.outputs)) == 4
    assert found.graph.training_outputs == ()
    assert kinds(found)["SKIP"] == 1  # d and e are one value, and two outputs


def test_what_has_weights_of_others_is_left_alone() -> None:
    found = optimized("INPUT 6x6x4 -> c: CONV 4 3 p1 -> RELU -> c() -> RELU -> BN")
    assert kinds(found) == {"INPUT": 1, "CONV": 2, "RELU": 2, "BN": 1}


def test_nothing_is_fused_across_devices_and_each_node_runs_on_its_own() -> None:
    shaped = netdsl.loads("INPUT 6x6x4 -> [ CONV 4 1 @0 | CONV 4 1 @1 ] -> ADD @1 -> RELU @0").shaped
    network = compile.optimized_module(shaped, devices=["cpu", "cpu"])
    assert drawn(optimize.optimized(shaped))[-2:] == [
        "conv2: FUSED CONV 4 1 + ADD < input1 conv1",
        "relu1: RELU < conv2",
    ]
    x = torch.randn(2, 4, 6, 6)
    torch.testing.assert_close(network(x), compile.module(shaped, train=False)(x))


def test_weights_follow_from_the_paths_of_the_program(tmp_path: Path) -> None:
    shaped = netdsl.load("lenet5_modern").shaped
    x = torch.randn(3, *[shaped.shapes[0].channels, *shaped.shapes[0].spatial])
    for seed in (0, 7):
        written = compile.module(shaped, train=False, seed=seed).eval()
        torch.testing.assert_close(compile.optimized_module(shaped, seed=seed)(x), written(x))
    torch.save(written.state_dict(), tmp_path / "weights.pth")
    torch.testing.assert_close(compile.optimized_module(shaped, weights=tmp_path / "weights.pth")(x), written(x))


def test_float32_is_as_near_to_float64_as_the_network_as_written() -> None:
    shaped = netdsl.load("resnet18", inputs=(64, 64, 3)).shaped
    plan = Plan(shaped, train=False)
    network, inputs = randomized(plan), given_to(plan)
    wanted = outputs_of(network, inputs)
    single, rounded = network.float(), [one.float() for one in inputs]
    as_written = error([one.double() for one in outputs_of(single, rounded)], wanted)
    found = fuse.lower(plan, optimize.optimized(shaped), single)
    assert error([one.double() for one in outputs_of(found, rounded)], wanted) < max(2 * as_written, 1e-5)
    assert {one.dtype for one in found.state_dict().values()} == {torch.float32}


def test_the_module_is_code_that_reads_well_and_passes_torchscript() -> None:
    network = compile.optimized_module(
        netdsl.loads("INPUT 6x6x4 -> CONV 4 1 -> [ b: CONV 4 3 p1 -> BN | SKIP ] -> ADD -> RELU -> FC 3").shaped
    )
    lines = [line.partition(";")[0].strip() for line in network.code.strip().splitlines()]
    assert lines == [
        "def forward(self, input1 : torch.Tensor):",
        "conv1 = self.conv1(input1)",
        "b = self.b(conv1, conv1)",
        "fc1 = self.fc1(b)",
        "return fc1",
    ]
    assert {"conv1.weight", "b.base.weight", "b.base.bias", "fc1.bias"} < set(network.state_dict())
    x = torch.randn(2, 4, 6, 6)
    torch.testing.assert_close(script(network)(x), network(x))


WRITTEN = """
    CONV 2 1; DWCONV 1; DECONV 2 1; FC 2; RBF 2; GN 2; MAXPOOL 2; AVGPOOL 2; UPSAMPLE 2; PAD 1; CROP 2x2; SLICE 0 1
    SHUFFLE 2; RESHAPE 3x3x2; PIXELSHUFFLE 1; PIXELUNSHUFFLE 1; PICK 2; TIMES -2; PLUS 1; ATTENTION 2; LSTM 2; GRU 2
""".strip().replace("\n", ";")
ARGUMENTS = {written.split()[0]: written.strip() for written in WRITTEN.split(";")}


SINGLE = sorted(word for word in keywords() if (row := find(word)) and row.role not in ("input", "merge"))
ALONG_ONE = ("TOKEN", "PICK", "LSTM", "GRU")


@pytest.mark.parametrize("keyword", SINGLE)
def test_what_a_layer_says_of_itself_holds(keyword: str) -> None:
    """Monotone, scaling channels, passing on: as its module does it."""
    dims = "9x2" if keyword in ALONG_ONE else "3x3x2"
    shaped = netdsl.loads(f"INPUT {dims} -> ABS -> {ARGUMENTS.get(keyword, keyword)} -> ABS").shaped
    layer, x = shaped.nodes[2].layer, shaped.shapes[0]
    module, algebra = layer.lower(x).eval(), layer.algebra(x)
    values = torch.linspace(-6, 6, 2 * 9 * 50).reshape(50, 2, *x.spatial)
    with torch.no_grad():
        found = module(values)
    if algebra.monotone:
        assert (found.flatten().diff() >= -1e-6).all()
    elif layer.role == "activation" and algebra.elementwise:
        assert (found.flatten().diff() < 0).any()
    if algebra.identity:
        assert found.equal(values)
    if algebra.channelwise is not None:
        (low, middle, high) = (module(torch.full((1, 2, 3, 3), value)) for value in (-1.0, 0.0, 1.0))
        torch.testing.assert_close(high - middle, middle - low)


def test_slopes_decide_whether_an_activation_falls() -> None:
    x = Shape((), 1)
    for layer in (LeakyRelu, Elu):
        assert layer(1).algebra(x).monotone
        assert not layer(-1).algebra(x).monotone
    assert Tanh(-1, -1).algebra(x).monotone
    assert not Tanh(-1, 1).algebra(x).monotone


def emitted(*arguments: str) -> str:
    run = CliRunner().invoke(cli, ["emit", *arguments])
    assert run.exit_code == 0, run.output
    code = {"tree", "fx", "torchscript"} & set(arguments)
    assert code or all(len(line) <= 80 for line in run.stdout.splitlines())
    return run.stdout


def test_emit_lists_the_stages_with_what_is_left() -> None:
    rows = [line.split() for line in emitted("resnet50").splitlines()]
    counts = {row[0]: row[1] for row in rows if len(row) > 1 and row[1].isdecimal()}
    shaped = netdsl.load("resnet50").shaped
    assert counts.pop("graph") == counts.pop("shaped") == "176"
    after = {name: str(len(optimize.optimized(shaped, upto=name).nodes)) for name in optimize.PASSES}
    assert counts == {**after, "optimized": "58"}
    again = "INPUT 6x6x4 -> [ CONV 2 3 | CONV 3 3 ] -> CONCAT -> RELU"
    names = [name for name, _ in optimize.stages(netdsl.loads(again).shaped)]
    assert names == [*optimize.PASSES] * 3  # the activation of what CONCAT took, and a round that finds nothing


@pytest.mark.parametrize("style", draw.STYLES)
def test_what_the_optimizer_made_can_be_drawn_and_summed_up(style: draw.Style) -> None:
    graph = optimize.optimized(netdsl.load("resnet18").shaped)
    assert b"<text" in draw.draw(graph, "svg", style=style)
    assert len(str(Summary(graph)).splitlines()) > len(graph.nodes)


def test_emit_prints_every_stage() -> None:
    assert emitted("lenet5_modern", "--stage", "tree").startswith("# ")
    assert emitted("vgg16", "--stage", "graph").strip().splitlines()[-1].split() == ["39", "prob", "SOFTMAX", "38"]
    assert emitted("vgg16", "--stage", "shaped", "--set", "classes=7").strip().splitlines()[-1].split()[-1] == "7"
    assert "DROPOUT" not in emitted("vgg16", "--stage", "inference")
    assert "+ RELU" in emitted("vgg16", "--stage", "attach")
    assert emitted("lenet5_modern", "--stage", "fx").startswith("def forward(self, input1 : torch.Tensor):")
    assert "Tensor" in emitted("lenet5_modern", "--stage", "torchscript")
    assert CliRunner().invoke(cli, ["emit", "vgg16", "--stage", "nonsense"]).exit_code == 2
