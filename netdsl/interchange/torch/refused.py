"""Files of PyTorch that are no program of torch.export, or one that cannot be read without trust."""

from __future__ import annotations

from collections.abc import Collection
from typing import BinaryIO

from netdsl.interchange.flat import ForeignMistake


class NoProgram(ForeignMistake, code="syntax-error"):
    file: str
    why: str
    words = "{file} is no program of torch.export: {why}"


class Pickled(ForeignMistake, code="syntax-error"):
    name: str
    words = "{name} is pickled, and unpickling a file may run anything"
    advice = "write the file anew from plain tensors: torch.export.save with PyTorch 2.9 or later"


class OldFile(ForeignMistake, code="syntax-error"):
    file: str
    words = (
        "{file} was written by PyTorch 2.8 or earlier, which pickles weights, and unpickling a file may run anything"
    )
    advice = "where you trust it, write it anew: torch.export.save(torch.export.load(…), …) with PyTorch 2.9 or later"


class OtherFile(ForeignMistake, code="syntax-error"):
    """A file of PyTorch that is no program of torch.export."""

    file: str
    what: str
    hint: str
    words = "{file} is no program of torch.export, but {what}"


_COMPILED = (
    "what AOTInductor has compiled: machine code, and no network",
    "torch.export.save writes what it was made of",
)
_SCRIPT = "a TorchScript file", "its module was made of one in Python: netdsl.from_torch(module, sizes) takes that"
_PICKLED = (
    "a pickled module or its weights",
    "unpickling may run anything, and weights are no network: netdsl.from_torch(module, sizes) takes the module",
)


_FIRST = b"serialized_exported_program.json"
"""What the first archives of torch.export hold a program in, in no folder."""


def is_first(file: BinaryIO) -> bool:
    """Whether a file is one of the first archives, by its end, where an archive says what it holds."""
    size = file.seek(0, 2)
    file.seek(max(0, size - 2**16))
    return _FIRST in file.read()


def other(file: str, names: Collection[str]) -> ForeignMistake | None:
    """What an archive is that holds no program, by the names of its members; None for one that is of no kind."""
    if any(name.endswith(_FIRST.decode()) for name in names):
        return OldFile(file)
    if any(name.startswith("data/aotinductor/") for name in names):
        return OtherFile(file, *_COMPILED)
    if "data.pkl" in names:
        return OtherFile(file, *(_SCRIPT if any(name.startswith("code/") for name in names) else _PICKLED))
    return None
