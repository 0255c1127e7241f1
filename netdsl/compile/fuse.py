"""Lowering an optimised graph: fused layers get weights that are worked out from those of their parts."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Sequence
from math import prod
from typing import Protocol, TypeAlias, cast

import torch
from torch import Tensor, fx, nn

from netdsl.compile import initial
from netdsl.compile.lower import program
from netdsl.compile.plan import Plan
from netdsl.compile.random import Filling
from netdsl.graph.node import ShapedGraph
from netdsl.layers.modules.conv import connected
from netdsl.layers.shape import Shape
from netdsl.optimize.fused import Fused, Part, product

Weights: TypeAlias = tuple[Tensor, Tensor | None]
"""A weight and a bias, shaped as the layer's `weights` says."""
_Made: TypeAlias = tuple[Part, nn.Module]


class _Product(Protocol):
    """A convolution or a linear layer of torch."""

    weight: Tensor
    bias: Tensor | None


class Maker(Protocol):
    """Makes the modules of a target, for the shapes that they take: each is called with one tensor for each shape."""

    def product(self, layer: Fused, inputs: Sequence[Shape], weights: Weights) -> nn.Module:
        """The module of a product, bare or fused."""
        ...

    def other(self, module: nn.Module, inputs: Sequence[Shape]) -> nn.Module:
        """The module to take for PyTorch's, of a layer that is no product."""
        ...


def plain(layer: Fused, inputs: Sequence[Shape], weights: Weights) -> nn.Module:
    """The module of a fused layer as PyTorch's modules, which run anywhere."""
    with Filling(blank=True):
        module = layer.lower(*inputs)
    base = module if layer.bare else module.get_submodule("base")
    for name, tensor in zip(("weight", "bias"), weights, strict=True):
        if tensor is not None:
            setattr(base, name, nn.Parameter(tensor, requires_grad=False))
    return module


def lower(plan: Plan, optimized: ShapedGraph, modules: nn.Module, maker: Maker | None = None) -> fx.GraphModule:
    """The network of an optimised graph for inference, with the weights of the network that the graph was made of.

    `plan` is of that network as it was written, and `modules` has its modules by their paths. Fused layers have weights
    of the same type, worked out in float64. All are PyTorch's modules where no `maker` makes others.
    """
    after = Plan(optimized, train=False, devices=plan.devices)
    written = {node.path: (node.layer, len(node.inputs)) for node in plan.shaped.nodes}

    def module(owner: str) -> nn.Module:
        return modules.get_submodule(plan.modules[owner])

    like = _tensor([modules])
    root = nn.Module()
    for path, index in after.owners.items():
        node, inputs = optimized.nodes[index], optimized.input_shapes(index)
        layer = node.layer if isinstance(node.layer, Fused) else product(node, *inputs) if maker else None
        if isinstance(layer, Fused):
            make = plain if maker is None or layer.scales else maker.product
            made = make(layer, inputs, weights(layer, inputs[0], module, like))
        else:
            # one that a pass has put there, or given other inputs, has no weights
            kept = written.get(node.owner) == (node.layer, len(inputs))
            made = module(node.owner) if kept else node.layer.lower(*inputs)
            made = made if maker is None else maker.other(made, inputs)
        initial.place(root, path, made)
    return fx.GraphModule(root, program(after), "Network").train(False)


@torch.no_grad()
def weights(layer: Fused, x: Shape, module: Callable[[str], nn.Module], like: Tensor) -> Weights:
    """The weight and the bias of a fused layer that takes x; `module` gives those of its parts, by their owners' paths.

    A product that is as it was keeps its tensors. All else is worked out in float64, and rounded once to their type,
    or to that of `like` where constants alone are fused, which have none.
    """
    dims = {weight.name: weight.dims for weight in layer.weights(x)}
    chains = [[(part, module(part.owner)) for part in chain] for chain in layer.chains]
    (_, first), tensor = chains[0][0], _tensor([made for _, made in chains[0]], like)
    if len(chains) == 1 == len(chains[0]) and tensor.numel() == prod(dims["weight"]) and _mask(first) is None:
        only = cast("_Product", first)
        return only.weight.reshape(dims["weight"]), only.bias
    if layer.scales:
        weight, bias = _scaling(chains[0], x.channels, tensor.device)
    else:
        folded = [_folded(chain, matrix=layer.base.role == "dense") for chain in chains]
        (weight, bias), *others = folded
        if others:
            weight = torch.cat([one for one, _ in folded], 1)  # which have one group
            bias = torch.cat([one for _, one in folded])
        if any(getattr(made, "transposed", False) for _, made in chains[0]):
            weight = weight.transpose(1, 2)
    weight, bias = weight.reshape(dims["weight"]).to(tensor.dtype).contiguous(), bias.to(tensor.dtype)
    return weight, bias if "bias" in dims else None


def _tensor(modules: Iterable[nn.Module], default: Tensor | None = None) -> Tensor:
    """The first tensor of some modules, for the type and the device of what is made of them."""
    tensors = (tensor for made in modules for tensor in (*made.parameters(), *made.buffers()))
    found = next((tensor for tensor in tensors if tensor.is_floating_point()), default)
    return torch.empty(0) if found is None else found


def _folded(chain: Sequence[_Made], *, matrix: bool) -> tuple[Tensor, Tensor]:
    """The weight of a chain as groups x filters x channels x kernel, and its bias, in float64.

    For a matrix the kernel is cut to the cells that meet the map where they do not meet padding, and given as one axis.
    Views may stand between the layers before a matrix: each scales the channels of the shape that it takes itself.
    """
    at = next(
        position for position, (part, _) in enumerate(chain) if part.layer.algebra(*part.inputs).channelwise is None
    )
    part, made = chain[at]
    weight, bias = _product(part, made)
    windows = part.layer.windows(*part.inputs)
    if matrix and windows != "all":
        for axis, (size, window) in enumerate(zip(part.inputs[0].spatial, windows, strict=True)):
            weight = weight.narrow(3 + axis, window.before, size)
    groups, filters = weight.shape[:2]
    for scale in reversed(chain[:at]):
        x = scale[0].inputs[0]
        if matrix:
            weight = weight.reshape(1, filters, x.channels, *x.spatial)
        factor, offset = _scaling([scale], x.channels, weight.device)
        read = (groups, 1, weight.size(2), *[1] * (weight.ndim - 3))
        bias = bias + (weight * offset.reshape(read)).flatten(2).sum(2).flatten()
        weight = weight * factor.reshape(read)
    if chain[at + 1 :]:
        factor, offset = _scaling(chain[at + 1 :], groups * filters, weight.device)
        weight = weight * factor.reshape(groups, filters, *[1] * (weight.ndim - 2))
        bias = bias * factor + offset
    return weight.flatten(2) if matrix else weight, bias


def _product(part: Part, made: nn.Module) -> tuple[Tensor, Tensor]:
    """The weight of one layer as groups x filters x channels x kernel, and its bias, in float64."""
    product = cast("_Product", made)
    (x,) = part.inputs
    weight = connected(product.weight, _mask(made)).double()
    groups: int = getattr(made, "groups", 1)
    kernel = weight.shape[2:] or x.spatial
    if getattr(made, "transposed", False):
        weight = weight.reshape(groups, x.channels // groups, -1, *kernel).transpose(1, 2)
    else:
        weight = weight.reshape(groups, -1, x.channels // groups, *kernel)
    filters = weight.size(0) * weight.size(1)
    return weight, torch.zeros(filters).to(weight) if product.bias is None else product.bias.double()


def _scaling(chain: Sequence[_Made], channels: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """The factor and the offset of each channel that layers which scale make together, in float64."""
    factor = torch.ones(channels, dtype=torch.float64, device=device)
    offset = torch.zeros_like(factor)
    for part, made in chain:
        scale = copy.deepcopy(made).double().eval()
        zeros = torch.zeros(1, channels, *[1] * part.inputs[0].rank).to(factor)
        own = scale(zeros).flatten()
        gain = scale(zeros + 1).flatten() - own
        factor, offset = factor * gain, offset * gain + own
    return factor, offset


def _mask(made: object) -> Tensor | None:
    """The connections of a table, where a convolution has one."""
    return getattr(made, "mask", None)
