"""Fully connected layers as convolutions: the same weights, the same outputs, and maps of scores for larger images."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from click.testing import CliRunner
from safetensors.torch import load_file, save_file
from test_optimize import SMALL, ZOO
from torch import Tensor, nn

import netdsl
from netdsl.cli.common import UsageError
from netdsl.cli.main import cli
from netdsl.cli.transform import command
from netdsl.text import format as formatter
from netdsl.text.source import Source
from netdsl.transform.plan import TransformError

PROGRAMS = sorted(Path(__file__).parent.joinpath("programs", "valid").glob("*.net"))

TOWERS = """
block dense(n) = FC n -> RELU
INPUT 6x5x3 -> [ dense(4) | dense(6) ] -> CONCAT -> dense(7) -> FC 2 -> SOFTMAX
"""


def rewritten(text: str) -> str:
    """The chains and blocks of the program that a program becomes, without the comment on top."""
    return netdsl.loads(text).convolutional().text.partition("\n")[2].strip()


def test_layers_that_read_a_map_become_windows_of_its_size() -> None:
    assert rewritten("INPUT 6x5x3 -> CONV 4 3 -> FC 8 nobias -> RELU -> DROPOUT 0.5 -> out: FC 2\n") == (
        "INPUT 6x5x3 -> CONV 4 3 -> fc1: CONV 8 4x3 nobias -> RELU -> DROPOUT 0.5 -> out: CONV 2 1x1"
    )


def test_flattening_goes_and_pooling_over_the_map_slides() -> None:
    assert rewritten("INPUT 6x6x3 -> FLATTEN -> RELU -> FC 2\n") == "INPUT 6x6x3 -> RELU -> fc1: CONV 2 6x6"
    assert rewritten("INPUT 8x8x3 -> AVGPOOL global -> f: FLATTEN -> FC 2\n") == (
        "INPUT 8x8x3 -> AVGPOOL 8x8 s1 -> f: SKIP -> fc1: CONV 2 1x1"
    )
    assert rewritten("INPUT 8x8x3 -> MAXPOOL to=2x2 -> FC 2\n") == "INPUT 8x8x3 -> MAXPOOL 4x4 -> fc1: CONV 2 2x2"


def test_a_gate_over_the_whole_map_stays_one() -> None:
    text = "INPUT 8x8x4 -> CONV 4 3 p1 -> [ AVGPOOL global -> FC 2 -> RELU -> FC 4 -> SIGMOID | SKIP ] -> MUL -> FC 2"
    assert "AVGPOOL global -> fc1: CONV 2 1x1 -> RELU -> fc2: CONV 4 1x1" in rewritten(text)


def test_a_block_over_maps_of_several_sizes_gets_their_size_as_a_parameter() -> None:
    assert rewritten(TOWERS).splitlines() == [
        "block dense(n, kernel=6x5) = fc1: CONV n kernel -> RELU",
        "INPUT 6x5x3 -> [ dense(4) | dense(6) ] -> CONCAT -> dense(7, kernel=1x1) -> fc1: CONV 2 1x1",
        "-> SOFTMAX",
    ]


def test_a_parameter_goes_through_the_blocks_between() -> None:
    text = """
block inner(n) = FC n -> RELU
block outer(n) = inner(n) -> FC n
INPUT 4x4x2 -> outer(3) -> outer(5)
"""
    lines = rewritten(text).splitlines()
    assert lines[0] == "block inner(n, kernel=4x4) = fc1: CONV n kernel -> RELU"
    assert lines[1] == "block outer(n, kernel=4x4) = inner(n, kernel=kernel) -> fc1: CONV n 1x1"
    assert lines[2] == "INPUT 4x4x2 -> outer(3) -> outer(5, kernel=1x1)"


def test_the_first_copy_of_a_repeat_parts_from_the_others() -> None:
    assert rewritten("INPUT 4x4x2 -> ( FC 3 -> RELU ) x3 -> FC 2\n") == (
        "INPUT 4x4x2 -> ( fc1: CONV 3 4x4 -> RELU ) -> ( fc1: CONV 3 1x1 -> RELU ) x2 -> fc2: CONV 2 1x1"
    )


def test_the_first_of_numbered_copies_keeps_its_number() -> None:
    text = "INPUT 4x4x2 -> a: FC {3*i} x3 as i @{i} -> FC 2\n"
    assert rewritten(text) == (
        "INPUT 4x4x2 -> a_first: CONV {3*i} 4x4 x1 as i @{i} -> a: CONV {3*(i + 1)} 1x1 x2 as i @{(i + 1)}\n"
        "-> fc3: CONV 2 1x1"
    )
    text = "INPUT 4x4x2 -> ( FC i -> [ FC {i*j} x{i} as j | FC {2*i} ] -> CONCAT -> FC i x{i} as i ) x2 as i -> FC 2\n"
    assert "CONV {(i + 1)*j} 1x1 x{(i + 1)} as j | fc3: CONV {2*(i + 1)} 1x1" in rewritten(text)
    assert ") x1 as i -> ( fc1: CONV {i + 1} 1x1" in " ".join(rewritten(text).split())
    assert "CONV i 1x1 x{(i + 1)} as i ) x1 as i" in " ".join(rewritten(text).split())


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("block d() = FC {in / 16}\nINPUT 8x8x4 -> FLATTEN -> d() -> FC 2\n", "not a whole number"),
        ("block d() = FC {in // 2}\nINPUT 8x8x4 -> FLATTEN -> d() -> d() -> FC 2\n", "did not become what it should"),
    ],
)
def test_what_enters_a_block_without_the_flattening_is_told(text: str, said: str) -> None:
    with pytest.raises(TransformError, match=said) as raised:
        netdsl.loads(text).convolutional()
    assert "give it the number" in raised.value.help


def test_what_is_changed_in_a_used_file_is_brought_in() -> None:
    text = netdsl.load("vgg19").convolutional().text
    assert "use " not in text
    assert "block classifier(classes) = dense() -> dense(1x1) -> fc1: CONV classes 1x1" in text


def test_shapes_are_claimed_anew_and_all_claims_hold() -> None:
    text = netdsl.load("alexnet").convolutional().text
    assert "expect shape of fc6 = 1x1x4096" in text
    assert text.count("expect") == netdsl.load("alexnet").shaped.graph.source.text.count("expect")


def test_vectors_alone_are_left_as_they_are() -> None:
    text = "INPUT 784 -> FC 10 -> FC 2\n"
    assert netdsl.loads(text).convolutional().text == text


def test_what_meets_vectors_stays_a_vector() -> None:
    text = "INPUT 4x4x1 -> a: FC 2\nINPUT 2 -> b: RELU\n[ a | b ] -> ADD -> FC 3\n"
    assert netdsl.loads(text).convolutional().text == text


def test_a_layer_that_would_have_to_be_two_says_so() -> None:
    network = netdsl.loads("block f() = FC 2\nINPUT 4x4x2 -> f()\nINPUT 9 -> f()")
    with pytest.raises(TransformError, match="FC reads a map in one place and a vector in another") as found:
        network.convolutional()
    assert found.value.span is not None
    assert found.value.span.text == "FC 2"


def randomised(module: nn.Module) -> nn.Module:
    """The module in inference, with statistics and weights that are no identity."""
    generator = torch.Generator().manual_seed(3)
    for name, tensor in module.state_dict().items():
        if tensor.is_floating_point() and "running_var" not in name:
            tensor.add_(0.01 * torch.randn(tensor.shape, generator=generator))
    return module.eval()


def outputs(module: nn.Module, *inputs: Tensor) -> list[Tensor]:
    with torch.inference_mode():
        found = module(*inputs)
    return [found] if isinstance(found, Tensor) else list(found)


def agree(network: netdsl.Network) -> None:
    """The rewritten network computes what the network does, from its weights; its text is formatted and well."""
    again = network.convolutional()
    shaped = network.shaped
    if again.text == shaped.graph.source.text:
        assert not again.rewritten.windows
        return  # one text is one network
    assert formatter.format(Source(again.text, "again.net")) == again.text
    before, after = randomised(network.module()), again.network.module().eval()
    after.load_state_dict(again.weights(before.state_dict()))
    shapes = [shaped.shapes[index] for index in shaped.graph.inputs]
    inputs = [torch.rand(2, shape.channels, *shape.spatial) for shape in shapes]
    for one, other in zip(outputs(before, *inputs), outputs(after, *inputs), strict=True):
        torch.testing.assert_close(other.reshape(one.shape), one, rtol=1e-4, atol=1e-5 * float(one.abs().max()))
    assert again.network.summary().totals.params == network.summary().totals.params
    assert again.network.summary().totals.macs == network.summary().totals.macs


@pytest.mark.parametrize(
    "name", ["alexnet", "alexnet_two_gpus", "googlenet", "inception_v3", "nin", "resnet50", "vgg11"]
)
def test_bundled_networks_compute_the_same_as_convolutions(name: str) -> None:
    agree(netdsl.load(name, inputs=ZOO[name]))


@pytest.mark.parametrize("path", PROGRAMS, ids=lambda path: path.stem)
def test_programs_compute_the_same_as_convolutions(path: Path) -> None:
    agree(netdsl.load(path, inputs=SMALL.get(path.stem)))


@pytest.mark.parametrize(("name", "size", "scores"), [("alexnet", 291, 3), ("googlenet", 288, 3), ("resnet18", 256, 2)])
def test_larger_images_give_maps_of_scores(name: str, size: int, scores: int) -> None:
    """Each score is what the network says of the part of the image that it sees, where padding plays no part."""
    again = netdsl.load(name).convolutional()
    larger = netdsl.loads(again.text, inputs=(size, size, 3))
    assert larger.summary().data["outputs"] == {"prob": [scores, scores, 1000]}
    module = again.network.module().eval()
    (found,) = outputs(module, torch.rand(1, 3, size, size))
    assert found.shape == (1, 1000, scores, scores)


def test_a_score_is_that_of_the_window_below_it() -> None:
    network = netdsl.loads("INPUT 12x12x3 -> CONV 4 3 s2 -> RELU -> MAXPOOL 2 s1 -> FC 8 -> TANH -> FC 5")
    again = network.convolutional()
    before, after = network.module().eval(), again.network.module().eval()
    after.load_state_dict(again.weights(before.state_dict()))
    image = torch.rand(1, 3, 18, 20)
    (scores,) = outputs(after, image)
    for row in range(scores.shape[2]):
        for column in range(scores.shape[3]):
            (part,) = outputs(before, image[:, :, 2 * row : 2 * row + 12, 2 * column : 2 * column + 12])
            torch.testing.assert_close(scores[:, :, row, column], part)


# The command


def test_the_command_writes_a_program_and_carries_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    network = netdsl.load("lenet5_modern")
    state = network.module(seed=4).state_dict()
    save_file(state, "lenet.safetensors")
    arguments = ["transform", "--convolutional", "lenet5_modern", "-o", "conv.net"]
    run = CliRunner().invoke(
        cli, [*arguments, "--weights", "lenet.safetensors", "--weights-output", "conv.safetensors"]
    )
    assert run.exit_code == 0, run.output
    assert netdsl.load("conv.net").title == "LeNet-5, as taught, convolutional"
    tensors = load_file("conv.safetensors")
    assert tensors["fc3.weight"].shape == (120, 16, 5, 5)
    assert torch.equal(tensors["fc3.weight"].flatten(1), state["fc3.weight"])
    assert set(tensors) == set(netdsl.load("conv.net").module().state_dict())


def test_overrides_are_written_into_the_program() -> None:
    run = CliRunner().invoke(
        cli, ["transform", "--convolutional", "resnet18", "--set", "classes=10", "--input", "160x160x3"]
    )
    assert run.exit_code == 0
    assert "param classes = 10\n" in run.stdout
    assert "INPUT 160x160x3" in run.stdout
    assert "AVGPOOL 5x5 s1 -> fc1: CONV classes 1x1" in run.stdout
    assert "8 expectations no longer hold" in run.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["vgg16"], "there is nothing to do"),
        (["vgg16", "--convolutional", "-o", "out.txt"], "this is a .net file"),
        (["vgg16", "--convolutional", "--weights", "a.pth"], "go together"),
    ],
)
def test_a_mistaken_command_line_says_so(arguments: list[str], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        command.main(arguments, standalone_mode=False)


def test_one_layer_and_one_claim_are_told_as_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("a.net").write_text("INPUT 8x8x3 -> CONV 4 3 -> FC 2\nexpect shape of conv1 = 6x6x4\n")
    run = CliRunner().invoke(command, ["--convolutional", "a.net", "-o", "b.net", "--input", "9x9x3"])
    assert run.stdout == "b.net: a, 1 layer slides\n"
    assert run.stderr == "a.net: 1 expectation no longer holds, and is left out\n"


def test_a_target_that_cannot_be_written_is_named_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("a.net").write_text("INPUT 8x8x3 -> FC 2\n")
    save_file(netdsl.load("a.net").module().state_dict(), "a.safetensors")
    arguments = ["--convolutional", "a.net", "--weights", "a.safetensors", "--weights-output", "no/b.safetensors"]
    run = CliRunner().invoke(command, arguments)
    assert str(run.exception) == "no/b.safetensors: No such file or directory"
