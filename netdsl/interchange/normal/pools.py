"""Poolings: MAXPOOL, AVGPOOL, and reductions over all positions."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import prod
from typing import TYPE_CHECKING, Any

from netdsl.interchange.normal import axes, products
from netdsl.interchange.normal.draft import Draft, Flow, Unsaid
from netdsl.layers.norm import Times
from netdsl.layers.pool import AveragePool, MaxPool
from netdsl.layers.reshape import Pad

if TYPE_CHECKING:
    from netdsl.interchange.primitives import Operator


def pool(draft: Draft, operator: Operator) -> Flow:
    """MaxPool and AveragePool; one window over the whole map is `global`."""
    average = operator.kind == "AveragePool"
    x = draft.map(operator, draft.flow(operator))
    shape = draft.shapes[x]
    rank = shape.rank
    kernel, stride = (products.per_axis(operator, name, rank) for name in ("kernel_shape", "strides"))
    dilation = products.per_axis(operator, "dilations", rank)
    if max(dilation, default=1) > 1:
        raise Unsaid("its windows have holes")
    pads = before, after = products.padding(operator, shape, kernel, stride, dilation)
    row: Any = AveragePool if average else MaxPool
    counted = operator.whole("count_include_pad", 0) == 1
    padded = any(before) or any(after)
    ceil = operator.whole("ceil_mode", 0) == 1
    if not padded and kernel == shape.spatial and average:
        return draft.natural(draft.add(operator, row(global_=True), [x]))
    how: dict[str, Any] = {"stride": stride}
    if average and padded and not counted:
        how["exclude_pad"] = True
    if before == after:
        how |= {"padding": before, "ceil": ceil}
    elif products.is_same(shape, kernel, stride, dilation, pads) and not ceil:
        how["same"] = True
    elif any(2 * pad > k for pad, k in zip((*before, *after), kernel * 2, strict=True)):
        if not (average and counted):
            raise Unsaid("it pads by more than half its window")
        x = draft.add(operator, Pad(before, after), [x], before=True)
    else:
        how |= {"padding": before, "after": after, "ceil": ceil}
    return draft.natural(draft.add(operator, row(kernel, **how), [x]))


def whole(draft: Draft, operator: Operator) -> Flow:
    """GlobalAveragePool and GlobalMaxPool."""
    row = AveragePool if operator.kind == "GlobalAveragePool" else MaxPool
    return draft.natural(draft.add(operator, row(global_=True), [draft.map(operator, draft.flow(operator))]))


def adapting(draft: Draft, operator: Operator) -> Flow:
    """AdaptiveAveragePool and AdaptiveMaxPool, which PyTorch has: `to=`."""
    row = AveragePool if operator.kind == "AdaptiveAveragePool" else MaxPool
    item = draft.map(operator, draft.flow(operator))
    return draft.natural(draft.add(operator, row(to=operator.sizes("output_size")), [item]))


def reduced(draft: Draft, operator: Operator) -> Flow:
    """ReduceMean, ReduceSum and ReduceMax over positions: a window as large as the map along axes that perhaps go."""
    x, given = draft.flow(operator), draft.whole(operator, 1)
    rank, shape = len(x.layout), draft.shapes[x.item]
    gone = {axis % rank for axis in given} if given else set(range(rank))
    own = axes.natural(shape, draft.batch)
    read = {atom for at in gone for atom in x.layout[at]}
    along = [not read.isdisjoint(atoms) for atoms in own]
    if {atom for over, atoms in zip(along, own, strict=True) if over for atom in atoms} != read or any(along[:2]):
        raise Unsaid("it is over other axes than those of positions")
    item, row = x.item, MaxPool if operator.kind == "ReduceMax" else AveragePool
    kernel = tuple([size if over else 1 for size, over in zip(shape.spatial, along[2:], strict=True)])
    if shape.spatial:
        item = draft.add(operator, row(global_=True) if kernel == shape.spatial else row(kernel), [item])
    if operator.kind == "ReduceSum" and prod(kernel) > 1:
        item = draft.add(operator, Times(prod(kernel)), [item])
    kept = operator.whole("keepdims", 1)
    layout = [() if at in gone else atoms for at, atoms in enumerate(x.layout) if kept or at not in gone]
    return Flow(item, tuple(layout))


RULES: Mapping[str, Callable[[Draft, Operator], Flow]] = {
    "MaxPool": pool,
    "AveragePool": pool,
    "GlobalAveragePool": whole,
    "GlobalMaxPool": whole,
    "AdaptiveAveragePool": adapting,
    "AdaptiveMaxPool": adapting,
    "ReduceMean": reduced,
    "ReduceSum": reduced,
    "ReduceMax": reduced,
}
