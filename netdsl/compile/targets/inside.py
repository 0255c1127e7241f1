"""What is inside a file for a target: its precision and memory format. Plain float32 goes in and comes out."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import torch
from torch import fx, nn
from torch.func import functional_call

from netdsl.layers.shape import Shape

_FORMATS = {2: torch.channels_last, 3: torch.channels_last_3d}


def channels_last(network: fx.GraphModule, ranks: Mapping[str, int]) -> None:
    """Let images be channels-last in memory; changed in place. `ranks` has the spatial axes of arguments."""
    for node in list(network.graph.nodes):
        if node.op == "placeholder" and (form := _FORMATS.get(ranks.get(str(node.target), 0))):
            readers = list(node.users)
            with network.graph.inserting_after(node):
                made = network.graph.call_method("contiguous", (node,), {"memory_format": form})
            for reader in readers:
                reader.replace_input_with(node, made)
    network.recompile()


def contiguous(network: fx.GraphModule) -> None:
    """Let outputs be contiguous in memory; changed in place."""
    reader, values = _outputs(network)
    for value in values:
        with network.graph.inserting_before(reader):
            reader.replace_input_with(value, network.graph.call_method("contiguous", (value,)))
    network.recompile()


def convert(network: fx.GraphModule, precision: torch.dtype, products: Collection[str], kept: Collection[str]) -> None:
    """Compute in a precision from the first product to the last on each way through; changed in place.

    What comes before them all or after (NORMALIZE, SOFTMAX), and the modules at the paths in `kept`, stay in float32.
    """
    lower = _between(network, products, kept)
    for path in {str(node.target) for node in lower}:
        network.get_submodule(path).to(precision)
    made: dict[tuple[fx.Node, torch.dtype], fx.Node] = {}
    reader, _ = _outputs(network)
    for node in list(network.graph.nodes):
        if node.op == "output" and node is not reader:  # it returns the tuple of the outputs
            continue
        for value in node.all_input_nodes:
            if (value in lower) == (node in lower):
                continue
            wanted = precision if node in lower else torch.float32
            if (value, wanted) not in made:
                with network.graph.inserting_after(value):
                    made[value, wanted] = network.graph.call_method("to", (value, wanted))
            node.replace_input_with(value, made[value, wanted])
    network.recompile()


def runs(module: nn.Module, inputs: Sequence[Shape], precision: torch.dtype, device: str = "cpu") -> bool:
    """Whether PyTorch can run a module in a precision: it has no pooling of some kinds in some."""
    try:
        with torch.no_grad():
            tensors = {name: tensor.to(precision) for name, tensor in module.state_dict().items()}
            zeros = [torch.zeros(1, one.channels, *one.spatial, dtype=precision, device=device) for one in inputs]
            functional_call(module, tensors, tuple(zeros))
    except (NotImplementedError, RuntimeError):
        return False
    return True


def _outputs(network: fx.GraphModule) -> tuple[fx.Node, Sequence[fx.Node]]:
    """The node that reads the outputs, and these."""
    reader = network.graph.output_node()
    (value,) = reader.all_input_nodes
    if value.op == "call_function":
        reader = value
    return reader, reader.all_input_nodes


def _between(network: fx.GraphModule, products: Collection[str], kept: Collection[str]) -> set[fx.Node]:
    """The calls of products, and of modules that one comes before and another follows; all of a module, or none."""
    nodes = list(network.graph.nodes)
    after, before = set[fx.Node](), set[fx.Node]()
    for node in nodes:
        if node.target in products or any(source in after for source in node.all_input_nodes):
            after.add(node)
    for node in reversed(nodes):
        if node.target in products or any(user in before for user in node.users):
            before.add(node)
    calls = [node for node in nodes if node.op == "call_module" and node.target not in kept]
    found = {node.target for node in calls if node in after and node in before}
    return {node for node in calls if node.target in found}
