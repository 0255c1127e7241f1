"""Blocks that call themselves, directly or through others."""

from __future__ import annotations

from itertools import islice

from netdsl.graph.program import BlockOf, Unit
from netdsl.text import tree
from netdsl.text.diagnostic import Report
from netdsl.text.mistake import Mistake

_DONE = -1
_MOST = 8
"""How many blocks of a circle are named."""


class Recursion(Mistake, code="recursive-block", example="block a(n) = RELU -> a(n)\nINPUT 8 -> a(1)"):
    circle: str
    words = "{circle}"
    advice = "use a repeat: x{{n}}"


def recursive(unit: Unit, report: Report) -> set[int]:
    """The blocks that call themselves, directly or through others; each circle is reported once."""
    place: dict[int, int] = {}  # in the stack, or DONE
    found: set[int] = set()
    for start in unit.blocks.values():
        if id(start.block) in place:
            continue
        stack = [start]
        place[id(start.block)] = 0
        pending = [iter(_calls(start))]
        outermost = [1]  # for each of the stack, the place of the outermost that it and what it calls lead back to
        while stack:
            step = next(pending[-1], None)
            if step is None:
                block, back = id(stack.pop().block), outermost.pop()
                pending.pop()
                place[block] = _DONE
                if back <= len(stack):
                    found.add(block)
                if outermost:
                    outermost[-1] = min(outermost[-1], back)
                continue
            call, target = step
            at = place.get(id(target.block))
            if at is None:
                place[id(target.block)] = len(stack)
                stack.append(target)
                pending.append(iter(_calls(target)))
                outermost.append(len(stack))
            elif at != _DONE:
                outermost[-1] = min(outermost[-1], at)
                report.error(Recursion(_around(stack, at)), call.span)
    return found


def _around(stack: list[BlockOf], at: int) -> str:
    """A circle in words: `a calls b calls a`."""
    names = [of.block.name.text for of in islice(stack, at, at + _MOST)]
    more = len(stack) - at - _MOST
    if more > 0:
        names += [f"{more} more"] * (more > 1) + [stack[-1].block.name.text]
    return " calls ".join([*names, stack[at].block.name.text])


def _calls(of: BlockOf) -> list[tuple[tree.Call, BlockOf]]:
    calls = [one.primary for one in tree.elements(of.block.body) if isinstance(one.primary, tree.Call)]
    blocks = of.unit.blocks
    return [(call, blocks[call.name.text]) for call in calls if call.name.text in blocks]
