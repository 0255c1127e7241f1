"""Pictures in files as networks take them: upright, grey or RGB, and prepared."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING

from netdsl.runtime.preparation import Preparation
from netdsl.runtime.quiet import quiet

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from PIL import Image

logging.getLogger("PIL").addHandler(logging.NullHandler())
"""What it logs of broken pictures is shown where whoever runs netdsl asked for that, and not by default."""
IMAGENET = Preparation()
"""How networks for ImageNet take pictures."""
_PIXELS = 50_000_000
"""Those of a picture at most, which take 4 bytes each, and as many again where they are converted."""
_STRIP = 64
"""Rows that are worked on at once."""
_GREY = ("1", "L", "LA", "La", "F")
"""Modes of pictures without colours."""
_PROGRAMS = ("EPS", "WMF")
"""Formats that Pillow has another program draw, or that only a system does."""


@dataclass(eq=False)
class UnreadablePictureError(Exception):
    """A file that is no picture, is broken or too large."""

    path: Path
    reason: str

    def __str__(self) -> str:
        return f"{self.path}: {self.reason}"


def pixels(
    path: str | PathLike[str], dims: Sequence[int], preparation: Preparation = IMAGENET, *, invert: bool = False
) -> NDArray[np.float32]:
    """A picture in a file for an INPUT of dims height x width x channels, as channels x height x width.

    It is read as `read` does, with `invert` made its negative, and prepared. Raises UnreadablePictureError, and OSError
    for a file that cannot be read.
    """
    from PIL import ImageOps

    image = _read(Path(path))
    return preparation.of_image(ImageOps.invert(image) if invert else image, dims)


def read(path: str | PathLike[str]) -> NDArray[np.uint8]:
    """A picture as height x width x channels: grey (1) or red, green and blue (3).

    It is turned as its EXIF data says; what is transparent is dropped. Raises UnreadablePictureError, and OSError for a
    file that cannot be read.
    """
    import numpy as np

    values = np.asarray(_read(Path(path)))
    return values.reshape(*values.shape[:2], -1)


def _read(path: Path) -> Image.Image:
    from PIL import Image, UnidentifiedImageError

    Image.init()  # all its readers, which else come when they are needed, and are heard
    data = path.open("rb")  # apart, since Pillow raises OSError for broken pictures too
    with data, quiet("PIL"):  # of odd metadata, and of pictures that are half as large as is too large
        try:
            image = Image.open(data)
            if reason := _refused(image):
                raise UnreadablePictureError(path, reason)
            return _decoded(image)
        except (MemoryError, UnreadablePictureError):
            raise
        except UnidentifiedImageError:
            raise UnreadablePictureError(path, "is no picture that can be read") from None
        except Image.DecompressionBombError:
            limit = 2 * (Image.MAX_IMAGE_PIXELS or 0)
            raise UnreadablePictureError(path, f"has more than {limit // 10**6} million pixels") from None
        except Exception as error:  # its readers raise anything from SyntaxError to struct.error on a broken file
            raise UnreadablePictureError(path, f"is a broken picture ({error})") from None


def _refused(image: Image.Image) -> str:
    """Why a picture is not decoded, whose header is read; empty for one that is.

    A large JPEG is decoded at half its size, unless its colours come in several rounds, which need all of it at once.
    """
    if image.format in _PROGRAMS:
        return f"is {image.format}, which another program would have to draw"
    if image.format == "JPEG" and not image.info.get("progressive") and image.width * image.height > _PIXELS:
        image.draft(image.mode, (image.width // 2, image.height // 2))
    if (pixels := image.width * image.height) > _PIXELS:
        return f"has {pixels // 10**6} million pixels, and may have {_PIXELS // 10**6} million; make it smaller"
    return ""


def _decoded(image: Image.Image) -> Image.Image:
    """A picture, upright, as grey of 8 bits (L) or as RGB, with as few copies as can be."""
    from PIL import ImageOps

    ImageOps.exif_transpose(image, in_place=True)
    if image.mode.startswith("I"):
        image = _eight_bits(image)
    mode = "L" if image.mode in _GREY else "RGB"
    return image if image.mode == mode else image.convert(mode)


def _eight_bits(image: Image.Image) -> Image.Image:
    """A picture of 16 bits with its upper 8, which Pillow would cut off at 255; in strips, which are large numbers."""
    import numpy as np
    from PIL import Image

    values = np.empty((image.height, image.width), np.uint8)
    for top in range(0, image.height, _STRIP):
        strip = image.crop((0, top, image.width, min(top + _STRIP, image.height)))
        values[top : top + _STRIP] = np.asarray(strip).clip(0, 0xFFFF) >> 8
    return Image.fromarray(values)
