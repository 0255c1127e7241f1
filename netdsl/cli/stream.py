"""What commands print: results to stdout, the rest to stderr, whatever these are and in whatever encoding.

Nothing printed commands a terminal but netdsl's own colours, and nothing fails for want of a character: what an
encoding lacks is written by the nearest of ASCII. A reader that goes away, as `head` does, ends no command.
"""

from __future__ import annotations

import codecs
import io
import json
import os
import re
import sys
import unicodedata
from collections.abc import Callable, Iterable
from functools import partial
from itertools import islice
from typing import Any

import click

from netdsl.text import safe
from netdsl.text.fit import columns
from netdsl.text.tabulate import PLAIN, WIDTH, Look

_LINES = 1000
_STYLE = re.compile(r"(\x1b\[[0-9;]*m)")
_NOT_ASCII = re.compile(r"[^\x00-\x7f]")
_ASCII = "netdsl_ascii"
_NEAREST = {
    **dict(zip("×∗·÷−–—─│≈‘’“”„´′\N{FRACTION SLASH}", "x**/----|~''\"\"\"''/", strict=True)),
    "→": "->",
    "⟶": "->",
    "⇒": "=>",
    "±": "+-",
    "≤": "<=",
    "≥": ">=",
    "√": "sqrt",
    "Σ": "sum",
    "…": "~",
    "⌊": "floor(",
    "⌋": ")",
    "⌈": "ceil(",
    "⌉": ")",
}
"""What stands for signs that an encoding lacks."""
_LETTER = re.compile(r"(LATIN|GREEK) (CAPITAL|SMALL) LETTER ([A-Z]+)\b")


def colours(stream: Any) -> bool:
    """Whether a stream shows colours: a terminal, unless NO_COLOR is set. None, one that was closed, shows none."""
    return stream is not None and bool(stream.isatty()) and not os.environ.get("NO_COLOR")


def width(stream: Any) -> int | None:
    """The columns that sentences are wrapped at: of COLUMNS, or else of the terminal; None where there is neither."""
    told = os.environ.get("COLUMNS", "")
    if told.isascii() and told.isdigit() and len(told) < 6 and int(told):
        return int(told)
    try:
        return os.get_terminal_size(stream.fileno()).columns or None if stream.isatty() else None
    except (AttributeError, OSError, ValueError):  # a stream without a file behind it
        return None


def out(text: str, *, nl: bool = True, styled: bool = False) -> None:
    """Print a result, whose styles stay where it is `styled`. Raises OSError where it cannot be written."""
    try:
        click.echo(_held(text, styled), nl=nl, color=True)
    except BrokenPipeError:
        _silence(sys.stdout)


def page(made: Callable[[Look], str | Iterable[str]]) -> None:
    """Print a result, or its lines, made for the width and the colours of stdout. Raises OSError as out does."""
    look = Look(width(sys.stdout) or WIDTH, colours(sys.stdout)) if sys.stdout and sys.stdout.isatty() else PLAIN
    found = made(look)
    lines([found] if isinstance(found, str) else found, partial(out, styled=look.colour))


def data(text: str) -> None:
    """Print JSON, in which what the encoding lacks is escaped, and so means the same. Raises OSError as out does."""
    try:
        text.encode(getattr(sys.stdout, "encoding", None) or "utf-8")
    except UnicodeEncodeError:
        text = _NOT_ASCII.sub(lambda found: json.dumps(found[0])[1:-1], text)
    out(text)


def lines(made: Iterable[str], put: Callable[[str], None] = out) -> None:
    """Print a result line by line, as it is made, as `out` does or `data`. Raises OSError as they do."""
    pending = iter(made)
    while some := list(islice(pending, _LINES)):
        put("\n".join(some))


def line(text: str) -> None:
    """Print a result of one line, which may hold the name of a file or a title. Raises OSError as out does."""
    out(safe.line(text))


def note(text: str, *, styled: bool = False) -> None:
    """Say something on stderr, where that can be written."""
    try:
        click.echo(_held(text, styled), err=True, color=True)
    except OSError:
        _silence(sys.stderr)


def program(text: str) -> None:
    """Print a program: on a terminal as all else; into a pipe or file all of its characters, in UTF-8."""
    if sys.stdout is None or sys.stdout.isatty():
        out(text, nl=False)
        return
    try:
        sys.stdout.flush()
        sys.stdout.buffer.write(text.encode())
        sys.stdout.buffer.flush()
    except BrokenPipeError:
        _silence(sys.stdout)


def _held(text: str, styled: bool) -> str:
    parts = _STYLE.split(text) if styled else [text]
    return "".join([part if at % 2 else safe.lines(part) for at, part in enumerate(parts)])


def _silence(stream: Any) -> None:
    """Let what is written further go nowhere."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, stream.fileno())
    except (OSError, ValueError):  # no file is behind it
        pass
    finally:
        os.close(nowhere)


def prepare() -> None:
    """Make the streams of this process as said above."""
    codecs.register(_codec)
    codecs.register_error("netdsl", _nearest)
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        stream = getattr(sys, name)
        if stream is None:  # closed, so that the next file that is opened would stand in its place
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: SIM115 - it stays open
        elif isinstance(stream, io.TextIOWrapper) and mode == "w":
            ascii = codecs.lookup(stream.encoding).name == "ascii"
            stream.reconfigure(encoding=_ASCII if ascii else None, errors="netdsl")


def speller(stream: Any) -> Callable[[str], str] | None:
    """How a character is shown in a program on a stream whose encoding may lack it: signs by their code points.

    None where nothing is lacking.
    """
    encoding = getattr(stream, "encoding", None) or "utf-8"
    if codecs.lookup(encoding).name.startswith("utf"):
        return None

    def spelled(character: str) -> str:
        try:
            character.encode(encoding)
        except UnicodeEncodeError:
            return _plain(character) if _LETTER.match(unicodedata.name(character, "")) else f"U+{ord(character):04X}"
        return character

    return spelled


def _codec(name: str) -> codecs.CodecInfo | None:
    """ASCII by another name, since click takes UTF-8 where it meets it by its own."""
    if name != _ASCII:
        return None
    plain = codecs.lookup("ascii")
    return codecs.CodecInfo(*plain, plain.incrementalencoder, plain.incrementaldecoder, name=_ASCII)


def _nearest(error: UnicodeError) -> tuple[str, int]:
    """What is written in place of characters that an encoding lacks."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    lost = error.object[error.start : error.end]
    return "".join([_NEAREST.get(one) or _plain(one) for one in lost]), error.end


def _plain(character: str) -> str:
    """A letter without its marks, or by its name where it is Greek; signs as they are put together."""
    if letter := _LETTER.match(unicodedata.name(character, "")):
        script, case, found = letter.groups()
        return found if case == "CAPITAL" and script == "LATIN" else found.lower() if case == "SMALL" else found.title()
    plain = "".join(_NEAREST.get(one, one) for one in unicodedata.normalize("NFKD", character))
    raised = "^" if unicodedata.decomposition(character).startswith("<super>") else ""
    kept = "".join(one for one in plain if one.isascii())
    return raised + kept if kept else "?" * columns(character)
