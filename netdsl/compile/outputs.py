"""The NamedTuples that networks return where they have several outputs."""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Callable, Sequence
from functools import cache
from hashlib import sha256
from itertools import takewhile
from typing import Any

from netdsl.runtime import private


def of(fields: Sequence[str]) -> Callable[..., Any]:
    """The NamedTuple of some fields, which are identifiers.

    Its name says them, so that a pickled network finds it: `Outputs_4_3_prob_aux` has fields of 4 and 3 letters.
    """
    return _named("_".join(["Outputs", *[str(len(field)) for field in fields], *fields]))


@cache
def _named(name: str) -> Callable[..., Any]:
    lengths = list(takewhile(str.isdigit, name.split("_")[1:]))
    rest = name.removeprefix("_".join(["Outputs", *lengths]))
    fields: list[str] = []
    for length in map(int, lengths):
        fields.append(rest[1 : 1 + length])
        rest = rest[1 + length :]
    outputs = namedtuple(name, fields, module=__name__)  # pyright: ignore[reportUntypedNamedTuple]
    digest = sha256(name.encode()).hexdigest()[:16]
    # What users of the file see:
    setattr(outputs, private.QUALNAME, f"__torch__.netdsl._{digest}.Outputs")
    return outputs


def __getattr__(name: str) -> Callable[..., Any]:
    if name.startswith("Outputs_"):
        return _named(name)
    raise AttributeError(f"module {__name__} has no attribute {name}")
