"""Names of a block's parameters, by what they are of and where in it they stand."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass

from netdsl.recover.blocks import PRODUCTS, Blocks
from netdsl.recover.forms import Form, Forms, Item, Value, number
from netdsl.recover.solve import Derived, Solution
from netdsl.text.tokens import KEYWORDS

_ROLES = {
    "filters": "n",
    "units": "n",
    "kernel": "k",
    "stride": "stride",
    "padding": "pad",
    "dilation": "dilation",
    "groups": "g",
    "count": "copies",
    "name": "across",
    "like": "target",
    "heads": "heads",
    "rate": "rate",
}
_RANKS = {"k": 2, "stride": 3, "pad": 4, "dilation": 5, "g": 6, "copies": 7, "blocks": 7}
_RESERVED = {*KEYWORDS, "in", "as", "min", "max", "floor", "ceil", "round"}
_DEFAULTS = {"k", "stride", "pad", "dilation", "g"}


@dataclass(frozen=True)
class Parameter:
    """A parameter of a block: the column of its numbers, and its default."""

    column: int
    name: str
    default: Value | None = None
    usual: Derived | None = None
    """What its default follows from."""
    more: int = 0
    """What calls say more than its column: a stage's blocks are one more than the copies behind the first."""

    @property
    def optional(self) -> bool:
        """Whether calls need not say it."""
        return self.default is not None or self.usual is not None

    @property
    def words(self) -> str:
        """The number of its column, by its name."""
        return f"({self.name} - {self.more})" if self.more else self.name


def parameters(blocks: Blocks, form: int) -> Sequence[Parameter]:
    """The parameters of a block, those with a default last."""
    one, solution = blocks.forms[form], blocks.solutions[form]
    counted = _counted(blocks, form)
    sizes = [column for column in solution.parameters if _ROLES.get(one.fields[column], "n") == "n"]
    named = _sizes(blocks, form, sizes)
    taken = Counter[str]()
    found: list[Parameter] = []
    for column in solution.parameters:
        role = named.get(column) or _role(one, solution, column)
        role = "blocks" if column in counted else role
        role += "_" * (role in _RESERVED)
        taken[role] += 1
        name = role if taken[role] == 1 else f"{role}{taken[role]}"
        if taken[role] > 1 and role[-1].isdigit():
            name = f"{role}{'abcdefghijklmnopqrstuvwxyz'[taken[role] - 1]}"
        if re.fullmatch(r"[spdgx]\d+", name):
            name = f"{role}_{taken[role]}"
        usual = solution.usual.get(column)
        default = None if usual else _default(blocks, form, column, role)
        found.append(Parameter(column, name, default, usual, int(column in counted)))
    return sorted(found, key=lambda one: (one.optional, _RANKS.get(one.name.rstrip("0123456789_"), 1)))


def _role(form: Form, solution: Solution, column: int) -> str:
    """What a parameter is of; of a dilation, rather than of the padding that is equal to it."""
    equal = [at for at, one in solution.derived.items() if one == Derived(column, "{}")]
    if any(form.fields[at] == "dilation" for at in equal):
        return "dilation"
    return _ROLES.get(form.fields[column], form.fields[column])


def _default(blocks: Blocks, form: int, column: int, role: str) -> Value | None:
    """The number of most rows, where it is one of those that are rarely said."""
    if role not in _DEFAULTS:
        return None
    parameters = blocks.solutions[form].parameters
    told = {tuple([row[at] for at in parameters]): row[column] for row in blocks.rows[form]}
    counts = Counter(told.values())
    value, times = counts.most_common(1)[0]
    if 3 * counts[1] >= counts.total():
        return 1
    return value if role in ("k", "pad") and 2 * times >= counts.total() else None


# Sizes


@dataclass(frozen=True)
class _Place:
    """Where a product stands: the column of its channels, the column of its kernel, and the forks around it."""

    column: int
    kernel: int | None
    forks: tuple[_Branch, ...]


@dataclass(frozen=True)
class _Branch:
    """A branch of a fork: where that begins, what merges it, how many branches it has, and whether this one pools."""

    fork: int
    merge: str
    count: int
    number: int
    pools: bool


def _places(forms: Forms, chains: Sequence[Sequence[Item]], at: int, forks: tuple[_Branch, ...]) -> list[_Place]:
    """The products of chains, in order."""
    found: list[_Place] = []
    for item in [item for chain in chains for item in chain]:
        one = forms[item.form]
        column = at + len(one.holes)
        if one.kind == "fork":
            *branches, [merge] = one.chains
            keyword = forms[merge.form].layer
            for number, branch in enumerate(branches):
                first = forms[branch[0].form].layer if branch else None
                pools = first is not None and first.role == "pooling"
                around = _Branch(column, keyword.keyword if keyword else "", len(branches), number, pools)
                found += _places(forms, [branch], column, (*forks, around))
                column += sum(forms[inner.form].arity for inner in branch)
        elif one.layer is not None:
            size = next((name for name in ("filters", "units") if name in one.holes), "")
            if size:
                kernel = at + one.holes.index("kernel") if "kernel" in one.holes else None
                found.append(_Place(at + one.holes.index(size), kernel, forks))
        else:
            found += _places(forms, one.chains, column, forks)
        at += one.arity
    return found


def _sizes(blocks: Blocks, form: int, columns: Sequence[int]) -> Mapping[int, str]:
    """The names of the parameters that are numbers of channels."""
    if len(columns) < 2:
        return {}
    rows = blocks.rows[form]
    places = _places(blocks.forms, blocks.forms[form].chains, 0, ())
    known = {place.column: place for place in places}
    merged = {branch for place in places for branch in place.forks if branch.merge == "CONCAT"}
    spreads = len(merged) == 2 and not places[0].forks and bool(places[-1].forks)
    found: dict[int, str] = {}
    for column in columns:
        place = known.get(column)
        if place is None:
            continue
        around = [branch for branch in place.forks if branch.merge == "CONCAT"]
        if any(branch.merge == "MUL" for branch in place.forks):
            found[column] = "squeeze"
        elif around and around[0].count > 2:
            last = [one for one in places if around[0] in one.forks][-1]
            width = _width(rows, last.kernel)
            found[column] = (
                "proj" if around[0].pools else f"{'n' if _equal(rows, column, last.column) else 'r'}{width or ''}"
            )
        elif spreads and around:
            found[column] = "expand"
        elif spreads:
            found[column] = "squeeze"
    plain = [column for column in columns if column not in found and column in known]
    told = [column for column in plain if _equal(rows, column, places[-1].column)] or plain[-1:]
    return found | {column: "w" for column in plain if column != told[0]}


def _equal(rows: Sequence[Sequence[Value]], one: int, other: int) -> bool:
    return all(row[one] == row[other] for row in rows)


def _width(rows: Sequence[Sequence[Value]], kernel: int | None) -> int:
    """The longest side of a kernel, 0 if it is not always the same."""
    sides = {row[kernel] for row in rows} if kernel is not None else set[Value]()
    if len(sides) != 1:
        return 0
    [side] = sides
    return int(max(side)) if isinstance(side, tuple) else int(number(side) or 0)


# Copies


def _counted(blocks: Blocks, form: int) -> Set[int]:
    """The counts of repeats behind what is like their body: a stage's first block, which changes the size of maps."""
    forms, [chain] = blocks.forms, blocks.forms[form].chains
    found: set[int] = set()
    at = 0
    for place, item in enumerate(chain):
        one = forms[item.form]
        if one.kind == "repeat" and at in blocks.solutions[form].parameters:
            body = _main(forms, one.chains[0])
            if body and any(_main(forms, chain[start:place]) == body for start in range(place)):
                found.add(at)
        at += one.arity
    return found if found and _literal(blocks, form) else set()


def _main(forms: Forms, chain: Sequence[Item]) -> Sequence[str]:
    """The products of a chain, of its forks those of the longest branch."""
    found: list[str] = []
    for item in chain:
        one = forms[item.form]
        if one.layer is not None:
            found += [one.layer.keyword] * (one.layer.keyword in PRODUCTS)
        else:
            found += max((_main(forms, inner) for inner in one.chains), key=len, default=())
    return found


def _literal(blocks: Blocks, form: int) -> bool:
    """Whether no block calls this one, so that its arguments are numbers."""
    pending = [item.form for one in blocks.called for item in blocks.forms[one].inside]
    while pending:
        one = pending.pop()
        if one == form:
            return False
        pending += [] if blocks.forms[one].kind == "call" else [item.form for item in blocks.forms[one].inside]
    return True
