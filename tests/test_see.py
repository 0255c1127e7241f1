"""What features see: deconvolutions against plain unpooling and transposed filters, occlusion against deletion."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor, nn
from torch.nn import functional

import netdsl
from netdsl.measure.clipped_field import clipped
from netdsl.runtime.preparation import Preparation
from netdsl.see import occlusion
from netdsl.see.deconvolution import deconvolved, patches, strongest
from netdsl.see.errors import SeeError
from netdsl.see.subject import Subject
from netdsl.see.view import View

PLAIN = Preparation((0.0,), (1.0,), "pad")


@dataclass
class Held:
    """Pictures in memory."""

    pictures: Sequence[NDArray[np.uint8]]

    def __len__(self) -> int:
        return len(self.pictures)

    def picture(self, index: int) -> NDArray[np.uint8]:
        return self.pictures[index]

    def name(self, index: int) -> str:
        return f"picture {index}"


def subject(program: str, preparation: Preparation = PLAIN, classes: tuple[str, ...] = (), seed: int = 0) -> Subject:
    """A network with weights by a seed; biases too, which a deconvolution does without."""
    network = netdsl.loads(program)
    module = network.module(seed=seed, train=False)
    generator = torch.Generator().manual_seed(seed)
    for name, weight in [*module.named_parameters(), *module.named_buffers()]:
        if "mask" not in name and weight.is_floating_point():
            weight.data.copy_(torch.randn(weight.shape, generator=generator) * 0.3 + ("var" in name) * 2)
    return Subject(network.shaped, module, preparation, classes)


def pictures(*shape: int, seed: int = 1) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


class Plain:
    """A deconvolutional network as the paper describes it, layer by layer: switches, rectification, turned filters."""

    def __init__(self, layers: Sequence[tuple[str, Any]]) -> None:
        self.layers = layers

    def back(self, x: Tensor, chosen: Sequence[tuple[int, ...]]) -> Tensor:
        """What activations of the last layer come from."""
        sizes: list[torch.Size] = []
        switches: list[Tensor | None] = []
        for kind, layer in self.layers:
            sizes.append(x.shape)
            switches.append(None)
            if kind == "pool":
                x, switches[-1] = functional.max_pool2d(x, *layer, return_indices=True)
            elif kind == "relu":
                x = x.relu()
            else:
                x = layer(x)
        signal = torch.zeros_like(x)
        for row, place in enumerate(chosen):
            signal[(row, *place)] = x[(row, *place)]
        for (kind, layer), size, switch in zip(reversed(self.layers), sizes[::-1], switches[::-1], strict=True):
            if kind == "pool":
                assert switch is not None
                unpooled = torch.zeros(size).flatten(2)
                unpooled.scatter_add_(2, switch.flatten(2), signal.flatten(2))
                signal = unpooled.view(size)
            elif kind == "relu":
                signal = signal.clamp(min=0)
            elif kind == "conv":
                far = [
                    n + 2 * p - d * (k - 1) - 1 - (out - 1) * s
                    for n, p, d, k, s, out in zip(
                        *(size[2:], layer.padding, layer.dilation, layer.kernel_size, layer.stride, signal.shape[2:]),
                        strict=True,
                    )
                ]
                signal = functional.conv_transpose2d(
                    *(signal, layer.weight, None, layer.stride, layer.padding, far, layer.groups, layer.dilation)
                )
            elif kind == "fc":
                signal = (signal @ layer.weight).view(size)  # LRN lets all pass
        return signal.detach()


def test_a_deconvolution_is_that_of_unpooling_rectifying_and_turned_filters() -> None:
    """AlexNet small: strides, padding, groups, dilation, pools that overlap and that do not, LRN, fully connected."""
    one = subject(
        "INPUT 41x41x3\n"
        "-> conv1: CONV 8 7x7 s2 p1 -> RELU -> MAXPOOL 3 s2 -> LRN\n"
        "-> conv2: CONV 12 3x3 p1 g2 -> RELU -> MAXPOOL 2\n"
        "-> conv3: CONV 6 3x3 p2 d2 -> RELU -> pool3: MAXPOOL 2 -> fc4: FC 10 -> RELU -> DROPOUT -> fc5: FC 4\n"
    )
    module: Any = one.module
    layers: list[tuple[str, Any]] = [
        *(("conv", module.conv1), ("relu", None), ("pool", (3, 2)), ("lrn", nn.LocalResponseNorm(5))),
        *(("conv", module.conv2), ("relu", None), ("pool", (2, 2))),
        *(("conv", module.conv3), ("relu", None), ("pool", (2, 2))),
        *(("fc", module.fc4), ("relu", None), ("fc", module.fc5)),
    ]
    x = pictures(3, 3, 41, 41)
    for path, depth in (("conv1", 1), ("conv2", 5), ("pool3", 10), ("fc5", 13)):
        values = one.values(x, one.layer(path))[one.layer(path)]
        chosen = [tuple(map(int, np.unravel_index(int(value.argmax()), value.shape))) for value in values]
        wanted = Plain(layers[:depth]).back(x, chosen)
        assert wanted.abs().amax((1, 2, 3)).min() > 0
        torch.testing.assert_close(deconvolved(one, x, one.layer(path), chosen), wanted, rtol=1e-4, atol=1e-5)


def test_rectifiers_in_residual_blocks_rectify_the_signal_alone() -> None:
    """Held against autograd, whose backward pass through each ReLU is put in its place by a hook of PyTorch's."""
    one = subject(
        "block unit(n) = [ CONV n 3 p1 nobias -> BN -> RELU -> CONV n 3 p1 nobias -> BN | CONV n 1 nobias -> BN ]"
        " -> ADD -> RELU\n"
        "INPUT 12x14x3 -> CONV 8 3 s2 p1 -> BN -> RELU -> unit(8) -> [ CONV 4 1 -> RELU | AVGPOOL 3 s1 p1 | SKIP ]"
        " -> CONCAT -> last: CONV 5 3\n"
    )
    x, chosen = pictures(2, 3, 12, 14).requires_grad_(), [(0, 1, 2), (4, 3, 0)]
    module: Any = one.module
    module.zero_grad()
    found = deconvolved(one, x.detach(), one.layer("last"), chosen)
    for each in module.modules():
        if isinstance(each, nn.ReLU):
            each.register_full_backward_hook(lambda _, __, signal: (signal[0].clamp(min=0),))
    output = module(x)
    signal = torch.zeros_like(output)
    for row, place in enumerate(chosen):
        signal[(row, *place)] = output[(row, *place)].detach()
    output.backward(signal)
    torch.testing.assert_close(found, x.grad, rtol=1e-4, atol=1e-5)


LINEAR = [
    'CONV 6 3 table="01 2 012 0 1 12" nobias',
    "CONV 8 3x5 same s2 nobias -> SHUFFLE 2",
    "DWCONV 3 p1 multiplier=2 nobias -> SLICE 1 4",
    "CONV 6 3 s2 nobias -> DECONV 4 3 s2 nobias",
    "MAXPOOL 3 s2 ceil -> AVGPOOL 2",
    "MAXPOOL 3 s2 same -> TIMES 0.5",
    "[ CONV 4 3 nobias -> SCALE | CONV 4 3 nobias ] -> MAX",
    "[ CONV 4 3 nobias | CONV 4 3 nobias | CROP 11x13 -> CONV 4 1 nobias ] -> MEAN",
    "[ CONV 4 1 nobias | SKIP -> CONV 4 1 nobias ] -> SUB -> ABS",
    "[ UPSAMPLE 2 -> MAXPOOL 2 | CONV 12 1 nobias -> PIXELSHUFFLE 2 -> AVGPOOL 2 ] -> CONCAT",
    "PAD 2 mode=reflect -> CONV 4 3 nobias -> FLATTEN -> FC 5 nobias",
    "CONV 4 3 nobias -> AVGPOOL to=3x3 -> MAXPOOL to=2x1",
    "CONV 4 3 s2 nobias -> UPSAMPLE like=input1 -> AVGPOOL 3",
]


@pytest.mark.parametrize("chain", LINEAR)
def test_what_is_linear_gives_an_activation_back_whole(chain: str) -> None:
    """Without rectifiers and offsets, an activation is the product of its picture and of what leads to it."""
    one = subject(f"INPUT 13x15x3 -> {chain}\n")
    target = one.output
    x = pictures(2, 3, 13, 15)
    values = one.values(x, target)[target]
    chosen = [tuple(map(int, np.unravel_index(int(each.abs().argmax()), each.shape))) for each in values]
    wanted = torch.stack([value[at] for value, at in zip(values, chosen, strict=True)])
    found = (deconvolved(one, x, target, chosen) * x).sum((1, 2, 3))
    torch.testing.assert_close(found, wanted**2, rtol=1e-4, atol=1e-5)


def test_gates_are_held_and_normalisations_of_a_picture_let_pass() -> None:
    """A squeeze-and-excitation block multiplies the signal by its gates, to which nothing goes."""
    one = subject("INPUT 6x6x3 -> [ SKIP | AVGPOOL global -> FC 3 -> gate: SIGMOID ] -> m: MUL -> GN 3\n")
    x = pictures(1, 3, 6, 6)
    gate = one.values(x, one.layer("gate"))[one.layer("gate")]
    normal: Any = one.module.get_submodule("gn1")
    found = deconvolved(one, x, one.output, [(1, 2, 3)])
    value = one.values(x, one.output)[one.output][0, 1, 2, 3]
    wanted = torch.zeros_like(x)
    wanted[0, 1, 2, 3] = value * normal.weight[1] * gate[0, 1]
    torch.testing.assert_close(found, wanted)


def test_a_pattern_lies_within_the_field_that_is_cut_out() -> None:
    one = subject("INPUT 20x26x1 -> CONV 4 5x3 s2 p2 -> RELU -> MAXPOOL 3 s2 p1 -> c: CONV 3 3 p1 -> RELU\n")
    some = Held([np.random.default_rng(seed).integers(0, 256, (20, 26, 1), np.uint8) for seed in range(12)])
    found = patches(one, some, "c", each=5)
    assert found
    for each in [patch for row in found.values() for patch in row]:
        place = each.activation.place
        whole = some.picture(each.activation.picture)[..., 0] / np.float32(255)
        ((top, bottom), (left, right)) = clipped(one.shaped, one.layer("c"), place)[0]
        inside = ~np.isnan(each.seen[0])
        rows, columns = inside.any(1).sum(), inside.any(0).sum()
        assert (rows, columns) == (bottom - top + 1, right - left + 1)
        assert np.array_equal(each.seen[0][inside], whole[top : bottom + 1, left : right + 1].ravel())
        x = torch.as_tensor(one.preparation.prepared(some.picture(each.activation.picture), one.dims))[None]
        pattern = deconvolved(one, x, one.layer("c"), [(each.activation.channel, *place)])[0, 0].numpy()
        assert np.allclose(each.pattern[0][inside], pattern[top : bottom + 1, left : right + 1].ravel(), atol=1e-5)
        pattern[top : bottom + 1, left : right + 1] = 0
        assert not pattern.any()


@pytest.mark.parametrize("path", ["whole", "unit"])
def test_what_sees_all_of_a_picture_is_shown_beside_all_of_it(path: str) -> None:
    one = subject("INPUT 7x6x1 -> whole: CONV 5 9x7 p4 -> unit: FC 4\n")
    some = Held([np.random.default_rng(seed).integers(0, 256, (7, 6, 1), np.uint8) for seed in range(2)])
    for patch in [patch for row in patches(one, some, path).values() for patch in row]:
        assert np.array_equal(patch.seen[0], some.picture(patch.activation.picture)[..., 0] / np.float32(255))
        assert patch.pattern.shape == (1, 7, 6)


def test_the_strongest_activations_are_those_of_all_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    one = subject("INPUT 7x6x1 -> c: CONV 5 3 -> f: FC 4\n")
    monkeypatch.setattr(Subject, "batch", lambda *_: 3)
    some = Held([np.random.default_rng(seed).integers(0, 256, (7, 6, 1), np.uint8) for seed in range(10)])
    x = torch.stack([torch.as_tensor(one.preparation.prepared(picture, one.dims)) for picture in some.pictures])
    for path in "cf":
        values = one.values(x, one.layer(path))[one.layer(path)].numpy()
        for channel, row in enumerate(strongest(one, some, one.layer(path), 4)):
            most = values[:, channel].reshape(10, -1).max(1)
            wanted = [int(index) for index in np.argsort(-most, kind="stable")[:4] if most[index] > 0]
            assert [each.picture for each in row] == wanted
            assert [each.value for each in row] == pytest.approx([most[index] for index in wanted])
            assert all(values[(each.picture, channel, *each.place)] == np.float32(each.value) for each in row)


def dotted() -> tuple[Subject, Held]:
    """A network that tells two classes by whether there is light near one place, and pictures that have it or not."""
    network = netdsl.loads("INPUT 20x20x1 -> CONV 1 1 nobias -> FC 2 -> SOFTMAX\n")
    module: Any = network.module(train=False)
    module.requires_grad_(False)
    with torch.no_grad():
        module.conv1.weight.fill_(1)
        weight = torch.zeros(2, 20, 20)
        weight[0, 5:9, 11:15] = 0.5
        module.fc1.weight.copy_(weight.flatten(1))
        module.fc1.bias.copy_(torch.tensor([-4.0, 0.0]))
    light = np.full((20, 20, 1), 200, np.uint8)
    return Subject(network.shaped, module, Preparation((0.1,), (0.2,), "pad"), ("dot", "none")), Held([light])


def test_occlusion_is_the_probability_with_each_part_covered() -> None:
    one, some = dotted()
    found = occlusion.occluded(one, some, 0, "dot", size=4, step=3)
    x = torch.as_tensor(one.preparation.prepared(some.picture(0), one.dims))
    assert found.likely.shape == (7, 7)
    for row in range(7):
        for column in range(7):
            covered = x.clone()
            covered[:, max(0, 3 * row - 2) : 3 * row + 2, max(0, 3 * column - 2) : 3 * column + 2] = 0  # the mean
            assert found.likely[row, column] == pytest.approx(float(one.module(covered[None])[0, 0]), abs=1e-6)
    assert found.called == "dot"
    assert found.probability == pytest.approx(float(one.module(x[None])[0, 0]))
    assert np.unravel_index(found.likely.argmin(), (7, 7)) == (2, 4)
    assert np.allclose(found.picture, 200 / 255)


def test_the_pixels_that_occlusion_names_matter_more_than_others() -> None:
    one, some = dotted()
    found = occlusion.occluded(one, some, 0)
    assert (found.number, found.called) == (0, "dot")
    assert found.pixels.sum() == 20  # 5% of 400
    assert found.pixels[5:9, 11:15].all()
    assert found.named < 0.3 < 0.9 < found.random
    x = torch.as_tensor(one.preparation.prepared(some.picture(0), one.dims))
    x[:, torch.as_tensor(found.pixels)] = 0
    assert found.named == pytest.approx(float(one.module(x[None])[0, 0]), abs=1e-6)


def test_a_network_that_is_sure_is_told_by_its_log_odds() -> None:
    """Where the probability is 1 whatever is covered, pixels are still named by what the class is told by."""
    one, some = dotted()
    module: Any = one.module
    with torch.no_grad():
        module.fc1.weight.mul_(4)
    found = occlusion.occluded(one, some, 0, size=2, step=1)
    assert found.likely.min() == found.probability == 1
    assert found.pixels[5:9, 11:15].all()
    assert found.odds.min() > 20
    assert "log-odds are shown" in View(one).occlude(some, size=2, step=1).draw().decode()


@pytest.mark.parametrize(
    ("head", "wanted"),
    [
        ("FC 3 -> SOFTMAX", lambda z: z.softmax(1)),
        ("FC 3 -> LOGSOFTMAX", lambda z: z.softmax(1)),
        ("FC 3 -> SIGMOID", lambda z: z.sigmoid()),
        ("FC 3", lambda z: z.softmax(1)),
        ("FC 4 -> RBF 3", lambda z: (-z).softmax(1)),
        ("FC 1 -> SIGMOID", lambda z: torch.cat([1 - z.sigmoid(), z.sigmoid()], 1)),
        ("FC 1", lambda z: torch.cat([1 - z.sigmoid(), z.sigmoid()], 1)),
        ("CONV 3 5 -> SOFTMAX", lambda z: z.softmax(1).mean((2, 3))),
        ("CONV 3 5 -> SOFTMAX -> AVGPOOL global", lambda z: z.mean((2, 3))),
        ("FC 3 -> [ SOFTMAX | SOFTMAX ] -> MEAN", lambda z: z),
    ],
)
def test_probabilities_and_odds_follow_from_what_the_output_means(
    head: str, wanted: Callable[[Tensor], Tensor]
) -> None:
    one = subject(f"INPUT 6x7x1 -> {head}\n")
    x = pictures(4, 1, 6, 7)
    module: Any = netdsl.loads(f"INPUT 6x7x1 -> {head}\n").module(train=False, logits=True)
    module.load_state_dict(one.module.state_dict())
    with torch.no_grad():
        probabilities = wanted(module(x)).double()
    probabilities = probabilities.flatten(1)
    torch.testing.assert_close(one.probabilities(x), probabilities, rtol=1e-4, atol=1e-6)
    for number in range(probabilities.shape[1]):
        torch.testing.assert_close(one.odds(x, number).sigmoid(), probabilities[:, number], rtol=1e-4, atol=1e-6)


def test_a_network_that_learned_goes_by_what_it_was_taught() -> None:
    """A bar is there or not, anywhere in noise; a second of training tells it, by what is at the bar."""
    draw = np.random.default_rng(0)
    labels = draw.integers(0, 2, 200)
    shown = draw.integers(0, 90, (200, 16, 16, 1)).astype(np.uint8)
    places = draw.integers(0, 9, (200, 2))
    for index in labels.nonzero()[0]:
        top, left = places[index]
        shown[index, top : top + 7, left : left + 2] = 230
    network = netdsl.loads("INPUT 16x16x1 -> CONV 4 5 -> RELU -> MAXPOOL global -> FC 2 -> SOFTMAX\n")
    module = network.module(seed=1)
    one = Subject(network.shaped, module, Preparation((0.2,), (0.3,), "pad"), ("nothing", "bar"))
    x = torch.stack([torch.as_tensor(one.preparation.prepared(each, one.dims)) for each in shown])
    optimizer = torch.optim.Adam(module.parameters(), 0.02)
    for _ in range(60):
        loss = functional.nll_loss((module(x) + 1e-9).log(), torch.as_tensor(labels))
        optimizer.zero_grad()
        loss.backward()  # pyright: ignore[reportUnknownMemberType]
        optimizer.step()
    bars = labels.nonzero()[0][:8]
    found = [occlusion.occluded(one, Held(list(shown)), int(index)) for index in bars]
    assert [each.called for each in found] == ["bar"] * 8
    assert np.mean([each.named for each in found]) < 0.5
    assert np.mean([each.random for each in found]) > 0.9
    for each, (top, left) in zip(found, places[bars], strict=True):
        assert each.pixels[top : top + 7, left : left + 2].sum() > 7


def test_filters_are_the_kernels_and_what_a_table_leaves_out_is_nothing() -> None:
    one = subject('INPUT 9x9x3 -> a: CONV 4 3 -> b: CONV 2 3x1 table="01 3" -> c: FC 5 -> d: FC 2\n')
    module: Any = one.module
    first = View(one).filters()
    assert (first.found.path, first.found.colour) == ("a", True)
    assert np.array_equal(first.found.kernels, module.a.weight.detach().numpy())
    second = View(one).filters("b").found
    assert not second.colour
    assert np.isnan(second.kernels).all((2, 3)).tolist() == [[False, False, True, True], [True, True, True, False]]
    third = View(one).filters("c").found.kernels
    y = pictures(1, 2, 5, 7)
    wanted = (module.c(y)[0] - module.c.bias).detach().numpy()
    assert np.allclose(np.einsum("uchw,chw->u", third, y[0].numpy()), wanted, atol=1e-5)
    with pytest.raises(SeeError, match="FC at d has no kernels that are pictures") as told:
        View(one).filters("d")
    assert told.value.help == "take a convolution over a map, such as a"


WRONG = {
    "filters of a typo": (lambda view: view.filters("convv1"), "has no layer convv1", "did you mean conv1?"),
    "no way back": (lambda view: view.deconv("p", "here"), "SOFTMAX at p lets no signal back", "such as f"),
    "a channel": (lambda view: view.deconv("conv1", "here", [2]), "channel 2: conv1 has 2 channels", ""),
    "a class": (lambda view: view.occlude("here/a.png", "dog"), "there is no class dog", "0 to 2"),
    "no pictures": (lambda view: view.deconv("conv1", "empty"), "there are no pictures", ""),
    "the input": (lambda view: view.deconv("input1", "here"), "input1 follows from no layer", "behind INPUT"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_cannot_be_seen_is_said(case: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for folder in ("here", "empty"):
        Path(folder).mkdir()
    Image.new("L", (9, 9), 40).save("here/a.png")
    ask, message, help = WRONG[case]
    with pytest.raises(SeeError, match=re.escape(message)) as told:
        ask(View(subject("INPUT 9x9x1 -> conv1: CONV 2 3 -> f: FC 3 -> p: SOFTMAX\n")))
    assert help in told.value.help


@pytest.mark.parametrize(
    "program", ["INPUT 8x8x1 -> a: CONV 2 3\nINPUT 8x8x1 -> b: CONV 2 3\noutput a, b\n", "INPUT 12 -> FC 3\n"]
)
def test_a_network_that_takes_no_picture_is_told(program: str) -> None:
    with pytest.raises(SeeError, match="and not a picture"):
        _ = subject(program).input
