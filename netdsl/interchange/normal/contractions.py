"""Products of several axes as products of matrices: Einsum, and attention that is one operator."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING

import numpy as np

from netdsl.interchange.normal.draft import Unsaid
from netdsl.interchange.normal.parts import Parts
from netdsl.text.fit import clipped

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from netdsl.interchange.primitives import Operator


def einsum(write: Parts, operator: Operator) -> None:
    """Einsum of one value or of two: axes in another order, a product of matrices, axes in another order."""
    equation = operator.text("equation").replace(" ", "")
    sides, arrow, out = equation.partition("->")
    terms = sides.split(",")
    plain = arrow and all(one.isalpha() and len(set(one)) == len(one) for one in (*terms, out or "a"))
    if not plain or len(terms) != len(operator.inputs) or len(terms) > 2:
        raise Unsaid(f"{clipped(equation, 40)} is no product of two values with each axis once")
    sizes: dict[str, int] = {}
    for term, name in zip(terms, operator.inputs, strict=True):
        dims = write.dims(name)
        if len(dims) != len(term):
            raise Unsaid(f"{term} are not the {len(dims)} axes of its input")
        for letter, size in zip(term, dims, strict=True):
            if sizes.setdefault(letter, size) != size:
                raise Unsaid(f"its axis {letter} has two sizes")
    if not set(out) <= set(sizes):
        raise Unsaid("it gives axes that it does not read")
    first, *others = [_summed(write, *one, others=set(out)) for one in _seen(terms, operator.inputs)]
    if not others:
        term, name = first
        _ordered(write, name, [term.index(letter) for letter in out])
        return
    _product(write, first, others[0], out, sizes)


def _seen(terms: Sequence[str], names: Sequence[str]) -> list[tuple[str, str, set[str]]]:
    """Each term with its value, and the axes that the others have."""
    return [
        (term, name, {letter for other, one in enumerate(terms) if other != at for letter in one})
        for at, (term, name) in enumerate(zip(terms, names, strict=True))
    ]


def _summed(write: Parts, term: str, name: str, there: set[str], *, others: set[str]) -> tuple[str, str]:
    """A value whose axes are summed that nothing else has."""
    gone = [at for at, letter in enumerate(term) if letter not in there | others]
    if gone:
        name = write("ReduceSum", name, write.sizes(*gone), keepdims=0)
    return "".join(letter for at, letter in enumerate(term) if at not in gone), name


def _product(write: Parts, left: tuple[str, str], right: tuple[str, str], out: str, sizes: Mapping[str, int]) -> None:
    """A product of two values: axes of both that stay, those of one, those that are summed, those of the other."""
    (a, first), (b, second) = left, right
    both = [letter for letter in a if letter in b and letter in out]
    summed = [letter for letter in a if letter in b and letter not in out]
    rows, columns = ([letter for letter in one if letter not in other] for one, other in ((a, b), (b, a)))
    one = _laid(write, a, first, (both, rows, summed), sizes)
    other = _laid(write, b, second, (both, summed, columns), sizes)
    made = write("MatMul", one, other)
    order = [*both, *rows, *columns]
    if [len(rows), len(columns)] != [1, 1]:
        made = write("Reshape", made, write.sizes(*[sizes[letter] for letter in order]))
    _ordered(write, made, [order.index(letter) for letter in out])


def _ordered(write: Parts, name: str, order: Sequence[int]) -> None:
    """The whole, with its axes in an order."""
    if [*order] == sorted(order):
        write.last("Identity", name)
    else:
        write.last("Transpose", name, perm=tuple(order))


def _laid(
    write: Parts, term: str, name: str, groups: tuple[list[str], list[str], list[str]], sizes: Mapping[str, int]
) -> str:
    """A value as matrices: its axes in an order, where the last two groups are an axis each."""
    both, *sides = groups
    order = [term.index(letter) for group in groups for letter in group]
    if order != sorted(order):
        name = write("Transpose", name, perm=tuple(order))
    if any(len(side) != 1 for side in sides):
        dims = [*[sizes[letter] for letter in both], *[prod(sizes[letter] for letter in side) for side in sides]]
        name = write("Reshape", name, write.sizes(*dims))
    return name


def attention(write: Parts, operator: Operator) -> None:
    """Attention of opset 23, of queries, keys and values by heads, or by channels with heads in them."""
    given = [*operator.inputs, *[""] * 6]
    query, keys, values, mask, *past = given[:6]
    if any(past) or any(operator.outputs[1:]) or operator.real("softcap", 0):
        raise Unsaid("it keeps keys and values of before, or caps its products")
    rank = len(write.dims(query))
    counts = operator.whole("q_num_heads", 0), operator.whole("kv_num_heads", 0)
    if rank == 3:
        if 0 in counts:
            raise Unsaid("it does not say how many heads it has")
        query = _heads(write, query, counts[0])
        keys, values = (_heads(write, one, counts[1]) for one in (keys, values))
        width = write.dims(given[0])[-1] // counts[0]
    else:
        width = write.dims(query)[-1]
        counts = write.dims(query)[1], write.dims(keys)[1]
    if counts[0] != counts[1]:
        raise Unsaid("its queries have more heads than its keys")
    scale = operator.real("scale", width**-0.5)
    places = write.dims(given[0])[-2], write.dims(given[1])[-2]
    found = _attended(write, (query, keys, values), scale, mask, places if operator.whole("is_causal", 0) else None)
    if rank == 3:
        _joined(write, found, write.dims(given[0]))
    else:
        write.last("Identity", found)


def packed_attention(write: Parts, operator: Operator) -> None:
    """Attention of onnxruntime, whose three projections are one product of what flows in."""
    given = [*operator.inputs, *[""] * 6]
    x, weight, bias, mask, *past = given[:6]
    heads = operator.whole("num_heads", 0)
    if mask or any(past) or any(operator.outputs[1:]) or heads < 1 or "qkv_hidden_sizes" in operator.attributes:
        raise Unsaid("it has a mask, or keeps keys and values of before")
    made = write("MatMul", x, weight)
    made = write("Add", made, bias) if bias else made
    dims = write.dims(x)
    inner = write.dims(weight)[-1] // 3
    ends = [write.sizes(inner * at) for at in range(4)]
    parts = [write("Slice", made, ends[at], ends[at + 1], write.sizes(2)) for at in range(3)]
    width = inner // heads
    query, keys, values = (_heads(write, one, heads) for one in parts)
    causal = operator.whole("unidirectional", 0)
    scale = operator.real("scale", 0) or width**-0.5
    found = _attended(write, (query, keys, values), scale, "", (dims[1], dims[1]) if causal else None)
    _joined(write, found, (*dims[:2], inner))


def _heads(write: Parts, name: str, count: int) -> str:
    """Channels as heads, before the positions."""
    return write("Transpose", write("Reshape", name, write.sizes(0, 0, count, -1)), perm=(0, 2, 1, 3))


def _joined(write: Parts, name: str, dims: Sequence[int]) -> None:
    """Heads as channels again."""
    write.last("Reshape", write("Transpose", name, perm=(0, 2, 1, 3)), write.sizes(0, 0, dims[2]))


def _attended(
    write: Parts, parts: tuple[str, str, str], scale: float, mask: str, causal: tuple[int, int] | None
) -> str:
    """softmax(QKᵀ · scale)V."""
    query, keys, values = parts
    found = write("MatMul", query, write("Transpose", keys, perm=(0, 1, 3, 2)))
    found = write("Mul", found, write.number(scale))
    if causal is not None:
        if causal[0] * causal[1] > 2**24:
            raise Unsaid("its mask has too many positions")
        found = write("Add", found, write.number(np.triu(np.full(causal, -np.inf, np.float32), 1)))
    if mask:
        found = write("Add", found, mask)
    return write("MatMul", write("Softmax", found, axis=-1), values)
