"""Weights of a network for one that was rewritten from it: the same numbers under the new paths, in the new shapes."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from torch import Tensor

from netdsl import files
from netdsl.compile import weights
from netdsl.compile.apart import apart
from netdsl.compile.origin import Origin, Remarks
from netdsl.compile.plan import Plan
from netdsl.graph.node import ShapedGraph


def converted(
    tensors: Mapping[str, Tensor], before: ShapedGraph, after: ShapedGraph, nodes: Mapping[int, int]
) -> dict[str, Tensor]:
    """The state dict of the network after, from that of the network before; `nodes` says what became of each node.

    A matrix of FC, units x inputs, is in its convolution units x channels x kernel: the inputs are channel-major in
    both. Raises KeyError where a tensor is of neither.
    """
    old, new = Plan(before, train=True).modules, Plan(after, train=True).modules
    became = {old[before.nodes[index].path]: now for index, now in nodes.items()}
    found: dict[str, Tensor] = {}
    for key, tensor in tensors.items():
        path = key.rpartition(".")[0]
        while path and path not in became:
            path = path.rpartition(".")[0]
        index, name = became[path], key[len(path) + 1 :]
        dims = {weight.name: weight.dims for weight in after.nodes[index].layer.weights(*after.input_shapes(index))}
        found[f"{new[after.nodes[index].path]}.{name}"] = tensor.reshape(dims[name]) if name in dims else tensor
    return found


@apart()
def convert(
    origin: Origin, target: Path, before: ShapedGraph, after: ShapedGraph, nodes: Mapping[int, int]
) -> tuple[int, Remarks]:
    """Read the weights of the network before, and write those of the network after as safetensors.

    Gives their number, and what there is to say of them. Raises CompileError where the file does not hold the network's
    tensors, OSError where a file cannot be had.
    """
    from safetensors.torch import save

    network, told = weights.filled(before, origin)
    found = converted(network.state_dict(), before, after, nodes)
    files.replace(target, save({name: tensor.contiguous() for name, tensor in found.items()}))
    return len(found), told
