"""Holds fixes against what they make of a file, and applies to it those that are certain."""

from __future__ import annotations

from codecs import BOM_UTF8
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from netdsl import resources
from netdsl.cli import common, stream
from netdsl.graph.build import OverrideError, Overrides
from netdsl.measure import expect
from netdsl.text import safe
from netdsl.text.advice import Edit, Fix, edited
from netdsl.text.codes import severity_of
from netdsl.text.diagnostic import Diagnostic, Report
from netdsl.text.source import Source

_MOST_ROUNDS = 100
_MOST_READ = 60_000
"""How many characters are read to try the fixes of a file; further ones are told as they are."""
_MOST_TRIED = 40
_MOST_NODES = 2_000
"""How many nodes a network may have in which a fix is tried."""

_HIDDEN = {"unknown-layer", "unknown-block", "unknown-name", "missing-file", "shape-mismatch"}
"""Mistakes in a word that stood in a broken statement before."""


def proven(found: Sequence[Diagnostic], name: str, path: Path | None, changes: Overrides) -> list[Diagnostic]:
    """The diagnostics of a file, without fixes of it with which a mistake stays, or another comes."""
    quick = replace(changes, limit=min(changes.limit, _MOST_NODES))
    kept, tried, left = list[Diagnostic](), 0, _MOST_READ
    for one in found:
        for fix in one.fixes if one.span.source.name == name else ():
            tried, left = tried + 1, left - len(one.span.source.text)
            if left >= 0 and tried <= _MOST_TRIED and not _holds(fix, one, found, path, quick):
                one = one.unfixed()
        kept.append(one)
    return kept


def _holds(fix: Fix, one: Diagnostic, found: Sequence[Diagnostic], path: Path | None, changes: Overrides) -> bool:
    """Whether a mistake is gone with its fix, and no other has come but for what it hid."""
    (edit,) = fix.edits
    try:
        after = _found(Source(edit.applied, one.span.source.name), path, changes)
    except OverrideError:
        return False
    if any(other.code == "limit-exceeded" for other in after):
        return True  # it is not tried
    before = {(other.code, other.message, _moved(other, edit)) for other in found if other is not one}
    fresh = [other for other in after if (other.code, other.message, other.span.start) not in before]
    own = one.code, _moved(one, edit)
    return not any(
        ((other.code, other.span.start) == own and (other.message == one.message or one.code != "syntax-error"))
        or severity_of(one.code) == "warning"
        or (severity_of(other.code) == "error" and _is_made(other, edit, one.code == "syntax-error"))
        for other in fresh
    )


def _moved(one: Diagnostic, edit: Edit) -> int:
    """Where a diagnostic begins once an edit is made."""
    span = one.span
    return span.start + (len(edit.text) - len(edit.span.text)) * (span.start >= edit.span.end)


def _is_made(fresh: Diagnostic, edit: Edit, broken: bool) -> bool:
    """Whether an edit makes a new mistake: in what it wrote, unless a broken statement hid it, or of syntax."""
    start, end, span = edit.span.start, edit.span.start + len(edit.text), fresh.span
    if fresh.code == "syntax-error":
        behind = edit.span.source.text[edit.span.end :]
        return not broken or (span.start <= end + len(behind) - len(behind.lstrip()) and start <= span.end)
    hidden = broken and fresh.code in _HIDDEN and span.text.strip('"') in edit.span.text
    return start <= span.start and span.end <= end and not hidden


def _found(source: Source, path: Path | None, changes: Overrides) -> list[Diagnostic]:
    """All that is wrong with a text in place of a file's. Raises OverrideError."""
    report = Report()
    expect.check(source, path, report, changes)
    return report.diagnostics()


def apply(name: str, changes: Overrides, judged: Callable[[Sequence[Diagnostic]], Sequence[Diagnostic]]) -> None:
    """Fix a file until none of its mistakes has a fix that is certain, and say so on stderr.

    Mistakes of different lines are fixed together, so that a file is checked as often as a line has mistakes. Raises
    UsageError for stdin, for a bundled network, and for a file that cannot be read; OverrideError as `build` does.
    """
    path = common.locate(name)
    if path is None or path.is_fifo():
        what = "stdin" if path is None else "what comes through a pipe"
        raise common.UsageError(f"--fix changes files, and not {what}", "write it to a file")
    if path.resolve().is_relative_to(resources.networks().resolve()):
        message = f"{name} is a bundled network, which --fix does not change"
        raise common.UsageError(message, "copy it, and fix the copy")
    source = common.source_of(path, common.shown(path), Report())
    if source is None:
        return
    text, done, seen = source.text, list[Diagnostic](), set[str]()
    while text not in seen and len(seen) < _MOST_ROUNDS:
        seen.add(text)
        found = proven(_found(Source(text, source.name), path, changes), source.name, path, changes)
        text, fixed = _fixed(text, [one for one in judged(found) if one.span.source.name == source.name])
        done += fixed
    if text != source.text:
        mark = BOM_UTF8 if path.read_bytes().startswith(BOM_UTF8) else b""
        common.write(path, mark + text.encode())
    for one in sorted(done, key=lambda one: one.span.line):
        stream.note(safe.line(f"{source.name}:{one.span.line}: fixed {one.code}: {one.message}: {one.help}"))


def _fixed(text: str, found: Sequence[Diagnostic]) -> tuple[str, list[Diagnostic]]:
    """A text with one certain fix a line, and what they mend."""
    certain = [(fix.edits[0], one) for one in found for fix in one.fixes if fix.certain]
    edits: list[Edit] = []
    done: list[Diagnostic] = []
    free = len(text)
    for edit, one in sorted(certain, key=lambda pair: (pair[0].span.start, pair[0].span.end), reverse=True):
        if edit.span.end <= free:
            edits.append(edit)
            free = text.rfind("\n", 0, edit.span.start) + 1
            done.insert(0, one)
    return edited(text, edits), done
