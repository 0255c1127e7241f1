"""A module of PyTorch as a program, which computes what the module does."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress

import torch
from torch import Tensor, nn
from torch.export import ExportedProgram

from netdsl.interchange.entry import Imported, imported
from netdsl.interchange.flat import Flat, ForeignError
from netdsl.interchange.torch import live, proof, said
from netdsl.interchange.torch.program import Program
from netdsl.layers.shape import Shape


def of(module: nn.Module | ExportedProgram, inputs: Sequence[Tensor | Shape]) -> tuple[Imported, Mapping[str, Tensor]]:
    """The program of a module, and a copy of its weights; none where they have no values, as those of a meta device.

    What torch.export made of one has its inputs itself.

    Raises ForeignError for what cannot be said, and where the program's outputs are not the module's.
    """
    if isinstance(module, ExportedProgram):
        program = live.program(module, "network")
        flat, module = said.flat(program), module.module()
    else:
        module = live.within(module)
        program, flat = _said(module, inputs)
    found = imported(flat)
    if found.lacking:
        return found, {}

    def run(given: Mapping[str, Tensor]) -> Sequence[Tensor]:
        return live.outputs(module, [given[name] for name in program.inputs])

    halves = any(one.dtype in (torch.float16, torch.bfloat16) for one in module.parameters())
    dims = {name: program.dims[name] for name in program.inputs}
    weights = proof.own(found)
    proof.prove(found, weights, proof.Runtime("the module", dims, run, proof.HALF if halves else proof.CLOSE))
    return found, weights


def _said(module: nn.Module, inputs: Sequence[Tensor | Shape]) -> tuple[Program, Flat]:
    """A module's program and its layers: for two examples where sizes alone are given, or else for one.

    Among several, one alone would be taken for an axis like others; windows are known of one alone.
    """
    try:
        program = live.read(module, inputs)
        return program, said.flat(program)
    except ForeignError as error:
        if all(isinstance(one, Tensor) for one in inputs) or isinstance(error.errors[0].mistake, live.NoExport):
            raise
        with suppress(ForeignError):
            program = live.read(module, inputs, (1,))
            return program, said.flat(program)
        raise
