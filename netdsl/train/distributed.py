"""Processes that train one network together, each of them on its share of every batch, as torchrun starts them.

What they agree on at each step goes in one sum: gradients, running statistics, and a few numbers. Sums are the same for
all, so that all take the same step, and have the same weights without ever sending them.
"""

from __future__ import annotations

import atexit
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, distributed, nn

from netdsl.train.errors import LostError

_BUCKET = 2**25
"""Bytes that are sent at once."""


@dataclass(frozen=True)
class Group:
    """The processes that train together, and which of them this one is, from 0 on; by default it is alone."""

    rank: int = 0
    world: int = 1

    @property
    def first(self) -> bool:
        """Whether it is the one that writes and shows."""
        return self.rank == 0

    def share(self, batch: int) -> float:
        """The examples of a batch that a process has, on average."""
        return batch / self.world

    def sum(self, *values: Tensor) -> None:
        """Let tensors be the sums of those of all processes."""
        for value in values:
            self._send(value, _add)

    def spread(self, values: Iterable[Tensor]) -> None:
        """Let tensors be those of the first process."""
        for value in values:
            self._send(value, _take)

    def any(self, asked: bool) -> bool:
        """Whether any process asks for something."""
        return self.most(int(asked)) > 0

    def most(self, number: int) -> int:
        """The largest number of those of all processes."""
        found = torch.tensor([number])
        self._send(found, _maximum)
        return int(found)

    def average(self, values: Sequence[Tensor], weight: float, sums: Tensor) -> None:
        """Let tensors be their mean over processes, each of which has a weight, and others the sums."""
        if self.world == 1:
            return
        total = sums.new_full((1,), weight)
        self.sum(total, sums)
        for bucket in _buckets(values):
            flat = torch.cat([one.flatten() for one in bucket])
            flat = flat.mul_(weight) if weight else flat.zero_()
            self.sum(flat)
            flat.div_(total.to(flat.dtype).clamp_min(torch.finfo(flat.dtype).tiny))
            means: Iterable[Tensor] = torch.split(flat, [one.numel() for one in bucket])
            for one, mean in zip(bucket, means, strict=True):
                one.copy_(mean.view(one.shape))

    def _send(self, value: Tensor, send: Callable[[Tensor], object]) -> None:
        """Send a tensor in place. Raises LostError where another process is gone, which PyTorch tells in many ways."""
        if self.world == 1:
            return
        sent = value.to(_place(value.device))
        try:
            send(sent)
        except RuntimeError as error:
            raise LostError(self.rank, self.world) from error
        if sent is not value:
            value.copy_(sent)


def join(device: torch.device) -> Group:
    """The group that this process was started in: by torchrun, or by a program that has begun one itself.

    It stays until the process ends. Raises LostError where the others do not come.
    """
    if begun():
        return Group(distributed.get_rank(), distributed.get_world_size())
    group = started()
    if group.world > 1:
        try:
            distributed.init_process_group("nccl" if device.type == "cuda" else "gloo")
        except (RuntimeError, ValueError) as error:
            raise LostError(group.rank, group.world) from error
        atexit.register(distributed.destroy_process_group)
    return group


def started() -> Group:
    """The group that torchrun has started this process in, as its environment says, with where they meet."""
    if "MASTER_ADDR" not in os.environ:
        return Group()
    try:
        return Group(int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"]))
    except (KeyError, ValueError):
        return Group()


def begun() -> bool:
    """Whether this process has joined a group."""
    return distributed.is_available() and distributed.is_initialized()


def leave() -> None:
    """End this process, if it has joined a group, once all have come here.

    At once, since PyTorch may abort one whose threads are still there when the others' are not. Raises LostError.
    """
    if begun():
        join(torch.device("cpu")).any(asked=False)
        for stream in (sys.stdout, sys.stderr):
            if stream is not None:
                stream.flush()
        os._exit(0)


def device(name: str) -> str:
    """The device of this process, where all of a machine are given one name: of `cuda`, each takes one of its own."""
    number = os.environ.get("LOCAL_RANK", "")
    return f"cuda:{number}" if name == "cuda" and started().world > 1 and number else name


def statistics(module: nn.Module) -> list[Tensor]:
    """The running statistics that training changes, which each process would else have of its own share."""
    layers = [layer for layer in module.modules() if layer.training]
    found = [getattr(layer, name, None) for layer in layers for name in ("running_mean", "running_var")]
    return [one for one in found if isinstance(one, Tensor)]


def gradients(weights: Iterable[nn.Parameter]) -> list[Tensor]:
    """The gradients of weights that are trained, zeros where a process has none."""
    found: list[Tensor] = []
    for weight in weights:
        if weight.requires_grad:
            weight.grad = torch.zeros_like(weight) if weight.grad is None else weight.grad
            found.append(weight.grad)
    return found


def _add(value: Tensor) -> None:
    distributed.all_reduce(value)  # pyright: ignore[reportUnknownMemberType]


def _maximum(value: Tensor) -> None:
    distributed.all_reduce(value, distributed.ReduceOp.MAX)  # pyright: ignore[reportUnknownMemberType]


def _take(value: Tensor) -> None:
    distributed.broadcast(value, 0)


def _place(device: torch.device) -> torch.device:
    """Where a tensor lies that the group can send: NCCL sends those of GPUs alone, and others those of any device."""
    gpus = distributed.get_backend() == "nccl" and device.type != "cuda"
    return torch.device("cuda", torch.cuda.current_device()) if gpus else device


def _buckets(values: Sequence[Tensor]) -> Iterator[list[Tensor]]:
    """Tensors of one type, as many as are sent at once."""
    for kind in dict.fromkeys(one.dtype for one in values):
        bucket: list[Tensor] = []
        size = 0
        for one in values:
            if one.dtype != kind:
                continue
            bucket.append(one)
            size += one.nbytes
            if size >= _BUCKET:
                yield bucket
                bucket, size = [], 0
        if bucket:
            yield bucket
