"""Values by position that a layer has no place for, or that stand in each other's."""

from __future__ import annotations

import re
from collections.abc import Sequence

from netdsl.graph.argument_mistakes import More, TooMany
from netdsl.graph.fault import Fault
from netdsl.graph.slips import MOST, NOT_SAID, head, is_value, labelled
from netdsl.layers.arguments import Argument, arguments_of
from netdsl.layers.base import Layer
from netdsl.text import elsewhere, tree
from netdsl.text.advice import Advice, write
from netdsl.text.source import Span


def too_many(row: type[Layer], written: tree.Layer, given: tree.Argument) -> Fault:
    """A value more than there are places for; where one fix is for all such values, all of them."""
    slots = [a for a in arguments_of(row) if a.form == "positional"]
    given_values = [argument for argument in written.arguments[:MOST] if is_value(argument)] or [given]
    values = [argument.span.text for argument in given_values]
    last = given_values[-1].span
    whole, span = given_values[0].span.to(last), given.span.to(last)
    told = len(written.arguments) <= MOST and last.end >= given.span.end
    if fix := _for_all(row, slots, values, whole, span) if told else "":
        together = sum(whole.start <= one.span.start < whole.end for one in written.arguments) == len(values)
        more = "more" if span.end > given.span.end else "one argument more"
        return Fault(More(span.text, more, row.keyword, fix if together else str(fix)), span)
    help = f"{row.keyword} takes {', '.join(a.field for a in slots) if slots else 'no argument'} by position"
    if given.span.text.isdigit() and any(a.letter == "s" for a in arguments_of(row)):
        square = f"{values[1]}x{values[2]} or " if len(values) == 3 and values[1] == values[2] else ""
        help += f"; did you mean {square}s{given.span.text}?"
    elif option := next((a for a in arguments_of(row) if given.span.text.strip('"') in a.kind.words), None):
        help = write(f"{option.field}={given.span.text.strip(chr(34))}")
    elif re.fullmatch(r'"[A-Za-z_]\w*"', given.span.text):
        help = labelled(row, written, given.span.text.strip('"'))
    elif row.role == "activation" and not slots and re.search(r"FC [^>|]*->\s*$", head(written.span)):
        help = write("", rule=NOT_SAID)
    elif row.role == "activation" and not slots and values[-1].isdigit():
        help += f"; units stand in a layer before it: FC {values[-1]} -> {row.keyword}"
    return Fault(TooMany(given.span.text, row.keyword, help), given.span)


def _for_all(row: type[Layer], slots: Sequence[Argument], values: Sequence[str], whole: Span, extra: Span) -> str:
    """One fix for all values that are too many, or "", in place of the `whole` or of those behind the last place."""

    def instead(rule: str, text: str) -> Advice:
        return Advice(f"{rule}{row.keyword} {text}", text, whole.start, whole.end)

    fields = [slot.field for slot in slots]
    foreign = elsewhere.find(row.keyword)
    there = foreign.takes.split() if foreign else []
    if left := _with_channels_in(fields, values):
        return instead(f"{row.keyword} is not told what flows in: write ", left)
    if len(slots) == 1 and slots[0].kind.many and row.role in {"input", "reshape"} and all(map(str.isdigit, values)):
        return instead("dims are joined by x: ", "x".join(values))
    if fields == ["kernel"] and row.role == "convolution" and len(values) == 2 and values[1][:1].isdigit():
        return instead(f"{row.keyword} has a filter for each channel: write ", values[1])
    if not slots and there[:1] == ["-"] and len(values) == 1:
        return write("", extra, NOT_SAID)
    options = [a for a in arguments_of(row) if a.form == "option"]
    if not slots and not there and options and len(values) == 1:
        return instead("write ", f"{options[0].field}={values[0]}")
    if not slots and there and len(values) <= len(there) and all(slot.endswith("=") for slot in there):
        return instead("write ", " ".join(slot + value for slot, value in zip(there, values, strict=False)))
    return ""


def _with_channels_in(slots: Sequence[str], values: Sequence[str]) -> str:
    """The arguments that are left where the first says what flows in, as in PyTorch: 64 3 of `3 64 3`; or ""."""
    if slots == ["units"] and len(values) == 2:
        return values[1]
    if slots == ["heads"] and len(values) == 2 and all(map(str.isdigit, values)) and int(values[0]) > int(values[1]):
        return values[1]
    if slots == ["filters", "kernel"] and len(values) == 3 and all(value.isdigit() for value in values):
        _, filters, kernel = values
        return f"{filters} {kernel}" if int(filters) > int(kernel) and int(filters) > 11 else ""
    return ""


def turned(row: type[Layer], argument: Argument, written: tree.Layer) -> str:
    """The fix where two arguments stand in the other's place: `CONV 3x3 64`; or ""."""
    values = [one.span.text for one in written.arguments[:MOST] if is_value(one)]
    slots = [a for a in arguments_of(row) if a.form == "positional"]
    if len(slots) != 2 or argument is not slots[0] or not slots[1].kind.per_axis:
        return ""
    if len(values) != 2 or "x" not in values[0] or not values[1].isdigit():
        return ""
    given = [one.span for one in written.arguments if is_value(one)]
    text, span = f"{values[1]} {values[0]}", given[0].to(given[-1])
    words = f"write {row.keyword} {text}: {slots[0].field} first, then {slots[1].field}"
    return Advice(words, text, span.start, span.end) if written.arguments[1].span == given[1] else words
