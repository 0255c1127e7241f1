"""What all contestants share, in a folder: the network, its weights, inputs, and what float64 makes of them."""

from __future__ import annotations

import pickle
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from netdsl.bench.calibrate import calibrate
from netdsl.bench.examples import examples
from netdsl.bench.run import Unavailable, tensors
from netdsl.bench.setting import Setting
from netdsl.graph.node import ShapedGraph

if TYPE_CHECKING:
    import torch
    from torch import Tensor, fx

    from netdsl.compile.plan import Plan

CALIBRATION = 32
"""How many examples the weights are fitted to: the first of those that are measured, and more where they are fewer."""


@dataclass(frozen=True)
class Workload:
    """A network and how it is run. The weights, inputs and reference are there once `make` has run."""

    shaped: ShapedGraph
    setting: Setting
    folder: Path

    @property
    def weights(self) -> Path:
        """The weights that all contestants have, as safetensors."""
        return self.folder / "weights.safetensors"

    @property
    def threads(self) -> int:
        """How many threads a contestant may use."""
        import torch

        return self.setting.threads or torch.get_num_threads()

    @property
    def dtype(self) -> torch.dtype:
        """The precision as PyTorch calls it."""
        import torch

        return {"bf16": torch.bfloat16, "fp16": torch.float16}.get(self.setting.precision, torch.float32)

    @cached_property
    def _made(self) -> tuple[list[Tensor], list[Tensor], list[str]]:
        import torch

        return torch.load(self.folder / "examples.pt", weights_only=True)

    @property
    def inputs(self) -> list[Tensor]:
        """The examples, float32, a tensor for each INPUT."""
        return self._made[0]

    @property
    def reference(self) -> list[Tensor]:
        """The outputs for the examples, float64, a tensor for each output."""
        return self._made[1]

    @property
    def float32(self) -> list[str]:
        """The modules that PyTorch cannot run in the precision, so that they stay in float32."""
        return self._made[2]

    def batches(self) -> list[list[Tensor]]:
        """The examples in batches, on the device."""
        return _batches([one.to(self.setting.device) for one in self.inputs], self.setting.batch)

    def network(self, *, channels_last: bool = False, float32: bool = False) -> fx.GraphModule:
        """The network in PyTorch on the device, at the precision unless `float32` says so; float32 in and out."""
        import torch

        from netdsl.compile import weights
        from netdsl.compile.lower import lower
        from netdsl.compile.targets import inside

        network = lower(self.plan, blank=True)
        weights.load(network, weights.read(self.weights), self.weights, ())
        if self.dtype != torch.float32 and not float32:
            inside.convert(network, self.dtype, self.plan.owners.keys() - set(self.float32), self.float32)
        images = {self.plan.arguments[one]: 2 for one in self.plan.inputs if self.shaped.shapes[one].rank == 2}
        if images and channels_last:
            network.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue, reportUnknownMemberType]
            inside.channels_last(network, images)
        return network.to(self.setting.device)

    @cached_property
    def plan(self) -> Plan:
        """What is lowered of the network, and what it is called."""
        from netdsl.compile.plan import Plan

        return Plan(self.shaped, train=False)

    def save(self) -> None:
        """Leave it in its folder, for `read`."""
        (self.folder / "workload.pickle").write_bytes(pickle.dumps(self))

    def make(self) -> None:
        """Make the weights, inputs and reference. Raises Unavailable where the device is not there."""
        import torch
        from safetensors.torch import save_file  # pyright: ignore[reportUnknownVariableType]

        from netdsl.compile.lower import lower
        from netdsl.compile.targets import inside

        setting, device = self.setting, self.setting.device
        if device == "cuda" and not torch.cuda.is_available():
            raise Unavailable("PyTorch finds no CUDA device here")
        network = lower(self.plan, setting.seed)
        generator = torch.Generator().manual_seed(setting.seed)

        count = setting.batches * setting.batch
        shapes = [self.shaped.shapes[one] for one in self.plan.inputs]
        inputs = [examples(max(count, CALIBRATION), shape.dims, generator) for shape in shapes]
        calibrate(network, [one[:CALIBRATION] for one in inputs])
        inputs = [one[:count] for one in inputs]
        save_file({name: one.contiguous() for name, one in network.state_dict().items()}, self.weights)
        network.to(device)
        nodes = [(path, self.shaped.input_shapes(index)) for path, index in self.plan.owners.items()]
        kept = [
            path for path, takes in nodes if not inside.runs(network.get_submodule(path), takes, self.dtype, device)
        ]
        run = tensors(network.double())
        outputs: list[list[Tensor]] = []
        for part in _batches(inputs, setting.batch):
            outputs.append([one.cpu() for one in run([one.to(device, torch.float64) for one in part])])
        reference = [torch.cat(parts) for parts in zip(*outputs, strict=True)]
        torch.save((inputs, reference, kept), self.folder / "examples.pt")


def _batches(examples: Sequence[Tensor], size: int) -> list[list[Tensor]]:
    starts = range(0, len(examples[0]), size)
    return [[one[start : start + size] for one in examples] for start in starts]


def read(folder: Path) -> Workload:
    """The workload that was saved in a folder."""
    return pickle.loads((folder / "workload.pickle").read_bytes())
