"""Weights from a file, which fit a network to the last tensor."""

from __future__ import annotations

import pickle
import stat
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import BinaryIO, cast
from zipfile import ZipFile

import torch
from torch import Tensor, nn

from netdsl.compile.errors import Reshaped, UnreadableWeightsError, WeightsMismatchError
from netdsl.runtime.quiet import quiet

_VARIANCE = ".running_var"
"""How BN's variances are called, whose roots inference takes."""


def read(path: Path) -> Mapping[str, Tensor]:
    """The tensors of a .safetensors file, or of what torch.save wrote; no code in it is run.

    Raises UnreadableWeightsError, and OSError.
    """
    _check(path)
    if path.suffix.lower() == ".safetensors":
        return _read_safetensors(path)
    try:
        with quiet("torch.serialization"):  # which remarks on files that it refuses
            found: object = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        reason = "torch.save did not write it, or it asks for code beside its tensors, which is not run"
        raise UnreadableWeightsError(path, reason) from error
    except Exception as error:  # PyTorch meets a damaged file with whatever comes up
        raise UnreadableWeightsError(path, "torch.save did not write it as a state dict, or it is cut short") from error
    if not isinstance(found, Mapping):
        raise UnreadableWeightsError(path, f"it is a {type(found).__name__}, and no state dict")
    found = cast("Mapping[object, object]", found)
    if strange := [str(name) for name, value in found.items() if not (isinstance(name, str) and _holds(value))]:
        inner = next((f"{name}, which may be it," for name in strange if isinstance(found.get(name), Mapping)), "it")
        raise UnreadableWeightsError(
            path, f"{', '.join(strange[:5])}: no plain tensor of a state dict; save {inner} alone"
        )
    return cast("Mapping[str, Tensor]", found)


def _check(path: Path) -> None:
    """Raise what `read` does for what its readers would wait for, read without end, or inflate beyond the file's size.

    They open a file by its path, several times, and go back and forth in it.
    """
    found = path.stat()
    if not (stat.S_ISREG(found.st_mode) or stat.S_ISDIR(found.st_mode)):
        raise UnreadableWeightsError(path, "weights are read from a regular file, not from a pipe or a device")
    with path.open("rb") as file:
        if _inflated(file) > found.st_size:
            raise UnreadableWeightsError(path, "torch.save did not write it, since its members are compressed")


def _inflated(file: BinaryIO) -> int:
    """The bytes that an archive has when it is inflated, or 0 for what is none."""
    try:
        return sum(member.file_size for member in ZipFile(file).infolist())
    except Exception:  # BadZipFile, and whatever else damaged ones meet
        return 0


def _holds(value: object) -> bool:
    """Whether a value is a tensor whose numbers a module can take as they are."""
    return (
        isinstance(value, Tensor)
        and value.layout == torch.strided
        and not (value.is_quantized or value.is_nested)
        and value.device.type != "meta"
        and not value.is_complex()
    )


def _read_safetensors(path: Path) -> Mapping[str, Tensor]:
    from safetensors.torch import load_file  # pyright: ignore[reportUnknownVariableType]

    try:
        tensors = load_file(path)
    except Exception as error:  # SafetensorError, and what PyTorch says of a type or a size that it does not have
        raise UnreadableWeightsError(path, str(error)) from error
    if strange := [name for name, tensor in tensors.items() if not _holds(tensor)]:
        raise UnreadableWeightsError(path, f"{', '.join(strange[:5])} is no plain tensor of real numbers")
    return tensors


def load(module: nn.Module, tensors: Mapping[str, Tensor], path: Path, unused: Collection[str]) -> Sequence[str]:
    """Copy tensors into a module, each of which must be there and of the right shape; gives what is odd about them.

    Tensors below `unused` paths are those of modules that the network has in training alone; what counts batches may be
    missing, since inference never reads it. `path` is where the tensors come from. Raises WeightsMismatchError, also
    for what cannot be a weight: whole numbers, bools, numbers that are too large for the module, negative variances.
    """
    wanted = cast("Mapping[str, Tensor]", module.state_dict())
    needed = {name for name, tensor in wanted.items() if tensor.is_floating_point()}
    alike = {name for name, tensor in wanted.items() if name in tensors and tensors[name].dtype == tensor.dtype}
    found = {name: tensors[name] for name in wanted if name in tensors and name in needed | alike}
    missing = [name for name in wanted if name in needed and name not in tensors]
    unknown = [name for name in tensors if name not in wanted]
    extra = [name for name in unknown if not any(name.startswith(f"{prefix}.") for prefix in unused)]
    reshaped = [
        Reshaped(name, tuple(wanted[name].shape), tuple(tensor.shape))
        for name, tensor in found.items()
        if tensor.shape != wanted[name].shape
    ]
    unmeant = {
        name: _type(tensor) for name, tensor in found.items() if not (name in alike or tensor.is_floating_point())
    }
    if not (missing or extra or reshaped or unmeant):
        module.load_state_dict(found, strict=False)
        strange = [name for name in found if name in needed and not _finite(wanted[name])]
        large = "a number too large for {}"
        unmeant = {name: large.format(_type(wanted[name])) for name in strange if _finite(tensors[name])}
        below = [name for name in found if name.endswith(_VARIANCE) and bool((wanted[name] < 0).any())]
        unmeant |= dict.fromkeys(below, "a variance below 0")
        if not unmeant:
            return [f"{name} in {path} holds NaN or infinity" for name in strange]
    raise WeightsMismatchError(path, missing, extra, reshaped, unmeant)


def _type(tensor: Tensor) -> str:
    return str(tensor.dtype).removeprefix("torch.")


def _finite(tensor: Tensor) -> bool:
    """Whether a tensor holds no NaN and no infinity; its extremes tell, without a copy of it."""
    if tensor.element_size() < 2:
        tensor = tensor.float()  # PyTorch compares no numbers of 8 bits
    return not tensor.numel() or all(bool(one.isfinite()) for one in tensor.aminmax())
