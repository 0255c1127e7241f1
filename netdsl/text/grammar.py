"""Lark's parser for `grammar/net.lark`, by tables that lie beside the grammar; `make grammar` writes them.

They are plain data, so that nothing has to be made, or kept between runs, to read a program: what Lark itself keeps
is a pickle, which is code to whoever may write it.
"""

from __future__ import annotations

import json
from typing import Any, cast
from zlib import crc32

import lark
from lark import Lark, TextSlice, Token
from lark.exceptions import UnexpectedCharacters, UnexpectedToken
from lark.lexer import LexerState, LexerThread, LineCounter

from netdsl import resources

END = "$END"
_LEXER_END = "<END-OF-FILE>"
"""What Lark's lexer calls the end; its parser calls it `$END`."""
_FORM = lark.__version__.rpartition(".")[0]
"""The releases of Lark that may read each other's tables."""


class Unexpected(Exception):
    """What may not stand where it does: its terminal ("" for none, END for nothing more), and those that may."""

    def __init__(self, at: int, kind: str, expected: frozenset[str]) -> None:
        super().__init__()
        self.at, self.kind, self.expected = at, kind, expected


class Parser:
    """Reads a text by the grammar, and calls a method of `builder` for each rule, with what its symbols came to."""

    def __init__(self, builder: object) -> None:
        kept = json.loads(resources.tables().read_text(encoding="utf-8"), object_hook=_numbered)
        fits = (kept["grammar"], kept["lark"]) == (_sum(), _FORM)
        kept = kept if fits else tables()  # somebody is changing the grammar, or has another Lark
        load = cast(Any, Lark)._load_from_dict
        self._front: Any = load(kept["data"], kept["memo"], transformer=builder).parser

    def parse(self, text: str, start: int, end: int) -> Any:
        """What the builder makes of a stretch of a text. Raises Unexpected, and what the builder raises."""
        try:
            state = LexerState(TextSlice(text, start, end), _at(start))
            return self._front.parser.parse(LexerThread(self._front.lexer, state), "start")
        except UnexpectedToken as error:
            token = cast(Token, error.token)
            at = end if token.type == END or token.start_pos is None else token.start_pos
            raise Unexpected(at, token.type, _names(error.expected)) from None
        except UnexpectedCharacters as error:
            raise Unexpected(cast(int, error.pos_in_stream), "", _names(cast(Any, error).allowed)) from None


def _at(start: int) -> LineCounter:
    """Where a stretch begins. Nothing asks for its line, which Lark would count from the beginning of the text."""
    counter = LineCounter("\n")
    counter.char_pos = start
    return counter


def _names(expected: Any) -> frozenset[str]:
    return frozenset(END if one == _LEXER_END else one for one in expected or ())


def _numbered(keys: dict[str, Any]) -> dict[Any, Any]:
    """A dictionary of JSON, whose keys are strings, with the numbers that some of them were."""
    return {int(key) if key.isdecimal() else key: value for key, value in keys.items()}


def _sum() -> int:
    return crc32(resources.grammar().encode())


def tables() -> dict[str, Any]:
    """The tables of the grammar, as Lark writes and reads them."""
    from lark.grammar import Rule
    from lark.lexer import TerminalDef

    made: Any = Lark(resources.grammar(), parser="lalr", lexer="contextual", maybe_placeholders=True)
    data, memo = made.memo_serialize([TerminalDef, Rule])
    return {"grammar": _sum(), "lark": _FORM, "data": data, "memo": memo}


if __name__ == "__main__":
    resources.tables().write_text(json.dumps(tables(), separators=(",", ":")) + "\n", encoding="utf-8")
