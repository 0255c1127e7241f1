"""Results as tables: for the terminal, 80 columns wide, and for Markdown."""

from __future__ import annotations

from collections.abc import Sequence
from textwrap import wrap

from netdsl.bench.results import Results, Score
from netdsl.text import safe

HEADINGS = ("", "median ms", "ratio", "spread", "error", "mean error", "top-1", "share")
_WIDTHS = (13, 11, 8, 9, 10, 12, 9, 8)
_WIDTH = sum(_WIDTHS)
_QUIET = 0.2
"""The spread that a machine with nothing else to do stays below."""


def text(results: Results) -> str:
    """The table with what its columns mean, who was left out and why."""
    setting, machine = results.setting, results.machine
    threads = f", {machine.threads} thread{'s' * (machine.threads != 1)}" if setting.device == "cpu" else ""
    lines = [
        *wrap(f"{results.title}: batch {setting.batch:,}, {setting.precision}, {machine.name}{threads}", _WIDTH),
        "",
        _row(HEADINGS),
        "─" * _WIDTH,
        *(_row(cells(results, score)) for score in results.scores),
        "",
        f"ratio: to netdsl's time, above 1 netdsl is faster; medians of {setting.runs} alternating runs",
        "spread: between the quartiles; error: against float64, largest and mean",
    ]
    rates = f"{2e-9 * machine.macs:,.0f} GFLOP/s and {1e-9 * machine.bytes:,.0f} GB/s, measured"
    if results.limit:
        lines.append(f"share: of the machine's limit, {milliseconds(results.limit)} ms at {rates}")
    return "\n".join([*lines, *(line for note in notes(results) for line in wrap(note, _WIDTH))])


def markdown(results: Results) -> str:
    """The same as a table of Markdown."""
    head = f"{results.title}, batch {results.setting.batch}, {results.setting.precision}, {results.machine.name}"
    lines = [
        f"**{safe.markdown(head)}**",
        "",
        f"| {' | '.join(HEADINGS)} |",
        "|---" + "|--:" * (len(HEADINGS) - 1) + "|",
        *(f"| {' | '.join(cells(results, score))} |" for score in results.scores),
    ]
    return "\n".join([*lines, "", *(f"- {safe.markdown(note)}" for note in notes(results))]).rstrip()


def notes(results: Results) -> list[str]:
    """A sentence for each contestant that was left out, for layers that stay in float32, wrong answers and noise."""
    found = [f"{name}: {reason}" for name, reason in results.left_out.items()]
    if results.float32:
        paths = ", ".join(results.float32)
        found.append(f"in float32, since PyTorch has no {results.setting.precision} for it: {paths}")
    for score in results.scores:
        if wrong := score.errors.decided - score.errors.decided_agree:
            found.append(f"{score.name}: another top-1 in {wrong:,} cases where float64's margin exceeds its errors")
    if max(score.spread for score in results.scores) > _QUIET:
        found.append(f"spreads above {_QUIET:.0%} say that something else ran here; time again when it is quiet")
    return found


def cells(results: Results, score: Score) -> list[str]:
    """What a row of the table says."""
    errors, share = score.errors, results.share(score)
    return [
        score.name,
        milliseconds(score.median),
        f"{results.ratio(score):.2f}",
        f"{score.spread:.0%}",
        f"{errors.maximum:.1e}",
        f"{errors.mean:.1e}",
        f"{errors.agree}/{errors.count}" if errors.count else "–",
        "–" if share is None else f"{share:.0%}",
    ]


def milliseconds(seconds: float) -> str:
    """A time in milliseconds, to three digits or more."""
    value = 1e3 * seconds
    return f"{value:,.0f}" if value >= 1000 else f"{value:.1f}" if value >= 100 else f"{value:#.3g}"


def _row(row: Sequence[str]) -> str:
    first, *rest = zip(row, _WIDTHS, strict=True)
    return (first[0].ljust(first[1]) + "".join(cell.rjust(width) for cell, width in rest)).rstrip()
