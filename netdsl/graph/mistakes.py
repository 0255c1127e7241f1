"""Words for what expansion finds wrong."""

from __future__ import annotations

import re

from netdsl.graph.fault import Fault
from netdsl.graph.scope import Scope
from netdsl.layers import table
from netdsl.layers.arguments import arguments_of
from netdsl.layers.base import Layer
from netdsl.text import tree
from netdsl.text.diagnostic import Diagnostic
from netdsl.text.source import Span
from netdsl.text.suggest import closest, did_you_mean

ELSEWHERE = {
    "linear": "FC",
    "dense": "FC",
    "batchnorm": "BN",
    "batchnormalization": "BN",
    "layernorm": "LN",
    "layernormalization": "LN",
    "groupnorm": "GN",
    "groupnormalization": "GN",
    "instancenorm": "IN",
    "localresponsenorm": "LRN",
    "convtranspose": "DECONV",
    "depthwiseconv": "DWCONV",
    "averagepooling": "AVGPOOL",
    "globalaveragepooling": "AVGPOOL global",
    "globalmaxpooling": "MAXPOOL global",
    "concatenate": "CONCAT",
    "cat": "CONCAT",
    "identity": "SKIP",
    "zeropadding": "PAD",
    "swish": "SILU",
    "view": "RESHAPE",
}
"""What PyTorch and Keras call a layer, in lower case and without its number of axes, and how it is written here."""

_MERGES = "CONCAT, ADD, SUB, MUL, MEAN or MAX"


def unknown_layer(written: tree.Layer) -> Fault:
    """A keyword that no layer has."""
    elsewhere = ELSEWHERE.get(re.sub(r"[123]d", "", written.keyword.lower()), "")
    help = did_you_mean(written.keyword, table.keywords()) or "`netdsl layers` lists the layers"
    if elsewhere:
        help = f"it is called {elsewhere} here"
    return Fault("unknown-layer", f"there is no layer {written.keyword}", written.keyword_span, help)


def no_input(span: Span, keyword: str) -> Fault:
    """A layer at the start of a chain."""
    help = "start the chain with INPUT and its dims, such as INPUT 224x224x3, or with the name of something earlier"
    return Fault("no-input", f"nothing flows into {keyword}", span, help)


def misplaced_name(name: tree.Name, scope: Scope) -> Fault:
    """A name behind an arrow."""
    if name.text in scope.module.blocks:
        help = f"to call the block, write {name.text}()"
    elif layer := closest(name.text, table.keywords()):
        help = f"layers are written in capitals: did you mean {layer}?"
    else:
        help = "a name starts a chain or a branch; to apply its element again, write it with ()"
    return Fault("syntax-error", f"the name {name.text} stands in the middle of a chain", name.span, help)


def unknown_block(call: tree.Call, scope: Scope) -> Fault:
    """A call of nothing."""
    known = [*scope.module.blocks, *scope.labels.values()]
    message = f"there is no block {call.name.text}, and no earlier element of that name"
    return Fault("unknown-block", message, call.name.span, did_you_mean(call.name.text, known))


def suspicious_repeat(element: tree.Element, written: tree.Layer, row: type[Layer]) -> Diagnostic | None:
    """`CONV 64 3 x3` reads like a 3x3 kernel, and is three convolutions."""
    repeat = element.repeat
    if repeat is None or repeat.computed or not written.arguments:
        return None
    last = written.arguments[-1]
    if last.tag or last.key or not (isinstance(last.value, tree.Literal) and isinstance(last.value.value, int)):
        return None
    slots = [argument for argument in arguments_of(row) if argument.form == "positional"]
    position = sum(not (one.tag or one.key) for one in written.arguments)
    if not any(slot.kind.many for slot in slots[position - 1 : position]):
        return None
    number, count = last.value.text, repeat.value.span.text
    return Diagnostic(
        "suspicious-repeat",
        f"`{number} x{count}` makes {count} layers, each with {number}",
        last.span.to(repeat.span),
        help=f"write {number}x{count} for dims, or x{{{count}}} for a repeat",
    )


def unmerged(fork: tree.Element) -> Fault:
    """A fork whose branches stay apart."""
    return Fault("fork-without-merge", "nothing merges this fork's branches", fork.span, f"put {_MERGES} behind it")


def not_a_merge(keyword: str, branches: int, span: Span) -> Fault:
    """A layer that takes one input, behind a fork."""
    message = f"{keyword} takes one input, but a fork gives {branches}"
    return Fault("fork-without-merge", message, span, f"put {_MERGES} between the fork and {keyword}")


def merge_without_fork(keyword: str, span: Span) -> Fault:
    """A merge layer that no fork stands before."""
    help = f"put a fork before it: [ a | b ] -> {keyword}"
    return Fault("merge-without-fork", f"{keyword} has no fork to merge", span, help)


def misplaced_input(span: Span) -> Fault:
    """INPUT behind something that flows."""
    help = "start a chain of its own with it; a fork `[ a | b ] -> CONCAT` merges two"
    return Fault("misplaced-input", "INPUT starts a chain, but something flows in here", span, help)
