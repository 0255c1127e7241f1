"""The modules of a network, with the weights that it starts from."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from hashlib import sha256

import torch
from torch import nn

from netdsl.compile.inits import DEFAULT, PYTORCH, draw, starts
from netdsl.compile.plan import Plan
from netdsl.compile.progress import Progress, silent
from netdsl.compile.random import Filling
from netdsl.graph import infer
from netdsl.graph.node import ShapedGraph
from netdsl.layers import guard
from netdsl.layers.base import Layer
from netdsl.layers.shape import Shape


def tree(
    plan: Plan, seed: int | None = None, *, init: str = DEFAULT, blank: bool = False, progress: Progress = silent
) -> nn.Module:
    """A module tree with the module of every node that has one, on its device.

    With a seed, a layer's weights follow from it and from the layer's path alone, so that other layers and
    devices change nothing; without, they come from torch's own generator. `init` names one of netdsl.compile.inits.
    `blank` leaves what is random uninitialised, for weights that are loaded anyway.
    """
    shaped, root = plan.shaped, nn.Module()
    sizes = {
        index: sum(one.count for one in shaped.nodes[index].layer.weights(*shaped.input_shapes(index)))
        for index in plan.owners.values()
    }
    done, total = 0, sum(sizes.values())
    generator = None if seed is None else torch.Generator("cpu")
    started = starts.of(plan, PYTORCH if blank else init)
    with torch.device("cpu"), Filling(generator, blank=blank) as filling:
        for path, index in plan.owners.items():
            node = shaped.nodes[index]
            with _seeded(node.layer, path, seed, generator):
                filling.blank = blank or path in started  # which nothing is drawn for twice
                module = _lowered(shaped, index)
                filling.blank = blank
                if path in started:
                    draw.start(module, init, started[path], generator)
            place(root, path, module if (device := plan.device(node)) is None else module.to(device))
            done += sizes[index]
            progress("initialising", done, total)
    return root


def _lowered(shaped: ShapedGraph, index: int) -> nn.Module:
    """The module of a node. Raises NetError where a package's layer cannot make it."""

    def made(layer: Layer, *inputs: Shape) -> nn.Module:
        module = layer.lower(*inputs)
        guard.check_module(layer, inputs, {name: tuple(one.shape) for name, one in module.named_parameters()})
        return module

    return infer.ask(made, shaped, index)


def place(root: nn.Module, path: str, module: nn.Module) -> None:
    """Put a module into a tree at a path, below modules for the scopes around it."""
    *scopes, name = path.split(".")
    at = root
    for scope in scopes:
        children = dict(at.named_children())
        if scope not in children:
            at.add_module(scope, nn.Module())
        at = at.get_submodule(scope)
    at.add_module(name, module)


@contextmanager
def _seeded(layer: Layer, path: str, seed: int | None, generator: torch.Generator | None) -> Generator[None]:
    """Seed a generator for the module at a path.

    A package's layer may draw from torch's own generator: that is seeded too, and put back.
    """
    if generator is None:
        yield
        return
    own = int.from_bytes(sha256(f"{seed} {path}".encode()).digest()[:8], "big")
    generator.manual_seed(own)
    if type(layer).__module__.startswith("netdsl."):
        yield
        return
    with torch.random.fork_rng(devices=[]):  # pyright: ignore[reportUnknownMemberType]
        torch.default_generator.manual_seed(own)
        yield
