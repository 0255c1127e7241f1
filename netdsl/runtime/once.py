"""A compiled file, run as it is: where few batches come, making it ready would take longer than they do."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, cast

import torch

from netdsl.runtime.file import Compiled
from netdsl.runtime.module import place, reader
from netdsl.runtime.switches import apart, kept

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from torch import Tensor


@apart()
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

    Of a `map`, which tells of each place by itself, it is the share of places where a channel is the largest, if it has
    several. Raises NotCompiledError, OSError and RuntimeError as netdsl.runtime.load does; RuntimeError for a file that
    fails, or does not give what it says, too.
    """
    made = compiled.card
    device = place(compiled, device)
    if threads is not None:
        torch.set_num_threads(threads)
    module = reader(compiled, trust=trust)(device)
    module.eval()
    wanted = next(iter(made.devices.values()), device)
    name, dims = list(made.outputs.items())[output]
    count = made.meanings.get(name) == "map" and dims[-1] > 1
    found: list[Tensor] = []
    for batch in batches:
        given = torch.as_tensor(batch, device=wanted)
        values = _output(module, given, output)
        if values is None or values.ndim != len(dims) + 1 or values.shape[:2] != (len(batch), dims[-1]):
            raise RuntimeError(f"its {name} is not what it says")
        if count:
            values = torch.nn.functional.one_hot(values.argmax(1), dims[-1]).movedim(-1, 1)
        found.append(values.double().flatten(2).mean(2).cpu() if values.ndim > 2 else values.double().cpu())
    return torch.cat(found).numpy()


def _output(module: torch.jit.ScriptModule, given: Tensor, output: int) -> Tensor | None:
    """An output, of those that a module gives; None where it does not give so many, or no numbers."""
    try:
        with kept():
            outputs: Any = module(given)
    except Exception as error:  # a module raises anything, from IndexError to what its code raises
        raise RuntimeError(str(error)) from error
    several = cast("tuple[Any, ...]", outputs) if isinstance(outputs, tuple) else (outputs,)
    one = several[output] if len(several) > output else None
    return one if isinstance(one, torch.Tensor) and one.is_floating_point() else None
