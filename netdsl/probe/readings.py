"""What each layer makes of a batch: how much its outputs differ between examples, and how strong its gradient is."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from typing import cast

import torch
from torch import Tensor, nn

from netdsl.compile.plan import Plan
from netdsl.graph.node import ShapedGraph
from netdsl.text.shown import Line


@dataclass(frozen=True, slots=True, repr=False)
class Signal(Line):
    """What a layer gives for some examples; its units are its channels."""

    signal: float
    """The standard deviation of a value between examples: its root mean square over all values."""
    size: float
    """The root mean square of the values themselves."""
    units: int
    dead: int
    """Units that are the same for all examples at each of their places."""
    finite: bool

    @property
    def relative(self) -> float:
        """The signal as a share of the size; 0 where there is neither."""
        return self.signal / self.size if self.size else 0.0

    @property
    def about(self) -> str:
        """Its line."""
        return f"{self.signal:.3g} of {self.size:.3g}, {self.dead:,} of {self.units:,} units dead"


@dataclass(frozen=True, slots=True, repr=False)
class Pull(Line):
    """Of a layer's weights without its biases: the root mean squares of their gradient and of themselves."""

    gradient: float
    weight: float
    finite: bool
    """Whether the gradient is."""

    @property
    def ratio(self) -> float | None:
        """The gradient over the weight; None where the weight is zero."""
        return self.gradient / self.weight if self.weight else None

    @property
    def about(self) -> str:
        """Its line."""
        return f"gradient {self.gradient:.3g}, weight {self.weight:.3g}"


@dataclass(frozen=True, repr=False)
class Readings(Line):
    """What was read of a network in one step: signals by the index of a node, and pulls by that of a weight's owner."""

    signals: Mapping[int, Signal]
    pulls: Mapping[int, Pull]
    loss: float | None
    broken: frozenset[int]
    """The owners of weights that are no numbers."""

    @property
    def about(self) -> str:
        """Its line."""
        return f"{len(self.signals):,} layers" + (f", loss {self.loss:.3g}" if self.loss is not None else "")


def read(
    shaped: ShapedGraph,
    network: nn.Module,
    inputs: Sequence[Tensor],
    loss: nn.Module | None = None,
    targets: Sequence[Tensor] = (),
) -> Readings:
    """Run a step as training does, but for dropout, which would be a signal of its own; nothing of the network changes.

    Each output is reduced as it is made, so that no more is kept than the step itself keeps.
    """
    plan = Plan(shaped, train=True)
    modules: Mapping[str, nn.Module] = dict(network.named_modules())  # pyright: ignore[reportUnknownArgumentType]
    owners = {path: index for path, index in plan.owners.items() if path in modules}  # logits do without the rest
    owned = {index: _parameters(shaped, modules[path], index) for path, index in owners.items()}
    dropping = [modules[path] for path, index in owners.items() if shaped.nodes[index].layer.role == "dropout"]
    signals = dict(zip(plan.inputs, map(signal, inputs), strict=True))
    with _calm(network, dropping), _listening(plan, modules, signals), torch.set_grad_enabled(loss is not None):
        outputs = network(*inputs)
        value: Tensor | None = None if loss is None else loss(outputs, targets)
        pulls = dict[int, Pull]() if value is None else _pulls(value, owned)
    broken = frozenset(index for path, index in owners.items() if not _sound(modules[path]))
    return Readings(signals, pulls, None if value is None else value.item(), broken)


def _parameters(shaped: ShapedGraph, module: nn.Module, index: int) -> Mapping[str, Tensor]:
    """The parameters of a node that training changes, by the names of its weights."""
    weights = shaped.nodes[index].layer.weights(*shaped.input_shapes(index))
    if not weights:
        return {}
    known = dict(module.named_parameters())
    return {one.name: known[one.name] for one in weights if one.name in known}


@contextmanager
def _calm(network: nn.Module, dropping: Sequence[nn.Module]) -> Generator[None]:
    """Without dropout; statistics that normalisations keep, and torch's generator, are put back."""
    buffers = {name: one.clone() for name, one in network.named_buffers()}
    dropping = [one for one in dropping if one.training]
    with torch.random.fork_rng(devices=[]):  # pyright: ignore[reportUnknownMemberType]
        for one in dropping:
            one.eval()
        try:
            yield
        finally:
            for one in dropping:
                one.train()
            for name, one in network.named_buffers():
                one.copy_(buffers[name])


@contextmanager
def _listening(plan: Plan, modules: Mapping[str, nn.Module], signals: dict[int, Signal]) -> Generator[None]:
    """Collect the signal of each node: a module that several share is called for each of them, in their order."""
    nodes, calls = plan.shaped.nodes, dict[str, list[int]]()
    for index in plan.kept:
        if nodes[index].inputs and not plan.identity(nodes[index]):
            calls.setdefault(plan.modules[nodes[index].owner], []).append(index)

    def hear(left: Iterator[int], module: nn.Module, given: object, output: Tensor) -> None:
        if (index := next(left, None)) is not None:
            signals[index] = signal(output)

    with ExitStack() as held:
        for path, indices in [(path, indices) for path, indices in calls.items() if path in modules]:
            hook = modules[path].register_forward_hook(partial(hear, iter(indices)))
            held.callback(hook.remove)
        yield


@torch.no_grad()
def signal(values: Tensor) -> Signal:
    """What there is to say of a batch of N x channels x spatial sizes."""
    values = values.detach().float().flatten(2) if values.ndim > 2 else values.detach().float().unsqueeze(2)
    examples, units, _ = values.shape
    largest = float(_most(values).max())
    if not largest < float("inf"):
        return Signal(largest, largest, units, 0, finite=False)
    apart = values - values[:1]  # exact where examples are alike, as no mean of theirs is
    each = _most(apart)
    most = float(each.max())
    scaled = apart / most if most and not 1e-15 < most < 1e15 else apart  # whose squares are numbers
    squares = _squares(scaled) - _squares(scaled.sum(0)) / examples  # torch's own variance takes ten times as long
    spread = (max(squares, 0.0) / (examples - 1) / scaled[0].numel()) ** 0.5 * (most if scaled is not apart else 1.0)
    return Signal(spread, _size([values]), units, int((each == 0).sum()), finite=True)


def _most(values: Tensor) -> Tensor:
    """The largest size of the values of each unit, NaN where one is that."""
    return torch.maximum(values.amax(2).amax(0), -values.amin(2).amin(0))


def _squares(values: Tensor) -> float:
    norm = cast("Tensor", torch.linalg.vector_norm(values))  # pyright: ignore[reportUnknownMemberType]
    return float(norm) ** 2


def _pulls(loss: Tensor, owned: Mapping[int, Mapping[str, Tensor]]) -> dict[int, Pull]:
    """The gradients of weights that are no biases; those that the loss does not depend on have none."""
    places = [
        (index, one)
        for index, some in owned.items()
        for name, one in some.items()
        if one.requires_grad and not name.rpartition(".")[2].startswith("bias")
    ]
    if not places or not loss.requires_grad:
        return {}
    weights = [one for _, one in places]
    found = cast("Sequence[Tensor | None]", torch.autograd.grad(loss, weights, allow_unused=True))
    together: dict[int, list[tuple[Tensor, Tensor]]] = {}
    for (index, one), gradient in zip(places, found, strict=True):
        if gradient is not None:
            together.setdefault(index, []).append((gradient, one.detach()))
    return {index: _pull(some) for index, some in together.items()}


def _pull(some: Sequence[tuple[Tensor, Tensor]]) -> Pull:
    gradient, weight = (_size([pair[at] for pair in some]) for at in (0, 1))
    return Pull(gradient, weight, finite=gradient < float("inf"))


def _size(tensors: Sequence[Tensor]) -> float:
    """The root mean square over several tensors."""
    largest = max(float(one.abs().amax()) for one in tensors)
    if not 0 < largest < float("inf"):
        return largest
    scale = 1.0 if 1e-15 < largest < 1e15 else largest
    squares = sum(_squares(one.float() if scale == 1.0 else one.float() / scale) for one in tensors)
    return scale * (squares / sum(one.numel() for one in tensors)) ** 0.5


def _sound(module: nn.Module) -> bool:
    """Whether weights are numbers, and statistics; a mask may have infinities."""
    weights = all(bool(torch.isfinite(one).all()) for one in module.parameters())
    return weights and not any(bool(torch.isnan(one).any()) for one in module.buffers())
