"""What compiling makes of a network: the module's names, data flow and modes, and its behaviour in TorchScript."""

from __future__ import annotations

import copy
import pickle
from typing import Any, cast

import pytest
import torch
from torch import nn
from torch.nn import functional

import netdsl
from netdsl import compile
from netdsl.compile import names
from netdsl.compile.errors import DeviceCountError, ScriptError, UnknownDeviceError
from netdsl.compile.lower import lower
from netdsl.compile.plan import Plan
from netdsl.compile.random import PART, Filling
from netdsl.compile.script import script

SMALL = """
block unit(n, k, stride=1) = CONV n {k} s{stride} p{k // 2} nobias -> BN
block same(w) = [ unit(w, 3) -> RELU -> unit(w, 3) | SKIP ] -> ADD -> RELU
INPUT 12x12x3 -> unit(4, 3, 2) -> RELU -> body: same(4) x2 -> pool: MAXPOOL 2
pool -> [ CONV 2 1 | unit(2, 3) ] -> CONCAT -> DROPOUT 0.5 -> fc: FC 5 -> prob: SOFTMAX
"""

TRAINING = """
INPUT 8x8x3 -> c: CONV 4 3 p1 -> BN -> RELU -> DROPOUT 0.5 -> d: CONV 4 3 p1
d -> prob: FC 3
d -> half: FC 2
c -> head: FC 6 -> aux: FC 5
output prob, half
output training aux
"""

SIAMESE = """
block tower() = CONV 4 3 p1 -> BN -> RELU -> FC 8
left: INPUT 6x6x2 -> enc: tower()
right: INPUT 6x6x2 -> enc() -> b: RELU
[ enc | b ] -> SUB -> ABS -> FC 1 -> SIGMOID
"""

DEVICES = """
INPUT 8x8x2 -> [ a: CONV 4 3 @0 -> a2: CONV 4 1 @0 | b: CONV 4 3 @1 ] -> CONCAT
-> c: CONV 4 1 @1 -> d: CONV 4 1 @1 -> FC 3
"""


def plan(text: str, *, train: bool = False, devices: tuple[str, ...] = ()) -> Plan:
    return Plan(netdsl.loads(text).shaped, train, dict(enumerate(map(torch.device, devices))))


def torch_model(x: torch.Tensor, weights: dict[str, torch.Tensor]) -> torch.Tensor:
    """SMALL in plain torch, for inference."""

    def unit(x: torch.Tensor, path: str, stride: int = 1) -> torch.Tensor:
        kernel = weights[f"{path}.conv1.weight"]
        x = functional.conv2d(x, kernel, stride=stride, padding=kernel.shape[2] // 2)
        learned = weights[f"{path}.bn1.weight"], weights[f"{path}.bn1.bias"]
        return functional.batch_norm(
            x, weights[f"{path}.bn1.running_mean"], weights[f"{path}.bn1.running_var"], *learned
        )

    x = unit(x, "unit1", 2).relu()
    for copy_ in ("body.1", "body.2"):
        x = (unit(unit(x, f"{copy_}.unit1").relu(), f"{copy_}.unit2") + x).relu()
    x = functional.max_pool2d(x, 2)
    x = torch.cat([functional.conv2d(x, weights["conv1.weight"], weights["conv1.bias"]), unit(x, "unit2")], 1)
    return functional.linear(x.flatten(1), weights["fc.weight"], weights["fc.bias"]).softmax(1)


def warmed(module: nn.Module, *inputs: torch.Tensor) -> None:
    """Run in training mode, so that batch statistics are no longer trivial; leave inference mode."""
    module.train()(*inputs)
    module.eval()


def test_agrees_with_plain_torch_at_any_batch_size() -> None:
    network = compile.module(netdsl.loads(SMALL).shaped)
    warmed(network, torch.randn(4, 3, 12, 12))
    scripted = script(network)
    for batch in (1, 2, 5):
        x = torch.randn(batch, 3, 12, 12)
        expected = torch_model(x, network.state_dict())
        assert expected.shape == (batch, 5)
        torch.testing.assert_close(network(x), expected)
        torch.testing.assert_close(scripted(x), expected)


def test_paths_are_the_keys_of_the_state_dict() -> None:
    found = list(lower(plan(SMALL), 0).state_dict())
    wanted = [f"{path}.{name}" for path in ("unit1", "body.1.unit1") for name in ("conv1.weight", "bn1.weight")]
    assert [name for name in found if name in wanted] == wanted
    assert "body.2.unit2.bn1.running_var" in found
    assert found == list(script(lower(plan(SMALL), 0)).state_dict())


def test_blocks_and_repeats_are_a_readable_tree() -> None:
    text = """
        block unit(n, k, stride=1) = CONV n {k} s{stride} p{k // 2} nobias -> BN
        block residual(w, stride=1) = unit(w, 1) -> RELU -> unit(w, 3, stride) -> RELU -> unit(4*w, 1)
        block same(w) = [ residual(w) | SKIP ] -> ADD -> RELU
        block stage(w, n) = unit(4*w, 1) -> same(w) x{n}
        INPUT 8x8x3 -> conv2: stage(2, 2) -> conv3: stage(3, 1)
    """
    found = lower(plan(text), blank=True).state_dict()
    assert "conv2.same1.1.residual1.unit1.conv1.weight" in found
    assert "conv3.same1.1.residual1.unit3.bn1.running_mean" in found


@pytest.mark.parametrize("most", [0.1, 2.0])
def test_what_draws_until_it_fits_ends_where_weights_stay_blank(most: float) -> None:
    tensor = torch.full((100,), 1e30)
    with Filling(blank=True):
        nn.init.trunc_normal_(tensor, a=-most, b=most)
    assert float(tensor.abs().max()) <= most


def test_every_weight_has_the_dims_that_the_summary_counts() -> None:
    net = netdsl.loads(SMALL)
    assert sum(one.numel() for one in lower(plan(SMALL), 0).parameters()) == net.summary().totals.params


def test_several_outputs_are_a_named_tuple() -> None:
    network = lower(plan(TRAINING), 0)
    scripted = script(network)
    x = torch.randn(2, 3, 8, 8)
    for found in (network(x), scripted(x)):
        assert found._fields == ("prob", "half_")
        assert found.prob.shape == (2, 3)
    assert all(map(torch.equal, network(x), scripted(x)))


def test_training_outputs_follow_the_others() -> None:
    scripted = script(lower(plan(TRAINING, train=True), 0))
    x = torch.randn(4, 3, 8, 8)
    assert scripted.training
    assert scripted(x)._fields == ("prob", "half_", "aux")
    assert not torch.equal(scripted(x).prob, scripted(x).prob), "dropout draws anew each time"
    before = scripted.bn1.running_mean.clone()
    scripted(x)
    assert not torch.equal(scripted.bn1.running_mean, before)
    scripted.eval()
    assert torch.equal(scripted(x).prob, scripted(x).prob)
    assert scripted(x)._fields == ("prob", "half_", "aux")


def test_inference_leaves_out_what_training_alone_needs() -> None:
    network = lower(plan(TRAINING), 0)
    assert not network.training
    assert not any(isinstance(module, nn.Dropout) for module in network.modules())
    assert not any(name.startswith(("aux", "head")) for name in network.state_dict())
    assert "head.weight" in lower(plan(TRAINING, train=True), 0).state_dict()


def test_a_trainable_module_returns_training_outputs_in_training_alone() -> None:
    network = compile.module(netdsl.loads(TRAINING).shaped)
    x = torch.randn(2, 3, 8, 8)
    for one in (network, copy.deepcopy(network)):
        assert one.training
        assert one(x)._fields == ("prob", "half_", "aux")
        assert one.eval()(x)._fields == ("prob", "half_")
        assert one.train()(x)._fields == ("prob", "half_", "aux")
    assert compile.module(netdsl.loads(TRAINING).shaped, train=False)(x)._fields == ("prob", "half_")
    torch.cat([one.flatten() for one in network(x)]).square().sum().backward()
    assert all(one.grad is not None for one in network.parameters())


def test_a_module_pickles() -> None:
    x = torch.randn(2, 3, 8, 8)
    network = lower(plan(TRAINING), 0)
    twin = pickle.loads(pickle.dumps(network))
    assert all(map(torch.equal, twin(x), network(x)))
    assert pickle.loads(pickle.dumps(network(x)))._fields == ("prob", "half_")


def test_weights_applied_again_are_one_module() -> None:
    network = lower(plan(SIAMESE), 0)
    assert [name for name in network.state_dict() if name.endswith("conv1.weight")] == ["enc.conv1.weight"]
    scripted = script(network)
    left, right = torch.randn(2, 3, 2, 6, 6).unbind()
    assert torch.equal(scripted(left, right), network(left=left, right=right))
    assert torch.equal(scripted(right=right, left=left), scripted(left, right))
    assert not torch.equal(scripted(left, right), scripted(right, left))


def test_modules_are_those_of_torch() -> None:
    network = lower(plan(SMALL), 0)
    assert type(network.get_submodule("body.1.unit1.conv1")) is nn.Conv2d
    assert type(network.get_submodule("body.1.unit1.bn1")) is nn.BatchNorm2d


def test_tensors_move_where_an_edge_crosses_devices_alone() -> None:
    network = lower(plan(DEVICES, devices=("cpu", "meta")), 0)
    where = {name: str(one.device) for name, one in network.named_parameters() if name.endswith("weight")}
    assert where == {"a.weight": "cpu", "a2.weight": "cpu", "b.weight": "meta", "c.weight": "meta"} | {
        "d.weight": "meta",
        "fc1.weight": "cpu",
    }
    moves = [(node.args[0].name, node.args[1]) for node in network.graph.nodes if node.target == "to"]
    assert moves == [("input1", "meta"), ("b", "cpu"), ("concat1", "meta"), ("d", "cpu")]
    assert ".to" not in lower(plan(DEVICES, devices=("cpu", "cpu")), 0).code
    assert ".to" not in lower(plan(DEVICES), 0).code


@pytest.mark.parametrize("label", ["_0", "__1", "_1a", "_", "__", "_a", "value_", "self", "class"])
def test_any_label_may_be_an_output_or_an_input(label: str) -> None:
    x = torch.randn(2, 4)
    several = compile.module(netdsl.loads(f"INPUT 4 -> {label}: FC 3 -> k: RELU\noutput {label}, k").shaped)
    first, second = several(x)
    assert torch.equal(first.relu(), second)
    scripted = script(several.eval())
    assert all(map(torch.equal, scripted(x), (first, second)))
    one = script(compile.module(netdsl.loads(f"{label}: INPUT 4 -> RELU").shaped, train=False))
    assert torch.equal(one(x), x.relu())


def test_a_value_moves_once_for_all_that_read_it() -> None:
    text = "INPUT 4x4x2 -> a: CONV 2 1\n[ a -> CONV 2 1 @1 | a -> CONV 3 1 @1 ] -> CONCAT @1\n"
    network = lower(plan(text, devices=("cpu", "meta")), 0)
    assert network.code.count(".to('meta')") == 1
    assert script(network).code.count("torch.to") == 1


def test_devices_are_as_many_as_are_used() -> None:
    shaped = netdsl.loads(DEVICES).shaped
    for given in (("cpu",), ("cpu", "cpu", "cpu")):
        with pytest.raises(DeviceCountError) as found:
            compile.module(shaped, devices=given)
        assert (found.value.given, found.value.wanted) == (given, 2)
    with pytest.raises(UnknownDeviceError) as unknown:
        compile.module(shaped, devices=("cpu", "toaster"))
    assert unknown.value.name == "toaster"
    compile.module(shaped, devices=("cpu", "cpu"))


def test_weights_follow_from_seed_and_path() -> None:
    states = [lower(plan(SMALL), seed).state_dict() for seed in (0, 0, 1)]
    assert all(torch.equal(one, states[1][name]) for name, one in states[0].items())
    assert not torch.equal(states[0]["fc.weight"], states[2]["fc.weight"])
    kernels = [one for name, one in states[0].items() if name.startswith("body.") and one.dim() == 4]
    assert not any(torch.equal(one, kernels[0]) for one in kernels[1:])
    longer = lower(plan(SMALL.replace("-> pool:", "-> more: CONV 4 1 -> pool:")), 0).state_dict()
    assert torch.equal(longer["fc.weight"], states[0]["fc.weight"])
    trained = lower(plan(SMALL, train=True), 0).state_dict()
    assert all(torch.equal(one, trained[name]) for name, one in states[0].items())


def test_torchs_generator_is_left_alone_with_a_seed_and_followed_without() -> None:
    torch.manual_seed(3)
    state = torch.get_rng_state()
    lower(plan(SMALL), 0)
    assert torch.equal(torch.get_rng_state(), state)
    first = lower(plan(SMALL)).state_dict()["fc.weight"]
    torch.manual_seed(3)
    assert torch.equal(lower(plan(SMALL)).state_dict()["fc.weight"], first)
    assert not torch.equal(lower(plan(SMALL)).state_dict()["fc.weight"], first)


def test_large_weights_do_not_depend_on_threads() -> None:
    text = f"INPUT 2000 -> FC {PART // 1000}\n"
    threads = torch.get_num_threads()
    found = []
    try:
        for count in (1, 3):
            torch.set_num_threads(count)
            found.append(lower(plan(text), 0, init="pytorch").get_parameter("fc1.weight"))
    finally:
        torch.set_num_threads(threads)
    assert torch.equal(*found)
    assert found[0].requires_grad
    bound = 2000**-0.5
    assert found[0].abs().max() <= bound
    assert found[0].std().item() == pytest.approx(bound / 3**0.5, rel=0.01)
    parts = found[0].detach().view(-1).split(PART)
    assert not torch.equal(*parts)


LABELS = "lambda class forward half type eval parameters state_dict training code graph to train modules save print"


@pytest.mark.parametrize(
    "label", [*LABELS.split(), "self", "len", "float", "torch", "_c", "nan", "getattr", "__dict__"]
)
def test_every_label_may_be_a_module_a_scope_an_input_or_an_output(label: str) -> None:
    text = f"block deep() = CONV 2 1 -> {label}: CONV 2 1\n{label}: INPUT 4x4x2 -> CONV 2 1 -> {label}2: deep()\n"
    text += f"block wide() = CONV 2 1\n{label}2 -> s: RELU -> {label}3: wide() -> z: CONV 3 1\noutput {label}2, z\n"
    text = text.replace(f"{label}3", "t" if label == "s" else f"{label}_")
    network = lower(plan(text), 0)
    scripted = script(network)
    x = torch.randn(2, 2, 4, 4)
    for one in (network, scripted):
        assert all(map(torch.equal, one(x), network(x)))
        one.train().eval()
        one.load_state_dict(one.state_dict())
        assert not any(module.training for module in one.modules())
        assert len(list(one.parameters())) == 10
    (argument,) = [one.name for one in cast("Any", scripted).forward.schema.arguments][1:]
    assert torch.equal(scripted(**{argument: x})[0], network(x)[0])


def test_reserved_components_get_an_underscore() -> None:
    paths = ["conv1", "class", "half.1.forward", "half_", "x.save", "s2", "print", "_under"]
    assert list(names.modules(paths).values()) == [
        "conv1",
        "class_",
        "half__.1.forward_",
        "half_",
        "x.save_",
        "s2",
        "print",
        "_under",
    ]
    assert names.fields(["a.b", "a_b", "_under", "prob"]) == ["a_b", "a_b_", "under_", "prob"]
    assert names.arguments(["self", "x.1", "inf"]) == ["self_", "x_1", "inf_"]


def test_all_that_a_module_has_is_reserved() -> None:
    scripted = torch.jit.script(nn.Linear(1, 1))
    traced = lower(plan("INPUT 4 -> FC 2\n"), 0)
    own = {name for name in {*dir(nn.Module()), *dir(scripted), *dir(traced)} if not name.startswith("___")}
    # three: what torch.compile leaves on nn.Module, once anything in the process has used it
    assert own - names.reserved() <= {"weight", "bias", "in_features", "out_features", "fc1"}


class Unscriptable(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return eval("x")


def test_what_torchscript_refuses_is_told_with_its_place() -> None:
    network = lower(plan(SMALL), 0)
    network.get_submodule("body.2").add_module("relu1", Unscriptable())
    with pytest.raises(ScriptError) as found:
        script(network)
    assert (found.value.path, found.value.kind) == ("body.2.relu1", "Unscriptable")
    assert found.value.reason


def test_scripting_leaves_the_module_as_it_was() -> None:
    network = lower(plan(SMALL), 0)
    kinds = [type(module) for module in network.modules()]
    script(network)
    assert [type(module) for module in network.modules()] == kinds
    script(network)


def test_scripted_modules_share_the_tensors() -> None:
    network = lower(plan(SMALL), 0)
    scripted = script(network)
    pairs = zip(network.parameters(), scripted.parameters(), strict=True)
    assert all(one.data_ptr() == other.data_ptr() for one, other in pairs)
