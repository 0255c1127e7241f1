"""The memory that activations take at once, against tensors that PyTorch holds and frees, and the best order."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
import torch
from execution import Execution
from hypothesis import HealthCheck, Phase, assume, given, settings
from hypothesis import strategies as st
from random_networks import programs, tangles
from torch import fx
from torch.multiprocessing.reductions import StorageWeakRef

import netdsl
from netdsl.graph.node import ShapedGraph
from netdsl.measure.liveness import Buffers, Liveness, liveness
from netdsl.measure.schedule import (
    _stretches,  # pyright: ignore[reportPrivateUsage]
    schedule,
)

VALID = sorted((Path(__file__).parent / "programs" / "valid").glob("*.net"))
random_graphs = settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    phases=[Phase.reuse, Phase.generate],  # to make a failing network smaller takes minutes
)


class Counting(fx.Interpreter):
    """Runs a compiled module, and counts the bytes of all tensors alive after each of its layers.

    It holds the inputs itself, so that they are let go when the last layer that reads them has run.
    """

    def __init__(self, module: fx.GraphModule, inputs: list[torch.Tensor]) -> None:
        super().__init__(module)
        self.inputs = inputs
        self.usage: list[int] = []
        self.storages: dict[StorageWeakRef, int] = {}
        for tensor in inputs:
            self._note(tensor)

    def _note(self, tensor: torch.Tensor) -> None:
        storage = tensor.untyped_storage()
        self.storages[StorageWeakRef(storage)] = storage.nbytes()

    def placeholder(self, target: Any, args: Any, kwargs: Any) -> torch.Tensor:
        return self.inputs.pop(0)

    def run_node(self, n: fx.Node) -> Any:
        value = super().run_node(n)
        if n.op == "call_module":
            self._note(value)
            self.storages = {one: size for one, size in self.storages.items() if not one.expired()}
            self.usage.append(sum(self.storages.values()))
        return value


def counted(network: netdsl.Network) -> list[int]:
    """The bytes alive while each layer of the compiled network runs."""
    counting = Counting(network.module(seed=0, train=False), list(Execution(network.shaped).inputs().values()))
    with torch.no_grad():
        counting.run()
    return counting.usage


def modules(shaped: ShapedGraph, found: Liveness) -> list[int]:
    """The bytes alive while the nodes run that have modules in inference."""
    skip = {index for index in found.order if not shaped.nodes[index].inputs or shaped.nodes[index].layer.training_only}
    return [usage for index, usage in zip(found.order, found.usage, strict=True) if index not in skip]


def check(shaped: ShapedGraph, order: Sequence[int], *, inplace: bool) -> None:
    """Hold an order's usage, step by step, against the tensors alive in an execution, whose outputs must be right."""
    execution = Execution(shaped)
    inputs = execution.inputs()
    with torch.no_grad():
        values = execution.values({index: x.clone() for index, x in inputs.items()})
    usage, outputs = execution.usage(inputs, order, inplace=inplace)
    found = liveness(shaped, order, inplace=inplace)
    assert list(usage.values()) == list(found.usage)
    assert sum(shaped.shapes[index].elements * 4 for index in found.alive) == found.peak
    for index, output in zip(shaped.graph.outputs, outputs, strict=True):
        torch.testing.assert_close(output, values[index], equal_nan=True)


def some_order(shaped: ShapedGraph, seed: int) -> list[int]:
    """A random topological order of inference."""
    chance = random.Random(seed)
    waiting = [index for index, node in enumerate(shaped.nodes) if not node.training]
    order: list[int] = []
    while waiting:
        ready = [index for index in waiting if not set(shaped.nodes[index].inputs) & set(waiting)]
        order.append(chance.choice(ready))
        waiting.remove(order[-1])
    return order


ZOO = [
    "lenet5",
    "resnet18",
    "nin",
    "squeezenet",
    "shufflenet_v2",
    "unet_small",
    "densenet_121",
    "references",
    "shaping",
]


def of_name(name: str) -> netdsl.Network:
    here = [path for path in VALID if path.stem == name]
    return netdsl.load(here[0] if here else name)


@pytest.mark.parametrize("name", ZOO)
def test_the_compiled_module_holds_as_many_bytes_at_every_layer(name: str) -> None:
    network = of_name(name)
    assert counted(network) == modules(network.shaped, liveness(network.shaped, inplace=False))


NETWORKS = [path for path in VALID if "INPUT" in path.read_text(encoding="utf-8-sig")]


@pytest.mark.parametrize("path", NETWORKS, ids=lambda path: path.stem)
def test_layers_in_place_hold_as_many_bytes_at_every_node(path: Path) -> None:
    network = netdsl.load(path)
    if network.summary().totals.flops >= 200e6:
        pytest.skip("it takes too long to run")
    check(network.shaped, liveness(network.shaped).order, inplace=True)


@random_graphs
@given(programs(), st.booleans(), st.integers(0, 99))
def test_random_networks_hold_as_many_bytes_in_any_order(program: str, inplace: bool, seed: int) -> None:
    shaped = netdsl.loads(program).shaped
    check(shaped, liveness(shaped).order, inplace=inplace)
    check(shaped, some_order(shaped, seed), inplace=inplace)


@random_graphs
@given(tangles(), st.booleans(), st.integers(0, 99))
def test_tangled_networks_hold_as_many_bytes_in_any_order(program: str, inplace: bool, seed: int) -> None:
    shaped = netdsl.loads(program).shaped
    check(shaped, some_order(shaped, seed), inplace=inplace)


@random_graphs
@given(programs())
def test_compiled_random_networks_hold_as_many_bytes(program: str) -> None:
    # PyTorch copies what is flattened behind LN and CROP, and pads what some DECONV gives.
    assume(not {"LN", "CROP", "DECONV"} & set(program.split()))
    network = netdsl.loads(program)
    assert counted(network) == modules(network.shaped, liveness(network.shaped, inplace=False))


def all_orders(shaped: ShapedGraph) -> Iterator[tuple[int, ...]]:
    """Every topological order of inference."""
    needs = {index: set(node.inputs) for index, node in enumerate(shaped.nodes) if not node.training}

    def go_on(order: tuple[int, ...]) -> Iterator[tuple[int, ...]]:
        if len(order) == len(needs):
            yield order
        for index in needs.keys() - set(order):
            if needs[index] <= set(order):
                yield from go_on((*order, index))

    return go_on(())


@random_graphs
@given(st.one_of(tangles(most=6), programs(length=3)), st.booleans())
def test_no_order_needs_less_than_the_schedule(program: str, inplace: bool) -> None:
    shaped = netdsl.loads(program).shaped
    orders = list(islice(all_orders(shaped), 2001))
    assume(len(orders) <= 2000)
    best = schedule(shaped, inplace=inplace)
    assert best.exact
    assert sorted(best.order) == sorted(orders[0])
    assert best.peak == liveness(shaped, best.order, inplace=inplace).peak
    assert best.peak == min(liveness(shaped, order, inplace=inplace).peak for order in orders)


def test_the_files_order_stands_where_no_other_needs_less() -> None:
    for name in ("resnet152", "googlenet", "inception_v3", "alexnet_two_gpus"):
        shaped = netdsl.load(name).shaped
        best = schedule(shaped)
        assert best.exact
        assert best.order == liveness(shaped).order


def test_another_order_is_found_where_the_files_needs_more() -> None:
    """Two branches of 8x8 that are wide inside: one is at its narrow end before the other begins."""
    text = """
    INPUT 8x8x1 -> a: CONV 40 1
    start -> b: CONV 50 1
    a -> CONV 1 1 -> left: RELU
    b -> CONV 1 1 -> right: RELU
    [ left | right ] -> ADD
    """
    shaped = netdsl.loads(text.replace("start", "input1")).shaped
    best, own = schedule(shaped), liveness(shaped)
    paths = [shaped.nodes[index].path for index in best.order]
    assert own.peak == (1 + 40 + 50) * 64 * 4
    assert best.peak == (1 + 1 + 50) * 64 * 4
    assert paths.index("left") < paths.index("b")
    assert shaped.nodes[best.node].path in {"b", "conv2"}


def test_what_is_too_wide_gets_an_order_that_is_said_to_be_no_more_than_good() -> None:
    """Sixty layers, each of which reads two of any before it."""
    chance = random.Random(0)
    lines = ["n0: INPUT 8x8x4"]
    for number in range(1, 60):
        one, *other = sorted(chance.sample(range(number), min(2, number)))
        fork = f"[ n{one} | n{other[0] if other else one} ] -> CONCAT"
        lines.append(f"{fork} -> n{number}: CONV {chance.randint(1, 30)} 3 p1")
    shaped = netdsl.loads("\n".join(lines)).shaped
    best = schedule(shaped)
    assert not best.exact
    assert best.peak < liveness(shaped).peak


@pytest.mark.parametrize(
    "chain", ["(FC 8 -> RELU) x5000", "([ FC 8 | SKIP ] -> ADD) x5000", "[ (FC 8) x5000 | (FC 3) x5000 ] -> CONCAT"]
)
def test_a_network_of_10000_layers_is_quick(chain: str) -> None:
    shaped = netdsl.loads(f"INPUT 8 -> {chain} -> FC 2\n").shaped
    start = time.perf_counter()
    assert schedule(shaped).exact
    assert time.perf_counter() - start < 5  # half a second on an idle machine


def test_bytes_may_be_those_of_one_device() -> None:
    shaped = netdsl.load("alexnet_two_gpus").shaped
    sizes = [shape.elements * 4 for shape in shaped.shapes]
    devices = [node.device for node in shaped.nodes]
    first = liveness(shaped, bytes_of=lambda index: sizes[index] * (devices[index] == 0))
    second = liveness(shaped, bytes_of=lambda index: sizes[index] * (devices[index] == 1))
    whole = liveness(shaped)
    assert second.peak < first.peak <= whole.peak  # the image lies on the first
    assert [a + b for a, b in zip(first.usage, second.usage, strict=True)] == list(whole.usage)


def test_what_all_others_lie_before_or_behind_cuts_the_search() -> None:
    """Each pair of branches is put in order by itself."""
    shaped = netdsl.loads("INPUT 4 -> [ FC 8 -> FC 4 | FC 4 ] -> ADD -> [ RELU | FC 4 ] -> ADD -> FC 2 -> FC 1").shaped
    paths = [[shaped.nodes[index].path for index in stretch] for stretch in _stretches(Buffers(shaped, inplace=True))]
    assert paths == [["fc1", "fc2", "fc3", "add1"], ["relu1", "fc4", "add2"], ["fc5"], ["fc6"]]
