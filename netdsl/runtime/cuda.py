"""A module on a GPU."""

from netdsl.runtime.cpu import Run, prepare

__all__ = ["Run", "prepare"]
