"""Why two devices: which maps stay on their own, and what crosses."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

from netdsl.explain.view import View, count, folded, several
from netdsl.layers.answer import Answer, Line, Table
from netdsl.measure.units import size


def answers(view: View, focus: frozenset[int]) -> Iterator[Answer]:
    """What each device holds, which layers read their own device alone, and what has to cross."""
    devices = sorted({view.nodes[index].device for index in focus})
    if len(devices) < 2:
        return
    lines: list[Line] = [
        "Each holds a part of the parameters and of the maps.",
        Table(
            ("device", "parameters", "activations", "MACs"), tuple(_held(view, focus, devices)), frozenset((1, 2, 3))
        ),
    ]
    counted = [index for index in sorted(focus) if view.layer(index).counts_depth]
    own = [index for index in counted if origins(view)[index] <= {view.nodes[index].device}]
    across = [index for index in counted if not origins(view)[index] <= {view.nodes[index].device}]
    if own:
        lines.append(f"On the maps of their own device: {several(_names(view, own), 12)}.")
    if across:
        lines.append(f"On those of several: {several(_names(view, across), 12)}.")
    crossing = list(dict.fromkeys(_crossings(view, focus)))
    if crossing:
        rows = [
            (
                view.path(source),
                str(view.shape(source)),
                f"{view.nodes[source].device} → {there}",
                size(view.bytes(source)),
            )
            for source, there in crossing
        ]
        lines += ["What crosses, for one example, as the file places the layers:"]
        lines.append(folded(("", "output", "devices", "size"), rows, frozenset((3,))))
    yield Answer(f"Why {count(len(devices))} devices?", tuple(lines))


def _crossings(view: View, focus: frozenset[int]) -> Iterator[tuple[int, int]]:
    """What has to go to another device, with that device."""
    for index in sorted(focus):
        for source in view.nodes[index].inputs:
            if view.nodes[source].device != view.nodes[index].device:
                yield source, view.nodes[index].device


def _names(view: View, indices: list[int]) -> list[str]:
    return [view.path(index) for index in indices]


def _held(view: View, focus: frozenset[int], devices: list[int]) -> Iterator[tuple[str, ...]]:
    for device in devices:
        sums = view.sums(index for index in focus if view.nodes[index].device == device)
        yield str(device), f"{sums.params:,}", size(sums.activation_bytes), f"{sums.macs:,}"


@lru_cache(maxsize=1)
def origins(view: View) -> list[frozenset[int]]:
    """For each node the devices of the layers whose maps it reads: those that count, before all without weights."""
    found: list[frozenset[int]] = []
    for node in view.nodes:
        before = [(view.nodes[source], found[source]) for source in node.inputs]
        found.append(
            frozenset[int]().union(*[{one.device} if one.layer.counts_depth else them for one, them in before])
        )
    return found
