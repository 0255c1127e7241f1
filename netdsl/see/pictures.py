"""Pictures to look at, one by one or many."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import torch
from torch import Tensor

from netdsl.runtime import picture
from netdsl.see.errors import SeeError
from netdsl.see.subject import Subject

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class Pictures(Protocol):
    """Pictures in a fixed order, as a part of some data has them (netdsl.data), or files."""

    def __len__(self) -> int: ...

    def picture(self, index: int) -> NDArray[np.uint8]:
        """One of them, height x width x channels, as it is stored."""
        ...

    def name(self, index: int) -> str:
        """What messages and captions call it."""
        ...


@dataclass(frozen=True)
class Files:
    """Pictures in files of their own, which are read when they are asked for."""

    paths: Sequence[Path]

    def __len__(self) -> int:
        return len(self.paths)

    def picture(self, index: int) -> NDArray[np.uint8]:
        """One of them. Raises netdsl.runtime.picture.UnreadablePictureError, and OSError."""
        return picture.read(self.paths[index])

    def name(self, index: int) -> str:
        """The name of its file."""
        return self.paths[index].name


def within(folder: Path) -> Files:
    """The pictures that lie in a folder, in the order of their names; none where there are only folders in it."""
    from PIL import Image

    known = Image.registered_extensions()
    found = [one for one in sorted(folder.iterdir()) if one.suffix.lower() in known and one.is_file()]
    return Files(found)


def prepared(subject: Subject, pictures: Pictures, indices: Sequence[int]) -> Tensor:
    """Some pictures as the network takes them, N x channels x height x width."""
    made: list[Tensor] = []
    for index in indices:
        picture = pictures.picture(index)
        picture = 255 - picture if subject.inverted else picture
        made.append(torch.as_tensor(subject.preparation.prepared(picture, subject.dims)))
    return torch.stack(made)


def batches(subject: Subject, pictures: Pictures, size: int) -> Iterator[Tensor]:
    """All pictures as the network takes them, so many at once. Raises SeeError where there are none."""
    if not len(pictures):
        raise SeeError("there are no pictures to look at")
    for start in range(0, len(pictures), size):
        yield prepared(subject, pictures, range(start, min(start + size, len(pictures))))
