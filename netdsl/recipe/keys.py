"""What a recipe's keys may be: the fields of its class say which values they take, and what they are for.

The reader, the writer and the documentation all read them.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from dataclasses import dataclass
from math import inf, isfinite
from typing import Any, cast

from netdsl.recipe import mistakes
from netdsl.text.advice import perhaps, write
from netdsl.text.mistake import Wrong
from netdsl.text.suggest import closest

_CHANNELS, _SCALE = 1024, 1e9
"""What a compiled file may say of the preparation of pictures: how many channels, and how large numbers are."""
MOST = 2**63 - 1
"""TOML's largest whole number."""


@dataclass(frozen=True)
class Kind:
    """A kind of value: `noun` names it for people, `read` turns what was given into what the field holds, or raises
    Wrong. `choices` are the words that stand for themselves.
    """

    noun: str
    read: Callable[[object], Any]
    choices: tuple[str, ...] = ()


def key(kind: Kind, help: str, default: object) -> Any:
    """A key of a recipe, with its words."""
    return dataclasses.field(default=default, metadata={"key": (kind, help)})


def shown(value: object) -> str:
    """A value as TOML writes it."""
    match value:
        case bool():
            return "true" if value else "false"
        case str():
            return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
        case list() | tuple():
            return f"[{', '.join(map(shown, cast('list[object]', value)))}]"
        case dict():
            return "a table"
        case _:
            return str(value)


def number(*, over: float = -inf, least: float = -inf, below: float = inf) -> Kind:
    """A number within bounds, of which `over` and `below` are outside."""
    lower = f"above {over:g}" if over > -inf else f"from {least:g}"
    noun = f"a number {lower}" + (f" and below {below:g}" if below < inf else "")

    def read(value: object) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise Wrong(mistakes.WrongKind(shown(value), noun, _unquoted(value)))
        if not _finite(value):
            raise Wrong(mistakes.OutOfRange(shown(value), "a number that is finite"))
        if not (over < value and least <= value < below):
            percent = below == 1 and 2 <= value < 100
            raise Wrong(mistakes.OutOfRange(shown(value), noun, write(f"{value / 100:g}") if percent else ""))
        return float(value)

    return Kind(noun, read)


def whole(least: int) -> Kind:
    """A whole number from `least`."""
    noun = f"a whole number from {least}"

    def read(value: object) -> int:
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise Wrong(mistakes.WrongKind(shown(value), noun, _unquoted(value)))
        if not (least <= value <= MOST):
            raise Wrong(mistakes.OutOfRange(shown(value), noun if value < least else f"{noun} to {MOST}"))
        if isinstance(value, float):
            raise Wrong(mistakes.WrongKind(shown(value), noun, write(str(int(value))) if value.is_integer() else ""))
        return value

    return Kind(noun, read)


def switch() -> Kind:
    """True or false."""
    noun = "true or false"

    def read(value: object) -> bool:
        if not isinstance(value, bool):
            meant = {"true": "true", "yes": "true", "1": "true", "false": "false", "no": "false", "0": "false"}
            found = meant.get(str(value).lower(), "")
            raise Wrong(mistakes.WrongKind(shown(value), noun, write(found) if found else ""))
        return value

    return Kind(noun, read)


def choice(*words: str) -> Kind:
    """One of some words."""
    noun = _either(words)

    def read(value: object) -> str:
        if not isinstance(value, str):
            raise Wrong(mistakes.WrongKind(shown(value), noun))
        return _word(value, words)

    return Kind(noun, read, words)


def several(*words: str) -> Kind:
    """A list of some words in any order, each once; one alone may stand without brackets, and "none" for none."""
    noun = f"a list of {_either(words, 'and')}"

    def read(value: object) -> tuple[str, ...]:
        alone = isinstance(value, str)
        given = [value] if alone else _list(value)
        if given is None:
            raise Wrong(mistakes.WrongKind(shown(value), noun))
        if given == ["none"]:
            return ()
        found: list[str] = []
        for one in given:
            if not isinstance(one, str):
                raise Wrong(mistakes.WrongKind(shown(one), _either(words)))
            if (word := _word(one, words, alone=alone)) in found:
                raise Wrong(mistakes.WordTwice(word))
            found.append(word)
        return tuple(word for word in words if word in found)

    return Kind(noun, read, words)


def statistics(*words: str) -> Kind:
    """One of some words, or means and deviations: two numbers, or two lists of as many."""
    noun = f"{_either(words)}, or means and deviations such as [[0.5, 0.5, 0.5], [0.25, 0.25, 0.25]]"

    def read(value: object) -> str | tuple[tuple[float, ...], tuple[float, ...]]:
        if isinstance(value, str):
            return _word(value, words)
        rows = [_list(one) or [one] for one in _list(value) or ()]
        if len(rows) != 2 or len(rows[0]) != len(rows[1]) or len(rows[0]) > _CHANNELS:
            raise Wrong(mistakes.WrongKind(shown(value), noun))
        finite, positive = number(over=-_SCALE, below=_SCALE), number(over=1 / _SCALE, below=_SCALE)
        return tuple(map(finite.read, rows[0])), tuple(map(positive.read, rows[1]))

    return Kind(noun, read, words)


def _word(value: str, words: tuple[str, ...], *, alone: bool = True) -> str:
    """A word among those that are known. Raises Wrong, with the one that was likely meant; `alone` where it is all."""
    if value in words:
        return value
    near = _ELSEWHERE.get(value.lower(), "") if _ELSEWHERE.get(value.lower(), "") in words else closest(value, words)
    text = f'"{near}"'
    hint = (perhaps(f"did you mean {text}?", text) if alone else f"did you mean {text}?") if near else ""
    raise Wrong(mistakes.UnknownChoice(f'"{value}"', _either(words), hint))


_ELSEWHERE = {
    "reducelronplateau": "plateau",
    "steplr": "step",
    "multistep": "step",
    "cosineannealing": "cosine",
    "cosineannealinglr": "cosine",
    "none": "constant",
    "fixed": "constant",
    "color": "colour",
    "jitter": "colour",
    "colorjitter": "colour",
    "pca": "lighting",
    "horizontalflip": "flip",
    "hflip": "flip",
    "mirror": "flip",
    "randomcrop": "crop",
    "float32": "fp32",
    "float16": "fp16",
    "half": "fp16",
    "bfloat16": "bf16",
    "momentum": "sgd",
    "dataset": "data",
}
"""What others call some of these words."""


def _either(words: tuple[str, ...], joint: str = "or") -> str:
    """Words in quotes, as a sentence has them."""
    quoted = [f'"{one}"' for one in words]
    return f"{', '.join(quoted[:-1])} {joint} {quoted[-1]}"


def _list(value: object) -> list[object] | None:
    return list(cast("list[object]", value)) if isinstance(value, list | tuple) else None


def _finite(value: float) -> bool:
    try:
        return isfinite(value)
    except OverflowError:  # a whole number beyond what a float holds
        return False


def _unquoted(value: object) -> str:
    """The fix of a number in quotes."""
    try:
        return write(f"{float(value):g}") if isinstance(value, str) and isfinite(float(value)) else ""
    except ValueError:
        return ""
