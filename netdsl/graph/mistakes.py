"""What expansion finds wrong, and its words."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import chain

from netdsl.graph.scope import Scope, as_layer
from netdsl.layers import table
from netdsl.layers.arguments import arguments_of
from netdsl.layers.base import Layer
from netdsl.text import absent, elsewhere, tree
from netdsl.text.advice import Advice, perhaps, write
from netdsl.text.fit import listed
from netdsl.text.mistake import Mistake
from netdsl.text.source import Span
from netdsl.text.suggest import closest, did_you_mean
from netdsl.text.tokens import KEYWORDS

_MOST, _LONGEST = 12, 80
_MERGES = "CONCAT, ADD, SUB, MUL, MEAN or MAX"


class UnknownLayer(Mistake, code="unknown-layer", example="INPUT 28x28x1 -> CNOV 6 5"):
    """A keyword that no layer has."""

    written: tree.Layer
    is_block: bool
    """Whether a block has that name in lower case."""
    behind_fork: bool
    words = "there is no layer {written.keyword}"

    def help(self) -> str:
        keyword, span = self.written.keyword, self.written.span
        arguments = [argument.span.text for argument in self.written.arguments[:_MOST]]
        call = f"{keyword.lower()}({', '.join(arguments)})"
        foreign = elsewhere.find(keyword)
        if self.is_block:
            return write(call, span, "to call the block, write ")
        if self.behind_fork and foreign and "->" in foreign.here:
            return write(foreign.here.split()[-1], None if arguments else span)
        if instead := absent.instead(keyword):
            return instead
        if here := elsewhere.written(keyword, arguments):
            one = not re.search(r" or |\[", here) and here.isascii() and len(self.written.arguments) <= _MOST
            labelled = ":" in here and span.source.text[max(0, span.start - 80) : span.start].rstrip()[-1:] == ":"
            whole = Advice(f"write {here}", here, span.start, span.end, certain=":" not in here)
            return whole if one and not labelled else str(whole)
        if foreign:
            words = f"it is called {foreign.here} here"
            one = not arguments and not re.search(r" or |\[", foreign.here)
            return Advice(words, foreign.here) if one else words
        block = f"; a block is called in lower case: {call}" if arguments else ""
        return did_you_mean(keyword, table.keywords()) or f"`netdsl layers` lists the layers{block}"


class NoInput(Mistake, code="no-input", example="CONV 6 5 -> RELU"):
    """A layer at the start of a chain."""

    span: Span
    keyword: str
    words = "nothing flows into {keyword}"

    def help(self) -> str:
        if _follows_chain(self.span):
            line = self.span.text.partition("\n")[0]
            words = f"to go on with the chain above, start the line with ->: -> {line}"
            return Advice(words, "-> ", self.span.start, self.span.start, certain=False)
        return "start the chain with INPUT and its dims, such as INPUT 224x224x3, or with the name of something earlier"


def _follows_chain(span: Span) -> bool:
    """Whether a line starts here, and the last line with code above is part of a chain."""
    *above, before = span.source.text[max(0, span.start - 400) : span.start].split("\n")
    last = next((line.strip() for line in reversed(above) if line.strip() and not line.strip().startswith("#")), "")
    return not before.strip() and bool(last) and last.split()[0] not in KEYWORDS


class MisplacedName(Mistake, code="syntax-error", example="INPUT 8 -> a: RELU -> a -> BN"):
    name: str
    hint: str
    words = "the name {name} stands in the middle of a chain"


def misplaced_name(name: tree.Name, scope: Scope) -> MisplacedName:
    """A name behind an arrow, with help by what it is of."""
    text = name.text
    if runs_in := _of_line_before(name.span):
        help = runs_in
    elif of := scope.unit.blocks.get(text):
        needed = [one.name.text for one in of.block.parameters if one.default is None]
        help = f"to call the block, write {text}({listed(needed)})"
        help = help if needed else write(f"{text}()", rule="to call the block, write ")
    elif text in _labels(scope):
        help = f"a name starts a chain or a branch; to apply its element again, write {text}()"
        behind = name.span.source.text[name.span.end : name.span.end + 80]
        if merge := re.match(rf"\s*->\s*({_MERGES.replace(', ', '|').replace(' or ', '|')})\b", behind):
            fork = f"[ SKIP | {text} ]"
            help = Advice(f"a merge takes what a fork gives: {fork} -> {merge[1]}", fork)
    elif instead := absent.instead(text):
        help = instead
    elif layer := as_layer(text, ()):
        help = Advice(f"layers are written in capitals: did you mean {layer}?", layer)
    elif layer := closest(text, table.keywords()):
        help = perhaps(f"layers are written in capitals: did you mean {layer}?", layer)
    else:
        before = name.span.source.text[max(0, name.span.start - 80) : name.span.start]
        element = re.search(r"([A-Z][^|>\[\](){}:-]*[^|>\[\](){}:\s-])\s*->\s*$", before)
        label = f"{text}: {element[1] if element else 'CONV 64 3'}"
        help = f"a name starts a chain or a branch; a label stands before its element: {label}"
    return MisplacedName(text, help)


class UnknownBlock(Mistake, code="unknown-block", example="block unit(n) = FC n\nINPUT 8 -> unti(8)"):
    name: str
    hint: str
    words = "there is no block {name}, and no earlier element of that name"


def unknown_block(call: tree.Call, scope: Scope) -> UnknownBlock:
    """A call of nothing, with help by what its name may be of."""
    name, arguments = call.name.text, [argument.span.text for argument in call.arguments]
    if name in scope.labels.values() and name not in scope.entries:
        help = f"move this behind {name}"
    elif "." in name and (own := name.rpartition(".")[2]) in scope.unit.blocks:
        text = f"{own}({', '.join(arguments[:_MOST])})"
        help = write(text, call.span) if len(arguments) <= _MOST else f"write {text}"
    elif layer := as_layer(name, arguments):
        rule = "layers are written in capitals, without brackets or commas: "
        help = write(layer, call.span, rule) if " or " not in layer and "[" not in layer else f"{rule}{layer}"
    else:
        near = did_you_mean(name, chain(scope.unit.blocks, _labels(scope)))
        help = near or f"define block {name}, or `use` its file"
    return UnknownBlock(name, help)


def _labels(scope: Scope) -> Iterator[str]:
    """The labels that were written before this place, those of the innermost scope first."""
    for one in scope.outward():
        yield from (name for name, entry in one.entries.items() if entry.element.label is not None)


class SuspiciousRepeat(Mistake, code="suspicious-repeat", example="INPUT 28x28x1 -> CONV 6 3 x3"):
    number: str
    count: str
    words = "`{number} x{count}` makes {count} layers, each with {number}"
    advice = "write {number}x{count} for dims, or x{{{count}}} for a repeat"


def suspicious_repeat(element: tree.Element, written: tree.Layer, row: type[Layer]) -> tuple[Mistake, Span] | None:
    """A repeat that reads like the second of two sizes, and where."""
    repeat = element.repeat
    if repeat is None or repeat.computed or repeat.index or not written.arguments:
        return None
    last = written.arguments[-1]
    if last.tag or last.key or not (isinstance(last.value, tree.Literal) and isinstance(last.value.value, int)):
        return None
    slots = [argument for argument in arguments_of(row) if argument.form == "positional"]
    position = sum(not (one.tag or one.key) for one in written.arguments)
    if not any(slot.kind.many for slot in slots[position - 1 : position]):
        return None
    return SuspiciousRepeat(last.value.text, repeat.value.span.text), last.span.to(repeat.span)


class LoneBranch(Mistake, code="lone-branch", example="INPUT 8x8x4 -> [ CONV 4 3 p1 -> SKIP ] -> ADD"):
    """`[ a -> SKIP ] -> ADD`: a merge of one branch gives what the branch does."""

    keyword: str
    branch: tree.Chain
    words = "{keyword} merges one branch, and gives what that gives"

    def help(self) -> str:
        *before, last = self.branch.elements
        if not before or not (isinstance(last.primary, tree.Layer) and last.primary.keyword == "SKIP"):
            return f"separate its branches by |, or take the fork and {self.keyword} away"
        branch = before[0].span.to(before[-1].span)
        shown = branch.text if branch.end - branch.start < _LONGEST and "\n" not in branch.text else "…"
        return f"branches are separated by |: [ {shown} | SKIP ] -> {self.keyword}"


def lone_branch(merge: tree.Layer, fork: tree.Primary) -> LoneBranch | None:
    """A fork of one branch before a merge."""
    if not isinstance(fork, tree.Fork) or len(fork.branches) != 1:
        return None
    return LoneBranch(merge.keyword, fork.branches[0])


class Section(Mistake, code="fork-without-merge", example="[convolutional]"):
    """A chain that is one name in square brackets, as Darknet writes sections."""

    name: str
    written: str
    words = "nothing merges the one branch {written}"

    def help(self) -> str:
        foreign = elsewhere.find(self.name)
        return "layers stand in a chain, without sections" + (f": -> {foreign.here}" if foreign else "")


def section(fork: tree.Fork) -> Section | None:
    """A fork that is one name alone."""
    elements = [element for branch in fork.branches for element in branch.elements]
    if len(elements) != 1 or not isinstance(elements[0].primary, tree.Name):
        return None
    return Section(elements[0].span.text, fork.span.text)


class Unmerged(Mistake, code="fork-without-merge", example="INPUT 8 -> [ FC 4 | SKIP ]"):
    """A fork whose branches stay apart."""

    span: Span
    words = "nothing merges this fork's branches"

    def help(self) -> str:
        text, span = self.span.source.text, self.span
        around = text[max(0, span.start - 80) : span.start].rstrip()[-1:] + text[span.end : span.end + 80].lstrip()[:1]
        return "one pair of brackets is enough" if around == "[]" else f"put {_MERGES} behind it"


class NoMergeBehindFork(Mistake, code="fork-without-merge", example="INPUT 8 -> [ FC 4 | SKIP ] -> RELU"):
    keyword: str
    branches: int
    words = "{keyword} takes one input, but a fork gives {branches}"
    advice = f"put {_MERGES} between the fork and {{keyword}}"


class MergeWithoutFork(Mistake, code="merge-without-fork", example="INPUT 8 -> FC 4 -> ADD"):
    """A merge layer that no fork stands before, perhaps with the names of what it should merge: `ADD conv1`.

    With a number behind it, it may mean the layer of a `constant`: `MUL 0.5`.
    """

    keyword: str
    flows: bool
    names: Sequence[str] = ()
    constant: str = ""
    words = "{keyword} has no fork to merge"

    def help(self) -> str:
        if self.constant:
            return write(self.constant, rule="a constant is no branch: ")
        branches = self.names if len(self.names) > 1 else [*(self.names or ["a"]), "SKIP" if self.flows else "b"]
        text = f"[ {' | '.join(branches)} ] -> {self.keyword}"
        words = f"put a fork before it: {text}"
        return Advice(words, text) if len(self.names) > 1 - self.flows else words


class NamesBehindMerge(Mistake, code="unknown-option", example="INPUT 8 -> a: FC 4 -> [ FC 4 | SKIP ] -> ADD a"):
    """The names of further branches behind a merge layer: `[ a | b ] -> ADD c`."""

    written: tree.Layer
    fork: tree.Fork
    names: Sequence[str]
    words = "{written.keyword} has no flag {names[0]}"

    def help(self) -> str:
        span = self.fork.branches[0].span.to(self.fork.branches[-1].span)
        short = span.end - span.start < _LONGEST
        text = f"[ {' | '.join((span.text if short else '…', *self.names[:_MOST]))} ] -> {self.written.keyword}"
        words = f"what is merged stands in the fork: {text}"
        whole = short and len(self.names) <= _MOST
        return Advice(words, text, self.fork.span.start, self.written.span.end) if whole else words


def misused_merge(written: tree.Layer, fork: tree.Element | None, flows: bool) -> tuple[Mistake, Span] | None:
    """A merge layer that no fork stands before, or with names of what it should merge behind it, and where."""
    bare = [one for one in written.arguments if isinstance(one.value, tree.Name) and one.key is None]
    names = [one.span.text for one in bare] if len(bare) == len(written.arguments) else []
    if fork is None and written.arguments:
        constant = elsewhere.constant(written.keyword, [one.span.text for one in written.arguments[:2]])
        return MergeWithoutFork(written.keyword, flows, names, constant), written.span
    if fork is not None and isinstance(fork.primary, tree.Fork) and names:
        return NamesBehindMerge(written, fork.primary, names), written.arguments[0].span
    return None


class MisplacedInput(Mistake, code="misplaced-input", example="INPUT 8 -> INPUT 8"):
    """INPUT behind something that flows."""

    span: Span
    words = "INPUT starts a chain, but something flows in here"

    def help(self) -> str:
        head = self.span.source.text[max(0, self.span.start - 80) : self.span.start]
        if re.search(r"block\s[^=\n]*\)\s*=\s*$", head):
            arrow = re.match(r"\s*->\s*", self.span.source.text[self.span.end : self.span.end + 80])
            words = "leave it out: a block takes what flows in where it is called"
            return Advice(words, "", self.span.start, self.span.end + arrow.end()) if arrow else words
        default = "start a chain of its own with it, and merge both: [ a | b ] -> CONCAT"
        return _of_line_before(self.span) or default


def _of_line_before(span: Span) -> str:
    """That a line runs into this one, if that is so; the mistake may be there."""
    before = span.source.text[max(0, span.start - 200) : span.start]
    found = re.search(r"(->|:)[ \t]*(#[^\n]*)?\n\s*$", before)
    return f"the line before ends with `{found[1]}`, so that its chain goes on here" if found else ""


class AppliedInItself(Mistake, code="recursive-block", example="INPUT 8 -> g: ( RELU -> g() )"):
    name: str
    words = "{name} applies itself"
    advice = "use a repeat, such as x3, or another element's name"


class NotAnElement(Mistake, code="unknown-block", example="INPUT 8 -> RELU -> a: SKIP -> a()"):
    name: str
    words = "{name} names what another element gives, and cannot be applied"
    advice = "read it without (): {name} -> …"


class BehindSkip(Mistake, code="extra-argument", example="INPUT 8 -> [ SKIP FC | RELU ] -> ADD"):
    """What stands behind SKIP, as a branch without its bar may."""

    written: str
    words = "SKIP takes no arguments"

    def help(self) -> str:
        words = f"branches are separated by |: SKIP | {self.written}"
        return Advice(words, f"| {self.written}") if self.written.isidentifier() else words


class SkipBehindFork(Mistake, code="fork-without-merge", example="INPUT 8 -> [ FC 4 | SKIP ] -> SKIP"):
    words = "SKIP does not merge a fork's branches"


class MergeRepeatedNever(Mistake, code="fork-without-merge", example="INPUT 8 -> [ FC 8 | SKIP ] -> ADD x0"):
    keyword: str
    words = "x0 leaves no {keyword} to merge the fork"


class DeepCalls(Mistake, code="limit-exceeded"):
    most: int
    words = "blocks call each other more than {most} deep"


class AppliedWithArguments(Mistake, code="extra-argument", example="INPUT 8 -> a: FC 8 -> a(3)"):
    name: str
    words = "{name} is an element, and takes no arguments"

    def help(self) -> str:
        return perhaps(f"`{self.name}()` applies it again as it was", f"{self.name}()")
