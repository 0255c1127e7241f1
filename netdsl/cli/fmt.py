"""`netdsl fmt`."""

from __future__ import annotations

from pathlib import Path

import click

from netdsl.cli import common, stream
from netdsl.text import format, safe
from netdsl.text.diagnostic import NetError, Report
from netdsl.text.source import Source


@click.command("fmt")
@click.argument("paths", nargs=-1, required=True, metavar="FILE…")
@click.option("--check", is_flag=True, help="Change nothing; exit with 1 where a file would change.")
@click.option("--diff", is_flag=True, help="Change nothing; print what would change.")
def command(paths: tuple[str, ...], check: bool, diff: bool) -> None:
    """Format .net files in place; what `-` reads from stdin, or comes through a pipe, goes to stdout.

    Comments stay, and the meaning never changes. A file with syntax errors is left as it is.
    """
    status = 0
    for name in paths:
        source = _source(name)
        try:
            if source is None:
                raise NetError([])
            formatted = format.format(source)
        except NetError as error:
            common.say(error.diagnostics)
            status = 1
            continue
        same = formatted == source.text
        if diff:
            stream.program(format.diff(source))
        if check or diff:
            if not same:
                stream.note(safe.line(f"{source.name}: would be formatted"))
                status = max(status, int(check))
        elif name == "-" or Path(name).is_fifo():
            stream.program(formatted)
        elif not same:
            if (now := _source(name)) is None or now.text != source.text:
                raise common.UsageError(f"{name} has changed meanwhile", "format it again")
            common.write(Path(name), formatted.encode())
            stream.line(f"{name}: formatted")
    raise SystemExit(status)


def _source(name: str) -> Source | None:
    report = Report()
    source = common.source_of(*((None, common.STDIN) if name == "-" else (Path(name), name)), report)
    common.say(report.diagnostics())
    return source
