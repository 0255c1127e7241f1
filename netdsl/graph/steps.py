"""Recursion without Python's limit: functions that `yield` the calls they would make.

def depth(tree):
    return 1 + max([(yield depth(child)) for child in tree.children], default=0)

run(depth(tree))
"""

from __future__ import annotations

from collections.abc import Generator
from typing import Any, TypeAlias, TypeVar

T = TypeVar("T")
Steps: TypeAlias = Generator["Steps[Any]", Any, T]


def run(steps: Steps[T]) -> T:
    """Run to the end, and give what it returned. An exception travels through the callers as usual."""
    stack: list[Steps[Any]] = [steps]
    value: Any = None
    error: BaseException | None = None
    while stack:
        top = stack[-1]
        try:
            called = top.send(value) if error is None else top.throw(error)
        except StopIteration as stop:
            stack.pop()
            value, error = stop.value, None
        except Exception as raised:
            stack.pop()
            value, error = None, raised
        else:
            stack.append(called)
            value, error = None, None
    if error is not None:
        raise error
    return value
