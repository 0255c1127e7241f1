"""Applies to a file the fixes that are certain."""

from __future__ import annotations

from codecs import BOM_UTF8
from collections.abc import Callable, Sequence

from netdsl import resources
from netdsl.cli import common, stream
from netdsl.graph.build import Overrides, build
from netdsl.measure import expect
from netdsl.text import safe
from netdsl.text.diagnostic import Diagnostic, Report
from netdsl.text.source import Source

_MOST_ROUNDS = 100


def apply(name: str, changes: Overrides, judged: Callable[[Sequence[Diagnostic]], Sequence[Diagnostic]]) -> None:
    """Fix a file until none of its mistakes has a fix that is certain, and say so on stderr.

    Mistakes of different lines are fixed together, so that a file is checked as often as a line has mistakes. Raises
    UsageError for stdin, for a bundled network, and for a file that cannot be read; OverrideError as `build` does.
    """
    path = common.locate(name)
    if path is None:
        raise common.UsageError("--fix changes files, and not stdin", "write it to a file")
    if path.resolve().is_relative_to(resources.networks().resolve()):
        message = f"{name} is a bundled network, which --fix does not change"
        raise common.UsageError(message, "copy it, and fix the copy")
    source = common.source_of(path, common.shown(path), Report())
    if source is None:
        return
    text, done, seen = source.text, list[Diagnostic](), set[str]()
    while text not in seen and len(seen) < _MOST_ROUNDS:
        seen.add(text)
        report = Report()
        shaped = build(Source(text, source.name), path, report, changes)
        if shaped is not None:
            expect.prove(shaped, report)
        own = [one for one in judged(report.diagnostics()) if one.span.source.name == source.name]
        text, fixed = _fixed(text, own)
        done += fixed
    if text != source.text:
        mark = BOM_UTF8 if path.read_bytes().startswith(BOM_UTF8) else b""
        common.write(path, mark + text.encode())
    for one in sorted(done, key=lambda one: one.span.line):
        stream.note(safe.line(f"{source.name}:{one.span.line}: fixed {one.code}: {one.message}: {one.help}"))


def _fixed(text: str, found: Sequence[Diagnostic]) -> tuple[str, list[Diagnostic]]:
    """A text with one certain fix a line, and what they mend."""
    edits = [(fix.edits[0], one) for one in found for fix in one.fixes if fix.certain]
    done: list[Diagnostic] = []
    free = len(text)
    for edit, one in sorted(edits, key=lambda pair: (pair[0].span.start, pair[0].span.end), reverse=True):
        if edit.span.end <= free:
            text = text[: edit.span.start] + edit.text + text[edit.span.end :]
            free = text.rfind("\n", 0, edit.span.start) + 1
            done.insert(0, one)
    return text, done
