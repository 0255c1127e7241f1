"""Two processes that train together do as one, stop together, and end where one is lost."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch
import training_together
from safetensors.torch import load_file
from test_train import examples, same, setting, train

from netdsl.train import distributed, folder
from netdsl.train.distributed import Group

__all__ = ["examples"]

TESTS = Path(__file__).parent


@dataclass
class Together:
    """Where two processes have trained, and how they ended."""

    place: Path
    status: list[int]
    said: list[str]


def start(arguments: list[str], where: Path) -> list[subprocess.Popen[str]]:
    """Two processes with the environment that torchrun gives them."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port = str(one.getsockname()[1])
    around = {"WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port, "OMP_NUM_THREADS": "1"}
    around |= {"PYTHONPATH": str(TESTS.parent), "GLOO_SOCKET_IFNAME": os.environ.get("GLOO_SOCKET_IFNAME", "lo")}
    return [
        subprocess.Popen(
            [sys.executable, *arguments],
            cwd=where,
            env={**os.environ, **around, "RANK": rank, "LOCAL_RANK": rank},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for rank in ("0", "1")
    ]


def ended(started: list[subprocess.Popen[str]]) -> tuple[list[int], list[str]]:
    """How processes ended, and what they said."""
    try:
        said = [one.communicate(timeout=120)[0] for one in started]
    finally:
        for one in started:
            one.kill()
            one.communicate()
    return [one.returncode for one in started], said


@pytest.fixture(scope="module")
def together(examples: Path, tmp_path_factory: pytest.TempPathFactory) -> Together:
    place = tmp_path_factory.mktemp("together")
    arguments = [str(TESTS / "training_together.py"), str(examples), str(place)]
    return Together(place, *ended(start(arguments, place)))


def test_gradients_and_losses_are_those_of_one_process(together: Together, examples: Path, tmp_path: Path) -> None:
    found = load_file(together.place / "step.safetensors")
    gradients, loss = training_together.step(examples, Group())
    assert float(found.pop("loss")) == pytest.approx(loss, rel=1e-6)
    assert found.keys() == gradients.keys()
    for name, one in gradients.items():
        torch.testing.assert_close(found[name], one, rtol=1e-4, atol=1e-6)
    train(setting(examples, training_together.PLAIN, training_together.NETWORK), tmp_path)
    rows = [folder.state(place)["epochs"] for place in (together.place / "plain", tmp_path)]
    for one, other in zip(*rows, strict=True):
        assert one["examples"] == other["examples"] == 91
        for name in ("train_loss", "train_error", "validation_loss", "validation_error"):
            assert one[name] == pytest.approx(other[name], abs=1e-4), name
    tested = [json.loads((place / "result.json").read_text()) for place in (together.place / "plain", tmp_path)]
    assert tested[0]["test_examples"] == 30
    assert tested[0]["test_error"] == tested[1]["test_error"]
    assert tested[0]["test_loss"] == pytest.approx(tested[1]["test_loss"], abs=1e-4)


def test_both_stop_together_and_go_on_to_the_same_weights(together: Together) -> None:
    assert same(together.place / "stopped", together.place / "whole")


def test_one_that_is_lost_ends_the_other_with_a_word(together: Together) -> None:
    assert together.status == [3, -signal.SIGKILL]
    assert together.said[0].splitlines()[-2:] == [
        "process 1 of 2 has lost another, which has ended or cannot be reached",
        "what was saved last goes on with --resume, by as many processes",
    ]
    assert folder.state(together.place / "lost")["training"]["epoch"] == 0


def test_the_command_speaks_once(examples: Path, tmp_path: Path) -> None:
    (tmp_path / "net.net").write_text(training_together.NETWORK, encoding="utf-8")
    arguments = ["-m", "netdsl", "train", "net.net", "--data", str(examples), "-o", "run", "--epochs", "1"]
    status, said = ended(start(arguments, tmp_path))
    assert status == [0, 0], said
    assert "test error" in said[0]
    assert said[1] == ""


# Without others


def test_a_process_alone_is_a_group(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RANK", raising=False)
    assert distributed.join(torch.device("cpu")) == Group()
    value = torch.tensor([1.0, 2.0])
    Group().sum(value)
    Group().average([value], 0.5, value)
    assert value.tolist() == [1.0, 2.0]
    assert not Group().any(asked=False)
    assert Group().any(asked=True)


@pytest.mark.parametrize(
    ("around", "group", "device"),
    [
        ({}, Group(), "cuda"),
        ({"RANK": "0", "WORLD_SIZE": "1", "LOCAL_RANK": "0"}, Group(), "cuda"),
        ({"RANK": "5", "WORLD_SIZE": "8", "LOCAL_RANK": "1", "MASTER_ADDR": "first"}, Group(5, 8), "cuda:1"),
        ({"RANK": "5", "WORLD_SIZE": "8", "LOCAL_RANK": "1"}, Group(), "cuda"),  # a scheduler's
    ],
)
def test_torchrun_says_who_is_who(
    around: dict[str, str], group: Group, device: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("RANK", "WORLD_SIZE", "LOCAL_RANK", "MASTER_ADDR"):
        monkeypatch.delenv(name, raising=False)
    for name, value in around.items():
        monkeypatch.setenv(name, value)
    assert distributed.started() == group
    assert distributed.device("cuda") == device
    assert distributed.device("cuda:3") == "cuda:3"
    assert distributed.device("cpu") == "cpu"


def test_large_and_mixed_tensors_are_sent_in_pieces() -> None:
    sizes: list[Any] = [2**23, 5, 2**23, 7]
    values = [torch.empty(size) for size in sizes] + [torch.empty(3, dtype=torch.float64)]
    assert [[one.numel() for one in bucket] for bucket in distributed._buckets(values)] == [
        [2**23],
        [5, 2**23],
        [7],
        [3],
    ]
