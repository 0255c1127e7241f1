"""A network with its weights, which is looked at: the values of its layers for some pictures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor, nn

from netdsl.compile import heads, meaning
from netdsl.compile.plan import Plan
from netdsl.graph.node import Node, ShapedGraph
from netdsl.layers.activation import Sigmoid
from netdsl.runtime.preparation import Preparation, each_channel
from netdsl.see.errors import SeeError
from netdsl.text.suggest import did_you_mean

_BYTES = 2**29
"""What the values of the examples that run at once may take."""
_MOST = 256
"""Examples that run at once at most."""
_TINY = 1e-12
"""What keeps probabilities off 0 and 1, where there are no scores that they were made of."""


@dataclass(frozen=True)
class Subject:
    """A network in inference, what its pictures are prepared by, and what its classes are called, where that is known.

    `module` is what `netdsl.compile.module` makes of the shaped graph for inference.
    """

    shaped: ShapedGraph
    module: nn.Module
    preparation: Preparation
    classes: tuple[str, ...] = ()
    inverted: bool = False
    """Whether pictures are taken as their negatives."""

    @cached_property
    def plan(self) -> Plan:
        """What each node is called in the module."""
        return Plan(self.shaped, train=False)

    @cached_property
    def input(self) -> int:
        """The INPUT node. Raises SeeError where no picture fits the network."""
        inputs = self.shaped.graph.inputs
        shapes = [self.shaped.shapes[index] for index in inputs]
        if len(inputs) == 1 and shapes[0].rank == 2 and shapes[0].channels in (1, 3):
            return inputs[0]
        found = f"{shapes[0]}" if len(inputs) == 1 else f"{len(inputs)} inputs"
        raise SeeError(
            f"{self.shaped.graph.title} takes {found}, and not a picture",
            "one input of height x width and 3 channels, or 1, takes pictures",
        )

    @property
    def dims(self) -> tuple[int, ...]:
        """Height, width and channels of a picture as the network takes it. Raises SeeError as `input` does."""
        return self.shaped.shapes[self.input].dims

    @property
    def output(self) -> int:
        """The output that classifies: the first."""
        return self.shaped.graph.outputs[0]

    def layer(self, path: str) -> int:
        """The node that a path stands for, which inference needs. Raises SeeError."""
        graph = self.shaped.graph
        index = graph.find(path)
        if index is None:
            help = did_you_mean(path, graph.names) or "netdsl summary lists the layers"
            raise SeeError(f"{graph.title} has no layer {path}", help)
        if graph.nodes[index].training:
            raise SeeError(f"{path} is there in training alone")
        return index

    def module_of(self, node: Node) -> nn.Module:
        """The module of a node."""
        return self.module.get_submodule(self.plan.modules[node.owner])

    def before(self, target: int) -> Sequence[int]:
        """The nodes that a node follows from, in order, and itself."""
        needed = {target}
        for index in range(target, -1, -1):
            if index in needed:
                needed.update(self.shaped.nodes[index].inputs)
        return sorted(needed)

    def values(self, pictures: Tensor, target: int, *, keep: bool = False) -> dict[int, Tensor]:
        """The value of a node for a batch of prepared pictures; with `keep` those of all that it follows from too."""
        nodes, needed = self.shaped.nodes, self.before(target)
        last = {source: index for index in needed for source in nodes[index].inputs}
        found: dict[int, Tensor] = {}
        with torch.no_grad():
            for index in needed:
                node = nodes[index]
                if not node.inputs:
                    found[index] = pictures
                elif self.plan.identity(node):
                    found[index] = found[node.inputs[0]]
                else:
                    found[index] = self.module_of(node)(*[found[source] for source in node.inputs])
                for source in dict.fromkeys(node.inputs):
                    if not keep and last[source] == index:
                        del found[source]
        return found

    def batch(self, target: int, times: int = 1) -> int:
        """How many examples may run at once, if so many times the values of the layers before a node are kept."""
        each = 4 * times * sum(self.shaped.shapes[index].elements for index in self.before(target))
        return max(1, min(_MOST, _BYTES // each))

    def probabilities(self, pictures: Tensor) -> Tensor:
        """How likely each class is, N x classes; the mean of a map, and of one unit that tells two: no, yes."""
        scores, exclusive = self._scores(pictures)
        return (scores.softmax(1) if exclusive else scores.sigmoid()).mean(2)

    def odds(self, pictures: Tensor, number: int) -> Tensor:
        """The log-odds of a class, log p/(1 - p), N, which tell apart what as probabilities would be 1."""
        scores, exclusive = self._scores(pictures)
        own = scores[:, number]
        if exclusive:
            others = [one for one in range(scores.shape[1]) if one != number]
            own = own - scores[:, others].logsumexp(1)
        return own[:, 0] if own.shape[1] == 1 else own.sigmoid().mean(1).logit(_TINY)

    def _scores(self, pictures: Tensor) -> tuple[Tensor, bool]:
        """Scores of the classes, N x classes x places, and whether probabilities are their softmax, or the sigmoid."""
        head = heads.of(self.shaped, self.output)
        at = self.output if head is None else head.source
        values = self.values(pictures, at)[at].double()
        values = values.reshape(*values.shape[:2], -1)
        kind = "scores" if head is not None else meaning.of(self.shaped, self.output)
        exclusive = not isinstance(head.layer, Sigmoid) if head is not None else kind != "independent"
        if kind == "probabilities":
            values = values.clamp_min(_TINY).log()
        elif kind == "independent":
            values = values.logit(_TINY)
        elif kind == "distances":
            values = -values
        return (torch.cat([-values, values], 1), False) if values.shape[1] == 1 else (values, exclusive)

    def shown(self, prepared: Tensor) -> Tensor:
        """A prepared picture with values from 0 to 1 again, channels x height x width."""
        return (prepared * self._each(self.preparation.std) + self._each(self.preparation.mean)).clamp(0, 1)

    @property
    def grey(self) -> Tensor:
        """What stands for nothing in a prepared picture: the mean that it is normalised by, else a half."""
        mean, std = self._each(self.preparation.mean), self._each(self.preparation.std)
        return torch.zeros_like(mean) if mean.any() else (0.5 - mean) / std

    def _each(self, values: Sequence[float]) -> Tensor:
        """A value for each channel of a picture."""
        return torch.as_tensor(each_channel(values, self.dims[-1])).view(-1, 1, 1)

    def called(self, number: int) -> str:
        """What a class is called."""
        return self.classes[number] if self.classes else f"class {number}"

    def number(self, name: str) -> int:
        """The class of a name, or of a number from 0. Raises SeeError."""
        count = max(2, self.shaped.shapes[self.output].channels)
        if name in self.classes:
            return self.classes.index(name)
        if name.isascii() and name.isdigit() and int(name) < count:
            return int(name)
        help = did_you_mean(name, self.classes) or f"a number from 0 to {count - 1}" + (
            " or a class by its name" if self.classes else ""
        )
        raise SeeError(f"there is no class {name}", help)
