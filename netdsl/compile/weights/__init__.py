"""Weights from elsewhere: read from a file, found for each tensor of a network by name or by order, and put there."""

from netdsl.compile.weights.fill import fill, filled
from netdsl.compile.weights.place import load
from netdsl.compile.weights.read import read

__all__ = ["fill", "filled", "load", "read"]
