"""Features: what a layer of a network makes of pictures, as numbers that serve other tasks."""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from netdsl.compile.progress import Progress, silent
from netdsl.data import Part
from netdsl.see.subject import Subject
from netdsl.train.batches import Batches

if TYPE_CHECKING:
    from numpy.typing import NDArray

_PIXELS = 4096
"""Numbers of a picture at most that stand beside features; larger ones are made smaller."""
_NAMES = {"train": "train", "validation": "val", "test": "test"}
_WRITTEN = (1980, 1, 1, 0, 0, 0)
"""When an array in a file was written, whenever that was: equal features make equal files."""

Reading = Callable[[Tensor], Tensor]
"""What is kept of a batch of prepared pictures: N x numbers."""


@dataclass(frozen=True)
class Features:
    """What is known of some examples: numbers of each, N x numbers, and their classes."""

    values: NDArray[np.float32]
    labels: NDArray[np.int64]

    @property
    def tensors(self) -> tuple[Tensor, Tensor]:
        """The same numbers as tensors."""
        return torch.as_tensor(self.values), torch.as_tensor(self.labels)


def of_layer(subject: Subject, path: str, *, flat: bool = False) -> tuple[Reading, int]:
    """A reading of what a layer gives, and how many numbers that is.

    Maps are averaged over their places, unless `flat` keeps each. Raises SeeError for a layer that there is not.
    """
    index = subject.layer(path)
    shape = subject.shaped.shapes[index]

    def read(pictures: Tensor) -> Tensor:
        found = subject.values(pictures, index)[index]
        return found.flatten(1) if flat or found.ndim == 2 else found.flatten(2).mean(2)

    return read, shape.elements if flat else shape.channels


def of_pixels(dims: Sequence[int]) -> tuple[Reading, int, str]:
    """A reading of the pictures themselves, how many numbers that is, and what it is called."""
    height, width, channels = dims
    factor = (_PIXELS / (height * width * channels)) ** 0.5
    if factor >= 1:
        return lambda pictures: pictures.flatten(1), height * width * channels, "pixels"
    size = max(1, int(height * factor)), max(1, int(width * factor))
    pool = torch.nn.AdaptiveAvgPool2d(size)
    return lambda pictures: pool(pictures).flatten(1), size[0] * size[1] * channels, f"pixels of {size[0]}x{size[1]}"


def found(subject: Subject, part: Part, reading: Reading, batch: int, progress: Progress = silent) -> Features:
    """What is read of each example of a part, in its order. Raises DataError for a broken picture."""
    kept: list[NDArray[np.float32]] = []
    done = 0
    with torch.inference_mode():
        for pictures, _ in Batches(part, subject.dims, subject.preparation, batch=batch).epoch(0, shuffle=False):
            kept.append(reading(pictures).float().numpy())
            done += len(pictures)
            progress("reading features", done, len(part))
    return Features(np.concatenate(kept), part.labels)


def write(file: IO[bytes], known: Mapping[str, Features], classes: Sequence[str]) -> None:
    """Write features of parts as an .npz file: x_train, y_train, x_val, … and the names of classes."""
    arrays: dict[str, NDArray[np.generic]] = {}
    for name, one in known.items():
        arrays |= {f"x_{_NAMES[name]}": one.values, f"y_{_NAMES[name]}": one.labels}
    arrays["classes"] = np.array(classes, np.str_)
    with zipfile.ZipFile(file, "w") as archive:
        for name, array in arrays.items():
            with archive.open(zipfile.ZipInfo(f"{name}.npy", _WRITTEN), "w", force_zip64=True) as member:
                np.lib.format.write_array(member, array, allow_pickle=False)  # pyright: ignore[reportUnknownMemberType]
