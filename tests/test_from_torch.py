"""Modules as programs: the same parameters and multiply-adds, and with their weights the same outputs."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from itertools import permutations
from pathlib import Path
from statistics import median
from typing import Any

import pytest
import torch
import torch.nn.functional as F  # noqa: N812
import torchvision_imports
import torchvision_models
from test_import_onnx import module
from test_torch_programs import CASES, Does, X, conv, hidden, imported, made
from torch import Tensor, nn

import netdsl
from netdsl.interchange.entry import imported as imported_text
from netdsl.interchange.flat import ForeignError, graph
from netdsl.interchange.normal import flat
from netdsl.layers.shape import Shape
from netdsl.layers.source import Input

UNSAID = {
    "masked": "Mul at mul cannot be said: it meets a constant of 6x5",
}
"""What no program says."""


def held(network: nn.Module, *inputs: Tensor) -> netdsl.Network:
    """A module's network, whose outputs are the module's."""
    found = flat(imported(network, *inputs))
    back = netdsl.from_graph(graph(found))
    mine = [one if one.shape[1] == shape.channels else one.movedim(-1, 1) for one, shape in entering(back, inputs)]
    with torch.no_grad():
        wanted, ours = network(*[one.clone() for one in inputs]), module(back, found)(*mine)
    theirs = list(wanted.values()) if isinstance(wanted, dict) else [wanted] if isinstance(wanted, Tensor) else wanted
    several = [ours] if isinstance(ours, Tensor) else list(ours)
    assert len(several) == len(theirs)
    for one, other in zip(several, theirs, strict=True):
        if one.shape != other.shape:  # its axes stand otherwise in the module
            orders = [one.permute(order).reshape(other.shape) for order in permutations(range(one.ndim))]
            one = min(orders, key=lambda laid: float((laid - other).abs().max()))
        torch.testing.assert_close(one.reshape(other.shape), other, atol=1e-5 * float(other.abs().max()), rtol=1e-5)
    return back


def entering(network: netdsl.Network, inputs: tuple[Tensor, ...]) -> list[tuple[Tensor, Shape]]:
    """Each input with the shape that the network has for it."""
    nodes = zip(network.shaped.nodes, network.shaped.shapes, strict=True)
    shapes = [shape for node, shape in nodes if isinstance(node.layer, Input)]
    return list(zip(inputs, shapes, strict=True))


@pytest.mark.parametrize("case", [case for case in CASES if case not in UNSAID])
def test_a_module_as_a_network_computes_what_it_did(case: str) -> None:
    network, inputs = made(case)
    found = held(network, *inputs)
    params = sum(one.numel() for one in network.parameters())
    assert found.summary().totals.params == (params - 3 if case == "weight norm" else params)


@pytest.mark.parametrize("case", UNSAID)
def test_what_no_program_says_is_told(case: str) -> None:
    network, inputs = made(case)
    with pytest.raises(ForeignError) as raised:
        flat(imported(network, *inputs))
    assert raised.value.errors[0].message.startswith(UNSAID[case])


def nonlocal_(m: Any, x: Tensor) -> Tensor:
    q, k, v = m.q(x).flatten(2), m.k(x).flatten(2), m.v(x).flatten(2)
    return m.out((((q.mT @ k).softmax(-1)) @ v.mT).mT.reshape(x.shape)) + x


def head_by_head(m: Any, x: Tensor) -> Tensor:
    q, k, v = m.qkv(x).unflatten(2, (2, 6)).transpose(1, 2).chunk(3, 3)
    return m.out(F.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2))


def of_squares(m: Any, x: Tensor) -> Tensor:
    return torch.einsum("nhwpqc->nchpwq", m.out(x).view(2, 6, 5, 2, 2, 3)).reshape(2, 3, 12, 10)


S = X.flatten(2).mT.contiguous()  # a sequence: examples, positions, channels


def called(does: Callable[..., Any], **parts: nn.Module) -> nn.Module:
    torch.manual_seed(1)
    return Does(does, **parts).eval()


SEQUENCES: dict[str, tuple[nn.Module, str]] = {
    "a layer for each position": (called(lambda m, x: m.one(x), one=nn.Linear(4, 3)), "CONV 3 1"),
    "the last state of two": (
        called(lambda m, x: m.rnn(x)[1][0][-1], rnn=nn.LSTM(4, 3, 2, dropout=0.25, batch_first=True)),
        "LSTM 3, DROPOUT 0.25, LSTM 3 last",
    ),
    "the last states of both ways": (
        called(lambda m, x: torch.cat([*m.rnn(x)[1][0][-2:]], 1), rnn=nn.LSTM(4, 3, 2, True, True, bidirectional=True)),
        "LSTM 3 both, LSTM 3 both last",
    ),
    "the last position": (called(lambda m, x: m.rnn(x)[0][:, -1], rnn=nn.GRU(4, 3, batch_first=True)), "GRU 3 last"),
    "weights of positions": (
        called(lambda m, x: (m.one(x).softmax(1) * x).sum(1), one=nn.Linear(4, 1)),
        "CONV 1 1, RESHAPE 1x30, SOFTMAX, RESHAPE 30x1, MUL, AVGPOOL global, TIMES 30, FLATTEN",
    ),
    "hidden positions": (
        called(hidden, qkv=nn.Linear(4, 12), out=nn.Linear(4, 4)),
        "ATTENTION 2 causal",
    ),
    "head by head": (called(head_by_head, qkv=nn.Linear(4, 12), out=nn.Linear(4, 4)), "ATTENTION 2"),
    "squares of positions": (
        called(of_squares, out=nn.Linear(4, 12)),
        "CONV 12 1, RESHAPE 6x5x12, PIXELSHUFFLE 2 order=dcr",
    ),
    "positions in a row": (
        called(lambda m, x: m.one(x).flatten(2).mT + m.out.weight, one=conv(4, 3, 1), out=nn.Linear(3, 30)),
        "CONV 3 1, POSITIONS",
    ),
    "a convolution behind": (
        called(nonlocal_, q=conv(4, 4, 1), k=conv(4, 4, 1), v=conv(4, 4, 1), out=conv(4, 4, 1)),
        "ATTENTION 1, ADD",
    ),
}


@pytest.mark.parametrize("case", SEQUENCES)
def test_sequences_come_in_as_one_would_write_them(case: str) -> None:
    network, said = SEQUENCES[case]
    found = held(network, X if case in ("hidden positions", "positions in a row", "a convolution behind") else S)
    assert ", ".join(node.layer.written for node in found.shaped.nodes[1:]) == said


def test_patches_of_a_map_are_positions() -> None:
    network = called(
        lambda m, x: m.out(m.norm(x.view(2, 4, 2, 3, 2, 3).permute(0, 2, 4, 3, 5, 1).reshape(2, 4, 36))),
        norm=nn.LayerNorm(36),
        out=nn.Linear(36, 3),
    )
    found = held(network, X.flatten(2)[:, :, :30].repeat(1, 1, 2)[:, :, :36].reshape(2, 4, 6, 6))
    written = [node.layer.written for node in found.shaped.nodes[1:]]
    assert written == ["PIXELUNSHUFFLE 3 order=dcr", "RESHAPE 4x36", "LN", "CONV 3 1"]


def test_examples_may_stand_behind_positions() -> None:
    torch.manual_seed(1)
    network = nn.TransformerEncoderLayer(4, 2, 8).eval()
    found = flat(imported(network, S))
    back = netdsl.from_graph(graph(found))
    assert found.notes[0] == "the input src is of positions, examples and channels, in this order"
    assert back.shaped.shapes[0] == Shape((2,), 4)
    with torch.no_grad():
        torch.testing.assert_close(module(back, found)(S.permute(1, 2, 0)).permute(2, 0, 1), network(S))


@pytest.mark.parametrize("run", [nn.DataParallel, lambda module: torch.compile(module, backend="eager")])
def test_what_only_runs_a_module_is_passed_over(run: Callable[[nn.Module], nn.Module]) -> None:
    found = netdsl.from_torch(run(nn.Linear(5, 2)), (5,))
    assert found.text.startswith('# PyTorch: Linear\nnetwork "Linear"\n')


def test_a_network_of_a_module_can_be_sent_to_another_process() -> None:
    found = netdsl.from_torch(nn.Linear(5, 2), (5,))
    again = pickle.loads(pickle.dumps(found))
    assert again.text == found.text
    torch.testing.assert_close(dict(again.weights), dict(found.weights))


def channels_normed(m: Any, x: Tensor) -> Tensor:
    x = m.conv(x)
    u = x.mean(1, keepdim=True)
    return (x - u) / torch.sqrt((x - u).pow(2).mean(1, keepdim=True) + 1e-6)


def test_a_norm_that_takes_the_mean_away_twice_is_one_layer() -> None:
    found = held(Does(channels_normed, conv=conv(4, 4, 1)), X)
    assert "CONV 4 1 -> LN eps=1e-06 noaffine" in found.text


TABLES: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "outer": torch.outer,
    "einsum": lambda a, b: torch.einsum("i,j->ij", a, b),
    "mm": lambda a, b: a[:, None] @ b[None],
    "embedding": lambda a, b: nn.functional.embedding(a.long(), torch.outer(a, b)),
    "eye": lambda a, b: torch.outer(a, b) @ torch.eye(4),
    "bmm": lambda a, b: torch.bmm(a[None, :, None], b[None, None])[0],
}
"""Tables of angles, as transformers of today make them."""


@pytest.mark.parametrize("way", TABLES)
def test_tables_that_are_products_of_constants_are_worked_out(way: str) -> None:
    def placed(m: Any, x: Tensor) -> Tensor:
        y = m.fc(x)
        return y + TABLES[way](torch.arange(6).float(), 10.0 ** -torch.arange(4)).sin()

    found = held(Does(placed, fc=nn.Linear(5, 4)), torch.randn(1, 6, 5))
    assert "CONV 4 1 -> POSITIONS" in found.text


def test_positions_that_are_repeated_for_each_example_are_some_of_one() -> None:
    does = Does(lambda m, x: m.fc(x) + m.table.weight.repeat(len(x), 1, 1), fc=nn.Linear(5, 4), table=nn.Linear(4, 6))
    assert "CONV 4 1 -> POSITIONS" in held(does, torch.randn(2, 6, 5)).text


def test_einsum_of_a_map_and_a_weight_is_a_convolution() -> None:
    found = held(Does(lambda m, x: torch.einsum("bchw,oc->bohw", x, m.fc.weight), fc=nn.Linear(4, 3, bias=False)), X)
    assert "INPUT 6x5x4 -> CONV 3 1 nobias" in found.text


@pytest.mark.parametrize(
    ("does", "layer"),
    [
        (lambda m, x: m.conv(x).relu() + m.norm.bias.view(4, 1, 1), "SCALE bias"),
        (lambda m, x: m.conv(x).relu() - m.norm.bias.view(4, 1, 1), "SCALE bias"),
        (lambda m, x: m.conv(x).relu() / m.norm.weight.view(4, 1, 1), "SCALE"),
    ],
    ids=["plus", "minus", "by"],
)
def test_what_is_learned_stays_so_whatever_it_is_at_first(does: Callable[[Any, Tensor], Tensor], layer: str) -> None:
    found = netdsl.from_torch(Does(does, conv=conv(4, 4, 1), norm=nn.BatchNorm2d(4)), X)
    assert found.text.partition("\n\nexpect")[0].endswith(f"-> CONV 4 1 -> RELU -> {layer}")


def test_a_bias_of_attention_that_is_learned_and_0_is_told() -> None:
    def attend(m: Any, x: Tensor) -> Tensor:
        q, k, v = m.qkv(x).reshape(-1, 6, 3, 2, 4).permute(2, 0, 3, 1, 4)
        ways = (q @ k.transpose(2, 3) / 2 + m.bias.weight.view(2, 6, 6)).softmax(-1)
        return m.out((ways @ v).transpose(1, 2).reshape(-1, 6, 8))

    bias = nn.Linear(36, 2, bias=False)
    nn.init.zeros_(bias.weight)
    found = netdsl.from_torch(Does(attend, qkv=nn.Linear(8, 24), out=nn.Linear(8, 8), bias=bias), (6, 8))
    assert "bias.weight, which is learned and 0, adds nothing to what positions see, and is left out" in found.notes


ENDS: dict[str, tuple[Callable[[Any, Tensor], Tensor], str]] = {
    "joined": (lambda m, x: torch.stack([m.conv(x), x], 2).flatten(1, 2), "CONCAT"),
    "rows": (lambda m, x: m.conv(x).permute(0, 2, 3, 1).reshape(2, -1, 2), "CONV 4 3 p1"),
    "turned": (lambda m, x: m.conv(x).permute(3, 2, 1, 0), "CONV 4 3 p1"),
    "anchors": (lambda m, x: m.conv(x).view(2, 2, 2, 6, 5).permute(0, 1, 3, 4, 2), "CONV 4 3 p1"),
    "rows of anchors": (
        lambda m, x: m.conv(x).view(2, 2, 2, 6, 5).permute(0, 1, 3, 4, 2).reshape(2, -1, 2),
        "SHUFFLE 2 -> RESHAPE 2x60",
    ),
}
"""Outputs whose axes are made of others', each with how its program ends."""


@pytest.mark.parametrize("end", ENDS)
def test_outputs_are_compared_however_their_axes_are_made_of_others(end: str) -> None:
    does, last = ENDS[end]
    found = netdsl.from_torch(Does(does, conv=conv(4, 4, 3, padding=1)), X)
    assert found.text.partition("\n\nexpect")[0].endswith(last)


def test_what_is_added_that_the_source_has_not_is_told() -> None:
    network = called(
        lambda m, x: m.one(*[x + m.table] * 3)[0], one=nn.MultiheadAttention(4, 2, bias=False, batch_first=True)
    )
    network.register_buffer("table", torch.ones(1, 30, 4))
    found = flat(imported(network, S))
    assert "not learned by the source, and weights here: table" in found.notes
    assert "projections out of ATTENTION have a bias, which is 0 where the source has none" in found.notes
    assert found.params is None


class Tower(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.body = nn.Sequential(conv(width, 4, 3, padding=1), nn.ReLU(), nn.Identity(), conv(4, 4, 3, padding=1))

    def forward(self, x: Tensor) -> Tensor:
        return self.body(x)


def test_what_is_read_elsewhere_is_called_as_the_module_that_gives_it() -> None:
    def does(m: Any, x: Tensor) -> Tensor:
        first = m.first(x)
        second = m.second(first)
        return m.out(torch.cat([second, first, m.second(second)], 1))

    network = called(does, first=Tower(4), second=Tower(4), out=conv(12, 2, 1))
    text = imported_text(flat(imported(network, X))).text
    assert "-> [ second: ( CONV 4 3 p1 -> RELU -> CONV 4 3 p1 ) | SKIP | second -> second() ] -> CONCAT" in text
    assert "body" not in text


@pytest.mark.parametrize("name", ["resnet18", "mobilenet_v2", "squeezenet1_1", "shufflenet_v2_x0_5"])
def test_models_of_torchvision_come_in(name: str) -> None:
    torch.manual_seed(0)
    network = getattr(torchvision_models.load(), name)(weights=None).eval()
    found = held(network, torch.randn(1, 3, 64, 64))
    assert found.summary().totals.params == sum(one.numel() for one in network.parameters())


def test_attention_in_shifted_windows_comes_in_down_to_a_window_over_all() -> None:
    torch.manual_seed(0)
    swin = torchvision_models.load().swin_transformer.SwinTransformer
    network = swin([4, 4], 8, [2, 2], [2, 4], [7, 7], num_classes=3).eval()
    found = held(network, torch.randn(1, 3, 56, 56))
    written = [node.layer.written for node in found.shaped.nodes if node.layer.keyword == "ATTENTION"]
    assert written == [
        *("ATTENTION 2 window=7 relative", "ATTENTION 2 window=7 shift=3 relative"),
        *["ATTENTION 4 window=7 relative"] * 2,
    ]


def test_the_page_of_models_counts_its_rows() -> None:
    page = (Path(__file__).parent.parent / "docs" / "torchvision.md").read_text(encoding="utf-8")
    rows = [line.strip("| ").split(" | ") for line in page.splitlines() if line.startswith("| ")]
    come = [row for row in rows if len(row) == 6 and row[0] != "model"]
    unsaid = [row for row in rows if len(row) == 2 and row[0] != "model"]
    equal = [row for row in come if " of " not in row[1] + row[2]]
    said = f"{len(come)} of {len(come) + len(unsaid)} come in, {len(equal)} of them with equal parameters"
    assert said in page
    assert f"{max(float(row[3]) for row in come):.0e} of the largest" in page
    assert (
        f"{median(int(row[4].split()[0]) / int(row[4].split()[2].replace(',', '')) for row in come):.2f} of the words"
        in page
    )


def test_the_table_of_models_is_of_what_is_imported() -> None:
    found = torchvision_imports.row(torchvision_models.load(), "squeezenet1_1", outputs=True)
    assert found.params[0] == found.params[1] == 1_235_496
    assert found.macs[0] == found.macs[1] == 349_151_936
    assert found.far is not None
    assert found.far < 1e-5
    assert found.ratio < 0.5
