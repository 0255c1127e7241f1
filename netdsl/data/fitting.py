"""Whether data are what a network takes and gives."""

from __future__ import annotations

import numpy as np

from netdsl.data.part import Data, DataError, Rows, Stored
from netdsl.graph.node import ShapedGraph
from netdsl.layers.activation import HardSigmoid, Sigmoid
from netdsl.layers.shape import Shape


def check(data: Data, shaped: ShapedGraph) -> None:
    """Raise DataError where pictures or rows with classes are not what a network takes and gives."""
    graph = shaped.graph
    if len(graph.inputs) != 1:
        names = ", ".join(graph.nodes[index].path for index in graph.inputs)
        raise DataError(data.path, f"has one input an example, and {graph.title} has the inputs {names}")
    shape = shaped.shapes[graph.inputs[0]]
    if isinstance(data.train, Rows):
        _rows(data, data.train.width, shape, graph.title)
    else:
        _pictures(data, shape, graph.title)
    _answers(data, shaped)


def _rows(data: Data, width: int, shape: Shape, title: str) -> None:
    """Raise DataError where rows of numbers are not what an INPUT takes."""
    if shape.dims != (width,):
        help = f"INPUT {width} takes them"
        if shape.elements == width and shape.rank == 2:
            help = f"save x_train as N x {' x '.join(map(str, shape.spatial))}, pictures"
        raise DataError(data.path, f"has rows of {width} numbers, and the INPUT of {title} is {shape}", help)


def _pictures(data: Data, shape: Shape, title: str) -> None:
    """Raise DataError where pictures are not what an INPUT takes."""
    if shape.rank != 2:
        size = "28x28x1"
        if isinstance(data.train, Stored):
            size = "x".join(map(str, data.train.pictures.shape[1:]))
        help = f"INPUT {size} -> FLATTEN takes them as a row of numbers" if shape.rank == 0 else ""
        raise DataError(data.path, f"has pictures, and the INPUT of {title} is {shape}", help)
    if shape.channels not in (1, 3):
        reason = f"has pictures, grey or in colour, and the INPUT of {title} has {shape.channels} channels"
        raise DataError(data.path, reason)


def _answers(data: Data, shaped: ShapedGraph) -> None:
    """Raise DataError where a network does not give a value for each class."""
    graph, count = shaped.graph, len(data.classes)
    output = graph.outputs[0]
    name, shape = graph.output_name(output), shaped.shapes[output]
    if count < 2:
        raise DataError(data.path, "has 1 class, and nothing to tell it from", "add examples of another class")
    if shape.positions > 1:
        reason = f"has a class for each picture, and {name} of {graph.title} gives a map, {shape}"
        raise DataError(data.path, reason, "AVGPOOL global at its end makes one place of it")
    if count == 2 and shape.channels == 1 and isinstance(graph.nodes[output].layer, Sigmoid | HardSigmoid):
        return
    if shape.channels != count:
        params = [name for name, value in graph.params.items() if value == shape.channels]
        params.sort(key=lambda name: "class" not in name)
        help = f"--set {params[0]}={count}" if params else f"let {graph.title} end in {count} channels"
        classes = f"{count:,} classes{_beyond(data, shape.channels)}"
        raise DataError(data.path, f"has {classes}, and {name} of {graph.title} gives {shape.channels:,}", help)


def _beyond(data: Data, known: int) -> str:
    """An example whose label is beyond the classes that a network knows, where labels are numbers."""
    if data.classes != tuple(map(str, range(len(data.classes)))):
        return ""
    for part in filter(None, (data.train, data.validation, data.test)):
        for index in np.flatnonzero(part.labels >= known)[:1].tolist():
            return f" (the label of {part.name(index)} is {part.labels[index]})"
    return ""
