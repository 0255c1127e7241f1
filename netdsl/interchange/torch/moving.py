"""Rules for what moves values: reshapes, permutations, cuts and joins."""

from __future__ import annotations

from collections.abc import Mapping
from math import prod
from typing import TYPE_CHECKING

from netdsl.interchange.torch.writing import Given, Unsaid

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from netdsl.interchange.primitives import Dims


def reshaped(given: Given) -> None:
    """view, reshape, flatten, unflatten and their kin: what matters is the size that they give."""
    x = given.ref("self")
    states = given.writing.states.get(x, [])
    if states and given.gives == (len(states), *given.dims(states[0])):
        given.writing.layers[given.call.outputs[0]] = states
    given.reshaped(x)


def same(given: Given) -> None:
    """What changes where or how values lie, and not which they are."""
    given.same(given.ref("self" if given.has("self") else "input"))


def dropout(given: Given) -> None:
    """dropout, which does nothing in inference; one that never does anything is nothing."""
    x, rate = given.ref("self" if given.has("self") else "input"), given.float("p", 0.5)
    if given.flag("train"):
        raise Unsaid("it drops values in inference, too")
    if rate:
        given.last("Dropout", x, given.writing.real(rate))
    else:
        given.same(x)


def permuted(given: Given, x: str, order: Dims) -> None:
    """What the call gives is a value with its axes in another order."""
    if order == tuple(range(len(order))):
        given.same(x)
    else:
        given.last("Transpose", x, perm=order)


def permute(given: Given) -> None:
    """permute."""
    x = given.ref("self")
    permuted(given, x, given.axes("dims", len(given.dims(x))))


def swapped(first: str, second: str) -> Callable[[Given], None]:
    """transpose, swapaxes: two axes change places."""

    def rule(given: Given) -> None:
        x = given.ref("self")
        rank = len(given.dims(x))
        order = list(range(rank))
        a, b = given.axis(first, rank), given.axis(second, rank)
        order[a], order[b] = order[b], order[a]
        permuted(given, x, tuple(order))

    return rule


def turned(given: Given) -> None:
    """t and numpy_T: all axes the other way round."""
    x = given.ref("self")
    permuted(given, x, tuple(range(len(given.dims(x))))[::-1])


def mirrored(given: Given) -> None:
    """mT: the last two axes change places."""
    x = given.ref("self")
    rank = len(given.dims(x))
    permuted(given, x, (*range(rank - 2), rank - 1, rank - 2))


def movedim(given: Given) -> None:
    """movedim: some axes to other places, the others stay in order."""
    x = given.ref("self")
    rank = len(given.dims(x))
    goes = dict(zip(given.axes("destination", rank), given.axes("source", rank), strict=True))
    rest = iter([axis for axis in range(rank) if axis not in goes.values()])
    permuted(given, x, tuple([goes[at] if at in goes else next(rest) for at in range(rank)]))


def squeeze(given: Given) -> None:
    """squeeze: axes of one place vanish."""
    x = given.ref("self")
    dims = given.dims(x)
    axes = tuple([axis for axis in given.axes("dim", len(dims)) if dims[axis] == 1])
    if axes:
        given.last("Squeeze", x, given.writing.whole(*axes))
    else:
        given.same(x)


def unsqueeze(given: Given) -> None:
    """unsqueeze: an axis of one place."""
    x = given.ref("self")
    given.last("Unsqueeze", x, given.writing.whole(given.axis("dim", len(given.dims(x)) + 1)))


def expand(given: Given) -> None:
    """expand, expand_as, broadcast_to."""
    x, gives = given.ref("self"), given.gives
    if given.dims(x) == gives or (len(given.dims(x)) == len(gives) and _stretches(given)):
        given.same(x)
    else:
        given.last("Expand", x, given.writing.whole(*gives))


def _stretches(given: Given) -> bool:
    """Whether all that reads what the call gives would stretch it anyway, to meet a value that is as large."""
    output, dims = given.call.outputs[0], given.writing.program.dims
    makers = given.writing.makers
    for reader in given.writing.readers.get(output, []):
        others = [name for name in reader.refs() if name != output]
        if reader.operator not in ("mul", "add", "sub", "div") or len(others) != 1 or dims[others[0]] != given.gives:
            return False
        if others[0] in makers and makers[others[0]].operator in ("expand", "expand_as", "broadcast_to"):
            return False
    return all(value != output for _, value in given.writing.program.outputs)


def cut(given: Given, x: str, output: str, axis: int, start: int, end: int, step: int = 1) -> None:
    """An output is some places of an axis."""
    size = given.dims(x)[axis]
    if (start, step) == (0, 1) and end >= size:
        given.writing.values[output] = x
        return
    whole = given.writing.whole
    inputs = (x, whole(start), whole(min(end, size)), whole(axis), whole(step))
    given.write("Slice", inputs, (output,), {})


def sliced(given: Given) -> None:
    """slice: places from one on to another."""
    x = given.ref("self")
    dims = given.dims(x)
    axis = given.axis("dim", len(dims))
    start, end, step = slice(given.value("start"), given.value("end"), given.int("step", 1)).indices(dims[axis])
    if axis == 0 and x in given.writing.states and 0 <= start < end and step == 1:
        (first, start), (last, place) = _state(given, x, start), _state(given, x, end - 1)
        x, end = (first, place + 1) if first == last else (x, end)
    cut(given, x, given.call.outputs[0], axis, start, end, step)


def narrow(given: Given) -> None:
    """narrow: some places from one on."""
    x = given.ref("self")
    dims = given.dims(x)
    axis = given.axis("dim", len(dims))
    start = given.int("start") % max(1, dims[axis])
    cut(given, x, given.call.outputs[0], axis, start, start + given.int("length"))


def select(given: Given) -> None:
    """select: one place of an axis, which vanishes."""
    x = given.ref("self")
    dims = given.dims(x)
    axis = given.axis("dim", len(dims))
    place = given.int("index")
    place = place if place == -1 else place % max(1, dims[axis])
    if axis == 0 and x in given.writing.layers:
        given.same(given.writing.layers[x][place])
        return
    if axis == 0 and x in given.writing.states:
        x, place = _state(given, x, place)
    given.last("Gather", x, given.place(place), axis=axis)


def _state(given: Given, x: str, place: int) -> tuple[str, int]:
    """The state of one layer, in which a place of several states stands, and where."""
    states = given.writing.states[x]
    each = given.dims(states[0])[0]
    place %= each * len(states)
    return states[place // each], place % each


def split(given: Given) -> None:
    """split, chunk, split_with_sizes, tensor_split: parts of an axis, of the sizes that they have."""
    x = given.ref("self")
    rank = len(given.dims(x))
    axis = given.axis("dim", rank)
    outputs = given.call.outputs
    sizes = tuple([given.dims(name)[axis] for name in outputs])
    if len(outputs) == 1:
        given.same(x)
    elif sum(sizes) == given.dims(x)[axis]:
        given.write("Split", (x, given.writing.whole(*sizes)), outputs, {"axis": axis})
    else:
        raise Unsaid(f"its parts of {sizes} are not all of {given.dims(x)[axis]}")


def unbind(given: Given) -> None:
    """unbind: each place of an axis by itself."""
    x = given.ref("self")
    axis = given.axis("dim", len(given.dims(x)))
    for place, output in enumerate(given.call.outputs):
        given.write("Gather", (x, given.place(place)), (output,), {"axis": axis})


def concat(given: Given) -> None:
    """cat; what is empty is left out."""
    axis = given.axis("dim", len(given.gives))
    parts = [one for one in given.refs("tensors") if prod(given.dims(one))]
    if len(parts) == 1:
        given.same(parts[0])
    else:
        given.last("Concat", *parts, axis=axis)


def stack(given: Given) -> None:
    """stack: parts side by side along an axis of their own."""
    axis = given.axis("dim", len(given.gives))
    parts: list[str] = []
    for one in given.refs("tensors"):
        dims = given.dims(one)
        parts.append(given.step("Unsqueeze", (*dims[:axis], 1, *dims[axis:]), one, given.writing.whole(axis)))
    given.last("Concat", *parts, axis=axis)


def pad(given: Given) -> None:
    """pad, constant_pad_nd, reflection_pad and replication_pad: pairs from the last axis on."""
    x = given.ref("self")
    rank = len(given.dims(x))
    pairs = given.ints("pad") or given.ints("padding")
    operator = given.call.operator
    mode = "reflect" if "reflection" in operator else "edge" if "replication" in operator else "constant"
    mode = {"replicate": "edge", "circular": "wrap"}.get(given.text("mode", mode), given.text("mode", mode))
    before, after = [0] * rank, [0] * rank
    for at in range(len(pairs) // 2):
        before[rank - 1 - at], after[rank - 1 - at] = pairs[2 * at], pairs[2 * at + 1]
    if min(pairs, default=0) < 0 < max(pairs):
        raise Unsaid("it pads and cuts")
    if not any(pairs):
        given.same(x)
    elif min(pairs) < 0:
        ends = [size + cut for size, cut in zip(given.dims(x), after, strict=True)]
        whole = given.writing.whole
        given.last("Slice", x, whole(*[-one for one in before]), whole(*ends), whole(*range(rank)))
    elif mode == "wrap":
        _wrapped(given, x, before, after)
    else:
        value = given.float("value", 0)
        constant = given.writing.real(value) if value else ""
        given.last("Pad", x, given.writing.whole(*before, *after), constant, mode=mode)


def _wrapped(given: Given, x: str, before: Sequence[int], after: Sequence[int]) -> None:
    """Axes with their end before and their beginning behind them."""
    whole, wide = given.writing.whole, [at for at, pair in enumerate(zip(before, after, strict=True)) if any(pair)]
    for axis in wide:
        dims = given.dims(x)
        size, around = dims[axis], [dims[:axis], dims[axis + 1 :]]
        ends = [(size - before[axis], size), (0, after[axis])]
        front, back = (
            [given.step("Slice", (*around[0], b - a, *around[1]), x, whole(a), whole(b), whole(axis), whole(1))]
            if b > a
            else []
            for a, b in ends
        )
        parts, grown = [*front, x, *back], (*around[0], size + before[axis] + after[axis], *around[1])
        if axis == wide[-1]:
            given.last("Concat", *parts, axis=axis)
        else:
            x = given.step("Concat", grown, *parts, axis=axis)


def repeat(given: Given) -> None:
    """repeat: a value several times along its axes, and along new ones before them."""
    x, times = given.ref("self"), given.ints("repeats")
    dims = (*[1] * (len(times) - len(given.dims(x))), *given.dims(x))
    if len(dims) > len(given.dims(x)):
        x = given.step("Reshape", dims, x, given.writing.whole(*dims))
    if set(times) == {1}:
        given.same(x)
    else:
        given.last("Tile", x, given.writing.whole(*times))


def interleaved(given: Given) -> None:
    """repeat_interleave along an axis of positions: each value several times, one after the other."""
    x, times = given.ref("self"), given.int("repeats")
    rank = len(given.dims(x))
    axis = given.axis("dim", rank)
    factors = given.writing.factors(tuple([float(times) if at == axis else 1.0 for at in range(rank)]))
    how = {"mode": "nearest", "coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"}
    given.last("Resize", x, "", factors, **how)


def roll(given: Given) -> None:
    """roll: the end of an axis before its beginning."""
    x = given.ref("self")
    dims = given.dims(x)
    shifts, axes = given.ints("shifts"), given.axes("dims", len(dims))
    pairs = [(shift % dims[axis], axis) for shift, axis in zip(shifts, axes, strict=False) if shift % dims[axis]]
    whole = given.writing.whole
    if not pairs:
        given.same(x)
    for number, (shift, axis) in enumerate(pairs, 1):
        size = dims[axis]
        sizes = [(*dims[:axis], one, *dims[axis + 1 :]) for one in (shift, size - shift)]
        behind = given.step("Slice", sizes[0], x, whole(size - shift), whole(size), whole(axis), whole(1))
        front = given.step("Slice", sizes[1], x, whole(0), whole(size - shift), whole(axis), whole(1))
        if number == len(pairs):
            given.last("Concat", behind, front, axis=axis)
        else:
            x = given.step("Concat", dims, behind, front, axis=axis)


def index(given: Given) -> None:
    """index by one list of places, of constants: what looks values up in a table."""
    x = given.ref("self")
    value = given.call.arguments.get("indices")
    several = value if isinstance(value, tuple) else ()
    places = [at for at, one in enumerate(several) if one is not None]
    found = given.refs("indices")
    if len(places) != 1 or found[0] not in given.writing.constants:
        raise Unsaid("what it reads depends on what flows")
    given.last("Gather", x, found[0], axis=places[0])


_SAME: Sequence[str] = (
    *("alias", "clone", "contiguous", "detach", "lift_fresh_copy", "lift_fresh", "lift", "to", "_to_copy"),
    *("type_as", "float", "requires_grad", "positive", "resolve_conj", "resolve_neg"),
)
_DROPOUTS: Sequence[str] = (
    *("dropout", "feature_dropout", "native_dropout", "alpha_dropout", "feature_alpha_dropout"),
)
_RESHAPES: Sequence[str] = (
    *("view", "reshape", "_unsafe_view", "flatten", "unflatten", "view_as", "reshape_as", "ravel", "_reshape_copy"),
)
RULES: Mapping[str, Callable[[Given], None]] = {
    **dict.fromkeys(_SAME, same),
    **dict.fromkeys(_RESHAPES, reshaped),
    "view_copy": reshaped,
    "permute": permute,
    "transpose": swapped("dim0", "dim1"),
    "swapaxes": swapped("axis0", "axis1"),
    "swapdims": swapped("dim0", "dim1"),
    "t": turned,
    "mT": mirrored,
    "numpy_T": turned,
    "movedim": movedim,
    "moveaxis": movedim,
    "squeeze": squeeze,
    "unsqueeze": unsqueeze,
    "expand": expand,
    "expand_as": expand,
    "broadcast_to": expand,
    "slice": sliced,
    "narrow": narrow,
    "select": select,
    "split": split,
    "split_with_sizes": split,
    "chunk": split,
    "tensor_split": split,
    "unsafe_split": split,
    "unsafe_chunk": split,
    "unbind": unbind,
    "cat": concat,
    "concat": concat,
    "concatenate": concat,
    "stack": stack,
    "pad": pad,
    "constant_pad_nd": pad,
    **{f"{kind}_pad{rank}d": pad for kind in ("reflection", "replication") for rank in (1, 2, 3)},
    "roll": roll,
    "repeat": repeat,
    "repeat_interleave": interleaved,
    "index": index,
    "index_select": lambda given: given.last(
        "Gather", x := given.ref("self"), given.ref("index"), axis=given.axis("dim", len(given.dims(x)))
    ),
    **dict.fromkeys(_DROPOUTS, dropout),
}
