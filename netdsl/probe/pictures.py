"""What networks are probed with: examples of data, or such as differ as photographs do, of any classes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from netdsl import data
from netdsl import recipe as recipes
from netdsl.bench.examples import examples
from netdsl.data import DataError
from netdsl.graph.node import ShapedGraph
from netdsl.layers.norm import Normalize, Plus, Times
from netdsl.train.batches import Batches, preparation

_MEAN, _DEVIATION = 0.45, 0.25
"""Of the values of photographs, from 0 to 1."""


def inputs(shaped: ShapedGraph, count: int, generator: torch.Generator) -> list[Tensor]:
    """A batch for each INPUT, of variance near 1, as data are that were normalised.

    Plain noise would be averaged away by pools, as photographs are not. A network that normalises by itself, with
    constants behind its INPUT, gets values from 0 to 1, or to 255 where its constants are of that size.
    """
    return [_input(shaped, index, count, generator) for index in shaped.graph.inputs]


def _input(shaped: ShapedGraph, index: int, count: int, generator: torch.Generator) -> Tensor:
    values = examples(count, shaped.shapes[index].dims, generator)
    constants: list[float] = []
    for layer in [shaped.nodes[reader].layer for reader in shaped.graph.readers[index]]:
        match layer:
            case Normalize():
                constants += map(float, (*layer.mean, *layer.std))
            case Times() if layer.factor:
                constants.append(abs(1 / float(layer.factor)))
            case Plus():
                constants.append(abs(float(layer.offset)))
            case _:
                return values
    return (_MEAN + _DEVIATION * values).clamp(0, 1) * (255 if max(constants) > 1 else 1)


def of_data(shaped: ShapedGraph, path: Path, count: int, seed: int) -> tuple[Tensor, Tensor]:
    """Some examples of the training part of data, prepared as in training, and their classes.

    Raises DataError where there are fewer than two, or the network takes others; and OSError.
    """
    found = data.read(path, seed=seed)
    data.check(found, shaped)
    if len(found.train) < 2:
        raise DataError(path, "has one example, and a signal is what several differ by")
    dims = shaped.shapes[shaped.graph.inputs[0]].dims
    recipe, _ = recipes.of(shaped, None)
    some = found.train.some(np.random.default_rng(seed).permutation(len(found.train))[:count])
    return next(Batches(some, dims, preparation(found, dims, recipe), batch=count).epoch(0, shuffle=False))


def targets(shaped: ShapedGraph, count: int, generator: torch.Generator) -> list[Tensor]:
    """Random classes for each output; for one of several places, a class for each."""
    found: list[Tensor] = []
    for shape in [shaped.shapes[index] for index in shaped.graph.outputs]:
        places = shape.spatial if shape.positions > 1 else ()
        found.append(torch.randint(max(shape.channels, 2), (count, *places), generator=generator))
    return found
