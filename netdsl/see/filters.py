"""The kernels of a layer, as the pictures that they are."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import torch

from netdsl.layers.conv import Convolving
from netdsl.layers.dense import FullyConnected
from netdsl.see.errors import SeeError
from netdsl.see.pictures import Pictures, prepared
from netdsl.see.subject import Subject
from netdsl.text.shown import Line

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True, repr=False, eq=False)
class Filters(Line):
    """The kernels of a layer, filters x inputs x height x width; NaN where a filter does not read an input.

    With `colour` the three inputs are red, green and blue. `picture` is one as the network takes it, from 0 to 1, and
    `maps` are what the filters make of it, filters x height x width, where one was given.
    """

    title: str
    path: str
    kernels: NDArray[np.float32]
    colour: bool
    picture: NDArray[np.float32] | None = None
    maps: NDArray[np.float32] | None = None

    @property
    def about(self) -> str:
        """Its line."""
        return f"{self.path}: {' x '.join(map(str, self.kernels.shape))}"


def filters(subject: Subject, layer: str | None = None, shown: Pictures | None = None) -> Filters:
    """The kernels of a layer, by default of the first that has some, and what they make of a picture.

    A fully connected layer that reads a map has kernels as large as that. Raises SeeError for a layer that has none.
    """
    shaped = subject.shaped
    index = _first(subject) if layer is None else subject.layer(layer)
    node = shaped.nodes[index]
    if not _has_kernels(subject, index):
        help = f"take a convolution over a map, such as {shaped.nodes[_first(subject)].path}"
        raise SeeError(f"{node.layer.keyword} at {node.path} has no kernels that are pictures", help)
    (x,) = shaped.input_shapes(index)
    module: Any = subject.module_of(node)
    weight = module.weight.detach().cpu().float()
    kernels = weight.reshape(len(weight), x.channels, *x.spatial) if isinstance(node.layer, FullyConnected) else weight
    if (mask := getattr(module, "mask", None)) is not None:
        kernels = torch.where(mask.expand_as(kernels) > 0, kernels, torch.nan)
    colour = kernels.shape[1] == 3 and not shaped.nodes[node.inputs[0]].inputs
    found = Filters(shaped.graph.title, node.path, kernels.numpy(), colour)
    if shown is None:
        return found
    if len(shown) != 1:
        raise SeeError(f"filters are shown beside one picture, and not {len(shown)}", "name one")
    if not shaped.shapes[index].rank:
        raise SeeError(f"{node.path} makes a vector of a picture, and no maps", "leave the picture out")
    x = prepared(subject, shown, [0])
    return replace(found, picture=subject.shown(x[0]).numpy(), maps=subject.values(x, index)[index][0].numpy())


def _has_kernels(subject: Subject, index: int) -> bool:
    layer, inputs = subject.shaped.nodes[index].layer, subject.shaped.input_shapes(index)
    return isinstance(layer, Convolving | FullyConnected) and inputs[0].rank == 2


def _first(subject: Subject) -> int:
    """The first layer that has kernels. Raises SeeError where there is none."""
    for index in subject.plan.kept:
        if _has_kernels(subject, index):
            return index
    raise SeeError(f"{subject.shaped.graph.title} has no layer with kernels over a map")
