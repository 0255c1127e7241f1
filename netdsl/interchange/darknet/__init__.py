"""Networks of Darknet: a .cfg, and a .weights beside it."""

from __future__ import annotations

import os
from pathlib import Path

from netdsl.interchange.darknet.reading import reading
from netdsl.interchange.darknet.weights import Weights
from netdsl.interchange.flat import Flat
from netdsl.interchange.gathering import Inputs
from netdsl.interchange.text import source


def read(
    path: str | os.PathLike[str], *, weights: str | os.PathLike[str] | None = None, inputs: Inputs | None = None
) -> Flat:
    """The network of a .cfg, with the weights of a .weights: the one that is named, or of its own name.

    `inputs` has sizes by the name of the input, `data` or "", channels last.
    Raises ForeignError with all that is wrong, and OSError.
    """
    beside = Path(path).with_suffix(".weights")
    if weights is None and beside.is_file():
        weights = beside
    return reading(
        source(path, "a .cfg of Darknet"), inputs=inputs, weights=None if weights is None else Weights(Path(weights))
    )
