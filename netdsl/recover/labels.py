"""Names of nodes: as they were called, or else after what they are for."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence, Set

from netdsl.graph.node import ShapedGraph
from netdsl.layers.table import keywords

_WORDS = re.compile(r"[a-z]+(?:_[a-z]+)*")


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


def called(shaped: ShapedGraph) -> Sequence[int]:
    """The outputs, if the name of each says something: none that is automatic, and of one output alone no number."""
    kinds = {keyword.lower() for keyword in keywords()}
    names = [shaped.graph.output_name(index) for index in shaped.graph.outputs]
    said = not any("." in name or name in kinds or automatic_like(name, kinds) for name in names)
    return shaped.graph.outputs if said and (len(names) > 1 or _WORDS.fullmatch(names[0])) else ()


def automatic_like(name: str, kinds: Set[str]) -> bool:
    """Whether an element may have a name without a label: `conv2`, or `residual1` where there is such a block."""
    return re.sub(r"_?\d+_*$", "", name) in kinds and bool(re.search(r"\d_*$", name))
