"""Changes folded for reading: whole blocks, copies of a repeat, and runs of layers that only follow, are a row each."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import accumulate, groupby
from typing import NamedTuple

from netdsl.diff.change import Change, ChangeKind, Compared
from netdsl.graph import node
from netdsl.graph.outline import Outline, Placed
from netdsl.text import safe

_CHAIN = 3
"""Layers that were added in a chain, and are told as one."""
_COUNTED = re.compile(r"(.*[a-z_])(\d{1,9})")
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
    layer: bool = False
    """Whether it is a layer that was added or removed by itself, perhaps in each copy of what is around."""

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
        key = places[change.kind][change.side.index].fate if change.kind in places else _key(change)
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
    return made if all else _chained(difference, made)


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
    fate: tuple[object, ...]
    """What it has in common with others that are one row with it: parts of copies that fare alike."""


def _places(difference: Compared, kind: ChangeKind) -> dict[int, _Place]:
    """Where each layer stands that was added, or removed."""
    graph = difference.graphs[kind == "added"]
    own = {change.side.index: change.side for change in difference.layers if change.kind == kind}
    before = list(accumulate((index in own for index in range(len(graph.nodes))), initial=0))
    found: dict[int, _Place] = {}
    fates: dict[str, tuple[object, ...]] = {}
    for index, around in enumerate(graph.outline.around() if own else ()):
        if index in own:
            whole = (at for at, one in enumerate(around) if before[one.nodes.stop] - before[one.node] == one.part.size)
            at = next(whole)
            number = around[at].number
            part = around[at - 1] if number else around[at]
            if part.path not in fates:
                said = (f"{own[node].layer} {own[node].shape}" for node in part.nodes if not number)
                fates[part.path] = (part.path if number else _COPY.sub(".*", part.path), *said)
            found[index] = _Place(part, number, fates[part.path])
    return found


def _whole(difference: Compared, changes: list[Change], places: Sequence[_Place]) -> Row:
    """The row of a layer, a scope, or some copies of a repeat."""
    kind, part = changes[0].kind, places[0].part
    paths = list(dict.fromkeys(place.part.path for place in places))
    numbers = list(dict.fromkeys(str(place.copy) for place in places))
    copies = part.copies or 1
    some = len(numbers) if places[0].copy else copies
    graph = difference.graphs[kind == "added"]
    if len(graph.runs(part)) == 1:
        told = _call(part, changes[: len(changes) // (some * len(paths))])
    else:  # copies that are not alike
        told = " ".join(part.title.split()) if part.title != part.name else "copies"
    kept = f"{told} ×{copies - some}" if some < copies else ""
    if copies > 1:
        told += f" ×{copies}"
    parts = paths if some == copies else [f"{part.path}.{number}" for number in numbers]
    name, notes = _named(difference, kind, parts, changes[0].side.index)
    texts = (told, kept) if kind == "removed" else (kept, told)
    training = all(graph.nodes[change.side.index].training for change in changes)
    notes = ("in training alone",) * training + notes
    return Row(kind, name, changes, *texts, str(changes[-1].side.shape), notes, len(changes) == len(paths))


def _chained(difference: Compared, rows: Sequence[Row]) -> list[Row]:
    """The rows, with one for layers that were added or removed in a chain, each by itself."""
    runs: list[list[Row]] = []
    for row in rows:
        if runs and _continues(difference, runs[-1][-1], row):
            runs[-1].append(row)
        else:
            runs.append([row])
    return [row for run in runs for row in ([_chain(run)] if len(run) >= _CHAIN else run)]


def _continues(difference: Compared, row: Row, other: Row) -> bool:
    """Whether a layer of its own reads another one beside it."""
    if not (row.layer and other.layer) or (row.kind, len(row.changes)) != (other.kind, len(other.changes)):
        return False
    nodes = difference.graphs[row.kind == "added"].nodes
    reads = nodes[other.changes[0].side.index].inputs
    scopes = {one.name.rpartition(".")[0] for one in (row, other)}
    return row.changes[0].side.index in reads and len(scopes) == 1


def _chain(run: Sequence[Row]) -> Row:
    first, last = run[0], run[-1]
    name = f"{first.name} … {last.name.rpartition('.')[2]}"
    before, after = (" -> ".join(getattr(row, side) for row in run) for side in ("before", "after"))
    texts = ("", after) if first.kind == "added" else (before, "")
    return Row(first.kind, name, [one for row in run for one in row.changes], *texts, last.shape, first.notes)


def moved(difference: Compared, path: str) -> str:
    """What a path of the network whose names are not told would be in the other: within what its scopes have become."""
    called = next((scope for scope in reversed(list(node.around(path))) if difference.scopes.get(scope)), "")
    parts = difference.scopes.get(called, ())
    if sum(map(str.isdigit, parts)) > sum(map(str.isdigit, called.split("."))):
        parts = parts[: -1 if parts[-1].isdigit() else None]  # where one copy alone is in both
    return ".".join(parts) + path[len(called) :] if parts else path


def _named(difference: Compared, kind: ChangeKind, paths: Sequence[str], index: int) -> tuple[str, tuple[str, ...]]:
    """What parts are called of which copies fare alike, and a note; index is the first layer's.

    What a guest alone has is told in words of the other network: in its scopes, or by what it stands behind.
    """
    if difference.guest is None or kind != ("removed" if difference.host else "added"):
        return numbered(paths), ()
    there = difference.graphs[difference.host].outline
    names = [_free(moved(difference, path), there) for path in paths]
    scopes = [name.rpartition(".")[0] for name in names]
    if all(scope and there.at(scope) for scope in scopes) and not any(map(there.at, names)):
        plain = {tuple("" if part.isdigit() else part for part in name.split(".")) for name in names}
        if len(plain) == 1:
            return numbered(names), ()
    before = _before(difference, index)
    return numbered(paths), (f"behind {before}",) if before else ()


def _free(name: str, outline: Outline) -> str:
    """A path that is counted, with the next number that nothing has: `relu2` where there is a `relu1`."""
    found = _COUNTED.fullmatch(name)
    while found and outline.at(name):
        name = f"{found[1]}{int(found[2]) + 1}"
        found = _COUNTED.fullmatch(name)
    return name


def _before(difference: Compared, index: int) -> str:
    """What a layer that a guest alone has stands behind, as the other network calls it; "" at its beginning."""
    guest = 1 - difference.host
    nodes = difference.graphs[guest].nodes
    while index not in difference.partners and nodes[index].inputs:
        index = nodes[index].inputs[0]
    return difference.partners[index].path if index in difference.partners else ""


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
    names = [safe.line(graph.title if graph.source.passing else graph.source.name) for graph in difference.graphs]
    return " → ".join(dict.fromkeys(names) if difference.guest is None else names)
