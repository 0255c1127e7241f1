"""`netdsl diff`."""

from __future__ import annotations

import difflib
import os
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from netdsl.cli import common, stream
from netdsl.cli.revision import NotInRevisionError, RevisionError, checkout
from netdsl.graph.build import Overrides
from netdsl.graph.program import MAX_BYTES
from netdsl.text import safe
from netdsl.text.diagnostic import Report
from netdsl.text.source import Source

if TYPE_CHECKING:
    from netdsl.diff import Difference


@click.command("diff")
@click.argument("networks", nargs=-1, metavar="A B")
@common.formats("text", "json", "markdown")
@click.option("-o", "--output", metavar="OUT", help="A picture instead: .svg, .png, .pdf, .dot or .html.")
@click.option("--all", "all", is_flag=True, help="Tell each layer that only follows, and each rename.")
@click.option("--exit-code", is_flag=True, help="End with 1 where the networks differ.")
@common.overriding
def command(
    networks: tuple[str, ...],
    form: str,
    output: str | None,
    all: bool,
    exit_code: bool,
    asked: common.Options,
) -> None:
    """Tell what changed between two networks: layers added, removed and changed, matched by structure and not by line.

    A and B may be files of a git revision, HEAD~1:nets/a.net, and /dev/null stands for none. Overrides go for both. As
    git's own driver it takes git's seven arguments: git config diff.netdsl.command "netdsl diff".
    """
    changes = asked.overrides
    if len(networks) in (7, 9):
        _drive(networks, changes, form, all)
        return
    if len(networks) == 1 and "GIT_DIFF_PATH_COUNTER" in os.environ:
        stream.line(f"{networks[0]}: unmerged")
        return
    if len(networks) != 2:
        raise common.UsageError(f"two networks are compared, not {len(networks)}", "netdsl diff A B")
    format = _format(output)
    tool = os.environ.get("BASE", "") if "GIT_DIFF_PATH_TOTAL" in os.environ else ""  # git difftool's word for the path
    if tool:
        changes = _beside(tool, changes)
    sides = [_load(name, changes, tool) for name in networks]
    for side in sides:
        common.say(found for found in side.report.diagnostics() if found.severity == "error")
    if any(side.report.failed for side in sides):
        raise SystemExit(1)
    first, second = (side.network for side in sides)
    from netdsl.diff import diff

    difference = diff(first, second)
    if output is None:
        _print(difference, form, all)
    else:
        _draw(difference, Path(output), format)
    if exit_code and difference:
        raise SystemExit(1)


def _drive(arguments: tuple[str, ...], changes: Overrides, form: str, all: bool) -> None:
    """Compare what git hands to a driver: path old-file old-hex old-mode new-file new-hex new-mode.

    A file that is renamed has its new path behind these. Git ends where a driver fails, so that what has no network on
    both sides is compared by lines.
    """
    path, old, _, _, new, _, _, *renamed = arguments
    changes = _beside(path, changes)
    sides = [_load(old, changes, path), _load(new, changes, renamed[0] if renamed else path)]
    first, second = (side.shaped for side in sides)
    if first is not None and second is not None:
        from netdsl.diff import diff

        _print(diff(first, second), form, all)
        return
    for side in sides:
        common.say(found for found in side.report.diagnostics() if found.severity == "error")
    before, after = map(_lines, (old, new))
    for line in difflib.unified_diff(before, after, sides[0].name, sides[1].name, lineterm=""):
        stream.line(line)


def _lines(file: str) -> list[str]:
    """The lines of any file, as far as a program may be long."""
    with Path(file).open("rb") as opened:
        return opened.read(MAX_BYTES).decode("utf-8", "replace").splitlines()


def _beside(path: str, changes: Overrides) -> Overrides:
    """What is asked, and that used files are sought beside a path too, since a temporary file has none beside it."""
    return replace(changes, include=[*changes.include, Path(path).parent])


def _load(name: str, changes: Overrides, shown: str = "") -> common.Loaded:
    """A network by path, by bundled name, or of a revision; one without layers where there is no file, or an empty one.

    Raises UsageError for what cannot be read.
    """
    from netdsl.diff import NOTHING

    revision, _, path = name.partition(":")
    try:
        if revision and path and not Path(name).exists():
            with checkout(revision, path) as file:
                return common.built(file, name, changes)
        file = common.locate(name)
        if file is None:
            return common.load(name, changes)
        if name == os.devnull or (file.is_file() and not file.stat().st_size):
            graph = replace(NOTHING.graph, source=Source("", shown or common.shown(file)))
            return common.Loaded(name, replace(NOTHING, graph=graph), Report())
        bundled = not Path(name).exists()
        return common.built(file, shown or (file.stem if bundled else common.shown(file)), changes)
    except NotInRevisionError as error:
        raise common.UsageError(f"{name}: {error}", f"write {os.devnull} for a network that is new or gone") from None
    except (RevisionError, OSError) as error:
        raise common.UsageError(f"{name}: {error}") from None


def _print(difference: Difference, form: str, all: bool) -> None:
    match form:
        case "json":
            stream.data(safe.json_text(difference.data))
        case "markdown":
            from netdsl.diff.markdown import markdown

            stream.out(markdown(difference, all=all))
        case _:
            from netdsl.diff.report import text

            colour = stream.colours(sys.stdout)
            stream.out(text(difference, all=all, colour=colour), styled=colour)


def _format(output: str | None) -> str:
    """The format that the suffix of a picture's name asks for. Raises UsageError."""
    if output is None:
        return ""
    from netdsl.draw import FORMATS

    return common.format_of(Path(output), FORMATS, "a picture")


def _draw(difference: Difference, target: Path, format: str) -> None:
    from netdsl.diff.picture import draw
    from netdsl.diff.rows import heading
    from netdsl.draw import RenderError

    try:
        with common.telling():
            picture = draw(difference, format)
    except RenderError as error:
        raise common.UsageError(str(error)) from None
    common.write(target, picture)
    stream.line(f"{target}: {heading(difference)}")
