"""Rules for what compares two values: by the angle between them, by how far they are apart."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from netdsl.interchange.torch.writing import Given, Unsaid

if TYPE_CHECKING:
    from collections.abc import Callable


def cosine(given: Given) -> None:
    """cosine_similarity: the sum of the products of features of length 1."""
    names = [given.ref(name) for name in ("x1", "x2")]
    dims = given.dims(names[0])
    if given.dims(names[1]) != dims:
        raise Unsaid("its inputs have unequal sizes")
    axis = given.axis("dim", len(dims), 1)
    whole, least = given.writing.whole(axis), given.writing.real(given.float("eps", 1e-8))
    short = (*dims[:axis], 1, *dims[axis + 1 :])
    normal: list[str] = []
    for name in names:
        length = given.step("ReduceL2", short, name, whole, keepdims=1)
        normal.append(given.step("Div", dims, name, given.step("Clip", short, length, least)))
    given.last("ReduceSum", given.step("Mul", dims, *normal), whole, keepdims=0)


def distance(given: Given) -> None:
    """pairwise_distance: the length of a difference, to which a small number is added."""
    if given.float("p", 2) != 2:
        raise Unsaid("it is no length of order 2")
    one, other = given.ref("x1"), given.ref("x2")
    dims = given.dims(one)
    if given.dims(other) != dims:
        raise Unsaid("its inputs have unequal sizes")
    apart = given.step("Sub", dims, one, other)
    apart = given.step("Add", dims, apart, given.writing.real(given.float("eps", 1e-6)))
    given.last("ReduceL2", apart, given.writing.whole(len(dims) - 1), keepdims=int(given.flag("keepdim")))


RULES: Mapping[str, Callable[[Given], None]] = {"cosine_similarity": cosine, "pairwise_distance": distance}
