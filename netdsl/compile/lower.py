"""From a shaped graph to a torch.fx GraphModule, whose module tree follows the paths of the nodes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Self

import torch
from torch import fx

from netdsl.compile import initial, outputs
from netdsl.compile.inits import DEFAULT
from netdsl.compile.plan import Plan
from netdsl.compile.progress import Progress, silent


def lower(
    plan: Plan, seed: int | None = None, *, init: str = DEFAULT, blank: bool = False, progress: Progress = silent
) -> fx.GraphModule:
    """The network as a module: tensors of N x channels x spatial in, a tensor or a NamedTuple of tensors out.

    Its weights are as netdsl.compile.initial makes them.
    """
    root = initial.tree(plan, seed, init=init, blank=blank, progress=progress)
    return fx.GraphModule(root, program(plan), "Network").train(plan.train)


class Switching(fx.GraphModule):
    """A network that returns its training outputs in training mode alone: its data flow changes with the mode."""

    def train(self, mode: bool = True) -> Self:
        flows: Mapping[bool, fx.Graph] = self.meta.get("flows", {})
        if mode in flows:
            self.graph = flows[mode]
        return super().train(mode)


def switching(
    plan: Plan, seed: int | None = None, *, init: str = DEFAULT, blank: bool = False, progress: Progress = silent
) -> fx.GraphModule:
    """The network of a plan for training, whose `eval()` leaves training outputs out."""
    flows = {True: program(plan), False: program(replace(plan, train=False))}
    network = Switching(initial.tree(plan, seed, init=init, blank=blank, progress=progress), flows[True], "Network")
    network.meta["flows"] = flows
    return network.train()


def program(plan: Plan) -> fx.Graph:
    """The data flow, which calls the modules of the tree by their paths."""
    graph, nodes = fx.Graph(), plan.shaped.nodes
    values: dict[int, fx.Node] = {}
    devices: dict[fx.Node, torch.device | None] = {}
    moved: dict[tuple[fx.Node, torch.device], fx.Node] = {}

    def on(device: torch.device | None, value: fx.Node) -> fx.Node:
        """A value on a device: moved there, once, where it comes from another."""
        if device is None or devices[value] == device:
            return value
        if (value, device) not in moved:
            moved[value, device] = graph.call_method("to", (value, str(device)))
        return moved[value, device]

    def made(index: int, sources: Sequence[fx.Node]) -> fx.Node:
        """What the module of a node makes."""
        device = plan.device(nodes[index])
        arguments = tuple([on(device, source) for source in sources])
        target = plan.modules[nodes[index].owner]
        value = graph.create_node("call_module", target, arguments, name=plan.variable(index))
        devices[value] = device
        return value

    def result(index: int) -> fx.Node:
        """The value of an output."""
        if (head := plan.heads.get(index)) is None:
            return values[index]
        value = values[head.source]
        for move in head.moves:
            value = made(move, [value, *(values[other] for other in nodes[move].inputs[1:])])
        return value

    for index in plan.called:
        node = nodes[index]
        sources = [values[source] for source in node.inputs]
        if not sources:
            values[index] = graph.placeholder(plan.arguments[index], type_expr=torch.Tensor)
            devices[values[index]] = plan.device(node)
        else:
            values[index] = sources[0] if plan.identity(node) else made(index, sources)
    results = [result(index) for index in plan.outputs]
    if len(results) == 1:
        graph.output(results[0])
    else:
        fields = [plan.fields[index] for index in plan.outputs]
        graph.output(graph.create_node("call_function", outputs.of(fields), tuple(results), name="outputs"))
    return graph
