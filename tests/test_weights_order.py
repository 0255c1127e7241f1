"""Weights by order: modules of a file to those of a network, by what they are and where they stand, never by chance."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
import torchvision_models
from safetensors.torch import load_file
from test_cli import Run, run  # noqa: F401 - `run` is a fixture
from test_zoo import randomised
from torch import Tensor, nn

import netdsl
from netdsl import compile
from netdsl.compile.errors import WeightsMismatchError, WeightsOrderError
from netdsl.compile.origin import Origin, Remarks


def conv(filters: int, channels: int, size: int = 1) -> nn.Conv2d:
    return nn.Conv2d(channels, filters, size, padding=size // 2)


def state(**modules: nn.Module) -> dict[str, Tensor]:
    """The state dict of modules by their paths, `_` for dots, each filled with its number."""
    found: dict[str, Tensor] = {}
    for number, (path, module) in enumerate(modules.items(), 1):
        for name, one in module.state_dict().items():
            found[f"{path.replace('_', '.')}.{name}"] = torch.full_like(one, number)
    return found


def numbers(text: str, weights: dict[str, Tensor]) -> dict[str, int]:
    """Which module of a file each module of a network got."""
    module = netdsl.loads(text).module(train=False, weights=weights, weights_by="order")
    return {
        name.removesuffix(".weight"): int(one.flatten()[0])
        for name, one in module.named_parameters()
        if "bias" not in name
    }


def test_modules_meet_in_order_by_what_they_are() -> None:
    weights = state(a=conv(8, 3, 3), b=nn.BatchNorm2d(8), c=conv(8, 8, 3), d=nn.Linear(8, 4))
    text = "INPUT 9x9x3 -> CONV 8 3 p1 -> BN -> RELU -> CONV 8 3 p1 -> AVGPOOL global -> CONV 4 1 -> FLATTEN"
    assert numbers(text, weights) == {"conv1": 1, "bn1": 2, "conv2": 3, "conv3": 4}


def test_what_counts_batches_and_indices_are_passed_over_and_told() -> None:
    weights = state(a=conv(2, 3), b=nn.BatchNorm2d(2)) | {"index": torch.zeros(4, dtype=torch.long)}
    module = netdsl.loads("INPUT 3x3x3 -> CONV 2 1 -> BN").module(weights=weights, weights_by="order")
    told = module.meta["weights"]
    assert told == Remarks(
        notes=("the state dict: passed over 1 num_batches_tracked and 1 index, which hold whole numbers",)
    )


def test_norms_that_a_class_makes_after_all_convolutions_stand_behind_theirs() -> None:
    weights = state(conv1=conv(4, 3), conv2=conv(4, 4), bn1=nn.BatchNorm2d(4), bn2=nn.BatchNorm2d(4))
    text = "INPUT 3x3x3 -> CONV 4 1 -> BN -> CONV 4 1 -> BN"
    assert numbers(text, weights) == {"conv1": 1, "bn1": 3, "conv2": 2, "bn2": 4}


# A shortcut before or behind the branch that it goes around

MAIN, SHORT = "CONV 4 1 -> CONV 4 3 p1 -> CONV 8 1", "CONV 8 1"


def residual(first: str, second: str, channels: int) -> str:
    return f"block down() = [ {first} | {second} ] -> ADD\nINPUT 3x3x{channels} -> down() -> CONV 8 3 p1"


def shortcut_last(channels: int) -> dict[str, Tensor]:
    return state(
        layer_conv1=conv(4, channels),
        layer_conv2=conv(4, 4, 3),
        layer_conv3=conv(8, 4),
        layer_down_0=conv(8, channels),
        last=conv(8, 8, 3),
    )


def test_a_branch_may_stand_before_another_where_nothing_is_alike() -> None:
    here = {"down1.conv1": 4, "down1.conv2": 1, "down1.conv3": 2, "down1.conv4": 3, "conv1": 5}
    assert numbers(residual(SHORT, MAIN, 6), shortcut_last(6)) == here


def test_equal_modules_in_another_order_are_refused_with_their_names() -> None:
    with pytest.raises(WeightsOrderError) as found:
        numbers(residual(SHORT, MAIN, 4), shortcut_last(4))
    assert str(found.value) == (
        "the state dict has modules of equal shape in another order than the network: which is which is not known\n"
        "  8x4x1x1, bias: down1.conv1 and down1.conv4 may be layer.conv3 or layer.down.0"
    )
    assert numbers(residual(MAIN, SHORT, 4), shortcut_last(4))["down1.conv4"] == 4


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ("CONV 4 3 p1 -> CONV 4 1 | CONV 4 1", "branch1_a:1 branch2_a:3 branch2_b:1"),
        ("CONV 4 1 | CONV 4 3 p1 -> CONV 4 1", "branch1_a:3 branch1_b:1 branch2_a:1"),
        ("CONV 4 1 -> CONV 4 3 p1 -> CONV 4 1 | CONV 4 1 -> CONV 4 5 p2", "a:1 b:5 c:1 d:3 e:1"),
    ],
)
def test_branches_that_changed_places_never_load_wrong(ours: str, theirs: str) -> None:
    modules = {path: conv(4, 4, int(size)) for path, size in (one.split(":") for one in theirs.split())}
    with pytest.raises(WeightsOrderError):
        numbers(f"INPUT 3x3x4 -> [ {ours} ] -> ADD", state(**modules))


def test_names_that_contradict_the_order_are_refused() -> None:
    text = "INPUT 3x3x4 -> first: CONV 4 1 -> second: CONV 4 1"
    with pytest.raises(WeightsOrderError, match="first and second may be second or first"):
        numbers(text, state(second=conv(4, 4), first=conv(4, 4)))


class Scaled(nn.Module):
    """A convolution that a scale stands behind, which the class makes first, as ConvNeXt's."""

    def __init__(self) -> None:
        super().__init__()
        self.layer_scale = nn.Parameter(torch.ones(4, 1, 1))
        self.block = nn.Sequential(conv(4, 4, 3), nn.GroupNorm(1, 4))


def test_what_repeated_blocks_make_in_another_order_is_matched_within_each() -> None:
    weights = state(**{f"features_{number}": Scaled() for number in range(3)})
    for number in range(3):
        weights[f"features.{number}.layer_scale"] += 10
    text = "block unit() = CONV 4 3 p1 -> GN 1 -> SCALE\nINPUT 3x3x4 -> unit() x3"
    found = numbers(text, weights)
    assert [found[f"unit1.{copy}.scale1"] for copy in (1, 2, 3)] == [11, 12, 13]
    assert [found[f"unit1.{copy}.conv1"] for copy in (1, 2, 3)] == [1, 2, 3]
    flat = "INPUT 3x3x4 -> " + " -> ".join(["CONV 4 3 p1 -> GN 1 -> SCALE"] * 3)
    with pytest.raises(WeightsOrderError):  # the scale behind the first could be that before the second
        numbers(flat, weights)


# Heads


HEADED = state(a=conv(4, 3), aux1_a=conv(6, 4), aux1_b=nn.Linear(6, 2), aux2_a=conv(6, 4), aux2_b=nn.Linear(6, 2))
HEADED |= {name: one + 5 for name, one in state(b=conv(6, 4), fc=nn.Linear(6, 2)).items()}


def test_heads_that_a_network_lacks_are_passed_over() -> None:
    text = "INPUT 3x3x3 -> a: CONV 4 1 -> b: CONV 6 1 -> AVGPOOL global -> fc: FC 2"
    assert numbers(text, HEADED) == {"a": 1, "b": 6, "fc": 7}
    module = netdsl.loads(text).module(train=False, weights=HEADED, weights_by="order")
    assert module.meta["weights"].notes == (
        "the state dict: passed over aux1.a, aux1.b, aux2.a and aux2.b, which the network lacks",
    )


def test_one_of_two_equal_heads_is_not_chosen() -> None:
    head = "CONV 6 1 -> AVGPOOL global -> FC 2"
    text = f"INPUT 3x3x3 -> a: CONV 4 1 -> [ {head} | {head} ] -> ADD"
    with pytest.raises(WeightsMismatchError, match=r"extra: fc"):
        numbers(text, HEADED)


def test_heads_for_training_are_found_where_the_file_has_them() -> None:
    text = (
        "block head() = CONV 6 1 -> FC 2\nINPUT 3x3x3 -> a: CONV 4 1\na -> aux: head()\na -> b: CONV 5 1 -> fc: FC 2\n"
        "output fc\noutput training aux"
    )
    weights = state(a=conv(4, 3), side_a=conv(6, 4), side_b=nn.Linear(54, 2), b=conv(5, 4), fc=nn.Linear(45, 2))
    assert numbers(text, weights) == {"a": 1, "b": 4, "fc": 5}
    module = netdsl.loads(text).module(weights=weights, weights_by="order")
    assert int(module.get_parameter("aux.fc1.bias")[0]) == 3


def test_what_stands_behind_all_others_may_be_lacking() -> None:
    assert numbers("INPUT 3x3x3 -> CONV 4 1", state(a=conv(4, 3), b=nn.Linear(4, 2))) == {"conv1": 1}


@pytest.mark.parametrize(
    "theirs",
    [
        state(a=conv(4, 3), se_a=conv(2, 4), se_b=conv(4, 2), b=conv(4, 4, 3)),
        state(a=conv(4, 3), scale=nn.GroupNorm(2, 4), b=conv(4, 4, 3)),
        state(a=conv(4, 3), b=conv(4, 4), c=conv(4, 4), fc=conv(4, 4, 3)),
        state(a=conv(4, 3), multihead_a=conv(2, 4), b=conv(4, 4, 3)),
        state(a=conv(4, 3), layer_1_head_a=conv(2, 4), b=conv(4, 4, 3)),
    ],
)
def test_a_layer_that_a_network_lacks_is_no_head(theirs: dict[str, Tensor]) -> None:
    with pytest.raises(WeightsMismatchError, match="extra: "):
        numbers("INPUT 3x3x3 -> CONV 4 1 -> CONV 4 3 p1", theirs)


def test_another_shape_is_told_with_both_names() -> None:
    text = "INPUT 3x3x3 -> CONV 4 1 -> CONV 5 1 nobias"
    with pytest.raises(WeightsMismatchError, match=r"another shape: conv1 \(8x3x1x1, not 4x3x1x1\): a in the file"):
        numbers("INPUT 3x3x3 -> CONV 4 1", state(a=conv(8, 3)))
    with pytest.raises(WeightsMismatchError, match=r"missing: conv2 \(5x4x1x1\); the file has b \(5x4x1x1, bias\)"):
        numbers(text, state(a=conv(4, 3), b=conv(5, 4)))


def test_constants_are_the_networks_own() -> None:
    text = "INPUT 3x3x3 -> NORMALIZE mean={1/2, 1/3, 1/4} std={1, 1, 1} -> c: CONV 4 1"
    own = netdsl.loads(text).module(seed=3).state_dict()
    for weights in (state(a=conv(4, 3)), {name.replace("c.", "d."): one for name, one in own.items()}):
        found = netdsl.loads(text).module(weights=weights, weights_by="order").state_dict()
        assert torch.equal(found["normalize1.mean"], own["normalize1.mean"])


def test_what_was_found_by_order_is_written_as_a_map(tmp_path: Path) -> None:
    text = "block unit() = CONV 4 3 p1 -> GN 1 -> SCALE\nINPUT 3x3x4 -> unit() x2 -> CONV 4 1"
    shaped = netdsl.loads(text).shaped
    weights = state(features_0=Scaled(), features_1=Scaled(), head=nn.Linear(4, 4), aux_a=nn.Linear(2, 2))
    weights["index"] = torch.zeros(1, dtype=torch.long)
    names = tmp_path / "names.map"
    by_order = compile.module(shaped, weights=Origin(weights, "order", map_output=names)).state_dict()
    assert "features.1.layer_scale = unit1.2.scale1.weight  # 4x1x1\n" in names.read_text()
    assert names.read_text().endswith("\naux.a =\nindex =\n")
    by_map = compile.module(shaped, weights=Origin({f"module.{name}": one for name, one in weights.items()}, map=names))
    assert all(torch.equal(one, by_order[name]) for name, one in by_map.state_dict().items())


# The commands


def test_the_commands_tell_what_was_done_and_what_to_write(run: Run) -> None:  # noqa: F811
    Path("net.net").write_text("param classes = 4\nINPUT 3x3x3 -> CONV 2 1 nobias -> BN -> FC classes\n")
    norm = nn.BatchNorm2d(2)
    torch.save(nn.Sequential(nn.Conv2d(3, 2, 1, bias=False), norm, nn.Linear(18, 4)).state_dict(), "own.pth")
    done = run("compile", "net.net", "--weights", "own.pth", "--weights-by", "order", "--map-output", "names.map")
    assert (done.status, done.err) == (
        0,
        "note: own.pth: passed over 1 num_batches_tracked, which holds whole numbers\n",
    )
    assert done.out.endswith("weights of own.pth\n")
    done = run("compile", "net.net", "--weights", "own.pth", "--weights-map", "names.map")
    assert (done.status, done.err) == (0, "")
    done = run("compile", "net.net", "--weights", "own.pth", "--weights-by", "order", "--set", "classes=5")
    assert (done.status, done.err) == (
        2,
        "error: own.pth does not fit the network\n    another shape: fc1 (4x18, not 5x18): 2 in the file\n"
        "  = help: the file is for 4 where the network has 5: write --set classes=4\n",
    )
    arguments = ["transform", "net.net", "--convolutional", "-o", "conv.net", "--weights-output", "conv.safetensors"]
    done = run(*arguments, "--weights", "own.pth", "--weights-by", "order")
    assert (done.status, done.err.splitlines()[-1]) == (0, "conv.safetensors: 8 tensors")
    assert norm.running_var is not None
    assert torch.equal(load_file("conv.safetensors")["bn1.running_var"], norm.running_var)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ("--weights-by order", "error: --weights-by: there are no weights"),
        ("--weights-map a.map", "error: --weights-map: there are no weights"),
        ("--weights a.pth --weights-by order --weights-map a.map", "error: --weights-map says names"),
        ("--weights a.pth --map-output a.map", "error: --map-output is of what is found by order"),
        ("--weights a.pth --weights-map none.map", "error: none.map: No such file or directory"),
    ],
)
def test_options_that_do_not_go_together_are_told(run: Run, options: str, says: str) -> None:  # noqa: F811
    Path("net.net").write_text("INPUT 3 -> FC 4\n")
    torch.save(nn.Sequential(nn.Linear(3, 4)).state_dict(), "a.pth")
    done = run("compile", "net.net", *options.split())
    assert done.status == 2
    assert done.err.startswith(says)


# torchvision's


@pytest.mark.filterwarnings("ignore:The default weight initialization:FutureWarning")
@pytest.mark.parametrize(
    ("name", "size"),
    [
        ("resnet50", 64),
        ("densenet121", 64),
        ("mobilenet_v3_large", 64),
        ("shufflenet_v2_x1_0", 64),
        ("convnext_tiny", 64),
        ("squeezenet1_1", 64),
        ("inception_v3", 299),
    ],
)
def test_torchvisions_files_load_as_they_are(name: str, size: int) -> None:
    build: Callable[[], nn.Module] = getattr(torchvision_models.load(), name)
    with torch.device("meta"):
        model = build()
    model = randomised(model)
    module = netdsl.load(name).module(train=False, weights=model.state_dict(), weights_by="order").eval()
    image = torch.rand(1, 3, size, size, generator=torch.Generator().manual_seed(2))
    with torch.inference_mode():
        wanted, found = torch.softmax(model(image), 1), module(image)
    assert wanted.std() > 1e-5
    torch.testing.assert_close(found, wanted, rtol=1e-4, atol=1e-6)


def test_another_variant_is_refused() -> None:
    with torch.device("meta"):
        model = torchvision_models.load().alexnet()
    with pytest.raises(WeightsMismatchError, match=r"conv1 \(64x3x11x11, not 96x3x11x11\): features\.0 in the file"):
        netdsl.load("alexnet").module(
            weights={name: torch.empty(one.shape) for name, one in model.state_dict().items()}, weights_by="order"
        )
