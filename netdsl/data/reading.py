"""Data of every form, in parts."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from netdsl.data import folders, idx, npz
from netdsl.data.part import Data, DataError, Part
from netdsl.data.split import TEST, VALIDATION, split

_FORMS = "it is a folder of idx files, a folder of class folders, or an .npz file"


def read(path: str | os.PathLike[str], *, seed: int = 0, validation: float = 0.1, test: float = 0.2) -> Data:
    """Examples to train and to try a network on.

    A folder of idx files with MNIST's names (also .gz), a folder of class folders of pictures, with `train/` and
    `test/` (or `val/`) if split, or an `.npz` with x_train, y_train, x_test and y_test.

    Where there is no validation part it is a share of the training part by the seed. Where there is no test part it is
    a share too, which no seed changes, so that what is tried on it has never learned from it. Both have the same share
    of each class, and are the same on every machine.

    Raises DataError, and OSError for what cannot be read.
    """
    root = Path(path)
    parts, names, notes = _parts(root)
    train = parts["train"]
    classes = _classes(root, parts, names)
    counts = np.bincount(train.labels, minlength=len(classes))
    if lacking := [classes[index] for index in np.flatnonzero(counts == 0).tolist()]:
        notes.append(f"no example is of the class {folders.some(lacking)}")
    tried = parts.get("test")
    if tried is None and test:
        train, tried = split(train, test, 0, TEST)
        notes.append(f"there is no test part: {len(tried):,} of {len(parts['train']):,} examples are kept for it")
    learned = parts.get("validation")
    if learned is None:
        train, learned = split(train, validation, seed, VALIDATION)
    return Data(root, classes, train, learned, tried, tuple(notes))


def _parts(root: Path) -> tuple[Mapping[str, Part], Sequence[str], list[str]]:
    """The parts that there are, names of classes where they have some, and notes."""
    if root.is_dir():
        if found := idx.files(root, os.listdir(root)):
            return {name: idx.part(kinds) for name, kinds in found.items()}, (), []
        return folders.read(root)
    if root.suffix.lower() == ".npz" and (root.is_file() or not root.exists()):
        parts, names = npz.read(root)
        return parts, names, []
    root.stat()
    packed = root.name.lower().endswith((".zip", ".tar", ".gz", ".tgz", ".bz2", ".xz", ".7z", ".rar"))
    raise DataError(root, "is none of the forms of data", "unpack it first" if packed else _FORMS)


def _classes(root: Path, parts: Mapping[str, Part], names: Sequence[str]) -> tuple[str, ...]:
    """The names of the classes, which are their numbers where they have none. Raises DataError."""
    there = np.unique(parts["train"].labels)
    for part in parts.values():
        for index in np.flatnonzero(~np.isin(part.labels, there))[:1].tolist():
            reason = f"{part.name(index)} is of class {part.labels[index]}, which the train part has not"
            raise DataError(root, reason)
    count = int(there[-1]) + 1
    if names and count > len(names):
        raise DataError(root, f"has {count} classes, and names of {len(names)}")
    return tuple(names) or tuple(map(str, range(count)))
