"""What made the strongest activations of a layer, brought back to pictures (Zeiler and Fergus 2014, section 2.1)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from netdsl.compile.progress import Progress, silent
from netdsl.measure.field import fields
from netdsl.see.back import back
from netdsl.see.errors import SeeError
from netdsl.see.pictures import Pictures, batches, prepared
from netdsl.see.subject import Subject
from netdsl.text.shown import Line

if TYPE_CHECKING:
    from numpy.typing import NDArray

CHANNELS = 9
"""Channels that are shown where none are named."""
MOST = 90
"""Channels that there is room for on a page."""
EACH = 9
"""Pictures of a channel, as in the paper's figure 2."""


@dataclass(frozen=True)
class Activation:
    """The strongest activation of a channel in one picture, and where in the map it is: () in a vector."""

    channel: int
    value: float
    picture: int
    place: tuple[int, ...]


@dataclass(frozen=True, repr=False, eq=False)
class Patch(Line):
    """An activation, the part of the picture that its unit sees, and the pattern in it that made the activation.

    `seen` is channels x height x width, from 0 to 1; `pattern` is as large, in the values that the network takes. Both
    are NaN beyond the picture.
    """

    activation: Activation
    name: str
    seen: NDArray[np.float32]
    pattern: NDArray[np.float32]

    @property
    def about(self) -> str:
        """Its line."""
        one = self.activation
        return f"channel {one.channel}, {one.value:.4g} at {one.place} in {self.name}"


def told(patches: Sequence[Patch]) -> str:
    """How strong some activations are."""
    values = [one.activation.value for one in (*patches[:1], *patches[1:][-1:])]
    return " to ".join(f"{value:.3g}" for value in values) or "never active"


def require_ways(subject: Subject, target: int) -> None:
    """Raise SeeError where there is no way back from a node to the picture; it names the layer."""
    nodes, before = subject.shaped.nodes, subject.before(target)
    if subject.input not in before or target == subject.input:
        raise SeeError(f"{nodes[target].path} follows from no layer", "take a layer behind INPUT")
    for index in before:
        node = nodes[index]
        if node.inputs and not subject.plan.identity(node) and back(node.layer) is None:
            source = nodes[node.inputs[0]]
            help = f"take a layer before it, such as {source.path}" if source.inputs else ""
            raise SeeError(f"{node.layer.keyword} at {node.path} lets no signal back: no rule says how", help)


def deconvolved(subject: Subject, pictures: Tensor, target: int, chosen: Sequence[tuple[int, ...]]) -> Tensor:
    """What one activation of each picture comes from, in the values and the shape of the pictures.

    `chosen` has for each its channel, and then its place in the map. All else in the layer is set to zero, and what is
    left goes back through the layers before it, as netdsl.see.back says of each. Raises SeeError where it cannot.
    """
    require_ways(subject, target)
    values = subject.values(pictures, target, keep=True)
    at = tuple([torch.tensor(each) for each in (range(len(chosen)), *zip(*chosen, strict=True))])
    start = torch.zeros_like(values[target])
    start[at] = values[target][at]
    signals = {target: start}
    for index in reversed(subject.before(target)):
        node, signal = subject.shaped.nodes[index], signals.get(index)
        if signal is None or not node.inputs:
            continue
        inputs = [values[source] for source in node.inputs]
        way = None if subject.plan.identity(node) else back(node.layer)
        found = (signal,) if way is None else way(subject.module_of(node), inputs, signal)
        for source, one in zip(node.inputs, found, strict=True):
            if one is not None:
                signals[source] = signals[source] + one if source in signals else one
        del signals[index]
    return signals.get(subject.input, torch.zeros_like(pictures))


def strongest(
    subject: Subject, pictures: Pictures, target: int, each: int = EACH, progress: Progress = silent
) -> Sequence[Sequence[Activation]]:
    """The strongest activations of every channel of a layer, one of a picture, in order; none that is not positive."""
    spatial = subject.shaped.shapes[target].spatial
    best: list[Tensor] = []
    done = 0
    for batch in batches(subject, pictures, subject.batch(target)):
        values, places = subject.values(batch, target)[target].reshape(len(batch), -1, math.prod(spatial)).max(2)
        numbers = torch.arange(done, done + len(batch))[:, None].expand_as(places)
        joined = [torch.cat(pair) for pair in zip(best, (values, numbers, places), strict=True)] if best else None
        best = joined or [values, numbers, places]
        order = best[0].argsort(dim=0, descending=True, stable=True)[:each]
        best = [one.gather(0, order) for one in best]
        done += len(batch)
        progress("seeking the strongest", done, len(pictures))
    rows: list[list[list[Any]]] = [one.T.numpy().tolist() for one in best]
    return [
        [
            Activation(channel, value, number, _at(place, spatial))
            for value, number, place in zip(*row, strict=True)
            if value > 0
        ]
        for channel, row in enumerate(zip(*rows, strict=True))
    ]


def _at(place: int, sizes: Sequence[int]) -> tuple[int, ...]:
    """Where in a map of some sizes a place is, of all in their order."""
    found: list[int] = []
    for size in reversed(sizes):
        place, at = divmod(place, size)
        found.insert(0, at)
    return tuple(found)


def patches(
    subject: Subject,
    pictures: Pictures,
    layer: str,
    channels: Sequence[int] = (),
    each: int = EACH,
    progress: Progress = silent,
) -> dict[int, tuple[Patch, ...]]:
    """The strongest activations of some channels of a layer: what made them, and their patterns.

    Without channels, those whose strongest activations are the strongest on average. Raises SeeError.
    """
    target = subject.layer(layer)
    require_ways(subject, target)
    count = subject.shaped.shapes[target].channels
    for channel in channels:
        if not 0 <= channel < count:
            raise SeeError(f"channel {channel}: {layer} has {count:,} channels, from 0 to {count - 1:,}")
    if len(channels) > MOST:
        raise SeeError(f"a page has room for {MOST} channels, and not for {len(channels):,}", "name fewer")
    found = strongest(subject, pictures, target, each, progress)
    if not channels:
        order = sorted(range(count), key=lambda one: -sum(each.value for each in found[one]))
        channels = [one for one in order[:CHANNELS] if found[one]]
        if not channels:
            raise SeeError(f"no channel of {layer} is active in any of these pictures", "is the network trained?")
    wanted = [one for channel in channels for one in found[channel]]
    made: list[Patch] = []
    size = subject.batch(target, times=2)
    for start in range(0, len(wanted), size):
        some = wanted[start : start + size]
        batch = prepared(subject, pictures, [one.picture for one in some])
        patterns = deconvolved(subject, batch, target, [(one.channel, *one.place) for one in some])
        for one, picture, pattern in zip(some, batch, patterns, strict=True):
            cut = (_cut(subject, target, one.place, each.numpy()) for each in (subject.shown(picture), pattern))
            made.append(Patch(one, pictures.name(one.picture), *cut))
        progress("going back", len(made), len(wanted))
    return {channel: tuple([one for one in made if one.activation.channel == channel]) for channel in channels}


def _cut(subject: Subject, target: int, place: Sequence[int], picture: NDArray[np.float32]) -> NDArray[np.float32]:
    """The part of a picture that a place of a layer sees: its receptive field, or all where that is larger."""
    axes = fields(subject.shaped)[target]
    sizes = picture.shape[1:]
    ends = [(0, size) for size in sizes]
    if len(place) == len(axes) == len(sizes):
        ends = [(math.floor(axis.start(at)), math.ceil(axis.end(at)) + 1) for axis, at in zip(axes, place, strict=True)]
        ends = [(0, size) if b - a >= size else (a, b) for (a, b), size in zip(ends, sizes, strict=True)]
    part = np.full((len(picture), *[b - a for a, b in ends]), np.nan, np.float32)
    inner = [(max(a, 0), min(b, size)) for (a, b), size in zip(ends, sizes, strict=True)]
    into = tuple([slice(low - a, high - a) for (low, high), (a, _) in zip(inner, ends, strict=True)])
    part[(slice(None), *into)] = picture[(slice(None), *[slice(*one) for one in inner])]
    return part
