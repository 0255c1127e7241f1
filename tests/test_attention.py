"""ATTENTION against torch's and torchvision's, against gradients, and against its formulas."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest
import torch
import torchvision_models
from test_zoo import randomised
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

import netdsl
from netdsl.graph.node import ShapedGraph
from netdsl.measure.clipped_field import clipped_sets
from netdsl.measure.field import fields


def shaped(dims: str, text: str) -> ShapedGraph:
    return netdsl.loads(f"INPUT {dims} -> {text}\n").shaped


def lowered(dims: str, text: str) -> tuple[Any, torch.Tensor]:
    """A layer's module in inference, and an input for it."""
    torch.manual_seed(3)
    network = shaped(dims, text)
    x = network.shapes[0]
    return network.nodes[-1].layer.lower(x).eval(), torch.randn(2, x.channels, *x.spatial)


@pytest.mark.parametrize("text", ["ATTENTION 3", "ATTENTION 3 causal", "ATTENTION 3 nobias", "ATTENTION 1 causal"])
@pytest.mark.parametrize("dims", ["11x12", "3x5x12", "2x3x2x12"])
def test_attention_is_that_of_pytorch(dims: str, text: str) -> None:
    module, x = lowered(dims, text)
    rows = x.flatten(2).transpose(1, 2)
    theirs = nn.MultiheadAttention(12, int(text.split()[1]), batch_first=True).eval()
    theirs.load_state_dict(module.state_dict(), strict="nobias" not in text)
    mask = nn.Transformer.generate_square_subsequent_mask(rows.size(1)) if "causal" in text else None
    expected = theirs(rows, rows, rows, attn_mask=mask, need_weights=False)[0]
    torch.testing.assert_close(module(x), expected.transpose(1, 2).unflatten(2, x.shape[2:]))


def test_heads_of_a_width_of_their_own() -> None:
    module, x = lowered("7x6", "ATTENTION 2 width=5")
    query, key, value = (x.transpose(1, 2) @ module.in_proj_weight.T + module.in_proj_bias).split(10, 2)
    heads = []
    for head in (slice(0, 5), slice(5, 10)):
        weights = (query[..., head] @ key[..., head].transpose(1, 2) / 5**0.5).softmax(2)
        heads.append(weights @ value[..., head])
    expected = module.out_proj(torch.cat(heads, 2)).transpose(1, 2)
    torch.testing.assert_close(module(x), expected)


SWIN = [
    ("14x14", "7x7", "3x3"),
    ("14x14", "7x7", "0x0"),
    ("10x9", "4x4", "2x2"),
    ("10x9", "4x3", "1x2"),
    ("3x20", "4x4", "2x2"),
    ("5x6", "7x7", "3x3"),
    ("8x8", "4x4", "1x0"),
    ("9x10x9", "4x5x3", "2x2x1"),
    ("8x7x10", "2x3x4", "1x0x2"),
]


@pytest.mark.parametrize(("sizes", "window", "shift"), SWIN)
def test_windows_are_those_of_torchvision(sizes: str, window: str, shift: str) -> None:
    """With its weights in their order, on maps that windows do not divide too."""
    torchvision_models.load()
    from torchvision.models.swin_transformer import ShiftedWindowAttention
    from torchvision.models.video.swin_transformer import ShiftedWindowAttention3d

    kind: Any = ShiftedWindowAttention3d if sizes.count("x") == 2 else ShiftedWindowAttention
    theirs = kind(12, *([int(size) for size in one.split("x")] for one in (window, shift)), 3).eval()
    nn.init.normal_(theirs.relative_position_bias_table)
    module, x = lowered(f"{sizes}x12", f"ATTENTION 3 window={window} shift={shift} relative")
    weights = [value for name, value in theirs.state_dict().items() if name != "relative_position_index"]
    module.load_state_dict(dict(zip(module.state_dict(), weights, strict=True)))
    expected = theirs(x.movedim(1, -1)).movedim(-1, 1)
    torch.testing.assert_close(module(x), expected)
    torch.testing.assert_close(torch.jit.script(module)(x), expected)


def test_a_shift_without_a_number_is_half_the_window() -> None:
    half, given = (shaped("9x9x4", f"ATTENTION 2 window=5x4 {shift}").nodes[-1].layer for shift in ("shift", "shift=2"))
    assert half.written == "ATTENTION 2 window=5x4 shift"
    assert half.canonical == given.canonical
    assert shaped("9x9x4", "ATTENTION 2 window=4 shift=0").nodes[-1].layer.canonical.written == "ATTENTION 2 window=4"


COSTS = """
10x6: ATTENTION 2: 168: 2640
10x6: ATTENTION 2 nobias: 150: 2640
10x6: ATTENTION 2 causal: 168: 2100
10x6: ATTENTION 2 width=4: 222: 3520
4x5x6: ATTENTION 3: 168: 7680
8x8x6: ATTENTION 2 window=4: 168: 21504
8x8x6: ATTENTION 2 window=4 shift relative: 266: 21504
7x9x6: ATTENTION 3 window=4 relative: 315: 32256
5x6x7x6: ATTENTION 2 window=3 shift relative nobias: 400: 151632
"""


@pytest.mark.parametrize("case", COSTS.strip().splitlines())
def test_parameters_and_macs(case: str) -> None:
    dims, text, params, macs = case.split(": ")
    network = netdsl.loads(f"INPUT {dims} -> {text}\n")
    totals = network.summary().totals
    assert (totals.params, totals.macs, totals.flops) == (int(params), int(macs), 2 * int(macs))
    explained = str(network.explain("attention1"))
    assert f"= {int(macs):,}" in explained
    assert f"= {int(params):,}" in explained
    if "causal" not in text:  # of which PyTorch's counter counts all pairs
        module, x = lowered(dims, text)
        with FlopCounterMode(display=False) as counter, nn.attention.sdpa_kernel(nn.attention.SDPBackend.MATH):
            module(x[:1])
        assert counter.get_total_flops() == 2 * int(macs)


READS = """
ATTENTION 2; ATTENTION 2 causal; ATTENTION 1 window=4; ATTENTION 2 window=4 shift; ATTENTION 2 window=3 shift=1 relative
ATTENTION 2 window=5 shift=3; ATTENTION 2 window=20 shift
"""


@pytest.mark.parametrize("text", [text.strip() for text in READS.replace("\n", ";").split(";") if text.strip()])
@pytest.mark.parametrize("size", [7, 12])
def test_positions_see_what_has_gradients(text: str, size: int) -> None:
    network = shaped(f"{size}x4", text)
    layer, x = network.nodes[1].layer, network.shapes[0]
    values = torch.randn(1, 4, size, requires_grad=True)
    torch.manual_seed(0)
    output = layer.lower(x)(values)
    seen: list[set[int]] = []
    for position in range(size):
        (gradient,) = torch.autograd.grad(output[0, :, position].square().sum(), values, retain_graph=True)
        seen.append({at for at in range(size) if gradient[0, :, at].abs().max() > 0})
        (bits,) = clipped_sets(network, 1, (position,))[0]
        assert {at for at in range(size) if bits >> at & 1} == seen[-1]
    (axis,) = fields(network)[1]
    if "window" in text:
        for position, places in enumerate(seen):  # the whole window, over the edge too
            start, end = axis.start(position), axis.end(position)
            assert places == {at for at in range(size) if start <= at <= end}
        assert axis.size == int(text.split("window=")[1].split()[0])
    else:
        assert axis.size == size
    assert axis.stride == 1


def test_windows_after_windows_see_more_where_they_are_shifted() -> None:
    sizes = {}
    for second in ("", "shift"):
        block = "[ SKIP | ATTENTION 1 window=4 ] -> ADD"
        text = f"CONV 4 2 s2 -> {block} -> {block.replace(' ]', f' {second} ]')} -> CONV 4 2 s2 -> ATTENTION 1 window=2"
        axes = fields(shaped("32x4", text))
        sizes[second] = [(one[0].size, one[0].stride) for one in axes if one][-4:]
    assert sizes[""] == [(8, 2), (8, 2), (8, 4), (16, 4)][: len(sizes[""])] or sizes[""][-1] == (8, 4)
    assert sizes["shift"][-1][0] > sizes[""][-1][0]
    assert sizes["shift"][-1][1] == Fraction(4)


@pytest.mark.parametrize(
    ("name", "theirs", "inputs"),
    [("vit_b_16", "vit_b_16", (224, 224, 3)), ("swin_t", "swin_t", (224, 224, 3)), ("swin_t", "swin_t", (64, 160, 3))],
)
def test_transformers_are_torchvisions_with_its_weights(name: str, theirs: str, inputs: tuple[int, int, int]) -> None:
    models = torchvision_models.load()
    with torch.device("meta"):
        model: nn.Module = getattr(models, theirs)()
    model = randomised(model)
    for part in model.modules():
        if make := getattr(part, "define_relative_position_index", None):
            make()  # it is no weight
    weights = model.state_dict()
    network = netdsl.load(name, inputs=inputs).module(train=False, weights=weights, weights_by="order").eval()
    logits: list[torch.Tensor] = []
    network.get_submodule("prob").register_forward_pre_hook(lambda _, given: logits.extend(given))
    image = torch.rand(1, 3, *inputs[:2], generator=torch.Generator().manual_seed(2))
    with torch.inference_mode():
        wanted = model(image)
        network(image)
    assert wanted.std() > 1e-2
    assert (logits[0] - wanted).abs().max() < 1e-5 * wanted.abs().max()


def test_windows_larger_than_any_map_are_seen_at_once() -> None:
    axes = fields(shaped("50x4", "ATTENTION 2 window=2147483647 -> CONV 4 3 p1"))
    assert [one[0].size for one in axes] == [1, 2147483647, 2147483649]
    assert clipped_sets(shaped("20000x4", "ATTENTION 2 causal -> ATTENTION 2 causal"), 2, (9000,)) == {
        0: (2**9001 - 1,)
    }
