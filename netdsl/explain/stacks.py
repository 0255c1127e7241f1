"""Why small convolutions stand one behind the other where a large one would see as much (Simonyan and Zisserman 2015,
section 2.3; taken apart by axis: Szegedy 2016, section 3.2)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from math import prod

from netdsl.explain.view import Kernel, View, count, every, percent, several
from netdsl.layers.answer import Answer, Equation, Line
from netdsl.layers.arguments import show
from netdsl.layers.formula import Formula, formula, group, product, total

_MOST = 8
"""The longest stack that anybody would weigh against a single convolution."""


@dataclass(frozen=True, slots=True)
class Stack:
    """Convolutions that slide by one, each reading the one before it alone."""

    kernels: tuple[Kernel, ...]

    @property
    def sizes(self) -> tuple[int, ...]:
        """The one window that sees as much."""
        return tuple(
            sum(size - 1 for size in axis) + 1 for axis in zip(*[one.sizes for one in self.kernels], strict=True)
        )

    @property
    def weights(self) -> int:
        """Weights of all, without biases."""
        return sum(prod(one.sizes) * one.channels * one.filters for one in self.kernels)

    @property
    def instead(self) -> int:
        """Weights of the one convolution that sees as much."""
        return prod(self.sizes) * self.kernels[0].channels * self.kernels[-1].filters

    @property
    def saved(self) -> int:
        """Weights that the stack saves, or less than 0."""
        return self.instead - self.weights


@lru_cache(maxsize=1)
def stacks(view: View) -> list[Stack]:
    """The stacks of a network that save weights: of each run of such convolutions the part that saves most."""
    small = {index: one for index, one in view.kernels.items() if one.plain and not one.pointwise}
    after = {index: view.follows(index) for index in small}
    inner = {follower for follower in after.values() if follower in small}
    found: list[Stack] = []
    for index in small:
        if index in inner:
            continue
        run: list[Kernel] = []
        at: int | None = index
        while at in small:
            run.append(small[at])
            at = after[at]
        if best := _best(run):
            found.append(Stack(tuple(best)))
    return found


def _best(run: list[Kernel]) -> list[Kernel]:
    """The part of a run that saves most weights; empty where none saves any."""
    own = [prod(one.sizes) * one.channels * one.filters for one in run]
    most, best = 0, (0, 0)
    for start, first in enumerate(run):
        sizes, weights = first.sizes, own[start]
        for end in range(start + 1, min(start + _MOST, len(run))):
            sizes = tuple([size + more - 1 for size, more in zip(sizes, run[end].sizes, strict=True)])
            weights += own[end]
            saved = prod(sizes) * first.channels * run[end].filters - weights
            if saved > most:
                most, best = saved, (start, end + 1)
    return run[slice(*best)]


def answers(view: View, focus: frozenset[int]) -> Iterator[Answer]:
    """Of the stack that saves most in the focus, and of all of them together."""
    found = [one for one in stacks(view) if any(kernel.index in focus for kernel in one.kernels)]
    if not found:
        return
    best = max(found, key=lambda one: one.saved)
    each = list(dict.fromkeys(one.shown for one in best.kernels))
    many = len(best.kernels)
    what = f"{count(many)} {each[0]}" if len(each) == 1 else several([one.shown for one in best.kernels])
    large = show(best.sizes)
    lines: list[Line] = [
        f"{several([view.path(one.index) for one in best.kernels])} see together what one {large} would.",
        *_seen(best),
        Equation(what if len(each) == 1 else "apart", _stacked(best), "weights"),
        Equation(f"one {large}", _single(best), "weights"),
        f"{percent(best.saved, best.instead)} fewer{_bends(view, best)}.",
    ]
    first = best.kernels[0]
    if len(each) == 1 and all(one.channels == one.filters for one in best.kernels):
        cells = prod(first.sizes)
        lines.append(f"With C channels throughout: {many}·{cells}C² against {prod(best.sizes)}C².")
    if len(found) > 1:
        saved, instead = sum(one.saved for one in found), sum(one.instead for one in found)
        lines.append(f"{every(len(found))} such stacks save {saved:,} of {instead:,} weights.")
    yield Answer(f"Why {what}, and not one {large}?", tuple(lines))


def _seen(stack: Stack) -> Iterator[Equation]:
    axes = [
        (total([1, *[group(formula(size) - 1) for size in axis if size > 1]]), size)
        for axis, size in zip(zip(*[one.sizes for one in stack.kernels], strict=True), stack.sizes, strict=True)
    ]
    for worked in dict.fromkeys(worked for worked, _ in axes):
        yield Equation("field", worked, remark="along each axis" if len(axes) > 1 and len(set(axes)) == 1 else "")


def _stacked(stack: Stack) -> Formula:
    each = [product([*one.sizes, one.channels, one.filters]) for one in stack.kernels]
    return formula(len(each)) * group(each[0]) if len({one.text for one in each}) == 1 else total(each)


def _single(stack: Stack) -> Formula:
    return product([*stack.sizes, stack.kernels[0].channels, stack.kernels[-1].filters])


def _bends(view: View, stack: Stack) -> str:
    """How many activations stand within and behind a stack."""
    bends = 0
    for kernel in stack.kernels:
        at = kernel.index
        while len(view.readers[at]) == 1 and view.passes(view.readers[at][0]):
            (at,) = view.readers[at]
            bends += view.layer(at).role == "activation"
    return f", and {count(bends)} activations in place of one" if bends > 1 else ""
