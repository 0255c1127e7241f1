"""The weights of a .weights file: a header by its version, and numbers without names, in the order of the layers."""

from __future__ import annotations

from math import prod
from pathlib import Path
from typing import TYPE_CHECKING

from netdsl.interchange import mistakes
from netdsl.interchange.flat import at_node
from netdsl.interchange.gathering import failed
from netdsl.text.source import Span

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class Weights:
    """A file while it is read, which shows its values where they lie. Raises ForeignError, and OSError."""

    def __init__(self, path: Path) -> None:
        import numpy as np

        self.path, self.at = path, 0
        size = path.stat().st_size
        if size < 16:
            raise failed(
                mistakes.Broken(f"this is no .weights file: it has {size} bytes, and its header 16"), self.place
            )
        major, minor = (int(one) for one in np.fromfile(path, "<i4", 2))
        self.turned = major > 1000 or minor > 1000
        """Whether matrices are stored as inputs x outputs."""
        wide = major * 10 + minor >= 2 and major < 1000 and minor < 1000
        header = 20 if wide else 16
        if size < header or (size - header) % 4:
            why = f"{size - header:,} bytes behind its header are no whole numbers of 4"
            raise failed(mistakes.Broken(f"this is no .weights file: {why}"), self.place)
        count = (size - header) // 4
        self.values: NDArray[np.float32] = (
            np.memmap(path, "<f4", "r", header, (count,)) if count else np.zeros(0, np.float32)
        )

    @property
    def place(self) -> Span:
        """The file, for what is wrong with it."""
        return at_node(str(self.path), "", "?")

    def take(self, *dims: int) -> NDArray[np.float32]:
        """The next values, in that shape; fewer than there are make the file short, which `end` tells."""
        import numpy as np

        count = prod(dims)
        found = self.values[self.at : self.at + count]
        self.at += count
        return found.reshape(dims) if len(found) == count else np.zeros(0, np.float32)

    def end(self) -> mistakes.BadWeights | None:
        """What is wrong where the network needs fewer or more values than the file has."""
        there = len(self.values)
        if there == self.at:
            return None
        return mistakes.BadWeights(self.path.name, f"it holds {there:,} values, and the network has {self.at:,}")
