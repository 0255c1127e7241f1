"""The weights of a .caffemodel: the few fields of protobuf's wire format that hold them, read where they lie.

The file is mapped, and a blob shows its values without a copy, so that its size alone takes no memory. Nothing is
believed that the file says of lengths: each is held against the bytes that there are.
"""

from __future__ import annotations

import mmap
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from netdsl.interchange import mistakes
from netdsl.interchange.flat import at_node
from netdsl.interchange.gathering import failed

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_LAYER, _LAYERS = 100, 2
"""Fields of a network: layers of the second version, and of the first."""
_NAMES, _BLOBS = {_LAYER: 1, _LAYERS: 4}, {_LAYER: 7, _LAYERS: 6}
_DATA, _DOUBLE = 5, 8
_FIXED = {1: 8, 5: 4}
_TEXT = re.compile(rb"[\s\w#\"':{}.-]{20}")
_MOST_FIELDS = 1_000_000
"""Fields outside of packed values: layers and blobs have dozens each."""


class _Damaged(Exception):
    """What is wrong with the bytes."""


def read(path: Path) -> dict[str, Sequence[NDArray[np.float32]]]:
    """The blobs of each layer by its name, as vectors. Raises ForeignError for what is no such file, and OSError."""
    with path.open("rb") as file:
        data = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) if path.stat().st_size else b"")
    found: dict[str, Sequence[NDArray[np.float32]]] = {}
    try:
        left = [_MOST_FIELDS]
        for number, value in _fields(data, left):
            if number not in _NAMES or not isinstance(value, memoryview):
                continue
            name, blobs = "", list[memoryview]()
            for inner, held in _fields(value, left):
                if not isinstance(held, memoryview):
                    continue
                if inner == _NAMES[number]:
                    name = bytes(held[:1000]).decode("utf-8", errors="replace")
                elif inner == _BLOBS[number]:
                    blobs.append(held)
            if blobs:
                found[name] = [_values(one, left) for one in blobs]
        if not found:
            raise _Damaged("it has no layer with weights")
    except _Damaged as error:
        hint = "it is text: the .caffemodel that was trained of it is wanted" if _TEXT.match(bytes(data[:80])) else ""
        raise failed(mistakes.Broken(f"this is no .caffemodel: {error}", hint), at_node(str(path), "", "?")) from None
    return found


def _values(blob: memoryview, left: list[int]) -> NDArray[np.float32]:
    """The values of a blob: packed, as Caffe writes them, or one by one."""
    import numpy as np

    parts: list[NDArray[np.float32]] = []
    single = bytearray()
    for number, value in _fields(blob, left):
        if number == _DATA and isinstance(value, bytes):
            single += value
        elif number in (_DATA, _DOUBLE) and isinstance(value, memoryview):
            kind = np.dtype("<f4" if number == _DATA else "<f8")
            if len(value) % kind.itemsize:
                raise _Damaged("a blob ends within a number")
            parts.append(np.frombuffer(value, kind).astype(np.float32, copy=False))
    if single:
        parts.append(np.frombuffer(single, "<f4"))
    return parts[0] if len(parts) == 1 else np.concatenate(parts or [np.zeros(0, np.float32)])


def _fields(data: memoryview, left: list[int]) -> Iterator[tuple[int, memoryview | bytes | int]]:
    """The fields of a message by number: stretches of bytes, fixed ones, or whole numbers. Raises _Damaged."""
    at, end = 0, len(data)
    while at < end:
        left[0] -= 1
        if left[0] < 0:
            raise _Damaged(f"it has more than {_MOST_FIELDS:,} fields")
        key, at = _number(data, at)
        number, wire = key >> 3, key & 7
        if wire == 0:
            value, at = _number(data, at)
            yield number, value
            continue
        size, at = (_FIXED[wire], at) if wire in _FIXED else _number(data, at) if wire == 2 else (-1, at)
        if not number or not 0 <= size <= end - at:
            raise _Damaged(f"its bytes make no message at {at:,}")
        yield number, data[at : at + size] if wire == 2 else bytes(data[at : at + size])
        at += size


def _number(data: memoryview, at: int) -> tuple[int, int]:
    """A whole number of seven bits a byte, and where it ends."""
    value = 0
    for place in range(10):
        if at + place >= len(data):
            break
        byte = data[at + place]
        value |= (byte & 127) << 7 * place
        if byte < 128:
            return value, at + place + 1
    raise _Damaged(f"a number never ends at {at:,}")
