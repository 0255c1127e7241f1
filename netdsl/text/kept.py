"""Trees by the text that they were read from, so that what stands in a file again need not be read again.

What is kept are the statements, and the elements of chains without their labels, of the files read last. A tree says
where it stands, in each of its parts; to take it to another place costs half of what it costs to read it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import fields
from operator import attrgetter
from typing import Any, TypeAlias, get_args

from netdsl.text import tree
from netdsl.text.source import Source, Span

Tree: TypeAlias = tree.Statement | tree.Element

_FILES, _TEXTS = 8, 10_000
"""How many files are kept, and how much of each."""
_SHORT, _LONG = 32, 400
"""Texts of up to these lengths are kept, where few brackets open in the longer: to move a tree recurs as they nest."""

_files: deque[Trees] = deque()
_kept: dict[str, tuple[Any, int, Trees]] = {}
"""For each text its tree, where in its file that begins, and the last file that has the text."""


class Trees:
    """The trees of a file that is being read, and of those read before it."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._texts: list[str] = []
        _files.append(self)
        if len(_files) > _FILES:
            _files.popleft()._forget()

    def __contains__(self, text: str) -> bool:
        return text in _kept

    def find(self, text: str, start: int) -> Any:
        """The tree of a text, as it stands at an offset in the file, or None."""
        if (kept := _kept.get(text)) is None:
            return None
        one, before, file = kept
        found = _moved(one, self._source, start - before)
        if file is not self:
            self.keep(text, found, start)
        return found

    def keep(self, text: str, one: Tree, start: int) -> None:
        """Keep the tree of a text that stands at an offset in the file."""
        shallow = len(text) <= _SHORT or (len(text) <= _LONG and sum(map(text.count, "[({")) <= _SHORT // 2)
        if shallow and len(self._texts) < _TEXTS:
            self._texts.append(text)
            _kept[text] = one, start, self

    def _forget(self) -> None:
        for text in self._texts:
            if (kept := _kept.get(text)) and kept[2] is self:
                _kept.pop(text, None)


_KINDS = (
    *get_args(tree.Statement),
    *get_args(tree.Primary),
    *get_args(tree.Expression),
    *(tree.Element, tree.Argument, tree.Parameter, tree.Count),
)
_PLAIN = {"str", "bool", "Number | tuple[Number, ...] | str"}
_VALUES: dict[type, tuple[Callable[[Any], tuple[Any, ...]], tuple[int, ...]]] = {
    kind: (
        attrgetter(*[one.name for one in fields(kind)]),
        tuple([at for at, one in enumerate(fields(kind)[:-1]) if one.type not in _PLAIN]),
    )
    for kind in _KINDS
}
"""What gives the values of a node, of which its span is the last, and the places of others with spans in them."""


def _moved(one: Any, source: Source, by: int) -> Any:
    """A tree, or what it consists of, as it stands so much further on, in a source."""
    kind = one.__class__
    if kind is tuple:
        return tuple([_moved(part, source, by) for part in one])
    if kind is Span:
        return Span(source, one.start + by, one.end + by)
    if kind is str:  # an operator
        return one
    values_of, parts = _VALUES[kind]
    values = [*values_of(one)]
    for part in parts:
        if values[part]:
            values[part] = _moved(values[part], source, by)
    values[-1] = _moved(values[-1], source, by)
    return kind(*values)
