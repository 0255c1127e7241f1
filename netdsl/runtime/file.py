"""What a compiled file says of itself, read without loading it."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any, TypeGuard, cast

from netdsl.runtime.archive import Archive, ArchiveError

MEANINGS = ("scores", "probabilities", "log-probabilities", "independent", "distances", "map")
"""What an output may give for each class; `independent` are probabilities that do not exclude one another."""

TEXTS = ("source.net", "title.txt", "meta.json", "inputs.json", "outputs.json", "meanings.json", "target.json")
"""The texts that a file holds beside its code, in a folder `extra`."""

_TEXT, _JSON = 4_000_000, 2**20
"""Bytes of a program, which netdsl reads no more of, and of each other text."""
_SIZE, _VALUES, _BATCH = 2**31 - 1, 2**31, 2**20
_AXES = 8
"""The most that an axis, all the values of an input, and a batch may count, and how many axes there may be."""
_DEVICE = re.compile(r"[a-z]+(:\d{1,3})?")
_WIDEST = 120
"""Characters of a card in one line."""


@dataclass(eq=False)
class NotCompiledError(Exception):
    """A file that `netdsl compile` did not write."""

    path: Path
    reason: str

    def __str__(self) -> str:
        return f"{self.path} is no compiled network: {self.reason}"


@dataclass(eq=False)
class UntrustedError(NotCompiledError):
    """A file that may do more than compute, and is not run unless it is trusted."""

    def __str__(self) -> str:
        return f"{self.path} may do more than compute and is not run: {self.reason}"


@dataclass(frozen=True)
class Card:
    """The texts of a compiled file. Dims are of one example, spatial sizes first, channels last.

    `source` is the text of the program, without the files that it uses. `devices` has those that the inputs have to be
    on, by name; it is empty for a file that runs on whatever device it is loaded on. `meanings` says by output what it
    gives for each class, one of MEANINGS; it is empty for a file that does not say.
    """

    title: str
    meta: Mapping[str, str | int | float]
    inputs: Mapping[str, Sequence[int]]
    outputs: Mapping[str, Sequence[int]]
    target: str
    precision: str
    batch: int
    source: str
    devices: Mapping[str, str]
    meanings: Mapping[str, str]

    def __repr__(self) -> str:
        dims = (
            ", ".join(f"{name} {'x'.join(map(str, sizes))}" for name, sizes in named.items())
            for named in (self.inputs, self.outputs)
        )
        about = f"{self.title!a}: {' -> '.join(dims)}; {self.target}, {self.precision}, batch {self.batch}"
        return f"<{type(self).__name__} {about[:_WIDEST]}>"


@dataclass(frozen=True)
class Compiled:
    """A compiled file that is open: what it says of itself, and its members."""

    path: Path
    card: Card
    archive: Archive


@contextmanager
def opened(path: Path) -> Generator[Compiled]:
    """A compiled file, which stays open. Raises NotCompiledError, and OSError for one that cannot be read."""
    with path.open("rb") as file:
        try:
            archive = Archive(file)
            made = _card(archive)
        except ArchiveError as error:
            raise NotCompiledError(path, str(error)) from None
        yield Compiled(path, made, archive)


def card(path: str | PathLike[str]) -> Card:
    """What a compiled file says of itself. Raises NotCompiledError, and OSError for a file that cannot be read."""
    with opened(Path(path)) as compiled:
        return compiled.card


def _card(archive: Archive) -> Card:
    """The texts, each of the type that it has to be of. Raises ArchiveError."""

    def text(name: str) -> str:
        if f"extra/{name}" not in archive.members:
            raise ArchiveError("it does not say what it was compiled from and for")
        try:
            return archive.read(f"extra/{name}", _TEXT if name == "source.net" else _JSON).decode("utf-8")
        except UnicodeDecodeError:
            raise _wrong(name) from None

    def value(name: str) -> Any:
        try:
            return json.loads(text(name), parse_constant=float)
        except (ValueError, RecursionError):
            raise _wrong(name) from None

    def mapping(name: str, fits: Callable[[Any], bool]) -> dict[str, Any]:
        found = value(name)
        if not _is_mapping(found) or not all(map(fits, found.values())):
            raise _wrong(name)
        return found

    inputs, outputs = mapping("inputs.json", _are_dims), mapping("outputs.json", _are_dims)
    made = mapping("target.json", lambda _: True)
    target, precision, batch = (made.get(name) for name in ("target", "precision", "batch"))
    devices = made.get("devices", {})
    meanings = mapping("meanings.json", MEANINGS.__contains__) if "extra/meanings.json" in archive.members else {}
    right = (
        isinstance(target, str)
        and isinstance(precision, str)
        and _is_count(batch, _BATCH)
        and all(batch * math.prod(dims) <= _VALUES for dims in inputs.values())
        and _is_mapping(devices)
        and all(isinstance(one, str) and _DEVICE.fullmatch(one) for one in devices.values())
        and (not devices or devices.keys() == inputs.keys())
    )
    if not right or not inputs or not outputs:
        raise _wrong("inputs.json" if not inputs else "outputs.json" if not outputs else "target.json")
    return Card(
        text("title.txt"),
        mapping("meta.json", _is_fact),
        inputs,
        outputs,
        cast("str", target),
        cast("str", precision),
        cast("int", batch),
        text("source.net"),
        devices,
        meanings,
    )


def _wrong(name: str) -> ArchiveError:
    return ArchiveError(f"its {name} is not what netdsl writes")


def _is_mapping(value: Any) -> TypeGuard[dict[str, Any]]:
    return isinstance(value, dict)


def _is_count(value: Any, most: int) -> TypeGuard[int]:
    return type(value) is int and 1 <= value <= most


def _are_dims(value: Any) -> bool:
    if not isinstance(value, list):
        return False
    sizes = cast("list[Any]", value)
    return 1 <= len(sizes) <= _AXES and all(_is_count(size, _SIZE) for size in sizes) and math.prod(sizes) <= _VALUES


def _is_fact(value: Any) -> bool:
    return isinstance(value, str) or (type(value) in (int, float) and math.isfinite(value))
