"""Labels that name a layer alone where the activation behind it seems to be meant: `e1: CONV 64 3 p1 -> RELU`.

A label names one element. Who reads `e1` reads what the convolution gives, and not the RELU.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence, Set
from functools import cached_property

from netdsl.graph.node import Node
from netdsl.layers.base import FOLLOWERS
from netdsl.layers.shape import Shape
from netdsl.text.advice import Advice, perhaps
from netdsl.text.diagnostic import Diagnostic, Report
from netdsl.text.finding import Related
from netdsl.text.mistake import Mistake
from netdsl.text.source import Span

_MADE = {"convolution", "dense", "recurrent"}
_LABEL = re.compile(r"(?<!\w)([a-z_][a-z0-9_]*)[ \t]*:[ \t]*$")
_LONGEST = 80
_MOST = 20
"""How many layers behind a label are looked at."""
_NAME = re.compile(r"[a-z_]\w*")
_CALL = re.compile(r"(?<!\w)([a-z_]\w*)[ \t]*:[ \t]*(\w*\([^()\n]*\))\s*->\s*$")
"""A call or a group with its label, and the arrow behind it."""
_JOINT = re.compile(r"\s*->\s*")


class UnreadActivation(Mistake, code="suspicious-label", example="INPUT 8 -> a: FC 4 -> RELU\na -> FC 2"):
    last: str
    label: str
    first: str
    hint: str
    words = "nothing reads this {last}: {label} is {first} alone, before it"


class ReadBeforeActivation(
    Mistake, code="suspicious-label", example="INPUT 8 -> e: FC 4 -> RELU -> FC 4 -> [ e | SKIP ] -> CONCAT"
):
    merge: str
    label: str
    last: str
    hint: str
    words = "{merge} reads {label} before its {last}: a label names one element"


def label_of(node: Node) -> str:
    """The label that is written before a layer, or ""."""
    span = node.site.span
    match = _LABEL.search(span.source.text, max(0, span.start - _LONGEST), span.start)
    return match[1] if match else ""


def group(first: Node, last: Node) -> str:
    """How to label all from one layer to another of a chain."""
    span = first.site.span.to(last.site.span)
    inside = " ".join(span.text.split())
    if len(inside) >= 80:
        return "label a group around both"
    words = f"label the group: {label_of(first)}: ( {inside} )"
    return words if first.layer.merge else perhaps(words, f"( {span.text} )", span)  # a merge stays behind its fork


def _led(lead: str, help: str, more: str = "") -> str:
    """Help between some words."""
    return help.among(lead, more) if isinstance(help, Advice) else f"{lead}{help}{more}"


def before(nodes: Sequence[Node], index: int) -> int | None:
    """The labelled layer whose label seems to mean a node behind it in its chain, through activations and the like."""
    at = index
    while nodes[at].layer.role in FOLLOWERS and len(nodes[at].inputs) == 1 and not label_of(nodes[at]):
        (source,) = nodes[at].inputs
        if not _adjoin(nodes[source].site.span, nodes[at].site.span):
            return None
        if label_of(nodes[source]):
            return None if nodes[source].layer.role == "input" else source
        at = source
    return None


def _adjoin(first: Span, second: Span) -> bool:
    """Whether nothing but an arrow stands between two layers."""
    text = first.source.text
    return first.source is second.source and bool(_JOINT.fullmatch(text, first.end, second.start))


def warn(nodes: Sequence[Node], outputs: Set[int], report: Report) -> None:
    """Warn of labels that a merge reads, and of outputs that nobody asked for, where the activation is meant.

    `outputs` are those that no statement names.
    """
    readers = _Readers(nodes)
    for index in sorted(outputs):
        source = before(nodes, index)
        if source is not None and len(readers.of(source)) > 1:
            report.add(_of_output(nodes[source], nodes[index]))
    seen: set[tuple[int, ...]] = set()
    for node in nodes:
        if not node.layer.merge:
            continue
        written = (id(node.site), *[id(nodes[source].site) for source in node.inputs])
        if written in seen:  # a copy, of which there would be nothing else to say
            continue
        seen.add(written)
        named = list(_named(nodes, node))
        for source, branch in named:
            last = _activated(nodes, source, readers)
            if last is not None and len(named) == 1:  # of two layers, both are meant before their activations
                report.add(_of_merge(node, nodes[source], nodes[last], branch))


class _Readers:
    """The nodes that read each, worked out when it is asked for."""

    def __init__(self, nodes: Sequence[Node]) -> None:
        self._nodes = nodes

    @cached_property
    def _found(self) -> dict[int, list[int]]:
        found: dict[int, list[int]] = {}
        for index, node in enumerate(self._nodes):
            for source in node.inputs:
                found.setdefault(source, []).append(index)
        return found

    def of(self, index: int) -> Sequence[int]:
        """Those that read a node, in order."""
        return self._found.get(index, ())


def _named(nodes: Sequence[Node], merge: Node) -> Iterator[tuple[int, Span]]:
    """The inputs of a merge that its fork names by the label of a layer, and where."""
    for source, branch in zip(merge.inputs, merge.site.branches, strict=False):
        short = branch.end - branch.start < _LONGEST
        if short and _NAME.fullmatch(branch.text) and branch.text == label_of(nodes[source]):
            yield source, branch


def mismatch(nodes: Sequence[Node], shapes: Sequence[Shape | None], merge: Node) -> str:
    """The fix where a merge reads one layer of several whose last would give the shape of another branch; or ""."""
    wanted = {shapes[source] for source in merge.inputs}
    for first, _ in _named(nodes, merge):
        last = first
        for following in range(first + 1, min(len(shapes), first + _MOST)):
            node = nodes[following]
            if node.inputs != (last,) or label_of(node) or not _adjoin(nodes[last].site.span, node.site.span):
                break
            last = following
            if shapes[last] != shapes[first] and shapes[last] in wanted:
                label = label_of(nodes[first])
                return _led(f"{label} is {nodes[first].layer.keyword} alone; ", group(nodes[first], nodes[last]))
    return ""


def _activated(nodes: Sequence[Node], source: int, readers: _Readers) -> int | None:
    """The activation right behind a labelled layer, or behind its normalization where a pool follows (an encoder)."""
    if nodes[source].layer.role not in _MADE:
        return None
    at, normalized = source, False
    while following := [one for one in readers.of(at) if before(nodes, one) == source]:
        at = following[0]
        if nodes[at].layer.role == "activation":
            pooled = all(nodes[one].layer.role == "pooling" for one in readers.of(at))
            return at if not normalized or pooled else None
        normalized = True
    return None


def _of_output(first: Node, last: Node) -> Diagnostic:
    label = label_of(first)
    return Diagnostic(
        UnreadActivation(last.layer.keyword, label, first.layer.keyword, _led("to name both, ", group(first, last))),
        last.site.span,
        related=(Related(first.site.span, label),),
        calls=tuple(last.calls or ()),
    )


def _of_merge(merge: Node, first: Node, last: Node, branch: Span) -> Diagnostic:
    label = label_of(first)
    help = _led("", group(first, last), f"; where this is meant, label the {last.layer.keyword} too")
    return Diagnostic(
        ReadBeforeActivation(merge.layer.keyword, label, last.layer.keyword, help),
        branch,
        related=(Related(first.site.span.to(last.site.span), f"{label} is {first.layer.keyword} alone"),),
        calls=tuple(merge.calls or ()),
    )


def dropped(nodes: Sequence[Node], index: int, kept: Set[int]) -> str:
    """The fix where what is dropped is the activation of a label that is read; or ""."""
    source = before(nodes, index)
    if source is None:
        return _of_call(nodes[index], kept)
    if source not in kept:
        return ""
    alone = f"{label_of(nodes[source])} is {nodes[source].layer.keyword} alone; "
    return _led(alone, group(nodes[source], nodes[index]))


def _of_call(node: Node, kept: Set[int]) -> str:
    """The same behind a call or a group with a label: `feat: unit(8) -> RELU`."""
    span = node.site.span
    match = _CALL.search(span.source.text, max(0, span.start - _LONGEST), span.start)
    if match is None or node.layer.role not in FOLLOWERS or not all(source in kept for source in node.inputs):
        return ""
    label, inner = match.groups()
    text = f"{label}: ( {inner} -> {span.text} )"
    whole = Span(span.source, match.start(), span.end)
    return perhaps(f"{label} is {inner} alone; label the group: {text}", text, whole)
