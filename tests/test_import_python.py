"""Networks of modules and of files of other formats in Python, which bring their weights."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import torchvision_models
from test_import import exported
from torch import Tensor, nn

import netdsl
from netdsl.interchange.entry import FormatError
from netdsl.interchange.torch import proof


def module() -> nn.Sequential:
    """A module whose statistics are not those of the beginning, in training."""
    torch.manual_seed(0)
    layers = [nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Dropout(0.5), nn.Flatten(), nn.Linear(120, 5)]
    made = nn.Sequential(OrderedDict((f"layer{number}", one) for number, one in enumerate(layers)))
    made(X)
    return made


X = torch.randn(2, 3, 8, 7, generator=torch.Generator().manual_seed(1))


def outputs(network: nn.Module, x: Tensor = X) -> Tensor:
    with torch.no_grad():
        return network.eval()(x)


@pytest.mark.parametrize("like", [X, (8, 7, 3), [8, 7, 3]], ids=["tensor", "tuple", "list"])
def test_a_module_is_a_network_with_its_weights(like: Tensor) -> None:
    own = module()
    found = netdsl.from_torch(own, like)
    assert own.training
    assert found.summary().totals.params == sum(one.numel() for one in own.parameters())
    assert "expect params = " in found.text
    assert netdsl.loads(found.text).summary().totals == found.summary().totals
    torch.testing.assert_close(outputs(found.module()), outputs(own))
    assert found.weights.keys() == {*found.module().state_dict()} - {"bn1.num_batches_tracked"}
    assert found.paths["layer0"] == "conv1"


def test_what_warns_in_torch_is_compiled_after_a_module_was_read(tmp_path: Path) -> None:
    found = netdsl.from_torch(nn.Sequential(nn.Linear(3, 4), nn.Softmax(dim=1)), (3,))
    compiled = torch.jit.load(found.compile(tmp_path / "a.pt"))
    assert outputs(compiled, torch.ones(1, 3)).sum() == pytest.approx(1)
    assert torch.jit.script(nn.Softmin(dim=1))(torch.ones(1, 3)).shape == (1, 3)  # of someone else


def test_what_a_network_brings_is_a_copy_that_training_leaves_alone() -> None:
    own = module()
    found = netdsl.from_torch(own, X)
    before = outputs(own)
    for one in own.parameters():
        nn.init.zeros_(one)
    for one in found.module().parameters():
        nn.init.zeros_(one)
    torch.testing.assert_close(outputs(found.module()), before)


def test_its_weights_go_into_files_unless_others_are_asked_for(tmp_path: Path) -> None:
    own = module()
    found = netdsl.from_torch(own, X)
    plain = netdsl.loads(found.text)
    cases: list[tuple[dict[str, Any], Tensor]] = [
        ({}, outputs(own)),
        ({"seed": 0}, outputs(plain.module())),
        ({"seed": 3}, outputs(plain.module(seed=3))),
        ({"init": "he"}, outputs(plain.module(init="he"))),
        ({"weights": plain.module(seed=2).state_dict()}, outputs(plain.module(seed=2))),
    ]
    for more, wanted in cases:
        torch.testing.assert_close(outputs(found.module(**more)), wanted)
        torch.testing.assert_close(torch.jit.load(found.compile(tmp_path / "a.pt", **more))(X), wanted)
    assert "class" in found.compile(tmp_path / "a.py").read_text(encoding="utf-8")


def test_a_module_without_values_is_a_network_without_weights() -> None:
    own = module().to("meta")
    found = netdsl.from_torch(own, (8, 7, 3))
    assert found.weights == {}
    assert outputs(found.module()).shape == (2, 5)


def test_what_torch_export_made_is_a_network_as_the_module_is() -> None:
    own = module().eval()
    program = torch.export.export(own, (X,))
    for found in (netdsl.from_torch(program), netdsl.from_torch(program.module(), X)):
        torch.testing.assert_close(outputs(found.module()), outputs(own))
    with pytest.raises(TypeError, match="the inputs of its example"):
        netdsl.from_torch(program, (8, 7, 3))


class Choosing(nn.Module):
    """A module that goes either way, by its values."""

    def forward(self, x: Tensor) -> Tensor:
        return x if x.sum() > 0 else -x


def test_what_torch_export_cannot_follow_is_told_and_printed_by_nobody(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(netdsl.NetError, match=r"torch\.export cannot follow Choosing"):
        netdsl.from_torch(Choosing(), (4,))
    assert capfd.readouterr() == ("", "")


class Half(nn.Module):
    """A module whose forward has what no layer does."""

    def forward(self, x: Tensor) -> Tensor:
        return torch.linalg.matrix_exp(x)


def test_what_no_program_says_is_told() -> None:
    with pytest.raises(netdsl.NetError, match="matrix_exp"):
        netdsl.from_torch(Half(), torch.randn(2, 3, 4, 4))


def test_what_is_no_module_or_has_no_size_is_a_type_error() -> None:
    with pytest.raises(TypeError, match=r"torch\.nn\.Module"):
        netdsl.from_torch(torch.relu, (3,))  # pyright: ignore[reportArgumentType]
    with pytest.raises(TypeError, match="size of its input"):
        netdsl.from_torch(module())
    with pytest.raises(TypeError, match="dims are several numbers"):
        netdsl.from_torch(module(), 3)  # pyright: ignore[reportArgumentType]
    for size in ((), (8, 7, 0), (8, 7, 3.5), ("8",)):
        with pytest.raises(TypeError, match="an input is a tensor, or its size"):
            netdsl.from_torch(module(), size)  # pyright: ignore[reportArgumentType]


def test_sizes_that_a_module_does_not_take_are_told_as_they_were_taken() -> None:
    with pytest.raises(netdsl.NetError, match=r"channels last and no batch, as \(224, 224, 3\): these are Nx2x8x7"):
        netdsl.from_torch(module(), (8, 7, 2))


def test_sizes_in_the_order_that_a_module_takes_alone_are_of_the_same_input() -> None:
    assert str(netdsl.from_torch(module(), (3, 8, 7)).shaped.shapes[0]) == "8x7x3"


class Last(nn.Module):
    """A classifier of sequences."""

    def __init__(self) -> None:
        super().__init__()
        self.rnn, self.head = nn.LSTM(5, 6, batch_first=True), nn.Linear(6, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.rnn(x)[0][:, -1])


def test_sequences_come_in_by_their_size() -> None:
    torch.manual_seed(0)
    own, x = Last(), torch.randn(2, 7, 5)
    found = netdsl.from_torch(own, (7, 5))
    assert str(found.shaped.shapes[0]) == "7x5"
    torch.testing.assert_close(outputs(found.module(), x.movedim(-1, 1)), outputs(own, x))


def test_a_network_that_becomes_convolutional_keeps_its_weights() -> None:
    own = module()
    found = netdsl.from_torch(own, X).convolutional().network
    torch.testing.assert_close(outputs(found.module()).flatten(1), outputs(own))


def test_a_file_is_a_network_with_its_weights(tmp_path: Path) -> None:
    own, x, path = exported(tmp_path)
    found = netdsl.from_file(path)
    assert found.notes == ("2 parameters are not used in inference: those of spare",)
    torch.testing.assert_close(outputs(found.module(), x), outputs(own, x))


def test_outputs_that_are_not_the_files_are_told_where_weights_are_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    *_, path = exported(tmp_path)
    found, own = netdsl.from_file(path), proof.tensors
    monkeypatch.setattr(proof, "tensors", lambda one: {name: each + 0.1 for name, each in own(one).items()})
    assert found.summary().totals.params > 0
    with pytest.raises(netdsl.NetError, match="is off by"):
        found.module()


def test_sizes_of_a_file_are_given_as_load_has_them(tmp_path: Path) -> None:
    path = tmp_path / "a.cfg"
    path.write_text("[net]\nheight=8\nwidth=8\nchannels=3\n\n[convolutional]\nfilters=4\nactivation=linear\n")
    assert str(netdsl.from_file(path, inputs=(9, 7, 3)).shaped.shapes[0]) == "9x7x3"


def test_a_program_is_no_file_of_another_format(tmp_path: Path) -> None:
    path = tmp_path / "network.net"
    path.write_text("INPUT 3")
    with pytest.raises(FormatError, match=r"network\.net: \.net is no format"):
        netdsl.from_file(path)


def test_windows_come_in_by_sizes_alone() -> None:
    torch.manual_seed(0)
    own = torchvision_models.load().swin_transformer.SwinTransformer([4, 4], 8, [2], [2], [7, 7], num_classes=3).eval()
    found = netdsl.from_torch(own, (36, 36, 3))
    x = torch.randn(1, 3, 36, 36)
    torch.testing.assert_close(outputs(found.module(), x), outputs(own, x))


@pytest.mark.parametrize("kind", [torch.float16, torch.float64, torch.bfloat16])
def test_weights_of_other_numbers_are_told_and_become_float32(kind: torch.dtype) -> None:
    own = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(120, 5)).to(kind)
    found = netdsl.from_torch(own, (8, 7, 3))
    assert {one.dtype for one in found.weights.values()} == {torch.float32}
    torch.testing.assert_close(found.weights["conv1.weight"], own.state_dict()["0.weight"].float())
    told = str(kind).removeprefix("torch.")
    assert found.notes == (f"weights of {told} are float32 here",)


OTHERWISE: dict[str, tuple[Callable[[], nn.Module], tuple[int, ...]]] = {
    "examples in the middle": (lambda: nn.TransformerEncoderLayer(4, 2, 8), (5, 2, 4)),
    "states behind positions": (lambda: Called(lambda m, x: m.one(x)[0][-1], nn.GRU(4, 3)), (5, 2, 4)),
    "boxes apart": (
        lambda: Called(lambda m, x: m.one(x).view(2, 3, 2, 5, 4).permute(0, 1, 3, 4, 2), nn.Conv2d(3, 6, 1)),
        (2, 3, 5, 4),
    ),
    "numbers of channels": (
        lambda: Called(
            lambda m, x: m.one(
                (x - torch.tensor([0.4, 0.5, 0.6]).view(3, 1, 1)) / torch.tensor([0.2, 0.3, 0.4]).view(3, 1, 1)
            ),
            nn.Conv2d(3, 2, 1),
        ),
        (2, 3, 5, 4),
    ),
}


class Called(nn.Module):
    """A module with one part, whose forward is a function of both and of the input."""

    def __init__(self, does: Callable[..., Tensor], one: nn.Module) -> None:
        super().__init__()
        self.does, self.one = does, one

    def forward(self, x: Tensor) -> Tensor:
        return self.does(self, x)


@pytest.mark.parametrize("case", OTHERWISE)
def test_outputs_are_held_however_a_module_lays_them_out(case: str) -> None:
    make, dims = OTHERWISE[case]
    network = netdsl.from_torch(make().eval(), torch.randn(dims, generator=torch.Generator().manual_seed(0)))
    assert network.module().state_dict().keys() >= network.weights.keys() > set()
