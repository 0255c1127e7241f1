"""What of the input reaches a position, against what PyTorch's own execution lets through: NaNs and gradients."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction
from itertools import product
from pathlib import Path

import pytest
import torch
from execution import Execution
from hypothesis import HealthCheck, Phase, given, settings
from random_networks import programs
from torch import Tensor

import netdsl
from netdsl.graph.node import ShapedGraph
from netdsl.measure.clipped_field import clipped, clipped_sets
from netdsl.measure.field import fields

VALID = Path(__file__).parent / "programs" / "valid"
random_graphs = settings(
    max_examples=12,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    phases=[Phase.reuse, Phase.generate],  # to make a failing network smaller takes minutes
)


def places(sizes: Sequence[int]) -> Iterator[tuple[int, ...]]:
    """A few positions of a map: corners, the middle, and one beside it."""
    return product(*(sorted({0, size // 2, size // 3, size - 1}) for size in sizes))


def bits(rows: Tensor) -> int:
    return sum(1 << at for at, row in enumerate(rows.tolist()) if row)


def poisoned(shaped: ShapedGraph, source: int, axis: int) -> dict[int, Tensor]:
    """Every node's output for inputs that are NaN in one row along an axis, each row in an example of its own."""
    execution = Execution(shaped, dtype=torch.float64)
    size = shaped.shapes[source].spatial[axis]
    inputs = execution.inputs(size)
    for row in range(size):
        inputs[source][row].select(axis + 1, row).fill_(torch.nan)
    with torch.no_grad():
        return execution.values(inputs)


def check_poison(shaped: ShapedGraph) -> None:
    """Hold what each node sees against the rows that make it NaN."""
    for source in shaped.graph.inputs:
        for axis in range(shaped.shapes[source].rank):
            values = poisoned(shaped, source, axis)
            for index, value in values.items():
                shape = shaped.shapes[index]
                for place in places(shape.spatial):
                    spoiled = value[(slice(None), slice(None), *place)].isnan().any(1)
                    found = clipped_sets(shaped, index, place).get(source)
                    assert (found[axis] if found else 0) == bits(spoiled), (shaped.nodes[index].path, place, axis)


def check_gradients(shaped: ShapedGraph) -> None:
    """Hold what the outputs see against the pixels whose gradients are not 0."""
    execution = Execution(shaped, dtype=torch.float64)
    inputs = execution.inputs()
    for x in inputs.values():
        x.requires_grad_()
    values = execution.values(inputs)
    for index in shaped.graph.outputs:
        for place in places(shaped.shapes[index].spatial):
            chosen = values[index][(0, slice(None), *place)]
            total = (chosen * torch.randn(len(chosen), dtype=chosen.dtype)).sum()
            gradients = torch.autograd.grad(total, list(inputs.values()), retain_graph=True, allow_unused=True)
            found = clipped_sets(shaped, index, place)
            for source, gradient in zip(inputs, gradients, strict=True):
                reached = torch.zeros(()) if gradient is None else gradient[0].abs().amax(0)
                if not reached.any():
                    assert source not in found
                    continue
                for axis in range(reached.dim()):
                    others = [other for other in range(reached.dim()) if other != axis]
                    rows = reached.amax(others) if others else reached
                    assert found[source][axis] == bits(rows != 0), (shaped.nodes[index].path, place, axis)


@random_graphs
@given(programs(ranks=(2, 1, 3), mixing=False))
def test_random_networks_see_the_rows_that_poison_them(program: str) -> None:
    check_poison(netdsl.loads(program).shaped)


@random_graphs
@given(programs(ranks=(2, 1, 3), smooth=True, mixing=False))
def test_random_networks_see_the_pixels_that_have_gradients(program: str) -> None:
    check_gradients(netdsl.loads(program).shaped)


def check_rows(network: netdsl.Network, path: str) -> None:
    """Hold two positions of a node against three runs: the first row seen spoils it, the last does, no others do."""
    shaped, index = network.shaped, network.shaped.graph.index[path]
    (source,) = shaped.graph.inputs
    execution = Execution(shaped, until=index, dtype=torch.float64)
    sizes = shaped.shapes[index].spatial
    for place in {(0,) * len(sizes), tuple([size // 2 for size in sizes])}:
        rows = clipped_sets(shaped, index, place)[source][0]
        inputs = execution.inputs(3)
        size = shaped.shapes[source].spatial[0]
        first, last = clipped(shaped, index, place)[source][0]
        for run, spoiled in enumerate(([first], [last], [row for row in range(size) if not rows >> row & 1])):
            inputs[source][run][:, spoiled] = torch.nan
        with torch.no_grad():
            value = execution.values(inputs)[index][(slice(None), slice(None), *place)]
        assert value.isnan().any(1).tolist() == [True, True, False]


@pytest.mark.parametrize(
    ("name", "inputs", "path"),
    [
        ("lenet5", None, "c3"),
        ("alexnet_two_gpus", (131, 131, 3), "concat2"),
        ("vgg11", (48, 48, 3), "stage4.maxpool1"),
        ("nin_cifar10", None, "avgpool1"),
        ("googlenet", (96, 96, 3), "inception_4a.concat1"),
        ("squeezenet", (64, 64, 3), "fire5.concat1"),
        ("resnet18", (96, 96, 3), "conv4.down1.add1"),
        ("densenet_121", (32, 32, 3), "dense2.3.concat1"),
        ("unet_small", None, "d2.concat1"),
        ("wavenet", (400, 1), "total"),
        ("fields_enlarged", None, "f"),
    ],
)
def test_networks_see_the_rows_that_poison_them(name: str, inputs: tuple[int, ...] | None, path: str) -> None:
    file = VALID / f"{name}.net"
    check_rows(netdsl.load(file if file.exists() else name, inputs=inputs), path)


def test_states_see_what_came_before_them() -> None:
    for text in (
        "LSTM 2 -> CONV 2 3 -> GRU 1",
        "LSTM 2 both -> MAXPOOL 2",
        "GRU 2 last",
        "CONV 2 3 s2 -> GRU 2 both last",
    ):
        check_poison(netdsl.loads(f"INPUT 9x2 -> {text}\n").shaped)
        check_gradients(netdsl.loads(f"INPUT 9x2 -> {text}\n").shaped)


@pytest.mark.parametrize("name", ["fields_enlarged", "fields_bicubic"])
def test_enlarged_maps_see_the_pixels_that_have_gradients(name: str) -> None:
    check_gradients(netdsl.load(VALID / f"{name}.net").shaped)


def test_the_field_cut_to_the_image_is_what_is_seen() -> None:
    """Without holes and padded maps on the way, the field and the image have in common what a position sees."""
    shaped = netdsl.load("vgg16").shaped
    pool5, pool1 = shaped.graph.index["pool5"], shaped.graph.index["pool1"]
    rows, columns = fields(shaped)[pool5]
    assert (rows.offset, rows.centre, rows.stride, rows.size) == (-90, Fraction(31, 2), 32, 212)
    assert rows == columns
    assert clipped(shaped, pool5, (0, 6)) == {0: ((0, 121), (102, 223))}
    assert clipped(shaped, pool5, (3, 3)) == {0: ((6, 217), (6, 217))}
    assert clipped(shaped, pool1, (0, 111)) == {0: ((0, 3), (220, 223))}


def test_padding_inside_a_network_ends_what_is_seen() -> None:
    """The field of a corner reaches as far over the edge as into the image; cut off twice, less of it is left."""
    shaped = netdsl.loads("INPUT 9x1 -> CONV 1 3 -> CONV 1 3 p1").shaped
    assert fields(shaped)[2][0].start(0) == -1
    assert clipped(shaped, 2, (0,)) == {0: ((0, 3),)}
    shaped = netdsl.loads("INPUT 9x1 -> PAD 2 -> CROP 9 -> CONV 1 1 p3").shaped
    assert clipped_sets(shaped, 3, (2,)) == {}
    assert clipped(shaped, 3, (3,)) == {0: ((0, 0),)}


def test_a_dilated_window_leaves_holes() -> None:
    shaped = netdsl.loads("INPUT 9x9x1 -> CONV 1 3x2 d3x4 p3x0").shaped
    assert clipped_sets(shaped, 1, (0, 1)) == {0: (0b1001, 0b100010)}


def test_a_position_sees_each_input_that_reaches_it() -> None:
    shaped = netdsl.loads("a: INPUT 8x8x2 -> left: CONV 2 3 p1\nb: INPUT 8x8x2\n[ left | b ] -> ADD -> CROP 4").shaped
    assert clipped(shaped, len(shaped.nodes) - 1, (0, 0)) == {0: ((1, 3), (1, 3)), 2: ((2, 2), (2, 2))}


def test_statistics_over_a_map_see_all_of_it() -> None:
    for layer, rows in (("GN 1", (0, 7)), ("IN", (0, 7)), ("LN", (5, 5)), ("BN", (5, 5)), ("LRN", (5, 5))):
        shaped = netdsl.loads(f"INPUT 8x8x2 -> {layer}").shaped
        assert clipped(shaped, 1, (5, 5)) == {0: (rows, rows)}
        assert [axis.size for axis in fields(shaped)[1]] == [1, 1]


def test_the_finest_step_stays_one_where_maps_are_enlarged_without_end() -> None:
    shaped = netdsl.loads("INPUT 4x1 -> (UPSAMPLE 3 -> CROP 4) x30").shaped
    strides = [axes[0].stride for axes in fields(shaped)]
    assert strides[40] == Fraction(1, 3**20)
    assert strides[42:] == [Fraction(1, 2**32)] * 19
