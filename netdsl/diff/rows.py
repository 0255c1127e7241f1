"""Changes folded for reading: whole blocks, copies of a repeat, and runs of layers that only follow, are a row each."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

from netdsl.diff.change import Change, Difference, Kind, Side
from netdsl.graph.node import Scope, around
from netdsl.text import safe

_COPY = re.compile(r"\.\d+(?=\.|\b)")


@dataclass(frozen=True, slots=True)
class Row:
    """A line of a report. What it stands for is said before and after; "" where there is nothing."""

    kind: Kind
    name: str
    before: str
    after: str
    shape_before: str
    shape_after: str
    params: int
    macs: int
    layers: int = 1
    notes: tuple[str, ...] = ()


def rows(difference: Difference, *, all: bool = False) -> list[Row]:
    """The rows of a report, in the order of the layers.

    A run of layers whose shapes or MACs alone follow from other changes is one row, or with `all` each has its own.
    """
    groups: dict[tuple[object, ...], list[Change]] = {}
    whole = _Whole(difference, "removed"), _Whole(difference, "added")
    for change in difference.changes:
        groups.setdefault(_key(change, whole), []).append(change)
    made: list[Row] = []
    for follow, some in groupby(
        groups.items(), key=lambda group: group[1][0].kind == "follows" and not group[1][0].params
    ):
        run = list(some)
        if follow and len(run) > 1 and not all:
            made.append(_run([change for _, changes in run for change in changes]))
            continue
        for key, changes in run:
            kind = changes[0].kind
            added = kind == "added"
            told = added or kind == "removed"
            made.append(whole[added].row(str(key[1]), changes) if told else _changed(changes))
    return made


def renames(difference: Difference) -> list[tuple[str, str, int]]:
    """What is called differently: a path before and after, and how many layers under it. Scopes stand for their layers.

    What holds weights comes first, since a checkpoint knows them by their paths.
    """
    found: Counter[tuple[str, str]] = Counter()
    heavy: set[tuple[str, str]] = set()
    first = difference.first
    for before, after in difference.renames.items():
        old, new = before.split("."), after.split(".")
        while len(old) > 1 and len(new) > 1 and old[-1] == new[-1]:
            old.pop()
            new.pop()
        pair = ".".join(old), ".".join(new)
        found[pair] += 1
        index = first.graph.index[before]
        if first.nodes[index].layer.weights(*first.input_shapes(index)):
            heavy.add(pair)
    order = sorted(found, key=lambda pair: pair not in heavy)
    return [(old, new, found[old, new]) for old, new in order]


def numbered(paths: Sequence[str]) -> str:
    """Paths that differ in numbers of copies alone, as one: `conv3.same1.4–7.relu1`."""
    columns = zip(*(path.split(".") for path in paths), strict=True)
    return ".".join(_range(list(dict.fromkeys(column))) for column in columns)


def _range(parts: list[str]) -> str:
    if len(parts) == 1:
        return parts[0]
    numbers = [int(part) for part in parts]
    return f"{parts[0]}–{parts[-1]}" if numbers == list(range(numbers[0], numbers[0] + len(numbers))) else "*"


def _key(change: Change, whole: tuple[_Whole, _Whole]) -> tuple[object, ...]:
    """What changes have in common that are one row."""
    if change.kind in ("added", "removed"):
        return change.kind, whole[change.kind == "added"].around(change.side)
    before, after = change.before, change.after
    assert before is not None
    assert after is not None
    texts = (_COPY.sub(".*", text) for text in (before.path, after.path, *change.notes))
    costs = (before.layer, after.layer, before.shape, after.shape, change.params, change.macs)
    return (change.kind, *texts, *costs)


def _changed(changes: list[Change]) -> Row:
    first = changes[0]
    before, after = first.before, first.after
    assert before is not None
    assert after is not None
    name = numbered([change.side.path for change in changes])
    shapes = str(before.shape), str(after.shape)
    return _row(first.kind, name, (before.layer, after.layer), shapes, changes, first.notes)


def _run(changes: list[Change]) -> Row:
    first, last = changes[0].side.path, changes[-1].side.path
    around = 0
    for at, (one, other) in enumerate(zip(first, last, strict=False), 1):
        if one != other:
            break
        around = at if one == "." else around
    return _row("follows", f"{first} … {last[around:]}", ("", ""), ("", ""), changes)


def _row(
    kind: Kind,
    name: str,
    texts: tuple[str, ...],
    shapes: tuple[str, ...],
    changes: list[Change],
    notes: tuple[str, ...] = (),
) -> Row:
    params, macs = sum(change.params for change in changes), sum(change.macs for change in changes)
    (before, after), (shape_before, shape_after) = texts, shapes
    return Row(kind, name, before, after, shape_before, shape_after, params, macs, len(changes), notes)


class _Whole:
    """The scopes of one network all of whose layers were added, or removed."""

    def __init__(self, difference: Difference, kind: Kind) -> None:
        graph = difference.graphs[kind == "added"]
        self.graph = graph
        self.kind: Kind = kind
        sides = [change.side.index for change in difference.layers if change.kind == kind]
        under = Counter(prefix for node in graph.nodes for prefix in prefixes(node.path))
        gone = Counter(prefix for index in sides for prefix in prefixes(graph.nodes[index].path))
        self.paths = {path for path, count in gone.items() if under[path] == count} if sides else set[str]()

    def around(self, side: Side) -> str:
        """The outermost scope around a layer that is wholly added; a copy's repeat; else the layer's own path."""
        outermost = next(path for path in prefixes(side.path) if path in self.paths)
        repeat = self._repeat(outermost)
        return repeat.path if repeat else outermost

    def _repeat(self, path: str) -> Scope | None:
        """The repeat that something is a copy of."""
        parent, _, own = path.rpartition(".")
        scope = self.graph.scopes.get(parent)
        return scope if scope and scope.copies is not None and own.isdigit() else None

    def row(self, path: str, changes: list[Change]) -> Row:
        """The row of a layer, a scope, or some copies of a repeat."""
        first, last = changes[0].side, changes[-1].side
        scope = self.graph.scopes.get(path)
        name, copies = path, 1
        told, kept = "", ""
        if scope is None:
            told = first.layer
        else:
            if scope.copies is not None:
                numbers = list(dict.fromkeys(change.side.path[len(path) + 1 :].partition(".")[0] for change in changes))
                copies = len(numbers)
                if copies < scope.copies:
                    name = f"{path}.{_range(numbers)}"
            told = _call(scope, changes[: len(changes) // copies])
            if scope.copies is not None and copies < scope.copies:
                kept = f"{told} ×{scope.copies - copies}"
            if kept or copies > 1:
                told = f"{told} ×{scope.copies}"
        texts, shapes = (kept, told), ("", str(last.shape))
        if self.kind == "removed":
            texts, shapes = texts[::-1], shapes[::-1]
        return _row(self.kind, name, texts, shapes, changes, self._training(changes))

    def _training(self, changes: Iterable[Change]) -> tuple[str, ...]:
        return ("in training alone",) * all(self.graph.nodes[change.side.index].training for change in changes)


def _call(scope: Scope, changes: list[Change]) -> str:
    """A call as written, or what is in a group."""
    if len(changes) == 1:
        return changes[0].side.layer
    if scope.title != scope.path.rpartition(".")[2]:
        return " ".join(scope.title.split())
    return " -> ".join(change.side.layer for change in changes) if len(changes) <= 3 else f"{len(changes)} layers"


def prefixes(path: str) -> Iterator[str]:
    """A path's scopes from outside in, and itself."""
    yield from around(path)
    yield path


def shortened(row: Row) -> Row:
    """The row without what is said before already: `CONV 64 3 → 96 3`, `same(w) ×3 → ×7`."""
    if not row.before or not row.after or row.before == row.after:
        return row
    word, call = row.before.partition(" ")[0], row.before.rpartition(" ×")[0]
    if call and row.kind != "changed" and row.after.startswith(f"{call} ×"):
        return replace(row, after=row.after[len(call) + 1 :])
    return replace(row, after=row.after[len(word) + 1 :]) if row.after.startswith(f"{word} ") else row


def heading(difference: Difference) -> str:
    """What a report is about: the two files, once where they are two revisions of one."""
    return " → ".join(dict.fromkeys(safe.line(graph.source.name) for graph in difference.graphs))
