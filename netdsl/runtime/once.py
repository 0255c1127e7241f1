"""A compiled file, run as it is: where few batches come, making it ready would take longer than they do."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, cast

import torch

from netdsl.runtime.file import card
from netdsl.runtime.place import place
from netdsl.runtime.quiet import quiet

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from torch import Tensor


@torch.inference_mode()
def answers(
    path: Path,
    batches: Sequence[NDArray[np.float32]],
    output: int = 0,
    *,
    device: str | None = None,
    threads: int | None = None,
) -> NDArray[np.float64]:
    """What an output gives, examples x channels, for batches of the only input; the mean over places of a map.

    Raises NotCompiledError, OSError and RuntimeError as netdsl.runtime.load does; RuntimeError for a damaged file too.
    """
    made = card(path)
    device = place(path, made, device)
    if threads is not None:
        torch.set_num_threads(threads)
    module = _module(path, device)
    module.eval()
    wanted = next(iter(made.devices.values()), device)
    found: list[Tensor] = []
    for batch in batches:
        given = module(torch.as_tensor(batch, device=wanted))
        values: Tensor = given if isinstance(given, torch.Tensor) else given[output]
        found.append(values.double().flatten(2).mean(2).cpu() if values.ndim > 2 else values.double().cpu())
    return torch.cat(found).numpy()


def _module(path: Path, device: str | None) -> torch.jit.ScriptModule:
    read = cast("Callable[..., torch.jit.ScriptModule]", torch.jit.load)  # pyright: ignore[reportUnknownMemberType]
    with quiet("torch.jit"):
        try:
            return read(path, map_location=device)
        except OSError:
            raise
        except Exception as error:  # of a damaged file it tells by UnicodeDecodeError, IndexError and others
            reason = str(error).strip().partition("\n")[0]
            raise RuntimeError(f"PyTorch cannot load it: {reason}") from error
