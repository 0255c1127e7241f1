"""Folders of pictures, a folder for each class."""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from netdsl.data import idx
from netdsl.data.part import DataError, Files

SUFFIXES = frozenset(
    f".{name}"
    for name in (
        *("bmp", "dib", "gif", "jfif", "jp2", "jpe", "jpeg", "jpg", "pbm", "pgm", "png", "pnm", "ppm"),
        *("tga", "tif", "tiff", "webp", "avif"),
    )
)
_PARTS = {
    **dict.fromkeys(("train", "training"), "train"),
    **dict.fromkeys(("val", "valid", "validation"), "validation"),
    **dict.fromkeys(("test", "testing"), "test"),
}
_ASKED = "a class is a folder of pictures: DATA/cat/1.png, or DATA/train/cat/1.png and DATA/test/cat/2.png"
_UNSEEN = frozenset(("thumbs.db", "desktop.ini", "__macosx"))
"""What systems leave in folders, beside what begins with a dot."""


@dataclass
class Met:
    """What was met on the way that is no picture of a class."""

    others: list[str] = field(default_factory=list[str])
    empty: list[str] = field(default_factory=list[str])

    def notes(self) -> Iterator[str]:
        """A sentence about each kind."""
        if self.empty:
            yield f"no pictures are in {some(sorted(self.empty))}, which is left out"
        if self.others:
            yield f"what is no picture of a class is passed over: {some(sorted(self.others))}"


def some(names: list[str]) -> str:
    """Some names, and how many more there are."""
    further = f" and {len(names) - 3:,} others" if len(names) > 3 else ""
    return ", ".join(names[:3]) + further


def read(root: Path) -> tuple[Mapping[str, Files], tuple[str, ...], list[str]]:
    """The parts of a folder by name, its classes, and notes. Raises DataError and OSError."""
    met = Met()
    folders, files, others = _entries(root)
    split = _split(root, folders)
    found: dict[str, dict[str, list[str]]] = {}
    if split:
        met.others += [*files, *others, *(f"{name}/" for name in folders if name not in split)]
        for folder, part in split.items():
            found[part] = _classes(root, folder, met)
    else:
        found["train"] = _classes(root, "", met)
    _whole(root, found, [] if split else folders, met)
    classes = tuple(sorted(found["train"]))
    for part, inside in found.items():
        for name in sorted(inside):
            if name not in found["train"]:
                one = root / inside[name][0]
                reason = f"is of the class {name!r} of the {part} part, which the train part has not"
                raise DataError(one, reason, f"its classes are {some(list(classes))}")
    return {part: _files(root, classes, inside) for part, inside in found.items() if inside}, classes, list(met.notes())


def _entries(folder: Path) -> tuple[list[str], list[str], list[str]]:
    """The folders, the files and what is neither in a folder, links followed, but for what systems hide."""
    folders, files, others = list[str](), list[str](), list[str]()
    with os.scandir(folder) as entries:
        for entry in entries:
            if not entry.name.startswith(".") and entry.name.lower() not in _UNSEEN:
                (folders if entry.is_dir() else files if entry.is_file() else others).append(entry.name)
    return folders, files, others


def _split(root: Path, folders: list[str]) -> Mapping[str, str]:
    """Which folder is which part; none where they are classes. Raises DataError where two are one part."""
    named = {name: _PARTS[name.lower()] for name in folders if name.lower() in _PARTS}
    parts = list(named.values())
    if len(set(parts)) < 2 and len(folders) > 1:
        return {}
    if "train" not in parts:
        if parts and len(parts) == len(folders):
            alone = root / min(folders)
            help = f"train is the folder that one learns from; {alone} alone is what `evaluate --split all` takes"
            raise DataError(root, f"has {some(sorted(folders))}, and no train", help)
        return {}
    if len(set(parts)) < len(parts):
        raise DataError(root, f"has {some(sorted(named))}, of which two are one part", "put them together")
    if len(set(parts)) == 2 and "validation" in parts:
        named = {name: "test" if part == "validation" else part for name, part in named.items()}
    return named


def _classes(root: Path, part: str, met: Met) -> dict[str, list[str]]:
    """The pictures of each class, by the path from the root, of a part's folder."""
    folders, files, others = _entries(root / part)
    met.others += [os.path.join(part, name) for name in files + others]
    found: dict[str, list[str]] = {}
    for folder in sorted(folders):
        pictures = list(_pictures(root, os.path.join(part, folder), met))
        if pictures:
            found.setdefault(_called(folder), []).extend(pictures)
        else:
            met.empty.append(os.path.join(part, folder))
    return found


def _pictures(root: Path, folder: str, met: Met) -> Iterator[str]:
    """The pictures in a folder and in those in it. A folder that links lead to again is not entered again."""
    left, seen = [folder], set[tuple[int, int]]()
    while left:
        at = left.pop()
        about = (root / at).stat()
        if (about.st_dev, about.st_ino) in seen:
            continue
        seen.add((about.st_dev, about.st_ino))
        folders, files, others = _entries(root / at)
        met.others += [os.path.join(at, name) for name in others]
        left += [os.path.join(at, name) for name in folders]
        for name in files:
            path = os.path.join(at, name)
            if os.path.splitext(name)[1].lower() in SUFFIXES:
                yield path
            else:
                met.others.append(path)


def _called(folder: str) -> str:
    """A class's name, the same on systems that write its letters otherwise."""
    return unicodedata.normalize("NFC", folder.encode(errors="surrogateescape").decode(errors="replace"))


def _files(root: Path, classes: tuple[str, ...], inside: Mapping[str, list[str]]) -> Files:
    """A part, in the order of its classes and of the names of its pictures."""
    ordered = [sorted(inside.get(name, []), key=_called) for name in classes]
    labels = np.repeat(np.arange(len(classes)), [len(pictures) for pictures in ordered])
    return Files(labels.astype(np.int64), root, [one for pictures in ordered for one in pictures])


def _whole(root: Path, found: Mapping[str, Mapping[str, list[str]]], folders: list[str], met: Met) -> None:
    """Raise DataError where there is nothing to learn from."""
    if not found["train"]:
        near = next(((root / one).parent for one in met.others if idx.is_one(os.path.basename(one))), None)
        help = _ASKED if near is None else f"name {near}"
        raise DataError(root, "has neither idx files with MNIST's names nor folders of pictures", help)
    if len(folders) == 1 and len(found) == 1:
        inner, _, _ = _entries(root / folders[0])
        files = [os.path.dirname(one) for pictures in found["train"].values() for one in pictures]
        if len(inner) > 1 and folders[0] not in files:
            raise DataError(root, f"has one folder, {folders[0]}, and folders in it", f"name {root / folders[0]}")
