"""Blocks that call themselves, directly or through others."""

from __future__ import annotations

from netdsl.graph.program import BlockOf, Module
from netdsl.text import tree
from netdsl.text.diagnostic import Report


def recursive(module: Module, report: Report) -> set[int]:
    """The blocks that call themselves, directly or through others; each circle is reported once."""
    state: dict[int, int] = {}
    found: set[int] = set()
    for start in module.blocks.values():
        stack = [(start, iter(_calls(start)))]
        if state.setdefault(id(start.block), 1) == 2:
            continue
        while stack:
            of, calls = stack[-1]
            step = next(calls, None)
            if step is None:
                state[id(of.block)] = 2
                stack.pop()
                continue
            call, target = step
            if state.get(id(target.block)) == 1:
                blocks = [one.block for one, _ in stack]
                circle = blocks[blocks.index(target.block) :]
                around = " calls ".join(block.name.text for block in (*circle, target.block))
                found.update(map(id, circle))
                report.error("recursive-block", around, call.span, help="use a repeat: x{n}")
            elif id(target.block) not in state:
                state[id(target.block)] = 1
                stack.append((target, iter(_calls(target))))
    return found


def _calls(of: BlockOf) -> list[tuple[tree.Call, BlockOf]]:
    calls = [one.primary for one in tree.elements(of.block.body) if isinstance(one.primary, tree.Call)]
    blocks = of.module.blocks
    return [(call, blocks[call.name.text]) for call in calls if call.name.text in blocks]
