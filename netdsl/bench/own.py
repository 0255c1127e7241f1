"""netdsl itself as a contestant: what `netdsl compile` writes for the device, precision and batch."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, cast

from netdsl.bench.contestant import Run
from netdsl.bench.material import tensors
from netdsl.runtime.quiet import quiet

if TYPE_CHECKING:
    import torch

    from netdsl.bench.material import Material


def runtime(material: Material) -> Run:
    """The compiled file through `netdsl.runtime.load`."""
    from netdsl import runtime

    return tensors(runtime.load(_compiled(material, "runtime.pt"), material.setting.device))


def loaded(material: Material) -> Run:
    """The compiled file through `torch.jit.load` alone."""
    import torch

    path = _compiled(material, "file.pt")
    load = cast("Callable[..., torch.jit.ScriptModule]", torch.jit.load)  # pyright: ignore[reportUnknownMemberType]
    with quiet("torch.jit"):
        return tensors(load(path, map_location=material.setting.device))


def _compiled(material: Material, name: str) -> Path:
    from netdsl import compile
    from netdsl.compile.target import Target

    setting, path = material.setting, material.folder / name
    target = Target(setting.device, setting.precision, setting.batch)
    compile.compile(material.shaped, path, weights=material.weights, target=target)
    return path
