"""How large things are drawn: one scale for heights, widths and kernels of a figure, another for channels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from netdsl.draw.volumes.volume import Volume

_POWERS = (1.0, 0.9, 0.8, 0.7, 0.6, 0.5)
_TALLEST = 132.0
_LOWEST = 14.5
_CELL = 9.0
"""The most points for one position of a map."""
_LONGEST = 84.0
"""The most points for the channels of a map."""
_HIGHEST = 120.0
"""The most points for the units of a vector."""
_CHANNEL = 3.4


@dataclass(frozen=True, slots=True)
class Scale:
    """A size of n positions is drawn as `unit`·n^`power` points, n channels or units as `channel`·√n."""

    unit: float
    power: float
    channel: float
    stacked: bool
    """Whether every map is drawn by itself, as in a stack of sheets."""

    def side(self, size: float) -> float:
        """Points for a height, a width or the side of a kernel."""
        return self.unit * size**self.power

    def length(self, channels: float) -> float:
        """Points for a number of channels or units."""
        return self.channel * channels**0.5

    @property
    def caption(self) -> str:
        """What is to scale, for the foot of the picture."""
        exact = "Maps and kernels are drawn to scale"
        told = exact if self.power == 1 else f"Heights, widths and kernels are drawn as size^{self.power:g}"
        if self.stacked:
            return f"{told}, one sheet a map; bars as √units."
        return f"{told}, lengths as √channels."


def scale(volumes: Sequence[Volume]) -> Scale:
    """The scale of a figure: linear where the smallest map can then be seen, else by the mildest power.

    A network whose maps are few is drawn as stacks of sheets, any other with boxes.
    """
    sides = [size for volume in volumes for size in volume.shape.spatial[-2:]] or [1]
    largest, smallest = max(sides), min((size for size in sides if size > 1), default=1)
    powers = [power for power in _POWERS if _TALLEST * (smallest / largest) ** power >= _LOWEST]
    power = powers[0] if powers else _POWERS[-1]
    unit = min(_TALLEST / largest**power, _CELL)
    channels = max((volume.shape.channels for volume in volumes if volume.shape.spatial), default=1)
    units = max((volume.shape.channels for volume in volumes if not volume.shape.spatial), default=1)
    if _stacked(volumes):
        return Scale(unit, power, min(7.0, 90.0 / max(channels, units) ** 0.5), stacked=True)
    return Scale(unit, power, min(_CHANNEL, _LONGEST / channels**0.5, _HIGHEST / units**0.5), stacked=False)


def _stacked(volumes: Sequence[Volume]) -> bool:
    """Whether the maps of all volumes are few enough to be drawn one by one."""
    maps = [volume for volume in volumes if volume.shape.positions > 1]
    return bool(maps) and all(
        volume.shape.rank == 2 and volume.shape.channels <= 20 and volume.copies == 1 and not volume.block
        for volume in maps
    )
