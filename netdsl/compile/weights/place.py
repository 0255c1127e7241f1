"""Tensors into a module, which they fit to the last."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import cast

from torch import Tensor, nn

from netdsl.compile.errors import Reshaped, WeightsMismatchError
from netdsl.compile.weights.names import nearest, squeezed

_VARIANCE = ".running_var"
"""How BN's variances are called, whose roots inference takes."""


def load(module: nn.Module, tensors: Mapping[str, Tensor], path: Path | str, unused: Collection[str]) -> Sequence[str]:
    """Copy tensors into a module, each of which must be there and of the right shape; gives what is odd about them.

    Tensors below `unused` paths are those of modules that the network has in training alone; what counts batches may be
    missing, since inference never reads it. `path` is where the tensors come from. Raises WeightsMismatchError, also
    for what cannot be a weight: whole numbers, bools, numbers that are too large for the module, negative variances.
    """
    wanted = cast("Mapping[str, Tensor]", module.state_dict())
    needed = {name for name, tensor in wanted.items() if tensor.is_floating_point()}
    alike = {name for name, tensor in wanted.items() if name in tensors and tensors[name].dtype == tensor.dtype}
    found = {name: _as(tensors[name], wanted[name]) for name in wanted if name in tensors and name in needed | alike}
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
    near = nearest({name: wanted[name].shape for name in missing}, {name: tensors[name].shape for name in extra})
    raise WeightsMismatchError(path, missing, extra, reshaped, unmeant, near)


def _as(tensor: Tensor, wanted: Tensor) -> Tensor:
    """A tensor in the dims that are wanted, where they differ by ones at either end: those of FC and of CONV 1."""
    alike = tensor.shape != wanted.shape and squeezed(tensor.shape) == squeezed(wanted.shape)
    return tensor.reshape(wanted.shape) if alike else tensor


def _type(tensor: Tensor) -> str:
    return str(tensor.dtype).removeprefix("torch.")


def _finite(tensor: Tensor) -> bool:
    """Whether a tensor holds no NaN and no infinity; its extremes tell, without a copy of it."""
    if tensor.element_size() < 2:
        tensor = tensor.float()  # PyTorch compares no numbers of 8 bits
    return not tensor.numel() or all(bool(one.isfinite()) for one in tensor.aminmax())
