"""How values show themselves in a session of Python and in notebooks: in a line, or as the page that they print."""

from __future__ import annotations

from netdsl.text import safe
from netdsl.text.fit import clipped

_WIDEST = 120
_MOST_LINES = 200
_LAST_LINES = 15


class Line:
    """A value that shows itself in one line, `<Graph "VGG-16": 40 layers>`; a subclass says what it is `about`."""

    __slots__ = ()

    @property
    def about(self) -> str:
        """What the line says behind the name of the class."""
        raise NotImplementedError

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {clipped(safe.line(self.about), _WIDEST)}>"


class Page:
    """A value that prints as a page of text, and shows itself so; of a long one the first and the last lines."""

    __slots__ = ()

    def __repr__(self) -> str:
        return bounded(str(self))

    def _repr_html_(self) -> str:
        """The page, for notebooks."""
        return preformatted(repr(self))


def bounded(page: str) -> str:
    """A page of so many lines at most, none too long; between the first and the last it says what is left out."""
    lines = page.split("\n")
    if left := max(0, len(lines) - _MOST_LINES):
        left += 1
        rest = f"… {left:,} lines more, which print() shows …"
        lines = [*lines[: _MOST_LINES - _LAST_LINES - 1], rest, *lines[-_LAST_LINES:]]
    return "\n".join([clipped(line, _WIDEST) for line in lines])


def preformatted(page: str) -> str:
    """A page of text as HTML, in columns as it is."""
    return f"<pre>{safe.html_lines(page)}</pre>"
