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
                return _uniform(tensor, gain * sqrt(3 / tensor[0].numel()), self.generator)
        return func(*args, **kwargs)


def _uniform(tensor: Tensor, bound: float, generator: torch.Generator | None) -> Tensor:
    parts = [tensor.detach().view(-1)[start : start + PART] for start in range(0, tensor.numel(), PART)]
    seeds = [int(seed) for seed in torch.randint(2**63 - 1, (len(parts),), generator=generator)]

    def fill(part: Tensor, seed: int) -> None:
        part.uniform_(-bound, bound, generator=torch.Generator().manual_seed(seed))

    with ThreadPoolExecutor(torch.get_num_threads()) as threads:
        list(threads.map(fill, parts, seeds))
    return tensor
