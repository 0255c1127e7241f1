"""A network at another precision or memory format, float32 outside: the conversions are in its own data flow."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from copy import deepcopy
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch
    from torch import Tensor, fx


def converted(
    network: fx.GraphModule, precision: torch.dtype, kept: Collection[str] = (), images: Collection[str] = ()
) -> fx.GraphModule:
    """The network with its weights in a precision, changed in place; those of the modules in `kept` stay float32.

    The arguments in `images`, and the weights of convolutions where there are any, become channels-last in memory.
    """
    import torch

    graph = network.graph
    if images:
        network.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue, reportUnknownMemberType]
        for node in [node for node in graph.nodes if node.op == "placeholder" and node.target in images]:
            _after(node, "contiguous", memory_format=torch.channels_last)
    if precision != torch.float32:
        for path in {str(node.target) for node in graph.nodes if node.op == "call_module" and node.target not in kept}:
            network.get_submodule(path).to(precision)
        for node in list(graph.nodes):
            if node.op == "placeholder":
                _after(node, "to", precision)
            elif node.op == "call_module" and node.target in kept:
                _before(node, torch.float32)
                _after(node, "to", precision)
            elif node.op == "output":
                outputs = node.all_input_nodes[0]
                _before(outputs if outputs.op == "call_function" else node, torch.float32)
    network.recompile()
    return network


def _after(node: fx.Node, method: str, *arguments: torch.dtype, **options: torch.memory_format) -> None:
    with node.graph.inserting_after(node):
        value = node.graph.call_method(method, (node, *arguments), dict(options))
    node.replace_all_uses_with(value, delete_user_cb=lambda user: user is not value)


def _before(node: fx.Node, precision: torch.dtype) -> None:
    for source in node.all_input_nodes:
        with node.graph.inserting_before(node):
            node.replace_input_with(source, node.graph.call_method("to", (source, precision)))


def refused(network: fx.GraphModule, precision: torch.dtype, inputs: Sequence[Tensor]) -> list[str]:
    """The paths of the modules that PyTorch cannot run in a precision: LRN in bfloat16 on a CPU."""
    import torch
    from torch import fx

    found: list[str] = []

    class Trial(fx.Interpreter):
        def call_module(self, target: object, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
            path = str(target)
            try:
                deepcopy(network.get_submodule(path)).to(precision)(*[one.to(precision) for one in args])
            except (NotImplementedError, RuntimeError):
                found.append(path)
            return super().call_module(path, args, kwargs)

    with torch.no_grad():
        Trial(network).run(*inputs)
    return list(dict.fromkeys(found))
