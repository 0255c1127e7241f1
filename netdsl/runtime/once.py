"""A compiled file, run as it is: where few batches come, making it ready would take longer than they do."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, cast

import torch

from netdsl.runtime.file import Compiled
from netdsl.runtime.module import place, reader
from netdsl.runtime.switches import apart, kept

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from torch import Tensor

_ROUNDING = 1e-3
"""By how much the sum of probabilities may differ from 1, in a file that does not say what it gives."""


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
    """What an output gives, examples x channels, for batches of the only input, as `answering` says.

    Raises what that does.
    """
    answer = answering(compiled, output, device=device, threads=threads, trust=trust)
    return torch.cat([answer(torch.as_tensor(batch)).cpu() for batch in batches]).numpy()


@apart()
def answering(
    compiled: Compiled,
    output: int = 0,
    *,
    device: str | None = None,
    threads: int | None = None,
    trust: bool = False,
) -> Callable[[Tensor], Tensor]:
    """A function from batches of the only input to what an output gives, examples x channels of float64.

    Of a map with several places it is the mean over them. Of a `map`, which tells of each place by itself, it is the
    share of places where a channel is the largest, if it has several. Raises NotCompiledError, OSError and RuntimeError
    as netdsl.runtime.load does; the function raises RuntimeError for a file that fails, or does not give what it says.
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

    @apart()
    def answer(batch: Tensor) -> Tensor:
        values = _output(module, batch.to(wanted), output)
        if values is None or values.ndim != len(dims) + 1 or values.shape[:2] != (len(batch), dims[-1]):
            raise RuntimeError(f"its {name} is not what it says")
        if count:
            values = torch.nn.functional.one_hot(values.argmax(1), dims[-1]).movedim(-1, 1)
        return values.double().flatten(2).mean(2) if values.ndim > 2 else values.double()

    return answer


def probabilities(values: Tensor, meaning: str) -> Tensor:
    """The probability of each class, by what `answering` gives, N x channels, and what that means.

    One channel tells two classes apart. Probabilities are the values, or softmax of values that are none.
    """
    if values.shape[1] == 1:
        second = values if meaning in ("independent", "probabilities") else values.sigmoid()
        return torch.cat([1 - second, second], 1)
    if meaning in ("independent", "probabilities", "map"):
        return values
    if not meaning and bool((values >= 0).all() and ((values.sum(1) - 1).abs() <= _ROUNDING).all()):
        return values
    return (-values if meaning == "distances" else values).softmax(1)


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
