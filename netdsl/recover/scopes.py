"""The names and classes that a source has around its nodes: they become labels, and the names of blocks."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import takewhile
from typing import TypeAlias

from netdsl.graph.names import lowered
from netdsl.graph.node import ShapedGraph
from netdsl.layers.table import keywords
from netdsl.recover.blocks import Blocks
from netdsl.text.tokens import KEYWORDS, NAMES

Scope: TypeAlias = tuple[tuple[str, str], ...]
"""Names and classes from outside in: (("layer1", "Sequential"), ("0", "Bottleneck"))."""

_CONTAINERS = {"", "Sequential", "ModuleList", "ModuleDict", "Module"}


def of(shaped: ShapedGraph, given: Mapping[str, Scope] | None) -> Sequence[Scope]:
    """The scope of each node: as given, or as its path says."""
    if given is not None:
        return [tuple(given.get(node.path, ())) for node in shaped.nodes]
    return [tuple([(name, "") for name in node.path.split(".")[:-1]]) for node in shaped.nodes]


def _counted(name: str) -> bool:
    """Whether a scope may have its name of a block: `stage1`, not `conv2`, since no layer is a scope."""
    stem = re.sub(r"_?\d+_*$", "", name)
    return stem != name and len(stem) > 2 and stem.upper() not in keywords()


def modules(scopes: Sequence[Scope], among: Iterable[int]) -> Callable[[Sequence[int]], bool]:
    """Whether nodes are all that stand in one scope of the source, among some: of equal copies, those of the first."""
    sizes: Counter[Scope] = Counter()
    for node in among:
        sizes.update(scopes[node][:end] for end in range(1, len(scopes[node]) + 1))

    def whole(nodes: Sequence[int]) -> bool:
        scope = _common([scopes[node] for node in nodes])
        return any(sizes[scope[:end]] == len(nodes) for end in range(1, len(scope) + 1))

    return whole


def classes(blocks: Blocks, scopes: Sequence[Scope]) -> Mapping[int, str]:
    """The class of each block whose nodes are wherever it is called those of a module of that class."""
    found: dict[int, str] = {}
    for form, instances in blocks.instances().items():
        if blocks.forms[form].kind != "call":
            continue
        chain = blocks.forms[form].chains[0]
        if len(chain) == 1 and blocks.forms[chain[0].form].kind == "repeat":
            continue  # several modules
        around = [_common([scopes[node] for node in nodes]) for nodes in instances if nodes]
        names = {scope[-1][1] if scope else "" for scope in around}
        if len(names) == 1 and (name := names.pop()) not in _CONTAINERS:
            said = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()
            if NAMES.fullmatch(said) and said not in KEYWORDS and "." not in said:
                found[form] = said
    return found


def labels(chains: Sequence[Sequence[Sequence[int]]], scopes: Sequence[Scope]) -> Mapping[tuple[int, int], str]:
    """The label of each element of the chains, by its nodes: the outermost name that stands around no other of them."""
    around = [[_common([scopes[node] for node in nodes]) for nodes in chain] for chain in chains]
    counts: Counter[Scope] = Counter()
    for chain in chains:
        for nodes in chain:
            counts.update({scopes[node][:end] for node in nodes for end in range(1, len(scopes[node]) + 1)})
    found: dict[tuple[int, int], str] = {}
    taken: set[str] = set()
    for number, chain in enumerate(chains):
        for at, nodes in enumerate(chain):
            scope = around[number][at] if len(nodes) > 1 else ()
            own = [scope[end - 1][0] for end in range(1, len(scope) + 1) if counts[scope[:end]] == 1]
            said = lowered(own[0]) if own else ""
            told = any(name for _, name in scope) or not _counted(said)
            if told and NAMES.fullmatch(said) and said not in KEYWORDS | taken:
                found[number, at] = said
                taken.add(said)
    return found


def _common(scopes: Sequence[Scope]) -> Scope:
    """The scope around all of some."""
    alike = takewhile(lambda names: len(set(names)) == 1, zip(*scopes, strict=False))
    return tuple([names[0] for names in alike])
