"""Random weights, filled in parts side by side: most of the time that initialising takes is theirs."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from math import sqrt
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

PART = 2**22
"""Numbers in a part. Fixed, so that what comes out does not depend on the number of threads."""

_RANDOM = frozenset({"uniform_", "normal_", "kaiming_uniform_", "kaiming_normal_"})
_DRAWN = frozenset({"rand", "randn", "randint", "randperm", "normal", "bernoulli", "bernoulli_", "multinomial"})


class Filling(TorchFunctionMode):
    """While it is entered, torch.nn's layers fill their weights in parts, or with `blank` leave them as they are.

    Each part has a generator of its own, seeded from `generator`, from which all else is drawn; None is torch's. Fills
    from a generator that the layer gives are left to torch.
    """

    def __init__(self, generator: torch.Generator | None = None, *, blank: bool = False) -> None:
        super().__init__()
        self.generator, self.blank = generator, blank

    def __torch_function__(
        self, func: Callable[..., Any], types: object, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        if func.__name__ in _RANDOM | _DRAWN and kwargs.get("generator") is None:
            kwargs = {**kwargs, "generator": self.generator}
            if func.__name__ in _DRAWN:
                return func(*args, **kwargs)
            tensor: Tensor = args[0] if args else kwargs["tensor"]
            if self.blank:  # nn.init's whole fills; what draws by itself, and again until it fits, needs numbers
                return tensor if getattr(func, "__module__", "") == nn.init.__name__ else tensor.zero_()
            large = tensor.numel() > PART and tensor.device.type == "cpu"
            if large and func is nn.init.kaiming_uniform_ and kwargs["mode"] == "fan_in":
                gain = nn.init.calculate_gain(kwargs["nonlinearity"], kwargs["a"])
                bound = gain * sqrt(3 / tensor[0].numel())
                return fill(tensor, (-bound, bound), generator=self.generator)
        return func(*args, **kwargs)


def fill(
    tensor: Tensor, ends: tuple[float, float], *, normal: bool = False, generator: torch.Generator | None = None
) -> Tensor:
    """Fill a tensor uniformly between two ends, or normally by a mean and a deviation; in parts where it is large."""

    def draw(part: Tensor, source: torch.Generator | None) -> None:
        (part.normal_ if normal else part.uniform_)(*ends, generator=source)

    if tensor.numel() <= PART:
        draw(tensor.detach(), generator)
        return tensor
    flat = tensor.detach().view(-1)
    parts = [flat[start : start + PART] for start in range(0, tensor.numel(), PART)]
    seeds = [int(seed) for seed in torch.randint(2**63 - 1, (len(parts),), generator=generator)]
    with ThreadPoolExecutor(torch.get_num_threads()) as threads:
        list(threads.map(draw, parts, [torch.Generator().manual_seed(seed) for seed in seeds]))
    return tensor
