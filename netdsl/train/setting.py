"""All that the weights of a training follow from, and what of it has changed when one goes on."""

from __future__ import annotations

import hashlib
import platform
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from importlib.metadata import version
from typing import Any, cast

import numpy as np
import torch

from netdsl.compile.inits import DEFAULT
from netdsl.compile.origin import Origin
from netdsl.data import Data, Part
from netdsl.graph.node import ShapedGraph
from netdsl.recipe import Recipe
from netdsl.train.readings import Kind

_SAMPLES = 64
"""Pictures of a part that stand for all of them, where it is told whether data have changed."""


@dataclass(frozen=True)
class Setting:
    """What is trained, on what, and how."""

    shaped: ShapedGraph
    data: Data
    recipe: Recipe
    init: str = DEFAULT
    weights: Origin | None = None
    freeze: tuple[str, ...] = ()
    loss: Kind | None = None
    accumulate: int = 0
    """Parts that a batch is taken in, whose gradients are added up; 0 for as few as there is memory for."""

    def facts(self, device: torch.device, processes: int = 1) -> dict[str, Any]:
        """All of it in words and numbers, to be compared with those of another run."""
        return {
            "recipe": {key: _plain(value) for key, value in asdict(self.recipe).items()},
            "network": network(self.shaped),
            "data": examples(self.data),
            "init": self.init,
            "weights": self.weights.name if self.weights else "none",
            "freeze": list(self.freeze),
            "loss": self.loss,
            "accumulate": self.accumulate,
            "processes": processes,
            "machine": {"threads": torch.get_num_threads(), "device": device.type, "processor": platform.machine()},
            "versions": versions(),
        }


def _plain(value: object) -> object:
    """A value as JSON gives it again."""
    return [_plain(one) for one in cast("tuple[object, ...]", value)] if isinstance(value, tuple) else value


def versions() -> dict[str, str]:
    """What a training runs with."""
    return {"netdsl": version("netdsl"), "torch": torch.__version__, "python": platform.python_version()}


def network(shaped: ShapedGraph) -> str:
    """A digest of what a network computes, and of the paths of its weights."""
    lines = [
        f"{node.path} {node.owner} {node.layer!r} {node.inputs} {node.training} {shape}"
        for node, shape in zip(shaped.nodes, shaped.shapes, strict=True)
    ]
    graph = shaped.graph
    return _digest("\n".join([*lines, f"{graph.inputs} {graph.outputs} {graph.training_outputs}"]).encode())


def examples(data: Data) -> str:
    """A digest of classes, of all labels, and of some of the pictures; wherever the data lie."""
    parts = [data.train, data.validation, *([data.test] if data.test else [])]
    return _digest("\n".join(data.classes).encode(), *[one for part in parts for one in _sampled(part)])


def _sampled(part: Part) -> list[bytes]:
    at = np.linspace(0, len(part) - 1, min(_SAMPLES, len(part))).astype(int)
    pictures = [part.picture(index) for index in at.tolist()]
    return [part.labels.astype("<i8").tobytes(), *[f"{one.shape}".encode() + one.tobytes() for one in pictures]]


def _digest(*parts: bytes) -> str:
    made = hashlib.sha256()
    for part in parts:
        made.update(f"{len(part)} ".encode() + part)
    return made.hexdigest()[:16]


def changes(before: Mapping[str, Any], now: Mapping[str, Any]) -> dict[str, tuple[str, str]]:
    """What differs between two settings, and what each has there; a recipe's `epochs` may be others."""
    found: dict[str, tuple[str, str]] = {}
    for name in ("network", "data"):
        if before[name] != now[name]:
            found[name] = (f"of the digest {before[name]}", now[name])
    for key, value in now["recipe"].items():
        if key != "epochs" and before["recipe"].get(key) != value:
            found[key] = (str(before["recipe"].get(key)), str(value))
    for name in ("init", "freeze", "loss", "accumulate", "processes"):
        if before[name] != now[name]:
            found[name] = (str(before[name] or "none"), str(now[name] or "none"))
    return found


def circumstances(before: Mapping[str, Any], now: Mapping[str, Any]) -> dict[str, tuple[str, str]]:
    """What differs between two machines, and may make other last digits of the same sums."""
    found: dict[str, tuple[str, str]] = {}
    for name in ("machine", "versions"):
        for key, value in now[name].items():
            if before[name].get(key) != value:
                found[key] = (str(before[name].get(key)), str(value))
    return found
