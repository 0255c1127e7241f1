"""Stretches of layers that use the weights of others, layer by layer: an author applies an encoder as one element."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass

from netdsl.graph.node import ShapedGraph
from netdsl.layers.arguments import references
from netdsl.recover.flow import Step, Strand
from netdsl.recover.same import plain, weighty


@dataclass(frozen=True)
class _Run:
    """Steps of a chain that apply those of another, and where each of them begins."""

    strand: Strand
    at: int
    owner: Strand
    start: int
    length: int


def steps(strands: Sequence[Strand]) -> Iterator[tuple[Strand, int]]:
    """The steps of all chains as they stand in the file: each chain and a place in it."""
    for strand in strands:
        for at, step in enumerate(strand.steps):
            yield from steps(step.branches or ())
            if step.group:
                yield from steps([Strand(step.index, step.group)])
            yield strand, at


def owners(shaped: ShapedGraph, strands: Sequence[Strand]) -> Mapping[int, int]:
    """For each node that shares weights with one that stands before it, the first of these."""
    first: dict[str, int] = {}
    found: dict[int, int] = {}
    for strand, at in steps(strands):
        step = strand.steps[at]
        if step.applied < 0 and not step.group and weighty(shaped, step.index):
            owner = first.setdefault(shaped.nodes[step.index].owner, step.index)
            if owner != step.index:
                found[step.index] = owner
    return found


def group(shaped: ShapedGraph, strands: Sequence[Strand], kept: Set[int]) -> None:
    """Make one step of each stretch that is applied as a whole, and one of each that applies it.

    Within them is no node that is named or read elsewhere.
    """
    first = owners(shaped, strands)
    if not first:
        return
    places = {strand.steps[at].index: (strand, at) for strand, at in steps(strands)}
    inside = {index for index, readers in enumerate(shaped.graph.readers) if len(readers) == 1 and index not in kept}
    runs: dict[int, list[_Run]] = defaultdict(list)
    for strand in {id(strand): strand for strand, _ in places.values()}.values():
        at = 0
        while at < len(strand.steps):
            run = _run(shaped, first, places, inside, strand, at)
            if run is not None:
                runs[run.owner.steps[run.start].index].append(run)
            at += run.length if run else 1
    changes: dict[int, tuple[Strand, list[tuple[int, int, Step]]]] = {}
    uses = Counter(first.values())
    for some in runs.values():
        owner, start, length = some[0].owner, some[0].start, min(run.length for run in some)
        chosen = owner.steps[start : start + length]
        whole = all(uses[step.index] in (0, len(some)) and step.index not in first for step in chosen)
        if length < 2 or not whole:
            continue
        last = chosen[-1].index
        changes.setdefault(id(owner), (owner, []))[1].append((start, length, Step(last, group=chosen)))
        for run in some:
            step = Step(run.strand.steps[run.at + length - 1].index, applied=last)
            changes.setdefault(id(run.strand), (run.strand, []))[1].append((run.at, length, step))
    for strand, made in changes.values():
        for at, length, step in sorted(made, key=lambda one: one[0], reverse=True):
            strand.steps[at : at + length] = [step]


def _run(
    shaped: ShapedGraph,
    first: Mapping[int, int],
    places: Mapping[int, tuple[Strand, int]],
    inside: Set[int],
    strand: Strand,
    at: int,
) -> _Run | None:
    """The longest run of steps from a place on that apply steps of another chain, or of this one before."""
    index = strand.steps[at].index
    if index not in first:
        return None
    owner, start = places[first[index]]
    end = at if owner is strand else len(owner.steps)
    length = 1
    while at + length < len(strand.steps) and start + length < end:
        before, before_owner = strand.steps[at + length - 1].index, owner.steps[start + length - 1].index
        one, other = strand.steps[at + length], owner.steps[start + length]
        if not {before, before_owner} <= inside or not _applies(shaped, first, one, other):
            break
        if shaped.nodes[one.index].device != shaped.nodes[index].device:
            break
        if shaped.nodes[other.index].device != shaped.nodes[first[index]].device:
            break
        length += 1
    return _Run(strand, at, owner, start, length)


def _applies(shaped: ShapedGraph, first: Mapping[int, int], one: Step, other: Step) -> bool:
    """Whether a step is another applied again: with its weights, or equal to one that has none."""
    if one.branches is not None or other.branches is not None:
        return False
    if one.index in first:
        return first[one.index] == other.index
    layer, twin = shaped.nodes[one.index].layer, shaped.nodes[other.index].layer
    if references(layer) or weighty(shaped, one.index) or weighty(shaped, other.index):
        return False
    return plain(layer) == plain(twin)
