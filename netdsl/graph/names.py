"""The names of elements: labels, and the automatic ones of what has no label."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator

from netdsl.text import tree
from netdsl.text.diagnostic import Diagnostic, Related, Report
from netdsl.text.source import Span
from netdsl.text.statements import KEYWORDS

_NAME = re.compile(r"[a-z_][a-z0-9_]*")
_LIKE_TAG = re.compile(r"[spdg]\d+(x\d+)*|x\d+")


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


def assign(chains: Iterable[tree.Chain], report: Report) -> dict[int, str]:
    """The name of each element of a scope, by the element's id.

    What has no label is called by its keyword or block, in lower case, and its number among the elements of that
    kind, labelled ones counted. SKIP, a reference and a bare group have a name only where they have a label.
    """
    counts: Counter[str] = Counter()
    names: dict[int, str] = {}
    automatic: dict[str, Span] = {}
    labels: dict[str, tree.Name] = {}
    for element in in_scope(chains):
        kind = _kind(element)
        counts[kind] += 1
        label = element.label
        if label is not None:
            check_name(label, "label", report)
            if label.text in labels:
                _duplicate(label, labels[label.text].span, "the first is here", report)
            labels.setdefault(label.text, label)
            names[id(element)] = label.text
        elif kind and not (isinstance(element.primary, tree.Group) and element.repeat is None):
            name = f"{kind}{counts[kind]}"
            names[id(element)] = name
            if name in automatic:  # the first b1() beside the eleventh b()
                report.add(_taken(name, element.span, automatic[name]))
            automatic.setdefault(name, element.span)
    for name, label in labels.items():
        if name in automatic:
            _duplicate(label, automatic[name], "this is called so, since it has no label", report)
    return names


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


def _duplicate(label: tree.Name, other: Span, text: str, report: Report) -> None:
    report.add(
        Diagnostic(
            "duplicate-name",
            f"the name {label.text} is taken",
            label.span,
            related=(Related(other, text),),
            help="choose another label",
        )
    )


def _taken(name: str, span: Span, other: Span) -> Diagnostic:
    message = f"this is called {name}, since it has no label, and so is another"
    return Diagnostic("duplicate-name", message, span, related=(Related(other, name),), help="label one of them")


def check_name(name: tree.Name, what: str, report: Report) -> None:
    """Report a name that may not be one: a statement's keyword, or one not in lower case."""
    if name.text in KEYWORDS:
        report.error("reserved-name", f"`{name.text}` opens a statement, and is no {what}", name.span)
    elif not _NAME.fullmatch(name.text):
        lower = re.sub(r"[^a-z0-9_]", "_", name.text.lower())
        report.error("syntax-error", f"a {what} is written in lower case", name.span, help=f"write {lower}")


def check_parameter(name: tree.Name, report: Report) -> None:
    """Report a parameter that looks like a tag or a repeat."""
    check_name(name, "parameter", report)
    if _LIKE_TAG.fullmatch(name.text):
        looks = "a repeat" if name.text[0] == "x" else "a tag"
        report.error("reserved-name", f"a parameter called {name.text} looks like {looks}", name.span)
