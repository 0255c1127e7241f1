"""The program of a network that no program made: a line for each layer, which says what it reads.

    input1: INPUT 8x8x4
    -> stem: CONV 4 3 p1
    -> [ SKIP | input1 ] -> add1: ADD

Its labels are the nodes' paths, with `_` in place of dots.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from math import isfinite

from netdsl.graph.names import automatic
from netdsl.graph.node import Graph, Node
from netdsl.layers.arguments import references
from netdsl.text import printer, tree
from netdsl.text.tokens import NAMES, quoted


def listing(graph: Graph) -> str:
    """The text of a program that makes the same network: its nodes in order, its outputs, facts and claims.

    Left out are claims about what has no node of its own, and facts under names that the language does not have.
    """
    labels = _labels(graph)
    lines = [printer.line(tree.Title(graph.title))]
    lines += [f"meta {key} = {value}" for key, value in facts(graph.meta)]
    lines += ["", *_chains(graph, labels), ""]
    lines += [f"{labels[index]} -> {name}: SKIP" for index, name in graph.output_names.items()]
    for statement, outputs in (("output", graph.outputs), ("output training", graph.training_outputs)):
        names = [graph.output_names.get(index, labels[index]) for index in outputs]
        lines += [f"{statement} {', '.join(names)}"] * bool(names)
    claims = [] if graph.overridden else list(_claims(graph, labels))
    return "\n".join([*lines, *[""] * bool(claims), *claims, ""])


def _labels(graph: Graph) -> Sequence[str]:
    """The label of each node: its path without dots, and with `_` behind it where that is another's name."""
    taken = {node.path for node in graph.nodes} | set(graph.output_names.values())
    labels: list[str] = []
    for node in graph.nodes:
        label = node.path
        if "." in label:
            label = label.replace(".", "_")
            while label in taken:
                label += "_"
            taken.add(label)
        labels.append(label)
    return labels


def facts(meta: Mapping[str, str | int | float]) -> Iterator[tuple[str, str]]:
    """The facts that the language can say, as it writes them."""
    for key, value in meta.items():
        if isinstance(value, str):
            yield key, quoted(value)
        elif NAMES.fullmatch(key) and isfinite(value):
            yield key, str(value)


def _chains(graph: Graph, labels: Sequence[str]) -> Iterator[str]:
    """A line for each node, which goes on with the one before where it reads that."""
    applied = {node.owner for node in graph.nodes if node.shared}
    counts: Counter[str] = Counter()
    for index, node in enumerate(graph.nodes):
        kind = node.layer.keyword.lower()
        counts[kind] += 1
        label, written, device = labels[index], _written(graph, node, labels), f" @{node.device}" * bool(node.device)
        if label != automatic(kind, counts[kind]) or node.shared or kind in applied:
            written = f"{label}: {written}"
        if node.path in applied and device:
            written = f"( {written} )"  # so that it may be applied again on another device
        yield _start(node, index - 1, labels) + written + device


def _start(node: Node, last: int, labels: Sequence[str]) -> str:
    """What leads to a node: the line before, the name of another node, or several of these in a fork."""
    read = node.inputs[: len(node.inputs) - len(references(node.layer))]
    if node.layer.merge:
        names = ["SKIP" if source == last else labels[source] for source in read]
        return f"{'-> ' * (last in read)}[ {' | '.join(names)} ] -> "
    return "".join(["-> " if source == last else f"{labels[source]} -> " for source in read])


def _written(graph: Graph, node: Node, labels: Sequence[str]) -> str:
    """A layer, or the call that applies one again."""
    if node.shared and node.owner in graph.index:
        return f"{labels[graph.index[node.owner]]}()"
    further = references(node.layer)
    read = node.inputs[len(node.inputs) - len(further) :]
    named = {attribute: labels[source] for attribute, source in zip(further, read, strict=True)}
    return replace(node.layer, **named).written if named else node.layer.written


def _claims(graph: Graph, labels: Sequence[str]) -> Iterator[str]:
    """The claims about the whole network and its nodes that say their values themselves."""
    for claim in graph.expectations:
        if any(tree.names([claim.value])):
            continue
        if claim.of is None:
            yield printer.line(claim)
        elif claim.of.text in graph.index:
            yield printer.line(replace(claim, of=replace(claim.of, text=labels[graph.index[claim.of.text]])))
