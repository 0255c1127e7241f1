"""Where the weights of a network come from, as data."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeAlias, cast, get_args

if TYPE_CHECKING:
    from torch import Tensor

By: TypeAlias = Literal["name", "order"]
"""How tensors find theirs in the network: by their names, or by the order and the shapes of their modules."""
Weights: TypeAlias = "str | PathLike[str] | Mapping[str, Tensor]"
"""A file of weights by its path, or a state dict."""
WAYS: tuple[By, ...] = get_args(By)


@dataclass(frozen=True)
class Origin:
    """A file of weights, or a state dict, and how its tensors find theirs in the network. Raises ValueError."""

    source: Path | Mapping[str, Tensor]
    by: By = "name"
    map: Path | None = None
    """A file that says which names of theirs are which of the network's."""
    map_output: Path | None = None
    """Where to write such a file, of what was found by order."""
    anew: bool = False
    """Whether last layers begin anew that are for another number of classes in the file, as fine-tuning wants it."""

    def __post_init__(self) -> None:
        if self.by not in WAYS:
            raise ValueError(f"weights are found by {' or '.join(WAYS)}, not {self.by}")
        if self.map is not None and self.by == "order":
            raise ValueError("a map says names, and weights by order have none")
        if self.map_output is not None and self.by == "name":
            raise ValueError("a map is written of weights by order")

    @classmethod
    def of(cls, source: Weights | None, by: str, map: str | PathLike[str] | None) -> Origin | None:
        """What a caller asks for in Python; None for weights by a seed. Raises ValueError, and TypeError."""
        if source is None:
            if by != "name" or map is not None:
                raise ValueError("weights_by and weights_map say how weights are found: give weights too")
            return None
        if not isinstance(source, str | PathLike | Mapping):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise TypeError(f"weights are a path or a state dict, not {type(source).__name__}")
        given = source if isinstance(source, Mapping) else Path(source)
        return cls(given, cast("By", by), None if map is None else Path(map))

    @property
    def name(self) -> str:
        """What messages call it."""
        return str(self.source) if isinstance(self.source, Path) else "the state dict"


_INSIDE = (__name__.partition(".")[0], "contextlib")


class WeightsWarning(UserWarning):
    """What is likely not meant with weights that were taken."""


@dataclass(frozen=True)
class Remarks:
    """What there is to say of weights that were taken, a sentence each."""

    odd: tuple[str, ...] = ()
    """What is likely not meant: NaN and infinities."""
    notes: tuple[str, ...] = ()
    """What was passed over, and what stands elsewhere."""
    lacking: tuple[str, ...] = ()
    """What PyTorch lacks here for the file that they are compiled into."""

    def warn(self) -> None:
        """Warn of what is odd, at the place outside of this package that asked for the weights."""
        level, frame = 1, inspect.currentframe()
        while frame is not None and frame.f_globals.get("__name__", "").partition(".")[0] in _INSIDE:
            level, frame = level + 1, frame.f_back
        for sentence in self.odd:
            warnings.warn(sentence, WeightsWarning, stacklevel=level - 1 if frame is None else level)

    def __add__(self, other: Remarks) -> Remarks:
        return Remarks(self.odd + other.odd, self.notes + other.notes, self.lacking + other.lacking)
