"""A program of torch.export as layers."""

from __future__ import annotations

from netdsl.interchange import normal
from netdsl.interchange.flat import Flat, ForeignError
from netdsl.interchange.torch import reader
from netdsl.interchange.torch.program import Program


def flat(program: Program) -> Flat:
    """The layers of a program. Raises ForeignError, whose `partial` is what stands before what cannot be said."""
    try:
        return normal.flat(reader.primitives(program))
    except reader.UnsaidCalls as error:
        error.partial = _partial(error.left)
        raise


def _partial(left: Program) -> Flat | None:
    """What can be said of what is left of a program."""
    if not left.outputs:
        return None
    try:
        return normal.flat(reader.primitives(left))
    except ForeignError as error:
        return error.partial
