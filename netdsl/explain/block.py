"""Explains a part of a network that stands under one path: a block, a labelled group, a repeat or a copy of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from netdsl.explain import why
from netdsl.explain.page import Explanation
from netdsl.explain.readings import notes
from netdsl.explain.view import View, folded, percent, several, sized
from netdsl.graph.infer import ask
from netdsl.graph.outline import Call, Layer, Placed
from netdsl.layers.answer import Answer, Equation, Line
from netdsl.layers.workings import Workings
from netdsl.measure.units import size


def explanation(view: View, path: str) -> Explanation:
    """All there is to say of what stands under a path."""
    nodes = view.under(path)
    title = _title(view, path)
    asked = (_parts(view, path, nodes), *_branches(view, nodes), _cost(view, nodes), _receptive_field(view, nodes))
    return Explanation(
        path=path,
        title=f"{path}: {title}" if title else path,
        place=_place(view, path, nodes[0]),
        lines=tuple(_about(view, nodes)),
        answers=(*(one for one in asked if one.lines), *why.answers(view, nodes)),
    )


def _title(view: View, path: str) -> str:
    *around, one = view.shaped.graph.outline.way(path)
    if not one.scope:
        return f"{_numbered(one, around[-1])}copy {one.number} of {around[-1].copies} of {around[-1].title}"
    title = one.title if one.title != one.name else ""
    return title if one.copies is None else f"{title} ×{one.copies}".strip()


def _numbered(one: Placed, scope: Placed) -> str:
    """The call of a copy with the values that it has, where those of other copies are others."""
    return f"{one.title}, " if isinstance(one.own, Call) and one.title != scope.title else ""


def _place(view: View, path: str, first: int) -> str:
    """Where it was called: of the calls around its first node the one that made it."""
    outline = view.shaped.graph.outline
    inside = outline.way(view.path(first))[len(outline.way(path)) : -1]
    calls = sum(one.scope and one.title.endswith(")") for one in inside)
    spans = list(view.nodes[first].calls or ())
    return "" if len(spans) <= calls else "{0.source.name}:{0.line}".format(spans[calls])


def _about(view: View, nodes: Sequence[int]) -> Iterator[str]:
    inside = set(nodes)
    takes = list(dict.fromkeys(one for index in nodes for one in view.nodes[index].inputs if one not in inside))
    gives = [index for index in nodes if index in view.returned or set(view.readers[index]) - inside]
    if takes:
        yield f"It takes {several([f'{view.path(index)} ({view.shape(index)})' for index in takes])}."
    if gives:
        yield f"It gives {several([f'{view.path(index)} ({view.shape(index)})' for index in gives])}."
    readers = list(dict.fromkeys(one for index in gives for one in view.readers[index] if one not in inside))
    if readers:
        yield f"{several([view.path(one) for one in readers])} read{'s' * (len(readers) == 1)} that."
    if all(view.nodes[index].training for index in nodes):
        yield "It exists in training alone."
    devices = sorted({view.nodes[index].device for index in nodes})
    if devices != [0]:
        yield f"It runs on device {several([str(one) for one in devices])}."


def _parts(view: View, path: str, nodes: Sequence[int]) -> Answer:
    """What stands directly under the path, in order."""
    stretches, known = view.parts(path), set(nodes)
    inside: dict[str, tuple[Placed, list[int]]] = {}
    for one in (inner for stretch in stretches for inner in stretch.named()):
        inside.setdefault(one.name, (one, []))[1].extend(known.intersection(one.nodes))
    parts = [(one, sorted(inner)) for one, inner in inside.values() if inner]
    mixed = len({one.title for one, _ in parts if one.number and isinstance(one.own, Call)}) > 1
    rows: list[tuple[str, ...]] = []
    for one, inner in parts[: None if stretches[0].copies is None else 3]:
        what = view.layer(inner[0]).written if isinstance(one.own, Layer) else one.title if one.scope or mixed else ""
        if one.copies is not None:
            what += f" ×{one.copies}"
        cost = view.sums(inner)
        rows.append((one.name, what, str(view.shape(inner[-1])), f"{cost.params:,}", f"{cost.macs:,}"))
    if len(parts) > len(rows):
        rows.append(("…", f"{len(parts) - len(rows):,} more copies", "", "", ""))
    return Answer("What is in it?", (folded(("", "", "output", "params", "MACs"), rows, frozenset((3, 4))),))


def _branches(view: View, nodes: Sequence[int]) -> Iterator[Answer]:
    """The branches of the last merge in it."""
    merges = [index for index in nodes if view.layer(index).merge]
    if not merges:
        return
    merge = merges[-1]
    inside = set(nodes)
    ways = [(view.ancestors(source) | {source}) & inside for source in view.nodes[merge].inputs]
    common = set[int].intersection(*ways)
    rows: list[tuple[str, ...]] = []
    for source, way in zip(view.nodes[merge].inputs, ways, strict=True):
        own = sorted(way - common)
        work = [index for index in own if not view.passes(index)] or own
        steps = [view.layer(index).written for index in work]
        cost = view.sums(own)
        what = " → ".join(steps[:4]) + " → …" * (len(steps) > 4)
        rows.append((what or "as it is", str(view.shape(source)), f"{cost.params:,}", f"{cost.macs:,}"))
    lines: list[Line] = [folded(("branch", "output", "params", "MACs"), rows, frozenset((2, 3)))]
    inputs = view.shaped.input_shapes(merge)
    if (channels := Workings(view.layer(merge), inputs).channels) is not None:
        lines.append(Equation("", channels, "channels", ask(notes, view.shaped, merge).get("channels", "")))
    name = view.layer(merge).keyword
    yield Answer(f"What are the branches of its {name}?", tuple(lines))


def _cost(view: View, nodes: Sequence[int]) -> Answer:
    cost, sums = view.sums(nodes), view.totals
    training = all(view.nodes[index].training for index in nodes)

    def share(part: int, whole: int) -> str:
        return "" if training else f", {percent(part, whole)} of the network's"

    return Answer(
        "What does it cost?",
        (
            f"{cost.params:,} parameters{share(cost.params, sums.params)}.",
            f"{cost.macs:,} MACs{share(cost.macs, sums.macs)}.",
            f"{size(cost.activation_bytes)} of activations{share(cost.activation_bytes, sums.activation_bytes)}.",
            f"Depth {cost.depth}.",
        ),
    )


def _receptive_field(view: View, nodes: Sequence[int]) -> Answer:
    """How far its first and last maps see."""
    takes = next((source for index in nodes for source in view.nodes[index].inputs if source not in set(nodes)), None)
    before = () if takes is None else view.fields[takes]
    after = view.fields[nodes[-1]]
    question = "What does it see?"
    if not after or len(after) != len(before):
        return Answer(question, ())
    if before == after:
        return Answer(question, (f"{sized(after)} of the input, as what it takes does.",))
    return Answer(question, (f"What it takes sees {sized(before)} of the input, what it gives {sized(after)}.",))
