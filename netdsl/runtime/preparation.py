"""What becomes of a picture before a network has it: sized, and normalised."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from PIL import Image

CROP = 0.875
"""What of the shorter side is taken, as 224 of 256 in the usual protocol (Simonyan and Zisserman 2015, section 3.2)."""
MEAN = (0.485, 0.456, 0.406)
STD = (0.229, 0.224, 0.225)
"""Of red, green and blue from 0 to 1, over ImageNet's training pictures."""


@dataclass(frozen=True)
class Preparation:
    """What becomes of a picture before a network has it.

    `mean` and `std` are of values from 0 to 1, one for each channel or one for all; three for a grey picture are
    averaged. By `cover` a picture is resized so that it just covers the network's dims over `crop`, and its centre is
    cut out. By `pad` it stands in the middle of black as it is, as LeCun's 28x28 in 32x32; one that is larger than the
    dims is first made so small that it fits into `crop` of them.
    """

    mean: tuple[float, ...] = MEAN
    std: tuple[float, ...] = STD
    size: Literal["cover", "pad"] = "cover"
    crop: float = CROP

    def prepared(self, picture: NDArray[np.uint8], dims: Sequence[int]) -> NDArray[np.float32]:
        """A picture, height x width x 1 or 3 channels, for an INPUT of such dims, as channels x height x width."""
        return self.of_image(_image(picture), dims)

    def of_image(self, image: Image.Image, dims: Sequence[int]) -> NDArray[np.float32]:
        """A picture of Pillow's, grey (L) or RGB, for an INPUT of dims height x width x channels."""
        return self.scaled(self._sized(image, dims))

    def sized(self, picture: NDArray[np.uint8], dims: Sequence[int]) -> NDArray[np.uint8]:
        """A picture, height x width x 1 or 3 channels, with the size and the channels of such dims."""
        return self._sized(_image(picture), dims)

    def _sized(self, image: Image.Image, dims: Sequence[int]) -> NDArray[np.uint8]:
        import numpy as np

        height, width, channels = dims
        if channels == 1 and image.mode != "L":
            image = image.convert("L")
        sized = (_covering if self.size == "cover" else _padded)(image, height, width, self.crop)
        return np.broadcast_to(np.asarray(sized).reshape(height, width, -1), (height, width, channels))

    def scaled(self, values: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Pictures that have the right size, … x height x width x channels, as … x channels x height x width."""
        import numpy as np

        channels = values.shape[-1]
        each = np.arange(256, dtype=np.float32).reshape(256, 1, 1, 1) / np.float32(255)  # that there is
        known = self.normalised(np.broadcast_to(each, (256, 1, 1, channels)))[:, :, 0, 0]
        made = np.empty((*values.shape[:-3], channels, *values.shape[-3:-1]), np.float32)
        for channel in range(channels):
            np.take(known[:, channel], values[..., channel], out=made[..., channel, :, :], mode="clip")
        return made

    def normalised(self, values: NDArray[np.float32]) -> NDArray[np.float32]:
        """Pictures of values from 0 to 1, N x height x width x channels, as N x channels x height x width."""
        import numpy as np

        channels = values.shape[-1]
        scaled = (values - each_channel(self.mean, channels)) / each_channel(self.std, channels)
        return np.ascontiguousarray(scaled.transpose(0, 3, 1, 2))


def _image(picture: NDArray[np.uint8]) -> Image.Image:
    """An array as a picture of Pillow's."""
    from PIL import Image

    return Image.fromarray(picture[..., 0] if picture.shape[-1] == 1 else picture)


def each_channel(values: Sequence[float], channels: int) -> NDArray[np.float32]:
    """A value for each channel."""
    import numpy as np

    return np.asarray(values if len(values) == channels else [sum(values) / len(values)] * channels, np.float32)


def _covering(image: Image.Image, height: int, width: int, crop: float) -> Image.Image:
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


def _padded(image: Image.Image, height: int, width: int, crop: float) -> Image.Image:
    """A picture in the middle of black, made smaller where it does not fit."""
    from PIL import Image

    if image.width > width or image.height > height:
        share = min(max(1, round(width * crop)) / image.width, max(1, round(height * crop)) / image.height)
        sides = (max(1, round(image.width * share)), max(1, round(image.height * share)))
        image = image.resize(sides, Image.Resampling.BILINEAR)
    whole = Image.new(image.mode, (width, height))
    whole.paste(image, ((width - image.width) // 2, (height - image.height) // 2))
    return whole
