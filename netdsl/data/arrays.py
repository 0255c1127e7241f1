"""Arrays of pictures and of labels, as files of any kind have them, as parts."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from netdsl.data.part import DataError, Rows, Stored

if TYPE_CHECKING:
    from numpy.typing import NDArray

CLASSES = 100_000
"""Classes at most."""
_ROWS = 1024
"""Pictures that are converted at once."""
_FORMS = "pictures are N x height x width, perhaps with 1 or 3 channels behind or before the sizes"


def pictures(path: Path, values: NDArray[Any], name: str = "") -> NDArray[np.uint8]:
    """Pictures as N x height x width x channels, of bytes. Raises DataError.

    Channels, 1 or 3, stand behind the sizes or before them; where both might be, as in N x 3 x 9 x 3, behind. Values
    are bytes, whole numbers from 0 to 255, or numbers from 0 to 1.
    """
    lead = f"{name} " if name else ""
    shape = "x".join(map(str, values.shape))
    if values.ndim == 3:
        values = values[..., None]
    elif values.ndim == 4 and values.shape[3] not in (1, 3) and values.shape[1] in (1, 3):
        values = values.transpose(0, 2, 3, 1)
    if values.ndim != 4 or values.shape[3] not in (1, 3):
        raise DataError(path, f"{lead}is {shape or 'one number'}, and {_FORMS}", "reshape it")
    if not values.size:
        raise DataError(path, f"{lead}is {shape}, which is no picture at all")
    return _bytes(path, values, lead)


def rows(path: Path, values: NDArray[Any], name: str) -> NDArray[np.float32]:
    """Rows of numbers, N x numbers. Raises DataError."""
    if not values.size:
        raise DataError(path, f"{name} is {'x'.join(map(str, values.shape))}, which is no number at all")
    with np.errstate(over="ignore"):
        made = values.astype(np.float32)
    for start in range(0, len(made), _ROWS):
        wrong = ~np.isfinite(made[start : start + _ROWS])
        if wrong.any():
            row, column = np.argwhere(wrong)[0]
            reason = f"{name} has {values[start + row, column]} in row {start + row}, which is no 32-bit number"
            raise DataError(path, reason)
    return made


def _bytes(path: Path, values: NDArray[Any], lead: str) -> NDArray[np.uint8]:
    """Values from 0 to 255, whatever they were."""
    if values.dtype == np.uint8:
        return np.ascontiguousarray(values, np.uint8)
    if values.dtype.kind not in "biuf":
        raise DataError(path, f"{lead}holds {values.dtype}, and pictures are numbers", "save bytes, from 0 to 255")
    floats, most = values.dtype.kind == "f", 0.0
    for start in range(0, len(values), _ROWS):
        some = values[start : start + _ROWS].astype(np.float64)
        wrong = ~((some >= 0) & (some <= 255))  # of what is no number too
        if wrong.any():
            at, *_ = np.argwhere(wrong)[0]
            reason = (
                f"{lead}has {some[wrong][0]:g} in picture {start + at}, and values are from 0 to 255, or from 0 to 1"
            )
            raise DataError(path, reason, "a recipe says how they are normalised: save them as they were before")
        most = max(most, float(some.max()))
    scale = 255.0 if values.dtype.kind == "b" or (floats and most <= 1) else 1.0
    made = np.empty(values.shape, np.uint8)
    for start in range(0, len(values), _ROWS):
        made[start : start + _ROWS] = np.rint(values[start : start + _ROWS].astype(np.float64) * scale)
    return made


def labelled(shown: NDArray[Any], labels: NDArray[Any], path: Path, beside: Path, name: str = "") -> Stored | Rows:
    """Pictures or rows with their labels. Raises DataError about the file of the labels."""
    lead = f"{name} " if name else ""
    if labels.ndim == 2 and labels.shape[1] == 1:
        labels = labels[:, 0]
    if labels.ndim != 1 or labels.dtype.kind not in "biu":
        form = f"{'x'.join(map(str, labels.shape)) or 'one number'} of {labels.dtype}"
        help = "of a row for each, of which one is 1, `y.argmax(1)` gives them" if labels.ndim == 2 else ""
        raise DataError(beside, f"{lead}is {form}, and labels are one row of whole numbers", help)
    if len(labels) != len(shown):
        where = "" if path == beside else f" of {path.name}"
        what = "pictures" if shown.ndim > 2 else "rows"
        raise DataError(beside, f"{lead}has {len(labels):,} labels for the {len(shown):,} {what}{where}")
    wrong = np.flatnonzero((labels < 0) | (labels >= CLASSES))
    if len(wrong):
        reason = f"{lead}has {labels[wrong[0]]} as the label of picture {wrong[0]}, and labels count classes from 0"
        raise DataError(beside, reason)
    kind = Stored if shown.ndim > 2 else Rows
    return kind(labels.astype(np.int64), shown, np.arange(len(shown)), path)
