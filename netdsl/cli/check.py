"""`netdsl check`."""

from __future__ import annotations

import click

from netdsl.cli import common, stream
from netdsl.measure import expect
from netdsl.text import render
from netdsl.text.diagnostic import Diagnostic


@click.command("check")
@click.argument("files", nargs=-1, required=True, metavar="FILE…")
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)
@common.overriding
def command(
    files: tuple[str, ...], form: str, sets: tuple[str, ...], inputs: tuple[str, ...], include: tuple[str, ...]
) -> None:
    """Prove networks: syntax, names, shapes and expectations.

    Diagnostics go to stderr, or with --format json to stdout as a list. Exit status 1 where there is an error.
    """
    changes = common.overrides(sets, inputs, include)
    found: list[Diagnostic] = []
    failed = False
    for name in files:
        loaded = common.load(name, changes)
        skipped = 0
        if loaded.shaped is not None:
            skipped = expect.prove(loaded.shaped, loaded.report)
        failed |= loaded.report.failed
        diagnostics = loaded.report.diagnostics()
        found += diagnostics
        if form == "text":
            common.say(diagnostics)
            stream.line(f"{loaded.name}: {_verdict(loaded, skipped)}")
    if form == "json":
        stream.out(render.as_json(found))
    raise SystemExit(1 if failed else 0)


def _verdict(loaded: common.Loaded, skipped: int) -> str:
    """One line on a file: how many mistakes, or that all is well."""
    diagnostics = loaded.report.diagnostics()
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
