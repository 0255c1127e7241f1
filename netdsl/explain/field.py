"""What a layer sees: the recursion of its receptive field with the numbers put in, and the pixels that reach it."""

from __future__ import annotations

from collections.abc import Iterator
from math import prod

from netdsl.explain.view import View, named, percent, several, sized, stepped
from netdsl.layers.answer import Answer, Equation, Line
from netdsl.layers.arguments import show
from netdsl.layers.formula import Formula, formula, group, largest
from netdsl.measure.clipped_field import clipped
from netdsl.measure.field import Axis


def answer(view: View, index: int) -> Answer:
    """How the receptive field of a layer comes about, and which part of the image its middle sees."""
    axes, node = view.fields[index], view.nodes[index]
    question = "What does it see?"
    if not axes:
        return Answer(question, ("Its input is a vector: there is nothing to see a part of.",))
    lines: list[Line] = []
    if not node.inputs:
        return Answer(question, ("Each position sees itself.",))
    if all(len(view.fields[source]) == len(axes) for source in node.inputs):
        lines += _recursion(view, index)
    return Answer(question, (*lines, *_middle(view, index)))


def _recursion(view: View, index: int) -> Iterator[Line]:
    """How the receptive field follows from those of the inputs: r + (k − 1)·j, along each axis."""
    axes, node = view.fields[index], view.nodes[index]
    if all(view.fields[source] == axes for source in node.inputs):
        yield f"As its input: {sized(axes)}, with an effective stride of {stepped(axes)}."
        return
    figures = zip(*[_axis(view, index, number) for number in range(len(axes))], strict=True)
    told = [
        ("receptive field", ""),
        ("effective stride", "from one output to the next"),
        ("offset", "where the first output begins to see"),
    ]
    for (label, remark), each in zip(told, figures, strict=True):
        if remark and view.shape(index).positions == 1:
            break  # there is no next output, and no first one
        texts = [str(one) for one in each]
        for name, text in named(texts, len(axes)):
            one = each[texts.index(text)]
            yield Equation(label if len(set(texts)) == 1 else f"{label}, {name}", one, remark=remark)


def _axis(view: View, index: int, axis: int) -> tuple[Formula, Formula, Formula]:
    """Receptive field, effective stride and offset along one axis; bare figures where no recursion is exact."""
    node, out = view.nodes[index], view.fields[index][axis]
    befores = [view.fields[source][axis] for source in node.inputs]
    figures = (formula(out.size), formula(out.stride), formula(out.start(0)))
    if any(len(one.starts) > 1 or one.step != one.stride for one in (*befores, out)) or any(
        one.fixed for one in befores
    ):
        return figures
    before = befores[0]
    if node.layer.merge:
        union = largest([one.size for one in befores])
        if union.value != out.size:
            last, first = max(one.end(0) for one in befores), min(one.start(0) for one in befores)
            union = formula(last) - formula(first) + 1
        return union if _whole(out) else figures[0], figures[1], figures[2]
    inputs = view.shaped.input_shapes(index)
    windows, scale = node.layer.windows(*inputs), node.layer.enlargement(*inputs)
    if windows == "all":
        reach, stride, pad = group(formula(inputs[0].spatial[axis]) - 1), 1, 0
    elif windows and not scale:
        window = windows[axis]
        reach, stride, pad = group(formula(window.size) - 1), window.stride, window.before
        reach = reach * window.dilation if window.dilation > 1 else reach
    else:
        return figures
    step = formula(before.stride)
    size = formula(before.size) + reach * step if _whole(before) and _whole(out) else figures[0]
    return size, step * stride, formula(before.start(0)) - formula(pad) * step


def _whole(axis: Axis) -> bool:
    """Whether the first position sees whole inputs, and no parts of them at its ends."""
    return axis.ends[0] - axis.starts[0] + 1 == axis.size


def _middle(view: View, index: int) -> Iterator[str]:
    """Which pixels reach the output in the middle, exactly: padding within the network holds some back."""
    out = view.shape(index)
    at = [size // 2 for size in out.spatial]
    where = f"The output in the middle ({', '.join(map(str, at))})" if out.positions > 1 else "It"
    found = clipped(view.shaped, index, at)
    for source, ranges in sorted(found.items()):
        image = view.shape(source)
        name = "the input" if len(view.shaped.graph.inputs) == 1 else view.path(source)
        pixels = prod(last - first + 1 for first, last in ranges)
        if not image.spatial:
            continue
        if pixels == image.positions:
            yield f"{where} sees all of {name}, {show(image.spatial)}."
            continue
        nouns = ("row", "column") if image.rank == 2 else ("position",) * image.rank
        parts = [
            f"{noun} {first}" if first == last else f"{noun}s {first} to {last}"
            for noun, (first, last) in zip(nouns, ranges, strict=True)
        ]
        yield f"{where} sees {several(parts)} of {show(image.spatial)}: {percent(pixels, image.positions)} of {name}."
    if not found:
        yield f"{where} sees padding alone."
