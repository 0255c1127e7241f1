"""The names of elements: labels, and the automatic ones of what has no label."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from netdsl.text import tree
from netdsl.text.diagnostic import Diagnostic, Report
from netdsl.text.finding import Related
from netdsl.text.mistake import Mistake
from netdsl.text.source import Span
from netdsl.text.tokens import KEYWORDS, NAMES

_WORDS = {"s": "stride", "p": "padding", "d": "dilation", "g": "groups", "x": "count"}
_OWN = {"in": "is the channels of what enters a block", "as": "names the number of a copy"}
_LIKE_TAG = re.compile(r"[spdg]\d+(x\d+)*|x\d+")


class Duplicate(Mistake, code="duplicate-name", example="INPUT 8 -> c: FC 6 -> c: FC 8"):
    said: str
    hint: str
    words = "{said}"


class KeywordAsName(Mistake, code="reserved-name", example="block b(use) = RELU\nINPUT 8 -> b(1)"):
    name: str
    what: str
    words = "`{name}` opens a statement, and cannot name a {what}"
    advice = "choose another"


class OwnName(Mistake, code="reserved-name", example="block b(in) = FC 4\nINPUT 8 -> b(1)"):
    name: str
    own: str
    what: str
    words = "`{name}` {own}, and cannot name a {what}"
    advice = "choose another"


class Capitals(Mistake, code="syntax-error"):
    what: str
    lowered: str
    words = "a {what} is written in lower case"
    advice = "write {lowered}"


class LikeTag(Mistake, code="reserved-name", example="block b(s1) = RELU\nINPUT 8 -> b(1)"):
    what: str
    name: str
    like: str
    instead: str
    words = "a {what} called {name} looks like {like}"
    advice = "choose another name, such as {instead}"


def in_scope(chains: Iterable[tree.Chain]) -> Iterator[tree.Element]:
    """The elements that are named in one scope: branches and bare groups share it, named groups open their own."""
    pending = [element for chain in chains for element in chain.elements]
    pending.reverse()
    while pending:
        element = pending.pop()
        yield element
        match element.primary:
            case tree.Fork(branches):
                inner = [inner for branch in branches for inner in branch.elements]
                pending.extend(reversed(inner))
            case tree.Group(chain) if element.label is None and element.repeat is None:
                pending.extend(reversed(chain.elements))
            case _:
                pass


def automatic(kind: str, number: int) -> str:
    """What the language calls an element without a label: `conv2`, and `b1_2` where the kind ends in a digit."""
    return f"{kind}{'_' * kind[-1:].isdigit()}{number}"


def assign(chains: Iterable[tree.Chain], report: Report) -> dict[int, str]:
    """The name of each element of a scope, by the element's id.

    What has no label is called by its keyword or block, in lower case, and its number among the elements of that
    kind, labelled ones counted. A `_` behind it tells it from a label, or from an earlier one. SKIP, a reference and
    a bare group have a name only where they have a label.
    """
    elements = list(in_scope(chains))
    names: dict[int, str] = {}
    labels: dict[str, tree.Name] = {}
    for element in elements:
        if (label := element.label) is not None:
            check_name(label, "label", report)
            if label.text in labels:
                first = labels[label.text].span
                duplicate(f"the name {label.text} is taken", label.span, first, "choose another label", report)
            labels.setdefault(label.text, label)
            names[id(element)] = label.text
        if element.repeat is not None and element.repeat.index is not None:
            check_parameter(element.repeat.index, report, "number")
    counts: Counter[str] = Counter()
    taken = set(labels)
    for element in elements:
        kind = _kind(element)
        counts[kind] += 1
        bare = isinstance(element.primary, tree.Group) and element.repeat is None
        if kind and element.label is None and not bare:
            name = automatic(kind, counts[kind])
            while name in taken:
                name += "_"
            taken.add(name)
            names[id(element)] = name
    return names


@dataclass(slots=True)
class Names:
    """The names of the elements of blocks' bodies and groups, each of which is looked at once."""

    report: Report
    _found: dict[int, Mapping[int, str]] = field(default_factory=dict[int, Mapping[int, str]])

    def of(self, chain: tree.Chain) -> Mapping[int, str]:
        """Those in a chain."""
        found = self._found.get(id(chain))
        if found is None:
            found = self._found[id(chain)] = assign([chain], self.report)
        return found


def _kind(element: tree.Element) -> str:
    match element.primary:
        case tree.Layer("SKIP"):
            return ""
        case tree.Layer(keyword):
            return keyword.lower()
        case tree.Call(name):
            return next(part for part in reversed(name.text.split(".")) if not part[0].isdigit())
        case tree.Group():
            return "group"
        case _:
            return ""


def duplicate(message: str, span: Span, first: Span, help: str, report: Report) -> None:
    """Report one name for two things, at both places."""
    related = (Related(first, "the first is here"),)
    report.add(Diagnostic(Duplicate(message, help), span, related))


def check_name(name: tree.Name, what: str, report: Report) -> None:
    """Report a name that may not be one: a word of the language's own, or one not in lower case."""
    if name.text in KEYWORDS:
        report.error(KeywordAsName(name.text, what), name.span)
    elif what != "label" and (own := _OWN.get(name.text)):
        report.error(OwnName(name.text, own, what), name.span)
    elif not NAMES.fullmatch(name.text):
        report.error(Capitals(what, lowered(name.text)), name.span)


def lowered(text: str) -> str:
    """A name in the letters that the language has."""
    return re.sub(r"[^a-z0-9_]", "_", text.lower())


def check_parameter(name: tree.Name, report: Report, what: str = "parameter") -> None:
    """Report a parameter, or the name of a number, that looks like a tag or a repeat."""
    check_name(name, what, report)
    if _LIKE_TAG.fullmatch(name.text):
        looks = "a repeat" if name.text[0] == "x" else "a tag"
        report.error(LikeTag(what, name.text, looks, _WORDS[name.text[0]]), name.span)
