"""An optimised network with the modules, the precision and the memory format of a target."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import torch
from torch import fx, nn

from netdsl.compile import fuse
from netdsl.compile.errors import TargetDeviceError, TargetError
from netdsl.compile.plan import Plan
from netdsl.compile.target import Target
from netdsl.compile.targets import inside
from netdsl.compile.targets.cpu import Cpu, overwrite
from netdsl.compile.targets.cuda import Cuda
from netdsl.graph.node import ShapedGraph
from netdsl.optimize.fused import product
from netdsl.runtime import private

DTYPES: Mapping[str, torch.dtype] = {
    "fp32": torch.float32,
    "tf32": torch.float32,
    "bf16": torch.bfloat16,
    "fp16": torch.float16,
}


def require(target: Target) -> None:
    """Raise TargetError where PyTorch lacks what files for a target are made of."""
    if target.name == "cpu" and not torch.backends.mkldnn.is_available():
        raise TargetError(target.name, "oneDNN")


def lacking(target: Target) -> Sequence[str]:
    """A sentence on what a file for a target is made without, since PyTorch has it no more; none if it has all."""
    instead = f"the file for --target {target.name} has plain modules, which are slower"
    said = private.lacking(private.TARGETS.get(target.name, ()), instead)
    return [said] if said else []


def bound(target: Target, devices: Iterable[torch.device]) -> None:
    """Raise TargetDeviceError where a device is none that files for a target are for."""
    for device in devices:
        if not target.portable and device.type != target.name:
            raise TargetDeviceError(target.name, str(device))


def lower(plan: Plan, optimized: ShapedGraph, modules: nn.Module, target: Target) -> fx.GraphModule:
    """The network of an optimised graph for a target that is not portable, as netdsl.compile.fuse.lower gives it.

    It takes and gives N x channels x spatial float32.
    """
    precision = DTYPES[target.precision]
    cpu = target.name == "cpu"
    maker = Cpu(precision, target.batch) if cpu else Cuda(precision, tf32=target.precision == "tf32")
    network = fuse.lower(plan, optimized, modules, maker)
    after = Plan(optimized, train=False, devices=plan.devices)
    nodes = {path: (optimized.nodes[index], optimized.input_shapes(index)) for path, index in after.owners.items()}
    products = [path for path, (node, inputs) in nodes.items() if product(node, *inputs) is not None]
    inside.channels_last(network, {name: optimized.shapes[index].rank for index, name in after.arguments.items()})
    inside.contiguous(network)
    if precision != torch.float32:
        kept = [
            path
            for path, (_, inputs) in nodes.items()
            if cpu  # a GPU has all of PyTorch's modules in half precision
            and path not in products
            and not inside.runs(network.get_submodule(path), inputs, precision)
        ]
        inside.convert(network, precision, products, kept)
    if cpu:
        overwrite(network)
    return network
