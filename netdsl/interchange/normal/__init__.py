"""Operators as layers: each rule says one operator, or lets it become a part of a layer that there is."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from netdsl.interchange.flat import MOST_INPUTS, Flat, ForeignError, Item, at_node, converted
from netdsl.interchange.mistakes import NoLayers, TooMuch
from netdsl.interchange.normal import (
    attention,
    axes,
    composed,
    fold,
    joins,
    lengths,
    moving,
    norms,
    places,
    pointwise,
    pools,
    products,
    reasons,
    recurrent,
    resizing,
)
from netdsl.interchange.normal.count import counted
from netdsl.interchange.normal.draft import Draft, Flow, Unsaid, Unsayable
from netdsl.interchange.primitives import Operator
from netdsl.layers.arguments import LayerError
from netdsl.layers.norm import BatchNorm
from netdsl.layers.shape import Shape
from netdsl.layers.source import Input
from netdsl.text import safe
from netdsl.text.diagnostic import Diagnostic
from netdsl.text.fit import listed

if TYPE_CHECKING:
    from netdsl.interchange.primitives import Primitives

RULES: Mapping[str, Callable[[Draft, Operator], Flow | Sequence[Flow]]] = {
    "Conv": products.convolution,
    "ConvTranspose": products.transposed,
    "Gemm": products.gemm,
    "MatMul": products.matmul,
    "ReduceSumSquare": products.radial,
    **pointwise.RULES,
    **norms.RULES,
    **lengths.RULES,
    **pools.RULES,
    **moving.RULES,
    **joins.RULES,
    **resizing.RULES,
    **recurrent.RULES,
}
_ROWS = ("MatMul", "Gemm", "LSTM", "GRU")
"""Operators that read the last axis of a value."""


def flat(source: Primitives) -> Flat:
    """The layers of a network of operators.

    Raises ForeignError with all that cannot be said; its `partial` is what stands before that. Sequences are tried in
    each order of their axes that they may have, the likeliest first. Axes are brought in another order by layers where
    nothing else says it.
    """
    if not source.operators:
        mistake = NoLayers(source.source.partition(":")[0])
        raise ForeignError([Diagnostic(mistake, at_node(source.file, "", source.file))])
    counts = [(one, max(len(one.inputs), len(one.outputs))) for one in source.operators]
    wide = [(TooMuch(f"values of {one.kind}", count, MOST_INPUTS), one) for one, count in counts if count > MOST_INPUTS]
    if wide:
        raise ForeignError([Diagnostic(mistake, source.place(one)) for mistake, one in wide])
    sequences = [name for name, dims in source.inputs.items() if len(dims) == 3]
    guess = {name: _channels_last(source, name, len(dims)) for name, dims in source.inputs.items() if len(dims) > 2}
    told: ForeignError | None = None
    orders = ((0, False), (0, True), (1, False)) if sequences else ((0, False),)
    for batch, others, turning in [*[(*one, False) for one in orders], (0, False, True)]:
        last = {name: name in sequences or one for name, one in guess.items()} if batch else guess
        last = {name: one is not (others and name in sequences) for name, one in last.items()}
        try:
            return _flat(Draft(source, batch, turning=turning), last)
        except ForeignError as error:
            told = error
            if _known_nowhere(error):
                break
    assert told is not None
    raise told


def _known_nowhere(error: ForeignError) -> bool:
    """Whether all that cannot be said is operators that no layer is, whatever the order of axes."""
    wrong = [one.mistake for one in error.diagnostics]
    kinds = [one.kind for one in wrong if isinstance(one, Unsayable) and one.why == reasons.why(one.kind)]
    return len(kinds) == len(wrong) and RULES.keys().isdisjoint(kinds)


def _flat(draft: Draft, last: Mapping[str, bool]) -> Flat:
    """The layers of a network whose inputs have their channels `last`, or else before positions."""
    source = draft.source
    for name, dims in source.inputs.items():
        if draft.readers[name]:
            _input(draft, name, dims, last.get(name, False))
    for operator in source.operators:
        _said(draft, operator)
    outputs = [(name, _output(draft, value)) for name, value in source.outputs]
    needed = _needed(draft, [item for _, item in outputs])
    items = tuple([item for name, item in draft.items.items() if name in needed])
    wrong = _causes(draft, needed)
    if kinds := sorted(draft.kinds - {"float32"}):
        draft.notes[converted(kinds)] = None
    title, notes = source.title, tuple(draft.notes)
    notes = (*notes, *_learned(draft, items))
    unbiased = any(name in needed for name in draft.unbiased)
    if unbiased:
        notes = (*notes, "projections out of ATTENTION have a bias, which is 0 where the source has none")
    if not wrong:
        sizes = {name: flow.dims for name, flow in draft.flows.items()}
        params, macs = counted(draft.said, draft.constants, draft.originals, sizes, draft.batch)
        params = None if unbiased else params
        return Flat(title, source.source, items, tuple(outputs), (), params, macs, tuple(map(safe.line, notes)))
    found = [Diagnostic(Unsayable(one.kind, one.name or one.outputs[0], why), source.place(one)) for one, why in wrong]
    raise ForeignError(found, _partial(draft, source, items))


def _input(draft: Draft, name: str, dims: tuple[int, ...], last: bool) -> None:
    """An input of the network, with its channels `last`, or else before positions."""
    middle = draft.middle and len(dims) == 3
    batch, *inner = (dims[1], dims[0], dims[2]) if middle else dims or (1,)
    sizes = tuple(inner) if last else (*inner[1:], *inner[:1])
    shape = Shape.of(sizes or (1,))
    item = draft.named(name)
    draft.items[item] = Item(item, Input(shape.dims))
    draft.shapes[item] = shape
    layout = axes.natural(shape, batch, shape.rank + 1 if last else axes.CHANNELS)
    if middle:
        draft.notes[f"the input {name} is of positions, examples and channels, in this order"] = None
        layout = axes.transposed(layout, (1, 0, 2))
    draft.give(name, Flow(item, layout if sizes else layout[:1]))


def _channels_last(source: Primitives, name: str, rank: int) -> bool:
    """Whether the operators that read a value, or what follows from it number by number, take the last axis."""
    orders = {name: tuple(range(rank))}
    for operator in source.operators[:64]:
        order = next((orders[one] for one in operator.inputs if one in orders), None)
        if order is None or operator.kind == "Shape":
            continue
        if operator.kind == "Transpose":
            moved = operator.sizes("perm") or tuple(range(rank))[::-1]
            if len(moved) == rank and max(moved) < rank:
                orders[operator.outputs[0]] = tuple([order[axis] for axis in moved])
        elif operator.kind == "MatMul" and operator.inputs[0] not in orders:
            return order[-2] == rank - 1
        elif operator.kind in _ROWS or operator.kind.endswith(("Attention", "SkipLayerNormalization")):
            return order[-1] == rank - 1
        elif operator.kind == "LayerNormalization":
            return operator.whole("axis", -1) in (-1, rank - 1) and order[-1] == rank - 1
        elif operator.kind in ("Gather", "Concat") and rank == 3 and operator.whole("axis", 0) % 3:
            if any(one not in orders for one in operator.inputs):  # of positions, with those that are learned
                return order[3 - operator.whole("axis", 0) % 3] == rank - 1
            return order[1] == rank - 1
        elif operator.kind == "Reshape" and (said := source.constants.get(operator.inputs[1])) is not None:
            own = [source.inputs[name][axis] for axis in order]
            if said.size != rank or int(said.flat[-1]) not in (0, own[-1]):
                return said.size == 2 and int(said.flat[-1]) == own[-1] and order[-1] == rank - 1
            orders[operator.outputs[0]] = order
        elif operator.kind == "Pad" and rank == 3 and (pads := source.constants.get(operator.inputs[1])) is not None:
            return pads.size == 6 and order[1 if pads.reshape(2, 3)[:, 2].any() else 2] == rank - 1
        elif operator.kind in pointwise.PLAIN or operator.kind in ("Add", "Sub", "Mul", "Div", "Cast", "Identity"):
            orders |= dict.fromkeys(operator.outputs, order)
        else:
            return order[1] == rank - 1
    return next(reversed(orders.values()))[1] == rank - 1


def _said(draft: Draft, operator: Operator) -> None:
    """What an operator gives, by its rule; something unsaid where it has none, or cannot be said."""
    given = [draft.constants.get(name) if name else None for name in operator.inputs]
    if operator.kind == "Shape" and operator.inputs[:1]:
        flow = draft.flows.get(operator.inputs[0])
        value = draft.constants.get(operator.inputs[0])
        known = draft.source.dims.get(operator.inputs[0]) if flow is None else flow.dims
        sizes = known if value is None else value.shape
        if sizes is not None:
            first, last = operator.whole("start", 0), operator.whole("end", len(sizes))
            draft.constants[operator.outputs[0]] = np.asarray(sizes[first:last], np.int64)
            return
    if draft.room > 0 and all(one is not None or not name for one, name in zip(given, operator.inputs, strict=True)):
        value = fold.folded(operator, given)
        if value is not None:
            draft.room -= fold.taken(value, given)
            draft.constants[operator.outputs[0]] = value
            if operator.kind == "Identity":
                draft.originals[operator.outputs[0]] = draft.originals.get(operator.inputs[0], operator.inputs[0])
            if draft.missing.intersection(operator.inputs):
                draft.missing.add(operator.outputs[0])
            return
    try:
        draft.given(operator)
        if (found := attention.followed(draft, operator) or places.followed(draft, operator)) is not None:
            draft.said.append(operator)
            draft.flows[operator.outputs[0]] = found
            return
        if (parts := composed.operators(draft, operator)) is not None:
            for one in draft.instead(operator, parts):
                _said(draft, one)
            return
        draft.said.append(operator)
        rule = RULES.get(operator.kind)
        if rule is None:
            raise Unsaid(reasons.why(operator.kind))
        found = rule(draft, operator)
        if operator.outputs[0] not in draft.flows:
            flows = [found] if isinstance(found, Flow) else found
            _hold(draft, operator, flows)
            for name, flow in zip(operator.outputs, flows, strict=False):
                draft.give(name, flow)
        else:  # it is a part of an activation, perhaps, and stands as what is unsaid
            assert isinstance(found, Flow)
            draft.flows[operator.outputs[0]] = found
        return
    except Unsaid as error:
        why = str(error)
    except LayerError as error:
        why = error.mistake.message()
    except (LookupError, ArithmeticError, ValueError, MemoryError):
        why = "its attributes do not fit what flows in"
    for name in operator.outputs:
        if name and name not in draft.flows:
            draft.placeholder(operator, name, why)


def _hold(draft: Draft, operator: Operator, flows: Sequence[Flow]) -> None:
    """Raise Unsaid where a layer gives another size than the source says."""
    for name, flow in zip(operator.outputs, flows, strict=False):
        said = draft.source.dims.get(name)
        if said is not None and said != flow.dims and draft.readers[name]:
            made, wanted = ("x".join(map(str, one)) for one in (flow.dims, said))
            raise Unsaid(f"it gives {wanted} in the file, and {made} as {draft.items[flow.item].layer.written}")


def _output(draft: Draft, value: str) -> str:
    """The item that is an output of the network, laid out as the source has it where a layer does that."""
    flow = draft.flows.get(value)
    if flow is None:
        constant = value in draft.constants and "it is a constant, and no layer gives one; leave it out of the outputs"
        giver = None if constant else draft.makers.get(value)
        why = f"no layer gives its output {value}" if giver else constant or "nothing gives it"
        draft.placeholder(giver or Operator("Output", (), (value,)), value, why)
        return draft.flows[value].item
    operator = draft.makers.get(value, draft.source.operators[-1])
    own = axes.natural(draft.shapes[flow.item], draft.batch)
    if flow.layout == own or len(flow.layout) < 2:
        return flow.item
    order = axes.joined([atom for atoms in flow.layout for atom in atoms])
    apart = any(len(atoms) > 1 for atoms in flow.layout) and not {*order} <= {atom for atoms in own for atom in atoms}
    draft.turning = draft.turning or apart  # parts of axes are joined with others: no other order of axes is this
    try:
        return draft.map(operator, flow, turning=apart)
    except Unsaid:
        sizes = "x".join(map(str, ("N", *flow.dims[1:])))
        draft.notes[f"the output {value} is laid out otherwise in the source, as {sizes}"] = None
        return flow.item


def _needed(draft: Draft, items: Sequence[str]) -> set[str]:
    """What outputs follow from, and all inputs of the network."""
    found = {name for name, item in draft.items.items() if isinstance(item.layer, Input) and name not in draft.unsaid}
    left = list(items)
    while left:
        name = left.pop()
        if name in found:
            continue
        found.add(name)
        left += draft.items[name].inputs if name not in draft.unsaid else _read(draft, name)
        shares = draft.items[name].shares
        left += [shares] if shares else []
    return found


def _read(draft: Draft, name: str) -> list[str]:
    """The items that an operator reads which is unsaid."""
    return [draft.flows[one].item for one in draft.unsaid[name][0].inputs if one in draft.flows]


def _causes(draft: Draft, needed: set[str]) -> list[tuple[Operator, str]]:
    """The operators that cannot be said, and why, but for those that read what another one gives."""
    doubtful: set[str] = set()
    found: dict[int, tuple[Operator, str]] = {}
    for name, item in draft.items.items():
        if name not in needed:
            continue
        if name in draft.unsaid:
            if doubtful.isdisjoint(_read(draft, name)):
                found.setdefault(id(draft.unsaid[name][0]), draft.unsaid[name])
            doubtful.add(name)
        elif not doubtful.isdisjoint(item.inputs):
            doubtful.add(name)
    return list(found.values())


def _learned(draft: Draft, items: Sequence[Item]) -> Iterator[str]:
    """What is told of weights that the source does not train, and netdsl would."""
    fixed = draft.source.fixed
    names = [
        name
        for item in items
        for name in draft.tied[item.name][: 2 if isinstance(item.layer, BatchNorm) else None]
        if name in fixed and name not in draft.source.shared
    ]
    if names:
        yield f"not learned by the source, and weights here: {_some([fixed[name] for name in names])}"
    owners: dict[str, set[tuple[str, int]]] = {}
    for item in items:
        for at, name in enumerate(draft.tied[item.name]):
            owners.setdefault(name, set()).add((item.shares or item.name, at))
    if apart := [name for name, several in owners.items() if name and len(several) > 1 and not draft.uniform(name)]:
        yield f"read in several places, each of which has a weight of its own here: {_some(apart)}"


def _some(names: Sequence[str]) -> str:
    """Names, of which there may be many."""
    several = list(dict.fromkeys(names))
    return listed(several if len(several) < 5 else [*several[:3], f"{len(several) - 3} more"])


def _partial(draft: Draft, source: Primitives, items: Sequence[Item]) -> Flat | None:
    """What does not follow from anything unsaid, up to its ends."""
    kept: dict[str, Item] = {}
    for item in items:
        if item.name not in draft.unsaid and all(name in kept for name in item.inputs):
            kept[item.name] = item
    read = {name for item in kept.values() for name in item.inputs}
    ends = [name for name, item in kept.items() if name not in read and not isinstance(item.layer, Input)]
    if not ends:
        return None
    return Flat(source.title, source.source, tuple(kept.values()), tuple((name, name) for name in ends))
