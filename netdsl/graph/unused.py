"""What nothing needs: nodes that no output reads, params and blocks that nothing names."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, replace

from netdsl.graph import labels
from netdsl.graph.node import Node
from netdsl.text import tree
from netdsl.text.diagnostic import Diagnostic, Report
from netdsl.text.mistake import Mistake


def needed(nodes: Sequence[Node], outputs: Iterable[int]) -> Set[int]:
    """The nodes that some outputs read, by themselves or through others, with the outputs."""
    kept = set(outputs)
    for index in range(len(nodes) - 1, -1, -1):  # from the last, since a node's inputs are before it
        if index in kept:
            kept.update(nodes[index].inputs)
    return kept


@dataclass(frozen=True, slots=True)
class Reduced:
    """Nodes without those that no output needs."""

    nodes: tuple[Node, ...]
    moved: Mapping[int, int]
    """What number each has by the one that it had, in order."""


class UnusedNode(Mistake, code="unused-node", example="INPUT 8 -> a: FC 4\na -> FC 2\noutput a"):
    path: str
    hint: str
    words = "no output needs {path}, so it is dropped"
    advice = "name it in `output`, or take it away"


class UnusedName(Mistake, code="unused-name", example="param classes = 10\nINPUT 8 -> FC 4"):
    kind: str
    name: str
    words = "nothing uses {kind} {name}"
    advice = "take it away, or use it"


def reduced(nodes: Sequence[Node], outputs: Sequence[int], training: Sequence[int], report: Report) -> Reduced:
    """The nodes that outputs need, some in training alone; of the others it is warned."""
    kept = needed(nodes, (*outputs, *training))
    warn_of_nodes(nodes, kept, report)
    moved = {old: new for new, old in enumerate(sorted(kept))}
    for_inference = needed(nodes, outputs) if training else kept
    return Reduced(tuple([_moved(nodes[old], moved, training=old not in for_inference) for old in moved]), moved)


def _moved(node: Node, moved: Mapping[int, int], training: bool) -> Node:
    inputs = tuple([moved[source] for source in node.inputs])
    if inputs == node.inputs and training == node.training:
        return node
    return replace(node, inputs=inputs, training=training)


def warn_of_nodes(nodes: Sequence[Node], kept: Set[int], report: Report) -> None:
    """Warn of each end among the nodes that are dropped; what led to it alone goes with it."""
    read = {source for node in nodes for source in node.inputs}
    for index, node in enumerate(nodes):
        if index in kept or index in read:
            continue
        mistake = UnusedNode(node.path, labels.dropped(nodes, index, kept))
        report.add(Diagnostic(mistake, node.site.span, calls=tuple(node.calls or ())))


def warn_of_names(file: tree.File, report: Report) -> None:
    """Warn of params and blocks of a file that nothing in it names, unless a misspelt name may have meant them."""
    misspelt = {"unknown-block", "unknown-layer", "unknown-name", "unknown-option"}
    if any(code in misspelt for code, *_ in report.seen):
        return
    params: dict[str, tree.Name] = {}
    blocks: dict[str, tree.Name] = {}
    used = set(file.mentioned)
    called = set(file.mentioned)
    for statement in file.statements:
        own: frozenset[str] = frozenset()
        match statement:
            case tree.Param(name, value):
                params.setdefault(name.text, name)
                used |= _names([value])
            case tree.Meta(_, value) | tree.Expect(value=value):
                used |= _names([value])
            case tree.Block(name, parameters, body):
                blocks.setdefault(name.text, name)
                own = frozenset(parameter.name.text for parameter in parameters)
                defaults = [parameter.default for parameter in parameters if parameter.default is not None]
                used |= _names(defaults) | (_named_in(body) - own)
                called |= _called_in(body)
            case tree.Chain():
                used |= _named_in(statement)
                called |= _called_in(statement)
            case _:
                pass
    for kind, names, found in (("param", params, used), ("block", blocks, called)):
        for text, name in names.items():
            if text not in found:
                report.error(UnusedName(kind, text), name.span)


def _called_in(chain: tree.Chain) -> set[str]:
    """The blocks that a chain calls, or names without brackets, which was reported."""
    primaries = [one.primary for one in tree.elements(chain)]
    called = {primary.name.text for primary in primaries if isinstance(primary, tree.Call)}
    return called | {primary.text for primary in primaries if isinstance(primary, tree.Name)}


def _named_in(chain: tree.Chain) -> set[str]:
    """The names in a chain that stand for values, but for those of the numbers of copies."""
    found: set[str] = set()
    pending: list[tuple[tree.Element, frozenset[str]]] = [(one, frozenset()) for one in chain.elements]
    while pending:
        element, numbers = pending.pop()
        expressions: list[tree.Expression] = []
        if element.repeat is not None:
            found |= _names([element.repeat.value]) - numbers
            if element.repeat.index is not None:
                numbers |= {element.repeat.index.text}
        match element.primary:
            case tree.Layer(arguments=arguments) | tree.Call(arguments=arguments):
                expressions += [argument.value for argument in arguments]
            case tree.Group(inner):
                pending += [(one, numbers) for one in inner.elements]
            case tree.Fork(branches):
                pending += [(one, numbers) for branch in branches for one in branch.elements]
            case tree.Name():
                pass
        if element.device is not None:
            expressions.append(element.device.value)
        found |= _names(expressions) - numbers
    return found


def _names(expressions: Iterable[tree.Expression]) -> set[str]:
    return {name.text for name in tree.names(expressions)}
