"""How a report words numbers and counts."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from netdsl.diff.change import Compared
from netdsl.measure.units import short

_TOTALS = {
    "params": "parameters",
    "macs": "MACs",
    "flops": "FLOPs",
    "activation_bytes": "activations, B",
    "depth": "depth",
}


class Total(NamedTuple):
    """A total that reports compare, and what they call it."""

    key: str
    name: str
    before: int
    after: int

    def values(self, shown: Callable[[int], str] = "{:,}".format) -> str:
        """It before and after, once where it is the same."""
        return shown(self.after) if self.before == self.after else f"{shown(self.before)} → {shown(self.after)}"

    @property
    def grown(self) -> str:
        """By how much, behind it: ` (+2.9%)`."""
        grown = percent(self.before, self.after)
        return f" ({grown})" if grown else ""


def totals(difference: Compared) -> list[Total]:
    """The totals of both networks."""
    sides = difference.before, difference.after
    return [Total(key, name, *(getattr(one, key) for one in sides)) for key, name in _TOTALS.items()]


def signed(number: int) -> str:
    """A difference to three digits, with its sign: `+1.12M`; nothing for none."""
    return f"{'+' if number > 0 else '−'}{short(abs(number))}" if number else ""


def exact(number: int) -> str:
    """A difference with all of its digits: `−20,736`."""
    return f"{'+' if number > 0 else '−' if number < 0 else ''}{abs(number):,}"


def percent(before: int, after: int) -> str:
    """By how much something grew: `+2.9%`; nothing where it did not, or there was none."""
    if before == after or not before:
        return ""
    grown = 100 * (after - before) / before
    digits = 0 if abs(grown) >= 99.95 else 1 if abs(grown) >= 0.95 else 2
    return f"{'+' if grown > 0 else '−'}{abs(grown):.{digits}f}%"


def counted(difference: Compared) -> str:
    """How many layers changed, in words: `1 layer changed, 3 added, 12 follow, 5 renamed`."""
    parts = [
        (difference.count("changed"), "changed"),
        (difference.count("added"), "added"),
        (difference.count("removed"), "removed"),
        (difference.count("follows"), "follow"),
        (len(difference.renames), "renamed"),
    ]
    told = [(count, word) for count, word in parts if count]
    if not told:
        return "no layer changed" if difference else "no change"
    (count, word), *others = told
    verb = "follows" if word == "follow" and count == 1 else word
    first = f"{count:,} layer{'s' * (count != 1)} {verb}"
    if not difference:  # what a guest calls its layers is no difference
        return f"no change but of names: {first}"
    return ", ".join([first, *(f"{count:,} {word}" for count, word in others)])


def tensors(difference: Compared) -> str:
    """What becomes of a checkpoint's weights, in words; nothing where there are none, or all stay."""
    found = difference.tensors
    parts = [
        (found.kept, "kept"),
        (len(found.renamed), "renamed"),
        (found.resized, "of another size"),
        (found.added, "new"),
        (found.removed, "gone"),
    ]
    told = ", ".join(f"{count:,} {word}" for count, word in parts if count)
    if found.taken:
        told += f"; {len(found.taken):,} would load by name into another layer"
    return "" if told == f"{found.kept:,} kept" else told
