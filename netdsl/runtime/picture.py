"""Pictures as networks take them: upright, resized, cropped in the centre, normalised."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING

from netdsl.runtime.quiet import quiet

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from PIL import Image

CROP = 0.875
"""What of the shorter side is taken, as 224 of 256 in the usual protocol (Simonyan and Zisserman 2015, section 3.2)."""
MEAN = (0.485, 0.456, 0.406)
STD = (0.229, 0.224, 0.225)
"""Of red, green and blue from 0 to 1, over ImageNet's training pictures."""

_PIXELS = 50_000_000
"""Those of a picture at most, which take 4 bytes each, and as many again where they are converted."""
_STRIP = 64
"""Rows that are worked on at once."""
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
    path: str | PathLike[str],
    dims: Sequence[int],
    *,
    crop: float = CROP,
    mean: Sequence[float] = MEAN,
    std: Sequence[float] = STD,
) -> NDArray[np.float32]:
    """A picture for an INPUT of dims height x width x channels, as channels x height x width.

    It is turned as its EXIF data says, made RGB (3 channels) or grey (1), resized so that it just covers the dims over
    `crop`, and cropped in the centre; what is transparent is dropped. Its values, from 0 to 1, less the mean are
    divided by the standard deviation, one for each channel or one for all; three for a grey picture are averaged.

    Raises UnreadablePictureError, and OSError for a file that cannot be read.
    """
    import numpy as np

    height, width, channels = dims
    image = _read(Path(path), "RGB" if channels == 3 else "L")
    values = np.asarray(_cropped(image, height, width, crop), np.float32).reshape(height, width, channels)
    scaled = (values / np.float32(255) - _each(mean, channels)) / _each(std, channels)
    return np.ascontiguousarray(scaled.transpose(2, 0, 1), np.float32)


def _each(values: Sequence[float], channels: int) -> NDArray[np.float32]:
    """A value for each channel."""
    import numpy as np

    return np.asarray(values if len(values) == channels else [sum(values) / len(values)] * channels, np.float32)


def _read(path: Path, mode: str) -> Image.Image:
    from PIL import Image, UnidentifiedImageError

    Image.init()  # all its readers, which else come when they are needed, and are heard
    data = path.open("rb")  # apart, since Pillow raises OSError for broken pictures too
    with data, quiet("PIL"):  # of odd metadata, and of pictures that are half as large as is too large
        try:
            image = Image.open(data)
            if reason := _refused(image):
                raise UnreadablePictureError(path, reason)
            return _decoded(image, mode)
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


def _decoded(image: Image.Image, mode: str) -> Image.Image:
    """A picture in a mode, upright, with as few copies as can be."""
    from PIL import ImageOps

    ImageOps.exif_transpose(image, in_place=True)
    if image.mode.startswith("I"):
        image = _eight_bits(image)
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


def _cropped(image: Image.Image, height: int, width: int, crop: float) -> Image.Image:
    """The centre of a resized picture, without making the rest of it, which is large where a picture is long and thin.

    Sides and offsets are rounded as torchvision's Resize and CenterCrop round them.
    """
    from PIL import Image

    least_height, least_width = max(height, round(height / crop)), max(width, round(width / crop))
    if image.width * least_height <= image.height * least_width:
        whole = (least_width, image.height * least_width // image.width)
    else:
        whole = (image.width * least_height // image.height, least_height)
    left, top = round((whole[0] - width) / 2), round((whole[1] - height) / 2)
    across, down = image.width / whole[0], image.height / whole[1]
    box = (
        left * across,
        top * down,
        min((left + width) * across, image.width),
        min((top + height) * down, image.height),
    )
    return image.resize((width, height), Image.Resampling.BILINEAR, box=box)
