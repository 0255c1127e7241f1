"""The tensors of a file of weights, by name."""

from __future__ import annotations

import pickle
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import BinaryIO, cast
from zipfile import ZipFile

import torch
from torch import Tensor

from netdsl.compile.errors import UnreadableWeightsError
from netdsl.runtime.quiet import quiet
from netdsl.text import foreign
from netdsl.text.fit import listed

_NESTED = ("state_dict", "model_state_dict", "model", "module", "net", "network", "weights")
"""What checkpoints call the state dict that stands in them, the likeliest first."""

_APART = {".caffemodel": ".prototxt", ".weights": ".cfg"}
"""Files of weights of other formats, and those of their networks."""

_BEST, _GOES_ON = "best.safetensors", "training/module/"
"""Which file of a training has its weights, and what the names in the one that it goes on from begin with."""


def read(path: Path) -> Mapping[str, Tensor]:
    """The tensors of a file, as `opened` gives them."""
    return opened(path)[0]


def opened(path: Path) -> tuple[Mapping[str, Tensor], str]:
    """The tensors of a .safetensors file, or of what torch.save wrote; no code in it is run.

    Beside them is "", or a sentence on where in a checkpoint they stood. Raises UnreadableWeightsError, and OSError.
    """
    _check(path)
    if path.suffix.lower() == ".safetensors":
        return _read_safetensors(path), ""
    try:
        with quiet("torch.serialization"):  # which remarks on files that it refuses
            found: object = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        reason = "torch.save did not write it, or it asks for code beside its tensors, which is not run"
        words = _of_a_model(path) or f"{reason}; of a model save its state_dict()"
        raise UnreadableWeightsError(path, words) from error
    except Exception as error:  # PyTorch meets a damaged file with whatever comes up
        words = _of_a_model(path) or "torch.save did not write it as a state dict, or it is cut short"
        raise UnreadableWeightsError(path, words) from error
    if not isinstance(found, Mapping):
        raise UnreadableWeightsError(path, f"it is a {type(found).__name__}, and no state dict")
    return plain(cast("Mapping[object, object]", found), path)


def _of_a_model(path: Path) -> str:
    """How weights of another format come to the names of a program; "" for other files."""
    apart = _APART.get(path.suffix.lower())
    with path.open("rb") as file:
        whole = foreign.suffix(file.read(foreign.BEGINNING)) in (".onnx", ".pt2", ".prototxt", ".cfg")
    if not whole and apart is None:
        return ""
    model = path if apart is None or whole else path.with_suffix(apart)
    taken = f" --from-weights {path}" if not whole else ""
    return f"a program's names are not in it; `netdsl import {model}{taken} --weights OUT.safetensors` writes them so"


def plain(found: Mapping[object, object], path: Path | str) -> tuple[Mapping[str, Tensor], str]:
    """A state dict, and "" or a sentence on where in a checkpoint it stood. Raises UnreadableWeightsError."""
    strange = _strange(found)
    if not strange:
        return cast("Mapping[str, Tensor]", found), ""
    inner = {
        str(name): cast("Mapping[str, Tensor]", value)
        for name, value in found.items()
        if isinstance(value, Mapping) and value and not _strange(cast("Mapping[object, object]", value))
    }
    names = [name for name in _NESTED if name in inner] or [*inner]
    if len(names) == 1 or (names and names[0] in _NESTED):
        others = listed([name for name in inner if name != names[0]], " and ")
        return inner[names[0]], f"{path}: the weights are those of {names[0]}" + (
            f", not of {others}" if others else ""
        )
    may = f"; save one of {listed(names, ' and ')} alone" if names else ""
    raise UnreadableWeightsError(path, f"{', '.join(strange[:5])}: no plain tensor of a state dict{may}")


def _strange(found: Mapping[object, object]) -> list[str]:
    """The names of what is no tensor that a module can take."""
    return [str(name) for name, value in found.items() if not (isinstance(name, str) and _holds(value))]


def _check(path: Path) -> None:
    """Raise what `read` does for what its readers would wait for, read without end, or inflate beyond the file's size.

    They open a file by its path, several times, and go back and forth in it.
    """
    found = path.stat()
    if path.is_dir():
        best = f"; {path / _BEST} has those of the training in it" if (path / _BEST).is_file() else ""
        raise UnreadableWeightsError(path, f"it is a folder{best}")
    if not stat.S_ISREG(found.st_mode):
        raise UnreadableWeightsError(path, "weights are read from a regular file, not from a pipe or a device")
    with path.open("rb") as file:
        if _inflated(file) > found.st_size:
            raise UnreadableWeightsError(
                path, "torch.save did not write it: its members are compressed, as in compiled networks"
            )


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
    if any(name.startswith(_GOES_ON) for name in tensors):
        raise UnreadableWeightsError(path, f"a training goes on from it; its weights are in {path.with_name(_BEST)}")
    if strange := [name for name, tensor in tensors.items() if not _holds(tensor)]:
        raise UnreadableWeightsError(path, f"{', '.join(strange[:5])} is no plain tensor of real numbers")
    return tensors
