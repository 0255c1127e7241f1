"""What of a graph is lowered, what it is called in torch, and where it runs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import torch

from netdsl.compile import heads, names
from netdsl.compile.errors import DeviceCountError, UnknownDeviceError
from netdsl.graph.node import Graph, Node, ShapedGraph


@dataclass(frozen=True)
class Plan:
    """A graph, for inference or for training, with the devices that `bind` gives.

    Inference does without dropout, and without what training outputs alone need. With `logits`, outputs are what their
    last SOFTMAX, LOGSOFTMAX or SIGMOID reads.
    """

    shaped: ShapedGraph
    train: bool
    devices: Mapping[int, torch.device] = field(default_factory=dict[int, torch.device])
    logits: bool = False

    @cached_property
    def kept(self) -> Sequence[int]:
        """The indices of the nodes that are needed."""
        nodes = self.shaped.nodes
        return [index for index, node in enumerate(nodes) if self.train or not node.training]

    @cached_property
    def outputs(self) -> Sequence[int]:
        """The indices of what is returned, in order."""
        graph = self.shaped.graph
        return (*graph.outputs, *graph.training_outputs) if self.train else graph.outputs

    @cached_property
    def heads(self) -> Mapping[int, heads.Head]:
        """The head of each output that is given as logits."""
        found = {index: heads.of(self.shaped, index) for index in self.outputs} if self.logits else {}
        return {index: head for index, head in found.items() if head}

    @cached_property
    def called(self) -> Sequence[int]:
        """The indices of the nodes that are called: all that are kept but heads which nothing else reads."""
        if not self.heads:
            return self.kept
        left = [index for index in self.outputs if index not in self.heads]
        for head in self.heads.values():
            left += [head.source, *(other for move in head.moves for other in self.shaped.nodes[move].inputs[1:])]
        found = set(self.inputs)
        while left:
            found.add(index := left.pop())
            left += [source for source in self.shaped.nodes[index].inputs if source not in found]
        return sorted(found)

    @cached_property
    def inputs(self) -> Sequence[int]:
        """The indices of the INPUT nodes that are needed, in order."""
        kept = set(self.kept)
        return [index for index in self.shaped.graph.inputs if index in kept]

    def identity(self, node: Node) -> bool:
        """Whether a node gives what it takes, so that it needs no module."""
        return node.layer.training_only and not self.train

    @cached_property
    def owners(self) -> Mapping[str, int]:
        """The nodes that have a module of their own, by its path: of those that share one, the first."""
        found: dict[str, int] = {}
        for index in sorted({*self.called, *(move for head in self.heads.values() for move in head.moves)}):
            node = self.shaped.nodes[index]
            if node.inputs and not self.identity(node):
                found.setdefault(self.modules[node.owner], index)
        return found

    def device(self, node: Node) -> torch.device | None:
        """Where a node runs: beside its weights; None where devices are not bound."""
        if not self.devices:
            return None
        owner = self.owners.get(self.modules[node.owner])
        return self.devices[node.device if owner is None else self.shaped.nodes[owner].device]

    @cached_property
    def modules(self) -> Mapping[str, str]:
        """The path in the module tree of each path that may own a module, the same with and without training."""
        nodes = self.shaped.nodes
        return names.modules(dict.fromkeys(path for node in nodes for path in (node.path, node.owner)))

    @cached_property
    def arguments(self) -> Mapping[int, str]:
        """The argument of `forward` for each INPUT."""
        return self._called(self.shaped.graph.inputs, names.arguments)

    @cached_property
    def fields(self) -> Mapping[int, str]:
        """The field of the NamedTuple for each output."""
        graph = self.shaped.graph
        indices = (*graph.outputs, *graph.training_outputs)
        called = names.modules(map(graph.output_name, indices))
        return dict(zip(indices, names.fields(called.values()), strict=True))

    def variable(self, index: int) -> str:
        """What the code of `forward` calls a node's value, give or take a number."""
        name = self.modules[self.shaped.nodes[index].path].replace(".", "_").lstrip("_")
        return "self_" if name == "self" else name or "value"

    @cached_property
    def unused(self) -> Sequence[str]:
        """The paths of modules that are left out."""
        return [path for node in self.shaped.nodes if (path := self.modules[node.owner]) not in self.owners]

    def dims(self, indices: Sequence[int]) -> Mapping[str, Sequence[int]]:
        """The dims of inputs or outputs by name: spatial sizes first, channels last."""
        return {self.shaped.graph.output_name(index): self.shaped.shapes[index].dims for index in indices}

    def _called(self, indices: Sequence[int], call: Callable[[Sequence[str]], Sequence[str]]) -> Mapping[int, str]:
        paths = [self.modules[self.shaped.nodes[index].path] for index in indices]
        return dict(zip(indices, call(paths), strict=True))


def bind(given: Sequence[str], graph: Graph) -> Mapping[int, torch.device]:
    """The device for each logical one that is used, in their order; none for no names: all runs wherever it is put.

    Raises UnknownDeviceError, and DeviceCountError where there are not as many names as the graph uses devices.
    """
    if not given:
        return {}
    used = sorted({node.device for node in graph.nodes})
    if len(used) != len(given):
        raise DeviceCountError(given, len(used))
    return {number: device_named(name) for number, name in zip(used, given, strict=True)}


def device_named(name: str) -> torch.device:
    """The device of a name. Raises UnknownDeviceError for one that is not here."""
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise UnknownDeviceError(name, "there is no such device") from error
    if device.type == "cuda" and not torch.cuda.is_available():
        raise UnknownDeviceError(name, "there is no GPU that PyTorch can use")
    try:
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError, ImportError) as error:  # whatever a backend says that is not there
        raise UnknownDeviceError(name, str(error).partition("\n")[0].partition(". ")[0]) from error
    if device.type == "meta":
        raise UnknownDeviceError(name, "it holds no data")
    return device
