"""What a compiled file says of itself, read without loading it."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from os import PathLike
from pathlib import Path
from typing import Any, TypeGuard, cast

from netdsl.runtime.archive import Archive, ArchiveError
from netdsl.runtime.preparation import Preparation

MEANINGS = ("scores", "probabilities", "log-probabilities", "independent", "distances", "map")
"""What an output may give for each class; `independent` are probabilities that do not exclude one another."""

_TEXT, _JSON = 4_000_000, 2**20
"""Bytes of a program, which netdsl reads no more of, or of names of classes, and of each other text."""
_LONG = ("source.net", "classes.json")
VERSION = 3
"""Of what is in the texts. A file of a version above is refused."""
_SIZE, _VALUES, _BATCH = 2**31 - 1, 2**31, 2**20
_CHANNELS, _LARGEST, _LEAST_CROP = 1024, 1e9, 1e-3
"""How many numbers a preparation may have for channels, how large they may be, and what of a side it keeps at least."""
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
    gives for each class, one of MEANINGS; it is empty for a file that does not say. `unfused` has the classes of
    modules that oneDNN's graph compiler has no equal for. `version` is that of the card. `classes` are the names of the
    first output's classes, and `preparation` is what happened to pictures in training; a file need not say either.
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
    unfused: Sequence[str] = ()
    version: int = VERSION
    classes: Sequence[str] = ()
    preparation: Preparation | None = None

    def __repr__(self) -> str:
        dims = (
            ", ".join(f"{name} {'x'.join(map(str, sizes))}" for name, sizes in named.items())
            for named in (self.inputs, self.outputs)
        )
        about = f"{self.title!a}: {' -> '.join(dims)}; {self.target}, {self.precision}, batch {self.batch}"
        return f"<{type(self).__name__} {about[:_WIDEST]}>"

    def texts(self) -> Mapping[str, str]:
        """The texts by name, which `card` reads again."""
        made = {name: getattr(self, name) for name in _MADE}
        data: dict[str, Any] = {name: getattr(self, name.partition(".")[0]) for name in TEXTS} | {"target.json": made}
        data["classes.json"] = [*self.classes]
        data["preparation.json"] = None if self.preparation is None else asdict(self.preparation)
        for name in data:
            if name.endswith(".json"):
                data[name] = json.dumps(data[name], ensure_ascii=False)
        return data


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


def _is_text(value: Any) -> TypeGuard[str]:
    return isinstance(value, str)


def _is_count(value: Any, most: int) -> TypeGuard[int]:
    return type(value) is int and 1 <= value <= most


def _are_dims(value: Any) -> bool:
    if not isinstance(value, list):
        return False
    sizes = cast("list[Any]", value)
    return 1 <= len(sizes) <= _AXES and all(_is_count(size, _SIZE) for size in sizes) and math.prod(sizes) <= _VALUES


def _is_fact(value: Any) -> bool:
    return isinstance(value, str) or (type(value) in (int, float) and math.isfinite(value))


def _is_device(value: Any) -> bool:
    return isinstance(value, str) and _DEVICE.fullmatch(value) is not None


def _each(fits: Callable[[Any], bool], least: int = 0) -> Callable[[Any], bool]:
    """Whether a value is a mapping, of so many entries at least, each of which fits."""

    def fit(value: Any) -> bool:
        values = list(cast("dict[Any, Any]", value).values()) if isinstance(value, dict) else None
        return values is not None and len(values) >= least and all(map(fits, values))

    return fit


def _are_classes(value: Any) -> bool:
    if not isinstance(value, list):
        return False
    names = cast("list[Any]", value)
    return all(map(_is_text, names)) and len(set(names)) == len(names)


def _are_numbers(value: Any, least: float) -> bool:
    if not isinstance(value, list):
        return False
    numbers = cast("list[Any]", value)
    return 1 <= len(numbers) <= _CHANNELS and all(
        type(one) in (int, float) and least <= one <= _LARGEST for one in numbers
    )


def _is_preparation(value: Any) -> bool:
    if value is None:
        return True
    if not isinstance(value, dict) or cast("dict[Any, Any]", value).keys() != _PREPARED.keys():
        return False
    return all(fits(value[name]) for name, fits in _PREPARED.items())


_PREPARED: Mapping[str, Callable[[Any], bool]] = {
    "mean": lambda value: _are_numbers(value, -_LARGEST),
    "std": lambda value: _are_numbers(value, 1 / _LARGEST),
    "size": lambda value: value in ("cover", "pad"),
    "crop": lambda value: type(value) in (int, float) and _LEAST_CROP <= value <= 1,
}
"""What each field of a preparation has to be."""
_TEXTS: Mapping[str, Callable[[Any], bool]] = {
    "source.net": _is_text,
    "title.txt": _is_text,
    "meta.json": _each(_is_fact),
    "inputs.json": _each(_are_dims, 1),
    "outputs.json": _each(_are_dims, 1),
    "meanings.json": _each(MEANINGS.__contains__),
    "target.json": _each(lambda value: True),
    "classes.json": _are_classes,
    "preparation.json": _is_preparation,
}
"""What each text has to be, once JSON is read."""
TEXTS = tuple(_TEXTS)
"""The texts that a file holds beside its code, in a folder `extra`."""
_MADE: Mapping[str, Callable[[Any], bool]] = {
    "version": lambda value: _is_count(value, VERSION),
    "target": _is_text,
    "precision": _is_text,
    "batch": lambda value: _is_count(value, _BATCH),
    "devices": _each(_is_device),
    "unfused": lambda value: isinstance(value, list) and all(map(_is_text, cast("list[Any]", value))),
}
"""What `target.json` says of a file as it is made."""
_FIRST: Mapping[str, Any] = {"version": 1, "devices": {}, "unfused": ["Pixels", "WinogradRows", "WinogradTiles"]}
"""What holds of a file that does not say it: of those of the first version."""
_LATER: Mapping[str, Any] = {"meanings.json": {}, "classes.json": [], "preparation.json": None}
"""What holds of a file without a text, which files had later than the others."""


def fits_classes(classes: int, channels: int) -> bool:
    """Whether an output of so many channels tells so many classes apart: one channel tells two."""
    return classes == channels or (classes, channels) == (2, 1)


def _card(archive: Archive) -> Card:
    """The card of a file, each text of which is what it has to be. Raises ArchiveError."""
    made: dict[str, Any] = {**_FIRST, **_value(archive, "target.json")}
    if type(made["version"]) is int and made["version"] > VERSION:
        raise ArchiveError("a newer netdsl compiled it, whose files this one does not read")
    said: dict[str, Any] = {name.partition(".")[0]: _value(archive, name) for name in TEXTS if name != "target.json"}
    inputs, devices = said["inputs"], made["devices"]
    if not (
        all(name in made and fits(made[name]) for name, fits in _MADE.items())
        and all(made["batch"] * math.prod(dims) <= _VALUES for dims in inputs.values())
        and (not devices or devices.keys() == inputs.keys())
    ):
        raise _wrong("target.json")
    if said["classes"] and not fits_classes(len(said["classes"]), next(iter(said["outputs"].values()))[-1]):
        raise _wrong("classes.json")
    if prepared := said["preparation"]:
        said["preparation"] = Preparation(**prepared | {name: tuple(prepared[name]) for name in ("mean", "std")})
    return Card(**said, **{name: made[name] for name in _MADE})


def _value(archive: Archive, name: str) -> Any:
    """What a text says. Raises ArchiveError."""
    if f"extra/{name}" not in archive.members:
        if name in _LATER:
            return _LATER[name]
        raise ArchiveError("it does not say what it was compiled from and for")
    try:
        text = archive.read(f"extra/{name}", _TEXT if name in _LONG else _JSON).decode("utf-8")
        value = json.loads(text, parse_constant=float) if name.endswith(".json") else text
    except (ValueError, RecursionError):
        raise _wrong(name) from None
    if not _TEXTS[name](value):
        raise _wrong(name)
    return value


def _wrong(name: str) -> ArchiveError:
    return ArchiveError(f"its {name} is not what netdsl writes")
