"""What is drawn: volumes with their sizes, what made them, and what is written below them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from netdsl.draw import words
from netdsl.draw.captions import title
from netdsl.draw.volumes.items import Item
from netdsl.draw.volumes.scopes import Block
from netdsl.draw.volumes.units import Unit
from netdsl.graph.infer import ask
from netdsl.graph.node import ShapedGraph
from netdsl.layers.base import Layer, Role, Window
from netdsl.layers.shape import Shape
from netdsl.text.fit import clipped

_LONGEST = 22
"""The most characters of a line below a volume."""


@dataclass(frozen=True, slots=True)
class Volume:
    """A feature map, a vector, or the maps that a block or a run of equal layers makes. `inputs` are earlier ones."""

    path: str
    shape: Shape
    role: Role
    name: str
    """Its label in the program; empty where it has none."""
    lines: tuple[str, ...]
    """What made it, and what works on it in place."""
    reads: Literal["window", "all", "flow"]
    """Whether it is made by windows that slide over what it reads, of all of that, or in another way."""
    windows: tuple[Window, ...]
    share: float
    """Of the channels that it reads, the part that one window reads: all, those of a group, or 0 for each by itself."""
    copies: int
    """How many equal volumes in a row it stands for."""
    block: bool
    parts: tuple[int, ...]
    """The channels that each branch gave, where it joins some."""
    device: int
    training: bool
    about: str
    """All that is known of it, on one line."""
    inputs: tuple[int, ...]
    groups: tuple[tuple[str, str], ...]
    """Path and label of the labelled blocks around it, from outside in."""


def volumes(shaped: ShapedGraph, units: Sequence[Unit], items: Sequence[Item]) -> list[Volume]:
    """The volumes of items, in their order."""
    return [_volume(shaped, units, item) for item in items]


def _volume(shaped: ShapedGraph, units: Sequence[Unit], item: Item) -> Volume:
    last = units[item.units[-1]]
    node = shaped.nodes[last.head]
    layer, shape, inputs = node.layer, shaped.shapes[last.head], shaped.input_shapes(last.head)
    block = item.block
    windows = () if block or layer.enlargement(*inputs) else layer.windows(*inputs)
    if not block and layer.role == "dense":
        windows = "all"
    joined = sum(x.channels for x in inputs) == shape.channels and len(inputs) > 1
    named = words.plain(_named(block) if block else item.label or _name(units, item))
    lines = _within(shaped, units, item) if block else _made(shaped, last, windows)
    weights = _weights(shaped, units, item)
    lines += [weights] * bool(weights)
    written = layer.keyword if block else layer.written
    about = f"{block.path}, {words.call(block.scope)}" if block and block.scope else f"{node.path}: {written}"
    return Volume(
        path=block.path if block else node.path,
        shape=shape,
        role=layer.role,
        name=_short(named),
        lines=tuple(_short(line) for line in lines),
        reads="all" if windows == "all" else "window" if windows else "flow",
        windows=() if windows == "all" else windows,
        share=_share(layer, inputs),
        copies=item.run * (block.copies if block else 1),
        block=block is not None,
        parts=tuple(x.channels for x in inputs) if joined else (),
        device=node.device,
        training=all(shaped.nodes[units[unit].head].training for unit in item.units),
        about=words.dims(f"{words.plain(about)}, gives {shape}"),
        inputs=item.inputs,
        groups=tuple((one.path, _short(words.plain(one.label))) for one in item.around if one.label),
    )


def _share(layer: Layer, inputs: Sequence[Shape]) -> float:
    """The part of the channels that a window reads: a kernel is filters x channels x its sizes."""
    if layer.role == "pooling":
        return 0.0
    kernels = [weight for weight in layer.weights(*inputs) if len(weight.dims) > 2]
    if not kernels:
        return 1.0
    read, channels = kernels[0].dims[1], inputs[0].channels
    return 0.0 if read == 1 < channels else read / channels


def _named(block: Block) -> str:
    """The label of a closed block, else the block that it calls."""
    return block.label or (block.noun if block.scope and words.call(block.scope) else "")


def _name(units: Sequence[Unit], item: Item) -> str:
    """The labels of an item's layers: the first and last of a run."""
    names = [label for unit in item.units if (label := units[unit].label)]
    if len(names) < 2 or names[0] == names[-1]:
        return names[0] if names else ""
    return f"{names[0]}, {names[-1]}" if len(names) == 2 else f"{names[0]} … {names[-1]}"


def called(shaped: ShapedGraph, index: int) -> str:
    """What a layer is called within a line: `ReLU`, `pool`, `softmax`."""
    found = ask(title, shaped, index)
    return found if any(letter.isupper() for letter in found[1:]) else found.lower()


def _made(shaped: ShapedGraph, unit: Unit, windows: tuple[Window, ...] | Literal["all"]) -> list[str]:
    """What made a unit's volume, and what works on it: `11×11 conv`, `stride 4`, `ReLU, LRN`."""
    layer = shaped.nodes[unit.head].layer
    noun = called(shaped, unit.head)
    if layer.role == "input":
        lines = [noun]
    elif windows == "all" and layer.role not in ("dense", "recurrent", "reshape"):
        lines = [f"global {noun}"]
    elif windows and windows != "all":
        steps = _sizes(window.stride for window in windows)
        dilations = _sizes(window.dilation for window in windows)
        lines = [f"{_sizes((window.size for window in windows), whole=True)} {noun}"]
        lines += [f"stride {steps}"] * (steps != "1") + [f"dilation {dilations}"] * (dilations != "1")
    elif factors := _factors(shaped, unit.head):
        lines = [f"{noun} ×{_sizes(factors)}"]
    else:
        lines = [noun]
    lines += _packed([called(shaped, index) for index in unit.followers])
    return lines


def _factors(shaped: ShapedGraph, index: int) -> list[int]:
    """By how much a layer enlarges each axis, where that is a whole number: from shape to shape, or by its stride."""
    node, out = shaped.nodes[index], shaped.shapes[index].spatial
    inputs = shaped.input_shapes(index)
    factors = node.layer.enlargement(*inputs)
    if not factors:
        return []
    if not any(wide % size for size, wide in zip(inputs[0].spatial, out, strict=True)):
        return [wide // size for size, wide in zip(inputs[0].spatial, out, strict=True)]
    windows = node.layer.windows(*inputs)
    strides = [1] * len(factors) if windows == "all" else [one.stride for one in windows]
    whole = all(factor.denominator == stride == 1 for factor, stride in zip(factors, strides, strict=True))
    return [int(factor) for factor in factors] if whole else []


def _packed(names: Sequence[str]) -> list[str]:
    """Names in lines as long as the others."""
    lines: list[str] = []
    for name in names:
        if lines and len(lines[-1]) + len(name) < 15:
            lines[-1] += f", {name}"
        else:
            lines.append(name)
    return lines


def _sizes(sizes: Iterable[float], *, whole: bool = False) -> str:
    """Sizes per axis, as one where they are equal: `2`, `1×2×2`, or with `whole` `3×3`."""
    found = [f"{size:g}" for size in sizes]
    return "×".join(found if whole or len(set(found)) > 1 else found[:1])


def _within(shaped: ShapedGraph, units: Sequence[Unit], item: Item) -> list[str]:
    """What a closed block is made of: the kernels on its longest path, and how it joins its branches."""
    block = item.block
    assert block is not None
    inner = block.copy_units
    member = set(inner)
    best: dict[int, tuple[int, tuple[str, ...]]] = {}
    for index in inner:
        before = [best[source] for source in units[index].inputs if source in member]
        length, kernels = max(before, key=lambda path: path[0], default=(0, ()))
        layer = shaped.nodes[units[index].head].layer
        windows = layer.windows(*shaped.input_shapes(units[index].head))
        if layer.role == "convolution" and windows != "all":
            kernels = (*kernels, _sizes((window.size for window in windows), whole=True))
            length += 1
        elif layer.role == "attention":
            kernels = (*kernels, called(shaped, units[index].head))
            length += 1
        best[index] = (length, kernels)
    kernels = best[inner[-1]][1]
    if any(map(str.isalpha, kernels)) and (numbers := [one for one in kernels if one.isdecimal()]):
        words = [one for one in kernels if one not in numbers]  # a number alone would not say what it is of
        kernels = (*words, f"{len(numbers)} conv{'s' * (len(numbers) > 1)}") if len(kernels) <= 3 else kernels
    lines = (
        [", ".join(kernels)]
        if len(kernels) <= 3
        else [f"{len(kernels)} {'layers' if any(map(str.isalpha, kernels)) else 'convs'}"]
    )
    last = units[inner[-1]].head
    node = shaped.nodes[last]
    if node.layer.merge and len(node.inputs) > 1:
        count = len(node.inputs)
        lines = [*(lines if count == 2 else [f"{count} branches"]), called(shaped, last)]
    lines += _packed([called(shaped, one) for one in units[item.units[-1]].followers if one not in block.nodes])
    return [line for line in lines if line]


def _weights(shaped: ShapedGraph, units: Sequence[Unit], item: Item) -> str:
    """Whose weights an item uses, where they are not its own."""
    indices = [index for unit in item.units for index in units[unit].nodes]
    heavy = [node for index in indices if (node := shaped.nodes[index]).layer.weights(*shaped.input_shapes(index))]
    owners = list(dict.fromkeys(words.application(node.path, node.owner)[1] for node in heavy if node.shared))
    if not owners:
        return ""
    return f"weights of {owners[0]}" if len(owners) == 1 and all(node.shared for node in heavy) else "shared weights"


def _short(text: str) -> str:
    return clipped(text, _LONGEST)
