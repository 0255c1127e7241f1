"""The claims of a rewritten program: shapes that are maps now are written so, and what no longer holds is left out."""

from __future__ import annotations

from netdsl.layers.arguments import show
from netdsl.measure import expect
from netdsl.text import tree
from netdsl.text.advice import Edit
from netdsl.text.diagnostic import Report
from netdsl.text.source import Span
from netdsl.transform.program import Program


def mended(program: Program, *, rewrite: bool) -> tuple[Program, int]:
    """The program with claims that hold, and how many were left out.

    A shape that differs is rewritten, unless the program was changed by overrides, which it was not claimed for.
    """
    report = Report()
    expect.prove(program.shaped, report)
    failed = [one.span for one in report.diagnostics()]
    edits: list[Edit] = []
    lost = 0
    for claim in program.file.statements:
        if not isinstance(claim, tree.Expect):
            continue
        start, end = program.text.rindex("expect", 0, claim.quantity.span.start), claim.value.span.end
        if not any(start <= span.start < end for span in failed):
            continue
        shape = _shape(program, claim) if rewrite and claim.quantity.text == "shape" else ""
        if shape:
            edits.append(Edit(claim.value.span, shape))
        else:
            stop = program.text.find("\n", end)
            edits.append(Edit(Span(program.source, start, len(program.text) if stop < 0 else stop + 1), ""))
            lost += 1
    return program.edited(edits), lost


def _shape(program: Program, claim: tree.Expect) -> str:
    """The shape that a claim is about; nothing where it is about no node that is left."""
    graph = program.shaped.graph
    if claim.of is None:
        return show(program.shaped.shapes[graph.outputs[0]].dims)
    index = graph.find(claim.of.text)
    return "" if index is None else show(program.shaped.shapes[index].dims)
