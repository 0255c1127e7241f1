"""Tensors of ONNX files as arrays, whose sizes are held against what is there before memory is taken."""

from __future__ import annotations

from importlib import import_module
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Any

from netdsl.interchange.flat import most

if TYPE_CHECKING:
    from netdsl.interchange.primitives import Dims, Tensor

_NIBBLES = ("INT4", "UINT4", "INT2", "UINT2", "FLOAT4E2M1")
"""Kinds of which several lie in a byte: of what is quantized, which no program says."""


class TensorError(Exception):
    """A tensor that cannot be read, and why."""


def dims(tensor: Any) -> Dims:
    """The sizes that a tensor says it has. Raises TensorError for ones that no network has."""
    found = tuple(tensor.dims)
    if most(found):
        raise TensorError("its sizes are those of no tensor")
    return found


def array(tensor: Any, folder: Path | None = None) -> Tensor | None:
    """The values of a tensor; None where they lie in another file that is not beside this one."""
    onnx: Any = import_module("onnx")
    helper: Any = import_module("onnx.helper")
    sizes = dims(tensor)
    kinds: Any = onnx.TensorProto.DataType
    try:
        name: str = kinds.Name(tensor.data_type)
        kind: Any = helper.tensor_dtype_to_np_dtype(tensor.data_type)
    except (ValueError, KeyError, TypeError):
        raise TensorError("its values are of no known kind") from None
    if name in ("STRING", "UNDEFINED", *_NIBBLES):
        raise TensorError(f"its values are {name.lower()}")
    if tensor.data_location == onnx.TensorProto.EXTERNAL:
        return _beside(tensor, sizes, kind, folder)
    if tensor.HasField("raw_data"):
        return _raw(tensor.raw_data, sizes, kind)
    if prod(sizes) > sum(len(values) for _, values in _fields(tensor)):
        raise TensorError("it has fewer values than its sizes say")
    try:
        return import_module("onnx.numpy_helper").to_array(tensor)
    except (ValueError, TypeError, OverflowError) as error:
        raise TensorError(str(error).splitlines()[0] if str(error) else "its values cannot be read") from None


def _raw(data: bytes, sizes: Dims, kind: Any) -> Tensor:
    """Values as they lie in bytes, the lowest first, without a copy."""
    import numpy as np

    if len(data) != prod(sizes) * kind.itemsize:
        raise TensorError(f"it has {len(data):,} bytes for {prod(sizes):,} values of {kind.itemsize}")
    return np.frombuffer(data, kind.newbyteorder("<")).reshape(sizes)


def _fields(tensor: Any) -> list[tuple[Any, Any]]:
    """The fields of a tensor that hold numbers one by one."""
    names = {"float_data", "int32_data", "int64_data", "double_data", "uint64_data"}
    return [(field, values) for field, values in tensor.ListFields() if field.name in names]


def _inside(folder: Path, name: str) -> Path | None:
    """The file of a name within a folder, by no link and no way out of it; None where there is none."""
    parts = [part for part in name.split("/") if part != "."]
    if not name or name.startswith("/") or "\\" in name or any(part in ("", "..") or ":" in part for part in parts):
        return None
    path = folder
    for part in parts:
        path /= part
        if path.is_symlink():
            return None
    return path if path.is_file() else None


def _beside(tensor: Any, sizes: Dims, kind: Any, folder: Path | None) -> Tensor | None:
    """The values in a file that lies beside, read as they are asked for; no other place is looked at."""
    import numpy as np

    said = {one.key: one.value for one in tensor.external_data}
    name = said.get("location", "")
    path = None if folder is None else _inside(folder, name)
    if path is None:
        return None
    try:
        offset, length = int(said.get("offset", 0)), prod(sizes) * kind.itemsize
        stated = int(said.get("length", length))
    except ValueError:
        raise TensorError(f"where it begins in {name} is no number") from None
    if stated != length:
        raise TensorError(f"it has {stated:,} bytes in {name} for {prod(sizes):,} values of {kind.itemsize}")
    if not 0 <= offset <= path.stat().st_size - length:
        raise TensorError(f"{name} ends before it")
    if not length:
        return np.zeros(sizes, kind)
    return np.memmap(path, kind, "r", offset, sizes)
