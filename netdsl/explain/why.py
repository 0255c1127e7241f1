"""Why a network is as it is: each topic looks for its cases among some layers, and tells them with their numbers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from netdsl.explain import devices, pointwise, shortcuts, shrinking, stacks
from netdsl.explain.view import View
from netdsl.layers.answer import Answer

TOPICS: tuple[Callable[[View, frozenset[int]], Iterator[Answer]], ...] = (
    stacks.answers,
    pointwise.answers,
    shortcuts.answers,
    shrinking.answers,
    devices.answers,
)


def answers(view: View, focus: Iterable[int]) -> Iterator[Answer]:
    """What every topic has to say of some layers."""
    chosen = frozenset(focus)
    for topic in TOPICS:
        yield from topic(view, chosen)
