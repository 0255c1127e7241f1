"""netdsl itself as a contestant: what `netdsl compile` writes, loaded as anybody loads it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, cast

from netdsl.bench.contestant import Run
from netdsl.bench.material import tensors

if TYPE_CHECKING:
    import torch

    from netdsl.bench.material import Material


def loaded(material: Material) -> Run:
    """The compiled file through `torch.jit.load` alone."""
    import torch

    from netdsl.compile import archive
    from netdsl.compile.script import script

    path = material.folder / "network.pt"
    archive.save(script(material.network()), path, {})
    load = cast("Callable[..., torch.jit.ScriptModule]", torch.jit.load)  # pyright: ignore[reportUnknownMemberType]
    return tensors(load(path, map_location=material.setting.device))
