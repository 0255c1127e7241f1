"""Mistakes in how statements stand, beside those that `wording` tells of what is in one."""

from __future__ import annotations

from netdsl.text.mistake import Mistake


class LongNumber(Mistake, code="limit-exceeded", example="param a = " + 41 * "9"):
    most: int
    words = "a number has at most {most} digits"


class BlockGoesOn(Mistake, code="syntax-error", example="block b() = RELU\n  -> BN\nINPUT 8 -> b()"):
    block: str
    words = "this `->` would continue block {block}, which was complete on its line"
    advice = "end the block's line with `->`, or start the new chain with INPUT or a name"


class ManyBroken(Mistake, code="limit-exceeded", example=201 * "INPUT 8 -> ?\n"):
    most: int
    words = "more than {most} statements are broken; the rest is not read"


class ArrowRunsOn(Mistake, code="syntax-error", example="block b() = RELU ->\nINPUT 8 -> b()"):
    block: str
    words = "the line ends with `->`, so that the chain below becomes part of block {block}"
    advice = "take it away, or write the next layer behind it"


class EqualRunsOn(Mistake, code="syntax-error", example="block b() =\nINPUT 8 -> RELU"):
    block: str
    words = "the line ends with `=`, so that the chain below becomes that of block {block}"
    advice = "write the chain of block {block} behind it, or take it away"
