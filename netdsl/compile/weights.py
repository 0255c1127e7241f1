"""Weights from a file, which fit a network to the last tensor."""

from __future__ import annotations

import pickle
import warnings
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import cast

import torch
from torch import Tensor, nn

from netdsl.compile.errors import Reshaped, UnreadableWeightsError, WeightsMismatchError


def read(path: Path) -> Mapping[str, Tensor]:
    """The tensors of a .safetensors file, or of what torch.save wrote; no code in it is run.

    Raises UnreadableWeightsError, and OSError.
    """
    if path.suffix.lower() == ".safetensors":
        return _read_safetensors(path)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # what torch remarks on a file that it refuses
            found: object = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        reason = "torch.save did not write it, or it asks for code beside its tensors, which is not run"
        raise UnreadableWeightsError(path, reason) from error
    except (RuntimeError, EOFError, ValueError, KeyError, AttributeError) as error:
        raise UnreadableWeightsError(path, "torch.save did not write it as a state dict, or it is cut short") from error
    if not isinstance(found, Mapping):
        raise UnreadableWeightsError(path, f"it is a {type(found).__name__}, and no state dict")
    found = cast("Mapping[object, object]", found)
    if strange := [str(name) for name, value in found.items() if not (isinstance(name, str) and _holds(value))]:
        raise UnreadableWeightsError(path, f"{', '.join(strange[:5])} is no plain tensor; save the state dict alone")
    return cast("Mapping[str, Tensor]", found)


def _holds(value: object) -> bool:
    """Whether a value is a tensor whose numbers a module can take as they are."""
    return (
        isinstance(value, Tensor)
        and value.layout == torch.strided
        and value.device.type != "meta"
        and not value.is_complex()
    )


def _read_safetensors(path: Path) -> Mapping[str, Tensor]:
    from safetensors import SafetensorError
    from safetensors.torch import load_file  # pyright: ignore[reportUnknownVariableType]

    path.open("rb").close()  # whose OSError names the file
    try:
        return load_file(path)
    except SafetensorError as error:
        raise UnreadableWeightsError(path, str(error)) from error


def load(module: nn.Module, tensors: Mapping[str, Tensor], path: Path, unused: Collection[str]) -> None:
    """Copy tensors into a module, each of which must be there and of the right shape.

    Tensors below `unused` paths are those of modules that the network has in training alone. `path` is where the
    tensors come from. Raises WeightsMismatchError.
    """
    wanted = cast("Mapping[str, Tensor]", module.state_dict())
    missing = [name for name in wanted if name not in tensors]
    unknown = [name for name in tensors if name not in wanted]
    extra = [name for name in unknown if not any(name.startswith(f"{prefix}.") for prefix in unused)]
    reshaped = [
        Reshaped(name, tuple(tensor.shape), tuple(tensors[name].shape))
        for name, tensor in wanted.items()
        if name in tensors and tensors[name].shape != tensor.shape
    ]
    if missing or extra or reshaped:
        raise WeightsMismatchError(path, missing, extra, reshaped)
    module.load_state_dict({name: tensors[name] for name in wanted})
