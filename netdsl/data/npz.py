"""`.npz` files with x_train, y_train, x_test and y_test. Nothing in them is run."""

from __future__ import annotations

import ast
import struct
import zipfile
import zlib
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from errno import EINVAL
from math import prod
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, cast

import numpy as np

from netdsl.data import memory
from netdsl.data.arrays import labelled, pictures, rows
from netdsl.data.part import DataError, Part, Rows
from netdsl.text import safe

if TYPE_CHECKING:
    from numpy.typing import NDArray

_MAGIC = b"\x93NUMPY"
_HEADER = 10_000
"""Bytes of an array's header at most, as NumPy has it."""
_NAMES = {"train": "train", "val": "validation", "test": "test"}
_UNSOUND = (
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    NotImplementedError,
    OSError,
    RuntimeError,
    ValueError,
    struct.error,
)
"""What zipfile raises for an archive that is damaged, encrypted or of a kind that it does not read."""


def read(path: Path) -> tuple[Mapping[str, Part], tuple[str, ...]]:
    """The parts of a file by name, and the names of classes where it has them. Raises DataError and OSError."""
    with path.open("rb") as data:
        try:
            with zipfile.ZipFile(data) as archive:
                return _parts(path, archive)
        except _UNSOUND as error:
            if isinstance(error, OSError) and error.errno != EINVAL:  # which an offset before the file's start gives
                raise
            reason = f"is no sound .npz file ({error or type(error).__name__})"
            raise DataError(path, reason, "save it anew by np.savez_compressed") from None


def _parts(path: Path, archive: zipfile.ZipFile) -> tuple[Mapping[str, Part], tuple[str, ...]]:
    members = {info.filename.removesuffix(".npy"): info for info in archive.infolist()}
    if "x_train" not in members or "y_train" not in members:
        there = safe.line(", ".join(sorted(members)[:8])) or "nothing"
        raise DataError(
            path, f"has no x_train and y_train, but {there}", "np.savez_compressed(path, x_train=…, y_train=…)"
        )
    found: dict[str, Part] = {}
    for name, part in _NAMES.items():
        x, y = f"x_{name}", f"y_{name}"
        if (x in members) != (y in members):
            there, missing = (x, y) if x in members else (y, x)
            raise DataError(path, f"has {there}, and no {missing}")
        if x in members:
            values, labels = _array(path, archive, members[x], x), _array(path, archive, members[y], y)
            shown = rows(path, values, x) if values.ndim == 2 else pictures(path, values, x)
            found[part] = labelled(shown, labels, path, path, y)
    _alike(path, found)
    return found, _classes(path, archive, members)


def _alike(path: Path, parts: Mapping[str, Part]) -> None:
    """Raise DataError where some parts are rows of numbers, and others are not, or are longer."""
    widths = {name: part.width if isinstance(part, Rows) else 0 for name, part in parts.items()}
    for name, width in widths.items():
        if width != widths["train"]:
            one, other = (f"rows of {each} numbers" if each else "pictures" for each in (widths["train"], width))
            raise DataError(path, f"has {one} to train on, and {other} for {name}")


def _classes(path: Path, archive: zipfile.ZipFile, members: Mapping[str, zipfile.ZipInfo]) -> tuple[str, ...]:
    if "classes" not in members:
        return ()
    values = _array(path, archive, members["classes"], "classes", kinds="U")
    if values.ndim != 1:
        raise DataError(path, f"classes has {values.ndim} axes, and is one row of names")
    names = cast(list[str], values.tolist())
    twice = next((name for name, count in Counter(names).items() if count > 1), None)
    if twice is not None:
        raise DataError(path, f"classes has {safe.line(twice)!r} twice")
    return tuple(names)


def _array(path: Path, archive: zipfile.ZipFile, info: zipfile.ZipInfo, name: str, kinds: str = "biuf") -> NDArray[Any]:
    """An array of one of some kinds. Raises DataError, and what zipfile raises."""
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise DataError(path, f"{name} is compressed otherwise than NumPy does", "save it by np.savez_compressed")
    most = info.compress_size * (memory.DEFLATED if info.compress_type == zipfile.ZIP_DEFLATED else 1)
    with archive.open(info) as file:
        dtype, shape, fortran = _header(path, file, name)
        if dtype.kind not in kinds:
            what = "Python objects, which are not read" if dtype.hasobject else str(dtype)
            wanted = "names" if kinds == "U" else "numbers"
            raise DataError(
                path, f"{name} holds {what}, and is an array of {wanted}", "np.asarray(…, dtype) makes it one"
            )
        size = prod(shape) * dtype.itemsize
        if size > most:
            shown = "x".join(map(str, shape))
            raise DataError(path, f"{name} is cut off: its header says {shown}, which is more than it can hold")
        memory.held(path, size)
        values = np.empty(size, np.uint8)
        if (there := memory.filled(file, values)) < size:
            raise DataError(path, f"{name} is cut off: {there:,} bytes of {size:,} are there")
        file.read(1)  # its end, where the sum over all of it is compared
    return values.view(dtype).reshape(shape, order="F" if fortran else "C")


def _header(path: Path, file: IO[bytes], name: str) -> tuple[np.dtype[Any], tuple[int, ...], bool]:
    """What an array's header says: its type, its shape and the order of its values."""
    start = file.read(8)
    if len(start) < 8 or start[:6] != _MAGIC:
        raise DataError(path, f"{name} is no array of NumPy's")
    length = int.from_bytes(file.read(2 if start[6] == 1 else 4), "little")
    text = file.read(min(length, _HEADER + 1))
    with suppress(ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        found = ast.literal_eval(text[:_HEADER].decode("latin-1"))
        if isinstance(found, dict):
            descr, fortran, shape = (
                cast(dict[str, object], found).get(key) for key in ("descr", "fortran_order", "shape")
            )
            if isinstance(descr, str) and isinstance(fortran, bool) and isinstance(shape, tuple):
                sizes = cast(tuple[object, ...], shape)
                if len(sizes) <= 8 and all(type(size) is int and 0 <= size < 2**48 for size in sizes):
                    return np.dtype(descr), cast(tuple[int, ...], sizes), fortran
    raise DataError(path, f"{name} has a damaged header", "save it anew by np.savez_compressed")
