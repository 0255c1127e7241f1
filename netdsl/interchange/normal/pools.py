"""Poolings: MAXPOOL, AVGPOOL, and reductions over all positions."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from math import prod
from typing import TYPE_CHECKING, Any

from netdsl.interchange.normal import axes, products
from netdsl.interchange.normal.draft import Draft, Flow, Unsaid
from netdsl.layers.base import Window
from netdsl.layers.norm import Times
from netdsl.layers.pool import AveragePool, MaxPool
from netdsl.layers.reshape import Pad
from netdsl.layers.window import out_size

if TYPE_CHECKING:
    from netdsl.interchange.primitives import Operator
    from netdsl.layers.shape import Shape


def pool(draft: Draft, operator: Operator) -> Flow:
    """MaxPool and AveragePool; one window over the whole map is `global`."""
    average = operator.kind == "AveragePool"
    operator = operator if average else _with_pads(draft, operator)
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
    elif not ceil and not (average and counted) and _rounded(shape, kernel, stride, pads):
        how |= {"padding": before, "ceil": True}
    elif any(2 * pad > k for pad, k in zip((*before, *after), kernel * 2, strict=True)):
        if not (average and counted):
            raise Unsaid("it pads by more than half its window")
        x = draft.add(operator, Pad(before, after), [x], before=True)
    else:
        how |= {"padding": before, "after": after, "ceil": ceil}
    return draft.natural(draft.add(operator, row(kernel, **how), [x]))


def _rounded(x: Shape, kernel: Sequence[int], stride: Sequence[int], pads: Sequence[Sequence[int]]) -> bool:
    """Whether windows are as many where as much is padded on both sides, and their count is rounded up."""
    along = zip(x.spatial, kernel, stride, *pads, strict=True)
    return all(
        2 * p <= k and out_size(size, Window(k, s, p, a)) == out_size(size, Window(k, s, p, p), ceil=True)
        for size, k, s, p, a in along
    )


def _with_pads(draft: Draft, operator: Operator) -> Operator:
    """A MaxPool with the pads of a Pad before it that pads by what never is the largest."""
    before = draft.makers.get(operator.inputs[0])
    value = None if before is None or before.kind != "Pad" else draft.constant(before, 2)
    if before is None or value is None or not value.size or float(value.flat[0]) > -1e30:
        return operator
    pads, rank = draft.whole(before, 1) or (), len(draft.flow(before).layout)
    own = operator.sizes("pads") or (0,) * (2 * rank - 4)
    plain = (
        len(pads) == 2 * rank
        and len(own) == 2 * rank - 4
        and min(pads) >= 0
        and not any(pads[at] for at in (0, 1, rank, rank + 1))
    )
    if not plain or operator.text("auto_pad", "NOTSET") not in ("NOTSET", "VALID"):
        return operator
    more = tuple([a + b for a, b in zip(own, (*pads[2:rank], *pads[rank + 2 :]), strict=True)])
    inputs = (before.inputs[0], *operator.inputs[1:])
    return replace(operator, inputs=inputs, attributes={**operator.attributes, "pads": more, "auto_pad": "NOTSET"})


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
        return _along_others(draft, operator, x, gone)
    kernel = tuple([size if over else 1 for size, over in zip(shape.spatial, along[2:], strict=True)])
    item = _over(draft, operator, x.item, kernel) if kernel else x.item
    kept = operator.whole("keepdims", 1)
    layout = [() if at in gone else atoms for at, atoms in enumerate(x.layout) if kept or at not in gone]
    return Flow(item, tuple(layout))


def _over(draft: Draft, operator: Operator, item: str, kernel: tuple[int, ...]) -> str:
    """A reduction over windows that lie side by side; one over the whole map is `global`."""
    row = MaxPool if operator.kind == "ReduceMax" else AveragePool
    made = draft.add(operator, row(global_=True) if kernel == draft.shapes[item].spatial else row(kernel), [item])
    if operator.kind == "ReduceSum" and prod(kernel) > 1:
        made = draft.add(operator, Times(prod(kernel)), [made])
    return made


def _along_others(draft: Draft, operator: Operator, x: Flow, gone: set[int]) -> Flow:
    """A reduction of channels, as positions of a map that has one channel; neighbours that both go or stay are one."""
    dims, kept = x.dims, operator.whole("keepdims", 1)
    if 0 in gone:
        raise Unsaid("it is over the examples of a batch")
    if dims[0] != draft.batch:
        raise Unsaid("it is over the features of each window or head")
    sizes: list[int] = []
    goes: list[bool] = []
    for at, size in enumerate(dims[1:], 1):
        if goes and goes[-1] == (at in gone):
            sizes[-1] *= size
        else:
            sizes.append(size)
            goes.append(at in gone)
    apart = axes.reshaped(x.layout, (dims[0], 1, *sizes))
    if len(sizes) > 3 or apart is None:
        raise Unsaid("it is over other axes than those of positions")
    kernel = tuple([size if one else 1 for size, one in zip(sizes, goes, strict=True)])
    item = _over(draft, operator, draft.map(operator, Flow(x.item, apart)), kernel)
    left = [1 if at in gone else size for at, size in enumerate(dims) if kept or at not in gone]
    return Flow(item, axes.reshaped(draft.natural(item).layout, left) or ())


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
