"""Explains one layer of a network: what it is, and how each of its figures comes about."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from netdsl.explain import devices, field, why
from netdsl.explain.page import Explanation
from netdsl.explain.readings import answers, notes, reading
from netdsl.explain.view import BYTES, View, named, percent, several
from netdsl.graph.infer import ask
from netdsl.layers.answer import Answer, Equation, Line
from netdsl.layers.arguments import show
from netdsl.layers.base import Layer
from netdsl.layers.formula import formula, product
from netdsl.layers.workings import Workings, counted
from netdsl.measure.units import size


def explanation(view: View, index: int) -> Explanation:
    """All there is to say of one layer."""
    node = view.nodes[index]
    inputs = view.shaped.input_shapes(index)
    worked, remarks = Workings(node.layer, inputs), ask(notes, view.shaped, index)
    span = node.site.span
    return Explanation(
        path=node.path,
        title=f"{node.path}: {node.layer.written}",
        place=f"{span.source.name}:{span.line}",
        lines=tuple(_about(view, index)),
        answers=(
            _size(view, index, worked, remarks),
            _params(view, index, worked, remarks),
            _work(view, index, worked, remarks),
            _memory(view, index),
            field.answer(view, index),
            *ask(answers, view.shaped, index),
            *why.answers(view, [index]),
        ),
    )


def sentence(layer: Layer) -> str:
    """The first sentence of a layer's documentation."""
    text = " ".join((layer.__doc__ or "").strip().split("\n\n")[0].split())
    return re.split(r"(?<=[.:]) (?=[A-Z])", text)[0]


def _about(view: View, index: int) -> Iterator[str]:
    node = view.nodes[index]
    yield sentence(node.layer)
    if read := ask(reading, view.shaped, index):
        yield f"Here: {read}."
    reads = [f"{view.path(source)} ({view.shape(source)})" for source in node.inputs]
    readers = [view.path(reader) for reader in view.readers[index]]
    if reads:
        yield f"It reads {several(reads)}."
    if readers:
        yield f"{several(readers)} read{'s' * (len(readers) == 1)} it."
    if index in view.returned:
        what = "what" if len(view.returned) == 1 else "one of those that"
        yield f"It is {what} the network returns{' in training alone' * node.training}."
    elif node.training:
        yield "It exists in training alone."
    if node.shared:
        yield f"Its weights are those of {node.owner}."
    if any(one.device for one in view.nodes):
        origins = [str(one) for one in sorted(devices.origins(view)[index])]
        reads = f", and reads maps of device {several(origins)}" if node.layer.counts_depth and origins else ""
        yield f"It runs on device {node.device}{reads}."
    if node.calls is not None:
        places = list(dict.fromkeys(f"{span.source.name}:{span.line}" for span in node.calls))
        yield f"It stands in {node.path.rpartition('.')[0]}, called at {several(places)}."


def _size(view: View, index: int, worked: Workings, remarks: Mapping[str, str]) -> Answer:
    out, node = view.shape(index), view.nodes[index]
    lines: list[Line] = []
    if worked.sizes:
        for label, text in named([str(one) for one in worked.sizes], out.rank):
            axis = next(one for one in worked.sizes if str(one) == text)
            lines.append(Equation(label, axis, remark=remarks.get("size", "")))
    elif out.rank:
        lines.append(f"{show(out.spatial)}, as its input.")
    if node.inputs and not out.rank and view.taken(index).rank and worked.channels is not None:
        flattened = product(view.taken(index).dims)
        if worked.channels != flattened:
            lines.append(Equation("input", flattened, remark="flattened"))
    if worked.channels is not None or "channels" in remarks:
        channels = worked.channels or formula(out.channels)
        lines.append(Equation("channels" if out.rank else "output", channels, remark=remarks.get("channels", "")))
    else:
        lines.append(f"{out.channels:,} channels, as its input." if lines else f"{out}, as its input.")
    if out.rank:
        lines.append(f"In all {out}.")
    return Answer("What size is its output?", tuple(lines))


def _params(view: View, index: int, worked: Workings, remarks: Mapping[str, str]) -> Answer:
    node = view.nodes[index]
    count = sum(weight.count for weight in node.layer.weights(*view.shaped.input_shapes(index)))
    question = "How many parameters?"
    constants = node.layer.constants(*view.shaped.input_shapes(index))
    kept = f"Stored beside: {', '.join(one.name for one in constants)}, which no gradient changes."
    beside: list[Line] = [Equation("", counted(constants) or formula(0), "numbers"), kept] if constants else []
    if not count:
        return Answer(question, ("None: it learns nothing.", *beside))
    lines: list[Line] = [Equation("", worked.params or formula(0), remark=remarks.get("params", ""))]
    if node.shared:
        lines.append(f"They are those of {node.owner}, and counted there.")
    elif not node.training:
        whole = view.totals.params
        share = percent(count, whole)
        lines.append(f"{share[0].upper()}{share[1:]} of the network's {whole:,}.")
    return Answer(question, (*lines, *beside))


def _work(view: View, index: int, worked: Workings, remarks: Mapping[str, str]) -> Answer:
    cost, node = view.costs[index], view.nodes[index]
    question = "How much work?"
    if not cost.macs and not cost.flops:
        return Answer(question, ("None: it computes nothing that is counted.",))
    lines: list[Line] = []
    if cost.macs:
        lines.append(Equation("MACs", worked.macs, remark=remarks.get("macs", "")))
    if cost.macs and cost.connections > cost.macs:
        lines.append(Equation("connections", worked.connections, remark="LeCun's count: each output's bias too"))
    lines.append(Equation("FLOPs", worked.flops))
    if cost.macs and not node.training:
        whole = view.totals.macs
        lines.append(f"{percent(cost.macs, whole)} of the network's {whole:,} MACs.")
    return Answer(question, tuple(lines))


def _memory(view: View, index: int) -> Answer:
    node, out = view.nodes[index], view.shape(index)
    numbers = product(out.dims)
    lines: list[Line] = [Equation("output", numbers, "numbers")]
    if node.layer.inplace:
        lines.append("They take the place of its input's: it works in place, and adds none.")
    else:
        held = formula(out.elements) * BYTES
        lines.append(Equation("in float32", held, "bytes", size(out.elements * BYTES)))
    if view.costs[index].params:
        held = formula(view.costs[index].params) * BYTES
        lines.append(Equation("weights", held, "bytes", size(view.costs[index].params * BYTES)))
    return Answer("How much memory?", tuple(lines))
