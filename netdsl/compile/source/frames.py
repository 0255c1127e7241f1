"""What may be named where a class makes its modules, and what values are called by it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import prod

from netdsl.compile.source.formulas import Value, Values, equal, filled, names, tidy, worth
from netdsl.compile.source.layout import Code, literal


class Unresolved(Exception):
    """Something differs between what one class is for, and nothing that may be named says how."""


@dataclass
class Frame:
    """The values of names, for each of the things that the code is for."""

    values: Sequence[Values]
    written: list[str] = field(default_factory=list[str])
    """The formulas that were used."""
    added: dict[str, Sequence[Value]] = field(default_factory=dict[str, Sequence[Value]])
    """Further arguments of the class, with their values."""
    aliases: Mapping[str, str] = field(default_factory=dict[str, str])
    """Names that always have the value of another formula, which stands for them."""
    counter: str = ""
    """What counts the copies of a repeat, where this is one's."""

    def known(self, text: str) -> str:
        """A formula without the names that stand for another."""
        return filled(text, self.aliases) if names(text) & self.aliases.keys() else text

    def holds(self, text: str | None, wanted: Sequence[Value]) -> bool:
        """Whether a formula gives these values. Whole ones among floats are floats too."""
        if any(isinstance(one, float) for one in wanted):
            wanted = [float(one) if isinstance(one, int) else one for one in wanted]
        return text is not None and all(
            equal(worth(text, values), one) for values, one in zip(self.values, wanted, strict=True)
        )

    def first(self, texts: Iterable[str | None], wanted: Sequence[Value]) -> str | None:
        """The first of some formulas that gives these values; or the number, where it is always one."""
        known = (self.known(text) for text in texts if text is not None)
        found = next((text for text in known if self.holds(text, wanted)), None)
        if found is None and wanted and all(equal(one, wanted[0]) for one in wanted):
            return repr(wanted[0])
        return found

    def code(self, wanted: Sequence[Value], texts: Iterable[str | None], added: str = "") -> Code:
        """The code for some values: a formula, what it always is, a parameter, or a further argument.

        Raises Unresolved.
        """
        texts = [self.known(text) for text in texts if text is not None]
        found = next((text for text in texts if names(text) and self.holds(text, wanted)), None)
        if found is None:
            if all(equal(one, wanted[0]) for one in wanted):
                plain = next((text for text in texts if self.holds(text, wanted)), None)
                return literal(wanted[0]) if plain is None else plain
            shared = (name for name in self.values[0] if name not in self.aliases)
            known = (name for name in shared if all(name in values for values in self.values))
            found = next((name for name in known if self.holds(name, wanted)), None)
        if found is None:
            if not added or self.counter:
                raise Unresolved
            found = added
            while found in self.added or any(found in values for values in self.values):
                found += "_"
            self.added[found] = wanted
        self.written.append(found)
        return found

    def copies(self, counts: Sequence[int], counter: str) -> Frame:
        """The frame of the copies of a repeat, which are counted from 1."""
        values = [
            {**known, counter: number}
            for known, count in zip(self.values, counts, strict=True)
            for number in range(1, count + 1)
        ]
        return replace(self, values=values, counter=counter)

    def mark(self) -> tuple[int, Sequence[str]]:
        """What was written so far."""
        return len(self.written), list(self.added)

    def back(self, mark: tuple[int, Sequence[str]]) -> None:
        """Forget what was written since."""
        del self.written[mark[0] :]
        for name in [name for name in self.added if name not in mark[1]]:
            del self.added[name]


def product(text: str | None, factors: Sequence[int]) -> str | None:
    """A formula times the sizes of a map: `512 * 7 * 7`."""
    if text is None or prod(factors) == 1:
        return text
    inner = text if text.isidentifier() or text.isdigit() else f"({text})"
    return " * ".join([inner, *map(str, factors)])


def total(texts: Sequence[str | None]) -> str | None:
    """The sum of formulas."""
    known = [text for text in texts if text is not None]
    if len(known) < len(texts):
        return None
    numbers = [int(text) for text in known if text.isdigit()]
    terms = [text for text in known if not text.isdigit()]
    counted = [f"{count} * ({term})" if (count := terms.count(term)) > 1 else term for term in dict.fromkeys(terms)]
    return tidy(" + ".join([*counted, *[str(sum(numbers))] * bool(numbers)]))
