"""How a network is trained, as a value."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, TypeAlias

from netdsl.recipe.keys import Kind, choice, key, number, several, statistics, switch, whole
from netdsl.text.mistake import Wrong

Optimizer: TypeAlias = Literal["sgd", "adam", "adamw"]
Schedule: TypeAlias = Literal["constant", "plateau", "step", "cosine"]
Augmentation: TypeAlias = Literal["crop", "flip", "colour", "lighting"]
Normalisation: TypeAlias = Literal["data", "imagenet", "none"] | tuple[tuple[float, ...], tuple[float, ...]]
"""Or the means and the deviations of the channels, of values from 0 to 1."""
Precision: TypeAlias = Literal["fp32", "bf16", "fp16"]


@dataclass(frozen=True)
class Recipe:
    """How a network is trained. Raises ValueError for what no recipe has."""

    optimizer: Optimizer = key(choice("sgd", "adam", "adamw"), "what makes a step of the gradient", "sgd")
    rate: float = key(number(over=0), "learning rate, before the schedule lowers it", 0.01)
    momentum: float = key(number(least=0, below=1), "share of the last step that goes on; Adam's first beta", 0.9)
    decay: float = key(
        number(least=0),
        "weight decay: part of the penalty on weights, but for biases, normalisations, tokens and positions",
        0.0005,
    )
    schedule: Schedule = key(
        choice("constant", "plateau", "step", "cosine"),
        "how the rate falls: where the validation error stalls, after each so many epochs, or as a cosine to 0",
        "plateau",
    )
    factor: float = key(number(over=0, below=1), "what the rate is multiplied by, in plateau and step", 0.1)
    patience: int = key(
        whole(1), "plateau: epochs without a lower validation error that are borne; step: epochs between two falls", 3
    )
    warmup: float = key(number(least=0), "epochs in which the rate rises from 0, at most half of them", 0.0)
    batch: int = key(whole(1), "examples in a step", 128)
    epochs: int = key(whole(1), "how often all examples are seen", 10)
    augmentation: tuple[Augmentation, ...] = key(
        several("crop", "flip", "colour", "lighting"),
        "what chance does to pictures: cut out, mirrored, other colours, other light along the colours' main axes",
        (),
    )
    normalisation: Normalisation = key(
        statistics("data", "imagenet", "none"),
        "what pictures are centred and scaled by; data: mean and deviation of the training part",
        "data",
    )
    ema: float = key(number(least=0, below=1), "decay of a moving average of the weights; 0: no average", 0.0)
    clip: float = key(number(least=0), "norm that the gradient is cut to; 0: not cut", 0.0)
    precision: Precision = key(choice("fp32", "bf16", "fp16"), "of what is computed; weights stay fp32", "fp32")
    seed: int = key(whole(0), "what all chance follows from", 0)
    validation: float = key(
        number(over=0, below=1),
        "share of the training examples that chooses the best epoch, where none is split off",
        0.1,
    )
    aux_weight: float = key(number(least=0), "weight of the losses of training outputs", 0.3)
    balance: bool = key(switch(), "whether each class counts alike, however many examples it has", False)

    def __post_init__(self) -> None:
        for one in KEYS:
            try:
                value = one.kind.read(getattr(self, one.name))
            except Wrong as wrong:
                raise ValueError(f"{one.name}: {wrong}") from None
            object.__setattr__(self, one.name, value)


@dataclass(frozen=True)
class Key:
    """A key of a recipe: what it takes, what it is for, and its value where it is left out."""

    name: str
    kind: Kind
    help: str
    default: object


def _keys() -> Iterator[Key]:
    for field in dataclasses.fields(Recipe):
        kind, help = field.metadata["key"]
        yield Key(field.name, kind, help, field.default)


KEYS = tuple(_keys())
"""The keys of a recipe, in order."""
