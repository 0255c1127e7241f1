"""A moving average of a network's weights."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from torch import nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn


class Average:
    """The exponential moving average of a module's weights, as a module; statistics are those of the last step.

    It begins with the weights after the first step, and has then `decay` of itself and the rest of what is new.
    """

    def __init__(self, module: nn.Module, decay: float) -> None:
        average = cast("Any", get_ema_multi_avg_fn(decay))
        self._averaged = AveragedModel(module, multi_avg_fn=average)
        self.module: nn.Module = self._averaged.module.requires_grad_(False).eval()

    def update(self, module: nn.Module) -> None:
        """Take the weights after a step."""
        self._averaged.update_parameters(module)

    def state_dict(self) -> dict[str, Any]:
        """Tensors and a number, from which it goes on."""
        return {"steps": int(self._averaged.n_averaged), "weights": self.module.state_dict()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from these."""
        self._averaged.n_averaged.fill_(state["steps"])
        self.module.load_state_dict(state["weights"])
