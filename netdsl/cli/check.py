"""`netdsl check`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace

import click

from netdsl.cli import common, fixing, stream
from netdsl.graph.build import OverrideError
from netdsl.measure import expect
from netdsl.text import render
from netdsl.text.codes import CODES, severity_of
from netdsl.text.diagnostic import Diagnostic
from netdsl.text.suggest import did_you_mean

_ALL = "warnings"


@click.command("check")
@click.argument("files", nargs=-1, required=True, metavar="FILE…")
@common.formats("text", "json")
@click.option("--fix", is_flag=True, help="Apply the fixes that are certain to the file itself; say what is left.")
@click.option("--allow", metavar="CODE", multiple=True, help="Say nothing of a warning, or of all `warnings`.")
@click.option("--deny", metavar="CODE", multiple=True, help="Take a warning, or all `warnings`, for errors.")
@common.overriding
def command(
    files: tuple[str, ...],
    form: str,
    fix: bool,
    allow: tuple[str, ...],
    deny: tuple[str, ...],
    asked: common.Options,
) -> None:
    """Prove networks: syntax, names, shapes and expectations; `-` reads one from stdin.

    Diagnostics go to stderr, or with --format json to stdout as a list. Exit status 1 where there is an error. A code
    that --allow or --deny names comes before `warnings`.
    """
    changes = asked.overrides
    lint = _lint(allow, deny)
    found: list[Diagnostic] = []
    failed = False
    for name in files:
        if fix:
            with suppress(OverrideError):  # it is told when the file is checked
                fixing.apply(name, changes, lambda found: _judged(found, lint))
        loaded = common.load(name, changes)
        skipped = 0
        if loaded.shaped is not None:
            skipped = expect.prove(loaded.shaped, loaded.report)
        diagnostics: Sequence[Diagnostic] = loaded.report.diagnostics()
        if form == "json":
            diagnostics = fixing.proven(diagnostics, loaded.name, common.locate(name), changes)
        diagnostics = _judged(diagnostics, lint)
        failed |= any(one.severity == "error" for one in diagnostics)
        found += diagnostics
        if form == "text":
            common.say(diagnostics)
            stream.line(f"{loaded.name}: {_verdict(loaded, diagnostics, skipped)}")
    if form == "json":
        stream.data(render.as_json(found))
    raise SystemExit(1 if failed else 0)


def _lint(allow: Sequence[str], deny: Sequence[str]) -> Mapping[str, bool]:
    """By code, or by `warnings`, whether a warning is denied, or else allowed. Raises UsageError."""
    lint: dict[str, bool] = {}
    for option, codes in (("--allow", allow), ("--deny", deny)):
        for code in codes:
            if code != _ALL and code not in CODES:
                help = did_you_mean(code, [_ALL, *CODES]) or "`netdsl explain CODE` explains a code"
                raise common.UsageError(f"{option} {code}: there is no such code", help)
            if option == "--allow" and code != _ALL and severity_of(code) == "error":
                raise common.UsageError(f"--allow {code}: an error cannot be allowed, only a warning")
            if lint.setdefault(code, option == "--deny") != (option == "--deny"):
                raise common.UsageError(f"--deny {code}: it is allowed too", "keep one of them")
    return lint


def _judged(diagnostics: Sequence[Diagnostic], lint: Mapping[str, bool]) -> Sequence[Diagnostic]:
    """The diagnostics without warnings that are allowed; those that are denied are errors."""
    found: list[Diagnostic] = []
    for one in diagnostics:
        denied = lint.get(one.code, lint.get(_ALL)) if one.severity == "warning" else None
        if denied is not False:
            found.append(replace(one, denied=True) if denied else one)
    return found


def _verdict(loaded: common.Loaded, diagnostics: Sequence[Diagnostic], skipped: int) -> str:
    """One line on a file: how many mistakes, or that all is well."""
    errors = sum(one.severity == "error" for one in diagnostics)
    warnings = len(diagnostics) - errors
    parts: list[str] = []
    if errors or warnings:
        parts += [
            f"{count} {noun}{'s' * (count > 1)}" for count, noun in ((errors, "error"), (warnings, "warning")) if count
        ]
    if not errors:
        claims = len(loaded.shaped.graph.expectations) if loaded.shaped else 0
        if skipped:
            parts.append(f"{skipped} expectation{'s' * (skipped > 1)} skipped under an override")
        elif claims:
            parts.append(f"{claims} expectation{'s hold' if claims > 1 else ' holds'}")
        if loaded.shaped is None:
            parts.append("a library of blocks")
    return ", ".join((*([] if errors else ["ok"]), *parts))
