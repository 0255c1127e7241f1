"""Parts a repeat whose first copy has to differ from the others."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from netdsl.text import tree
from netdsl.text.advice import Edit, edited
from netdsl.text.source import Span
from netdsl.transform.program import Program


def parted(program: Program, element: tree.Element) -> Program:
    """The program with `dense() x3` as `dense() -> dense() x2`; a label stays with the last, which it means.

    Where the number of a copy has a name, the first is `x1 as i`, and of the others it is one more.
    """
    assert element.repeat is not None
    primary = element.primary.span.text
    device = f" {element.device.span.text}" if element.device is not None else ""
    further, moved, number = primary, device, ""
    if (index := element.repeat.index) is not None:
        edits = list(_counted_on(element, index.text))
        further = _within(element.primary.span, edits)
        moved = f" {_within(element.device.span, edits)}" if element.device is not None else ""
        number = f" as {index.text}"
    label = "" if element.label is None else element.label.text
    first = f"{primary} x1{number}{device}" if number else f"{primary}{device}"
    first = f"{label}_first: {first}" if label else first
    rest = f"{label}: {further}" if label else further
    count = _fewer(element.repeat) or " x1" * bool(number)
    return program.edited([Edit(element.span, f"{first} -> {rest}{count}{number}{moved}")])


def _fewer(repeat: tree.Count) -> str:
    """The repeat of one copy less."""
    value = repeat.value
    if isinstance(value, tree.Literal) and isinstance(value.value, int):
        return "" if value.value == 2 else f" x{value.value - 1}"
    return f" x{{{value.span.text} - 1}}"


def _within(span: Span, edits: Sequence[Edit]) -> str:
    """A stretch of the program after those of the edits that are in it."""
    inside = [one for one in edits if span.start <= one.span.start and one.span.end <= span.end]
    moved = [
        Edit(Span(span.source, one.span.start - span.start, one.span.end - span.start), one.text) for one in inside
    ]
    return edited(span.text, moved)


def _counted_on(element: tree.Element, name: str) -> Iterator[Edit]:
    """The edits by which a number is one more wherever a copy reads it."""
    pending = [element]
    while pending:
        one = pending.pop()
        if one is not element and one.repeat is not None:
            yield from _raised([one.repeat.value], name)
            if one.repeat.index is not None and one.repeat.index.text == name:
                continue  # within it the name is that of its own copies
        if one.device is not None:
            yield from _raised([one.device.value], name)
        match one.primary:
            case tree.Layer(arguments=arguments):
                for given in arguments:
                    yield from _raised([given.value], name, bare=isinstance(given.value, tree.Name))
            case tree.Call(arguments=arguments):
                yield from _raised([given.value for given in arguments], name)
            case tree.Fork(branches):
                pending += [inner for branch in branches for inner in branch.elements]
            case tree.Group(chain):
                pending += chain.elements
            case tree.Name():
                pass


def _raised(values: Sequence[tree.Expression], name: str, *, bare: bool = False) -> Iterator[Edit]:
    """The edits of some values, or of one that stands bare."""
    for found in tree.names(values):
        if found.text == name:
            yield Edit(found.span, f"{{{name} + 1}}" if bare else f"({name} + 1)")
