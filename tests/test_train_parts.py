"""Optimizers, schedules, averages and frozen layers, each against PyTorch's own."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import nn, optim
from torch.optim import lr_scheduler
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

import netdsl
from netdsl.recipe import Recipe
from netdsl.train.average import Average
from netdsl.train.freezing import FreezeError
from netdsl.train.optimizer import optimizer
from netdsl.train.schedule import Schedule

TEXT = "INPUT 6x6x3 -> stem: CONV 4 3 -> BN -> RELU -> half: ( CONV 4 3 -> BN ) -> RELU -> fc: FC 3"


def module(text: str = TEXT) -> nn.Module:
    return netdsl.loads(text).module()


def learn(one: nn.Module, by: optim.Optimizer, seed: int) -> None:
    """A step on random examples."""
    x = torch.randn(5, 3, 6, 6, generator=torch.Generator().manual_seed(seed))
    by.zero_grad()
    one(x).square().mean().backward()
    by.step()


OPTIMIZERS: dict[str, Callable[[Any], optim.Optimizer]] = {
    "sgd": lambda groups: optim.SGD(groups, lr=0.1, momentum=0.8),
    "adam": lambda groups: optim.Adam(groups, lr=0.1, betas=(0.8, 0.999)),
    "adamw": lambda groups: optim.AdamW(groups, lr=0.1, betas=(0.8, 0.999)),
}


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_steps_are_those_of_torch_and_biases_do_not_decay(name: Any) -> None:
    one, other = module(), module()
    mine = optimizer(one, Recipe(name, rate=0.1, momentum=0.8, decay=0.3))
    decayed = ["stem.weight", "half_.conv1.weight", "fc.weight"]
    parts: list[list[nn.Parameter]] = [[], []]
    for path, weight in other.named_parameters():
        parts[path not in decayed].append(weight)
    groups = [{"params": parts[0], "weight_decay": 0.3}, {"params": parts[1], "weight_decay": 0.0}]
    theirs = OPTIMIZERS[name](groups)
    for seed in range(4):
        learn(one, mine, seed)
        learn(other, theirs, seed)
    for mine_, theirs_ in zip(one.state_dict().values(), other.state_dict().values(), strict=True):
        assert torch.equal(mine_, theirs_)


def test_tokens_and_positions_do_not_decay() -> None:
    one = module("INPUT 5x3 -> CONV 4 1 -> TOKEN -> POSITIONS -> ATTENTION 2 window=3 relative -> LN -> PICK 1 -> FC 2")
    groups = optimizer(one, Recipe()).param_groups
    names = {id(weight): path for path, weight in one.named_parameters()}
    decayed = {names[id(weight)] for weight in groups[0]["params"]}
    assert decayed == {"conv1.weight", "attention1.in_proj_weight", "attention1.out_proj.weight", "fc1.weight"}
    assert sum(len(group["params"]) for group in groups) == len(names)


def rates(recipe: Recipe, steps: int, errors: list[float]) -> list[float]:
    """The rate of each step."""
    by = optim.SGD([nn.Parameter(torch.zeros(1))], 1.0)
    one = Schedule(by, recipe, steps)
    found: list[float] = []
    for epoch in range(recipe.epochs):
        for _ in range(steps):
            found.append(by.param_groups[0]["lr"])
            one.step()
        one.epoch(errors[epoch % len(errors)])
    return found


def torch_rates(recipe: Recipe, steps: int, errors: list[float]) -> list[float]:
    """The same by PyTorch's schedulers."""
    by = optim.SGD([nn.Parameter(torch.zeros(1))], recipe.rate)
    warm, total = int(recipe.warmup * steps), recipe.epochs * steps
    each: list[lr_scheduler.LRScheduler] = []
    if warm:
        each.append(lr_scheduler.LinearLR(by, 1 / warm, 1, warm - 1))
    match recipe.schedule:
        case "cosine":
            cosine = lr_scheduler.CosineAnnealingLR(by, total - warm)
            each = [lr_scheduler.SequentialLR(by, [*each, cosine], [warm])] if warm else [cosine]
        case "step":
            each.append(lr_scheduler.StepLR(by, recipe.patience * steps, recipe.factor))
        case _:
            pass
    plateau = lr_scheduler.ReduceLROnPlateau(by, "min", recipe.factor, recipe.patience, threshold=0, eps=0)
    found: list[float] = []
    for epoch in range(recipe.epochs):
        for _ in range(steps):
            found.append(by.param_groups[0]["lr"])
            by.step()
            for one in each:
                one.step()
        if recipe.schedule == "plateau":
            plateau.step(errors[epoch % len(errors)])
    return found


SCHEDULES = [
    Recipe(schedule="constant", rate=0.3, epochs=4),
    Recipe(schedule="plateau", rate=0.3, epochs=30, patience=2, factor=0.5),
    Recipe(schedule="plateau", rate=0.3, epochs=30, patience=1, factor=0.1),
    Recipe(schedule="step", rate=0.3, epochs=9, patience=2, factor=0.3),
    Recipe(schedule="step", rate=0.3, epochs=9, patience=3, factor=0.3, warmup=1),
    Recipe(schedule="cosine", rate=0.3, epochs=7),
    Recipe(schedule="cosine", rate=0.3, epochs=7, warmup=2),
    Recipe(schedule="constant", rate=0.3, epochs=7, warmup=3),
]


@pytest.mark.parametrize("recipe", SCHEDULES, ids=lambda one: f"{one.schedule} {one.warmup:g} {one.patience}")
def test_rates_are_those_of_torch(recipe: Recipe) -> None:
    errors = [0.5, 0.4, 0.4, 0.41, 0.45, 0.3, 0.3, 0.3, 0.3, 0.29, 0.31, 0.35]
    assert rates(recipe, 5, errors) == pytest.approx(torch_rates(recipe, 5, errors), rel=1e-9)


def test_a_warm_up_takes_at_most_half() -> None:
    assert rates(Recipe(schedule="constant", rate=1, epochs=2, warmup=9), 3, [0]) == pytest.approx(
        [1 / 3, 2 / 3, 1, 1, 1, 1]
    )


def test_a_schedule_goes_on_from_plain_numbers() -> None:
    recipe = Recipe(rate=1, epochs=9, patience=1, warmup=0.5, factor=0.5)

    def new() -> Schedule:
        return Schedule(optim.SGD([nn.Parameter(torch.zeros(1))], 1.0), recipe, 4)

    whole, found = new(), list[float]()
    parted, told = new(), list[float]()
    for step in range(36):
        for one, seen in ((whole, found), (parted, told)):
            seen.append(one.optimizer.param_groups[0]["lr"])
            one.step()
            if step % 4 == 3:
                one.epoch(0.5)
        state = json.loads(json.dumps(parted.state_dict(), allow_nan=False))
        parted = new()
        parted.load_state_dict(state)
    assert found == told
    assert set(found) == {0.125, 0.25, 0.5, 1.0}


def test_an_average_is_that_of_torch_and_goes_on() -> None:
    one, other = module(), module()
    by, also = (optim.SGD(each.parameters(), 0.1) for each in (one, other))
    mine = Average(one, 0.7)
    theirs = AveragedModel(other, multi_avg_fn=get_ema_multi_avg_fn(0.7))
    for seed in range(4):
        learn(one, by, seed)
        mine.update(one)
        learn(other, also, seed)
        theirs.update_parameters(other)
        state = mine.state_dict()
        assert state["steps"] == seed + 1
        copied = {**state, "weights": {name: tensor.clone() for name, tensor in state["weights"].items()}}
        mine = Average(module(), 0.7)
        mine.load_state_dict(copied)
    for mine_, theirs_ in zip(mine.module.state_dict().values(), theirs.module.state_dict().values(), strict=True):
        assert torch.equal(mine_, theirs_)
    assert not torch.equal(mine.module.get_parameter("fc.weight"), one.get_parameter("fc.weight"))
    assert not mine.module.training
    assert not any(weight.requires_grad for weight in mine.module.parameters())
    assert one.get_parameter("fc.weight").requires_grad


@pytest.mark.parametrize(
    ("patterns", "frozen"),
    [
        (["stem"], ["stem"]),
        (["half"], ["half_.conv1", "half_.bn1"]),
        (["half.*"], ["half_.conv1", "half_.bn1"]),
        (["*conv1", "bn?"], ["half_.conv1", "bn1"]),
        (["stem", "bn1", "half"], ["stem", "bn1", "half_.conv1", "half_.bn1"]),
    ],
    ids=" ".join,
)
def test_what_is_frozen_stays(patterns: list[str], frozen: list[str]) -> None:
    one = module()
    before = {name: tensor.clone() for name, tensor in one.state_dict().items()}
    by = optimizer(one, replace(Recipe(), rate=0.1), patterns)
    one.train()
    for seed in range(2):
        learn(one, by, seed)
        one.train()
    changed = {
        name.rpartition(".")[0] for name, tensor in one.state_dict().items() if not torch.equal(tensor, before[name])
    }
    assert changed == {"stem", "bn1", "half_.conv1", "half_.bn1", "fc"} - set(frozen)


@pytest.mark.parametrize(
    ("pattern", "words"),
    [
        ("stme", "did you mean stem"),
        ("relu1", "choose among "),
        ("stem,bn1", "each by itself"),
        ("stem.weight", "did you mean stem?"),
        ("*", "nothing is left to train"),
    ],
)
def test_wrong_names_of_frozen_layers_are_told(pattern: str, words: str) -> None:
    with pytest.raises(FreezeError) as raised:
        optimizer(module(), Recipe(), [pattern])
    mistake = raised.value.mistake
    assert words in f"{mistake.message()} {mistake.help()}"
