"""Modules and `.pt2` files as primitives: what they compute, what they share, and what is told where they cannot be."""

from __future__ import annotations

import json
import pickle
import subprocess
import sys
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import primitives_onnx
import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

import netdsl
from netdsl.interchange import normal
from netdsl.interchange.flat import ForeignError
from netdsl.interchange.primitives import Primitives
from netdsl.interchange.torch import file, live, reader
from netdsl.layers.shape import Shape

X = torch.arange(2 * 4 * 6 * 5, dtype=torch.float32).reshape(2, 4, 6, 5).sin()


class Does(nn.Module):
    """A module whose forward is a function of it and its inputs."""

    def __init__(self, does: Callable[..., Any], **parts: nn.Module) -> None:
        super().__init__()
        self.does = does
        for name, part in parts.items():
            self.add_module(name, part)

    def forward(self, *inputs: Tensor) -> Any:
        return self.does(self, *inputs)


def residual(m: Any, x: Tensor) -> Tensor:
    y = F.relu(m.bn(m.conv(x)), inplace=True)
    return y + F.relu_(x + y)


def loop(m: Any, x: Tensor) -> Tensor:
    for layer in m.layers:
        x = layer(x) + x
    return x


def channels_last(m: Any, x: Tensor) -> Tensor:
    return m.mlp(m.norm(x.permute(0, 2, 3, 1))).permute(0, 3, 1, 2)


def samples(m: Any, x: Tensor) -> Tensor:
    x = F.relu(m.conv(F.pad(x[:, None, :, None], (0, 0, 1, 2))))
    return m.fc(x.permute(0, 2, 1, 3).reshape(-1, 24))


def attending(m: Any, x: Tensor) -> Tensor:
    tokens = x.flatten(2).transpose(1, 2)
    return tokens + m.mha(tokens, tokens, tokens, need_weights=False)[0]


def seeing(m: Any, x: Tensor) -> Tensor:
    tokens = x.flatten(2).transpose(1, 2)
    return m.mha(tokens, tokens, tokens)[0]


def recurrent(m: Any, x: Tensor) -> tuple[Tensor, Tensor]:
    y, state = m.rnn(x.flatten(2).transpose(1, 2))
    return y, state[0] if isinstance(state, tuple) else state


def masked(m: Any, x: Tensor) -> Tensor:
    mask = x.new_zeros(6, 5)
    mask[:3] = 1
    mask[3:, :2] = 2
    return x * mask.masked_fill(mask == 2, -1.0)


def moved(m: Any, x: Tensor) -> Tensor:
    a, b = x.chunk(2, 1)
    a = torch.roll(torch.cat([b, a[:, :1], a[:, -1:]], 1), (1, -2), (2, 3))
    a = F.channel_shuffle(F.pad(a, (1, 2, 0, 1), mode="reflect"), 2)
    return F.interpolate(a, scale_factor=2) + torch.stack(a.unbind(3), 3).mean((2, 3), keepdim=True)


def fine(m: Any, x: Tensor) -> Tensor:
    x = F.pixel_unshuffle(F.interpolate(x, (4, 8), mode="bilinear"), 2)
    return torch.einsum("bchw,bdhw->bcd", x, x).sum(1) if m is None else F.pixel_shuffle(x, 2)


def curves(m: Any, x: Tensor) -> Tensor:
    y = F.hardswish(x) + F.silu(x) - 2 * F.gelu(x) / 3 + F.leaky_relu(x, 0.2) + F.mish(x) + F.elu(x) + F.selu(x)
    return (
        F.softmax(1 - y.clamp(-1, 2), 1)
        + m.prelu(x)
        + F.relu6(F.hardsigmoid(x))
        + F.softplus(y)
        + torch.cat([F.glu(y, 1), y[:, 1:3]], 1)
    )


def both(m: Any, x: Tensor, y: Tensor) -> dict[str, Tensor]:
    return {"map": m.one(x) * y, "score": m.one(y).mean((2, 3))}


def squeezed(m: Any, x: Tensor) -> Tensor:
    y = F.adaptive_avg_pool2d(x, 1).view(x.size(0), x.size(1))
    return x * m.gate(y).view(x.size(0), x.size(1), 1, 1).expand_as(x)


def own_attention(m: Any, x: Tensor) -> Tensor:
    x = x.flatten(2).transpose(1, 2)
    batch, places, width = x.shape
    q, k, v = m.qkv(x).reshape(batch, places, 3, 2, width // 2).permute(2, 0, 3, 1, 4).unbind(0)
    if m.qkv.bias is None:
        told = F.scaled_dot_product_attention(q, k, v, is_causal=True)
    else:
        told = (q * (width // 2) ** -0.5 @ k.transpose(-2, -1)).softmax(-1) @ v
    return m.out(told.transpose(1, 2).reshape(batch, places, width))


def hidden(m: Any, x: Tensor) -> Tensor:
    x = x.flatten(2).transpose(1, 2)
    q, k, v = (one.unflatten(2, (2, 2)).transpose(1, 2) for one in m.qkv(x).split(4, 2))
    later = torch.tril(torch.ones(30, 30)) == 0
    told = (q @ k.mT / 2**0.5).masked_fill(later, float("-inf")).softmax(-1) @ v
    return m.out(told.transpose(1, 2).flatten(2))


def wrapped(m: Any, x: Tensor) -> tuple[Tensor, Tensor]:
    with torch.no_grad(), torch.autocast("cpu", enabled=False):
        y = m.one(x).relu()
    with torch.set_grad_enabled(False):
        return m.two(y), y


def stacked(m: Any, x: Tensor) -> Tensor:
    y = torch.stack([m.one(x), m.two(x), x]).mean(0)
    apart = y.view(2, 2, 2, 6, 5)
    largest = torch.cat([apart.amax(1), apart.max(1, keepdim=True)[0].squeeze(1)], 1)
    return y + torch.stack([x, m.one(y)], 1).sum(1) + largest


class Standardised(nn.Conv2d):
    def forward(self, input: Tensor) -> Tensor:
        std, mean = torch.std_mean(self.weight, (1, 2, 3), keepdim=True)
        return F.conv2d(input, (self.weight - mean) / (std + self.weight.var((1, 2, 3), keepdim=True)), self.bias)


class BatchStandardised(nn.Conv2d):
    def forward(self, input: Tensor) -> Tensor:
        weight = F.batch_norm(self.weight.reshape(1, self.out_channels, -1), None, None, training=True)
        return F.conv2d(input, weight.reshape_as(self.weight), self.bias)


def conv(*arguments: Any, **how: Any) -> nn.Module:
    return nn.Conv2d(*arguments, **how)


CASES: dict[str, tuple[Callable[[], nn.Module], tuple[Tensor, ...]]] = {
    "residual": (lambda: Does(residual, conv=conv(4, 4, 3, padding=1), bn=nn.BatchNorm2d(4)), (X,)),
    "loop": (lambda: Does(loop, layers=nn.ModuleList([conv(4, 4, 3, padding="same") for _ in "abc"])), (X,)),
    "lengths": (
        lambda: Does(
            lambda m, x: (
                F.normalize(m.one(x)),
                m.rms(x),
                x * torch.rsqrt(x.pow(2).mean(1, keepdim=True) + 1e-3),
                m.one(x).norm(dim=(2, 3), keepdim=True),
                x.flatten(1) / (1 + x.flatten(1).abs()),
            ),
            one=conv(4, 3, 1),
            rms=nn.RMSNorm(5),
        ),
        (X,),
    ),
    "distances": (
        lambda: Does(
            lambda m, x, y: (
                F.cosine_similarity(m.one(x), m.one(y)),
                F.pairwise_distance(m.one(x), m.one(y), keepdim=True),
            ),
            one=nn.Linear(5, 3),
        ),
        (X[0, 0], X[1, 1]),
    ),
    "dueling": (
        lambda: Does(lambda m, x: m.v(x) + m.a(x) - m.a(x).mean(1, keepdim=True), v=nn.Linear(5, 1), a=nn.Linear(5, 3)),
        (X[0, 0],),
    ),
    "circular": (lambda: nn.Sequential(conv(4, 3, 3, padding=(1, 2), padding_mode="circular")), (X,)),
    "counted positions": (
        lambda: Does(
            lambda m, x: m.one(x) + m.at(torch.arange(x.shape[1], device=x.device).expand(x.shape[0], -1)),
            one=nn.Linear(5, 3),
            at=nn.Embedding(6, 3),
        ),
        (X[0],),
    ),
    "twice": (
        lambda: Does(lambda m, x: m.one(m.one(x)), one=nn.Sequential(conv(4, 4, 1), nn.ReLU(inplace=True))),
        (X,),
    ),
    "samples": (
        lambda: Does(samples, conv=conv(1, 3, (4, 1), stride=(2, 1)), fc=nn.Linear(24, 2)),
        (X.reshape(16, 15),),
    ),
    "channels last": (
        lambda: Does(
            channels_last, norm=nn.LayerNorm(4), mlp=nn.Sequential(nn.Linear(4, 7), nn.GELU(), nn.Linear(7, 3))
        ),
        (X,),
    ),
    "attention": (lambda: Does(attending, mha=nn.MultiheadAttention(4, 2, batch_first=True)), (X,)),
    "attention with weights": (lambda: Does(seeing, mha=nn.MultiheadAttention(4, 2, batch_first=True)), (X,)),
    "encoder": (
        lambda: Does(lambda m, x: m.e(x.flatten(2).mT), e=nn.TransformerEncoderLayer(4, 2, 8, batch_first=True)),
        (X,),
    ),
    "lstm": (lambda: Does(recurrent, rnn=nn.LSTM(4, 3, 2, bidirectional=True, batch_first=True)), (X,)),
    "stack": (
        lambda: Does(
            lambda m, x: m.rnn(x.flatten(2).permute(2, 0, 1))[0].permute(1, 2, 0),
            rnn=nn.LSTM(4, 3, 2, bidirectional=True, dropout=0.2),
        ),
        (X,),
    ),
    "gru": (lambda: Does(recurrent, rnn=nn.GRU(4, 3, batch_first=True)), (X,)),
    "squeezed": (lambda: Does(squeezed, gate=nn.Sequential(nn.Linear(4, 2), nn.ReLU(), nn.Linear(2, 4))), (X,)),
    "own attention": (lambda: Does(own_attention, qkv=nn.Linear(4, 12), out=nn.Linear(4, 4)), (X,)),
    "causal": (lambda: Does(own_attention, qkv=nn.Linear(4, 12, bias=False), out=nn.Linear(4, 4)), (X,)),
    "response": (lambda: nn.Sequential(nn.LocalResponseNorm(3, 2e-3, 0.6, 1.5), conv(4, 2, 1)), (X,)),
    "weight norm": (lambda: nn.Sequential(nn.utils.parametrizations.weight_norm(conv(4, 3, 3))), (X,)),
    "last state": (
        lambda: Does(lambda m, x: m.top(m.rnn(x)[0][:, -1]), rnn=nn.LSTM(5, 3, batch_first=True), top=nn.Linear(3, 2)),
        (X[0],),
    ),
    "masked": (lambda: Does(masked), (X,)),
    "moved": (lambda: Does(moved), (X,)),
    "fine": (lambda: Does(fine), (X,)),
    "curves": (lambda: Does(curves, prelu=nn.PReLU(4)), (X,)),
    "both": (lambda: Does(both, one=conv(4, 4, 3, padding=1, bias=False)), (X, X.cos())),
    "norms": (
        lambda: nn.Sequential(
            nn.BatchNorm2d(4, momentum=0.01, affine=False),
            nn.GroupNorm(2, 4, affine=False),
            nn.InstanceNorm2d(4, affine=True),
            nn.InstanceNorm2d(4, affine=True, track_running_stats=True),
            nn.LayerNorm([4, 6, 5], elementwise_affine=False),
            nn.LayerNorm([4, 6, 5]),
        ),
        (X,),
    ),
    "extremes": (
        lambda: Does(
            lambda m, x: (
                torch.max(F.softshrink(x), F.logsigmoid(x)).max(2, keepdim=True)[0].squeeze(2).max(dim=2).values
            )
        ),
        (X,),
    ),
    "hidden": (
        lambda: Does(hidden, qkv=nn.Linear(4, 12), out=nn.Linear(4, 4)),
        (X,),
    ),
    "wrapped": (lambda: Does(wrapped, one=conv(4, 4, 1), two=conv(4, 2, 1)), (X,)),
    "standardised": (lambda: nn.Sequential(Standardised(4, 3, 3), BatchStandardised(3, 2, 3)), (X,)),
    "stacked": (lambda: Does(stacked, one=conv(4, 4, 1), two=conv(4, 4, 1)), (X,)),
    "states": (
        lambda: Does(
            lambda m, x: m.rnn(x)[1].view(2, 2, -1, 3)[1, 0], rnn=nn.GRU(5, 3, 2, batch_first=True, bidirectional=True)
        ),
        (X[0],),
    ),
    "unfolded": (
        lambda: Does(
            lambda m, x: F.fold(m.one(F.unfold(x, (3, 5), stride=(3, 5))), (6, 5), (3, 5), stride=(3, 5)), one=nn.ReLU()
        ),
        (X,),
    ),
    "adapting": (
        lambda: nn.Sequential(nn.AdaptiveAvgPool2d((3, 5)), nn.AdaptiveMaxPool2d((1, 5)), conv(4, 1, 1)),
        (X,),
    ),
    "pools": (
        lambda: nn.Sequential(
            nn.MaxPool2d(3, 2, 1, ceil_mode=True),
            nn.ConvTranspose2d(4, 6, 3, 2, output_padding=1, groups=2),
            nn.GroupNorm(3, 6),
            nn.InstanceNorm2d(6),
            nn.ReLU(),
            nn.AvgPool2d(2, count_include_pad=False),
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
            nn.Dropout(0.3),
            nn.Linear(6, 2, bias=False),
        ),
        (X,),
    ),
}


def made(case: str) -> tuple[nn.Module, tuple[Tensor, ...]]:
    make, inputs = CASES[case]
    torch.manual_seed(1)
    module = make()
    for one in module.modules():
        if isinstance(one, nn.BatchNorm2d) and one.running_var is not None:
            nn.init.uniform_(one.running_var, 0.5, 2)
    return module.eval(), inputs


def imported(module: nn.Module, *inputs: Tensor | Shape) -> Primitives:
    return reader.primitives(live.read(module, inputs or (X,)))


def saved(module: nn.Module, inputs: tuple[Tensor, ...], path: Path) -> Path:
    with live.quiet("torch.export"):
        torch.export.save(torch.export.export(module, inputs), path)
    return path


@pytest.mark.parametrize("case", CASES)
def test_primitives_compute_what_the_module_does(case: str) -> None:
    module, inputs = made(case)
    found = imported(module, *inputs)
    with torch.no_grad():
        wanted = module(*[one.clone() for one in inputs])
    several = list(wanted.values()) if isinstance(wanted, dict) else [wanted] if isinstance(wanted, Tensor) else wanted
    outputs = primitives_onnx.run(found, [one.numpy() for one in inputs])
    assert len(outputs) == len(several)
    for ours, theirs in zip(outputs, several, strict=True):
        np.testing.assert_allclose(ours, theirs.numpy(), atol=1e-5 * float(theirs.abs().max()))


@pytest.mark.parametrize("case", CASES)
def test_a_file_says_what_its_module_says(case: str, tmp_path: Path) -> None:
    module, inputs = made(case)
    there = reader.primitives(file.read(saved(module, inputs, tmp_path / "x.pt2")))
    here = imported(module, *inputs)
    assert [(one.kind, one.scope) for one in there.operators] == [(one.kind, one.scope) for one in here.operators]
    assert [dict(one.attributes) for one in there.operators] == [dict(one.attributes) for one in here.operators]
    assert list(there.inputs.values()) == list(here.inputs.values())
    ours, theirs = list(there.constants.values()), list(here.constants.values())
    assert len(ours) == len(theirs) > 0
    for one, other in zip(ours, theirs, strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_module_that_is_called_twice_has_its_weights_once() -> None:
    module, _ = made("twice")
    found = imported(module)
    assert [one.inputs[1:] for one in found.operators if one.kind == "Conv"] == [("p_one_0_weight", "p_one_0_bias")] * 2
    assert [one.scope for one in found.operators if one.kind == "Conv"] == [
        (("one", "Sequential"), ("0", "Conv2d"))
    ] * 2


def test_a_weight_that_two_modules_have_is_one() -> None:
    a, b = nn.Linear(5, 5, bias=False), nn.Linear(5, 5, bias=False)
    b.weight = a.weight
    module = nn.Sequential(a, nn.ReLU(), b)
    program = live.read(module, (X,))
    weights = {one.inputs[1] for one in reader.primitives(program).operators if one.kind == "Gemm"}
    assert len({program.shared.get(name, name) for name in weights}) == 1
    assert sum(program.tensors[name].size for name in reader.used(program)) == 25


def test_what_is_learned_and_cannot_be_here_is_told() -> None:
    module = Does(
        lambda m, x: m.kept(x) * m.kept.weight.new_ones(()) * m.factor, kept=nn.Conv2d(4, 2, 1), aux=conv(4, 1, 1)
    )
    module.factor = nn.Parameter(torch.tensor(0.3))
    normed = nn.Sequential(nn.utils.parametrizations.weight_norm(conv(4, 3, 3)))
    assert imported(module).notes == (
        "5 parameters are not used in inference: those of aux",
        "factor, which is one learned number, is a constant",
    )
    assert imported(normed).notes == ("computed of other parameters, and weights of their own here: 0.weight",)
    tied = Does(lambda m, x: F.linear(m.one(x), m.one.weight.T), one=nn.Linear(5, 3, bias=False))
    assert imported(tied).notes == ("read in several forms, each of which is a weight of its own here: one.weight",)


def test_operators_are_called_after_their_modules() -> None:
    module, _ = made("residual")
    names = [one.name for one in imported(module).operators]
    assert names == ["conv", "bn", "relu_", "add", "relu__1", "add_1"]


def test_what_is_never_called_has_a_name_without_a_class() -> None:
    module, _ = made("loop")
    found = [one.scope for one in imported(module).operators if one.kind == "Conv"]
    assert found == [(("layers", ""), (number, "Conv2d")) for number in "012"]


def test_outputs_are_called_as_the_module_calls_them() -> None:
    module, inputs = made("both")
    assert [name for name, _ in imported(module, *inputs).outputs] == ["map", "score"]
    plain, inputs = made("pools")
    assert [name for name, _ in imported(plain, *inputs).outputs] == [""]
    several = Does(lambda m, x: (m.one(x), m.two(x)), one=conv(4, 2, 1), two=conv(4, 1, 1))
    assert [name for name, _ in imported(several).outputs] == ["one", "two"]


def test_sizes_stand_for_examples() -> None:
    module, _ = made("pools")
    found = imported(module, Shape((6, 5), 4))
    assert list(found.inputs.values()) == [(2, 4, 6, 5)]
    assert len(found.operators) == 10


def test_a_module_is_left_as_it_was() -> None:
    module = nn.Sequential(nn.BatchNorm2d(4), nn.Dropout()).train()
    module[0].eval()
    imported(module)
    assert [one.training for one in module.modules()] == [True, False, True]


def part_changed(m: Any, x: Tensor) -> Tensor:
    y = x * 2
    y[:, 0].add_(1)
    return y


UNSAID: dict[str, tuple[Callable[..., Any], str]] = {
    "part": (part_changed, "add_ in the network cannot be said: it changes a part of a tensor that is read afterwards"),
    "sort": (
        lambda m, x: x.sort().values,
        "sort in the network cannot be said: which values it takes depends on what flows",
    ),
    "lookup": (lambda m, x: F.embedding(x.long(), x[0, 0]), "embedding in the network cannot be said: it looks up"),
    "batch": (lambda m, x: m.bn(x), "batch_norm in bn cannot be said: it normalises by the batch that it sees"),
    "places": (
        lambda m, x: F.max_pool2d(x, 2, return_indices=True)[1],
        "max_pool2d_with_indices in the network cannot be said: no layer gives its output 2; return the others alone",
    ),
    "one": (lambda m, x: F.linear(x[0, 0, 0], x.new_ones(2, 5)), "linear in the network cannot be said: what it reads"),
    "branch": (lambda m, x: x if x.sum() > 0 else -x, "torch.export cannot follow Does"),
}


@pytest.mark.parametrize("case", UNSAID)
def test_what_cannot_be_said_is_told_with_module_operator_and_reason(case: str) -> None:
    does, words = UNSAID[case]
    with pytest.raises(ForeignError) as raised:
        imported(Does(does, bn=nn.BatchNorm2d(4, track_running_stats=False)))
    (found,) = raised.value.diagnostics
    assert found.mistake.message().startswith(words)


def test_numbers_are_taken_out_of_constants_and_of_nothing_else(tmp_path: Path) -> None:
    known = Does(lambda m, x: x * m.scale.bias[1].item(), scale=conv(4, 4, 1))
    flowing = Does(lambda m, x: x * m.scale(x).max().item(), scale=conv(4, 4, 1))
    with pytest.raises(ForeignError, match="item in the network cannot be said: it takes one number out of what"):
        imported(flowing)
    path = saved(flowing.eval(), (X,), tmp_path / "flowing.pt2")
    with pytest.raises(ForeignError, match="item in the network cannot be said: it takes one number out of what"):
        reader.primitives(file.read(path))
    for found in (imported(known), reader.primitives(file.read(saved(known.eval(), (X,), tmp_path / "known.pt2")))):
        assert [one.kind for one in found.operators] == ["Mul"]


class Looking(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.factor = nn.Parameter(torch.ones(1))
        self.register_buffer("order", torch.tensor([2, 0, 1]))
        self.register_buffer("mask", torch.ones(1, 1, 6, 6))

    def forward(self, x: Tensor) -> Any:
        assert isinstance(self.order, Tensor)
        assert isinstance(self.mask, Tensor)
        seen = x.flatten(2).mT
        return x * self.factor, x[:, self.order], ((seen @ seen.mT)[:, None] + self.mask).softmax(-1)[:, 0] @ seen


def test_values_that_are_missing_are_asked_for() -> None:
    with torch.device("meta"):
        module = Looking()
    with pytest.raises(ForeignError, match=r"index in the network cannot be said: it depends on values .* missing"):
        imported(module, Shape((2, 3), 3))
    order = torch.tensor([2, 0, 1])
    module.order = order  # pyright: ignore[reportAttributeAccessIssue]
    with pytest.raises(ForeignError) as raised:
        normal.flat(imported(module, Shape((2, 3), 3)))
    told = [
        one.message.partition(" cannot be said: it depends on values that are missing")[0]
        for one in raised.value.errors
    ]
    assert told == ["Mul at mul", "MatMul at matmul"]


def test_numbers_in_half_precision_on_the_way_are_told() -> None:
    def mixed(m: Any, x: Tensor) -> Tensor:
        with torch.autocast("cpu", dtype=torch.bfloat16):
            y = m.one(x)
        return y.half().float()

    told = imported(Does(mixed, one=conv(4, 2, 1))).notes
    assert told == (
        "computed in bfloat16 by the source, and in float32 here",
        "computed in float16 by the source, and in float32 here",
    )


def test_outputs_in_another_layout_are_compared_in_it() -> None:
    network = netdsl.from_torch(Does(lambda m, x: m.conv(x).roll(3, 2), conv=nn.Conv2d(4, 3, 3)), X)
    assert [one for one in network.notes if "is laid out otherwise" in one]


class Steered(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        if x.sum() > 0:  # which nobody knows before
            return x
        return -x


class Wide(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(5, 2, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.conv(x)


def scripted() -> nn.Module:
    with warnings.catch_warnings(action="ignore"):
        return torch.jit.script(nn.Conv2d(3, 2, 3))


def quantised() -> nn.Module:
    from torch.ao.nn.quantized import ReLU6

    return nn.Sequential(ReLU6())


@pytest.mark.parametrize(
    ("module", "line", "words", "help"),
    [
        (Steered(), "if x.sum() > 0:  # which nobody knows before", "depends on values that flow", "the condition out"),
        (Wide(), "return self.conv(x)", "to have 5 channels", "these are Nx3x9x8 to PyTorch"),
        (nn.Bilinear(3, 3, 2), None, "missing a required argument", "the size of each input"),
        (scripted(), None, "torch.export cannot follow RecursiveScriptModule: it is TorchScript", "it was made of"),
        (quantised(), None, "torch.export cannot follow Sequential: it is quantised", "it was made of"),
        (nn.LazyConv2d(4, 3), None, "LazyModule", "call it once"),
    ],
    ids=["steered", "wide", "bilinear", "scripted", "quantised", "lazy"],
)
def test_what_cannot_be_followed_is_told_at_the_line_of_the_module(
    module: nn.Module, line: str | None, words: str, help: str, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(ForeignError) as raised:
        live.read(module, [Shape((9, 8), 3)])
    (found,) = raised.value.diagnostics
    assert words in found.message
    assert help in (found.help or "")
    if line is not None:
        assert found.span.text == line
        assert found.span.source.name == __file__
    assert capfd.readouterr() == ("", "")


# Files


def changed(path: Path, **members: bytes | None) -> Path:
    """A copy of an archive with some members others, or left out."""
    target = path.with_name("changed.pt2")
    with zipfile.ZipFile(path) as source, zipfile.ZipFile(target, "w") as out:
        for one in source.namelist():
            new = next((data for end, data in members.items() if one.endswith(end.replace("__", "/"))), b"")
            if new is not None:
                out.writestr(one, new or source.read(one))
    return target


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    module = nn.Sequential(nn.Conv2d(4, 3, 3), nn.ReLU())
    return saved(module.eval(), (X,), tmp_path_factory.mktemp("plain") / "plain.pt2")


class Trap:
    def __reduce__(self) -> Any:
        return pytest.fail, ("a pickle was read",)


def test_pickles_are_refused_and_never_read(plain: Path) -> None:
    with zipfile.ZipFile(plain) as archive:
        name = next(one for one in archive.namelist() if one.endswith("weights_config.json"))
        config = json.loads(archive.read(name))
    config["config"]["0.weight"]["use_pickle"] = True
    trap = pickle.dumps(Trap())
    path = changed(plain, **{"weights_config.json": json.dumps(config).encode(), "weight_0": trap, "model.pt": trap})
    with pytest.raises(ForeignError, match=r"0\.weight is pickled"):
        file.read(path)


@pytest.mark.parametrize(
    ("member", "data", "words"),
    [
        ("models/model.json", None, "it has no models/model.json"),
        ("models/model.json", b"[]", "its models/model.json is no description"),
        ("models/model.json", b"{" * 9, "its models/model.json is no JSON"),
        ("models/model.json", b"[" * 100_000, "its models/model.json is no JSON"),
        ("models/model.json", b"{}", "its description is damaged"),
        ("weight_0", None, "it has no data/weights/weight_0"),
        ("weight_0", b"1234", "0.weight has 4 bytes, and needs 432"),
    ],
)
def test_damaged_files_are_told(plain: Path, member: str, data: bytes | None, words: str) -> None:
    with pytest.raises(ForeignError) as raised:
        file.read(changed(plain, **{member: data}))
    assert words in str(raised.value)


OTHERS = {
    "version 1": (
        ["serialized_exported_program.json", "serialized_state_dict.pt"],
        "was written by PyTorch 2.8 or earlier",
    ),
    "2.8": (["a/models/model.json", "a/data/weights/model.pt"], "was written by PyTorch 2.8 or earlier"),
    "AOTInductor": (["a/archive_format", "a/data/aotinductor/model/x.so"], "what AOTInductor has compiled"),
    "TorchScript": (["a/data.pkl", "a/code/__torch__.py"], "but a TorchScript file"),
    "torch.save": (["a/data.pkl", "a/data/0"], "but a pickled module or its weights"),
}
"""Members of other files of PyTorch, and what is said of them."""


@pytest.mark.parametrize("kind", OTHERS)
def test_other_files_of_pytorch_are_told_from_programs(kind: str, tmp_path: Path) -> None:
    names, words = OTHERS[kind]
    with zipfile.ZipFile(tmp_path / "x.pt2", "w") as archive:
        for name in names:
            archive.writestr(name, pickle.dumps(Trap()))
    with pytest.raises(ForeignError) as raised:
        file.read(tmp_path / "x.pt2")
    assert words in str(raised.value)


def test_no_mutant_of_a_description_is_more_than_a_diagnostic(plain: Path) -> None:
    """Bytes of the JSON are changed, and the archive is whole."""
    with zipfile.ZipFile(plain) as archive:
        name = next(one for one in archive.namelist() if one.endswith("models/model.json"))
        text = archive.read(name)
    random = np.random.default_rng(0)
    told = 0
    for _ in range(150):
        mutant = bytearray(text)
        for at in random.integers(len(text), size=3):
            mutant[at] = b'0123456789"-,[]{}ae.'[random.integers(20)]
        try:
            reader.primitives(file.read(changed(plain, **{"models/model.json": bytes(mutant)})))
        except ForeignError as error:
            told += bool(error.diagnostics)
    assert told > 50


def test_what_is_no_archive_is_told(tmp_path: Path) -> None:
    path = tmp_path / "x.pt2"
    path.write_bytes(b"PK\3\4" + bytes(100))
    with pytest.raises(ForeignError, match=r"is no program of torch\.export"):
        file.read(path)


def test_files_are_read_without_torch(plain: Path) -> None:
    code = """
import sys
sys.modules["torch"] = None
from pathlib import Path
from netdsl.interchange.torch import file, reader
print(len(reader.primitives(file.read(Path(sys.argv[1]))).operators))
"""
    found = subprocess.run([sys.executable, "-c", code, str(plain)], capture_output=True, text=True, check=True)
    assert found.stdout == "2\n"


def test_masks_as_large_as_those_of_videos_are_worked_out() -> None:
    def forward(_: Any, x: Tensor) -> Tensor:
        at = torch.arange(3200)
        apart = (at[:, None] - at) != 0
        return x + torch.stack([apart.float(), apart.float() + 1]).mean()

    found = imported(Does(forward), X)
    assert [one.kind for one in found.operators] == ["Add"]
