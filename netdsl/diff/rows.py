"""Changes folded for reading: whole blocks, copies of a repeat, and runs of layers that only follow, are a row each."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate, groupby
from typing import NamedTuple

from netdsl.diff.change import Change, ChangeKind, Compared
from netdsl.graph import node
from netdsl.graph.outline import Placed
from netdsl.text import safe

_COPY = re.compile(r"\.\d+(?=\.|\b)")


@dataclass(frozen=True, slots=True)
class Row:
    """A line of a report. What it stands for is said before and after; "" where there is nothing."""

    kind: ChangeKind
    name: str
    changes: Sequence[Change]
    before: str = ""
    after: str = ""
    shape: str = ""
    notes: tuple[str, ...] = ()

    @property
    def params(self) -> int:
        """How many parameters came."""
        return sum(change.params for change in self.changes)

    @property
    def macs(self) -> int:
        """How many multiply-adds came."""
        return sum(change.macs for change in self.changes)


def rows(difference: Compared, *, all: bool = False) -> list[Row]:
    """The rows of a report, in the order of the layers.

    A run of layers whose shapes or MACs alone follow from other changes is one row, or with `all` each has its own.
    """
    groups: dict[tuple[object, ...], list[Change]] = {}
    places = {kind: _places(difference, kind) for kind in ("removed", "added")}
    for change in difference.changes:
        key = places[change.kind][change.side.index].part.path if change.kind in places else _key(change)
        groups.setdefault((change.kind, key), []).append(change)
    made: list[Row] = []
    for follow, some in groupby(groups.values(), key=lambda one: one[0].kind == "follows" and not one[0].params):
        run = list(some)
        if follow and len(run) > 1 and not all:
            made.append(_run(difference, [change for changes in run for change in changes]))
            continue
        for changes in run:
            stand = [places[one.kind][one.side.index] for one in changes if one.kind in places]
            made.append(_whole(difference, changes, stand) if stand else _changed(difference, changes))
    return made if difference.guest is None else [_settled(difference, row) for row in made]


def renames(difference: Compared) -> list[tuple[str, str, int]]:
    """What is called differently: a path before and after, and how many layers under it. Scopes stand for their layers.

    What holds weights comes first, since a checkpoint knows them by their paths.
    """
    found: Counter[tuple[str, str]] = Counter()
    heavy: set[tuple[str, str]] = set()
    for before, after in (one.sides for one in difference.layers if one.renamed):
        old, new = before.path.split("."), after.path.split(".")
        while len(old) > 1 and len(new) > 1 and old[-1] == new[-1]:
            old.pop()
            new.pop()
        pair = ".".join(old), ".".join(new)
        found[pair] += 1
        if difference.first.nodes[before.index].layer.weights(*difference.first.input_shapes(before.index)):
            heavy.add(pair)
    order = sorted(found, key=lambda pair: pair not in heavy)
    return [(old, new, found[old, new]) for old, new in order]


def numbered(paths: Sequence[str]) -> str:
    """Paths that differ in numbers of copies alone, as one: `conv3.same1.4–7.relu1`."""
    columns = zip(*(path.split(".") for path in paths), strict=True)
    return ".".join(_range(list(dict.fromkeys(column))) for column in columns)


def _range(parts: Sequence[str]) -> str:
    """One part of paths, or the numbers of copies: `4–7`, `*` where some are missing between them."""
    if len(parts) == 1:
        return parts[0]
    first, *_, last = numbers = list(map(int, parts))
    return f"{first}–{last}" if numbers == list(range(first, last + 1)) else "*"


def _key(change: Change) -> tuple[object, ...]:
    """What layers of both networks have in common that are one row: copies that fare alike."""
    texts = (_COPY.sub(".*", text) for text in (*[one.path for one in change.sides], *change.notes))
    return *texts, *[(one.layer, one.shape) for one in change.sides], change.params, change.macs


def _changed(difference: Compared, changes: list[Change]) -> Row:
    first = changes[0]
    before, after = first.sides
    name = numbered([difference.told(change).path for change in changes])
    shape = arrow(str(before.shape), str(after.shape))
    return Row(first.kind, name, changes, before.layer, after.layer, shape, first.notes)


def arrow(before: str, after: str) -> str:
    """What changed into what, or what stays."""
    return " → ".join(dict.fromkeys(filter(None, (before, after))))


def _run(difference: Compared, changes: list[Change]) -> Row:
    first, last = (difference.told(one).path for one in (changes[0], changes[-1]))
    around = 0
    for at, (one, other) in enumerate(zip(first, last, strict=False), 1):
        if one != other:
            break
        around = at if one == "." else around
    return Row("follows", f"{first} … {last[around:]}", changes)


class _Place(NamedTuple):
    """The outermost part all of whose layers were added, or removed; of copies their repeat, and the copy's number."""

    part: Placed
    copy: int


def _places(difference: Compared, kind: ChangeKind) -> dict[int, _Place]:
    """Where each layer stands that was added, or removed."""
    graph = difference.graphs[kind == "added"]
    own = {change.side.index for change in difference.layers if change.kind == kind}
    before = list(accumulate((index in own for index in range(len(graph.nodes))), initial=0))
    found: dict[int, _Place] = {}
    for index, around in enumerate(graph.outline.around() if own else ()):
        if index in own:
            whole = (at for at, one in enumerate(around) if before[one.nodes.stop] - before[one.node] == one.part.size)
            at = next(whole)
            number = around[at].number
            found[index] = _Place(around[at - 1] if number else around[at], number)
    return found


def _whole(difference: Compared, changes: list[Change], places: Sequence[_Place]) -> Row:
    """The row of a layer, a scope, or some copies of a repeat."""
    kind, part = changes[0].kind, places[0].part
    numbers = list(dict.fromkeys(str(place.copy) for place in places))
    copies = part.copies or 1
    some = len(numbers) if places[0].copy else copies
    graph = difference.graphs[kind == "added"]
    if len(graph.runs(part)) == 1:
        told = _call(part, changes[: len(changes) // some])
    else:  # copies that are not alike
        told = " ".join(part.title.split()) if part.title != part.name else "copies"
    kept = f"{told} ×{copies - some}" if some < copies else ""
    if copies > 1:
        told += f" ×{copies}"
    name = part.path if some == copies else f"{part.path}.{_range(numbers)}"
    texts = (told, kept) if kind == "removed" else (kept, told)
    training = all(graph.nodes[change.side.index].training for change in changes)
    return Row(kind, name, changes, *texts, str(changes[-1].side.shape), ("in training alone",) * training)


def moved(difference: Compared) -> Callable[[str], str]:
    """What paths of the network whose names are not told would be, were its scopes called as in the other."""
    host = difference.host
    scopes = {pair[1 - host]: pair[host] for *pair, count in renames(difference) if count > 1}

    def move(path: str) -> str:
        called = next((scope for scope in reversed(list(node.around(path))) if scope in scopes), "")
        return scopes[called] + path[len(called) :] if called else path

    return move


def _settled(difference: Compared, row: Row) -> Row:
    """A row whose layers a guest alone has, in words of the other network: in its scopes, or behind its layers."""
    if row.kind != ("removed" if difference.host else "added"):
        return row
    host, name = difference.graphs[difference.host].outline, moved(difference)(row.name)
    name = row.name if host.at(name) else name
    scope = name.rpartition(".")[0]
    if scope and host.at(scope):
        return replace(row, name=name)
    before = _before(difference, row.changes[0].side.index)
    return replace(row, notes=(*row.notes, f"behind {before}")) if before else row


def _before(difference: Compared, index: int) -> str:
    """What a layer that a guest alone has stands behind, as the other network calls it; "" at its beginning."""
    guest = 1 - difference.host
    known = {one.sides[guest].index: difference.told(one).path for one in difference.layers if len(one.sides) > 1}
    nodes = difference.graphs[guest].nodes
    while index not in known and nodes[index].inputs:
        index = nodes[index].inputs[0]
    return known.get(index, "")


def _call(part: Placed, changes: list[Change]) -> str:
    """A call as written, or what is in a group."""
    if len(changes) == 1:
        return changes[0].side.layer
    if part.title != part.name:
        return " ".join(part.title.split())
    return " -> ".join(change.side.layer for change in changes) if len(changes) <= 3 else f"{len(changes)} layers"


def shortened(row: Row) -> Row:
    """The row without what is said before already: `CONV 64 3 → 96 3`, `same(w) ×3 → ×7`."""
    if not row.before or not row.after or row.before == row.after:
        return row
    word, call = row.before.partition(" ")[0], row.before.rpartition(" ×")[0]
    if call and row.kind != "changed" and row.after.startswith(f"{call} ×"):
        return replace(row, after=row.after[len(call) + 1 :])
    return replace(row, after=row.after[len(word) + 1 :]) if row.after.startswith(f"{word} ") else row


def heading(difference: Compared) -> str:
    """What a report is about: the two files, once where they are two revisions of one; by title what is no file."""
    names = (graph.title if graph.source.passing else graph.source.name for graph in difference.graphs)
    return " → ".join(dict.fromkeys(map(safe.line, names)))
