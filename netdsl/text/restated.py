"""A statement of another language, or one that is spelt wrong, as it is written here: in its own names and numbers."""

from __future__ import annotations

import re
from collections.abc import Callable
from itertools import pairwise

from netdsl.text import elsewhere

EXAMPLES = {
    "network": 'network "LeNet-5"',
    "meta": "meta year = 1998",
    "param": "param classes = 10",
    "use": 'use "blocks.net"',
    "block": "block unit(n) = CONV n 3 p1 -> RELU",
    "output": "output a, b",
    "expect": "expect params of conv1 = 156",
}
"""A statement of every keyword."""

QUANTITIES = frozenset(
    ("shape", "params", "macs", "flops", "connections", "memory", "weights", "field", "stride", "depth", "peak")
)

_LONGEST = 60
_NAME = r"[A-Za-z_]\w*"
_VALUE = r"-?\d[\w.]*|\"[^\"]*\"|\{[^{}]*\}"
_RELATIONS = elsewhere.by_word(
    {
        "== is be equals": "=",
        "=> ≥": ">=",
        "=< ≤": "<=",
        "about around approximately": "~",
        "below under": "<",
        "above over": ">",
    }
)


def restated(keyword: str, text: str) -> str:
    """The statement of a keyword that is meant by some text behind that, or behind a word for it; "" if unclear."""
    written = _FORMS[keyword](text.strip().rstrip(";")) if len(text) < 3 * _LONGEST else ""
    return written if len(written) <= _LONGEST else ""


def advice(keyword: str, text: str) -> str:
    """To write that, or where it is unclear a statement like an example."""
    written = restated(keyword, text)
    return f"write {written}" if written else f"write it like {EXAMPLES[keyword]}"


def _network(text: str) -> str:
    title = re.fullmatch(r"\W*([^\"'`]+?)[\W]*", text)
    return f'network "{title[1]}"' if title else ""


def _assigned(keyword: str) -> Callable[[str], str]:
    def form(text: str) -> str:
        pair = re.fullmatch(
            rf"(?:(?:int|float|str|string|number)\s+)?({_NAME})\s*(?::\s*\w+\s*=|:=|==|=|:|\s)\s*(.+)", text
        )
        if pair is None:
            return ""
        value = re.sub(r"^'(.*)'$", r'"\1"', pair[2].strip())
        return f"{keyword} {pair[1].lower()} = {value}" if re.fullmatch(_VALUE, value) else ""

    return form


def _use(text: str) -> str:
    path = re.search(r"[\w./-]+", text.removeprefix("from"))
    if path is None:
        return ""
    return f'use "{path.group()}"' if "." in path.group() else f'use "{path.group()}.net"'


def _block(text: str) -> str:
    header = re.match(rf"\W*({_NAME})[\"'`]?\s*(?:[(\[<]([^()\[\]<>]*)[)\]>]?)?\s*(?::=|->|[=:{{])?\s*", text)
    if header is None:
        return ""
    parameters = [
        re.sub(r"\s*=\s*", "=", re.sub(r":\s*[\w.]+", "", one)).strip() for one in (header[2] or "").split(",")
    ]
    chain = re.sub(r"^return\s+", "", text[header.end() :].strip().rstrip("}").strip())
    chain = "" if chain.count("(") != chain.count(")") else chain
    return f"block {header[1].lower()}({', '.join(filter(None, parameters)).lower()}) = {chain or '…'}"


def _output(text: str) -> str:
    names = re.findall(r"[a-z_][\w.]*", text)
    return f"output {', '.join(names)}" if names and not re.search(r"[A-Z({]", text) else ""


def _expect(text: str) -> str:
    """`that the params of conv1 should be 1792` as `expect params of conv1 = 1792`."""
    words = re.findall(r"[a-zA-Z_][\w.]*|-?\d[\w.,]*|[<>=~≤≥]+", text)
    of = next((after for word, after in pairwise(words) if word == "of"), "")
    quantity = next((word for word in words if word.rpartition(".")[2] in QUANTITIES), "")
    value = next((word for word in reversed(words) if word[0].isdigit()), "").replace(",", "").rstrip(".")
    if "." in quantity:
        of, _, quantity = quantity.rpartition(".")
    if not quantity or not value:
        return ""
    signs = [_RELATIONS.get(word, word) for word in words]
    relation = next((sign for sign in signs if sign in {"=", "<", "<=", ">", ">=", "~"}), "=")
    return f"expect {quantity}{of and f' of {of}'} {relation} {value}"


_FORMS: dict[str, Callable[[str], str]] = {
    "network": _network,
    "meta": _assigned("meta"),
    "param": _assigned("param"),
    "use": _use,
    "block": _block,
    "output": _output,
    "expect": _expect,
}
