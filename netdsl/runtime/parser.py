"""Python's parser, which one thread may use at a time: up to Python 3.12 it counts how deep it is for all together."""

from __future__ import annotations

import ast
from threading import RLock

TURN = RLock()
"""Held by whoever has Python parsed, torch.jit.script for one; another thread's SystemError is what it prevents."""


def parse(code: str) -> ast.Module:
    """The syntax tree of some Python. Raises SyntaxError, and what else ast.parse raises."""
    with TURN:
        return ast.parse(code)
