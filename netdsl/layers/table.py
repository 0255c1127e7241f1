"""The table of layers: those of netdsl, and those that installed packages bring.

A package joins with an entry point in the group `netdsl.layers`, whose name is the layer's keyword:

    [project.entry-points."netdsl.layers"]
    SWISH = "my_package.layers:Swish"
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from netdsl.layers import (
    activation,
    attention,
    channels,
    conv,
    deconv,
    dense,
    dropout,
    merge,
    norm,
    pool,
    recurrent,
    reshape,
    resize,
    sequence,
    source,
)
from netdsl.layers.base import Layer

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

GROUP = "netdsl.layers"


class BrokenPackage(Exception):
    """A package claims a keyword, but its layer cannot be had; the text says why."""


_BUILT_IN: tuple[type[Layer], ...] = (
    source.Input,
    conv.Conv,
    conv.DepthwiseConv,
    deconv.Deconv,
    dense.FullyConnected,
    attention.Attention,
    pool.MaxPool,
    pool.AveragePool,
    norm.LocalResponse,
    norm.BatchNorm,
    norm.GroupNorm,
    norm.LayerNorm,
    norm.InstanceNorm,
    activation.Relu,
    activation.Relu6,
    activation.LeakyRelu,
    activation.ParametricRelu,
    activation.Elu,
    activation.Selu,
    activation.Gelu,
    activation.Silu,
    activation.Mish,
    activation.HardSwish,
    activation.HardSigmoid,
    activation.Sigmoid,
    activation.Tanh,
    activation.Softplus,
    activation.Absolute,
    activation.Softmax,
    activation.LogSoftmax,
    dropout.Dropout,
    dropout.DropPath,
    norm.Scale,
    dense.RadialBasis,
    norm.Normalize,
    norm.Times,
    norm.Plus,
    reshape.Flatten,
    reshape.Reshape,
    reshape.Pad,
    reshape.Crop,
    resize.Upsample,
    resize.PixelShuffle,
    resize.PixelUnshuffle,
    channels.Slice,
    channels.Shuffle,
    sequence.Token,
    sequence.Positions,
    sequence.Pick,
    recurrent.LongShortTermMemory,
    recurrent.GatedRecurrentUnits,
    merge.Concat,
    merge.Add,
    merge.Subtract,
    merge.Multiply,
    merge.Mean,
    merge.Maximum,
    source.Skip,
)

_TABLE = {keyword: layer for layer in _BUILT_IN for keyword in (layer.keyword, *layer.aliases)}


@cache
def _entry_points() -> dict[str, object]:
    from importlib.metadata import entry_points

    return {entry.name: entry for entry in entry_points(group=GROUP)}


def find(keyword: str) -> type[Layer] | None:
    """The layer of a keyword, or None. Packages are asked only where netdsl has none itself.

    Raises BrokenPackage where a package's entry point cannot be loaded or gives no layer.
    """
    found = _TABLE.get(keyword) or _loaded(keyword)
    if isinstance(found, str):
        raise BrokenPackage(found)
    return found


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
