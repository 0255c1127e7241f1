"""Runs a training step on PyTorch and counts what is alive: what the memory of training is held against."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import Any
from unittest.mock import patch

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from netdsl.compile.lower import lower
from netdsl.compile.plan import Plan
from netdsl.graph.node import ShapedGraph
from netdsl.layers.modules.attention import Attention
from netdsl.layers.modules.recurrent import LSTM


def on_one_device(shaped: ShapedGraph) -> ShapedGraph:
    """The network with all nodes on one device, as it runs without a binding of devices."""
    nodes = tuple([replace(node, device=0) for node in shaped.graph.nodes])
    return ShapedGraph(replace(shaped.graph, nodes=nodes), shaped.shapes)


def trainable(shaped: ShapedGraph, device: str = "cpu", dtype: torch.dtype = torch.float32) -> nn.Module:
    """A network's module in training, whose dropout keeps a mask of bytes, as on a GPU."""
    made = lower(Plan(shaped, train=True), blank=device == "meta").to(device, dtype)
    drop_as_on_a_gpu(made)
    if device == "meta":
        attend_as_on_a_cpu(made)
    return made


def drop_as_on_a_gpu(module: nn.Module) -> None:
    """Let a module's dropout keep a mask of bytes."""
    for one in module.modules():
        if type(one) is nn.Dropout and 0 < one.p < 1:
            one.forward = lambda input, p=one.p: torch.native_dropout(input, p, True)[0]


def attend_as_on_a_cpu(module: nn.Module) -> None:
    """Let attention on the device without data be the one kernel that it is on a CPU, where PyTorch has that."""
    for one in module.modules():
        if isinstance(one, Attention):
            one.forward = partial(_with_one_kernel, one.forward)


def _with_one_kernel(forward: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    plain = functional.scaled_dot_product_attention

    def attend(query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None, rate: float, causal: bool) -> Tensor:
        if mask is not None and mask.requires_grad:
            return plain(query, key, value, mask, rate, causal)
        kernel = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu
        return kernel(query, key, value, rate, causal, attn_mask=mask)[0]

    with patch.object(functional, "scaled_dot_product_attention", attend):
        return forward(x)


def inputs(shaped: ShapedGraph, batch: int, device: str = "cpu", dtype: torch.dtype = torch.float32) -> list[Tensor]:
    """Random values for each INPUT."""
    shapes = [shaped.shapes[index] for index in shaped.graph.inputs]
    return [torch.randn(batch, shape.channels, *shape.spatial).to(device, dtype) for shape in shapes]


@contextmanager
def _stepwise(network: nn.Module) -> Generator[None]:
    """Has an LSTM take step after step: oneDNN keeps a workspace, in pages and not in numbers."""
    backend: Any = torch.backends.mkldnn
    before = backend.enabled
    backend.enabled = before and not any(isinstance(one, LSTM) for one in network.modules())
    try:
        yield
    finally:
        backend.enabled = before


def saved(network: nn.Module, values: Sequence[Tensor]) -> int:
    """The bytes that autograd keeps in a forward pass; parameters and buffers are there anyway."""
    found: dict[int, int] = {}
    held: list[Any] = []  # so that no storage takes the place of another

    def pack(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        found[storage._cdata] = storage.nbytes()
        held.append(storage)
        return tensor

    with _stepwise(network), torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        held.append(network(*values))
    for one in (*network.parameters(), *network.buffers()):
        found.pop(one.untyped_storage()._cdata, None)
    return sum(found.values())


class _Loss(torch.autograd.Function):
    """What gives each output a gradient of its own, and is nothing itself."""

    @staticmethod
    def forward(ctx: Any, zero: Tensor, *outputs: Tensor) -> Tensor:
        ctx.like = [(one.shape, one.dtype, one.device) for one in outputs]
        return zero.view(())

    @staticmethod
    def backward(ctx: Any, *_: Tensor) -> Any:
        return None, *(torch.empty(shape, dtype=dtype, device=device) for shape, dtype, device in ctx.like)


class _Allocations(TorchDispatchMode):
    """The storages that operations make, and when each is let go: what an allocator would be asked for."""

    def __init__(self, known: Iterable[Tensor]) -> None:
        super().__init__()
        self.known = {one.untyped_storage()._cdata for one in known}
        self.alive: dict[int, int] = {}
        self.events: list[tuple[int, int]] = []
        """For each change the bytes, less than 0 where they are let go, and the number of the storage."""
        self.storages: list[weakref.ref[Any]] = []

    def __torch_dispatch__(
        self, func: Callable[..., Any], types: object, args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        if func is torch.ops.aten.add.Tensor and _sums_gradients(args[0]):
            return args[0].add_(args[1])
        result = func(*args, **(kwargs or {}))
        for one in tree_leaves(result):
            if isinstance(one, Tensor):
                self._see(one)
        return result

    def _see(self, tensor: Tensor) -> None:
        storage = tensor.untyped_storage()
        address, size = storage._cdata, storage.nbytes()
        if address in self.known or address in self.alive:
            return
        number = len(self.storages)
        self.alive[address] = number
        self.events.append((size, number))

        def gone(_: object) -> None:
            del self.alive[address]
            self.events.append((-size, number))

        self.storages.append(weakref.ref(storage, gone))


def _sums_gradients(first: Tensor) -> bool:
    """Whether autograd adds a second gradient to a first that nothing else holds.

    It does so in place, but not while operations are watched, as they are here. On the way to this place the first is
    held four times, and its storage twice: by it, and from here.
    """
    storages = torch._C._storage_Use_Count(first.untyped_storage()._cdata)
    held: Any = first  # torch says nothing of this method
    return torch._C._current_autograd_node() is not None and storages == 2 and held._use_count() == 4


@dataclass(frozen=True)
class Peak:
    """The most bytes alive at once in a training step, inputs included: without the gradients of weights, and with."""

    activations: int
    all: int


def peak(network: nn.Module, values: Sequence[Tensor]) -> Peak:
    """Run a training step, without an optimizer, and count."""
    device = values[0].device
    zero, one = torch.zeros((), device=device), torch.ones((), device=device)
    allocations = _Allocations([*network.parameters(), *network.buffers(), *values, zero, one])
    with _stepwise(network), allocations:
        outputs = network(*values)
        trained = [each for each in (outputs if isinstance(outputs, tuple) else (outputs,)) if each.requires_grad]
        if trained:
            _Loss.apply(zero, *trained).backward(one)
    grads = {each.grad.untyped_storage()._cdata for each in network.parameters() if each.grad is not None}
    of_weights = {number for address, number in allocations.alive.items() if address in grads}
    given = sum(each.untyped_storage().nbytes() for each in values)
    activations = everything = given
    peaks = [given, given]
    for size, number in allocations.events:
        everything += size
        activations += 0 if number in of_weights else size
        peaks = [max(peaks[0], activations), max(peaks[1], everything)]
    return Peak(*peaks)


def whole(
    network: nn.Module,
    loss: nn.Module,
    values: Sequence[Tensor],
    optimizer: Callable[[list[nn.Parameter]], torch.optim.Optimizer],
    *,
    ema: bool = False,
) -> int:
    """The most bytes alive in a step of a training loop, with all that it holds: not in its first, which makes that."""
    steps = optimizer(list(network.parameters()))
    average = AveragedModel(network, multi_avg_fn=get_ema_multi_avg_fn(0.9)) if ema else None
    first = network(*values)
    shape = (first if isinstance(first, Tensor) else first[0]).shape
    spatial = shape[2:] if shape[2:].numel() > 1 else ()
    targets = torch.zeros(shape[0], *spatial, dtype=torch.int64, device=values[0].device)

    def step() -> Tensor:
        steps.zero_grad(set_to_none=True)
        outputs = network(*values)
        found = loss(outputs, targets)
        found.backward()
        steps.step()
        if average is not None:
            average.update_parameters(network)
        return found.detach()

    step()
    steps.zero_grad(set_to_none=True)
    modules = [network] if average is None else [network, average.module]
    held = [one for module in modules for one in (*module.parameters(), *module.buffers())]
    held += [one for state in steps.state.values() for one in state.values() if isinstance(one, Tensor)]
    with _stepwise(network):
        return allocated(step, [*held, *values, targets])


def allocated(step: Callable[[], object], held: Sequence[Tensor]) -> int:
    """The most bytes alive while something is done, with those of tensors that are there throughout."""
    stored = {one.untyped_storage()._cdata: one.untyped_storage().nbytes() for one in held}
    allocations = _Allocations(held)
    with allocations:
        step()
    alive = most = sum(stored.values())
    for size, _ in allocations.events:
        alive += size
        most = max(most, alive)
    return most
