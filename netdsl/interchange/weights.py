"""The weights of a foreign network as a safetensors file, under the names of its program."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from netdsl.files import File

if TYPE_CHECKING:
    from numpy.typing import NDArray

_LENGTH = 8
"""Bytes of a file's first number, which is the length of its header, and what that is a multiple of."""


def write(file: File, tensors: Mapping[str, NDArray[Any]], facts: Mapping[str, str]) -> None:
    """Write tensors as float32, one after the other, so that no more than one of them is copied."""
    import numpy as np

    header: dict[str, object] = {"__metadata__": dict(facts)}
    end = 0
    for name, one in tensors.items():
        start, end = end, end + 4 * one.size
        header[name] = {"dtype": "F32", "shape": list(one.shape), "data_offsets": [start, end]}
    text = json.dumps(header, ensure_ascii=False, separators=(",", ":")).encode()
    text += b" " * (-len(text) % _LENGTH)
    file.write(len(text).to_bytes(_LENGTH, "little") + text)
    for one in tensors.values():
        file.write(np.ascontiguousarray(one, "<f4").data)
