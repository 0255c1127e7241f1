"""PyTorch source that needs nothing of netdsl: a class for each block, and the network as the last one."""

from netdsl.compile.source.text import text, write

__all__ = ["text", "write"]
