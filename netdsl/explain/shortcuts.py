"""Why shortcuts, projections and bottlenecks (He, Zhang, Ren, Sun 2016, sections 3.2 and 4.1)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from netdsl.explain.view import Kernel, View, count, every, several
from netdsl.layers.answer import Answer, Equation, Line
from netdsl.layers.arguments import once, show
from netdsl.layers.formula import formula, group, product, total
from netdsl.layers.merge import Add

_REACH = 64
"""How many layers back a shortcut is sought."""


@dataclass(frozen=True, slots=True)
class Shortcut:
    """A sum of what flowed in and of what a branch made of it."""

    add: int
    fork: int
    body: tuple[int, ...]
    """The nodes of the branch, in order."""
    projection: Kernel | None
    """The 1x1 convolution on the way around the branch, where there is one."""


@lru_cache(maxsize=1)
def shortcuts(view: View) -> list[Shortcut]:
    """The residual sums of a network: two branches, of which one is the identity or a 1x1 convolution."""
    found: list[Shortcut] = []
    for index, node in enumerate(view.nodes):
        if isinstance(node.layer, Add) and len(node.inputs) == 2:
            for short, long in (node.inputs, node.inputs[::-1]):
                if (one := _shortcut(view, index, short, long)) is not None:
                    found.append(one)
                    break
    return found


def _shortcut(view: View, add: int, short: int, long: int) -> Shortcut | None:
    way, back = [short], [long]
    while way[-1] != back[-1]:
        later = max(way, back, key=lambda one: one[-1])
        before = view.nodes[later[-1]].inputs
        if not before or len(later) == _REACH:
            return None
        later.append(before[0])
    fork = way.pop()
    if fork == long:
        return None
    around = [view.kernels[at] for at in way if at in view.kernels]
    others = [at for at in way if at not in view.kernels and not view.passes(at)]
    if others or len(around) > 1 or (around and not around[0].pointwise):
        return None
    body: set[int] = set()
    waiting = [long]
    while waiting:
        at = waiting.pop()
        if at > fork and at not in body:
            body.add(at)
            waiting += view.nodes[at].inputs
    if not any(view.layer(at).counts_depth for at in body):
        return None
    if any(view.layer(at).enlargement(*view.shaped.input_shapes(at)) for at in body):
        return None  # a map from further down that is enlarged to this one's size: a pyramid, and no residual
    return Shortcut(add, fork, tuple(sorted(body)), around[0] if around else None)


def answers(view: View, focus: frozenset[int]) -> Iterator[Answer]:
    """Of the shortcuts in the focus: why they are, what projects them, and what their bottlenecks save."""
    found = shortcuts(view)
    if sums := [one for one in found if one.add in focus]:
        yield _shortcuts(view, sums)
    if projected := [one for one in found if one.projection and (one.projection.index in focus or one.add in focus)]:
        yield _projection(view, projected)
    narrow = [(one, kernels) for one in found if focus.intersection(one.body) and (kernels := _bottleneck(view, one))]
    if narrow:
        yield _narrow(view, narrow)


def _shortcuts(view: View, found: list[Shortcut]) -> Answer:
    one = next((each for each in found if each.projection is None), found[0])
    cost = view.sums(one.body)
    lines: list[Line] = [
        f"{view.path(one.add)} adds what flowed in to what the branch made of it, so that the branch learns the "
        "difference alone, and the gradient passes the sum unchanged.",
        Equation("the branch", formula(cost.macs), "MACs", f"{cost.params:,} parameters"),
        Equation("the sum", product(view.shape(one.add).dims), "additions", "no parameters"),
    ]
    if len(found) > 1:
        plain = sum(each.projection is None for each in found)
        others = "; the others are projected" if plain < len(found) else ""
        some = f"{plain:,} of {len(found):,}" if plain < len(found) else every(len(found))
        lines.append(f"{some} shortcuts cost no parameter{others}.")
    return Answer("Why a shortcut?" if len(found) == 1 else "Why shortcuts?", tuple(lines))


def _projection(view: View, found: list[Shortcut]) -> Answer:
    one = found[0]
    assert one.projection is not None
    kernel = one.projection
    came, leaves = view.shape(one.fork), view.shape(one.add)
    stride = show(once(kernel.strides))
    why = "which do not add up" if came != leaves else "which would add up as they are"
    lines: list[Line] = [
        f"The branch makes {leaves} of {came}, {why}: {view.path(kernel.index)}, a 1x1 convolution with stride "
        f"{stride}, turns {kernel.channels:,} channels into {kernel.filters:,} on the way around.",
        Equation("", product([*kernel.sizes, kernel.channels, kernel.filters]), "weights"),
    ]
    if len(found) > 1:
        weights = sum(each.projection.channels * each.projection.filters for each in found if each.projection)
        lines.append(f"{every(len(found))} projections have {weights:,} weights.")
    return Answer("Why is a shortcut projected?", tuple(lines))


def _bottleneck(view: View, one: Shortcut) -> tuple[Kernel, Kernel, Kernel] | None:
    """A branch of three convolutions, 1x1 that narrows, a larger one, 1x1 that widens."""
    kernels = [view.kernels[at] for at in one.body if at in view.kernels]
    if len(kernels) != 3:
        return None
    first, middle, last = kernels
    narrows = first.pointwise and last.pointwise and not middle.pointwise
    if narrows and first.filters < first.channels and middle.filters < last.filters and middle.groups == 1:
        return first, middle, last
    return None


def _narrow(view: View, found: list[tuple[Shortcut, tuple[Kernel, Kernel, Kernel]]]) -> Answer:
    kernels = next((each for one, each in found if one.projection is None), found[0][1])
    _, middle, last = kernels
    wide = product([*middle.sizes, last.filters, last.filters])
    lines: list[Line] = [
        f"{several([view.path(one.index) for one in kernels])} narrow, work and widen: the {middle.shown} sees "
        f"{middle.channels:,} channels, the sum {last.filters:,}.",
        Equation("bottleneck", total([product([*one.sizes, one.channels, one.filters]) for one in kernels]), "weights"),
        Equation(f"two {middle.shown}", formula(2) * group(wide), "weights", "at full width"),
    ]
    if len(found) > 1:
        lines.append(f"There are {count(len(found))} of them.")
    return Answer("Why a bottleneck?", tuple(lines))
