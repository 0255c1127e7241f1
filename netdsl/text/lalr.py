"""A parser that follows tables, made by `text/tables.py` from the grammar: LALR, with a contextual lexer.

Which word is which terminal depends on what may stand there: of the terminals that the parser's state takes, it is
the first in the tables' order that matches.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, TypedDict

END = "$END"


class Rule(TypedDict):
    """What is done once the symbols of a rule have been read.

    `children` says which of them count, where it is not all: their indices, `~index` for one that is a list of such,
    None for an optional part that is not there. `builder` is the name of the function that takes them; without one they
    stay a list. One that is `single` stands for itself.
    """

    origin: str
    size: int
    children: Sequence[int | None] | None
    builder: str
    single: bool


class Tables(TypedDict):
    """A grammar, ready to be followed. In a state, a symbol leads to another one, or `~index` to a rule.

    `terminals` are names and regular expressions. Some are one text of another terminal: `keywords` gives them by that
    text, `hosts` the other terminal of each.
    """

    grammar: int
    terminals: Sequence[tuple[str, str]]
    keywords: Mapping[str, str]
    hosts: Mapping[str, str]
    ignored: str
    rules: Sequence[Rule]
    states: Sequence[Mapping[str, int]]
    end: int


class Token(NamedTuple):
    """A word of a text, the terminal that it is, and where it stands."""

    kind: str
    text: str
    start: int
    end: int


class Unexpected(Exception):
    """What may not stand where it does: its terminal ("" for none, END for nothing more), and those that may."""

    def __init__(self, at: int, kind: str, expected: frozenset[str]) -> None:
        super().__init__()
        self.at, self.kind, self.expected = at, kind, expected


class Parser:
    """Reads a text by its tables, and calls a method of `builder` for each rule, with what its symbols came to."""

    def __init__(self, tables: Tables, builder: object) -> None:
        self._tables = tables
        self._rules = [_step(rule, builder) for rule in tables["rules"]]
        self._skip = re.compile(tables["ignored"])
        self._lexers: dict[frozenset[str], re.Pattern[str]] = {}
        self._any = self._lexer(frozenset(name for name, _ in tables["terminals"]))

    def parse(self, text: str, start: int, end: int) -> Any:
        """What the builder makes of a stretch of a text. Raises Unexpected, and what the builder raises."""
        table, rules, last = self._tables["states"], self._rules, self._tables["end"]
        keywords, match = self._tables["keywords"], self._any.match
        states = [0]
        values: list[Any] = []
        row = table[0]
        at = start
        while True:
            found = match(text, at, end)
            if found:
                kind = found.lastgroup or ""
                first, behind = found.span(kind)
                said = text[first:behind]
                kind = keywords.get(said, kind)
                token = Token(kind, said, first, behind) if kind in row else self._contextual(text, at, end, row)
            else:
                token = self._contextual(text, at, end, row)
            kind, at = token.kind, token.end
            while (action := row.get(kind)) is None or action < 0:
                if action is None:
                    raise Unexpected(token.start, kind, frozenset(name for name in row if name.isupper()))
                origin, size, kept, builder, single = rules[~action]
                children = values[-size:]
                del values[-size:], states[-size:]
                if kept is not None:
                    children = _children(children, kept)
                if builder is None:
                    values.append(children[0] if single else children)
                else:
                    values.append(children[0] if single and len(children) == 1 else builder(children))
                target = table[states[-1]][origin]
                if kind == END and target == last:
                    return values[-1]
                states.append(target)
                row = table[target]
            states.append(action)
            values.append(token)
            row = table[action]

    def _contextual(self, text: str, at: int, end: int, row: Mapping[str, int]) -> Token:
        """The next token, of those that a state takes. Raises Unexpected."""
        skipped = self._skip.match(text, at, end)
        first = skipped.end() if skipped else at
        if first == end:
            return Token(END, "", first, first)
        kinds = frozenset(row)
        if found := self._lexer(kinds).match(text, at, end):
            kind = found.lastgroup or ""
            first, behind = found.span(kind)
            said = text[first:behind]
            keyword = self._tables["keywords"].get(said, kind)
            return Token(keyword if keyword in kinds else kind, said, first, behind)
        allowed = [name for name, _ in self._alternatives(kinds)]
        found = self._any.match(text, at, end)
        kind = "" if found is None else self._tables["keywords"].get(found[found.lastgroup or 0], found.lastgroup or "")
        raise Unexpected(first, kind, frozenset(allowed or (END,)))

    def _alternatives(self, kinds: frozenset[str]) -> list[tuple[str, str]]:
        """The terminals among some, but for those that others of them match too."""
        hosts = self._tables["hosts"]
        return [one for one in self._tables["terminals"] if one[0] in kinds and hosts.get(one[0]) not in kinds]

    def _lexer(self, kinds: frozenset[str]) -> re.Pattern[str]:
        if kinds not in self._lexers:
            alternatives = "|".join(f"(?P<{name}>{regex})" for name, regex in self._alternatives(kinds))
            self._lexers[kinds] = re.compile(f"{self._tables['ignored']}(?:{alternatives or '(?!)'})")
        return self._lexers[kinds]


_Step = tuple[str, int, "Sequence[int | None] | None", "Callable[[list[Any]], Any] | None", bool]


def _step(rule: Rule, builder: object) -> _Step:
    """A rule with its builder's method, which one that always stands for its only child has no need of."""
    method = getattr(builder, rule["builder"], None) if rule["builder"] else None
    return rule["origin"], rule["size"], rule["children"], method, rule["single"]


def _children(children: list[Any], kept: Sequence[int | None]) -> list[Any]:
    made: list[Any] = []
    for index in kept:
        if index is None:
            made.append(None)
        elif index >= 0:
            made.append(children[index])
        elif made:
            made += children[~index]
        else:  # a list that grows by one at each turn
            made = children[~index]
    return made
