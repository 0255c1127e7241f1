"""What a picture does not show, or how it was made otherwise than asked: said as a warning, never kept back."""

from __future__ import annotations

import inspect
import warnings

_PACKAGE = __name__.partition(".")[0]


class PictureWarning(UserWarning):
    """Something about a picture that whoever asked for it should know; the commands print it to stderr."""


def tell(message: str) -> None:
    """Warn of something, at the place outside of this package that asked for the picture."""
    level, frame = 1, inspect.currentframe()
    while frame is not None and frame.f_globals.get("__name__", "").partition(".")[0] == _PACKAGE:
        level, frame = level + 1, frame.f_back
    warnings.warn(message, PictureWarning, stacklevel=level - 1 if frame is None else level)
