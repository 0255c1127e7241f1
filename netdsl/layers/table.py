"""The table of layers: those of netdsl, and those that installed packages bring.

A package joins with an entry point in the group `netdsl.layers`, whose name is the layer's keyword:

    [project.entry-points."netdsl.layers"]
    SWISH = "my_package.layers:Swish"
"""

from __future__ import annotations

from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING

from netdsl.layers.base import Layer

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

GROUP = "netdsl.layers"


class BrokenPackage(Exception):
    """A package claims a keyword, but its layer cannot be had; the text says why."""


_TABLE = {
    "INPUT": "source.Input",
    "CONV": "conv.Conv",
    "DWCONV": "conv.DepthwiseConv",
    "DECONV": "deconv.Deconv",
    "FC": "dense.FullyConnected",
    "ATTENTION": "attention.Attention",
    "MAXPOOL": "pool.MaxPool",
    "AVGPOOL": "pool.AveragePool",
    "LRN": "norm.LocalResponse",
    "NORM": "norm.LocalResponse",
    "BN": "norm.BatchNorm",
    "GN": "norm.GroupNorm",
    "LN": "norm.LayerNorm",
    "IN": "norm.InstanceNorm",
    "RELU": "activation.Relu",
    "RELU6": "activation.Relu6",
    "LEAKYRELU": "activation.LeakyRelu",
    "PRELU": "activation.ParametricRelu",
    "ELU": "activation.Elu",
    "SELU": "activation.Selu",
    "GELU": "activation.Gelu",
    "SILU": "activation.Silu",
    "MISH": "activation.Mish",
    "HARDSWISH": "activation.HardSwish",
    "HARDSIGMOID": "activation.HardSigmoid",
    "SIGMOID": "activation.Sigmoid",
    "TANH": "activation.Tanh",
    "SOFTPLUS": "activation.Softplus",
    "ABS": "activation.Absolute",
    "SOFTMAX": "activation.Softmax",
    "LOGSOFTMAX": "activation.LogSoftmax",
    "DROPOUT": "dropout.Dropout",
    "DROPPATH": "dropout.DropPath",
    "SCALE": "norm.Scale",
    "RBF": "dense.RadialBasis",
    "NORMALIZE": "norm.Normalize",
    "TIMES": "norm.Times",
    "PLUS": "norm.Plus",
    "FLATTEN": "reshape.Flatten",
    "RESHAPE": "reshape.Reshape",
    "PAD": "reshape.Pad",
    "CROP": "reshape.Crop",
    "UPSAMPLE": "resize.Upsample",
    "PIXELSHUFFLE": "resize.PixelShuffle",
    "PIXELUNSHUFFLE": "resize.PixelUnshuffle",
    "SLICE": "channels.Slice",
    "SHUFFLE": "channels.Shuffle",
    "TOKEN": "sequence.Token",
    "POSITIONS": "sequence.Positions",
    "PICK": "sequence.Pick",
    "LSTM": "recurrent.LongShortTermMemory",
    "GRU": "recurrent.GatedRecurrentUnits",
    "CONCAT": "merge.Concat",
    "ADD": "merge.Add",
    "SUB": "merge.Subtract",
    "MUL": "merge.Multiply",
    "MEAN": "merge.Mean",
    "MAX": "merge.Maximum",
    "SKIP": "source.Skip",
}
"""Where the class of each keyword stands in this folder: only what a program names is read."""


@cache
def _entry_points() -> dict[str, object]:
    from importlib.metadata import entry_points

    return {entry.name: entry for entry in entry_points(group=GROUP)}


def find(keyword: str) -> type[Layer] | None:
    """The layer of a keyword, or None. Packages are asked only where netdsl has none itself.

    Raises BrokenPackage where a package's entry point cannot be loaded or gives no layer.
    """
    if place := _TABLE.get(keyword):
        return _read(place)
    found = _loaded(keyword)
    if isinstance(found, str):
        raise BrokenPackage(found)
    return found


@cache
def _read(place: str) -> type[Layer]:
    """The class at a place in this folder."""
    file, _, name = place.partition(".")
    return getattr(import_module(f"netdsl.layers.{file}"), name)


@cache
def _loaded(keyword: str) -> type[Layer] | str | None:
    """The layer of a package, or why it cannot be had, which is found out once."""
    from importlib.metadata import EntryPoint

    from netdsl.layers import guard

    entry = _entry_points().get(keyword)
    if not isinstance(entry, EntryPoint):
        return None
    package = f"{entry.dist.name} {entry.dist.version}" if entry.dist else entry.module
    try:
        layer = entry.load()
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # a package's code may fail in any way
        return f"{entry.value} of {package} cannot be loaded: {guard.told(error)}"
    if not (isinstance(layer, type) and issubclass(layer, Layer) and getattr(layer, "keyword", None) == keyword):
        return f"{entry.value} of {package} is no netdsl layer with the keyword {keyword}"
    try:
        return guard.guarded(layer, package, _again)
    except guard.BrokenLayer as error:
        return str(error)


def _again(keyword: str, values: Mapping[str, object]) -> Layer:
    """The layer of a package that was pickled, by its keyword and arguments, since its class has no name of its own."""
    from netdsl.layers import guard

    row = find(keyword)
    if row is None:
        raise guard.BrokenLayer(keyword, "a package", "it is not installed here")
    return row(**values)


def keywords() -> Iterable[str]:
    """Every keyword: netdsl's own in the order of the table, then the packages'."""
    return (*_TABLE, *(name for name in sorted(_entry_points()) if name not in _TABLE))
