"""The colours of pictures: a pale fill and an accent for each role, an accent for each device."""

from __future__ import annotations

from dataclasses import dataclass

from netdsl.layers.base import Role


@dataclass(frozen=True, slots=True)
class Tone:
    """A pale fill, and the accent that goes with it."""

    fill: str
    accent: str


ROLES: dict[Role, Tone] = {
    "input": Tone("#e9ecef", "#495057"),
    "convolution": Tone("#dbe7fb", "#3b6fd4"),
    "dense": Tone("#e8def8", "#7a4fc0"),
    "pooling": Tone("#fbdedb", "#cf4a41"),
    "normalization": Tone("#d3f0ec", "#158377"),
    "activation": Tone("#fdefc6", "#b98500"),
    "dropout": Tone("#eceae6", "#8a8577"),
    "merge": Tone("#d9f0dc", "#2f8f3e"),
    "reshape": Tone("#f1e4d8", "#98694a"),
}
"""In the order of the legend."""

DEVICES = ("#364fc7", "#d6336c", "#2b8a3e", "#e8590c", "#7048e8", "#0b7285", "#a61e4d", "#5c940d")
"""Reused in turn where there are more devices."""

DEVICE_FILLS = ("#f3f5fd", "#fdf2f6", "#f2faf3", "#fef5ef", "#f6f3fe", "#eff9fa", "#fbf1f4", "#f6faef")

TEXT = "#212529"
QUIET = "#6c757d"
LINE = "#868e96"
BORDER = "#ced4da"
PAPER = "#ffffff"
TRAINING = Tone("#f4f4f4", "#9aa0a6")
"""Of what exists in training alone."""

DEPTHS = ("#f8f9fa", "#f1f3f5", "#e9ecef")
"""The fills of clusters within clusters, in turn."""


def device(number: int) -> Tone:
    """The colours of a logical device."""
    return Tone(DEVICE_FILLS[number % len(DEVICE_FILLS)], DEVICES[number % len(DEVICES)])
