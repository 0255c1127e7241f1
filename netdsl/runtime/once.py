"""A compiled file, run as it is: where few batches come, making it ready would take longer than they do."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import torch

from netdsl.runtime.file import Compiled
from netdsl.runtime.module import reader
from netdsl.runtime.place import place

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from torch import Tensor


@torch.inference_mode()
def answers(
    compiled: Compiled,
    batches: Iterable[NDArray[np.float32]],
    output: int = 0,
    *,
    device: str | None = None,
    threads: int | None = None,
    trust: bool = False,
) -> NDArray[np.float64]:
    """What an output gives, examples x channels, for batches of the only input; the mean over places of a map.

    Raises NotCompiledError, OSError and RuntimeError as netdsl.runtime.load does; RuntimeError for a damaged file too.
    """
    made = compiled.card
    device = place(compiled.path, made, device)
    if threads is not None:
        torch.set_num_threads(threads)
    module = reader(compiled, trust=trust)(device)
    module.eval()
    wanted = next(iter(made.devices.values()), device)
    found: list[Tensor] = []
    for batch in batches:
        given = module(torch.as_tensor(batch, device=wanted))
        values: Tensor = given if isinstance(given, torch.Tensor) else given[output]
        found.append(values.double().flatten(2).mean(2).cpu() if values.ndim > 2 else values.double().cpu())
    return torch.cat(found).numpy()
