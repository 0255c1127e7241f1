"""What is divided by a length: features of length 1 and RMSNorm as LRN that sees all channels, roots and quotients."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import TYPE_CHECKING

from netdsl.interchange.normal import axes, merges
from netdsl.interchange.normal.axes import CHANNELS
from netdsl.interchange.normal.draft import Draft, Flow, Unsaid, exact
from netdsl.interchange.normal.norms import behind, squares
from netdsl.layers.merge import Multiply
from netdsl.layers.norm import LocalResponse, Scale

if TYPE_CHECKING:
    from netdsl.interchange.primitives import Operator
    from netdsl.layers.arguments import Number

_LEAST = 1e-4
"""The largest number that the least length may be, and be a square below the root as well."""
_REPEATS = ("Expand", "Identity", "Cast")
"""What repeats a value or leaves it as it is."""
_NOTHING = Fraction(1, 10**24)
"""What is added to the square of a length that may be 0: as much as F.normalize has it."""
ROOT = LocalResponse(1, 1, Fraction(1, 4), Fraction(1, 10**30))
"""The root of a number that is not negative: x / (x²)^¼, and 0 of 0."""
INVERSE = LocalResponse(1, 1, 1, 0)
"""1 / x, as x / x²."""


def divided(draft: Draft, operator: Operator) -> Flow | None:
    """x / √(sum or mean of its squares + k), in its parts, by Div or by Mul: LRN that sees all channels."""
    pairs = [operator.inputs] if operator.kind == "Div" else [operator.inputs, operator.inputs[::-1]]
    for name, other in pairs:
        made = behind(draft, other, _REPEATS)
        if operator.kind == "Mul":
            made = behind(draft, made.inputs[0], _REPEATS) if made is not None and made.kind == "Reciprocal" else None
        found = None if made is None else _length(draft, made, name)
        if found is not None:
            return scaled(draft, operator, draft.flows[name], *found)
    return None


def _length(draft: Draft, made: Operator, name: str) -> tuple[set[int], bool, Number] | None:
    """The axes over which a value's length is taken, whether of a mean, and what is added to the square of it."""
    root, least = _limited(draft, made, ("Clip", "Max", "Add"))
    if root is None or root.kind != "Sqrt" or least > _LEAST:
        return None
    total = draft.makers.get(root.inputs[0])
    total, added = _limited(draft, total, ("Add", "Clip", "Max")) if total is not None else (None, 0.0)
    square = draft.makers.get(total.inputs[0]) if total is not None else None
    if total is None or total.kind not in ("ReduceSum", "ReduceMean") or square is None:
        return None
    if not total.whole("keepdims", 1) or not squares(draft, square, name):
        return None
    rank = len(draft.flows[name].layout)
    over = {at % rank for at in draft.whole(total, 1) or range(rank)}
    k = exact(added) if added else Fraction(exact(least)) ** 2
    return over, total.kind == "ReduceMean", k


def _limited(draft: Draft, made: Operator, kinds: tuple[str, ...]) -> tuple[Operator | None, float]:
    """What made a value that is held above a small number, or to which it is added, and the number."""
    if made.kind not in kinds:
        return made, 0.0
    numbers = [draft.constants[one] for one in made.inputs if one in draft.constants]
    flows = [one for one in made.inputs if one in draft.flows]
    if len(numbers) != 1 or numbers[0].size != 1 or len(flows) != 1 or not float(numbers[0].flat[0]) > 0:
        return None, 0.0
    if made.kind == "Clip" and made.inputs[1:2] and made.inputs[1] not in draft.constants:
        return None, 0.0
    return behind(draft, flows[0], _REPEATS), float(numbers[0].flat[0])


def scaled(draft: Draft, operator: Operator, x: Flow, over: set[int], mean: bool, k: Number) -> Flow:
    """A value divided by the length of its channels, or of another axis as channels."""
    own = axes.natural(draft.shapes[x.item], draft.batch)
    if {atom for at in over for atom in x.layout[at]} != {*own[CHANNELS]}:
        if len(over) != 1 or 0 in over:
            raise Unsaid("no layer divides a map by the length of several of its axes")
        (at,) = over
        x = draft.natural(draft.map(operator, x, at), at)
    size = 2 * (channels := draft.shapes[x.item].channels) - 1  # each channel sees all
    alpha = Fraction(size, channels) if mean else size
    return Flow(draft.add(operator, LocalResponse(size, alpha, Fraction(1, 2), k), [x.item]), x.layout)


def normalised(draft: Draft, operator: Operator) -> Flow:
    """LpNormalization: each vector divided by its length."""
    if operator.whole("p", 2) != 2:
        raise Unsaid("it divides by a sum, and by no length")
    x = draft.flow(operator)
    return scaled(draft, operator, x, {operator.whole("axis", -1) % len(x.layout)}, False, _NOTHING)


def rooted(draft: Draft, operator: Operator) -> Flow:
    """RMSNormalization: LRN that sees all channels, and SCALE."""
    x = draft.flow(operator)
    rank = len(x.layout)
    if operator.whole("axis", -1) % rank != rank - 1:
        raise Unsaid("it normalises several axes")
    found = scaled(draft, operator, x, {rank - 1}, True, exact(operator.real("epsilon", 1e-5)))
    if len(operator.inputs) < 2:
        return found
    weight = draft.needed(operator, 1, "weight")
    if not operator.whole("learned", 0) and bool((weight == 1).all()):
        return found
    item = draft.add(operator, Scale(), [found.item], {"weight": weight.reshape(-1)}, operator.inputs[1:2])
    return Flow(item, found.layout)


def quotient(draft: Draft, operator: Operator, x: Flow, y: Flow) -> Flow:
    """A value divided by another: MUL by what 1 is divided by it."""
    item = draft.add(operator, INVERSE, [y.item], before=True)
    return merges.merged(draft, operator, Multiply(), [x, Flow(item, y.layout)])


RULES: Mapping[str, Callable[[Draft, Operator], Flow]] = {
    "LpNormalization": normalised,
    "RMSNormalization": rooted,
    "SimplifiedLayerNormalization": rooted,
}
