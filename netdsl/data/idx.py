"""Folders of idx files with MNIST's names, packed by gzip or not."""

from __future__ import annotations

import gzip
import os
import re
import struct
import zlib
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from math import prod
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import numpy as np

from netdsl.data import memory
from netdsl.data.arrays import labelled, pictures
from netdsl.data.part import DataError, Part

if TYPE_CHECKING:
    from numpy.typing import NDArray

_NAME = re.compile(r"(.*-)?(train|t10k|test)[-_.]?(images|labels)[-_.]idx[1-4][-_.]ubyte(\.gz)?", re.IGNORECASE)
_TYPES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
_PACKED = b"\x1f\x8b"

Found = Mapping[str, Mapping[str, Path]]
"""Of each part, `train` and perhaps `test`, the files of its `images` and `labels`."""


def is_one(name: str) -> bool:
    """Whether a file is called as idx files are."""
    return _NAME.fullmatch(name) is not None


def files(folder: Path, names: Sequence[str]) -> Found:
    """The idx files among a folder's; of one that is there packed and unpacked the latter. Raises DataError."""
    found: dict[str, dict[str, Path]] = {}
    series = dict[str, str]()
    for name in sorted(names, key=lambda name: (name.lower().endswith(".gz"), name)):
        if (match := _NAME.fullmatch(name)) and (folder / name).is_file():
            prefix, part, kind, _ = match.groups()
            series.setdefault(prefix or "", name)
            found.setdefault("train" if part.lower() == "train" else "test", {}).setdefault(kind.lower(), folder / name)
    if len(series) > 1:
        one, other, *_ = series.values()
        reason = f"has idx files of several sets, as {one} and {other}"
        raise DataError(folder, reason, "give each set a folder of its own")
    for kinds in found.values():
        for kind, other in (("images", "labels"), ("labels", "images")):
            if kind not in kinds:
                raise DataError(folder, f"has {kinds[other].name}, and not the {kind} that belong to it")
    if found and "train" not in found:
        raise DataError(folder, "has no train-images-idx3-ubyte, packed or not", "it is wanted beside the test part")
    return found


def part(kinds: Mapping[str, Path]) -> Part:
    """The examples of two files. Raises DataError and OSError."""
    labels = _array(kinds["labels"], (1,), "labels are one row")
    shown = _array(kinds["images"], (3, 4), "pictures have three sizes: how many, rows, columns")
    return labelled(pictures(kinds["images"], shown), labels, kinds["images"], kinds["labels"])


def _array(path: Path, ranks: Sequence[int], wanted: str) -> NDArray[Any]:
    """What an idx file holds, of one of some numbers of axes. Raises DataError and OSError."""
    with ExitStack() as stack:
        file: IO[bytes] | gzip.GzipFile = stack.enter_context(path.open("rb"))
        most = os.fstat(file.fileno()).st_size
        packed = file.read(2) == _PACKED
        file.seek(0)
        if packed:
            most *= memory.DEFLATED
            file = stack.enter_context(gzip.GzipFile(fileobj=file))
        try:
            return _read(path, file, most, ranks, wanted)
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise DataError(path, f"is damaged or cut off ({error})", "fetch it anew") from None


def _read(path: Path, file: IO[bytes] | gzip.GzipFile, most: int, ranks: Sequence[int], wanted: str) -> NDArray[Any]:
    start = file.read(4)
    if not start:
        raise DataError(path, "is empty", "fetch it anew")
    if len(start) < 4 or start[:2] != b"\0\0" or start[2] not in _TYPES:
        reason = f"is no idx file: it begins with {start.hex(' ')}"
        raise DataError(path, reason, "one of bytes begins with 00 00 08, and the number of its axes")
    if start[3] not in ranks:
        raise DataError(path, f"has {start[3]} axes, where {wanted}", "are images and labels mistaken for each other?")
    header = file.read(4 * start[3])
    if len(header) < 4 * start[3]:
        raise DataError(path, "is cut off within its header", "fetch it anew")
    sizes = struct.unpack(f">{start[3]}I", header)
    dtype = np.dtype(_TYPES[start[2]])
    size = prod(sizes) * dtype.itemsize
    if size > most:
        reason = f"is cut off: its header says {'x'.join(map(str, sizes))}, which is more than it can hold"
        raise DataError(path, reason, "fetch it anew")
    memory.held(path, size)
    values = np.empty(size, np.uint8)
    there = memory.filled(file, values)
    if there < size:
        raise DataError(path, f"is cut off: {there:,} bytes of {size:,} are there", "fetch it anew")
    if file.read(1):
        raise DataError(path, f"has more than the {size:,} bytes that its header says", "fetch it anew")
    return values.view(dtype).reshape(sizes)
