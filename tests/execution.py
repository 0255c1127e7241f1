"""Runs a network on PyTorch node by node, in any order, and counts what is alive: what measures are held against."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import torch
from torch import Tensor, nn
from torch.multiprocessing.reductions import StorageWeakRef

from netdsl.graph.node import ShapedGraph


class Execution:
    """The layers of inference as modules with random weights; with `until`, those before and including a node."""

    def __init__(self, shaped: ShapedGraph, *, until: int | None = None, dtype: torch.dtype = torch.float32) -> None:
        self.shaped, self.dtype = shaped, dtype
        nodes = shaped.nodes[: None if until is None else until + 1]
        self.nodes = [index for index, node in enumerate(nodes) if not node.training]
        self.modules: dict[str, nn.Module] = {}
        torch.manual_seed(0)
        for index in self.nodes:
            node = shaped.nodes[index]
            if node.inputs and node.owner not in self.modules:
                self.modules[node.owner] = node.layer.lower(*shaped.input_shapes(index)).eval().to(dtype)

    def inputs(self, batch: int = 1) -> dict[int, Tensor]:
        """Random values for each INPUT."""
        found: dict[int, Tensor] = {}
        for index in self.shaped.graph.inputs:
            shape = self.shaped.shapes[index]
            found[index] = torch.randn(batch, shape.channels, *shape.spatial, dtype=self.dtype)
        return found

    def values(self, inputs: dict[int, Tensor]) -> dict[int, Tensor]:
        """What every node gives."""
        values = dict(inputs)
        for index in self.nodes:
            if index not in values:
                node = self.shaped.nodes[index]
                values[index] = self.modules[node.owner](*[values[source] for source in node.inputs])
        return values

    @torch.no_grad()
    def usage(
        self, inputs: dict[int, Tensor], order: Sequence[int], *, inplace: bool
    ) -> tuple[dict[int, int], list[Tensor]]:
        """The bytes of the tensors that are there when a node has run, and the outputs.

        A tensor is let go when the last that reads it has run, and a storage counts until PyTorch frees it. With
        `inplace` a layer that may writes into its input where no tensor that is still needed lies in it too.
        """
        nodes, outputs = self.shaped.nodes, self.shaped.graph.outputs
        held = dict(inputs)
        inputs.clear()
        storages = {StorageWeakRef(one.untyped_storage()): one.untyped_storage().nbytes() for one in held.values()}
        found: dict[int, int] = {}
        for step, index in enumerate(order):
            later = {source for other in order[step + 1 :] for source in nodes[other].inputs} | set(outputs)
            if nodes[index].inputs:
                held[index] = self._run(index, held, later, inplace)
                storage = held[index].untyped_storage()
                storages[StorageWeakRef(storage)] = storage.nbytes()
                del storage
            found[index] = sum(size for reference, size in storages.items() if not reference.expired())
            waiting = later | set(self.shaped.graph.inputs) - set(order[:step])
            for source in [source for source in held if source not in waiting]:
                del held[source]
            storages = {reference: size for reference, size in storages.items() if not reference.expired()}
        return found, [held[index] for index in outputs]

    def _run(self, index: int, held: dict[int, Tensor], later: Iterable[int], inplace: bool) -> Tensor:
        node = self.shaped.nodes[index]
        given = [held[source] for source in node.inputs]
        out: Tensor = self.modules[node.owner](*given)
        layer = node.layer
        gaps = not out.is_contiguous() or out.untyped_storage().nbytes() > out.nbytes
        if gaps and not layer.view:  # what some kernels of PyTorch make of LN and DECONV
            out = out.clone(memory_format=torch.contiguous_format)
        if not (inplace and layer.inplace and not layer.view):
            return out
        target = given[0].untyped_storage()
        needed = any(held[one].untyped_storage().data_ptr() == target.data_ptr() for one in later if one in held)
        if needed or target.nbytes() != out.untyped_storage().nbytes():
            return out
        return given[0].copy_(out)
