"""Threads that load, run and compile at once, and callers that have PyTorch in other modes than it starts in."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from random import Random
from typing import Any

import pytest
import torch
from torch import Tensor

import netdsl
from netdsl import runtime
from netdsl.compile import random
from netdsl.runtime import cpu, memory, switches
from netdsl.runtime.switches import WARM, steady

NETWORKS = [
    netdsl.loads("INPUT 8x8x3 -> CONV 8 3 p1 -> BN -> RELU -> MAXPOOL 2 -> CONV 4 3 p1 -> RELU -> FC 5 -> SOFTMAX"),
    netdsl.loads("INPUT 8x8x3 -> a: CONV 8 3 p1 -> RELU -> b: CONV 8 1 -> LRN\n[a | b] -> ADD -> RELU -> FC 5"),
    netdsl.loads("INPUT 8x8x3 -> DWCONV 3 p1 -> SILU -> CONV 8 1 -> FC 7 -> prob: SOFTMAX\noutput prob\noutput conv1"),
]


def first(outputs: Any) -> Tensor:
    return outputs if isinstance(outputs, Tensor) else outputs[0]


def test_eight_threads_load_run_and_compile_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cpu, "_faster", lambda *_: False)  # so that each module is fused
    monkeypatch.setattr(memory, "settle", lambda: None)
    files = [
        (number, target, network.compile(tmp_path / f"{number}_{target}.pt", target=target))
        for number, network in enumerate(NETWORKS)
        for target in ("portable", "cpu")
    ]
    modules = [network.module(train=False) for network in NETWORKS]
    shared = [runtime.load(path) for _, _, path in files]
    end = time.monotonic() + 2

    def work(thread: int) -> int:
        chance, times = Random(thread), 0
        (folder := tmp_path / str(thread)).mkdir()
        while time.monotonic() < end:
            at = chance.randrange(len(files))
            number, target, path = files[at]
            x = torch.rand(chance.randint(1, 3), 3, 8, 8)
            wanted, times = first(modules[number](x)).detach(), times + 1
            match chance.choice(["load", "run", "compile", "module"]):
                case "load":
                    found = first(runtime.load(path)(x))
                case "run":
                    found = first(shared[at](x))
                case "compile":
                    again = NETWORKS[number].compile(folder / path.name, target=target)
                    assert again.read_bytes() == path.read_bytes()
                    continue
                case _:
                    found = first(NETWORKS[number].module(train=False)(x)).detach()
                    assert torch.equal(found, wanted)
            torch.testing.assert_close(found, wanted, rtol=1e-3, atol=1e-4)
        return times

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(work, range(8)))


def test_a_thread_that_draws_changes_no_weights_and_keeps_its_numbers() -> None:
    net, done = netdsl.loads("INPUT 8 -> FC 300 -> FC 300"), threading.Event()
    wanted = net.module().state_dict()["fc2.weight"]
    torch.manual_seed(0)
    drawn = [torch.rand(3) for _ in range(300)]
    torch.manual_seed(0)

    def compile() -> list[bool]:
        found: list[bool] = []
        while not done.is_set():
            found.append(torch.equal(net.module().state_dict()["fc2.weight"], wanted))
        return found

    with ThreadPoolExecutor(1) as pool:
        alike = pool.submit(compile)
        again = [torch.rand(3) for _ in range(300)]
        done.set()
    assert all(alike.result())
    assert all(torch.equal(one, other) for one, other in zip(drawn, again, strict=True))


def test_fusing_waits_for_first_calls_and_later_calls_for_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(switches, "_turns", turns := switches._Turns())
    monkeypatch.setattr(switches, "kept", turns.kept)
    known, x = steady(lambda x: x), torch.zeros(1, 2)
    for _ in range(WARM):
        known((x,))
    said: list[str] = []
    with turns.kept():
        fuse = threading.Thread(target=lambda: [said.append("fused") for _ in [0] if _entered(switches.fusing())])
        fuse.start()
        time.sleep(0.05)
        assert said == []
    fuse.join(10)
    assert said == ["fused"]
    with turns.turned():
        assert known((x,)) is x
        new = threading.Thread(target=lambda: said.append(f"{len(known((torch.zeros(3, 2),)))} met"))
        new.start()
        time.sleep(0.05)
        assert said == ["fused"]
    new.join(10)
    assert said == ["fused", "3 met"]


def _entered(context: AbstractContextManager[None]) -> bool:
    with context:
        return True


@contextmanager
def default_type(kind: torch.dtype) -> Iterator[None]:
    torch.set_default_dtype(kind)
    try:
        yield
    finally:
        torch.set_default_dtype(torch.float32)


@contextmanager
def default_device(name: str) -> Iterator[None]:
    torch.set_default_device(name)
    try:
        yield
    finally:
        torch.set_default_device(None)


@contextmanager
def deterministic() -> Iterator[None]:
    torch.use_deterministic_algorithms(True)
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(False)


MODES: dict[str, Callable[[], AbstractContextManager[object]]] = {
    "inference mode": torch.inference_mode,
    "no gradients": torch.no_grad,
    "float64": lambda: default_type(torch.float64),
    "bfloat16": lambda: default_type(torch.bfloat16),
    "default meta": lambda: default_device("meta"),
    "meta": lambda: torch.device("meta"),
    "deterministic": deterministic,
    "autocast": lambda: torch.autocast("cpu", torch.bfloat16),
}

TEXT = """
network "Modes"
INPUT 16x16x3 -> NORMALIZE mean=0.5 std=0.25 -> CONV 64 3 p1 -> BN -> RELU -> w: CONV 64 3 p1 -> LRN -> RELU
-> p: MAXPOOL 2 -> GN 4 -> LN -> CONV 8 1 -> GELU -> FC 5 -> prob: SOFTMAX
"""


@pytest.fixture(scope="module")
def usual(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(random, "PART", 2**10)  # so that weights are filled in many threads
        patch.setattr(memory, "settle", lambda: None)
        x = torch.rand(2, 3, 16, 16, generator=torch.Generator().manual_seed(0))
        yield made(tmp_path_factory.mktemp("usual"), x)


def made(folder: Path, x: Tensor) -> dict[str, Any]:
    """What the caller's modes must not change."""
    net = netdsl.loads(TEXT)
    module = net.module()
    files = [net.compile(folder / f"{target}.pt", target=target) for target in ("portable", "cpu")]
    return {
        "x": x,
        "state": {name: tensor.detach() for name, tensor in module.state_dict().items()},
        "module": module,
        "files": [path.read_bytes() for path in files],
        "outputs": [runtime.load(path)(x) for path in files],
        "memory": net.memory(8).data,
    }


@pytest.mark.parametrize("mode", MODES)
def test_modes_of_the_caller_change_nothing(mode: str, usual: dict[str, Any], tmp_path: Path) -> None:
    with MODES[mode]():
        found = made(tmp_path, usual["x"])
    assert found["files"] == usual["files"]
    assert found["memory"] == usual["memory"]
    for name, tensor in usual["state"].items():
        assert found["state"][name].dtype == tensor.dtype
        assert torch.equal(found["state"][name], tensor)
    for one, other in zip(found["outputs"], usual["outputs"], strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-5)
    found["module"](usual["x"]).sum().backward()  # it trains
    assert all(one.grad is not None for one in found["module"].parameters())
