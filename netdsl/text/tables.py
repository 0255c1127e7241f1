"""Makes the tables that `text/lalr.py` follows from the grammar, by Lark: `python -m netdsl.text.tables` writes them.

They lie beside the grammar as plain data, so that nothing has to be made, or kept between runs, to read a program.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, cast
from zlib import crc32

from netdsl import resources
from netdsl.text.lalr import Rule, Tables


def load() -> Tables:
    """The tables of the grammar: those beside it, or, while somebody is changing the grammar, ones made anew."""
    grammar = resources.grammar()
    kept = cast(Tables, json.loads(resources.tables().read_text(encoding="utf-8")))
    return kept if kept["grammar"] == crc32(grammar.encode()) else make(grammar)


def make(grammar: str) -> Tables:
    """The tables of a grammar, the same for the same grammar."""
    from lark import Lark

    parser: Any = Lark(grammar, parser="lalr", lexer="contextual", maybe_placeholders=True)
    ignored = [one.pattern.to_regexp() for one in parser.terminals if one.name in parser.ignore_tokens]
    terminals: list[Any] = sorted(
        (one for one in parser.terminals if one.name not in parser.ignore_tokens),
        key=lambda one: (-one.priority, -one.pattern.max_width, -len(one.pattern.value), one.name),
    )
    keywords = [(one, host) for one in terminals for host in terminals if _is_keyword(one, host)]
    rules: list[Any] = sorted(parser.rules, key=lambda rule: (rule.origin.name, rule.order))
    table: Any = parser.parser.parser._parse_table
    numbers = _numbered(table.states, table.start_states["start"])
    index = {rule: ~number for number, rule in enumerate(rules)}
    return {
        "grammar": crc32(grammar.encode()),
        "terminals": [(one.name, one.pattern.to_regexp()) for one in terminals],
        "keywords": {one.pattern.value: one.name for one, _ in keywords},
        "hosts": {one.name: host.name for one, host in keywords},
        "ignored": f"(?:{'|'.join(ignored)})*+",
        "rules": [_rule(rule) for rule in rules],
        "states": [
            {
                symbol: index[to] if to in index else numbers[to]
                for symbol, (_, to) in sorted(table.states[state].items())
            }
            for state in numbers
        ],
        "end": numbers[table.end_states["start"]],
    }


def _is_keyword(one: Any, host: Any) -> bool:
    """Whether a terminal of one text is matched by another of the same priority, a regular expression, too."""
    if one.pattern.type != "str" or host.pattern.type != "re" or one.priority != host.priority:
        return False
    return re.fullmatch(host.pattern.to_regexp(), one.pattern.value) is not None


def _numbered(states: Mapping[Any, Mapping[str, Any]], start: Any) -> dict[Any, int]:
    """The states in the order in which they are met from the first one; Lark's own order is another in each run."""
    numbers = {start: 0}
    for state in (met := [start]):
        for _, (_, to) in sorted(states[state].items()):
            if to in states and to not in numbers:
                numbers[to] = len(numbers)
                met.append(to)
    return numbers


def _rule(rule: Any) -> Rule:
    """A rule as Lark shapes its children: some tokens are left out, optional parts are None, and lists are joined."""
    kept: list[int | None] = []
    absent = list(rule.options.empty_indices)
    for number, symbol in enumerate(rule.expansion):
        while absent and absent.pop(0):
            kept.append(None)
        if rule.options.keep_all_tokens or not (symbol.is_term and symbol.filter_out):
            kept.append(~number if _is_list(symbol) else number)
    kept += [None for one in absent if one]
    helper = _is_list(rule.origin)
    return {
        "origin": rule.origin.name,
        "size": len(rule.expansion),
        "children": None if kept == list(range(len(rule.expansion))) else kept,
        "builder": "" if helper else str(rule.alias or rule.origin.name),
        "single": bool(rule.options.expand1 and not rule.alias),
    }


def _is_list(symbol: Any) -> bool:
    """Whether a symbol is one that Lark made for the turns of a `*` or `+`."""
    return not symbol.is_term and symbol.name.startswith("_")


def written(tables: Tables) -> str:
    """Tables as JSON, a line for each terminal, rule and state."""
    lines: list[str] = []
    for key, value in cast("dict[str, Any]", tables).items():
        shown = json.dumps(value)
        if isinstance(value, list):
            rows = ",\n".join(f"  {json.dumps(one)}" for one in cast("list[Any]", value))
            shown = f"[\n{rows}\n]"
        lines.append(f"{json.dumps(key)}: {shown}")
    return "{\n" + ",\n".join(lines) + "\n}\n"


if __name__ == "__main__":
    resources.tables().write_text(written(make(resources.grammar())), encoding="utf-8")
