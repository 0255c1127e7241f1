"""A map of names: a file in which each line says what a tensor or a scope of a file of weights is in the network."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from torch import Tensor

from netdsl import files
from netdsl.compile.errors import WeightsMapError
from netdsl.compile.weights.names import unwrapped
from netdsl.compile.weights.order import Match
from netdsl.text.suggest import did_you_mean

T = TypeVar("T")

_COMMENT = "#"
_TITLE = """\
# What each module of a file of weights is in the network: theirs = ours. A scope stands for all that is in it, and
# the longest name counts. What has nothing behind its = is passed over; what is not named has its own name.
"""


@dataclass(frozen=True)
class Renaming:
    """The lines of a map: what each name of theirs is here, "" for what is passed over."""

    path: Path
    names: Mapping[str, str]
    lines: Mapping[str, int]
    """The line of each."""

    def applied(self, tensors: Mapping[str, T], wanted: Collection[str]) -> Mapping[str, T]:
        """Tensors under their names in a network, whose tensors, and scopes, are `wanted`. Raises WeightsMapError."""
        found: dict[str, T] = {}
        by: dict[str, str] = {}
        used: set[str] = set()
        for name, tensor in tensors.items():
            theirs = self._longest(name)
            used.add(theirs)
            if self.names.get(theirs) == "":
                continue
            ours = self.names.get(theirs, "") + name[len(theirs) :]
            if ours in found:
                raise self._mistaken(theirs or self._longest(by[ours]), f"{by[ours]} and {name} would both be {ours}")
            found[ours], by[ours] = tensor, name
        for theirs, ours in self.names.items():
            if theirs not in used and not any(_below(name, theirs) for name in tensors):
                raise self._mistaken(theirs, _unknown(theirs, tensors, "the file has no"))
            if ours and not any(_below(name, ours) or _below(ours, name) for name in wanted):
                raise self._mistaken(theirs, _unknown(ours, wanted, "the network has no"))
        return found

    def _longest(self, name: str) -> str:
        """The longest name of a line that is this one or a scope around it; "" for none."""
        while name and name not in self.names:
            name = name.rpartition(".")[0]
        return name

    def _mistaken(self, theirs: str, reason: str) -> WeightsMapError:
        return WeightsMapError(self.path, self.lines.get(theirs, 1), reason)


def _below(name: str, scope: str) -> bool:
    return name == scope or name.startswith(f"{scope}.")


def _unknown(name: str, tensors: Collection[str], what: str) -> str:
    """What is said of a name that no tensor and no scope has."""
    known = dict.fromkeys(scope for one in tensors for scope in _around(one))
    near = did_you_mean(name, known)
    return f"{what} {name}" + (f"; {near}" if near else "")


def _around(name: str) -> list[str]:
    parts = name.split(".")
    return [".".join(parts[:depth]) for depth in range(1, len(parts) + 1)]


def read(path: Path) -> Renaming:
    """Read a map. Raises WeightsMapError, and OSError."""
    names: dict[str, str] = {}
    lines: dict[str, int] = {}
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise WeightsMapError(path, 1, "it is no text in UTF-8") from error
    for number, line in enumerate(text.split("\n"), 1):
        said = line.partition(_COMMENT)[0].strip()
        if not said:
            continue
        theirs, equals, ours = (one.strip() for one in said.partition("="))
        if not (theirs and equals) or len(theirs.split()) > 1 or len(ours.split()) > 1:
            raise WeightsMapError(path, number, "a line says theirs = ours, or theirs = for what is passed over")
        if theirs in names:
            raise WeightsMapError(path, number, f"{theirs} stands in line {lines[theirs]} too")
        names[theirs], lines[theirs] = ours, number
    return Renaming(path, unwrapped(names), unwrapped(lines))


def write(path: Path, found: Match, tensors: Mapping[str, Tensor]) -> None:
    """Write a map of what was found by order, whole or not at all. Raises OSError."""
    lines: list[str] = []
    for ours, theirs in found.pairs:
        pairs = {theirs.tensors[role]: name for role, name in ours.tensors.items()}
        if all(mine.removeprefix(ours.path) == name.removeprefix(theirs.path) for name, mine in pairs.items()):
            pairs = {theirs.path: ours.path}
        lines += [f"{name} = {mine}  # {theirs.shape}" for name, mine in pairs.items()]
    scopes = {theirs.path for _, theirs in found.pairs}
    whole = [name for name, tensor in tensors.items() if not tensor.is_floating_point()]
    passed = [*(one.path for one in found.passed), *(name for name in whole if name.rpartition(".")[0] not in scopes)]
    files.replace(path, "\n".join((_TITLE, *lines, *(f"{name} =" for name in passed), "")).encode())
