"""Last layers that begin anew, where weights are for another number of classes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import cast

from torch import Tensor, nn

from netdsl.compile.errors import Reshaped
from netdsl.compile.plan import Plan
from netdsl.compile.weights.names import squeezed
from netdsl.text.fit import listed


@dataclass(frozen=True)
class Anew:
    """A layer, or a tensor of it, that keeps what the network began with, under its names and under the file's."""

    reshaped: Reshaped
    path: str
    ours: Mapping[str, Tensor]

    @property
    def theirs(self) -> Mapping[str, Tensor]:
        """Its tensors as the file calls them."""
        name = self.reshaped.theirs or self.reshaped.name
        return {f"{name}{own.removeprefix(self.reshaped.name)}": tensor for own, tensor in self.ours.items()}


def anew(network: nn.Module, plan: Plan, found: Sequence[Reshaped]) -> Sequence[Anew]:
    """What may begin anew: last layers that differ in their number of outputs. None where other layers differ."""
    own = cast("Mapping[str, Tensor]", network.state_dict())
    heads = _heads(plan, own)
    each: list[Anew] = []
    for one in found:
        path = next((path for path in heads if f"{one.name}.".startswith(f"{path}.")), "")
        if not path or squeezed(one.wanted[1:]) != squeezed(one.found[1:]):
            return ()
        each.append(Anew(one, path, {name: it for name, it in own.items() if f"{name}.".startswith(f"{one.name}.")}))
    return each


def told(found: Sequence[Anew], name: str) -> str:
    """What there is to say of layers that begin anew."""
    wanted, theirs = found[0].reshaped.wanted[0], found[0].reshaped.found[0]
    paths = list(dict.fromkeys(one.path for one in found))
    verb = "begins" if len(paths) == 1 else "begin"
    return f"{name}: {listed(paths, ' and ')} {verb} anew, with {wanted} outputs where the file has {theirs}"


def _heads(plan: Plan, own: Mapping[str, Tensor]) -> Sequence[str]:
    """The modules that have weights, and none behind them."""
    graph = plan.shaped.graph
    found: dict[str, None] = {}
    left = [*graph.outputs, *graph.training_outputs]
    while left:
        node = graph.nodes[left.pop()]
        path = plan.modules[node.owner]
        if any(name.startswith(f"{path}.") for name in own):
            found[path] = None
        else:
            left += node.inputs
    return list(found)
