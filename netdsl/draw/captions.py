"""What figures call layers and write in their boxes, and which have a box of their own."""

from __future__ import annotations

from netdsl.layers import guard
from netdsl.layers.arguments import Sizes, arguments_of, once, show
from netdsl.layers.attention import Attention
from netdsl.layers.base import Layer, per_axis
from netdsl.layers.conv import Convolving
from netdsl.layers.deconv import Deconv
from netdsl.layers.pool import Pooling
from netdsl.layers.recurrent import Recurrent
from netdsl.layers.rules import rule
from netdsl.layers.shape import Shape
from netdsl.layers.source import Input
from netdsl.layers.table import find

_TITLES = {
    "RELU": "ReLU",
    "RELU6": "ReLU6",
    "LEAKYRELU": "Leaky ReLU",
    "PRELU": "PReLU",
    "SELU": "SELU",
    "GELU": "GELU",
    "SILU": "SiLU",
    "HARDSWISH": "Hard swish",
    "HARDSIGMOID": "Hard sigmoid",
    "LOGSOFTMAX": "Log softmax",
    "DWCONV": "Depthwise conv",
    "LSTM": "LSTM",
    "MAXPOOL": "Pool",
    "AVGPOOL": "Avg pool",
    "DROPPATH": "Drop path",
    "PIXELSHUFFLE": "Pixel shuffle",
    "PIXELUNSHUFFLE": "Pixel unshuffle",
    "SUB": "Subtract",
    "MUL": "Multiply",
}
_SHORT = {"ABS", "ADD", "MAX", "PAD"}
"""Keywords that are words, however short."""
_BOXED = {"LRN", "POSITIONS", "SOFTMAX", "LOGSOFTMAX"}


@rule(guard.instance(str))
def title(layer: Layer, *inputs: Shape) -> str:
    """What figures call it: by default its keyword, in capitals only where that is short: `Softplus`, `FC`."""
    word = layer.keyword
    return _TITLES.get(word) or (word.capitalize() if len(word) > 3 or word in _SHORT else word)


@rule(guard.instance(bool))
def boxed(layer: Layer, *inputs: Shape) -> bool:
    """Whether figures give it a box of its own even where it follows a layer: SOFTMAX, LRN, POSITIONS."""
    return layer.keyword in _BOXED


@rule(guard.instance(str))
def caption(layer: Layer, *inputs: Shape) -> str:
    """What figures write in its box: by default its title, and what is written by position: `FC 4096`."""
    if find(layer.keyword) is None:  # the optimizer's, which no program writes
        return layer.written
    words = [title(layer)]
    for argument in arguments_of(type(layer)):
        value = getattr(layer, argument.attribute)
        if argument.form == "positional" and value is not None and value != argument.default:
            words.append(argument.kind.written(value))
    return " ".join(words)


@caption.of(Input)
def _input(layer: Input) -> str:
    return "Input"


@caption.of(Convolving)
def _convolving(layer: Convolving, x: Shape) -> str:
    kernel = show(per_axis(layer.kernel, x, "kernel"))
    filters, groups = layer.filters_of(x), layer.groups_of(x)
    apart = groups == x.channels > 1
    words = [
        f"{kernel} {'depthwise ' if apart else ''}conv",
        "" if apart and filters == x.channels else f"{filters}",
        f"{groups} groups" if groups > 1 and not apart else "",
        f"dilation {show(layer.dilation)}" if max(layer.dilation) > 1 else "",
        _step(layer.stride, "/"),
    ]
    return ", ".join(filter(None, words))


@caption.of(Deconv)
def _deconv(layer: Deconv, x: Shape) -> str:
    kernel = show(per_axis(layer.kernel, x, "kernel"))
    dilation = f"dilation {show(layer.dilation)}" if max(layer.dilation) > 1 else ""
    return ", ".join(filter(None, [f"{kernel} deconv", f"{layer.filters}", dilation, _step(layer.stride, "x")]))


@caption.of(Attention)
def _attention(layer: Attention, x: Shape) -> str:
    sides = layer.sides(x)
    words = [
        f"{show(sides)} attention" if sides else "Attention",
        f"{layer.heads} head{'s' * (layer.heads > 1)}",
        "shifted" if any(layer.shifts(x)) else "",
        "causal" if layer.causal else "",
    ]
    return ", ".join(filter(None, words))


@caption.of(Recurrent)
def _recurrent(layer: Recurrent, x: Shape) -> str:
    words = [f"{title(layer)} {layer.units}", "both ways" * layer.both, "last" * layer.last]
    return ", ".join(filter(None, words))


@caption.of(Pooling)
def _pooling(layer: Pooling, x: Shape) -> str:
    name = title(layer)
    if layer.global_:
        return f"Global {name.lower()}"
    if layer.to is not None:
        return f"{name} to {show(per_axis(layer.to, x, 'to'))}"
    kernel = per_axis(layer.kernel or (1,), x, "kernel")
    stride = kernel if layer.stride is None else layer.stride
    return name if max(stride) > 1 else f"{show(kernel)} {name.lower()}"


def _step(stride: Sizes, sign: str) -> str:
    """A stride as figures have it: `/2`, and nothing for 1."""
    return f"{sign}{show(once(stride))}" if max(stride) > 1 else ""
