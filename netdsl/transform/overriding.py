"""Overrides written into the program: other values of params, other dims of inputs."""

from __future__ import annotations

from fractions import Fraction

from netdsl.graph.build import Overrides
from netdsl.graph.program import Loader
from netdsl.layers.arguments import Value, show
from netdsl.text import tree
from netdsl.text.advice import Edit
from netdsl.text.diagnostic import Report
from netdsl.text.tokens import quoted
from netdsl.transform import uses
from netdsl.transform.plan import TransformError
from netdsl.transform.program import Program


def overridden(program: Program, overrides: Overrides) -> Program:
    """The program that is by itself what another is under overrides, which fit it.

    Raises TransformError where what they change is written in a file that is used.
    """
    inputs = [program.shaped.nodes[index] for index in program.shaped.graph.inputs]
    edits: list[Edit] = []
    for name, dims in overrides.inputs.items():
        node = next(node for node in inputs if node.path == (name or node.path))
        span = node.site.arguments["dims"]
        if span.source.name != program.name:
            raise TransformError(f"the dims of {node.path} are written in {span.source.name}", span)
        edits.append(Edit(span, show(dims)))
    program = program.edited(edits)
    for name, value in overrides.params.items():
        program = _with_param(program, name, value)
    return program


def _with_param(program: Program, name: str, value: Value) -> Program:
    if not any(_is(one, name) for one in program.file.statements):
        loader = Loader(Report(), program.include)
        loader.load(program.source, program.path)
        home = next(
            unit.file.source
            for unit in loader.units.values()
            if unit and any(_is(one, name) for one in unit.file.statements)
        )
        program = uses.brought_in(program, home) or program
    param = next(one for one in program.file.statements if isinstance(one, tree.Param) and one.name.text == name)
    return program.edited([Edit(param.value.span, _written(value))])


def _is(statement: tree.Statement, name: str) -> bool:
    return isinstance(statement, tree.Param) and statement.name.text == name


def _written(value: Value) -> str:
    """A value as a `param` line has it."""
    if isinstance(value, str):
        return quoted(value)
    if isinstance(value, Fraction) or (isinstance(value, tuple) and any(isinstance(one, Fraction) for one in value)):
        return f"{{{', '.join(map(show, value)) if isinstance(value, tuple) else show(value)}}}"
    return show(value)
