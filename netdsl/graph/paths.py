"""The paths of nodes that others called: what the language can say stays, and all else gets a name like it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Hashable, Mapping, Set
from typing import TypeGuard

from netdsl.graph.names import automatic, lowered
from netdsl.graph.node import around
from netdsl.text.tokens import KEYWORDS, NAMES

_COPY = re.compile(r"[1-9][0-9]*")


def sayable(path: object) -> TypeGuard[str]:
    """Whether the language can have a path: names in lower case, and numbers of copies behind the first."""
    if not isinstance(path, str):
        return False
    first, *rest = path.split(".")
    named = all(NAMES.fullmatch(one) or _COPY.fullmatch(one) for one in rest)
    return bool(named and NAMES.fullmatch(first)) and KEYWORDS.isdisjoint((first, *rest))


def assign(keywords: Mapping[Hashable, str], others: Set[str] = frozenset()) -> dict[Hashable, str]:
    """The path of each node: what it is called where the language can say that, else a name like it.

    What is not called by a text gets the name that the language would give it, by its keyword: `conv2`. None is made
    that is one of the `others`.
    """
    kept = {node for node in keywords if sayable(node)}
    scopes = {scope for path in kept for scope in around(path)}
    found: dict[Hashable, str] = {node: node for node in kept - scopes}
    taken = {*found.values(), *others}
    counts: Counter[str] = Counter()
    for node, keyword in keywords.items():
        kind = keyword.lower()
        counts[kind] += 1
        if node in found:
            continue
        path = _like(node) if isinstance(node, str) else automatic(_like(kind), counts[kind])
        if not taken.isdisjoint(around(path)):
            path = path.replace(".", "_")
        while path in taken or path in scopes or not sayable(path):
            *scope, last = path.split(".")
            path = ".".join([*scope, f"_{last}" if _COPY.fullmatch(last) else f"{last}_"])
        found[node] = path
        taken.add(path)
        scopes.update(around(path))
    return found


def _like(name: str) -> str:
    """A path that the language can say, perhaps with `_` behind it: `layer1._0.conv1` for `layer1.0.conv1`."""
    parts = map(lowered, name.split("."))
    return ".".join(
        [
            part if _COPY.fullmatch(part) and at else re.sub(r"^(?![a-z_])", "_", part) + "_" * (part in KEYWORDS)
            for at, part in enumerate(parts)
        ]
    )
