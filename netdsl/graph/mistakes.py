"""Words for what expansion finds wrong."""

from __future__ import annotations

import re
from collections.abc import Container, Iterator, Sequence
from itertools import chain

from netdsl.graph.fault import Fault
from netdsl.graph.scope import Scope
from netdsl.layers import table
from netdsl.layers.arguments import arguments_of
from netdsl.layers.base import Layer
from netdsl.text import elsewhere, tree
from netdsl.text.diagnostic import Diagnostic
from netdsl.text.fit import listed
from netdsl.text.source import Span
from netdsl.text.statements import KEYWORDS
from netdsl.text.suggest import closest, did_you_mean

_MOST, _LONGEST = 12, 80
_MERGES = "CONCAT, ADD, SUB, MUL, MEAN or MAX"


def unknown_layer(written: tree.Layer, blocks: Container[str], behind_fork: bool) -> Fault:
    """A keyword that no layer has."""
    keyword = written.keyword
    arguments = [argument.span.text for argument in written.arguments[:_MOST]]
    call = f"{keyword.lower()}({', '.join(arguments)})"
    foreign = elsewhere.find(keyword)
    if keyword.lower() in blocks:
        help = f"to call the block, write {call}"
    elif behind_fork and foreign and "->" in foreign.here:
        help = f"write {foreign.here.split()[-1]}"
    elif absent := elsewhere.absent(keyword):
        help = absent
    elif here := elsewhere.written(keyword, arguments):
        help = f"write {here}"
    elif foreign:
        help = f"it is called {foreign.here} here"
    else:
        block = f"; a block is called in lower case: {call}" if arguments else ""
        help = did_you_mean(keyword, table.keywords()) or f"`netdsl layers` lists the layers{block}"
    return Fault("unknown-layer", f"there is no layer {keyword}", written.keyword_span, help)


def no_input(span: Span, keyword: str) -> Fault:
    """A layer at the start of a chain."""
    help = "start the chain with INPUT and its dims, such as INPUT 224x224x3, or with the name of something earlier"
    if _follows_chain(span):
        help = f"to go on with the chain above, start the line with ->: -> {span.text.partition(chr(10))[0]}"
    return Fault("no-input", f"nothing flows into {keyword}", span, help)


def _follows_chain(span: Span) -> bool:
    """Whether a line starts here, and the last line with code above is part of a chain."""
    *above, before = span.source.text[max(0, span.start - 400) : span.start].split("\n")
    last = next((line.strip() for line in reversed(above) if line.strip() and not line.strip().startswith("#")), "")
    return not before.strip() and bool(last) and last.split()[0] not in KEYWORDS


def misplaced_name(name: tree.Name, scope: Scope) -> Fault:
    """A name behind an arrow."""
    if runs_in := _of_line_before(name.span):
        help = runs_in
    elif of := scope.module.blocks.get(name.text):
        needed = [one.name.text for one in of.block.parameters if one.default is None]
        help = f"to call the block, write {name.text}({listed(needed)})"
    elif name.text in _labels(scope):
        help = f"a name starts a chain or a branch; to apply its element again, write {name.text}()"
        behind = name.span.source.text[name.span.end : name.span.end + 80]
        if merge := re.match(rf"\s*->\s*({_MERGES.replace(', ', '|').replace(' or ', '|')})\b", behind):
            help = f"a merge takes what a fork gives: [ SKIP | {name.text} ] -> {merge[1]}"
    elif absent := elsewhere.absent(name.text):
        help = absent
    elif layer := _layer(name.text, ()) or closest(name.text, table.keywords()):
        help = f"layers are written in capitals: did you mean {layer}?"
    else:
        before = name.span.source.text[max(0, name.span.start - 80) : name.span.start]
        element = re.search(r"([A-Z][^|>\[\](){}:-]*[^|>\[\](){}:\s-])\s*->\s*$", before)
        label = f"{name.text}: {element[1] if element else 'CONV 64 3'}"
        help = f"a name starts a chain or a branch; a label stands before its element: {label}"
    return Fault("syntax-error", f"the name {name.text} stands in the middle of a chain", name.span, help)


def unknown_block(call: tree.Call, scope: Scope) -> Fault:
    """A call of nothing."""
    name = call.name.text
    message = f"there is no block {name}, and no earlier element of that name"
    if name in scope.labels.values() and name not in scope.entries:
        help = f"move this behind {name}"
    elif "." in name and (own := name.rpartition(".")[2]) in scope.module.blocks:
        help = f"write {own}({', '.join(argument.span.text for argument in call.arguments[:_MOST])})"
    elif layer := _layer(name, [argument.span.text for argument in call.arguments]):
        help = f"layers are written in capitals, without brackets or commas: {layer}"
    else:
        help = (
            did_you_mean(name, chain(scope.module.blocks, _labels(scope))) or f"define block {name}, or `use` its file"
        )
    return Fault("unknown-block", message, call.name.span, help)


def _labels(scope: Scope) -> Iterator[str]:
    """The labels that were written before this place, those of the innermost scope first."""
    for one in scope.outward():
        yield from (name for name, entry in one.entries.items() if entry.element.label is not None)


def _layer(word: str, arguments: Sequence[str]) -> str:
    """What a word in lower case means if it is the name of a layer, here or in another tool; or ""."""
    if elsewhere.find(word) and (here := elsewhere.called(word, arguments)):
        return here
    return " ".join((word.upper(), *arguments)) if word.upper() in table.keywords() else ""


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


def lone_branch(merge: tree.Layer, fork: tree.Primary) -> Diagnostic | None:
    """`[ a -> SKIP ] -> ADD`: a merge of one branch gives what the branch does."""
    if not isinstance(fork, tree.Fork) or len(fork.branches) != 1:
        return None
    *before, last = fork.branches[0].elements
    help = f"separate its branches by |, or take the fork and {merge.keyword} away"
    if before and isinstance(last.primary, tree.Layer) and last.primary.keyword == "SKIP":
        branch = before[0].span.to(before[-1].span)
        shown = branch.text if branch.end - branch.start < _LONGEST and "\n" not in branch.text else "…"
        help = f"branches are separated by |: [ {shown} | SKIP ] -> {merge.keyword}"
    message = f"{merge.keyword} merges one branch, and gives what that gives"
    return Diagnostic("lone-branch", message, fork.span, help=help)


def section(fork: tree.Fork) -> Fault | None:
    """A chain that is one name in square brackets, as Darknet writes sections: `[convolutional]`."""
    elements = [element for branch in fork.branches for element in branch.elements]
    if len(elements) != 1 or not isinstance(elements[0].primary, tree.Name):
        return None
    foreign = elsewhere.find(elements[0].span.text)
    help = "layers stand in a chain, without sections" + (f": -> {foreign.here}" if foreign else "")
    return Fault("fork-without-merge", f"nothing merges the one branch {fork.span.text}", fork.span, help)


def unmerged(fork: tree.Element) -> Fault:
    """A fork whose branches stay apart."""
    text, span = fork.span.source.text, fork.span
    around = text[max(0, span.start - 80) : span.start].rstrip()[-1:] + text[span.end : span.end + 80].lstrip()[:1]
    help = "one pair of brackets is enough" if around == "[]" else f"put {_MERGES} behind it"
    return Fault("fork-without-merge", "nothing merges this fork's branches", span, help)


def not_a_merge(keyword: str, branches: int, span: Span) -> Fault:
    """A layer that takes one input, behind a fork."""
    message = f"{keyword} takes one input, but a fork gives {branches}"
    return Fault("fork-without-merge", message, span, f"put {_MERGES} between the fork and {keyword}")


def misused_merge(written: tree.Layer, fork: tree.Element | None, flows: bool) -> Fault | None:
    """A merge layer that no fork stands before, or with the names of what it should merge behind it."""
    names = merged(written)
    if fork is None and written.arguments:
        return merge_without_fork(written.keyword, written.span, flows, names)
    if fork is not None and isinstance(fork.primary, tree.Fork) and names:
        return names_behind_merge(written, fork.primary, names)
    return None


def merge_without_fork(keyword: str, span: Span, flows: bool, names: Sequence[str] = ()) -> Fault:
    """A merge layer that no fork stands before, perhaps with the names of what it should merge: `ADD conv1`."""
    branches = names if len(names) > 1 else [*(names or ["a"]), "SKIP" if flows else "b"]
    help = f"put a fork before it: [ {' | '.join(branches)} ] -> {keyword}"
    return Fault("merge-without-fork", f"{keyword} has no fork to merge", span, help)


def names_behind_merge(written: tree.Layer, fork: tree.Fork, names: Sequence[str]) -> Fault:
    """The names of further branches behind a merge layer: `[ a | b ] -> ADD c`."""
    span = fork.branches[0].span.to(fork.branches[-1].span)
    branches = " | ".join([span.text if span.end - span.start < _LONGEST else "…", *names[:_MOST]])
    help = f"what is merged stands in the fork: [ {branches} ] -> {written.keyword}"
    return Fault("unknown-option", f"{written.keyword} has no flag {names[0]}", written.arguments[0].span, help)


def merged(written: tree.Layer) -> list[str]:
    """The names behind a merge layer, which takes none, if there is nothing else."""
    bare = [one for one in written.arguments if isinstance(one.value, tree.Name) and one.key is None]
    return [one.span.text for one in bare] if len(bare) == len(written.arguments) else []


def misplaced_input(span: Span) -> Fault:
    """INPUT behind something that flows."""
    help = _of_line_before(span) or "start a chain of its own with it, and merge both: [ a | b ] -> CONCAT"
    head = span.source.text[max(0, span.start - 80) : span.start]
    if re.search(r"block\s[^=\n]*\)\s*=\s*$", head):
        help = "leave it out: a block takes what flows in where it is called"
    return Fault("misplaced-input", "INPUT starts a chain, but something flows in here", span, help)


def _of_line_before(span: Span) -> str:
    """That a line runs into this one, if that is so; the mistake may be there."""
    before = span.source.text[max(0, span.start - 200) : span.start]
    found = re.search(r"(->|:)[ \t]*(#[^\n]*)?\n\s*$", before)
    return f"the line before ends with `{found[1]}`, so that its chain goes on here" if found else ""


def applied_in_itself(again: tree.Call) -> Fault:
    """`g: ( RELU -> g() )`."""
    message = f"{again.name.text} applies itself"
    return Fault("recursive-block", message, again.span, "use a repeat, such as x3, or another element's name")


def not_an_element(again: tree.Call) -> Fault:
    """A label of SKIP or a name, applied again."""
    message = f"{again.name.text} names what another element gives, and cannot be applied"
    return Fault("unknown-block", message, again.span, f"read it without (): {again.name.text} -> …")


def behind_skip(span: Span) -> Fault:
    """What stands behind SKIP, as a branch without its bar may."""
    return Fault("extra-argument", "SKIP takes no arguments", span, f"branches are separated by |: SKIP | {span.text}")
