"""Why 1x1 convolutions (Lin, Chen, Yan 2014, section 3.1), and convolutions of channels apart (Howard 2017)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from math import prod

from netdsl.explain.view import Kernel, View, every, percent
from netdsl.layers.answer import Answer, Equation, Line
from netdsl.layers.arguments import show
from netdsl.layers.formula import apart, formula, group, product


@dataclass(frozen=True, slots=True)
class Reduction:
    """A 1x1 convolution that narrows what a larger convolution reads."""

    narrow: Kernel
    wide: Kernel
    places: tuple[int, int]
    """Output positions of each."""

    @property
    def work(self) -> int:
        """MACs of both."""
        return self.narrow.channels * self.narrow.filters * self.places[0] + self._inner * self.wide.channels

    @property
    def instead(self) -> int:
        """MACs of the larger one over all channels."""
        return self._inner * self.narrow.channels

    @property
    def _inner(self) -> int:
        return prod(self.wide.sizes) * self.wide.filters * self.places[1]


@lru_cache(maxsize=1)
def reductions(view: View) -> list[Reduction]:
    """The 1x1 convolutions that narrow the channels before a larger convolution."""
    found: list[Reduction] = []
    for index, one in view.kernels.items():
        follower = view.follows(index) if one.pointwise and one.plain and one.filters < one.channels else None
        wide = None if follower is None else view.kernels.get(follower)
        if wide is not None and not wide.pointwise and wide.groups == 1:
            found.append(Reduction(one, wide, (view.shape(index).positions, view.shape(wide.index).positions)))
    return found


def answers(view: View, focus: frozenset[int]) -> Iterator[Answer]:
    """Of a 1x1 convolution, or of the one that saves most of several; then of groups."""
    pointwise = [
        one
        for index, one in view.kernels.items()
        if index in focus and one.pointwise and one.groups == 1 and view.shape(index).positions > 1
    ]
    if pointwise:
        narrow = [one for one in reductions(view) if one.narrow.index in focus]
        best = max(narrow, key=lambda one: one.instead - one.work, default=None)
        yield from _pointwise(view, pointwise, narrow, best)
    yield from _groups(view, focus)


def _pointwise(view: View, found: list[Kernel], narrow: list[Reduction], best: Reduction | None) -> Iterator[Answer]:
    one = best.narrow if best else max(found, key=lambda kernel: view.costs[kernel.index].macs)
    map_ = show(view.shape(one.index).spatial)
    who = "It is" if len(found) == 1 else f"{view.path(one.index)} is"
    turns = f"from {one.channels:,} number{'s' * (one.channels > 1)} to {one.filters:,}"
    lines: list[Line] = [
        f"{who} a fully connected layer {turns}, the same at each of {map_} positions: "
        "it mixes channels, and looks at no neighbours."
    ]
    before = view.kernels.get(view.precedes(one.index))
    if best:
        lines += _saved(view, best)
    elif before is not None and before.groups == before.channels > 1:
        lines.append(f"It mixes the channels that {view.path(before.index)} keeps apart.")
    elif one.filters > one.channels and before is not None and not before.pointwise:
        lines.append(
            f"It widens the {one.channels:,} maps that {view.path(before.index)} worked on to {one.filters:,}."
        )
    elif one.filters < one.channels and view.layer(view.precedes(one.index)).role == "pooling":
        lines.append(f"Pooling keeps all {one.channels:,} channels; this narrows them to {one.filters:,}.")
    else:
        three = product([*[3] * len(one.sizes), one.channels, one.filters])
        lines += [
            Equation("it has", product([*one.sizes, one.channels, one.filters]), "weights"),
            Equation(f"a window of {show((3,) * len(one.sizes))}", three, "weights"),
        ]
    if len(narrow) > 1:
        saved, instead = sum(each.instead - each.work for each in narrow), sum(each.instead for each in narrow)
        verb = f"save {saved:,} of {instead:,}" if saved > 0 else f"cost {-saved:,} more than {instead:,}"
        lines.append(f"{every(len(narrow))} that stand before a larger convolution {verb} MACs.")
    name = "1x1" if len(one.sizes) == 2 else "pointwise"
    many = f"a {name} convolution" if len(found) == 1 else f"{len(found):,} {name} convolutions"
    yield Answer(f"Why {many}?", tuple(lines))


def _saved(view: View, one: Reduction) -> Iterator[Line]:
    narrow, wide = one.narrow, one.wide
    map_, wide_map = (product(view.shape(index).spatial or (1,)) for index in (narrow.index, wide.index))
    first = apart(product([*narrow.sizes, narrow.channels, narrow.filters]), map_)
    second = apart(product([*wide.sizes, wide.channels, wide.filters]), wide_map)
    alone = apart(product([*wide.sizes, narrow.channels, wide.filters]), wide_map)
    reads = f"{narrow.filters:,} channels and not {narrow.channels:,}"
    yield f"{view.path(wide.index)}, a {wide.shown}, then reads {reads}:"
    yield Equation("without", alone, "MACs")
    yield Equation("with", first + second, "MACs")
    if one.instead > one.work:
        yield f"It saves {percent(one.instead - one.work, one.instead)}."
    else:
        yield "Here it saves nothing."


def _groups(view: View, focus: frozenset[int]) -> Iterator[Answer]:
    """What groups save: depthwise convolutions with the 1x1 behind them, and other groups."""
    found = [one for index, one in view.kernels.items() if index in focus and one.groups > 1]
    if not found:
        return
    best = max(found, key=lambda one: _dense(one) - _dense(one) // one.groups)
    name = "Here" if len(found) == 1 else f"In {view.path(best.index)}"
    channels = formula(1) if best.groups == best.channels else formula(best.channels) / best.groups
    parted = group(product([*best.sizes, channels])) * best.filters
    dense = group(product([*best.sizes, best.channels])) * best.filters
    lines: list[Line] = [
        f"{name} each filter reads {best.channels // best.groups:,} of the {best.channels:,} channels:",
        Equation("with groups", parted, "weights"),
        Equation("without", dense, "weights"),
    ]
    follower = view.follows(best.index)
    after = None if follower is None else view.kernels.get(follower)
    if best.groups == best.channels and after is not None and after.pointwise and after.groups == 1:
        both = parted + product([after.channels, after.filters])
        alone = product([*best.sizes, best.channels, after.filters])
        lines += [
            f"With {view.path(after.index)}, the 1x1 behind it, against one {best.shown} that does both:",
            Equation("apart", both, "weights"),
            Equation("in one", alone, "weights", percent(int(both.value), int(alone.value)) + " of it"),
        ]
    if len(found) > 1:
        saved = sum(_dense(one) - _dense(one) // one.groups for one in found)
        lines.append(f"{every(len(found))} with groups save {saved:,} weights.")
    depthwise = all(one.groups == one.channels for one in found)
    yield Answer("Why each channel by itself?" if depthwise else "Why groups?", tuple(lines))


def _dense(one: Kernel) -> int:
    """Weights of a convolution without its groups."""
    return prod(one.sizes) * one.channels * one.filters
