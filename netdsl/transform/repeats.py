"""Parts a repeat whose first copy has to differ from the others."""

from __future__ import annotations

from netdsl.text import tree
from netdsl.text.advice import Edit
from netdsl.transform.program import Program


def parted(program: Program, element: tree.Element) -> Program:
    """The program with `dense() x3` as `dense() -> dense() x2`; a label stays with the last, which it means."""
    assert element.repeat is not None
    primary = element.primary.span.text
    device = f" {element.device.span.text}" if element.device is not None else ""
    label = "" if element.label is None else element.label.text
    first = f"{label}_first: {primary}{device}" if label else f"{primary}{device}"
    rest = f"{label}: {primary}" if label else primary
    text = f"{first} -> {rest}{_fewer(element.repeat)}{device}"
    return program.edited([Edit(element.span, text)])


def _fewer(repeat: tree.Count) -> str:
    """The repeat of one copy less."""
    value = repeat.value
    if isinstance(value, tree.Literal) and isinstance(value.value, int):
        return "" if value.value == 2 else f" x{value.value - 1}"
    return f" x{{{value.span.text} - 1}}"
