"""Graphviz's HTML-like labels: boxes as stacks of coloured rows, titles of clusters, the caption with its legend."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import ceil
from typing import TypeAlias

from netdsl.draw import metrics
from netdsl.draw.drawing import Box, Cluster, Drawing, Row, Tint
from netdsl.draw.palette import Theme, Tone
from netdsl.text import safe

WIDEST = 34
"""Characters of a box's line before it wraps."""

WIDE = 30
"""Characters of a line of a cluster's title."""

NARROW = 22
"""The same, where a single edge flows in at the middle."""

CHIPS = 5
"""How many entries of the legend stand in a row."""

CHIP = 16
"""The height of one, in points."""

GAP = 4
"""Between two of them."""

SMALL = 8
NORMAL = 10


def font(text: str, *, size: float | None = None, colour: str = "", bold: bool = False) -> str:
    """A piece of text in a style; nothing, where the text is empty, since Graphviz takes no empty element."""
    if not text:
        return ""
    styled = f"<B>{safe.html(text)}</B>" if bold else safe.html(text)
    given = (f' POINT-SIZE="{size:g}"' if size else "") + (f' COLOR="{colour}"' if colour else "")
    return f"<FONT{given}>{styled}</FONT>" if given else styled


def table(rows: Iterable[str], attributes: str = "") -> str:
    """A table without lines; each row holds its cells."""
    body = "".join(f"<TR>{row}</TR>" for row in rows)
    return f'<TABLE BORDER="0" CELLBORDER="0" CELLSPACING="0" CELLPADDING="0"{attributes}>{body}</TABLE>'


def cell(content: str, attributes: str = "") -> str:
    """A table's cell."""
    return f"<TD{attributes}>{content}</TD>"


def wrapped(text: str, width: int = WIDEST) -> list[str]:
    """Text in lines of at most a width, where it has spaces to break it at."""
    plain = " ".join(text.split())
    if len(plain) <= width:
        return [plain]
    return textwrap.wrap(plain, width, break_long_words=len(plain) > 4 * width, break_on_hyphens=False)


def lines(row: Row) -> list[str]:
    """What a row says after its keyword, in lines."""
    first, *rest = wrapped(f"{row.keyword} {row.arguments}")
    return [first[len(row.keyword) :].strip(), *rest]


def box(one: Box, theme: Theme, *, devices: bool, badge: bool, told: bool = False, least: float = 0) -> str:
    """The label of a box, at least so wide; its border and, where it is needed, a badge tell of several devices.

    Whether it is of training alone may be `told` around it.
    """
    main, *followers = one.rows
    tone = theme.training if one.training else theme.roles[main.role]
    accent = theme.device(one.device).accent if devices else tone.accent
    style = ' STYLE="DASHED"' if one.training else ""
    rows = [cell(_main(one, theme, tone.fill, accent if badge else "", one.training and not told))]
    for some in _packed(followers):
        rows.append(cell(table(["".join(_follower(row, theme, one.training) for row in some)])))
    if one.note:
        note = font(one.note, size=SMALL, colour=theme.quiet)
        rows.append(cell(note, f' BGCOLOR="{theme.paper}" CELLPADDING="2"'))
    border = ' BORDER="2"' if devices else ' BORDER="1"'
    if least:
        rows[0] = rows[0].replace("<TD>", f'<TD WIDTH="{least:.0f}">', 1)
    return table(rows, f' COLOR="{accent}"{style}').replace(' BORDER="0"', border, 1)


def _main(one: Box, theme: Theme, fill: str, badge: str, training: bool) -> str:
    """The row of the layer itself: keyword and arguments at the left; name, copies and device at the right."""
    row = one.rows[0]
    first, *rest = lines(row)
    text = font(row.keyword, bold=True) + (f" {safe.html(first)}" if first else "")
    text += "".join(f'<BR ALIGN="LEFT"/>{safe.html(line)}' for line in rest) + ('<BR ALIGN="LEFT"/>' if rest else "")
    right = [font(row.name, size=SMALL, colour=theme.quiet)]
    if one.copies > 1:
        right.append(font(f"×{one.copies}", bold=True))
    if badge:
        right.append(font(f"@{one.device}", bold=True, size=SMALL, colour=badge))
    if training:
        right.append(font("training", size=SMALL, colour=theme.quiet))
    cells = cell(text, f' BGCOLOR="{fill}" ALIGN="LEFT" BALIGN="LEFT" CELLPADDING="3"')
    if any(right):
        cells += cell(" ".join(filter(None, right)), f' BGCOLOR="{fill}" ALIGN="RIGHT" CELLPADDING="3"')
    return table([cells])


def _follower(row: Row, theme: Theme, training: bool) -> str:
    fill = theme.follower if training else theme.roles[row.role].fill
    text = "<BR/>".join(safe.html(line) for line in wrapped(f"{row.keyword} {row.arguments}".rstrip()))
    text = f'<FONT POINT-SIZE="{SMALL}">{text}</FONT>'
    name = font(row.name, size=SMALL, colour=theme.quiet)
    return cell(text + (f" {name}" if name else ""), f' BGCOLOR="{fill}" CELLPADDING="1"')


def _packed(rows: list[Row]) -> list[list[Row]]:
    """What follows a layer, side by side as far as it fits."""
    packed: list[list[Row]] = []
    room = 0
    for row in rows:
        needs = len(f"{row.keyword} {row.arguments} {row.name}") + 3
        if needs > room or not packed:
            packed.append([])
            room = WIDEST
        packed[-1].append(row)
        room -= needs
    return packed


def size(one: Box) -> tuple[float, float]:
    """About the width and height of a box, in points."""
    main, *followers = one.rows
    written = lines(main)
    said = max([len(main.keyword) + len(written[0]), *map(len, written[1:])]) + len(main.name) + 8
    packed = _packed(followers)
    widest = max([said, *(sum(len(f"{row.keyword} {row.arguments}") + 2 for row in some) for some in packed)])
    return 5.2 * widest, 6 + 12 * len(written) + 12 * len(packed) + (12 if one.note else 0)


def terminal(one: Box, theme: Theme) -> str:
    """The label of an INPUT or an output."""
    (row, *_) = one.rows
    parts = [font(row.keyword, bold=True), safe.html(row.arguments), font(row.name, colour=theme.quiet)]
    if one.training:
        parts.append(font("training", size=SMALL, colour=theme.quiet))
    return " ".join(filter(None, parts))


def block(one: Box, theme: Theme, *, badge: bool, told: bool = False) -> str:
    """The label of a folded block: label and call, below them what is in it."""
    title, *facts = one.rows
    first = [font(_shortened(title.keyword, WIDE), bold=True)]
    first.append(font(_shortened(title.arguments, WIDE), size=SMALL, colour=theme.quiet))
    if one.copies > 1:
        first.append(font(f"×{one.copies}", size=NORMAL + 2, bold=True))
    first.append(font(title.name, size=SMALL, colour=theme.quiet))
    if badge:
        first.append(font(f"@{one.device}", bold=True, size=SMALL, colour=theme.device(one.device).accent))
    rest = [*(fact.arguments for fact in facts), *filter(None, [one.note, "training" * (one.training and not told)])]
    lines = [" ".join(filter(None, first)), *(font(line, size=SMALL, colour=theme.quiet) for line in rest)]
    return "<BR/>".join(lines)


def cluster(one: Cluster, theme: Theme, *, device: bool, narrow: bool) -> str:
    """The title of a cluster: label, call, copies, and what else there is to say."""
    lines: list[str] = []
    for line in _title(one, theme, device, narrow):
        lines.append("  ".join(font(text, size=size, colour=colour, bold=bold) for text, size, colour, bold in line))
    broken = '<BR ALIGN="LEFT"/>'
    return lines[0] if len(lines) == 1 else "".join(line + broken for line in lines)


def across(one: Cluster, theme: Theme, *, device: bool, narrow: bool) -> float:
    """The width of a title in points."""
    return max(
        sum(metrics.width(text, size, bold=bold) for text, size, _, bold in line) + 4.5 * (len(line) - 1)
        for line in _title(one, theme, device, narrow)
    )


_Piece: TypeAlias = tuple[str, float, str, bool]
"""A piece of text, with its size, its colour, and whether it is bold."""


def _title(one: Cluster, theme: Theme, device: bool, narrow: bool) -> list[list[_Piece]]:
    """What a cluster's title says, in one line or two, that it keeps out of the way of what flows in."""
    most = NARROW if narrow else WIDE
    call: _Piece = (_shortened(one.call, most), SMALL, theme.quiet, False)
    below = bool(one.name) and len(one.name) + len(call[0]) > most
    first: list[_Piece] = [(one.name, SMALL, theme.text, True)]
    if not below:
        first.append(call)
    if one.copies > 1:
        first.append((f"×{one.copies}", NORMAL + 2, theme.text, True))
    if one.copy and one.copy[1] > 1:
        first.append((f"{one.copy[0]} of {one.copy[1]}", SMALL, theme.quiet, False))
    if device and one.device is not None:
        first.append((f"@{one.device}", SMALL, theme.device(one.device).accent, True))
    notes = [one.note] * bool(one.note) + ["training"] * one.training
    further: list[_Piece] = [(note, SMALL, theme.quiet, False) for note in notes]
    second: list[_Piece] = [call] if below else []
    (second if second or narrow else first).extend(further)
    return [[piece for piece in line if piece[0]] for line in (first, second) if line]


def _shortened(call: str, most: int) -> str:
    """A call that leaves out arguments at its end until it fits."""
    kept = call.removesuffix(")").split(",")
    short = call
    while len(short) > most and len(kept) > 1:
        kept.pop()
        short = f"{','.join(kept)}, …)"
    return short if len(short) <= most else f"{call.partition('(')[0]}(…)"


def caption(drawing: Drawing, theme: Theme) -> str:
    """The title, what the network costs, where it comes from, and what the colours mean."""
    left = ' ALIGN="LEFT" BALIGN="LEFT"'
    lines = wrapped(drawing.title, 48)
    lines = lines if len(lines) <= 3 else [*lines[:2], f"{lines[2]} …"]
    title = "<BR/>".join(font(line, size=20, bold=True) for line in lines)
    rows = [cell(title, f'{left} CELLPADDING="2"')] if drawing.title.strip() else []
    rows.append(cell(font("   ·   ".join(drawing.facts), size=NORMAL + 1), f'{left} CELLPADDING="2"'))
    if drawing.paper.strip():
        paper = "<BR/>".join(font(line, size=SMALL + 1, colour=theme.quiet) for line in wrapped(drawing.paper, 76))
        rows.append(cell(paper, f'{left} CELLPADDING="2"'))
    legend = [*_roles(drawing, theme), *_devices(drawing, theme)]
    if legend:
        for start in range(0, len(legend), CHIPS):
            rows.append(cell(_chips(legend[start : start + CHIPS]), ' ALIGN="LEFT"'))
    return table(rows)


@dataclass(frozen=True, slots=True)
class _Chip:
    """An entry of the legend."""

    text: str
    tone: Tone
    colour: str


def _chips(chips: Sequence[_Chip]) -> str:
    """A line of the legend. Its size is fixed, since Graphviz stretches a table to the width of what is around it."""
    cells: list[str] = []
    wide = GAP
    for chip in chips:
        width = ceil(metrics.width(chip.text, SMALL)) + 8
        look = f' BORDER="1" COLOR="{chip.tone.accent}" BGCOLOR="{chip.tone.fill}"'
        size = f' FIXEDSIZE="TRUE" WIDTH="{width}" HEIGHT="{CHIP}"'
        cells.append(cell(font(chip.text, size=SMALL, colour=chip.colour), look + size))
        wide += width + GAP
    fixed = f' ALIGN="LEFT" FIXEDSIZE="TRUE" WIDTH="{wide}" HEIGHT="{CHIP + 2 * GAP}"'
    return table(["".join(cells)], fixed).replace(' CELLSPACING="0"', f' CELLSPACING="{GAP}"', 1)


def _roles(drawing: Drawing, theme: Theme) -> Iterable[_Chip]:
    used: set[Tint] = {row.role for one in drawing.boxes if one.kind == "layer" for row in one.rows}
    for role, tone in theme.roles.items():
        if role in used:
            yield _Chip(role, tone, theme.text)
    if any(one.training for one in drawing.boxes):
        yield _Chip("training alone", theme.training, theme.text)


def _devices(drawing: Drawing, theme: Theme) -> Iterable[_Chip]:
    if len(drawing.devices) > 1:
        for device in drawing.devices:
            tone = theme.device(device)
            yield _Chip(f"device {device}", tone, tone.accent)
