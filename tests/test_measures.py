"""What a network costs, against PyTorch's own parameters, buffers and counts of operations, and LeCun's figures."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from hypothesis import HealthCheck, Phase, given, settings
from random_networks import programs
from torch.utils.flop_counter import FlopCounterMode

import netdsl
from netdsl import resources
from netdsl.compile import lower
from netdsl.compile.plan import Plan
from netdsl.layers.attention import Attention

VALID = sorted((Path(__file__).parent / "programs" / "valid").glob("*.net"))
NAMES = [*(path.stem for path in resources.bundled()), *map(str, VALID)]
NO_NUMBERS = ("num_batches_tracked", "mask")
"""Buffers that say how PyTorch does something, and hold no number of the network's."""


def check_parameters(network: netdsl.Network) -> None:
    """Hold parameters, trained and not, against the modules for inference and for training."""
    shaped, each = network.shaped, network.summary().figures
    for train in (False, True):
        module = lower.lower(Plan(shaped, train), blank=True)
        kept = [index for index, node in enumerate(shaped.nodes) if train or not node.training]
        params, constants = sum(each[index].params for index in kept), sum(each[index].constants for index in kept)
        values = sum(one.numel() for one in module.parameters())
        buffers = sum(one.numel() for name, one in module.named_buffers() if not name.endswith(NO_NUMBERS))
        zeros = sum(
            int((mask == 0).sum()) * module.get_parameter(name.replace("mask", "weight"))[0, 0].numel()
            for name, mask in module.named_buffers()
            if name.endswith("mask")
        )
        assert (params, constants) == (values - zeros, buffers + zeros)


def counted(network: netdsl.Network, batch: int) -> int:
    """The operations that PyTorch counts in convolutions and matrix products, for tensors without values."""
    module = lower.lower(Plan(network.shaped, False), blank=True).to("meta").eval()
    shapes = [network.shaped.shapes[index] for index in network.shaped.graph.inputs]
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        module(*[torch.empty(batch, shape.channels, *shape.spatial, device="meta") for shape in shapes])
    return counter.get_total_flops()


def check_operations(network: netdsl.Network, batch: int = 1) -> None:
    """Hold MACs against what PyTorch counts; it counts a table's zeros too, and the pairs that `causal` hides."""
    shaped, summary = network.shaped, network.summary(batch=batch)
    zeros = sum(
        weight.fixed * shaped.shapes[index].positions
        for index, node in enumerate(shaped.nodes)
        if not node.training
        for weight in node.layer.weights(*shaped.input_shapes(index))
    )
    hidden = sum(
        (n := shaped.input_shapes(index)[0].positions) * (n - 1) * node.layer.inner(shaped.input_shapes(index)[0])
        for index, node in enumerate(shaped.nodes)
        if isinstance(node.layer, Attention) and node.layer.causal
    )
    assert counted(network, batch) == 2 * (summary.totals.macs + batch * (zeros + hidden))


def loaded(name: str) -> netdsl.Network:
    try:
        return netdsl.load(name)
    except netdsl.NetError:
        pytest.skip("a library of blocks")


@pytest.mark.parametrize("name", NAMES)
def test_parameters_and_operations_are_those_of_the_module(name: str) -> None:
    network = loaded(name)
    check_parameters(network)
    check_operations(network)


random_graphs = settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    phases=[Phase.reuse, Phase.generate],  # to make a failing network smaller takes minutes
)


@random_graphs
@given(programs())
def test_random_networks_have_the_parameters_and_operations_of_their_modules(program: str) -> None:
    network = netdsl.loads(program)
    check_parameters(network)
    check_operations(network, batch=3)


def test_lenet5_has_the_connections_that_its_paper_counts() -> None:
    """LeCun et al. 1998, section II.B: 340,908 in all."""
    summary = netdsl.load("lenet5").summary()
    found: dict[str, int] = {}
    for node, cost in zip(summary.shaped.nodes, summary.figures, strict=True):
        part = node.path.partition(".")[0]
        found[part] = found.get(part, 0) + cost.connections
    paper = {"c1": 122_304, "s2": 5_880, "c3": 151_600, "s4": 2_000, "c5": 48_120, "f6": 10_164, "rbf1": 840}
    assert {part: count for part, count in found.items() if count} == paper
    assert summary.totals.connections == 340_908


@pytest.mark.parametrize(
    ("layer", "connections"),
    [
        ("CONV 4 3 s2 p1", 27 * 4 * 16 + 4 * 16),
        ("CONV 4 3 s2 p1 nobias", 27 * 4 * 16),
        ("DWCONV 3 p1", 9 * 3 * 64 + 3 * 64),
        ("DECONV 2 2 s2", 3 * 2 * 4 * 64 + 2 * 256),
        ("FC 5", 192 * 5 + 5),
        ("RBF 5", 192 * 5),
        ("MAXPOOL 3 s2 p1", 9 * 16 * 3),
        ("AVGPOOL global", 64 * 3),
        ("SCALE", 0),
        ("SCALE bias", 192),
        ("TIMES 2", 0),
        ("RESHAPE 64x3 -> LSTM 4", 4 * (3 * 4 + 4 * 4 + 4 + 4) * 64),
        ("RESHAPE 64x3 -> GRU 4 both last", 2 * 3 * (3 * 4 + 4 * 4 + 4 + 4) * 64),
        ("POSITIONS", 192),
        ("BN", 0),
    ],
)
def test_connections_are_counted_once_for_each_output(layer: str, connections: int) -> None:
    assert netdsl.loads(f"INPUT 8x8x3 -> {layer}").summary(batch=7).totals.connections == connections


@pytest.mark.parametrize(
    ("layer", "constants"),
    [("BN", 6), ("NORMALIZE", 2), ("NORMALIZE mean={1, 2, 3}", 4), ("RBF 5", 960), ("SCALE bias", 0), ("GN 1", 0)],
)
def test_constants_are_what_is_stored_and_not_trained(layer: str, constants: int) -> None:
    assert netdsl.loads(f"INPUT 8x8x3 -> {layer}").summary().totals.constants == constants


def test_weights_that_only_a_training_output_applied_first_count_where_inference_uses_them() -> None:
    """The head's FC belongs to a node of training, and is applied again in inference."""
    text = "INPUT 8 -> x: RELU\nx -> f: FC 8 -> aux: FC 2\nx -> f() -> out: FC 3\noutput out\noutput training aux\n"
    network = netdsl.loads(text)
    assert network.summary().totals.params == 72 + 27
    check_parameters(network)


def test_a_batch_multiplies_work_and_activations_and_a_precision_bytes() -> None:
    network = netdsl.load("resnet18")
    one, many = network.summary(), network.summary(batch=32, precision="fp16")
    assert many.totals.params == one.totals.params
    assert many.totals.connections == one.totals.connections
    assert many.totals.macs == 32 * one.totals.macs
    assert many.totals.flops == 32 * one.totals.flops
    assert many.totals.activation_bytes == 16 * one.totals.activation_bytes
    assert many.liveness.peak == 16 * one.liveness.peak
    assert many.totals.weight_bytes * 2 == one.totals.weight_bytes
    bytes_of = {name: network.summary(precision=name).totals.weight_bytes for name in ("fp32", "tf32", "bf16", "int8")}
    assert bytes_of == {name: one.totals.params * size for name, size in zip(bytes_of, (4, 4, 2, 1), strict=True)}


@pytest.mark.parametrize(("batch", "precision"), [(0, "fp32"), (-1, "fp32"), (1, "fp8"), (1, "")])
def test_a_summary_refuses_a_batch_or_precision_that_is_none(batch: int, precision: str) -> None:
    with pytest.raises(ValueError, match=r"batch|precision"):
        netdsl.load("lenet5").summary(batch=batch, precision=precision)
