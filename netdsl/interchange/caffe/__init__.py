"""Networks of Caffe: a .prototxt, and a .caffemodel beside it."""

from __future__ import annotations

import os
from pathlib import Path

from netdsl.interchange.caffe import model
from netdsl.interchange.caffe.reading import reading
from netdsl.interchange.flat import Flat
from netdsl.interchange.gathering import Inputs
from netdsl.interchange.text import source


def read(
    path: str | os.PathLike[str], *, weights: str | os.PathLike[str] | None = None, inputs: Inputs | None = None
) -> Flat:
    """The network of a .prototxt, with the weights of a .caffemodel: the one that is named, or of its own name.

    `inputs` has sizes by the name of an input, or by "" for the only one, channels last.
    Raises ForeignError with all that is wrong, and OSError.
    """
    beside = Path(path).with_suffix(".caffemodel")
    if weights is None and beside.is_file():
        weights = beside
    blobs = None if weights is None else model.read(Path(weights))
    return reading(
        source(path, "a .prototxt of Caffe"),
        inputs=inputs,
        blobs=blobs,
        model="" if weights is None else Path(weights).name,
    )
