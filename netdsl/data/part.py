"""Examples, and the parts that they are in."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(eq=False)
class DataError(Exception):
    """What is wrong with data, where, and what to do about it."""

    path: Path
    reason: str
    help: str = ""

    def __str__(self) -> str:
        return f"{self.path}: {self.reason}"


@dataclass(frozen=True, eq=False)
class Part(ABC):
    """Some examples in a fixed order: pictures, and for each the number of its class."""

    labels: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.labels)

    @abstractmethod
    def picture(self, index: int) -> NDArray[Any]:
        """A picture as it is stored, height x width x channels of bytes: 1 (grey) or 3 (red, green, blue).

        It is read when it is asked for; a broken one raises DataError. Of rows it is a row of numbers.
        """

    @abstractmethod
    def name(self, index: int) -> str:
        """Where a picture comes from: its file, or a file and the number of the picture in it, from 0."""

    @abstractmethod
    def some(self, indices: NDArray[np.int64]) -> Part:
        """Some of these examples, in the order given."""


@dataclass(frozen=True, eq=False)
class Stored(Part):
    """Pictures of one size that one file has, in memory."""

    pictures: NDArray[np.uint8]
    """All of the file, N x height x width x channels."""
    at: NDArray[np.int64]
    """Which of them these are."""
    file: Path

    def picture(self, index: int) -> NDArray[np.uint8]:
        return self.pictures[self.at[index]]

    def name(self, index: int) -> str:
        return f"{self.file}, picture {self.at[index]}"

    def some(self, indices: NDArray[np.int64]) -> Part:
        return Stored(self.labels[indices], self.pictures, self.at[indices], self.file)


@dataclass(frozen=True, eq=False)
class Files(Part):
    """Pictures in files of their own, of any size, read when they are asked for."""

    folder: Path
    files: Sequence[str]
    """Their paths in the folder."""

    def picture(self, index: int) -> NDArray[np.uint8]:
        from netdsl.runtime import picture

        path = self.folder / self.files[index]
        try:
            return picture.read(path)
        except picture.UnreadablePictureError as error:
            raise DataError(path, error.reason, "take it out of the folder, or mend it") from None
        except MemoryError:
            raise DataError(path, "is larger than the memory here", "make it smaller") from None
        except OSError as error:
            raise DataError(path, error.strerror or str(error)) from None

    def name(self, index: int) -> str:
        return str(self.folder / self.files[index])

    def some(self, indices: NDArray[np.int64]) -> Part:
        numbers: list[int] = indices.tolist()
        return Files(self.labels[indices], self.folder, [self.files[index] for index in numbers])


@dataclass(frozen=True, eq=False)
class Rows(Part):
    """Rows of numbers in memory, such as features of pictures, for an INPUT that is a vector."""

    values: NDArray[np.float32]
    """All of the file, N x numbers."""
    at: NDArray[np.int64]
    """Which of them these are."""
    file: Path

    @property
    def width(self) -> int:
        """Numbers in a row."""
        return self.values.shape[1]

    def picture(self, index: int) -> NDArray[Any]:
        return self.values[self.at[index]]

    def name(self, index: int) -> str:
        return f"{self.file}, row {self.at[index]}"

    def some(self, indices: NDArray[np.int64]) -> Part:
        return Rows(self.labels[indices], self.values, self.at[indices], self.file)


@dataclass(frozen=True, eq=False)
class Joined(Part):
    """The examples of several parts, one after another."""

    parts: Sequence[Part]
    at: NDArray[np.int64]
    """Which of all of theirs these are."""

    def picture(self, index: int) -> NDArray[Any]:
        part, inside = self._at(index)
        return part.picture(inside)

    def name(self, index: int) -> str:
        part, inside = self._at(index)
        return part.name(inside)

    def some(self, indices: NDArray[np.int64]) -> Part:
        return Joined(self.labels[indices], self.parts, self.at[indices])

    def _at(self, index: int) -> tuple[Part, int]:
        """The part that an example is in, and its number there."""
        inside = int(self.at[index])
        for part in self.parts:
            if inside < len(part):
                return part, inside
            inside -= len(part)
        raise IndexError(index)


@dataclass(frozen=True, eq=False)
class Data:
    """Examples in parts: to train on, to choose the best weights by, and to try these on in the end."""

    path: Path
    classes: tuple[str, ...]
    train: Part
    validation: Part
    test: Part | None
    notes: tuple[str, ...] = ()
    """What whoever reads a log should know of how these parts came about, a sentence each."""

    @property
    def parts(self) -> Mapping[str, Part]:
        """The parts that have examples, by name."""
        each = {"train": self.train, "validation": self.validation, "test": self.test}
        return {name: part for name, part in each.items() if part}

    def part(self, name: str) -> Part:
        """The part of a name: train, validation, test or all of them. Raises DataError for one that is not there."""
        if name == "all":
            return self._joined()
        found = self.parts.get(name)
        if found is None:
            raise DataError(self.path, f"has no {name} part", f"its parts are {', '.join(self.parts)}")
        return found

    def _joined(self) -> Part:
        import numpy as np

        parts = list(self.parts.values())
        labels = np.concatenate([part.labels for part in parts])
        if rows := [part for part in parts if isinstance(part, Rows)]:
            values = np.concatenate([part.values[part.at] for part in rows])
            return Rows(labels, values, np.arange(len(labels)), self.path)
        return Joined(labels, parts, np.arange(len(labels)))
