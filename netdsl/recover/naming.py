"""Names: of blocks by what is in them, of parameters by what they are of, of nodes by what they were called."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass

from netdsl.graph.node import ShapedGraph
from netdsl.layers.table import keywords
from netdsl.recover.blocks import ENLARGING, Blocks
from netdsl.recover.forms import Form, Forms, Item, Value
from netdsl.text.tokens import KEYWORDS

_ROLES = {
    "filters": "n",
    "units": "n",
    "kernel": "k",
    "stride": "stride",
    "padding": "pad",
    "dilation": "dilation",
    "groups": "g",
    "count": "copies",
    "name": "across",
    "like": "across",
    "heads": "heads",
    "rate": "rate",
}
_RANKS = {"n": 0, "k": 2, "stride": 3, "pad": 4, "dilation": 5, "g": 6, "copies": 7}
_RESERVED = {*KEYWORDS, "in", "as", "min", "max", "floor", "ceil", "round"}
_DEFAULTS = {"k", "stride", "pad", "dilation", "g"}


@dataclass(frozen=True)
class Parameter:
    """A parameter of a block: the column of its numbers, and its default."""

    column: int
    name: str
    default: Value | None = None


def parameters(blocks: Blocks, form: int, known: Mapping[int, Sequence[Parameter]]) -> Sequence[Parameter]:
    """The parameters of a block, those with a default last."""
    names = _roles(blocks.forms, blocks.forms[form], known)
    solution, taken = blocks.solutions[form], Counter[str]()
    found: list[Parameter] = []
    for column in solution.parameters:
        role = names.get(column, "n")
        role += "_" * (role in _RESERVED)
        taken[role] += 1
        name = role if taken[role] == 1 else f"{role}{taken[role]}"
        if re.fullmatch(r"[spdgx]\d+", name):
            name = f"{role}_{taken[role]}"
        found.append(Parameter(column, name, _default(blocks, form, column, role)))
    return sorted(found, key=lambda one: (one.default is not None, _RANKS.get(one.name.rstrip("0123456789_"), 1)))


def _default(blocks: Blocks, form: int, column: int, role: str) -> Value | None:
    """The number of most rows, where it is one of those that are rarely said."""
    if role not in _DEFAULTS:
        return None
    counts = Counter(row[column] for row in blocks.rows[form])
    value, times = counts.most_common(1)[0]
    if counts.get(1, 0) == times:
        value = 1
    common = value == 1 or role in ("k", "pad")
    return value if common and 2 * times >= counts.total() else None


def _roles(forms: Forms, one: Form, known: Mapping[int, Sequence[Parameter]]) -> Mapping[int, str]:
    """What the columns of a form are."""
    found = {at: _ROLES.get(hole, hole) for at, hole in enumerate(one.holes)}
    at = len(one.holes)
    for chain in one.chains:
        for item in chain:
            inner = forms[item.form]
            if inner.kind == "call":
                found |= {at + each.column: each.name.rstrip("0123456789_") for each in known[item.form]}
            else:
                found |= {at + column: role for column, role in _roles(forms, inner, known).items()}
            at += inner.arity
    return found


def block_names(blocks: Blocks, classes: Mapping[int, str]) -> Mapping[int, str]:
    """A name for each block: the class that its nodes are of, or else by what is in it."""
    taken = {keyword.lower() for keyword in keywords()} | {"skip", "group", "tap", "aux"}
    found: dict[int, str] = {}
    for form in reversed(blocks.called):
        if form in classes and classes[form] not in taken:
            found[form] = _free(classes[form], taken)
    for form in blocks.called:
        if form not in found:
            found[form] = _free(_kind(blocks.forms, blocks.forms[form].chains[0]), taken)
    return found


def _kind(forms: Forms, chain: Sequence[Item]) -> str:
    """What a block is called by what is in it."""
    inner = [forms[item.form] for item in chain]
    words = _keywords(forms, chain)
    if ENLARGING.intersection(words) and any(word in MERGES for word in words):
        return "up"
    products = [word for word in words if word in _PRODUCTS]
    if len(chain) > 1 and products and any(_repeats(forms, one) for one in inner):
        return "stage"
    if len(chain) == 1 and inner[0].kind == "repeat":
        name = _kind(forms, inner[0].chains[0])
        return name if name == "unit" else f"{name}s"
    forks = [one for one in inner if one.kind == "fork"]
    if len(forks) == 1 and (
        inner[0] is forks[0] or not products or _keywords(forms, forks[0].chains[-1]) == ["CONCAT"]
    ):
        return _fork_kind(forms, forks[0])
    if len(forks) > 1:
        return "stage"
    if "DWCONV" in words:
        inside = products[-1] != "DWCONV" and products[0] != "DWCONV"
        return "inverted" if inside else "separable"
    if len(products) == 1:
        return "dense" if products[0] == "FC" else "unit"
    if "MAXPOOL" in words or "PIXELUNSHUFFLE" in words:
        return "stage"
    if [word for word in products if word != "CONV"]:
        return "head" if "FC" in products else "part"
    return "bottleneck" if len(products) == 3 else "double" if len(products) == 2 else "part"


MERGES = {"ADD", "CONCAT"}


def _repeats(forms: Forms, one: Form) -> bool:
    """Whether an element is a repeat, or a block with one."""
    return one.kind == "repeat" or (
        one.kind == "call" and any(_repeats(forms, forms[item.form]) for item in one.chains[0])
    )


_PRODUCTS = {"CONV", "DWCONV", "DECONV", "FC", "ATTENTION", "LSTM", "GRU"}


def _fork_kind(forms: Forms, one: Form) -> str:
    *branches, [merge] = one.chains
    keyword = (_keywords(forms, [merge]) or [""])[0]
    skips = any(not branch for branch in branches)
    if keyword == "MUL":
        return "gate"
    if keyword == "CONCAT":
        return "dense" if skips else "inception" if len(branches) > 2 else "fire"
    if keyword != "ADD":
        return "fork"
    return "residual" if skips else "down"


def _keywords(forms: Forms, chain: Sequence[Item]) -> list[str]:
    found: list[str] = []
    for item in chain:
        one = forms[item.form]
        if one.layer is not None:
            found.append(one.layer.keyword)
        for inner in one.chains:
            found += _keywords(forms, inner)
    return found


def labels(
    shaped: ShapedGraph, labelled: Sequence[int], taken: Iterable[str], given: Mapping[int, str]
) -> Mapping[int, str]:
    """The label of each node that is named, in their order: as given, as it was called, or else `tap1`."""
    kinds = {*taken, *(keyword.lower() for keyword in keywords())}
    used = set(kinds)
    found: dict[int, str] = {}
    numbers = Counter[str]()
    for index, name in given.items():
        if name not in used and not (index in labelled and automatic_like(name, kinds)):
            found[index] = name
            used.add(name)
    for index in labelled:
        if index in found:
            continue
        path = shaped.graph.output_name(index)
        if "." not in path and path not in used and not automatic_like(path, kinds):
            found[index] = path
            used.add(path)
            continue
        kind = "input" if shaped.nodes[index].layer.keyword == "INPUT" else "tap"
        kind = "aux" if index in shaped.graph.training_outputs else kind
        if kind == "input" and len(shaped.graph.inputs) == 1 and len(shaped.shapes[index].spatial) == 2:
            kind = "image"
        while True:
            numbers[kind] += 1
            name = f"{kind}_{numbers[kind]}" if kind == "input" else f"{kind}{numbers[kind]}"
            name = kind if kind == "image" and numbers[kind] == 1 else name
            if name not in used:
                break
        found[index] = name
        used.add(name)
    return found


def automatic_like(name: str, kinds: Set[str]) -> bool:
    """Whether an element may have a name without a label: `conv2`, or `residual1` where there is such a block."""
    return re.sub(r"_?\d+_*$", "", name) in kinds and bool(re.search(r"\d_*$", name))


def _free(name: str, taken: set[str]) -> str:
    number, found = 1, name
    while found in taken:
        number += 1
        found = f"{name}{number}"
    taken.add(found)
    return found
