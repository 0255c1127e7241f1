"""What pictures call things: names as the program gives them, numbers in thousands and millions."""

from __future__ import annotations

import re

from netdsl.graph.outline import Placed
from netdsl.text import safe
from netdsl.text.fit import clipped

_DIMS = re.compile(r"(?<=\d)x(?=\d)")


def magnitude(number: int) -> str:
    """A number with at most four digits and a decimal prefix: `11.51 G`."""
    for size, prefix in ((10**12, "T"), (10**9, "G"), (10**6, "M")):
        if number >= size:
            return f"{number / size:.4g} {prefix}"
    return f"{number:,}"


def dims(text: str) -> str:
    """Dims with a multiplication sign, as figures have them: `55×55×96`."""
    return _DIMS.sub("×", text)


def application(path: str, owner: str) -> tuple[str, str]:
    """What is applied again and whose weights it uses, of the paths of a layer in it: `far.conv1`, `enc.conv1`.

    These give `far` and `enc`. The owner's name leaves out the scopes that are around both.
    """
    ours, theirs = path.split("."), owner.split(".")
    while len(ours) > 1 and len(theirs) > 1 and ours[-1] == theirs[-1]:
        ours.pop()
        theirs.pop()
    common = 0
    while common < min(len(ours), len(theirs)) - 1 and ours[common] == theirs[common]:
        common += 1
    return ".".join(ours), ".".join(theirs[common:])


def call(scope: Placed) -> str:
    """A call with its arguments' values, on one line; nothing for a group."""
    if scope.title == scope.name:
        return ""
    return dims(clipped(plain(scope.title), 60))


def plain(text: str) -> str:
    """Text on one line, safe to be shown."""
    return safe.line(" ".join(text.split()))
