"""What each of two processes does that tests start, as torchrun would: it trains its share, and the second one dies."""

from __future__ import annotations

import os
import signal
import sys
from dataclasses import replace
from pathlib import Path

import test_train as tests
import torch
from safetensors.torch import save_file

import netdsl
from netdsl import data
from netdsl.recipe import Recipe
from netdsl.train import distributed
from netdsl.train.distributed import Group
from netdsl.train.errors import Interrupted, LostError
from netdsl.train.setting import Setting
from netdsl.train.training import Training

PLAIN = Recipe(rate=0.05, batch=15, epochs=2)
"""Without what differs by process: dropout and statistics of a batch."""
NETWORK = "INPUT 8x8x1 -> CONV 4 3 -> RELU -> MAXPOOL 2 -> FC 3 -> SOFTMAX"


def step(examples: Path, group: Group, accumulate: int = 1) -> tuple[dict[str, torch.Tensor], float]:
    """The gradients of a step of LeNet-5 by a batch of 13, and the loss."""
    made = Setting(netdsl.load("lenet5_modern").shaped, data.read(examples), replace(PLAIN, batch=13, clip=0.0))
    training = Training(replace(made, accumulate=accumulate), torch.device("cpu"), 1, group=group)
    random = torch.Generator().manual_seed(0)
    x, y = torch.randn(13, 1, 32, 32, generator=random), torch.randint(10, (13,), generator=random)
    training.train()
    training.step(x[group.rank :: group.world], y[group.rank :: group.world])
    gradients = {name: one.grad for name, one in training.module.named_parameters() if one.grad is not None}
    return gradients, training.means[0]


def interrupted() -> None:
    """What a process gets where a terminal interrupts all of them, and torchrun passes it on."""
    signal.raise_signal(signal.SIGINT)
    signal.raise_signal(signal.SIGINT)


def main(examples: Path, place: Path) -> None:
    torch.set_num_threads(1)
    group = distributed.join(torch.device("cpu"))
    gradients, loss = step(examples, group, accumulate=2)
    if group.first:
        gradients = {name: one.contiguous() for name, one in gradients.items()}
        save_file({**gradients, "loss": torch.tensor(loss, dtype=torch.float64)}, place / "step.safetensors")
    tests.train(tests.setting(examples, PLAIN, NETWORK), place / "plain")
    tests.train(tests.setting(examples), place / "whole")
    # The second is asked to stop, and both do, at once.
    made = tests.setting(examples)
    for at in (4, 2 * tests.STEPS):
        with tests.at_step(at, lambda: None if group.first else interrupted()):
            try:
                tests.train(made, place / "stopped", resume=at > 4)
            except Interrupted:
                continue
        raise AssertionError("it was not stopped")
    tests.train(made, place / "stopped", resume=True)
    with tests.at_step(3, lambda: None if group.first else os.kill(os.getpid(), signal.SIGKILL)):
        try:
            tests.train(made, place / "lost")
        except LostError as error:
            sys.stdout.write(f"{error}\n{error.help}\n")
            sys.stdout.flush()
            os._exit(3)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
