"""The one tokeniser: where the words, numbers, strings and signs of a text begin and end, be it a program or not.

A terminal of `grammar/net.lark` is one of these tokens, or several that touch, as in `x{` and `1e-4`.
"""

from __future__ import annotations

import re

KEYWORDS = frozenset({"network", "meta", "param", "use", "block", "output", "expect"})
SPACE = " \t\f\r"
"""What may stand between two tokens of a line; a carriage return only at its end."""
BLANK = (
    r"\0-\x08\v\x0e-\x1f\x7f-\xa0\xad\u061c\u1680\u180e\u2000-\u200f\u2028-\u202f\u205f-\u206f\u2800\u3000"
    r"\ufe00-\ufe0f\ufeff\ufff9-\ufffb\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
)
"""What looks like space, or like nothing, and is an error outside strings and comments."""

STRING = r'"[^"\\\r\n]*(?:\\[^\r\n][^"\\\r\n]*)*"?'
"""A string, closed or not."""
COMMENT = r"\#[^\r\n]*"
WORD = r"[^\W\d]\w*"
"""A word, be it a name, a keyword or neither."""
NAME = r"[a-z_][a-z0-9_]*"
NUMBER = r"\d\w*(?:\.\w+)*"
"""What begins as a number: `5`, `0.5`, `3x3`, `35K`."""

_TOKEN = rf"""(?P<string>{STRING})
      | (?P<comment>{COMMENT})
      | (?P<newline>\n)
      | (?P<open>[\[({{])
      | (?P<close>[\])}}])
      | (?P<joint>-+>|[<>=!:]=|=(?!>)|[|,:])
      | (?P<sign>[-+])
      | (?P<word>{WORD}(?:\.\w+)*)
      | (?P<blank>\r(?![\r\n]|\Z)|(?P<one>[{BLANK}])(?P=one)*)
      | (?P<other>{NUMBER}|=>|//|\S)"""
TOKEN = re.compile(_TOKEN, re.VERBOSE)
SHOWN = re.compile(rf"-{NUMBER} | {_TOKEN} | .", re.VERBOSE | re.DOTALL)
"""What a message shows of a text: a token, with the sign that a number may have."""
NAMES = re.compile(NAME)
_COMMENTS = re.compile(f"({STRING})|{COMMENT}")


def code(text: str) -> str:
    """A text with space in place of its comments, and none at its end; offsets stay."""
    return _COMMENTS.sub(lambda match: match[1] or " " * len(match.group()), text).rstrip()


def quoted(text: str) -> str:
    """A text as a string of the language."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
