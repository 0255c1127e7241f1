"""The colours of pictures: a pale fill and an accent for each role and device, on light paper or dark."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from netdsl.draw.drawing import Tint


@dataclass(frozen=True, slots=True)
class Tone:
    """A fill, and the accent that goes with it."""

    fill: str
    accent: str


@dataclass(frozen=True)
class Theme:
    """All colours of a picture. `text` is for words, `quiet` for what is said aside, `line` for edges."""

    name: str
    paper: str
    text: str
    quiet: str
    line: str
    border: str
    roles: Mapping[Tint, Tone]
    """In the order of the legend: the roles of layers, and what became of them between two networks."""
    devices: tuple[Tone, ...]
    """Reused in turn where there are more devices."""
    training: Tone
    """Of what exists in training alone."""
    follower: str
    """The fill of what follows a layer, where it exists in training alone."""
    depths: tuple[str, ...]
    """The fills of frames within frames."""

    def device(self, number: int) -> Tone:
        """The colours of a logical device."""
        return self.devices[number % len(self.devices)]


def _tones(fills: str, accents: str) -> tuple[Tone, ...]:
    return tuple(Tone(fill, accent) for fill, accent in zip(fills.split(), accents.split(), strict=True))


LIGHT = Theme(
    name="light",
    paper="#ffffff",
    text="#212529",
    quiet="#565e66",
    line="#868e96",
    border="#ced4da",
    roles={
        "input": Tone("#e9ecef", "#495057"),
        "convolution": Tone("#dbe7fb", "#3b6fd4"),
        "attention": Tone("#fbdcee", "#bf3a8b"),
        "dense": Tone("#e8def8", "#7a4fc0"),
        "recurrent": Tone("#e9f3cd", "#6c8a12"),
        "pooling": Tone("#fbdedb", "#cf4a41"),
        "normalization": Tone("#d3f0ec", "#158377"),
        "activation": Tone("#fdefc6", "#b98500"),
        "dropout": Tone("#eceae6", "#8a8577"),
        "merge": Tone("#d9f0dc", "#2f8f3e"),
        "reshape": Tone("#f1e4d8", "#98694a"),
        "added": Tone("#c8efcf", "#1f8a3b"),
        "removed": Tone("#fbd3d0", "#c9302c"),
        "changed": Tone("#ffeaa3", "#b98500"),
        "unchanged": Tone("#f1f3f5", "#adb5bd"),
    },
    devices=_tones(
        "#f3f5fd #fdf2f6 #f2faf3 #fef5ef #f6f3fe #eff9fa #fbf1f4 #f6faef",
        "#364fc7 #d6336c #2b8a3e #e8590c #7048e8 #0b7285 #a61e4d #5c940d",
    ),
    training=Tone("#f4f4f4", "#9aa0a6"),
    follower="#eeeeee",
    depths=("#f8f9fa", "#f1f3f5", "#e9ecef"),
)

DARK = Theme(
    name="dark",
    paper="#16191d",
    text="#e9ecef",
    quiet="#a9b2bb",
    line="#7b858f",
    border="#3d454d",
    roles={
        "input": Tone("#2b3035", "#adb5bd"),
        "convolution": Tone("#1c2f52", "#6d9bf1"),
        "attention": Tone("#471d37", "#ee7fc1"),
        "dense": Tone("#33244f", "#b08cf0"),
        "recurrent": Tone("#313b10", "#b3d148"),
        "pooling": Tone("#4a2220", "#f08079"),
        "normalization": Tone("#123b37", "#45b8ab"),
        "activation": Tone("#443508", "#e0ab25"),
        "dropout": Tone("#33312d", "#aaa493"),
        "merge": Tone("#1b3d22", "#62c473"),
        "reshape": Tone("#402f22", "#cb9a77"),
        "added": Tone("#16421f", "#5cc470"),
        "removed": Tone("#511d1b", "#f0706a"),
        "changed": Tone("#4a3a05", "#e0ab25"),
        "unchanged": Tone("#23282e", "#5b646d"),
    },
    devices=_tones(
        "#1a1e30 #2d1a22 #18271b #2d1f16 #221b32 #13272a #2a181e #1f2714",
        "#8098f5 #f0709d #5cc470 #f99150 #a489f5 #3fb2c6 #e06791 #93c53b",
    ),
    training=Tone("#24282c", "#7d858d"),
    follower="#2b3035",
    depths=("#1c2025", "#23282e", "#2b3138"),
)

THEMES: Mapping[str, Theme] = {theme.name: theme for theme in (LIGHT, DARK)}


def mixed(one: str, two: str, share: float) -> str:
    """A colour between two: all of the first at 0, all of the second at 1."""
    pairs = ((int(one[at : at + 2], 16), int(two[at : at + 2], 16)) for at in (1, 3, 5))
    return "#" + "".join(f"{round(a + (b - a) * share):02x}" for a, b in pairs)
