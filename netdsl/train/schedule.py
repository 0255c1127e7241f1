"""The learning rate, step by step: a function of plain numbers, from which a training goes on."""

from __future__ import annotations

from collections.abc import Mapping
from math import cos, pi
from sys import float_info

from torch import optim

from netdsl.recipe import Recipe


class Schedule:
    """Sets an optimizer's rate for its next step, by a recipe whose epochs have so many steps.

    `constant` keeps the recipe's rate. `plateau` multiplies it by `factor` where the validation error was not below its
    least for more than `patience` epochs, as PyTorch's ReduceLROnPlateau without a threshold; `step` does so after each
    `patience` epochs. `cosine` lets it fall as half a cosine, step by step, to 0 at the end. In a warm-up, of at most
    half of all steps, it rises evenly to the recipe's; the cosine begins behind it.
    """

    def __init__(self, optimizer: optim.Optimizer, recipe: Recipe, steps: int) -> None:
        self.optimizer, self.recipe, self.steps = optimizer, recipe, steps
        self.done = 0
        """Steps that were made."""
        self.scale = 1.0
        """What plateaus have made of the rate."""
        self.best = float_info.max
        self.bad = 0
        """Epochs since the least error."""
        self._set()

    @property
    def rate(self) -> float:
        """The rate of the next step."""
        recipe, total = self.recipe, self.steps * self.recipe.epochs
        warm = min(round(recipe.warmup * self.steps), total // 2)
        rate = recipe.rate * self.scale
        if self.done < warm:
            rate *= (self.done + 1) / warm
        elif recipe.schedule == "cosine":
            rate *= (1 + cos(pi * min(1, (self.done - warm) / (total - warm)))) / 2
        if recipe.schedule == "step":
            rate *= recipe.factor ** (self.done // self.steps // recipe.patience)
        return rate

    def step(self) -> None:
        """Count a step of the optimizer."""
        self.done += 1
        self._set()

    def epoch(self, error: float) -> None:
        """Take the validation error at the end of an epoch."""
        if self.recipe.schedule != "plateau":
            return
        if error < self.best:
            self.best, self.bad = error, 0
        else:
            self.bad += 1
        if self.bad > self.recipe.patience:
            self.scale, self.bad = self.scale * self.recipe.factor, 0
            self._set()

    def state_dict(self) -> dict[str, float]:
        """All that the next rates follow from."""
        return {"done": self.done, "scale": self.scale, "best": self.best, "bad": self.bad}

    def load_state_dict(self, state: Mapping[str, float]) -> None:
        """Go on from such numbers."""
        self.done, self.bad = int(state["done"]), int(state["bad"])
        self.scale, self.best = float(state["scale"]), float(state["best"])
        self._set()

    def _set(self) -> None:
        for group in self.optimizer.param_groups:
            group["lr"] = self.rate
