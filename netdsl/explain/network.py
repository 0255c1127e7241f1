"""Tells a network in a screen or two: its stages, where its parameters, work and memory are, what repeats, and why."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence

from netdsl.explain import stages, why
from netdsl.explain.page import Explanation
from netdsl.explain.view import View, percent, several, sized, stepped
from netdsl.graph.outline import Layer
from netdsl.layers.answer import Answer, Equation, Line, Table
from netdsl.layers.arguments import show
from netdsl.layers.formula import formula, total
from netdsl.measure.costs import Costs
from netdsl.measure.field import Axis
from netdsl.measure.meter import Meter
from netdsl.measure.units import size


def explanation(view: View) -> Explanation:
    """All there is to say of a whole network."""
    graph = view.shaped.graph
    way = stages.longest(view)
    year = graph.meta.get("year")
    asked = [
        stages.answer(view, way),
        _where(view),
        _depth(view, way),
        _receptive_field(view, way),
        _repeats(view),
        _training(view),
        _batch(view),
    ]
    return Explanation(
        path="",
        title=f"{graph.title} ({year})" if year is not None else graph.title,
        place=graph.source.name,
        lines=tuple(_about(view)),
        answers=(*(one for one in asked if one.lines), *why.answers(view, view.inference)),
    )


def _about(view: View) -> Iterator[str]:
    graph, sums = view.shaped.graph, view.totals
    meta = dict(graph.meta)
    meta.pop("year", None)
    if (paper := meta.pop("paper", None)) is not None:
        yield f"{paper}."
    error = meta.get("top5_error")
    if isinstance(error, int | float) and 0 <= error <= 100:
        yield f"Top-5 error on ImageNet: {meta.pop('top5_error')}%."
    for key, value in meta.items():
        yield f"{key}: {value}"
    takes = [f"{view.path(index)} ({view.shape(index)})" for index in graph.inputs]
    gives = [f"{graph.output_name(index)} ({view.shape(index)})" for index in graph.outputs]
    yield f"It takes {several(takes)} and gives {several(gives)}."
    yield (
        f"{sums.params:,} parameters ({size(sums.weight_bytes)} in float32), {sums.macs:,} MACs, "
        f"{size(sums.activation_bytes)} of activations for one example."
    )


def _where(view: View) -> Answer:
    graph, sums = view.shaped.graph, view.totals
    kinds = Counter(view.layer(index).keyword for index in view.inference if view.layer(index).counts_depth)
    lines: list[Line] = []
    quantities: tuple[tuple[str, Callable[[Costs], int], int], ...] = (
        ("parameters", lambda cost: cost.params, sums.params),
        ("work", lambda cost: cost.macs, sums.macs),
        ("memory", lambda cost: cost.activation_bytes, sums.activation_bytes),
    )
    for name, quantity, whole in quantities:
        each: Counter[str] = Counter()
        for one in graph.outline.named():
            each[one.name] += sum(quantity(view.costs[index]) for index in one.nodes if not view.nodes[index].training)
        shares = [f"{part} {percent(held, whole)}" for part, held in each.most_common(3) if held]
        if shares:
            lines.append(f"Most {name}: {', '.join(shares)}.")
    if len(kinds) > 1 and sums.macs:
        for keyword, number in kinds.items():
            cost = view.sums(index for index in view.inference if view.layer(index).keyword == keyword)
            shares = (
                f"{percent(cost.params, sums.params)} of the parameters, {percent(cost.macs, sums.macs)} of the MACs"
            )
            lines.append(f"{number:,} {keyword}: {shares}.")
    return Answer("Where are its parameters, its work, its memory?", tuple(lines))


def _depth(view: View, way: Sequence[int]) -> Answer:
    counts = Counter(view.layer(index).keyword for index in way if view.layer(index).counts_depth)
    if not counts:
        return Answer("How deep is it?", ())
    remark = f"{several(list(counts))} along the longest path"
    return Answer("How deep is it?", (Equation("", total(counts.values()), "layers", remark),))


def _receptive_field(view: View, way: Sequence[int]) -> Answer:
    """What the last convolution and the last map see of the image."""
    lines: list[Line] = []
    maps = [
        index
        for index in way
        if view.shape(index).positions > 1 and view.nodes[index].inputs and not view.passes(index)
    ]
    deep = [index for index in maps if view.layer(index).counts_depth]
    for index in dict.fromkeys([*deep[-1:], *maps[-1:]]):
        image, axes = view.image(index), view.fields[index]
        if image is not None and image.rank == len(axes):
            step = f", {stepped(axes)} further on from one to the next" if _whole(axes) else ""
            lines.append(f"Each output of {view.path(index)} sees {sized(axes)} of {show(image.spatial)}{step}.")
    if len(lines) == 2 and view.fields[deep[-1]] == view.fields[maps[-1]]:
        lines.pop()
    return Answer("How much of its input does it see?", tuple(lines))


def _whole(axes: Sequence[Axis]) -> bool:
    """Whether every output sees a whole number of positions further on than the one before it."""
    return all(axis.stride == int(axis.stride) for axis in axes)


def _repeats(view: View) -> Answer:
    """Which blocks it is made of."""
    made: Counter[str] = Counter()
    inside: dict[str, set[int]] = {}
    inference = set(view.inference)
    scopes = [one for one in view.shaped.graph.outline.walk() if one.scope and not isinstance(one.own, Layer)]
    scopes.reverse()  # of scopes that begin with the same node, the innermost first
    for one in sorted(scopes, key=lambda one: one.node):
        if one.title.endswith(")") and (nodes := inference.intersection(one.nodes)):
            name = one.title.partition("(")[0]
            made[name] += 1 if one.copies is None else one.copies
            inside.setdefault(name, set()).update(nodes)
    often = [name for name, number in made.items() if number > 1]
    rows = tuple(
        (
            name,
            f"{made[name]:,}",
            percent((cost := view.sums(inside[name])).params, view.totals.params),
            percent(cost.macs, view.totals.macs),
        )
        for name in often[:8]
    )
    table = Table(("block", "times", "params", "MACs"), rows, frozenset((1, 2, 3)))
    return Answer("What repeats?", (table,) if rows else ())


def _training(view: View) -> Answer:
    """What exists in training alone."""
    graph = view.shaped.graph
    alone = [index for index, node in enumerate(view.nodes) if node.training]
    if not alone:
        return Answer("What is for training alone?", ())
    names = [graph.output_name(index) for index in graph.training_outputs]
    params = formula(sum(view.costs[index].params for index in alone))
    layers = "1 layer" if len(alone) == 1 else f"{len(alone):,} layers"
    lines = (f"{several(names)}, with {layers} that no total counts.", Equation("", params, "parameters"))
    return Answer("What is for training alone?", lines)


def _batch(view: View) -> Answer:
    """Whether training takes several examples at once."""
    least = Meter(view.shaped).least
    line = f"{least.batch} at least: {least.path} sees one value a channel of each, and one value has no variance."
    return Answer("How many examples does training take at once?", (line,) if least.batch > 1 else ())
