"""The memory of a training: what a step of the loop takes, and in how many parts a batch has room."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from unittest.mock import patch

import pytest
import torch
from test_train import RECIPE, STEPS, examples, setting, train
from training_step import allocated

import netdsl
from netdsl import data
from netdsl.recipe import Recipe
from netdsl.train import folder, room
from netdsl.train.errors import ChangedError, RoomError
from netdsl.train.setting import Setting
from netdsl.train.training import Training
from netdsl.train.watch import Watch

__all__ = ["examples"]

BLOCKS = (
    "INPUT 16x16x3 -> ( CONV 16 3 p1 nobias -> BN -> RELU ) x3 -> MAXPOOL 2 -> CONV 32 3 -> RELU -> FC 10 -> SOFTMAX"
)
RECIPES = [
    Recipe(momentum=0.0, decay=0.0),
    Recipe(momentum=0.9, decay=0.0, ema=0.9),
    Recipe(optimizer="adam", decay=0.0),
    Recipe(optimizer="adamw", ema=0.9),
]


@pytest.mark.parametrize("network", ["lenet5", "lenet5_modern", BLOCKS])
@pytest.mark.parametrize("recipe", RECIPES, ids=["sgd", "momentum, EMA", "adam", "adamw, EMA"])
@pytest.mark.parametrize("batch", [2, 32])
def test_a_step_of_the_loop_takes_what_memory_says(network: str, recipe: Recipe, batch: int, examples: Path) -> None:
    net = netdsl.loads(network) if "->" in network else netdsl.load(network)
    made = Setting(net.shaped, data.read(examples), replace(recipe, batch=batch))
    training = Training(made, torch.device("cpu"), 10)
    (dims,) = (net.shaped.shapes[index].dims for index in net.shaped.graph.inputs)
    x, y = torch.randn(batch, dims[-1], *dims[:-1]), torch.zeros(batch, dtype=torch.int64)
    x = x.contiguous(memory_format=torch.channels_last)  # as batches are
    training.train()
    training.step(x, y)
    training.optimizer.zero_grad(set_to_none=True)
    modules = [training.module] if training.average is None else [training.module, training.average.module]
    held = [one for module in modules for one in (*module.parameters(), *module.buffers())]
    held += [one for state in training.optimizer.state.values() for one in state.values() if torch.is_tensor(one)]
    taken = allocated(lambda: training.step(x, y), [*held, x, y])
    kind = "sgd" if not recipe.momentum else "momentum" if recipe.optimizer == "sgd" else recipe.optimizer
    (told,) = net.memory(batch, optimizer=kind, ema=recipe.ema > 0).training
    assert told.total == pytest.approx(taken, rel=0.02)
    assert room.taken(made, batch) == told.total


@pytest.fixture(scope="module")
def large(examples: Path) -> Setting:
    """One whose batches are larger than some memories."""
    return Setting(netdsl.load("resnet18").shaped, data.read(examples), Recipe(batch=64))


def test_a_batch_is_taken_in_as_few_parts_as_there_is_memory_for(large: Setting) -> None:
    assert room.parts(large, 64, None) == room.parts(large, 64, 10**12) == 1
    for count in (2, 3, 7):
        there = room.taken(large, 64, count)
        assert room.parts(large, 64, there) == count
        assert room.parts(large, 64, there - 1) > count
    assert room.taken(large, 64, 4) > room.taken(large, 16)  # where gradients are added up, all are there
    assert room.parts(replace(large, accumulate=5), 64, 10**12) == 5
    half = replace(large, recipe=replace(large.recipe, precision="bf16"))
    assert 0.5 < room.taken(half, 64) / room.taken(large, 64) < 0.7


def test_what_does_not_fit_is_told_with_what_would(large: Setting) -> None:
    there = room.taken(large, 64, 4)
    with pytest.raises(
        RoomError, match=r"a step by 32 examples takes 8\d\d MB of memory, of which \d+ MB are free"
    ) as told:
        room.parts(replace(large, accumulate=2), 64, there)
    assert told.value.help.startswith("write --accumulate 4,")
    with pytest.raises(RoomError, match="a step by one example takes") as told:
        room.parts(large, 64, 10**6)
    assert "smaller INPUT" in told.value.help


class Notes(Watch):
    """Keeps what is told."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def note(self, sentence: str) -> None:
        self.told.append(sentence)


def test_the_loop_takes_batches_in_parts_and_goes_on_so(examples: Path, tmp_path: Path) -> None:
    made, notes = setting(examples, replace(RECIPE, epochs=1, augmentation=())), Notes()
    with patch.object(room, "available", lambda _: room.taken(made, RECIPE.batch, 3)):
        train(made, tmp_path, watch=notes)
    assert notes.told == ["a step by 16 examples does not fit into memory, so that each batch is taken in 3 parts"]
    state = folder.state(tmp_path)
    assert (state["facts"]["accumulate"], state["training"]["step_number"]) == (3, STEPS)
    longer = setting(examples, replace(RECIPE, epochs=2, augmentation=()))
    train(longer, tmp_path, resume=True)  # with memory for all at once
    assert folder.state(tmp_path)["facts"]["accumulate"] == 3
    with pytest.raises(ChangedError, match="accumulate: 3, now 1"):
        train(replace(longer, accumulate=1), tmp_path, resume=True)
    with patch.object(room, "available", lambda _: 10**4), pytest.raises(RoomError, match="are free"):
        train(longer, tmp_path, resume=True)


def test_processes_of_a_machine_share_its_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("netdsl.data.memory.available", lambda: 10**9)
    monkeypatch.delenv("LOCAL_WORLD_SIZE", raising=False)
    assert room.available(torch.device("cpu")) == 9 * 10**8
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "4")
    assert room.available(torch.device("cpu")) == 225 * 10**6
    assert room.available(torch.device("meta")) is None
