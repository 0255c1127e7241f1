"""A module of PyTorch as a program, which computes what the module does."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from netdsl.interchange import normal
from netdsl.interchange.entry import Imported, imported
from netdsl.interchange.torch import live, proof, reader
from netdsl.layers.shape import Shape


def of(module: nn.Module, inputs: Sequence[Tensor | Shape]) -> tuple[Imported, Mapping[str, Tensor]]:
    """The program of a module, and a copy of its weights; none where they have no values, as those of a meta device.

    Raises ForeignError for what cannot be said, and where the program's outputs are not the module's.
    """
    program = live.read(module, inputs)
    found = imported(normal.flat(reader.primitives(program)))
    if found.lacking:
        return found, {}

    def run(given: Mapping[str, Tensor]) -> Sequence[Tensor]:
        return live.outputs(module, [given[name] for name in program.inputs])

    halves = any(one.dtype in (torch.float16, torch.bfloat16) for one in module.parameters())
    dims = {name: program.dims[name] for name in program.inputs}
    weights = proof.own(found)
    proof.prove(found, weights, proof.Runtime("the module", dims, run, proof.HALF if halves else proof.CLOSE))
    return found, weights
