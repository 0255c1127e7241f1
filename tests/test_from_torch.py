"""Modules as programs: the same parameters and multiply-adds, and with their weights the same outputs."""

from __future__ import annotations

import pytest
import torch
import torchvision_models
from test_import_onnx import module
from test_torch_programs import CASES, imported, made
from torch import Tensor, nn

import netdsl
from netdsl.interchange.flat import ForeignError, graph
from netdsl.interchange.normal import flat
from netdsl.layers.shape import Shape
from netdsl.layers.source import Input

UNSAID = {
    "lstm": "LSTM at rnn cannot be said: both its states and the last ones are read",
    "masked": "Mul at mul cannot be said: it meets a constant of 6x5",
    "moved": "Concat at roll cannot be said",
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
        if one.shape != other.shape:  # its channels stand last in the module
            one = one.movedim(1, -1)
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
