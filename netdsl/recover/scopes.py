"""The names and classes that a source has around its nodes: they become labels, and the names of blocks."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import takewhile
from typing import TypeAlias

from netdsl.graph.names import lowered
from netdsl.graph.node import ShapedGraph
from netdsl.layers.table import keywords
from netdsl.recover.blocks import Blocks
from netdsl.text.tokens import KEYWORDS, NAMES

Scope: TypeAlias = tuple[tuple[str, str], ...]
"""Names and classes from outside in: (("layer1", "Sequential"), ("0", "Bottleneck"))."""

_MOST = 0.6  # of a module that is a block of its name
_UNIT = 3  # layers, so few that a block is called after a module if it is all of it
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


class Modules:
    """The modules of a source by how many nodes are in them, among some: of equal copies, those of the first."""

    def __init__(self, scopes: Sequence[Scope], among: Iterable[int]) -> None:
        self.scopes = scopes
        self._sizes: Counter[Scope] = Counter()
        for node in among:
            self._sizes.update(scopes[node][:end] for end in range(1, len(scopes[node]) + 1))

    def around(self, nodes: Sequence[int]) -> Scope:
        """The scope around all of some nodes."""
        return _common([self.scopes[node] for node in nodes])

    def share(self, nodes: Sequence[int]) -> float:
        """What part some nodes are of the innermost module around them that is more than one layer."""
        scope = self.around(nodes)
        return len(nodes) / self._sizes[scope] if scope else 0

    def fit(self, nodes: Sequence[int]) -> float:
        """How well nodes are what the source has as one: 1 for a module, -1 where they are several that have names."""
        scope = self.around(nodes)
        if any(self._sizes[scope[:end]] == len(nodes) for end in range(1, len(scope) + 1)):
            return 1
        inside = {self.scopes[node][: len(scope) + 1] for node in nodes if len(self.scopes[node]) > len(scope)}
        named = [one for one in inside if self._sizes[one] > 1 and not one[-1][0].isdigit() and one[-1][1]]
        return -1 if len(named) > 1 else 0


def classes(blocks: Blocks, modules: Modules) -> Mapping[int, str]:
    """The class of each block whose nodes are, wherever it is called, a module of that class, or most of one."""
    found: dict[str, tuple[float, int]] = {}
    for form, instances in blocks.instances().items():
        nodes = [nodes for nodes in instances if nodes]
        if blocks.forms[form].kind != "call" or not nodes:
            continue
        names = {scope[-1][1] if (scope := modules.around(one)) else "" for one in nodes}
        share = min(map(modules.share, nodes))
        if len(names) != 1 or names & _CONTAINERS or share < (_MOST if len(nodes[0]) > _UNIT else 1):
            continue
        name = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", names.pop()).lower().strip("_")
        if NAMES.fullmatch(name) and name not in KEYWORDS and "." not in name and found.get(name, (0,))[0] < share:
            found[name] = (share, form)
    return {form: name for name, (_, form) in found.items()}


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
