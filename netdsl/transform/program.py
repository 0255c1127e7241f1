"""A program while it is rewritten: its text, what stands where in it, and the graph that it makes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from netdsl.graph import names
from netdsl.graph.build import Overrides, build
from netdsl.graph.node import ShapedGraph
from netdsl.text import tree
from netdsl.text.advice import Edit, edited
from netdsl.text.diagnostic import NetError, Report
from netdsl.text.parse import parse
from netdsl.text.shown import Line
from netdsl.text.source import Source, Span


@dataclass(frozen=True, slots=True)
class Place:
    """An element, the block that it is written in (None at the top), and the repeated elements around and including it.

    `repeats` go from outside in; `name` is what its scope calls it.
    """

    element: tree.Element
    block: tree.Block | None
    repeats: tuple[tree.Element, ...]
    name: str
    chain: tree.Chain


@dataclass(frozen=True, repr=False)
class Program(Line):
    """The text of a network's own file; `path` and `include` are where used files are sought."""

    text: str
    name: str
    path: Path | None
    include: tuple[Path, ...] = ()

    @property
    def about(self) -> str:
        """Its line."""
        return f"{self.name}: {len(self.source.line_starts):,} lines"

    @cached_property
    def source(self) -> Source:
        """The text with its name."""
        return Source(self.text, self.name)

    @cached_property
    def file(self) -> tree.File:
        """Its syntax tree."""
        return parse(self.source, Report())

    @cached_property
    def shaped(self) -> ShapedGraph:
        """The graph that it makes. Raises NetError where it has errors, or makes none."""
        return self.built()

    def built(self, overrides: Overrides | None = None) -> ShapedGraph:
        """The graph that it makes under overrides. Raises NetError, and OverrideError."""
        report = Report()
        shaped = build(self.source, self.path, report, overrides or Overrides(include=self.include))
        if shaped is None:
            raise NetError(report.diagnostics())
        return shaped

    def edited(self, edits: Iterable[Edit]) -> Program:
        """The program after some edits, which do not overlap."""
        return replace(self, text=edited(self.text, edits))

    @cached_property
    def _places(self) -> dict[tuple[int, int], Place]:
        found: dict[tuple[int, int], Place] = {}
        chains = [one for one in self.file.statements if isinstance(one, tree.Chain)]
        labels = names.assign(chains, Report())
        for statement in self.file.statements:
            if isinstance(statement, tree.Chain):
                found |= _within(statement, None, (), labels)
            elif isinstance(statement, tree.Block):
                body = statement.body
                found |= _within(body, statement, (), names.assign([body], Report()))
        return found

    def place(self, span: Span) -> Place | None:
        """The element whose layer or call stands at a span; None where that is in another file."""
        return self._places.get((span.start, span.end)) if span.source.name == self.name else None


def _within(
    chain: tree.Chain, block: tree.Block | None, repeats: tuple[tree.Element, ...], labels: dict[int, str]
) -> dict[tuple[int, int], Place]:
    """Every layer and call in a chain, and in its forks and groups, by its place in the text."""
    found: dict[tuple[int, int], Place] = {}
    for element in chain.elements:
        around = repeats if element.repeat is None else (*repeats, element)
        match element.primary:
            case tree.Layer(span=span) | tree.Call(span=span):
                found[span.start, span.end] = Place(element, block, around, labels.get(id(element), ""), chain)
            case tree.Fork(branches):
                for branch in branches:
                    found |= _within(branch, block, around, labels)
            case tree.Group(inner):
                scope = labels
                if element.label is not None or element.repeat is not None:
                    scope = names.assign([inner], Report())
                found |= _within(inner, block, around, scope)
            case tree.Name():
                pass
    return found


def without(element: tree.Element, chain: tree.Chain, text: str) -> Edit:
    """The edit that takes an element out of its chain; what is named or alone stays as SKIP, which passes on."""
    at = next(position for position, one in enumerate(chain.elements) if one is element)
    span = element.span
    if element.label is not None or element.repeat is not None or len(chain.elements) == 1:
        return Edit(element.primary.span, "SKIP")
    if at:
        return Edit(chain.arrows[at - 1].to(span), "")
    end = chain.arrows[0].end
    return Edit(Span(span.source, span.start, end + len(text[end:]) - len(text[end:].lstrip())), "")
