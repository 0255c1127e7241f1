"""`netdsl compare`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from netdsl import resources
from netdsl.cli import common, stream
from netdsl.compare import chart
from netdsl.compare.comparison import Comparison
from netdsl.compare.entry import Entry, classifies
from netdsl.draw.palette import THEMES
from netdsl.graph.build import Overrides
from netdsl.graph.node import ShapedGraph
from netdsl.text import safe

_SORTS = {
    "name": "name",
    "year": "year",
    "error": "top5_error",
    "depth": "depth",
    "params": "params",
    "macs": "macs",
    "flops": "flops",
    "activations": "activation_bytes",
    "weights": "weight_bytes",
}
_MOST_NAMES = 4


@click.command("compare")
@click.argument("names", nargs=-1, metavar="[FILE]…")
@common.formats("table", "json", "csv", "markdown")
@click.option("--sort", type=click.Choice([*_SORTS]), help="Sort the rows, the least first.")
@click.option("--reverse", is_flag=True, help="Sort the other way.")
@click.option("--exact", is_flag=True, help="Exact numbers in place of short ones.")
@click.option("--relative", is_flag=True, help="Ratios to the first FILE.")
@click.option("-o", "--output", metavar="OUT", help="Draw a chart: .svg, .png or .pdf. [default: CHART.svg]")
@click.option(
    "--chart",
    "kind",
    type=click.Choice(chart.KINDS),
    help="cost: error against MACs; size: parameters against MACs; winners: the ImageNet challenge by year.",
)
@click.option("--theme", type=click.Choice([*THEMES]), help="The chart's colours.  [default: light]")
@common.overriding
def command(
    names: tuple[str, ...],
    form: str,
    sort: str | None,
    reverse: bool,
    exact: bool,
    relative: bool,
    output: str | None,
    kind: chart.ChartKind | None,
    theme: str | None,
    asked: common.Options,
) -> None:
    """Set networks side by side: a table, or with -o or --chart a chart.

    Without FILE it compares the bundled classifiers of images; the chart of winners shows the challenge's own, and
    each FILE beside them. --set and --input change every network, and must fit each.
    """
    drawing = output is not None or kind is not None
    context = click.get_current_context()
    for_other = ("form", "sort", "reverse", "exact", "relative") if drawing else ("theme",)
    for name in for_other:
        if context.get_parameter_source(name) == click.core.ParameterSource.COMMANDLINE:
            option = "--format" if name == "form" else f"--{name}"
            raise common.UsageError(f"{option} goes with {'a table, not with a chart' if drawing else 'a chart alone'}")
    if reverse and sort is None:
        raise common.UsageError("--reverse goes with --sort")
    if kind == "winners" and not names and (asked.sets or asked.inputs):
        raise common.UsageError("--set and --input change no winner, but each FILE beside them", "name a FILE")
    target = _target(output, kind) if drawing else None
    every = [] if kind == "winners" else [str(path) for path in resources.bundled()]
    networks = _networks(names or every, asked.overrides, warn=bool(names))
    if not names:
        networks = [one for one in networks if classifies(one)]
    if target is not None:
        _draw(Comparison.of(networks).entries if networks else (), target, kind, theme or "light")
        return
    comparison = Comparison.of(networks)
    if sort is not None:
        comparison = comparison.sorted(_SORTS[sort], descending=reverse)
    match form:
        case "json":
            stream.data(comparison.json(relative=relative))
        case "csv":
            stream.out(comparison.csv(relative=relative), nl=False)
        case "markdown":
            stream.out(comparison.markdown(exact=exact, relative=relative))
        case _:
            stream.page(lambda look: comparison.text(exact=exact, relative=relative, look=look))


def _networks(names: Sequence[str], changes: Overrides, *, warn: bool) -> list[ShapedGraph]:
    """The networks; the errors of all of them are said, and end the command with 1."""
    loaded = [common.load(name, changes) for name in names]
    failed = any(one.report.failed for one in loaded)
    if warn or failed:
        common.say(found for one in loaded for found in one.report.diagnostics())
    if failed:
        raise SystemExit(1)
    return [one.network for one in loaded]


def _target(output: str | None, kind: chart.ChartKind | None) -> Path:
    """The file of a chart. Raises UsageError where its suffix is no format."""
    target = Path(output if output is not None else f"{kind}.svg")
    common.format_of(target, chart.FORMATS, "a chart")
    return target


def _draw(entries: Sequence[Entry], target: Path, kind: chart.ChartKind | None, theme: str) -> None:
    """Write a chart, and say what has no place in it."""
    if kind is None:
        kind = "cost"
        if not chart.suits(kind, entries) and chart.suits("size", entries):
            kind = "size"
            _note("no network has a `meta top5_error`: this chart sets parameters against MACs")
    try:
        with common.telling():
            drawn = chart.draw(entries, kind, target.suffix[1:].lower(), theme)
    except chart.ChartError as error:
        raise common.UsageError(str(error)) from None
    common.write(target, drawn.data)
    if drawn.left_out:
        _note(f"without {_listed(drawn.left_out)}: this chart needs {drawn.needs}")
    if drawn.unnamed:
        _note(f"without the names of {_listed(drawn.unnamed)}, for which there is no room")
    count = len(drawn.shown)
    stream.line(f"{target}: chart {kind}" + f", {count} network{'s' * (count > 1)}" * bool(count))


def _note(text: str) -> None:
    stream.note(safe.line(f"note: {text}"))


def _listed(entries: Sequence[Entry]) -> str:
    names = [one.name for one in entries[:_MOST_NAMES]]
    more = len(entries) - len(names)
    return ", ".join(names) + (f" and {more} more" if more else "")
