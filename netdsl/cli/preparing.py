"""How pictures are prepared for a compiled file: as options say, as the file does, or as it is usual."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import wraps
from typing import TYPE_CHECKING, Any, Protocol, cast

import click

from netdsl import resources
from netdsl.cli import common
from netdsl.runtime.preparation import CROP, MEAN, STD, Preparation

if TYPE_CHECKING:
    from netdsl.layers.arguments import Number

_INVERT = "Take the negative: black ink on white for white on black."
USUAL = "normalised by ImageNet's mean and deviation"


class Described(Protocol):
    """What has a program, and may say what pictures went through: a compiled file's card."""

    @property
    def source(self) -> str: ...

    @property
    def preparation(self) -> Preparation | None: ...


@dataclass(frozen=True)
class Asked:
    """The options that say how pictures are prepared, as they were written."""

    mean: str | None
    std: str | None
    raw: str | None
    crop: float | None
    invert: bool

    def prepared(self, made: Described, channels: int) -> tuple[Preparation, str]:
        """What becomes of a picture for a file's input of 1 or 3 channels, and how to say it. Raises UsageError."""
        known = made.preparation
        values, words = self._values(made, channels)
        preparation = replace(known or values, mean=values.mean, std=values.std)
        if self.crop is not None:
            preparation = replace(preparation, crop=self.crop)
        return preparation, words + ", negative" * self.invert

    def _values(self, made: Described, channels: int) -> tuple[Preparation, str]:
        """How a picture's values are given: as asked, as in training, as constants behind INPUT take them, or usual."""
        known = made.preparation
        if self.raw is not None:
            if self.mean is not None or self.std is not None:
                raise common.UsageError("--raw goes with neither --mean nor --std", "leave one out")
            return Preparation((0,), (1 / int(self.raw),)), f"values from 0 to {self.raw}"
        if self.mean is not None or self.std is not None:
            usual = known or Preparation(MEAN, STD)
            means = usual.mean if self.mean is None else _numbers("--mean", self.mean, channels)
            deviations = usual.std if self.std is None else _numbers("--std", self.std, channels)
            if min(deviations) <= 0:
                raise common.UsageError(f"--std {self.std}: is more than 0")
            return Preparation(means, deviations), "normalised as --mean and --std say"
        if known is not None:
            return known, "prepared as in training"
        if scaled := _scaled_by(made.source):
            keyword, largest = scaled
            most = 255 if largest > 1 else 1
            return Preparation((0,), (1 / most,)), f"values from 0 to {most}, which {keyword} takes"
        return Preparation(MEAN, STD), USUAL


def options(command: common.Command, name: str = "asked", *, inverts: bool = True) -> common.Command:
    """Give a command the options that say how pictures are prepared, as `asked` or another name.

    With `inverts` it can take the negative of pictures.
    """

    @wraps(command)
    def asking(
        *,
        mean: str | None,
        std: str | None,
        raw: str | None,
        crop: float | None,
        invert: bool = False,
        **options: object,
    ) -> object:
        return command(**{name: Asked(mean, std, raw, crop, invert)}, **options)

    added: Any = asking
    if inverts:
        added = click.option("--invert", is_flag=True, help=_INVERT)(added)
    for option in (
        click.option(
            "--crop",
            type=click.FloatRange(0, 1, min_open=True),
            help=f"What of a picture is kept; by default as in training, else {CROP}.",
        ),
        click.option("--raw", type=click.Choice(["1", "255"]), help="Give values from 0 to 1, or to 255, as they are."),
        click.option("--std", metavar="R,G,B", help="Standard deviation; by default as in training, else ImageNet's."),
        click.option(
            "--mean", metavar="R,G,B", help="Of values from 0 to 1; by default as in training, else ImageNet's."
        ),
    ):
        added = option(added)
    return cast("common.Command", added)


def _numbers(option: str, text: str, channels: int) -> tuple[float, ...]:
    """One number, or one for each channel. Raises UsageError."""
    try:
        numbers = [float(word) for word in text.split(",")]
    except ValueError:
        numbers = []
    if len(numbers) not in (1, channels) or not all(map(math.isfinite, numbers)):
        wanted = "a number" if channels == 1 else f"a number, or {channels} with commas between"
        raise common.UsageError(f"{option} {text}: not {wanted}")
    return tuple(numbers)


def _scaled_by(program: str) -> tuple[str, Number] | None:
    """The keyword of a layer with constants, and the largest mean or deviation that they stand for; else None.

    Such layers are all that reads what the program is given: NORMALIZE, TIMES, PLUS. A program that uses files which
    are not there tells nothing.
    """
    from netdsl.graph.build import Overrides, build
    from netdsl.layers.norm import Normalize, Plus, Times
    from netdsl.text.diagnostic import Report
    from netdsl.text.source import Source

    shaped = build(Source(program, "source.net"), None, Report(), Overrides(include=[resources.networks()]))
    if shaped is None:
        return None
    graph = shaped.graph
    constants: list[Number] = []
    keyword = ""
    for layer in [graph.nodes[reader].layer for index in graph.inputs for reader in graph.readers[index]]:
        match layer:
            case Normalize():
                constants += (*layer.mean, *layer.std)
            case Times() if layer.factor:
                constants.append(abs(1 / Fraction(layer.factor)))
            case Plus():
                constants.append(abs(layer.offset))
            case _:
                return None
        keyword = layer.keyword
    return (keyword, max(constants)) if keyword else None
